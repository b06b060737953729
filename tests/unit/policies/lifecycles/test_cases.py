"""Source: lifecycles, 4, 5 and 6."""

from __future__ import annotations

from typing import Any

import pytest

from policies.acts import Act, ChannelKind
from policies.decisions import Topic
from policies.lifecycles import endorsements_needed
from policies.roles import Role
from tests.unit.policies.bodies import GOOD, HEAD, INCIDENT
from tests.unit.policies.worlds import CERT, GRID, NOW, STRANGER, VENDOR, World, object_of, relay

QUESTION = object_of(CERT, 1)
OTHER = object_of(CERT, 2)
PAST, FUTURE = "2026-11-20T09:59:59.999Z", "2026-11-20T10:00:00.001Z"


def opened(**more: Any) -> World:
    world = World.opened()
    world.must(CERT, Act.CASE_OPENED, incident=INCIDENT, exercise=False, **more)
    return world


@pytest.fixture
def world() -> World:
    return opened()


def decide(world: World, topic: Topic, outcome: str = "yes", **more: Any) -> str:
    """Have the coordinator decide alone."""
    body = {"decision": QUESTION, "topic": topic, "outcome": outcome} | more
    world.must(CERT, Act.DECISION_TAKEN, **{"authority": "coordinator"} | body)
    return str(body["decision"])


def ask(world: World, topic: Topic = Topic.CLOSE, until: str = FUTURE, **more: Any) -> None:
    body = {
        "decision": QUESTION,
        "topic": topic,
        "options": ["yes", "no"],
        "rule": {"by": "majority"},
        "voters": [CERT, GRID, VENDOR],
        "vote_until": until,
        "facts": HEAD,
    }
    world.must(CERT, Act.DECISION_OPENED, **body | more)


def case(world: World) -> str | None:
    return world.states.get(("case", "channel"))


def test_a_case_goes_from_assessment_to_its_end(world: World) -> None:
    assert case(world) == "assessment"
    world.must(CERT, Act.CASE_ACTIVATED, decision=decide(world, Topic.START))
    world.must(CERT, Act.CASE_RECOVERED)
    decision = decide(world, Topic.CLOSE, decision=OTHER)
    world.must(CERT, Act.CASE_CLOSED, decision=decision)
    world.must(CERT, Act.CASE_REOPENED)
    assert case(world) == "response"


def test_coordination_starts_by_a_decision_that_said_yes(world: World) -> None:
    assert "name it" in world.refusal(CERT, Act.CASE_ACTIVATED)
    assert "not been taken" in world.refusal(CERT, Act.CASE_ACTIVATED, decision=OTHER)
    decide(world, Topic.START, "no")
    assert "did not say yes" in world.refusal(CERT, Act.CASE_ACTIVATED, decision=QUESTION)
    decide(world, Topic.DECLINE, decision=OTHER)
    assert "is not on start" in world.refusal(CERT, Act.CASE_ACTIVATED, decision=OTHER)


def test_a_decision_about_something_else_is_none_about_the_case(world: World) -> None:
    decide(world, Topic.START, subject=GRID)
    assert "something else" in world.refusal(CERT, Act.CASE_ACTIVATED, decision=QUESTION)


def test_declining_is_recorded_and_taken_up_again_on_new_facts(world: World) -> None:
    world.must(CERT, Act.CASE_DECLINED, decision=decide(world, Topic.DECLINE))
    assert "declined takes no" in world.refusal(GRID, Act.RESPONSE_REPORTED, state="affected")
    world.must(GRID, Act.NOTE_ADDED)
    world.must(CERT, Act.CASE_REOPENED)
    assert case(world) == "assessment"


def test_who_is_affected_must_recover_or_be_named(world: World) -> None:
    world.must(CERT, Act.CASE_ACTIVATED, decision=decide(world, Topic.START))
    world.must(GRID, Act.RESPONSE_REPORTED, state="contained")
    world.members[VENDOR] = frozenset({Role.AFFECTED})
    reason = world.refusal(CERT, Act.CASE_RECOVERED, **{"except": [GRID]})
    assert VENDOR in reason
    assert GRID not in reason
    world.must(VENDOR, Act.RESPONSE_REPORTED, state="not-affected")
    world.must(CERT, Act.CASE_RECOVERED, **{"except": [GRID]})


def test_a_case_that_is_closed_early_says_why(world: World) -> None:
    decision = decide(world, Topic.CLOSE)
    assert "say why" in world.refusal(CERT, Act.CASE_CLOSED, decision=decision)
    world.must(CERT, Act.CASE_CLOSED, decision=decision, early="false-alarm")
    for act in (Act.WARNING_ISSUED, Act.DECISION_TAKEN, Act.ASSESSMENT_SUBMITTED):
        assert "closed takes no" in world.refusal(CERT, act, **GOOD[act])


def test_no_case_is_closed_while_votes_are_awaited(world: World) -> None:
    decision = decide(world, Topic.CLOSE, decision=OTHER)
    ask(world, Topic.QUESTION)
    refusal = world.refusal(CERT, Act.CASE_CLOSED, decision=decision, early="false-alarm")
    assert "wait for votes" in refusal
    world.must(CERT, Act.DECISION_WITHDRAWN, decision=QUESTION)
    world.must(CERT, Act.CASE_CLOSED, decision=decision, early="false-alarm")


def test_a_merged_case_takes_recalls_and_what_keeps_its_ledger_whole(world: World) -> None:
    world.must(CERT, Act.CASE_MERGED, into="6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0004")
    assert "merged takes no" in world.refusal(GRID, Act.NOTE_ADDED)
    world.must(GRID, Act.OBJECT_RECALLED, objects=[object_of(GRID)])


def test_a_crisis_needs_no_vote_and_ends_when_it_is_under_control(world: World) -> None:
    world.must(CERT, Act.CASE_CRISIS_DECLARED, authority="coordinator")
    world.must(CERT, Act.CONTROL_REVIEWED, under_control="no")
    refusal = world.refusal(CERT, Act.CASE_CRISIS_ENDED, by="control-review")
    assert "no control review has said yes" in refusal
    world.must(CERT, Act.CONTROL_REVIEWED, under_control="yes")
    world.must(CERT, Act.CASE_CRISIS_ENDED, by="control-review")


def test_without_a_case_there_is_no_crisis() -> None:
    world = World.opened()
    assert "no case under way" in world.refusal(
        CERT, Act.CASE_CRISIS_DECLARED, authority="coordinator"
    )


def test_each_says_itself_how_far_it_is(world: World) -> None:
    for state in ("investigating", "affected", "recovered", "affected", "unknown"):
        world.must(GRID, Act.RESPONSE_REPORTED, state=state)
        assert world.states["response", GRID] == state
    world.members[VENDOR] = frozenset({Role.OBSERVER})
    refusal = world.refusal(VENDOR, Act.RESPONSE_REPORTED, state="affected")
    assert "observer or an authority" in refusal


def test_a_suspended_member_is_spoken_for(world: World) -> None:
    world.must(CERT, Act.MEMBER_SUSPENDED, organisation=GRID)
    world.must(CERT, Act.RESPONSE_REPORTED, state="affected", on_behalf_of=relay(GRID))
    assert world.states["response", GRID] == "affected"


def test_for_the_coordinator_alone_is_a_word_in_the_direct_channel() -> None:
    direct = World.opened(ChannelKind.DIRECT, (GRID,))
    ruling = direct.must(CERT, Act.ASSESSMENT_SUBMITTED, **GOOD[Act.ASSESSMENT_SUBMITTED])
    assert ruling.changes == ()


def test_the_newest_assessment_counts(world: World) -> None:
    world.must(GRID, Act.ASSESSMENT_SUBMITTED, assessment={})
    world.must(GRID, Act.ASSESSMENT_SUBMITTED, assessment={})
    world.must(CERT, Act.ASSESSMENT_JOINED, severity="high", inputs=[])
    assert world.states["severity", "channel"] == "high"


def test_votes_are_counted_when_no_vote_can_change_them(world: World) -> None:
    ask(world)
    taken = {"decision": QUESTION, "outcome": "yes", "authority": "vote"}
    assert "still to come" in world.refusal(CERT, Act.DECISION_TAKEN, **taken)
    world.must(GRID, Act.DECISION_VOTED, decision=QUESTION, option="no")
    world.must(GRID, Act.DECISION_VOTED, decision=QUESTION, option="yes")
    world.must(CERT, Act.DECISION_VOTED, decision=QUESTION, option="yes")
    assert "come to yes" in world.refusal(CERT, Act.DECISION_TAKEN, **taken | {"outcome": "no"})
    world.must(CERT, Act.DECISION_TAKEN, **taken)
    assert "not open" in world.refusal(VENDOR, Act.DECISION_VOTED, decision=QUESTION, option="no")


def test_votes_are_counted_when_their_time_is_up(world: World) -> None:
    ask(world, until=PAST)
    world.must(GRID, Act.DECISION_VOTED, decision=QUESTION, option="yes")
    world.must(CERT, Act.DECISION_TAKEN, decision=QUESTION, outcome="yes", authority="vote")


def test_too_few_votes_let_a_question_lapse(world: World) -> None:
    ask(world, until=PAST, rule={"by": "majority", "quorum": 2})
    world.must(GRID, Act.DECISION_VOTED, decision=QUESTION, option="abstained")
    world.must(CERT, Act.DECISION_LAPSED, decision=QUESTION)
    ask(world, decision=OTHER, until=FUTURE)
    assert "has not passed" in world.refusal(CERT, Act.DECISION_LAPSED, decision=OTHER)


def test_the_voters_are_the_members_when_it_is_asked(world: World) -> None:
    body = GOOD[Act.DECISION_OPENED] | {"voters": [CERT, GRID, STRANGER]}
    assert "the voters are" in world.refusal(CERT, Act.DECISION_OPENED, **body)
    ask(world)
    world.members[STRANGER] = frozenset({Role.RESPONDER})
    refusal = world.refusal(STRANGER, Act.DECISION_VOTED, decision=QUESTION, option="no")
    assert "not among the voters" in refusal
    refusal = world.refusal(GRID, Act.DECISION_VOTED, decision=QUESTION, option="perhaps")
    assert "the options are" in refusal


def test_the_charters_rule_holds_for_its_topic() -> None:
    world = opened(rules={"close": {"by": "unanimity"}})
    taken = {"decision": QUESTION, "topic": "close", "outcome": "yes"}
    refusal = world.refusal(CERT, Act.DECISION_TAKEN, **taken | {"authority": "coordinator"})
    assert "all votes; open a vote" in refusal
    body = GOOD[Act.DECISION_OPENED] | {"voters": [CERT, GRID, VENDOR]}
    refusal = world.refusal(CERT, Act.DECISION_OPENED, **body | {"rule": {"by": "majority"}})
    assert "all votes" in refusal
    alone = body | {"rule": {"by": "coordinator"}}
    assert "taken at once" in world.refusal(CERT, Act.DECISION_OPENED, **alone)
    many = body | {"options": ["yes", "no", "later"], "rule": {"by": "unanimity"}}
    assert "yes or no" in world.refusal(CERT, Act.DECISION_OPENED, **many)


def test_a_delegation_covers_a_topic_up_to_a_severity() -> None:
    rules = {"rules": {"embargo": {"by": "majority"}}}
    world = opened(**rules, delegations=[{"topic": "embargo", "up_to": "medium"}])
    taken = {"decision": QUESTION, "topic": "embargo", "outcome": "yes", "authority": "delegation"}
    world.refusal(CERT, Act.DECISION_TAKEN, **taken)
    world.must(CERT, Act.ASSESSMENT_JOINED, severity="high", inputs=[])
    world.refusal(CERT, Act.DECISION_TAKEN, **taken)
    world.must(CERT, Act.ASSESSMENT_JOINED, severity="medium", inputs=[])
    named = world.refusal(CERT, Act.DECISION_TAKEN, **taken | {"authority": "coordinator"})
    assert "the authority is delegation" in named
    world.must(CERT, Act.DECISION_TAKEN, **taken)


@pytest.mark.parametrize(("until", "covered"), [(FUTURE, True), (PAST, False)])
def test_a_crisis_delegates_for_a_time(until: str, covered: bool) -> None:
    world = opened(rules={"publication": {"by": "majority"}})
    crisis = {"authority": "charter", "topics": ["publication"], "until": until}
    world.must(CERT, Act.CASE_CRISIS_DECLARED, **crisis)
    taken = {"decision": QUESTION, "topic": "publication", "outcome": "yes"}
    ruling = world.ask(CERT, Act.DECISION_TAKEN, **taken | {"authority": "delegation"})
    assert bool(ruling.decision) is covered
    assert world.situation(CERT, {}).ledger_time == NOW


def test_a_decision_is_replaced_by_another_on_its_topic(world: World) -> None:
    decide(world, Topic.START)
    other = {"decision": OTHER, "outcome": "no", "authority": "coordinator", "replaces": QUESTION}
    refusal = world.refusal(CERT, Act.DECISION_TAKEN, **other | {"topic": "close"})
    assert "same topic" in refusal
    world.must(CERT, Act.DECISION_TAKEN, **other | {"topic": "start-coordination"})
    assert world.states["decision", QUESTION] == "replaced"
    assert "was replaced" in world.refusal(CERT, Act.CASE_ACTIVATED, decision=QUESTION)


def test_where_the_charter_says_so_a_removal_is_decided_together() -> None:
    world = opened(rules={"removal": {"by": "majority"}})
    assert "name it" in world.refusal(CERT, Act.MEMBER_REMOVED, organisation=GRID)
    ask(world, Topic.REMOVAL, subject=GRID)
    for who in (CERT, VENDOR):
        world.must(who, Act.DECISION_VOTED, decision=QUESTION, option="yes")
    world.must(CERT, Act.DECISION_TAKEN, decision=QUESTION, outcome="yes", authority="vote")
    refusal = world.refusal(CERT, Act.MEMBER_REMOVED, organisation=VENDOR, decision=QUESTION)
    assert "something else" in refusal
    world.must(CERT, Act.MEMBER_REMOVED, organisation=GRID, decision=QUESTION)


def test_a_deputy_takes_as_many_endorsements_as_the_charter_says() -> None:
    world = opened(deputies=[{"organisation": GRID, "endorsements": 3}])
    situation = world.situation(GRID, {}, endorsed_by={GRID, VENDOR})
    assert endorsements_needed(situation, GRID) == 3
    assert endorsements_needed(situation, VENDOR) == 2

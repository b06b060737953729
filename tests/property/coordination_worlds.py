"""What a ledger could tell of cases, decisions and charters, and bodies that could fit.

Source: lifecycles, 2 to 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

from policies.acts import Act
from policies.acts.cases import CASES
from policies.decisions import By, DecisionRule, Topic, write_rules
from policies.lifecycles import NONE, TABLES, Situation
from policies.lifecycles.guards.deciding import counted, rule_of
from policies.roles import Role, takes_part
from tests.unit.policies.bodies import GOOD
from tests.unit.policies.worlds import DIGEST, EVERYBODY, STRANGER, object_of

SET = TABLES["1"]
NAMED = sorted({table.named for table in SET.tables.values()} - {"objects"})
"""Properties of bodies that name what an act is about, besides `objects`."""
TIMED = {Act.DECISION_TAKEN, Act.DECISION_LAPSED}
"""What time entitles to: votes are counted once it is up."""
PAST, FUTURE = "2026-11-20T09:00:00.000Z", "2026-11-20T11:00:00.000Z"
object_ids = [object_of(who, number) for who in EVERYBODY for number in range(2)]

TAKEN: dict[str, dict[str, str]] = {}
"""Decisions that were taken in every ledger: id → what is kept of it."""


def taken(topic: Topic, subject: str = NONE, outcome: str = "yes") -> str:
    """Give a decision that was taken in every ledger."""
    stix_id = f"note--{len(TAKEN) + 1:08d}-1111-4000-8000-000000000001"
    TAKEN[stix_id] = {
        "decision": "taken",
        "decision_topic": topic.value,
        "decision_subject": subject,
        "decision_outcome": outcome,
    }
    return stix_id


YES_TO = {topic: taken(topic) for topic in Topic}
NO_TO = {topic: taken(topic, outcome="no") for topic in Topic}
YES_TO_ENDING = {
    stix_id: taken(Topic.CHARTER, stix_id)
    for stix_id in [object_of(who, number) for who in EVERYBODY for number in range(3)]
}
YES_TO_REMOVING = {who: taken(Topic.REMOVAL, who) for who in (*EVERYBODY, STRANGER)}


@st.composite
def coordinating(
    draw: st.DrawFn, known: dict[tuple[str, str], str], members: Mapping[str, frozenset[Role]]
) -> None:
    """Add what a ledger could tell of a case, its decisions and a charter."""
    for thing in ("case", "crisis", "joint"):
        known[thing, "channel"] = draw(st.sampled_from(SET.tables[thing].states))
    for who in members:
        for thing in ("response", "assessment"):
            known[thing, who] = draw(st.sampled_from(SET.tables[thing].states))
    rules = st.builds(DecisionRule, st.sampled_from(By), st.integers(0, 3))
    some = draw(st.dictionaries(st.sampled_from([topic.value for topic in Topic]), rules))
    known["rules", "channel"] = write_rules(some) or NONE
    known["delegations", "channel"] = draw(st.sampled_from([NONE, "close=medium removal=high"]))
    known["severity", "channel"] = draw(st.sampled_from([NONE, "low", "high"]))
    until = draw(st.sampled_from([PAST, FUTURE]))
    known["crisis_delegations", "channel"] = draw(st.sampled_from([NONE, f"{until} close"]))
    known["control", "channel"] = draw(st.sampled_from([NONE, "yes", "no"]))
    known["open_decisions", "channel"] = draw(st.sampled_from([NONE, "2"]))
    known["charter_in_force", "channel"] = draw(st.sampled_from([NONE, object_ids[0]]))
    for stix_id in object_ids:
        known["report", stix_id] = draw(st.sampled_from(SET.tables["report"].states))
        known["charter", stix_id] = draw(st.sampled_from(SET.tables["charter"].states))
        if known["charter", stix_id] != NONE:
            known["charter_sha256", stix_id] = DIGEST
        known["asker", stix_id] = draw(st.sampled_from(EVERYBODY))
        state = known["decision", stix_id] = draw(st.sampled_from(SET.tables["decision"].states))
        if state != NONE:
            known["decision_topic", stix_id] = draw(st.sampled_from(Topic)).value
            known["decision_rule", stix_id] = str(draw(rules))
            known["decision_options", stix_id] = "yes no"
            known["decision_until", stix_id] = draw(st.sampled_from([PAST, FUTURE]))
            known["decision_voters", stix_id] = " ".join(members)
        for who in members:
            for thing in ("request", "call", "charter_answer"):
                known[thing, f"{stix_id} {who}"] = draw(st.sampled_from(SET.tables[thing].states))
            if draw(st.booleans()):
                known["vote", f"{stix_id} {who}"] = draw(st.sampled_from(["yes", "abstained"]))


COORDINATING = frozenset(act for act in Act if act in CASES)
DECIDED_ON = {
    Act.CASE_ACTIVATED: Topic.START,
    Act.CASE_DECLINED: Topic.DECLINE,
    Act.CASE_CLOSED: Topic.CLOSE,
}


def coordination(act: Act, situation: Situation) -> Iterator[dict[str, Any]]:
    """Give bodies of acts by which organisations coordinate, asking each member for itself."""
    others = sorted(set(situation.members) - {situation.speaker})
    for body in _coordination(act, situation):
        if "addressees" not in body:
            yield body
        for one in (*others, STRANGER) if "addressees" in body else ():
            yield body | {"addressees": [one]}


def _coordination(act: Act, situation: Situation) -> Iterator[dict[str, Any]]:
    new = object_of(situation.speaker, 2)
    body = GOOD[act] | {name: new for name in NAMED if name in GOOD[act]}
    match act:
        case Act.DECISION_OPENED:
            bound = [who for who, roles in situation.members.items() if takes_part(roles)]
            for topic in Topic:
                rule_now = rule_of(situation, topic)
                asked = DecisionRule(By.MAJORITY) if rule_now.by is By.COORDINATOR else rule_now
                document = {"by": asked.by.value} | (
                    {"quorum": asked.quorum} if asked.quorum else {}
                )
                yield body | {"topic": topic.value, "voters": bound, "rule": document}
        case Act.DECISION_TAKEN:
            about = situation.body.get("decision", new)
            outcome = counted(situation, about).outcome
            unsaid = {name: value for name, value in body.items() if name != "replaces"}
            yield unsaid | {"authority": "vote", "outcome": outcome}
            for topic in Topic:
                alone = rule_of(situation, topic).by is By.COORDINATOR
                authority = "coordinator" if alone else "delegation"
                yield unsaid | {"authority": authority, "topic": topic.value, "outcome": "yes"}
        case Act.CHARTER_ENDED:
            charter = situation.body.get("charter", new)
            yield body | {"decision": YES_TO_ENDING.get(charter, NO_TO[Topic.CHARTER])}
        case _ if act in DECIDED_ON:
            yield body | {"decision": YES_TO[DECIDED_ON[act]]}
            yield body | {"decision": NO_TO[DECIDED_ON[act]]}
        case Act.CASE_RECOVERED:
            yield body | {"except": list(EVERYBODY)}
        case Act.RESPONSE_REPORTED:
            for state in SET.tables["response"].states:
                yield body | {"state": state.replace(" ", "-")}
        case Act.WARNING_UPDATED:
            yield body
            yield {name: value for name, value in body.items() if name != "asks"}
        case _:
            yield body

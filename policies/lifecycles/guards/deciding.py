"""Guards of decisions: how they are opened, counted, taken, and what follows from them.

Source: lifecycles, 1 (rule 5) and 6.
"""

from __future__ import annotations

from typing import Final

from policies.decisions import (
    ALONE,
    NO,
    YES,
    By,
    Count,
    DecisionRule,
    Topic,
    count,
    read_rules,
)
from policies.instants import read_instant
from policies.lifecycles.guards.guard import Check, Guard
from policies.lifecycles.mechanism import CHANNEL, Situation
from policies.matrix import Level
from policies.roles import takes_part

TAKEN: Final = "taken"


def rule_of(situation: Situation, topic: str) -> DecisionRule:
    """Give how a topic is decided here: by the charter, or by the coordinator alone."""
    return read_rules(situation.known("rules")).get(topic, ALONE)


def may_decide_alone(situation: Situation, topic: str) -> bool:
    """Tell whether the coordinator decides this topic without a vote.

    By the rule; by a delegation of the charter up to a severity; by one of a crisis while it
    lasts, in ledger time.
    """
    return rule_of(situation, topic).by is By.COORDINATOR or is_delegated(situation, topic)


def is_delegated(situation: Situation, topic: str) -> bool:
    """Tell whether a delegation covers the topic now."""
    limits = dict(item.split("=", 1) for item in (situation.known("delegations") or "").split())
    if topic in limits:
        severity = situation.known("severity")
        if severity is not None and Level.of(severity).rank <= Level.of(limits[topic]).rank:
            return True
    crisis = (situation.known("crisis_delegations") or "").split()
    if situation.known("crisis") != "yes" or not crisis:
        return False
    until, topics = read_instant(crisis[0]), crisis[1:]
    return topic in topics and situation.ledger_time <= until


def counted(situation: Situation, decision: str) -> Count:
    """Count the votes of an open decision."""
    rule = DecisionRule.parse(situation.known("decision_rule", decision) or str(ALONE))
    options = (situation.known("decision_options", decision) or f"{YES} {NO}").split()
    voters = (situation.known("decision_voters", decision) or "").split()
    votes = {who: situation.known("vote", f"{decision} {who}") for who in voters}
    return count(rule, options, votes)


def time_is_up(situation: Situation, decision: str) -> bool:
    """Tell whether the time for voting has passed, in ledger time."""
    until = situation.known("decision_until", decision)
    return until is not None and read_instant(until) <= situation.ledger_time


def rule_as_agreed(situation: Situation, _subject: str) -> str | None:
    """Hold where the rule is the one that the charter has for the topic.

    Where the coordinator decides alone it may ask all the same, and choose how to count.
    """
    topic, rule = str(situation.body.get("topic")), DecisionRule.read(situation.body["rule"])
    agreed = rule_of(situation, topic)
    if rule.by is By.COORDINATOR:
        return "what the coordinator decides alone is taken at once, not put to the vote"
    if agreed.by is not By.COORDINATOR and rule != agreed:
        return f"the charter has for {topic}: {agreed.words}"
    return None


def voters_are_members(situation: Situation, _subject: str) -> str | None:
    """Hold where the voters are the joined members that are neither observer nor authority."""
    wanted = {who for who, roles in situation.members.items() if takes_part(roles)}
    if set(situation.body["voters"]) != wanted:
        return "the voters are the joined members that are neither observer nor authority"
    return None


def options_differ(situation: Situation, _subject: str) -> str | None:
    """Hold where a topic that something follows from is answered by yes or no."""
    topic, options = situation.body.get("topic"), set(situation.body["options"])
    if topic != Topic.QUESTION and options != {YES, NO}:
        return f"a decision on {topic} is answered by yes or no"
    return None


def is_a_voter(situation: Situation, subject: str) -> str | None:
    """Hold where the speaker was among the voters when the decision was opened."""
    voters = (situation.known("decision_voters", subject) or "").split()
    if situation.speaker not in voters:
        return "it was not among the voters when this decision was opened"
    return None


def is_an_option(situation: Situation, subject: str) -> str | None:
    """Hold where the vote is for one of the options, or for none."""
    options = (situation.known("decision_options", subject) or "").split()
    if situation.body.get("option") not in {*options, "abstained"}:
        return f"the options are {', '.join(options)} and abstained"
    return None


def decides_alone(situation: Situation, _subject: str) -> str | None:
    """Hold where the coordinator may decide without a vote, by the authority that it names."""
    topic = str(situation.body.get("topic"))
    if not may_decide_alone(situation, topic):
        return f"the charter has for {topic}: {rule_of(situation, topic).words}; open a vote"
    alone = rule_of(situation, topic).by is By.COORDINATOR
    wanted = "coordinator" if alone else "delegation"
    if situation.body.get("authority") != wanted:
        return f"the authority is {wanted}"
    return None


def votes_are_in(situation: Situation, subject: str) -> str | None:
    """Hold where the time for voting has passed, or no vote to come can change the outcome."""
    if not counted(situation, subject).settled and not time_is_up(situation, subject):
        return "votes that are still to come could change it; wait for them, or for the time set"
    return None


def follows_from_votes(situation: Situation, subject: str) -> str | None:
    """Hold where the outcome is what the votes come to."""
    votes = counted(situation, subject)
    if situation.body.get("outcome") != votes.outcome:
        return f"the votes come to {votes.outcome}"
    if situation.body.get("authority") != "vote":
        return "the authority is vote"
    return None


def without_quorum(situation: Situation, subject: str) -> str | None:
    """Hold where the time is up and too few have voted."""
    if not time_is_up(situation, subject):
        return "the time for voting has not passed"
    if counted(situation, subject).quorate:
        return "enough have voted: it is taken, not lapsed"
    return None


def replaces_its_like(situation: Situation, subject: str) -> str | None:
    """Hold where a decision that it replaces was taken on the same topic."""
    replaced = situation.body.get("replaces")
    if replaced is None:
        return None
    topic = situation.body.get("topic") or situation.known("decision_topic", subject)
    if situation.known("decision", replaced) != TAKEN or replaced == subject:
        return "only a decision that was taken is replaced"
    if situation.known("decision_topic", replaced) != topic:
        return "a decision is replaced by one on the same topic"
    return None


def decided(topic: Topic, *, unless_alone: bool = False) -> Check:
    """Give the guard that holds where a decision on the topic, with outcome yes, is named.

    Args:
        unless_alone: where the coordinator decides the topic alone, the act itself is the
            decision, with its reason in an object that the bundle covers.

    Source: lifecycles, 1, rule 5.
    """

    def check(situation: Situation, subject: str) -> str | None:
        named = situation.body.get("decision")
        if named is None:
            if unless_alone and may_decide_alone(situation, topic):
                return None
            return f"it takes a decision on {topic}: name it"
        if situation.known("decision", named) != TAKEN:
            return "the decision that it names has not been taken, or was replaced"
        if situation.known("decision_topic", named) != topic:
            return f"the decision that it names is not on {topic}"
        if situation.known("decision_outcome", named) != YES:
            return "the decision that it names did not say yes"
        about = situation.known("decision_subject", named) or CHANNEL
        return None if about == subject else "the decision that it names is about something else"

    return check


def _decided(topic: Topic, *, unless_alone: bool = False) -> Guard:
    says = f"decided({topic})"
    says += ", or where the coordinator decides that alone" if unless_alone else ""
    return Guard(says, decided(topic, unless_alone=unless_alone), of_body=True)


DECIDING: Final[dict[str, Guard]] = {
    "rule_as_agreed": Guard("by the charter's rule for the topic", rule_as_agreed, of_body=True),
    "voters_are_members": Guard(
        "voters: each joined member that is neither observer nor authority",
        voters_are_members,
        of_body=True,
    ),
    "options_differ": Guard(
        "yes or no, where something follows from it", options_differ, of_body=True
    ),
    "is_a_voter": Guard("by a voter", is_a_voter, of_body=False),
    "is_an_option": Guard("for one of the options, or abstained", is_an_option, of_body=True),
    "decides_alone": Guard(
        "the coordinator decides the topic alone, or a delegation covers it",
        decides_alone,
        of_body=True,
    ),
    "votes_are_in": Guard(
        "vote-until has passed, or no vote to come can change the outcome",
        votes_are_in,
        of_body=False,
    ),
    "follows_from_votes": Guard(
        "the outcome follows from the votes", follows_from_votes, of_body=True
    ),
    "without_quorum": Guard(
        "vote-until has passed without a quorum", without_quorum, of_body=False
    ),
    "replaces_its_like": Guard(
        "what it replaces was taken on the same topic", replaces_its_like, of_body=True
    ),
    "decided_start": _decided(Topic.START),
    "decided_decline": _decided(Topic.DECLINE),
    "decided_close": _decided(Topic.CLOSE),
    "decided_charter": _decided(Topic.CHARTER),
    "decided_removal": _decided(Topic.REMOVAL, unless_alone=True),
}

"""The terms of a charter: what a community agrees on, besides its words.

Pure: read from a body, written into one, compared with the terms before. What is left out has a
default, so that a charter may be a few words and nothing more.

Source: lifecycles, 7; domain, 2 (*Plan and prepare*) and 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from policies.acts import Act
from policies.criteria import Criteria, Criterion
from policies.decisions import ALONE, By, DecisionRule, Topic
from policies.errors import InvalidError
from policies.matrix import Level
from policies.tlp import TLP

DEFAULT_SILENCE_MINUTES: Final = 60
MOST_MINUTES: Final = 525_600
MOST_QUORUM: Final = 500
LEAST_ENDORSEMENTS: Final = 2
MOST_DEPUTIES: Final = 20


class Answering(StrEnum):
    """What an answer is expected to within a time."""

    ACKNOWLEDGE = "acknowledge"
    JOIN = "join"
    ASSESS = "assess"
    TASK = "task"
    REPORT = "report"


class Widened(StrEnum):
    """A kind of matter that may go to later members."""

    INTELLIGENCE = "intelligence"
    WARNINGS = "warnings"
    SITUATION_REPORTS = "situation-reports"
    PLANS = "plans"
    TASKS = "tasks"
    ASSESSMENTS = "assessments"
    EVIDENCE = "evidence"
    EVALUATIONS = "evaluations"


class Attribution(StrEnum):
    """How a reporter is told of to others."""

    NAMED = "named"
    SECTOR = "sector"
    UNNAMED = "unnamed"


KIND_OF: Final[Mapping[Act, Widened]] = {
    Act.INTEL_SHARED: Widened.INTELLIGENCE,
    Act.INTEL_REVOKED: Widened.INTELLIGENCE,
    Act.SIGHTING_REPORTED: Widened.INTELLIGENCE,
    Act.WARNING_ISSUED: Widened.WARNINGS,
    Act.WARNING_UPDATED: Widened.WARNINGS,
    Act.SITREP_PUBLISHED: Widened.SITUATION_REPORTS,
    Act.ASSESSMENT_SUBMITTED: Widened.ASSESSMENTS,
    Act.ASSESSMENT_JOINED: Widened.ASSESSMENTS,
    Act.RESPONSE_REPORTED: Widened.ASSESSMENTS,
}
"""Acts whose matter a charter may keep from later members, or open to them."""


@dataclass(frozen=True, slots=True)
class Deputy:
    """Who succeeds a lost coordinator.

    Args:
        endorsements: how many members must endorse it.
    """

    organisation: str
    endorsements: int = LEAST_ENDORSEMENTS


@dataclass(frozen=True, slots=True)
class Terms:
    """What a charter says besides its words; what is empty has its default.

    Args:
        rules: topic → how it is decided; others the coordinator decides alone.
        delegations: topic → up to which severity the coordinator decides it alone.
        deputies: in their order.
        criteria: those that count for starting coordination; all, where none is named.
        reply_minutes: within how many minutes an answer is expected.
        widening: what goes to later members; as the table of acts has it, where none is named.
    """

    rules: Mapping[Topic, DecisionRule] = field(default_factory=dict)
    delegations: Mapping[Topic, Level] = field(default_factory=dict)
    deputies: tuple[Deputy, ...] = ()
    criteria: frozenset[Criterion] = frozenset()
    reply_minutes: Mapping[Answering, int] = field(default_factory=dict)
    silence_minutes: int | None = None
    default_marking: TLP | None = None
    widening: frozenset[Widened] = frozenset()
    attribution: Attribution | None = None

    def rule_of(self, topic: Topic) -> DecisionRule:
        """Give how a topic is decided."""
        return self.rules.get(topic, ALONE)

    @property
    def judged_by(self) -> Criteria:
        """Give the criteria for starting coordination."""
        return Criteria(self.criteria) if self.criteria else Criteria()


def check_terms(terms: Terms) -> None:
    """Refuse terms that nobody could live by.

    Raises:
        InvalidError: a number is out of bounds, a deputy stands there twice, or what is delegated
            is the coordinator's to decide anyway.
    """
    for topic, rule in terms.rules.items():
        if not 0 <= rule.quorum <= MOST_QUORUM:
            raise InvalidError(f"at most {MOST_QUORUM} have to vote on {topic}", field="quorum")
    for topic in terms.delegations:
        if terms.rule_of(topic).by is By.COORDINATOR:
            raise InvalidError(
                f"{topic} is not put to the vote: the coordinator decides it alone at any severity",
                field="delegations",
            )
    named = [one.organisation for one in terms.deputies]
    if len(set(named)) < len(named):
        raise InvalidError("a deputy stands there twice", field="deputies")
    if len(named) > MOST_DEPUTIES:
        raise InvalidError(f"more than {MOST_DEPUTIES} deputies", field="deputies")
    for one in terms.deputies:
        if not LEAST_ENDORSEMENTS <= one.endorsements <= MOST_QUORUM:
            raise InvalidError(
                f"a successor is endorsed by {LEAST_ENDORSEMENTS} members at least, and by "
                f"{MOST_QUORUM} at most",
                field="endorsements",
            )
    for minutes in (*terms.reply_minutes.values(), terms.silence_minutes):
        if minutes is not None and not 1 <= minutes <= MOST_MINUTES:
            raise InvalidError("a time is at least a minute, and at most a year", field="minutes")


def terms_document(terms: Terms) -> dict[str, Any]:
    """Write terms as they stand in a body; what has its default is left out."""
    found: dict[str, Any] = {
        "rules": {
            topic.value: {"by": rule.by.value} | ({"quorum": rule.quorum} if rule.quorum else {})
            for topic, rule in sorted(terms.rules.items())
            if rule != ALONE
        },
        "delegations": [
            {"topic": topic.value, "up_to": level.value}
            for topic, level in sorted(terms.delegations.items())
        ],
        "deputies": [
            {"organisation": one.organisation, "endorsements": one.endorsements}
            for one in terms.deputies
        ],
        "criteria": [one.value for one in Criterion if one in terms.criteria],
        "reply_minutes": {
            what.value: terms.reply_minutes[what]
            for what in Answering
            if what in terms.reply_minutes
        },
        "silence_minutes": terms.silence_minutes,
        "default_marking": terms.default_marking.value if terms.default_marking else None,
        "widening": [one.value for one in Widened if one in terms.widening],
        "attribution": terms.attribution.value if terms.attribution else None,
    }
    return {name: value for name, value in found.items() if value not in (None, [], {})}


def read_terms(body: Mapping[str, Any]) -> Terms:
    """Read terms from a body that its schema holds for good; a word that nobody knows is left."""
    criteria = {one.value: one for one in Criterion}
    return Terms(
        rules={
            Topic(topic): DecisionRule.read(rule) for topic, rule in body.get("rules", {}).items()
        },
        delegations={
            Topic(one["topic"]): Level.of(one["up_to"]) for one in body.get("delegations", ())
        },
        deputies=tuple(
            Deputy(one["organisation"], one["endorsements"]) for one in body.get("deputies", ())
        ),
        criteria=frozenset(criteria[name] for name in body.get("criteria", ()) if name in criteria),
        reply_minutes={
            Answering(what): minutes for what, minutes in body.get("reply_minutes", {}).items()
        },
        silence_minutes=body.get("silence_minutes"),
        default_marking=TLP(body["default_marking"]) if "default_marking" in body else None,
        widening=frozenset(Widened(one) for one in body.get("widening", ())),
        attribution=Attribution(body["attribution"]) if "attribution" in body else None,
    )


CARRIED: Final = ("rules", "delegations", "deputies", "criteria", "silence_minutes")
"""What a case takes over from the charter that it is opened under."""


def carried_by_case(document: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a case takes over; it keeps that, whatever the community agrees on later.

    Source: lifecycles, 7.
    """
    return {name: document[name] for name in CARRIED if name in document}


def opens_later(terms: Terms, act: Act) -> bool | None:
    """Tell whether what an act covers goes to later members; `None` where the charter says nothing.

    Source: coordination protocol, 5 (*Late joiners*: the charter's default).
    """
    kind = KIND_OF.get(act)
    return None if kind is None or not terms.widening else kind in terms.widening


def usual_label(terms: Terms, ceiling: TLP) -> TLP:
    """Give the label that a form begins with: the charter's, else the ceiling; never RED unasked.

    Args:
        ceiling: nothing stricter is written where the form writes.
    """
    agreed = terms.default_marking
    if agreed is not None and agreed is not TLP.RED and ceiling.allows(agreed):
        return agreed
    return TLP.AMBER if ceiling is TLP.RED else ceiling


class Clause(StrEnum):
    """One clause of the terms, as differences name it."""

    RULE = "rule"
    DELEGATION = "delegation"
    DEPUTIES = "deputies"
    CRITERIA = "criteria"
    REPLY = "reply"
    SILENCE = "silence"
    MARKING = "marking"
    WIDENING = "widening"
    ATTRIBUTION = "attribution"


@dataclass(frozen=True, slots=True)
class Difference:
    """One clause in which two versions differ.

    Args:
        of: the topic or kind of answer, where the clause has one.
        before: in the version in force; `None` where it says nothing.
        after: in the version proposed; `None` where it says nothing.
    """

    clause: Clause
    of: str | None
    before: Any
    after: Any


def differences(before: Terms, after: Terms) -> list[Difference]:
    """Give the clauses in which one version differs from another, in the order of a charter."""
    found = [
        Difference(Clause.RULE, topic.value, before.rule_of(topic), after.rule_of(topic))
        for topic in Topic
    ]
    found += [
        Difference(
            Clause.DELEGATION,
            topic.value,
            before.delegations.get(topic),
            after.delegations.get(topic),
        )
        for topic in Topic
    ]
    found.append(Difference(Clause.DEPUTIES, None, before.deputies, after.deputies))
    found.append(
        Difference(Clause.CRITERIA, None, before.judged_by.counting, after.judged_by.counting)
    )
    found += [
        Difference(
            Clause.REPLY, what.value, before.reply_minutes.get(what), after.reply_minutes.get(what)
        )
        for what in Answering
    ]
    found.append(
        Difference(
            Clause.SILENCE,
            None,
            before.silence_minutes or DEFAULT_SILENCE_MINUTES,
            after.silence_minutes or DEFAULT_SILENCE_MINUTES,
        )
    )
    found.append(Difference(Clause.MARKING, None, before.default_marking, after.default_marking))
    found.append(Difference(Clause.WIDENING, None, before.widening, after.widening))
    found.append(Difference(Clause.ATTRIBUTION, None, before.attribution, after.attribution))
    return [one for one in found if one.before != one.after]

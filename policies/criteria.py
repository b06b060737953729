"""The criteria for starting coordination: for each, whether it is met, and why.

They advise; the decision is made by people and recorded with what was met and what was not. What
is not known yet is told as that, never as *not met*.

A finding repeats what it is given. What goes to others stands on the severity that others may
know (`discretion.publishable_severity`), never on the coordinator's own.

Source: domain, 5; lifecycles, 4 (`case.activated`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from policies.assessment import Field
from policies.errors import InvalidError
from policies.matrix import Level
from policies.severity import Overridden, Severity

_MOST_ORGANISATIONS: Final = 1000
_SHOWN: Final = 40


class Criterion(StrEnum):
    """What may speak for starting coordination."""

    SEVERAL_AFFECTED = "several-affected"
    SEVERITY = "severity"
    SPREAD = "spread"
    COMMON_CAUSE = "common-cause"
    ASKED = "asked"


class Answer(StrEnum):
    """Whether a criterion is met."""

    MET = "met"
    NOT_MET = "not met"
    NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a charter chose.

    Args:
        counting: the criteria that count; the others are shown all the same.
        organisations: so many affected organisations are several.
        severity: the level from which on severity speaks for coordination.
    """

    counting: frozenset[Criterion] = frozenset(Criterion)
    organisations: int = 2
    severity: Level = Level.MEDIUM


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at one time.

    Args:
        severity: of what is stated, or as a person has overridden it.
        affected: organisations that are.
        unheard: organisations that were asked and have not said whether they are affected.
        through_another: whether one is affected through another; `None` where nobody knows.
        spread_likely: whether it is likely to reach others; `None` where nobody knows.
        common_cause: whether a supplier, software or service is behind it at several; `None` where
            nobody knows.
        asked_by: members that ask for coordination.
    """

    severity: Severity | Overridden
    affected: int
    unheard: int = 0
    through_another: bool | None = None
    spread_likely: bool | None = None
    common_cause: bool | None = None
    asked_by: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One criterion, what became of it, and why.

    Args:
        counts: the charter lets it count.
    """

    criterion: Criterion
    answer: Answer
    sentence: str
    counts: bool


Verdict = tuple[Answer, str]


@dataclass(frozen=True, slots=True)
class CriterionRule:
    """One line of the table.

    Args:
        says: the criterion in plain words.
        ask: gives the answer and its sentence.
    """

    says: str
    ask: Callable[[Facts, Criteria], Verdict]


def find_criteria(facts: Facts, criteria: Criteria | None = None) -> tuple[Finding, ...]:
    """Tell of each criterion whether it is met, in the order of the table.

    Args:
        facts: what is known.
        criteria: of the charter; the default where it chose none.
    """
    chosen = criteria or Criteria()
    findings = []
    for criterion, line in CRITERIA.items():
        answer, sentence = line.ask(facts, chosen)
        findings.append(Finding(criterion, answer, sentence, criterion in chosen.counting))
    return tuple(findings)


def speaks_for_coordination(findings: tuple[Finding, ...]) -> bool:
    """Tell whether any criterion that counts is met."""
    return any(finding.counts and finding.answer is Answer.MET for finding in findings)


def read_criteria(document: Any, *, at: str = "criteria") -> Criteria:
    """Read what a charter chose.

    Args:
        document: a JSON value, as `criteria_document` writes it.
        at: what a refusal calls it.

    Raises:
        InvalidError: none would count, or a name or number that can't stand there.
    """
    if not isinstance(document, Mapping):
        raise InvalidError("this is no object", field=at)
    unknown = sorted(set(map(str, document)) - {"counting", "organisations", "severity"})
    if unknown:
        raise InvalidError(
            f"there is no “{unknown[0][:_SHOWN]}” here", field=f"{at}.{unknown[0][:_SHOWN]}"
        )
    default = Criteria()
    organisations = document.get("organisations", default.organisations)
    if (
        isinstance(organisations, bool)
        or not isinstance(organisations, int)
        or not 1 <= organisations <= _MOST_ORGANISATIONS
    ):
        raise InvalidError(
            f"this is no whole number from 1 to {_MOST_ORGANISATIONS}", field=f"{at}.organisations"
        )
    levels = {level.value: level for level in Level}
    severity = document.get("severity", default.severity.value)
    if not isinstance(severity, str) or severity not in levels:
        raise InvalidError("this is no level", field=f"{at}.severity", hint=", ".join(levels))
    counting = _read_counting(document.get("counting", list(Criterion)), f"{at}.counting")
    return Criteria(counting, organisations, levels[severity])


def criteria_document(criteria: Criteria) -> dict[str, Any]:
    """Give what a charter chose as a JSON object."""
    return {
        "counting": [name.value for name in Criterion if name in criteria.counting],
        "organisations": criteria.organisations,
        "severity": criteria.severity.value,
    }


def _read_counting(value: Any, at: str) -> frozenset[Criterion]:
    known = {name.value: name for name in Criterion}
    if not isinstance(value, list) or not value:
        raise InvalidError("at least one criterion counts", field=at, hint=", ".join(known))
    for name in value:
        if not isinstance(name, str) or name not in known:
            said = f"“{name[:_SHOWN]}”" if isinstance(name, str) else "this"
            raise InvalidError(f"{said} is no criterion", field=at, hint=", ".join(known))
    if len(set(value)) < len(value):
        raise InvalidError("a criterion stands there twice", field=at)
    return frozenset(known[name] for name in value)


def _several_affected(facts: Facts, criteria: Criteria) -> Verdict:
    number = _organisations(facts.affected)
    if facts.affected >= criteria.organisations:
        return Answer.MET, f"{number} affected."
    if facts.affected and facts.through_another:
        return Answer.MET, f"{number} affected, through another."
    perhaps = facts.affected + facts.unheard
    if facts.unheard and (perhaps >= criteria.organisations or facts.through_another is not False):
        have = "have" if facts.unheard > 1 else "has"
        return Answer.NOT_KNOWN, f"{number} affected; {facts.unheard} {have} not said."
    if facts.affected and facts.through_another is None:
        return Answer.NOT_KNOWN, f"{number} affected; whether through another is not known."
    return Answer.NOT_MET, f"{number} affected."


def _severity(facts: Facts, criteria: Criteria) -> Verdict:
    level, least = facts.severity.level, criteria.severity
    if level.rank >= least.rank:
        return Answer.MET, f"The severity is {level.label}."
    if isinstance(facts.severity, Severity):
        covers = [facts.severity.coverage[field] for field in _MAKES_KNOWN]
        if not all(cover.asked and cover.stated == cover.asked for cover in covers):
            stated = min(cover.stated for cover in covers)
            return Answer.NOT_KNOWN, (
                f"The severity is {level.label} so far; {stated} of {covers[0].asked} have stated"
                " their impacts."
            )
    return Answer.NOT_MET, f"The severity is {level.label}; it would have to be {least.label}."


_MAKES_KNOWN: Final = (Field.FUNCTIONAL_IMPACT, Field.INFORMATION_IMPACT)


def _spread(facts: Facts, _criteria: Criteria) -> Verdict:
    return _known(
        facts.spread_likely,
        "It is likely to reach others.",
        "It is not likely to reach others.",
        "Nobody knows yet whether it will reach others.",
    )


def _common_cause(facts: Facts, _criteria: Criteria) -> Verdict:
    return _known(
        facts.common_cause,
        "A common supplier, software or service is behind it.",
        "No common supplier, software or service is behind it.",
        "Nobody knows yet whether there is a common cause.",
    )


def _asked(facts: Facts, _criteria: Criteria) -> Verdict:
    if not facts.asked_by:
        return Answer.NOT_MET, "No member has asked for coordination."
    many = f"{facts.asked_by} members have" if facts.asked_by > 1 else "A member has"
    return Answer.MET, f"{many} asked for coordination."


def _known(fact: bool | None, yes: str, no: str, unknown: str) -> Verdict:  # noqa: FBT001  a fact is no switch
    if fact is None:
        return Answer.NOT_KNOWN, unknown
    return (Answer.MET, yes) if fact else (Answer.NOT_MET, no)


def _organisations(number: int) -> str:
    if not number:
        return "No organisation is known to be"
    return f"{number} organisations are" if number > 1 else "1 organisation is"


CRITERIA: Final[Mapping[Criterion, CriterionRule]] = {
    Criterion.SEVERAL_AFFECTED: CriterionRule(
        "two or more organisations are affected, or one through another", _several_affected
    ),
    Criterion.SEVERITY: CriterionRule("the severity is at least medium", _severity),
    Criterion.SPREAD: CriterionRule("it is likely to spread", _spread),
    Criterion.COMMON_CAUSE: CriterionRule(
        "there is a common cause: a supplier, a software, a service", _common_cause
    ),
    Criterion.ASKED: CriterionRule("a member asks for coordination", _asked),
}
"""The default criteria. How many are several, and which level, a charter may change."""

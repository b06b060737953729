"""What a page says of charters: their terms clause by clause, and in what two versions differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from hub.community.queries import Answer, Charter
from hub.web.case_words import topic_words
from hub.web.models import State, Tone
from policies.charter import (
    DEFAULT_SILENCE_MINUTES,
    Answering,
    Attribution,
    Clause,
    Deputy,
    Difference,
    Terms,
    Widened,
)
from policies.criteria import CRITERIA, Criterion
from policies.decisions import By, DecisionRule, Topic

_STATES: Final[Mapping[str, State]] = {
    "proposed": State("proposed", Tone.WAITING),
    "in force": State("in force", Tone.GOOD),
    "superseded": State("replaced by a newer one", Tone.ENDED),
    "withdrawn": State("taken back", Tone.ENDED),
    "ended": State("ended", Tone.ENDED),
}
_ANSWERS: Final[Mapping[str | None, State]] = {
    None: State("silent", Tone.ENDED),
    "accepted": State("accepted", Tone.GOOD),
    "declined": State("declined", Tone.TROUBLE),
}
WAYS: Final[Mapping[By, str]] = {
    By.COORDINATOR: "The coordinator alone",
    By.MAJORITY: "More than half of the votes",
    By.UNANIMITY: "All votes",
}
ANSWERS_WITHIN: Final[Mapping[Answering, str]] = {
    Answering.ACKNOWLEDGE: "To acknowledge a warning or a check",
    Answering.JOIN: "To answer an invitation",
    Answering.ASSESS: "To say how one is hit",
    Answering.TASK: "To accept a task",
    Answering.REPORT: "To acknowledge a report",
}
WIDENED: Final[Mapping[Widened, str]] = {
    Widened.INTELLIGENCE: "Intelligence",
    Widened.WARNINGS: "Warnings",
    Widened.SITUATION_REPORTS: "Situation reports",
    Widened.PLANS: "Plans",
    Widened.TASKS: "Tasks",
    Widened.ASSESSMENTS: "Assessments",
    Widened.EVIDENCE: "Evidence",
    Widened.EVALUATIONS: "Evaluations",
}
ATTRIBUTION: Final[Mapping[Attribution, str]] = {
    Attribution.NAMED: "By name",
    Attribution.SECTOR: "By sector",
    Attribution.UNNAMED: "Not at all",
}
CRITERIA_WORDS: Final[Mapping[Criterion, str]] = {
    criterion: line.says[:1].upper() + line.says[1:] for criterion, line in CRITERIA.items()
}
_SPANS: Final = (
    (30, "30 minutes"),
    (60, "1 hour"),
    (120, "2 hours"),
    (240, "4 hours"),
    (480, "8 hours"),
    (1_440, "1 day"),
    (4_320, "3 days"),
    (10_080, "1 week"),
)
NOTHING: Final = "nothing said"


def state_of(charter: Charter) -> State:
    """Give where a version stands, as a badge."""
    if charter.disowned and charter.state in {"proposed", "in force"}:
        return State(f"{charter.state}, disowned", Tone.TROUBLE)
    return _STATES.get(charter.state, State(charter.state))


def answer_of(answer: Answer) -> State:
    """Give what a member says, as a badge; silence is shown, and is nobody's no."""
    if answer.disowned is not None:
        return State("disowned", Tone.TROUBLE)
    return _ANSWERS.get(answer.answer, State(answer.answer or ""))


def span_words(minutes: int) -> str:
    """Say a span as people do."""
    known = dict(_SPANS).get(minutes)
    if known is not None:
        return known
    span = timedelta(minutes=minutes)
    if minutes % 1_440 == 0:
        return f"{span.days} days"
    return f"{minutes // 60} hours" if minutes % 60 == 0 else f"{minutes} minutes"


def minutes_words(span: timedelta) -> str:
    """Say a span that was agreed as people do."""
    return span_words(int(span.total_seconds()) // 60)


def span_pairs(chosen: str = "") -> list[tuple[str, str]]:
    """Give the spans that can be chosen; one that stands there already is kept among them."""
    minutes = {number for number, _ in _SPANS}
    if chosen.isdecimal():
        minutes.add(int(chosen))
    return [(str(number), span_words(number)) for number in sorted(minutes)]


def terms_lines(terms: Terms, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Give the terms clause by clause: what it is about, and what is agreed."""
    lines = [
        (topic_words(Topic.START), _rule(terms.rule_of(Topic.START))),
        ("The next charter, or its end", _rule(terms.rule_of(Topic.CHARTER))),
    ]
    lines += [
        (topic_words(topic), _rule(rule))
        for topic, rule in sorted(terms.rules.items())
        if topic not in (Topic.START, Topic.CHARTER)
    ]
    lines += [
        (f"{topic_words(topic)}, without a vote", f"by the coordinator, up to severity {up.label}")
        for topic, up in sorted(terms.delegations.items())
    ]
    lines.append(("What speaks for coordination", _criteria(terms.judged_by.counting)))
    lines.append(("If the coordinator is lost", _deputies(terms.deputies, names)))
    lines.append(
        (
            "A coordinator counts as silent after",
            span_words(terms.silence_minutes or DEFAULT_SILENCE_MINUTES),
        )
    )
    lines += [
        (ANSWERS_WITHIN[what], f"within {span_words(terms.reply_minutes[what])}")
        for what in Answering
        if what in terms.reply_minutes
    ]
    if terms.default_marking is not None:
        lines.append(("Label that forms begin with", terms.default_marking.label))
    if terms.widening:
        lines.append(("Who joins later reads too", _widening(terms.widening)))
    if terms.attribution is not None:
        lines.append(("A reporter is told of", ATTRIBUTION[terms.attribution].lower()))
    return lines


def difference_lines(
    found: Iterable[Difference], names: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """Give in what two versions differ: what it is about, before, after."""
    return [
        (_title(one), _said(one, one.before, names), _said(one, one.after, names)) for one in found
    ]


def _title(one: Difference) -> str:
    if one.clause is Clause.RULE:
        return topic_words(one.of or "")
    if one.clause is Clause.DELEGATION:
        return f"{topic_words(one.of or '')}, without a vote"
    if one.clause is Clause.REPLY:
        return ANSWERS_WITHIN[Answering(one.of or "")]
    return {
        Clause.DEPUTIES: "If the coordinator is lost",
        Clause.CRITERIA: "What speaks for coordination",
        Clause.SILENCE: "A coordinator counts as silent after",
        Clause.MARKING: "Label that forms begin with",
        Clause.WIDENING: "Who joins later reads too",
        Clause.ATTRIBUTION: "A reporter is told of",
    }[one.clause]


def _said(one: Difference, value: Any, names: Mapping[str, str]) -> str:
    if one.clause is Clause.DEPUTIES:
        return _deputies(value, names)
    if value is None or value == frozenset():
        return NOTHING
    match one.clause:
        case Clause.RULE:
            return _rule(value)
        case Clause.DELEGATION:
            return f"up to severity {value.label}"
        case Clause.CRITERIA:
            return _criteria(value)
        case Clause.REPLY | Clause.SILENCE:
            return span_words(value)
        case Clause.WIDENING:
            return _widening(value)
        case Clause.ATTRIBUTION:
            return ATTRIBUTION[value].lower()
    return str(value.label)


def _rule(rule: DecisionRule) -> str:
    return rule.words


def _criteria(counting: frozenset[Criterion]) -> str:
    return "; ".join(CRITERIA[one].says for one in Criterion if one in counting)


def _widening(kinds: frozenset[Widened]) -> str:
    return ", ".join(WIDENED[one].lower() for one in Widened if one in kinds)


def _deputies(deputies: tuple[Deputy, ...], names: Mapping[str, str]) -> str:
    if not deputies:
        return "the members choose a successor"
    return ", then ".join(
        f"{names.get(one.organisation, one.organisation)} (endorsed by {one.endorsements})"
        for one in deputies
    )

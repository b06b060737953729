"""What a page says of cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from hub.cases.decision_queries import Decision
from hub.cases.queries import CaseSummary, OrganisationRow
from hub.cases.told import Mark
from hub.channels.inviting import Candidate
from hub.channels.relay_records import RelayAnswer
from hub.web.channel_words import CASE_ROLES, ROLE_WORDS
from hub.web.models import State, Tone
from policies.assessment import (
    Assessment,
    Danger,
    Field,
    FunctionalImpact,
    InformationImpact,
    PersonalData,
    Recoverability,
    ResponseState,
    describe_stated,
)
from policies.criteria import Answer, Finding
from policies.decisions import By, Topic
from policies.ladders import Ladder
from policies.matrix import Level
from policies.severity import Severity

RESPONSES: Final[Mapping[ResponseState, str]] = {
    ResponseState.INVESTIGATING: "We are looking",
    ResponseState.AFFECTED: "We are affected",
    ResponseState.NOT_AFFECTED: "We are not affected",
    ResponseState.CONTAINED: "Contained",
    ResponseState.ERADICATED: "Eradicated",
    ResponseState.RECOVERED: "Recovered",
    ResponseState.UNKNOWN: "We don’t know",
}
TOLD_RESPONSES: Final[Mapping[ResponseState, str]] = {
    **RESPONSES,
    ResponseState.INVESTIGATING: "They are looking",
    ResponseState.AFFECTED: "They are affected",
    ResponseState.NOT_AFFECTED: "They are not affected",
    ResponseState.UNKNOWN: "They don’t know",
}
"""The same, as the coordinator writes it down for who told it by telephone."""
_RESPONSE_STATES: Final[Mapping[ResponseState, State]] = {
    ResponseState.UNKNOWN: State("does not know", Tone.WAITING),
    ResponseState.INVESTIGATING: State("is looking", Tone.WAITING),
    ResponseState.NOT_AFFECTED: State("not affected", Tone.GOOD),
    ResponseState.AFFECTED: State("affected", Tone.TROUBLE),
    ResponseState.CONTAINED: State("contained", Tone.WAITING),
    ResponseState.ERADICATED: State("eradicated", Tone.WAITING),
    ResponseState.RECOVERED: State("recovered", Tone.GOOD),
}
REPLY_PAIRS: Final = (
    ("1", "one hour"),
    ("4", "four hours"),
    ("24", "a day"),
    ("72", "three days"),
)
ROLE_PAIRS: Final = tuple((role.value, ROLE_WORDS[role]) for role in CASE_ROLES)
_WAYS: Final[Mapping[str, str]] = {
    "telephone": "by telephone",
    "in-person": "in person",
    "e-mail": "by e-mail",
    "message": "by message",
}
_ANSWERS: Final[Mapping[RelayAnswer, str]] = {
    RelayAnswer.NONE: "the coordinator’s word, not confirmed yet",
    RelayAnswer.CONFIRMED: "the coordinator’s word, which they confirm",
    RelayAnswer.DISPUTED: "the coordinator’s word, which they dispute",
    RelayAnswer.WITHHELD: "the coordinator’s word; their answer is withheld from you",
}
SILENT: Final = State("silent", Tone.ENDED)
TOLD_ALONE: Final = State("told you alone", Tone.CALM)
_CASES: Final[Mapping[str, State]] = {
    "assessment": State("being assessed", Tone.WAITING),
    "response": State("coordinated", Tone.TROUBLE),
    "recovered": State("recovered", Tone.GOOD),
    "declined": State("declined", Tone.ENDED),
    "closed": State("closed", Tone.ENDED),
    "merged": State("merged into another", Tone.ENDED),
}
_LEVELS: Final[Mapping[Level, Tone]] = {
    Level.NEGLIGIBLE: Tone.CALM,
    Level.LOW: Tone.CALM,
    Level.MEDIUM: Tone.WAITING,
    Level.HIGH: Tone.TROUBLE,
    Level.CRITICAL: Tone.TROUBLE,
}
_DECISIONS: Final[Mapping[str, State]] = {
    "open": State("votes are awaited", Tone.WAITING),
    "taken": State("decided", Tone.GOOD),
    "lapsed": State("lapsed: too few voted", Tone.ENDED),
    "withdrawn": State("taken back", Tone.ENDED),
    "replaced": State("replaced", Tone.ENDED),
}
_FINDINGS: Final[Mapping[Answer, Tone]] = {
    Answer.MET: Tone.TROUBLE,
    Answer.NOT_MET: Tone.CALM,
    Answer.NOT_KNOWN: Tone.WAITING,
}
TOPICS: Final[Mapping[Topic, str]] = {
    Topic.START: "Start coordination",
    Topic.DECLINE: "Decline to coordinate",
    Topic.CLOSE: "Close the case",
    Topic.REMOVAL: "Remove a member",
    Topic.EMBARGO: "Embargo",
    Topic.PLAN: "The plan",
    Topic.PUBLICATION: "Publication",
    Topic.REVIEW: "The review",
    Topic.WAIVE_REVIEW: "Do without a review",
    Topic.CHARTER: "The charter",
    Topic.QUESTION: "Another question",
}
ASKED: Final = (Topic.START, Topic.DECLINE, Topic.CLOSE, Topic.QUESTION)
"""What can be put to the vote from the page."""
WAYS_TO_COUNT: Final[Mapping[By, str]] = {
    By.MAJORITY: "More than half of the votes",
    By.UNANIMITY: "All votes",
}
EARLY: Final = (
    ("", "It has recovered"),
    ("false-alarm", "It was a false alarm"),
    ("one-organisation", "It concerns one organisation alone"),
    ("taken-on", "Somebody else has taken it on"),
)
LADDERS: Final[Mapping[Field, type[Ladder]]] = {
    Field.FUNCTIONAL_IMPACT: FunctionalImpact,
    Field.INFORMATION_IMPACT: InformationImpact,
    Field.RECOVERABILITY: Recoverability,
    Field.DANGER: Danger,
    Field.PERSONAL_DATA: PersonalData,
}
SHOWN: Final = (
    Field.FUNCTIONAL_IMPACT,
    Field.INFORMATION_IMPACT,
    Field.DANGER,
    Field.STILL_SPREADING,
    Field.ESSENTIAL_SERVICE,
    Field.RECOVERABILITY,
    Field.PERSONAL_DATA,
    Field.CONFIDENCE,
    Field.COUNTS,
)
"""The columns of the matrix, the gravest questions first."""
NOT_STATED: Final = "–"


def state_of(case: CaseSummary) -> State:
    """Give where a case stands, as a badge."""
    return _CASES.get(case.state, State(case.state))


def level_of(level: Level | None) -> State | None:
    """Give a severity as a badge; `None` where none was said."""
    return None if level is None else State(f"severity {level.label}", _LEVELS[level])


def control_of(case: CaseSummary) -> State:
    """Give what the last review said of control, as a badge."""
    if case.control == "yes":
        return State("under control", Tone.GOOD)
    return State("not under control", Tone.TROUBLE)


def response_of(row: OrganisationRow) -> State:
    """Give how far an organisation is; silence is shown, and is nobody's no."""
    if row.response is not None:
        return _RESPONSE_STATES[row.response]
    if row.response_alone is not None or row.stated_alone is not None:
        return TOLD_ALONE
    return SILENT


def response_words(state: ResponseState | None) -> str:
    """Give a response state in a word."""
    return NOT_STATED if state is None else _RESPONSE_STATES[state].text


def decision_state_of(decision: Decision) -> State:
    """Give how a decision stands, as a badge."""
    if decision.disowned and decision.state in {"open", "taken"}:
        return State("disowned", Tone.TROUBLE)
    state = _DECISIONS.get(decision.state, State(decision.state))
    if decision.state == "taken" and decision.outcome == "no":
        return State("decided: no", Tone.ENDED)
    return state


def finding_of(finding: Finding) -> State:
    """Give whether a criterion is met, as a badge."""
    return State(finding.answer.value, _FINDINGS[finding.answer])


def topic_words(topic: str) -> str:
    """Give what is decided."""
    return TOPICS.get(Topic(topic), topic) if topic in set(Topic) else topic


def cell(stated: Assessment | None, field: Field) -> str:
    """Give what stands in one cell of the matrix; *not stated* differs from *none*."""
    word = describe_stated(stated, field) if stated is not None else None
    return NOT_STATED if word is None else word


def typed_value(stated: Assessment | None, field: Field) -> str:
    """Give what a form shows as chosen: what was stated last."""
    value = getattr(stated, field.value) if stated is not None else None
    return value.value if isinstance(value, Ladder) else ""


def asked_pairs() -> list[tuple[str, str]]:
    """Give what can be put to the vote."""
    return [(topic.value, TOPICS[topic]) for topic in ASKED]


def member_pairs(members: Sequence[OrganisationRow]) -> list[tuple[str, str]]:
    """Give the members that can be named as not recovered."""
    return [(one.organisation, one.name) for one in members if one.takes_part]


def would_change(severity: Severity, names: Mapping[str, str], *, limit: int) -> list[str]:
    """Say which other word of somebody would make which other level, the gravest first."""
    changes = [one for one in severity.would_change if one.level is not severity.level]
    rows = sorted(changes, key=lambda one: -one.level.rank)[:limit]
    return [
        f"{names.get(one.organisation, one.organisation)}, {one.field.label.lower()}"
        f" {_word(one.word)} instead of {_word(one.stated)}: {one.level.label}"
        for one in rows
    ]


def _word(word: object) -> str:
    if word is None:
        return "not stated"
    if isinstance(word, bool):
        return "yes" if word else "no"
    return str(getattr(word, "label", word))


def candidate_pairs(candidates: Sequence[Candidate]) -> list[tuple[str, str]]:
    """Give those who may be invited, as options."""
    return [(one.organisation, one.name) for one in candidates]


def told_words(mark: Mark) -> str:
    """Say how a word came to the coordinator, whose word it is, and what they say of it."""
    how = f"told {_WAYS.get(mark.way, 'another way')}, {mark.at:%d %b, %H:%M} UTC"
    return f"{how}; {_ANSWERS[mark.answer]}"

"""What a page says of the timeline of a case, and how its drawing reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from hub.cases.timeline import Moment
from policies.acts import Act
from policies.timeline import Bar, Drawing, MomentKind, Precision, lay_out

KINDS: Final[Mapping[MomentKind, str]] = {
    MomentKind.EVENT: "happened",
    MomentKind.COURSE: "course",
    MomentKind.CRISIS: "crisis",
    MomentKind.SEVERITY: "severity",
    MomentKind.MEMBER: "members",
    MomentKind.RESPONSE: "response",
    MomentKind.WARNING: "warning",
    MomentKind.DECISION: "decision",
}
STATUSES: Final = (
    ("occurred", "It happened"),
    ("ongoing", "It is still going on"),
    ("undetermined", "It may have happened"),
    ("not-occurred", "It did not happen"),
)
_STATUS_WORDS: Final[Mapping[str, str]] = {
    "ongoing": "still going on",
    "undetermined": "may have happened",
    "not-occurred": "did not happen",
    "pending": "expected",
}
_ACTS: Final[Mapping[str, str]] = {
    Act.CASE_OPENED: "opened the case",
    Act.CASE_ACTIVATED: "started coordination",
    Act.CASE_DECLINED: "declined to coordinate",
    Act.CASE_RECOVERED: "said that those affected have recovered",
    Act.CASE_CLOSED: "closed the case",
    Act.CASE_REOPENED: "opened the case again",
    Act.CASE_MERGED: "went on in another case",
    Act.CASE_CRISIS_DECLARED: "declared a crisis",
    Act.CASE_CRISIS_ENDED: "ended the crisis",
    Act.MEMBER_JOINED: "joined",
    Act.MEMBER_LEFT: "left",
    Act.MEMBER_REMOVED: "was removed",
    Act.MEMBER_SUSPENDED: "was suspended",
    Act.MEMBER_RESUMED: "was taken back in",
    Act.WARNING_ISSUED: "warned",
    Act.WARNING_UPDATED: "added to a warning",
    Act.WARNING_ENDED: "ended a warning",
    Act.SITREP_PUBLISHED: "told how things stand",
    Act.COORDINATOR_HANDED_OVER: "handed the coordination over",
}
_FORMATS: Final[Mapping[Precision, str]] = {
    Precision.YEAR: "%Y",
    Precision.MONTH: "%Y-%m",
    Precision.DAY: "%Y-%m-%d",
    Precision.HOUR: "%Y-%m-%d, between %H:00 and %H:59",
    Precision.MINUTE: "%Y-%m-%d %H:%M",
    Precision.SECOND: "%Y-%m-%d %H:%M:%S",
    Precision.EXACT: "%Y-%m-%d %H:%M:%S",
    Precision.LEDGER: "%Y-%m-%d %H:%M",
}
_NOT_HERE: Final = "an event whose words are not here"


@dataclass(frozen=True)
class Mark:
    """One moment as it is drawn: where, how it is shown, and what it says."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    uncertain: bool
    title: str


@dataclass(frozen=True)
class Picture:
    """The drawing of a timeline, and the names of its lanes."""

    drawing: Drawing
    marks: Sequence[Mark]
    names: Mapping[str, str]
    sentence: str


def what(moment: Moment) -> str:
    """Say what happened, without who."""
    if moment.kind is MomentKind.EVENT:
        return moment.text or moment.more or _NOT_HERE
    word = (moment.word or "").replace("-", " ")
    said = _ACTS.get(moment.act)
    match moment.act:
        case Act.RESPONSE_REPORTED:
            said = f"says of itself: {word}"
        case Act.ASSESSMENT_JOINED:
            said = f"put the assessments together: {word}"
        case Act.DECISION_OPENED:
            said = f"asked for votes: {word}"
        case Act.DECISION_TAKEN:
            said = f"decided: {word}"
        case Act.CONTROL_REVIEWED:
            said = f"said whether it is under control: {'yes' if word in {'true', 'yes'} else 'no'}"
    return said or moment.act


def when(moment: Moment) -> str:
    """Say when, no more exactly than it is known; in UTC."""
    earliest, latest = moment.earliest.astimezone(UTC), moment.latest.astimezone(UTC)
    if moment.precision is Precision.UNKNOWN:
        return f"time unknown; said {earliest:%Y-%m-%d %H:%M} UTC"
    if moment.precision in {Precision.BETWEEN, Precision.LASTING}:
        first, last = _instant(earliest), _instant(_last(earliest, latest))
        if moment.precision is Precision.BETWEEN:
            return f"between {first} and {last} UTC"
        return f"from {first} to {last} UTC"
    return f"{earliest.strftime(_FORMATS[moment.precision])} UTC"


def remark(moment: Moment) -> str:
    """Say what else has to be known of an event: its status, and whose word it is."""
    parts = [_STATUS_WORDS.get(moment.status or "", "")]
    if moment.relayed:
        parts.append(f"the word of {moment.author_name}, on its behalf")
    return "; ".join(part for part in parts if part)


def draw(moments: Sequence[Moment]) -> Picture:
    """Lay out moments that a person may see."""
    by_key = {one.key: one for one in moments}
    drawing = lay_out([_bar(one) for one in moments])
    names = {one.organisation: one.name for one in moments}
    marks = [
        Mark(
            shape.x,
            shape.y,
            shape.width,
            shape.height,
            by_key[shape.key].kind.value,
            _is_uncertain(by_key[shape.key]),
            f"{by_key[shape.key].name}: {what(by_key[shape.key])}, {when(by_key[shape.key])}",
        )
        for shape in drawing.shapes
    ]
    uncertain = sum(mark.uncertain for mark in marks)
    sentence = (
        f"{len(marks)} moments of {len(drawing.lanes)} organisations, from left to right; of"
        f" {uncertain} the time is uncertain. The table below says the same in words."
    )
    return Picture(drawing, marks, names, sentence)


def _bar(moment: Moment) -> Bar:
    """Give what is drawn; a minute and a second are drawn as the instant in which they begin."""
    is_instant = moment.precision in {Precision.MINUTE, Precision.SECOND}
    latest = moment.earliest if is_instant else moment.latest
    return Bar(moment.key, moment.organisation, moment.earliest, latest)


def _is_uncertain(moment: Moment) -> bool:
    if moment.precision in {Precision.UNKNOWN, Precision.BETWEEN}:
        return True
    coarse = {Precision.YEAR, Precision.MONTH, Precision.DAY, Precision.HOUR}
    return moment.precision in coarse or moment.status in {"undetermined", "pending"}


def _last(earliest: datetime, latest: datetime) -> datetime:
    """Give the last instant that may be meant, of the first one after it."""
    return max(earliest, latest - timedelta(seconds=1)) if latest.second == 0 else latest


def _instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M")

"""What one organisation states about itself: its assessment and its response state.

Every field may be left out: *not stated* is another thing than *none*, in every field.

Source: domain, 2 (assess and decide); lifecycles, 5; records, 4.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from policies.errors import InvalidError
from policies.ladders import Ladder

_LARGEST: Final = 2**53 - 1
"""No number in a signed document is larger (I-JSON)."""
_MOST_KINDS: Final = 50
_KIND: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_KIND: Final = 40
_SHOWN: Final = 40
"""So much of what was wrong is repeated in a refusal."""


class FunctionalImpact(Ladder):
    """What the organisation's services have lost.

    Source: STIX incident core extension, Appendix A, the simple scale of `availability_impact`.
    """

    NONE = "none", "no impact"
    MINIMAL = "minimal", "minimal"
    SIGNIFICANT = "significant", "significant"
    DENIAL = "denial", "denial of service"
    LOSS_OF_CONTROL = "loss-of-control", "loss of control"


class InformationImpact(Ladder):
    """What became of information.

    Source: CISA, National Cyber Incident Scoring System, the category of this name, in its order.
    """

    NONE = "none", "no impact"
    SUSPECTED = "suspected", "suspected, not identified"
    PERSONAL_DATA = "personal-data", "personal data breached"
    PROPRIETARY = "proprietary", "proprietary information breached"
    DESTROYED = "non-critical-destroyed", "non-critical systems destroyed"
    CRITICAL_SYSTEMS = "critical-systems", "data of critical systems breached"
    CREDENTIALS = "core-credentials", "core credentials compromised"
    CRITICAL_DESTROYED = "critical-destroyed", "a critical system destroyed"


class Recoverability(Ladder):
    """What recovery takes.

    Source: STIX incident core extension, *recoverability*; in the order of the US-CERT ladder.
    """

    NOT_APPLICABLE = "not-applicable", "nothing to recover"
    REGULAR = "regular", "time predictable with existing resources"
    SUPPLEMENTED = "supplemented", "time predictable with additional resources"
    EXTENDED = "extended", "time not predictable"
    NOT_RECOVERABLE = "not-recoverable", "not recoverable"


class Danger(Ladder):
    """Danger to life, health or safety systems.

    Source: domain, 5.
    """

    NONE = "none", "none"
    POSSIBLE = "possible", "possible"
    CONFIRMED = "confirmed", "confirmed"


class PersonalData(Ladder):
    """Whether data about persons are concerned.

    Source: records, 4.0 (`personal_data`).
    """

    NONE = "none", "none"
    POSSIBLE = "possible", "possible"
    YES = "yes", "yes"


class ResponseState(StrEnum):
    """How far an organisation is. No ladder: *recovered* is not worse than *affected*.

    Source: lifecycles, 5.
    """

    UNKNOWN = "unknown"
    INVESTIGATING = "investigating"
    NOT_AFFECTED = "not-affected"
    AFFECTED = "affected"
    CONTAINED = "contained"
    ERADICATED = "eradicated"
    RECOVERED = "recovered"

    @property
    def label(self) -> str:
        """As people write it."""
        return self.value.replace("-", " ")

    @property
    def affected(self) -> bool | None:
        """Whether the incident has hit it; `None` where that is not known yet."""
        if self in (ResponseState.UNKNOWN, ResponseState.INVESTIGATING):
            return None
        return self is not ResponseState.NOT_AFFECTED


class Field(StrEnum):
    """What an organisation may state; the value is the name in documents and in `Assessment`."""

    FUNCTIONAL_IMPACT = "functional_impact"
    INFORMATION_IMPACT = "information_impact"
    RECOVERABILITY = "recoverability"
    ESSENTIAL_SERVICE = "essential_service"
    DANGER = "danger"
    STILL_SPREADING = "still_spreading"
    PERSONAL_DATA = "personal_data"
    CONFIDENCE = "confidence"
    COUNTS = "counts"
    RESPONSE = "response"
    """The response state: stated by an act of its own, beside the assessment."""

    @property
    def label(self) -> str:
        """In plain words, as a sentence begins."""
        return _LABELS[self]


_LABELS: Final[Mapping[Field, str]] = {
    Field.FUNCTIONAL_IMPACT: "Functional impact",
    Field.INFORMATION_IMPACT: "Information impact",
    Field.RECOVERABILITY: "Recoverability",
    Field.ESSENTIAL_SERVICE: "An essential service is hit",
    Field.DANGER: "Danger to life, health or safety systems",
    Field.STILL_SPREADING: "Still spreading",
    Field.PERSONAL_DATA: "Personal data",
    Field.CONFIDENCE: "Confidence",
    Field.COUNTS: "Counts",
    Field.RESPONSE: "Response state",
}

LADDERS: Final[Mapping[Field, type[Ladder]]] = {
    Field.FUNCTIONAL_IMPACT: FunctionalImpact,
    Field.INFORMATION_IMPACT: InformationImpact,
    Field.RECOVERABILITY: Recoverability,
    Field.DANGER: Danger,
    Field.PERSONAL_DATA: PersonalData,
}
"""The fields that hold one word of a ladder."""

YES_OR_NO: Final = (Field.ESSENTIAL_SERVICE, Field.STILL_SPREADING)


@dataclass(frozen=True, slots=True)
class Span:
    """A number that lies between two, both included; exact where they are equal."""

    low: int
    high: int

    @property
    def exact(self) -> bool:
        """Tell whether it is one number."""
        return self.low == self.high


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one organisation states about itself at one time; `None` is *not stated*.

    Args:
        confidence: in what it says here, 0 to 100.
        counts: kind of entity (`entity-type-ov`, or a key of one's own in that form) → how many.
            A kind that is missing is not stated; zero says that there is none.
    """

    functional_impact: FunctionalImpact | None = None
    information_impact: InformationImpact | None = None
    recoverability: Recoverability | None = None
    essential_service: bool | None = None
    danger: Danger | None = None
    still_spreading: bool | None = None
    personal_data: PersonalData | None = None
    confidence: int | None = None
    counts: Mapping[str, Span] = field(default_factory=dict)


def read_assessment(document: Any, *, at: str = "assessment") -> Assessment:
    """Read what was stated, and nothing that was not.

    Args:
        document: a JSON value.
        at: what a refusal calls it.

    Raises:
        InvalidError: a field that is unknown, or a value that it can't hold.
    """
    stated = _object(document, at)
    known = {name.value for name in Field} - {Field.RESPONSE.value}
    unknown = sorted(str(name) for name in stated if name not in known)
    if unknown:
        raise InvalidError(
            f"an assessment has no field “{unknown[0][:_SHOWN]}”",
            field=f"{at}.{unknown[0][:_SHOWN]}",
            hint=f"the fields are {', '.join(sorted(known))}",
        )
    values = {
        name: _read_field(Field(name), value, f"{at}.{name}") for name, value in stated.items()
    }
    return Assessment(**values)


def assessment_document(assessment: Assessment) -> dict[str, Any]:
    """Give the JSON object that holds what was stated, and nothing else."""
    document: dict[str, Any] = {}
    for name in Field:
        if name is Field.RESPONSE:
            continue
        value = getattr(assessment, name)
        if name is Field.COUNTS:
            if value:
                document[name.value] = {
                    kind: {"low": value[kind].low, "high": value[kind].high}
                    for kind in sorted(value)
                }
        elif value is not None:
            document[name.value] = value.value if isinstance(value, Ladder) else value
    return document


def describe_stated(stated: Assessment, name: Field) -> str | None:
    """Give what is stated in one field in plain words; `None` where it is not stated."""
    value = getattr(stated, name.value, None)
    if value is None or value == {}:
        return None
    if isinstance(value, Ladder):
        return value.label
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{_range(span)} {kind}" for kind, span in sorted(value.items()))
    return f"{value} of 100"


def _range(span: Span) -> str:
    return str(span.low) if span.exact else f"{span.low} to {span.high}"


def read_kind(kind: Any, at: str) -> str:
    """Read a kind of entity: one of `entity-type-ov`, or a key of one's own in that form.

    Raises:
        InvalidError: it has another form.
    """
    if isinstance(kind, str) and len(kind) <= _LONGEST_KIND and _KIND.fullmatch(kind):
        return kind
    said = f"“{kind[:_SHOWN]}”" if isinstance(kind, str) else "this"
    raise InvalidError(
        f"{said} is no kind of entity",
        field=at,
        hint=f"lower-case words with dashes, like computers-server, up to {_LONGEST_KIND} letters",
    )


def _read_field(name: Field, value: Any, at: str) -> Any:
    if value is None:
        raise InvalidError(
            f"{name.label.lower()} is empty", field=at, hint="leave out what is not stated"
        )
    if name in LADDERS:
        return _word(LADDERS[name], value, at)
    if name in YES_OR_NO:
        if not isinstance(value, bool):
            raise InvalidError(f"{name.label.lower()}: it is true or false", field=at)
        return value
    if name is Field.CONFIDENCE:
        return _number(value, at, most=100)
    return _counts(value, at)


def _word(ladder: type[Ladder], value: Any, at: str) -> Ladder:
    words = {word.value: word for word in ladder}
    if not isinstance(value, str) or value not in words:
        said = f"“{value[:_SHOWN]}”" if isinstance(value, str) else "this"
        raise InvalidError(f"{said} is not one of {', '.join(words)}", field=at)
    return words[value]


def _number(value: Any, at: str, *, most: int = _LARGEST) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise InvalidError(f"this is no whole number from 0 to {most}", field=at)
    return value


def _counts(value: Any, at: str) -> dict[str, Span]:
    counts = _object(value, at)
    if not counts:
        raise InvalidError("no kind is counted", field=at, hint="leave out what is not stated")
    if len(counts) > _MOST_KINDS:
        raise InvalidError(f"more than {_MOST_KINDS} kinds are counted", field=at)
    return {read_kind(kind, at): _span(span, f"{at}.{kind}") for kind, span in counts.items()}


def _span(value: Any, at: str) -> Span:
    ends = _object(value, at)
    if set(ends) != {"low", "high"}:
        raise InvalidError("a count is written as low and high", field=at)
    span = Span(_number(ends["low"], f"{at}.low"), _number(ends["high"], f"{at}.high"))
    if span.low > span.high:
        raise InvalidError(f"low ({span.low}) is above high ({span.high})", field=at)
    return span


def _object(value: Any, at: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise InvalidError("this is no object", field=at)
    return value

"""Forms: what a person typed, read into types, and what to say where it does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.datastructures import MultiDict

from hub.channels.preview import Sight
from policies.errors import CoordinationError, InvalidError

REHEARSE: Final = "rehearse"
"""What the button *Who will see this?* sends: the form is played through, and nothing is kept."""
NOT_OURS: Final = frozenset({"csrf_token", "back", REHEARSE})

SENTENCES: Final[Mapping[str, str]] = {
    "missing": "Please fill this in.",
    "string_too_short": "Please fill this in.",
    "string_too_long": "This is too long: {max_length} characters at most.",
    "string_pattern_mismatch": "This does not have the form that is expected here.",
    "enum": "Please choose one of the options.",
    "literal_error": "Please choose one of the options.",
    "bool_parsing": "Please answer yes or no.",
    "int_parsing": "Please give a whole number.",
    "int_from_float": "Please give a whole number.",
    "greater_than_equal": "Please give at least {ge}.",
    "less_than_equal": "Please give at most {le}.",
    "too_short": "Please choose at least one.",
    "too_long": "Please choose at most {max_length}.",
    "datetime_from_date_parsing": "Please give date and time in UTC, like 2026-03-01 14:30.",
    "datetime_parsing": "Please give date and time in UTC, like 2026-03-01 14:30.",
    "date_from_datetime_parsing": "Please give a date, like 2026-03-01.",
    "date_parsing": "Please give a date, like 2026-03-01.",
    "extra_forbidden": "This form has no such field.",
}
NO_CHARACTER: Final = "\x00"
"""What no ledger and no database takes (protocol, 3)."""
_NO_CHARACTER_SENTENCE: Final = "This holds a character that nobody sees: please type it anew."


class PageForm(BaseModel):
    """The base of our forms: bounded fields, nothing unknown, blanks at the rim taken off."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


F = TypeVar("F", bound=PageForm)


@dataclass(frozen=True)
class Rehearsed:
    """A form that was played through without being kept.

    Args:
        is_whole: it was filled in and played through.
        sights: who would read what it writes; where it was played through and there is nothing
            here, it stays on this node.
        refusal: why it would be refused.
    """

    is_whole: bool = False
    sights: tuple[Sight, ...] = ()
    refusal: str | None = None


@dataclass(frozen=True)
class Filled(Generic[F]):
    """One form as it came back: the typed value, or what to show beside its fields.

    Args:
        form: the value; None where something did not fit.
        values: field → what was typed, shown again so that nobody types twice.
        errors: field → sentence.
        problem: a refusal that belongs to no single field.
        hint: what to do about it.
        rehearsed: what came of playing it through, where that was asked.
    """

    form: F | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None
    hint: str | None = None
    rehearsed: Rehearsed | None = None

    def refused(self, error: CoordinationError) -> Filled[F]:
        """Say the refusal of a service beside the field that it names, or above the form."""
        name = (error.field or "").rpartition(".")[2]
        if name in self.values:
            sentence = " ".join(part for part in (as_sentence(error.message), error.hint) if part)
            return replace(self, form=None, errors={**self.errors, name: sentence})
        return replace(self, form=None, problem=as_sentence(error.message), hint=error.hint)

    @property
    def touched(self) -> bool:
        """Tell whether this form came back, with something to mend or to look at."""
        return bool(self.errors or self.problem or self.rehearsed)


def as_sentence(text: str) -> str:
    """Begin with a capital and end with a full stop, whatever the rule's wording was."""
    text = text.strip()
    if not text:
        return text
    if "://" in text.partition(" ")[0]:
        text = f"The node at {text}"
    ending = "" if text[-1] in ".!?:”" else "."
    return text[0].upper() + text[1:] + ending


def read_form(model: type[F], data: MultiDict[str, str]) -> Filled[F]:
    """Read what the browser sent into `model`; an empty field counts as not given."""
    values: dict[str, Any] = {}
    for name in data:
        if name in NOT_OURS:
            continue
        info = model.model_fields.get(name)
        if info is not None and get_origin(info.annotation) in {list, tuple, frozenset}:
            values[name] = data.getlist(name)
        else:
            values[name] = data.get(name, "")
    given = {name: value for name, value in values.items() if value not in ("", [])}
    unseen = [name for name, value in values.items() if value != _without(value)]
    errors = dict.fromkeys(unseen, _NO_CHARACTER_SENTENCE)
    values |= {name: _without(values[name]) for name in unseen}
    try:
        form = model.model_validate(given)
    except ValidationError as error:
        return Filled(values=values, errors=_sentences(error) | errors)
    return Filled(form=None if errors else form, values=values, errors=errors)


def sentences_of(value: object) -> list[str]:
    """Give what the forms say that came back, wherever a page is given them: alone or several."""
    if isinstance(value, Filled):
        return [one for one in (value.problem, *value.errors.values()) if one]
    several = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
    return [
        said for one in several.values() if isinstance(one, Filled) for said in sentences_of(one)
    ]


def _without(value: str | list[str]) -> str | list[str]:
    """Give what is shown again of what holds no character."""
    if isinstance(value, str):
        return value.replace(NO_CHARACTER, "")
    return [one.replace(NO_CHARACTER, "") for one in value]


def _sentences(error: ValidationError) -> dict[str, str]:
    """Turn pydantic's findings into one sentence for each field."""
    found: dict[str, str] = {}
    for item in error.errors(include_url=False):
        name = str(item["loc"][0]) if item["loc"] else ""
        if item["type"] in {"value_error", "assertion_error"}:
            sentence = as_sentence(str(item["ctx"]["error"]))
        else:
            sentence = SENTENCES.get(item["type"], "This can't be read.").format(
                **item.get("ctx", {})
            )
        found.setdefault(name, sentence)
    return found


def as_utc(at: datetime | None) -> datetime | None:
    """Read a time without a zone as UTC, which pages ask for.

    Raises:
        InvalidError: it lies beyond what can be written.
    """
    if at is None:
        return None
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise InvalidError("this is no time that anybody meant") from None

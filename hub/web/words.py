"""How values read on a page: instants, spans, counts, labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar, assert_never

from markupsafe import Markup

from policies.directory import WayKind, link_of
from policies.ladders import Ladder
from policies.tlp import TLP

_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What turns the direction of all that follows, or acts on a terminal, and is never seen itself."""
_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=14)
_NUMBER: Final = re.compile(r"\+?[0-9(][0-9 ()/.\-]{2,39}", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LEAST_IN_WORDS: Final = len("tel:12345")
"""A shorter number among words is a room, or a year."""

E = TypeVar("E", bound=StrEnum)


def visible(value: Any) -> Any:
    """Give a text with what acts unseen made visible; anything else, and markup, as it is.

    Whoever turns the direction of writing turns what we say behind it as well, and reads another
    name into a file: `invoice`, U+202E, `fdp.exe`.
    """
    return _UNSEEN.sub("\ufffd", value) if type(value) is str else value


def instant(at: datetime) -> str:
    """Write an instant as people read it: `2026-03-01 14:30 UTC`."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def time_tag(at: datetime | None, *, now: datetime | None = None, never: str = "never") -> Markup:
    """Give the instant as a `<time>`; with `now`, how far away it is, the instant as its title."""
    if at is None:
        return Markup("<span class='quiet'>{}</span>").format(never)
    machine = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    text = instant(at) if now is None else distance(at, now)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(machine, instant(at), text)


def date_tag(at: datetime) -> Markup:
    """Give the date as a `<time>`, the instant as its title."""
    machine = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    text = at.astimezone(UTC).strftime("%Y-%m-%d")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(machine, instant(at), text)


def distance(at: datetime, now: datetime) -> str:
    """Say how long ago or how far ahead: `4 min ago`, `in 3 h`; far away, the date."""
    span = now - at
    ahead = span < timedelta(0)
    span = abs(span)
    if span < _MINUTE:
        return "in a moment" if ahead else "just now"
    if span < _HOUR:
        amount = f"{span // _MINUTE} min"
    elif span < 2 * _DAY:
        amount = f"{span // _HOUR} h"
    elif span < _WEEK:
        amount = f"{span // _DAY} days"
    else:
        return at.astimezone(UTC).strftime("%Y-%m-%d")
    return f"in {amount}" if ahead else f"{amount} ago"


def count(number: int, one: str, many: str | None = None) -> str:
    """Write a number with its noun: `1 entry`, `12 entries`."""
    noun = one if number == 1 else many or f"{one}s"
    return f"{number:,} {noun}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def short(hexadecimal: str, length: int = 12) -> str:
    """Shorten a hash or an id for the eye; the full one stands in the title."""
    return hexadecimal if len(hexadecimal) <= length else f"{hexadecimal[:length]}…"


def tlp_meaning(label: TLP) -> str:
    """Say in one breath who may read what carries this label."""
    match label:
        case TLP.RED:
            return "For the named readers only. Do not pass on."
        case TLP.AMBER_STRICT:
            return "For your own organisation only, who needs to know."
        case TLP.AMBER:
            return "For your organisation and its clients, who need to know."
        case TLP.GREEN:
            return "For your community. Not for the public."
        case TLP.CLEAR:
            return "For everyone."
    assert_never(label)


def day(at: datetime) -> str:
    """Write the day as a heading does: `Saturday, 2026-03-01`."""
    return at.astimezone(UTC).strftime("%A, %Y-%m-%d, %H:%M UTC")


def pairs(words: Mapping[E, str]) -> list[tuple[str, str]]:
    """Give what can be chosen: value and word."""
    return [(key.value, word) for key, word in words.items()]


def label_pairs(labels: Iterable[TLP | Ladder]) -> list[tuple[str, str]]:
    """Give labels, or words of a ladder, that can be chosen: value and name."""
    return [(label.value, label.label) for label in labels]


def typed(at: datetime | None) -> str:
    """Write an instant as people type it: `2026-03-01 14:30`, in UTC."""
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def contact_parts(text: str) -> list[tuple[str, str | None]]:
    """Take apart how somebody is reached, as a person noted it: words, and numbers to call.

    Returns:
        Each part with the address behind which a telephone opens, `None` for words.
    """
    parts: list[tuple[str, str | None]] = []
    at = 0
    for found in _NUMBER.finditer(text):
        number = found[0].rstrip(" (./-")
        link = link_of(WayKind.TELEPHONE, number)
        is_short = len(link or "") < _LEAST_IN_WORDS and number != text.strip()
        if link is None or is_short or _DATE.match(number):
            continue
        end = found.start() + len(number)
        parts += [(text[at : found.start()], None), (number, link)]
        at = end
    return [(part, link) for part, link in [*parts, (text[at:], None)] if part]

"""What an entry covers, as views take it: an object's label, its words, and times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from federation.judging.judged import Covered, Judged
from policies.tlp import TLP
from sharing.canonical import read_time

TEXT_CHARACTERS: Final = 20_000
"""How much of somebody's words a view keeps."""
_WORDS: Final = ("content", "description")


def find_covered(judged: Judged, ref: str) -> Covered | None:
    """Give an object that an entry covers, by its STIX id."""
    return next((one for one in judged.covered if one.item.ref == ref), None)


def covered_of(judged: Judged, stix_type: str) -> Iterator[Covered]:
    """Give the objects of one type that an entry covers, in order."""
    return (one for one in judged.covered if one.item.ref.startswith(f"{stix_type}--"))


def find_note(judged: Judged) -> Covered | None:
    """Give the words that came with an entry."""
    return next(covered_of(judged, "note"), None)


def label_of(one: Covered | None) -> TLP:
    """Give the label that its bundle states; what states none is not above GREEN."""
    return (one.claimed if one is not None else None) or TLP.GREEN


def text_of(one: Covered | None, *names: str, limit: int = TEXT_CHARACTERS) -> str | None:
    """Give an object's words, as `words_in` does; `None` where it is not here."""
    if one is None or one.stix is None:
        return None
    return words_in(one.stix.value, *names, limit=limit)


def words_in(value: Mapping[str, Any], *names: str, limit: int = TEXT_CHARACTERS) -> str | None:
    """Give the words that an object holds, where it has any.

    Args:
        names: of the properties that may hold them, the first that does counts; those of a note
            and of an incident where none are given.
    """
    words = next((value[name] for name in names or _WORDS if value.get(name)), None)
    return str(words)[:limit] if words else None


def time_of(text: str | None) -> datetime | None:
    """Read a time that a body may leave out."""
    return read_time(text) if text else None

"""What members of a case share to look for, and what each of them found.

Source: lifecycles, 13 (*sighting.reported*); records, 4.2 (*Sighting*).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

FALSE_POSITIVE: Final = "false-positive"
"""The label of a sighting that says: what was found there is harmless."""


class IntelKind(StrEnum):
    """What is kept of a case's intelligence."""

    INDICATOR = "indicator"
    OTHER = "other"
    """Malware, a vulnerability, a report, an observation: to know, not to match."""
    SIGHTING = "sighting"
    NOTE = "note"


class Verdict(StrEnum):
    """What an organisation says of an indicator at its own place."""

    SEEN = "seen"
    NOT_FOUND = "not-found"
    FALSE_POSITIVE = "false-positive"


def verdict_of(count: int | None, labels: Iterable[str]) -> Verdict:
    """Read a sighting: a count of none is searched and not found; none given is seen."""
    if FALSE_POSITIVE in labels:
        return Verdict.FALSE_POSITIVE
    return Verdict.NOT_FOUND if count == 0 else Verdict.SEEN


@dataclass(frozen=True, slots=True)
class Said:
    """One organisation's word on one indicator."""

    organisation: str
    verdict: Verdict
    at: datetime
    ref: str


def newest_words(words: Iterable[Said]) -> Mapping[str, Verdict]:
    """Give the newest word of each organisation: who looked again counts once."""
    newest: dict[str, Said] = {}
    for one in words:
        kept = newest.get(one.organisation)
        if kept is None or (one.at, one.ref) > (kept.at, kept.ref):
            newest[one.organisation] = one
    return {who: one.verdict for who, one in newest.items()}


class Standing(StrEnum):
    """Whether an indicator is still to be used."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    RECALLED = "recalled"


def standing_of(
    *, valid_until: datetime | None, revoked: bool, recalled: bool, now: datetime
) -> Standing:
    """Say whether it is still to be used: what was taken back stands above what has run out."""
    if recalled:
        return Standing.RECALLED
    if revoked:
        return Standing.REVOKED
    if valid_until is not None and valid_until <= now:
        return Standing.EXPIRED
    return Standing.VALID

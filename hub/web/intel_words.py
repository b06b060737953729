"""What a page says of what there is to look for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hub.cases.intel import IntelItem
from hub.web.models import State, Tone
from policies.intel import IntelKind, Standing, Verdict

VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.SEEN: "Seen",
    Verdict.NOT_FOUND: "Searched, not found",
    Verdict.FALSE_POSITIVE: "False positive",
}
_FOUND: Final[Mapping[Verdict, str]] = {
    Verdict.SEEN: "seen by",
    Verdict.NOT_FOUND: "searched and not found by",
    Verdict.FALSE_POSITIVE: "a false positive at",
}
_SIGHTED: Final[Mapping[Verdict, str]] = {
    Verdict.SEEN: "has seen",
    Verdict.NOT_FOUND: "searched for and did not find",
    Verdict.FALSE_POSITIVE: "says it is a false positive:",
}
STANDINGS: Final[Mapping[Standing, State]] = {
    Standing.EXPIRED: State("has run out", Tone.ENDED),
    Standing.REVOKED: State("revoked", Tone.TROUBLE),
    Standing.RECALLED: State("taken back", Tone.ENDED),
}
_NOT_HERE: Final = "words that are not here"


def what(item: IntelItem) -> str:
    """Say what it is, in one line."""
    if item.kind is IntelKind.SIGHTING and item.verdict is not None:
        return f"{_SIGHTED[item.verdict]} {item.about_title or 'something that is not here'}"
    if item.kind is IntelKind.NOTE:
        return item.text or item.title or _NOT_HERE
    return item.title or item.pattern or item.text or _NOT_HERE


def found(item: IntelItem) -> str:
    """Say who found it, each organisation by its newest word."""
    parts = []
    for verdict, words in _FOUND.items():
        names = [one.name for one in item.found if one.verdict is verdict]
        if names:
            parts.append(f"{words} {len(names)}: {', '.join(names)}")
    return "; ".join(parts)


def may_be_revoked(item: IntelItem, us: str) -> bool:
    """Tell whether we shared it and it still holds."""
    looked_for = item.kind in {IntelKind.INDICATOR, IntelKind.OTHER}
    held = item.standing in {Standing.VALID, Standing.EXPIRED}
    return looked_for and held and item.author == us


def may_be_sighted(item: IntelItem) -> bool:
    """Tell whether somebody can say that it was found."""
    looked_for = item.kind in {IntelKind.INDICATOR, IntelKind.OTHER}
    return looked_for and item.standing is not Standing.RECALLED

"""Who holds what, as pages show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from federation.judging.holding import Due, Holder, Holding
from hub.channels.holders import HolderRow, Holders
from hub.web.models import State, Tone
from sharing.canonical import read_time


@dataclass(frozen=True)
class HolderLine:
    """One member in the list of who holds a channel."""

    name: str
    is_us: bool
    state: State
    sentence: str
    at: datetime | None


@dataclass(frozen=True)
class HoldingPart:
    """Who holds a channel, as its page shows it.

    Args:
        alarming: somebody names another history than ours.
    """

    sentence: str
    lines: tuple[HolderLine, ...]
    alarming: bool


@dataclass(frozen=True)
class WordLine:
    """One organisation and one content: whether it has it, since when, by whose signature."""

    name: str
    state: State
    sentence: str
    since: datetime | None
    jws: str | None


@dataclass(frozen=True)
class HoldingSheet:
    """One content of an object, or an entry, and who has held it."""

    ref: str
    type: str
    short: str
    version: str | None
    place: tuple[int, int]
    at: datetime
    is_entry: bool
    lines: tuple[WordLine, ...]


def holding_part(found: Holders) -> HoldingPart:
    """Give what the page of a channel shows."""
    lines = tuple(_line(row) for row in found.rows)
    alarming = any(row.holding.contradicts for row in found.rows)
    return HoldingPart(found.sentence, lines, alarming)


def sheet_of(one: Holding) -> HoldingSheet:
    """Give what the page of an object shows of one of its contents."""
    covered = one.covered
    return HoldingSheet(
        ref=covered.ref,
        type=covered.ref.partition("--")[0],
        short=covered.ref.partition("--")[2][:8],
        version=covered.version,
        place=covered.place,
        at=read_time(covered.at),
        is_entry=covered.sha256 == covered.entry,
        lines=tuple(_word_line(holder) for holder in one.holders),
    )


def _line(row: HolderRow) -> HolderLine:
    one = row.holding
    if one.contradicts:
        state = State("another history", Tone.TROUBLE)
    elif one.without_node:
        state = State("no node", Tone.CALM)
    elif row.holds_all:
        state = State("holds all", Tone.GOOD)
    elif one.silent:
        state = State("silent", Tone.TROUBLE)
    elif one.head is None:
        state = State("said nothing yet", Tone.WAITING)
    else:
        state = State(f"{one.behind} behind", Tone.WAITING)
    return HolderLine(row.name, row.is_us, state, row.sentence, one.at)


def _word_line(one: Holder) -> WordLine:
    if one.due is Due.WITHHELD:
        state = State("withheld", Tone.CALM)
    elif one.due is Due.WITHOUT_NODE:
        state = State("no node", Tone.CALM)
    elif one.due is Due.GONE:
        state = State("gone before", Tone.ENDED)
    elif one.recalled is not None:
        state = State("recalled", Tone.ENDED)
    elif one.said is not None:
        state = State("has it", Tone.GOOD)
    else:
        state = State("due", Tone.WAITING)
    said = one.said or one.recalled
    return WordLine(
        name=one.name,
        state=state,
        sentence=one.words,
        since=read_time(said.at) if said is not None else None,
        jws=said.jws if said is not None else None,
    )

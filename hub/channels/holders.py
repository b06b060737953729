"""Who holds a channel, and who has held one of its objects since when, in plain words."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.orm import Session

from federation.judging.bundles import Position
from federation.judging.holding import Holding
from federation.judging.state import Place
from federation.ledgers.ledger import head_of
from federation.ledgers.ledger_records import ChannelRecord
from federation.ledgers.told_alone import entries_told_alone
from federation.witnesses.delivery import MemberHolding, find_members
from federation.witnesses.holdings import find_entry_holding, find_holdings
from hub.accounts.actor import Actor
from hub.channels.history import answers_what_is_told_alone
from hub.channels.names import names_in
from hub.channels.service import get_visible_channel
from policies.errors import ForbiddenError, NotFoundError

_PLACE: Final = re.compile(r"(\d{1,9})[/-](\d{1,15})", re.ASCII)
_NAMED: Final = 3
"""How many of those who do not hold everything one sentence names."""


@dataclass(frozen=True)
class HolderRow:
    """How far one member holds a channel.

    Args:
        holds_all: it holds all that is here; of ourselves, that we know.
        sentence: what there is to know, in plain words.
    """

    holding: MemberHolding
    name: str
    is_us: bool
    holds_all: bool
    sentence: str


@dataclass(frozen=True)
class Holders:
    """Who holds a channel.

    Args:
        held_by, of: how many of the members that have a node hold all that is here.
    """

    head: Position | None
    held_by: int
    of: int
    sentence: str
    rows: tuple[HolderRow, ...]


def visible_holders(
    session: Session, actor: Actor, channel: str, *, us: str, now: datetime
) -> Holders:
    """Give who holds a channel: each by its own signed word, the owner by its entries.

    Raises:
        NotFoundError: there is no such channel, or this person may not know of it.
    """
    record = get_visible_channel(session, actor, channel)
    if record.state is None:
        return Holders(None, 0, 0, "Nothing of it was read yet.", ())
    names = names_in(session, channel)
    rows = [_row(one, names, us=us) for one in find_members(session, record, now=now)]
    counted = [row for row in rows if not row.holding.without_node]
    held_by = sum(row.holds_all for row in counted)
    sentence = _sentence(held_by, counted)
    return Holders(head_of(record), held_by, len(counted), sentence, tuple(rows))


def visible_holdings(session: Session, actor: Actor, channel: str, ref: str) -> list[Holding]:
    """Give who has held an object or an entry since when, and who vouches.

    Args:
        ref: STIX id of the object, or the place of the entry, as `EPOCH/SEQ` or `EPOCH-SEQ`.

    Raises:
        NotFoundError: there is no such channel, or nothing of that name in its ledger.
        ForbiddenError: it was told us alone, and the actor is not among those who read that.
        ConflictError: nothing of it has been read yet.
    """
    record = get_visible_channel(session, actor, channel)
    name = _namer(session, record)
    place = _PLACE.fullmatch(ref)
    close: Collection[Place] = ()
    if not answers_what_is_told_alone(actor):
        close = entries_told_alone(session, record)
    if place is None:
        found = find_holdings(session, record, ref, name)
        shown = [one for one in found if one.covered.place not in close]
        if not shown:
            raise NotFoundError("this channel's ledger covers no such object", field="object")
        return shown
    at = int(place[1]), int(place[2])
    if at in close:
        # With its id and its hash what it says could be tried out.
        raise ForbiddenError(
            "this was told you alone", hint="A coordinator or a handler sees who has it."
        )
    entry, refs = find_entry_holding(session, record, at, name)
    # An object that was covered before has its answer with the entry that covered it first.
    objects = [one for ref in refs for one in find_holdings(session, record, ref, name)]
    return [entry, *(one for one in objects if one.covered.place == at)]


def _namer(session: Session, record: ChannelRecord) -> Callable[[str], str]:
    names = names_in(session, record.id)
    return lambda organisation: names.get(organisation, organisation)


def _row(one: MemberHolding, names: Mapping[str, str], *, us: str) -> HolderRow:
    is_us = one.organisation == us
    holds_all = one.holds_all or is_us
    return HolderRow(
        holding=one,
        name=names.get(one.organisation, one.organisation),
        is_us=is_us,
        holds_all=holds_all,
        sentence=_words(one, is_us=is_us),
    )


def _words(one: MemberHolding, *, is_us: bool) -> str:
    said = []
    if one.without_node:
        return "It has no node: it is told by the coordinator."
    if one.voucher == "owner":
        said.append("Its own entries are its word: it wrote this ledger.")
    elif is_us and one.behind:
        said.append("All that is here was verified; our receipt for it is on its way.")
    elif one.head is None:
        said.append("It has not said that it holds anything yet.")
    elif one.behind:
        said.append(f"{_behind(one)}.")
    else:
        said.append("It holds all that is here, and signed that.")
    if one.contradicts:
        places = ", ".join(f"{epoch}/{seq}" for epoch, seq in one.contradicts[:_NAMED])
        said.append(
            f"It signed that it was shown another entry {places} than we have. Call them: either"
            " the coordinator shows two histories, or they signed what is not so."
        )
    if one.silent and not is_us:
        said.append("It has been silent for more than a day.")
    if one.hidden_since is not None:
        who = "our receipts" if is_us else "its receipts"
        said.append(
            f"The coordinator has not passed on {who} since {_instant(one.hidden_since)}: it may"
            " be out of reach, or be hiding them."
        )
    if one.sentence is not None:
        said.append(f"When we asked its node: {one.sentence}.")
    return " ".join(said)


def _sentence(held_by: int, rows: list[HolderRow]) -> str:
    """Say it in one line: held by 5 of 6; Grid is 14 entries behind since 09:12."""
    parts = [f"Held by {held_by} of {len(rows)}"]
    late = [row for row in rows if not row.holds_all]
    for row in late[:_NAMED]:
        behind = _behind(row.holding) if row.holding.head is not None else "has not said anything"
        parts.append(f"{row.name} {behind}")
    if len(late) > _NAMED:
        parts.append(f"and {len(late) - _NAMED} more are behind")
    return "; ".join(parts) + "."


def _behind(one: MemberHolding) -> str:
    entries = "1 entry" if one.behind == 1 else f"{one.behind} entries"
    since = f" since {_instant(one.behind_since)}" if one.behind_since is not None else ""
    return f"is {entries} behind{since}"


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")

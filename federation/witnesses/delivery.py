"""How far each member holds a channel of this node, by its own signed word.

Source: protocol, 10 (*Receipts*).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session, aliased

from federation.judging.bundles import Position
from federation.judging.state import Member, Place
from federation.ledgers.ledger import get_state, head_of
from federation.ledgers.ledger_records import ChannelRecord, EntryRecord
from federation.ledgers.places import stands_at
from federation.ledgers.receipt_records import ReceiptRecord, WitnessRecord
from federation.ledgers.sources import source_of
from federation.witnesses.vouching import RECEIPT_AT_LEAST_EVERY
from federation.witnesses.witnesses import find_contradictions, is_on_chain
from sharing.bulk import listed

SILENT_AFTER: Final = RECEIPT_AT_LEAST_EVERY + timedelta(hours=1)
"""Whose last receipt is older than this is shown as silent: it gives one a day at least."""
HIDDEN_AFTER: Final = timedelta(minutes=10)
"""How long the owner may take to pass on a receipt before that is shown."""


@dataclass(frozen=True, slots=True)
class MemberHolding:
    """How far one member holds a channel, by its own signed word.

    Args:
        voucher: `owner`: its entries are its word; `receipt`; `None`: it gave none yet.
        head: the newest place that it vouched for on our chain.
        at: when, it says.
        kept_at: when its word came here.
        behind: how many entries of our chain it has not vouched for.
        behind_since: ledger time of the first of them.
        silent: it gave no receipt for longer than a day.
        hidden_since: since when the owner has not passed on what it says.
        contradicts: places where it names another entry than ours.
        asked_at, answered_at, sentence: how our own questions went.
        jws: its newest receipt.
    """

    organisation: str
    without_node: bool
    voucher: str | None
    head: Position | None
    at: datetime | None
    kept_at: datetime | None
    behind: int
    behind_since: datetime | None
    silent: bool
    hidden_since: datetime | None
    contradicts: tuple[Place, ...]
    asked_at: datetime | None
    answered_at: datetime | None
    sentence: str | None
    jws: str | None

    @property
    def holds_all(self) -> bool:
        """Tell whether it holds all that is here."""
        return self.head is not None and self.behind == 0


@dataclass(frozen=True, slots=True)
class _Said:
    """What one member's receipts say.

    Args:
        furthest: the one for the furthest entry of our chain, the newest of them.
        last: the one that came here last.
    """

    furthest: ReceiptRecord | None
    last: ReceiptRecord | None


def find_members(session: Session, record: ChannelRecord, *, now: datetime) -> list[MemberHolding]:
    """Give how far each present member holds a channel, in the order of the ledger's members."""
    state = get_state(session, record)
    head = head_of(record)
    present = [one for one in state.members.values() if one.is_joined]
    others = [one for one in present if one.organisation != state.owner]
    witnesses = {
        row.organisation: row
        for row in session.scalars(select(WitnessRecord).where(WitnessRecord.channel == record.id))
    }
    contradictions = _contradictions(session, record.id)
    said = _said(session, record.id, others)
    behind = _behind(session, record.id, head, others, said)
    hidden = _hidden_since(session, record, others, witnesses.get(source_of(record)))
    silent = _silent(session, record.id, others, said, now)
    found = []
    for member in present:
        who = member.organisation
        witness = witnesses.get(who)
        if who == state.owner:
            found.append(_owner(member, head, record, witness))
            continue
        held = said[who].furthest
        count, since = behind[who]
        found.append(
            MemberHolding(
                organisation=who,
                without_node=member.without_node,
                voucher="receipt" if held is not None else None,
                head=Position(held.epoch, held.seq, held.sha256) if held is not None else None,
                at=held.at if held is not None else None,
                kept_at=held.kept_at if held is not None else None,
                behind=count,
                behind_since=since,
                silent=who in silent,
                hidden_since=hidden.get(who),
                contradicts=tuple(contradictions.get(who, ())),
                asked_at=witness.asked_at if witness is not None else None,
                answered_at=witness.answered_at if witness is not None else None,
                sentence=witness.sentence if witness is not None else None,
                jws=held.jws if held is not None else None,
            )
        )
    return found


def _owner(
    member: Member, head: Position | None, record: ChannelRecord, witness: WitnessRecord | None
) -> MemberHolding:
    return MemberHolding(
        organisation=member.organisation,
        without_node=member.without_node,
        voucher="owner",
        head=head,
        at=record.head_at,
        kept_at=record.applied_at,
        behind=0,
        behind_since=None,
        silent=False,
        hidden_since=None,
        contradicts=(),
        asked_at=witness.asked_at if witness is not None else None,
        answered_at=witness.answered_at if witness is not None else None,
        sentence=witness.sentence if witness is not None else None,
        jws=None,
    )


def _said(session: Session, channel: str, members: Sequence[Member]) -> dict[str, _Said]:
    """Give what each member's receipts say, by organisation."""
    asked = listed(session, [one.organisation for one in members])
    theirs = select(ReceiptRecord.id).where(
        ReceiptRecord.channel == channel, ReceiptRecord.author == asked.c.value
    )
    furthest = (
        theirs.join(EntryRecord, is_on_chain())
        .order_by(ReceiptRecord.epoch.desc(), ReceiptRecord.seq.desc(), ReceiptRecord.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    last = theirs.order_by(ReceiptRecord.id.desc()).limit(1).scalar_subquery()
    found = session.execute(select(asked.c.value, furthest, last)).all()
    ids = {number for _, *numbers in found for number in numbers if number is not None}
    rows = session.scalars(select(ReceiptRecord).where(ReceiptRecord.id.in_(ids)))
    receipts = {row.id: row for row in rows}
    return {who: _Said(receipts.get(first), receipts.get(second)) for who, first, second in found}


def _contradictions(session: Session, channel: str) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for row in find_contradictions(session, channel):
        places = found.setdefault(row.author, [])
        if (row.epoch, row.seq) not in places:
            places.append((row.epoch, row.seq))
    return found


def _behind(
    session: Session,
    channel: str,
    head: Position | None,
    members: Sequence[Member],
    said: Mapping[str, _Said],
) -> dict[str, tuple[int, datetime | None]]:
    """Count the entries that each member has not vouched for, and give the time of the first.

    In each epoch our chain has one entry at every place between the first and the last.
    """
    if head is None:
        return {one.organisation: (0, None) for one in members}
    spans = session.execute(
        select(EntryRecord.epoch, func.min(EntryRecord.seq), func.max(EntryRecord.seq))
        .where(EntryRecord.channel == channel)
        .group_by(EntryRecord.epoch)
        .order_by(EntryRecord.epoch)
    ).all()
    lacks: dict[str, tuple[int, Place | None]] = {}
    for member in members:
        held = said[member.organisation].furthest
        epoch, seq = (held.epoch, held.seq + 1) if held is not None else member.stays[-1].joined
        beyond = [
            (one, max(first, seq if one == epoch else first), last)
            for one, first, last in spans
            if one > epoch or (one == epoch and seq <= last)
        ]
        count = sum(last - first + 1 for _, first, last in beyond)
        lacks[member.organisation] = (count, beyond[0][:2] if beyond else None)
    firsts = _entries_at(session, channel, {place for _, place in lacks.values() if place})
    return {
        who: (count, firsts[place].created_at if place is not None else None)
        for who, (count, place) in lacks.items()
    }


def _entries_at(
    session: Session, channel: str, places: Collection[Place]
) -> dict[Place, Row[int, int, datetime, datetime]]:
    """Give when what stands at these places of our chain was written, and came to be applied."""
    rows = session.execute(
        select(
            EntryRecord.epoch, EntryRecord.seq, EntryRecord.created_at, EntryRecord.applied_at
        ).where(stands_at(EntryRecord, [(channel, epoch, seq) for epoch, seq in places]))
    )
    return {(row.epoch, row.seq): row for row in rows}


def _silent(
    session: Session,
    channel: str,
    members: Sequence[Member],
    said: Mapping[str, _Said],
    now: datetime,
) -> set[str]:
    """Give who gave no receipt for longer than a day, or none since it joined."""
    asked = [one for one in members if not one.without_node]
    never = {
        one.organisation: one.stays[-1].joined
        for one in asked
        if said[one.organisation].last is None
    }
    joined = _entries_at(session, channel, set(never.values()))
    silent = set()
    for member in asked:
        who = member.organisation
        last = said[who].last
        if last is not None:
            heard = last.kept_at
        else:
            entry = joined.get(never[who])
            heard = entry.applied_at if entry is not None else now
        if now - heard > SILENT_AFTER:
            silent.add(who)
    return silent


def _hidden_since(
    session: Session,
    record: ChannelRecord,
    members: Sequence[Member],
    owner: WitnessRecord | None,
) -> dict[str, datetime]:
    """Give since when the owner has not passed on what a member says, though it answered us."""
    if record.is_ours or owner is None or owner.answered_at is None:
        return {}
    asked = listed(session, [one.organisation for one in members])
    theirs = (ReceiptRecord.channel == record.id, ReceiptRecord.author == asked.c.value)
    shown = (
        select(func.max(ReceiptRecord.id))
        .where(*theirs, ReceiptRecord.shown_by_owner)
        .correlate(asked)
        .scalar_subquery()
    )
    after = aliased(ReceiptRecord)
    first = (
        select(func.min(after.kept_at))
        .where(
            after.channel == record.id,
            after.author == asked.c.value,
            after.id > func.coalesce(shown, 0),
        )
        .correlate(asked)
        .scalar_subquery()
    )
    return {
        who: since
        for who, since in session.execute(select(asked.c.value, first))
        if since is not None and owner.answered_at - since > HIDDEN_AFTER
    }

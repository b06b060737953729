"""How far each member holds a channel of this node, by its own signed word.

Source: protocol, 10 (*Receipts*).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from federation.judging.bundles import Position
from federation.judging.state import Member, Place
from federation.ledgers.ledger import get_state, head_of
from federation.ledgers.ledger_records import ChannelRecord, EntryRecord
from federation.ledgers.receipt_records import ReceiptRecord, WitnessRecord
from federation.ledgers.sources import source_of
from federation.witnesses.vouching import RECEIPT_AT_LEAST_EVERY, find_last
from federation.witnesses.witnesses import find_contradictions, is_on_chain

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


def find_members(session: Session, record: ChannelRecord, *, now: datetime) -> list[MemberHolding]:
    """Give how far each present member holds a channel, in the order of the ledger's members."""
    state = get_state(session, record)
    head = head_of(record)
    witnesses = {
        row.organisation: row
        for row in session.scalars(select(WitnessRecord).where(WitnessRecord.channel == record.id))
    }
    contradictions = _contradictions(session, record.id)
    taken_over = witnesses.get(source_of(record))
    found = []
    for member in state.members.values():
        if not member.is_joined:
            continue
        who = member.organisation
        if who == state.owner:
            found.append(_owner(member, head, record, witnesses.get(who)))
            continue
        held = _find_newest(session, record.id, who)
        behind, since = _behind(session, record.id, head, held, member)
        witness = witnesses.get(who)
        found.append(
            MemberHolding(
                organisation=who,
                without_node=member.without_node,
                voucher="receipt" if held is not None else None,
                head=Position(held.epoch, held.seq, held.sha256) if held is not None else None,
                at=held.at if held is not None else None,
                kept_at=held.kept_at if held is not None else None,
                behind=behind,
                behind_since=since,
                silent=_is_silent(session, record, member, now),
                hidden_since=_hidden_since(session, record, who, taken_over),
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


def _find_newest(session: Session, channel: str, author: str) -> ReceiptRecord | None:
    """Give an author's receipt for the furthest entry of our chain, the newest of them."""
    return session.scalars(
        select(ReceiptRecord)
        .join(EntryRecord, is_on_chain())
        .where(ReceiptRecord.channel == channel, ReceiptRecord.author == author)
        .order_by(ReceiptRecord.epoch.desc(), ReceiptRecord.seq.desc(), ReceiptRecord.id.desc())
        .limit(1)
    ).one_or_none()


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
    held: ReceiptRecord | None,
    member: Member,
) -> tuple[int, datetime | None]:
    """Count the entries that a member has not vouched for, and give the time of the first."""
    if head is None or (held is not None and (held.epoch, held.seq) == (head.epoch, head.seq)):
        return 0, None
    if held is not None:
        beyond = or_(
            EntryRecord.epoch > held.epoch,
            and_(EntryRecord.epoch == held.epoch, EntryRecord.seq > held.seq),
        )
    else:
        epoch, seq = member.stays[-1].joined
        beyond = or_(
            EntryRecord.epoch > epoch, and_(EntryRecord.epoch == epoch, EntryRecord.seq >= seq)
        )
    query = select(func.count(), func.min(EntryRecord.created_at))
    count, since = session.execute(query.where(EntryRecord.channel == channel, beyond)).one()
    return count, since


def _is_silent(session: Session, record: ChannelRecord, member: Member, now: datetime) -> bool:
    if member.without_node:
        return False
    newest = find_last(session, record.id, member.organisation)
    last = newest.kept_at if newest is not None else None
    if last is None:
        joined = session.get(EntryRecord, (record.id, *member.stays[-1].joined))
        last = joined.applied_at if joined is not None else now
    return now - last > SILENT_AFTER


def _hidden_since(
    session: Session, record: ChannelRecord, organisation: str, owner: WitnessRecord | None
) -> datetime | None:
    """Give since when the owner has not passed on what a member says, though it answered us."""
    if record.is_ours or owner is None or owner.answered_at is None:
        return None
    shown = session.scalar(
        select(ReceiptRecord.id)
        .where(
            ReceiptRecord.channel == record.id,
            ReceiptRecord.author == organisation,
            ReceiptRecord.shown_by_owner,
        )
        .order_by(ReceiptRecord.id.desc())
        .limit(1)
    )
    first = session.scalar(
        select(func.min(ReceiptRecord.kept_at)).where(
            ReceiptRecord.channel == record.id,
            ReceiptRecord.author == organisation,
            ReceiptRecord.id > (shown or 0),
        )
    )
    return first if first is not None and owner.answered_at - first > HIDDEN_AFTER else None

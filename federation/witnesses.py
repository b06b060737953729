"""Receipts as this node keeps them: proven by the ledger, bounded, compared with our chain.

Source: protocol, 10.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from federation.branch_records import AbandonedRecord
from federation.bundles import Position, SignedBundle
from federation.claims import is_believed
from federation.descriptor import KeyUse, NodeKey, read_descriptor
from federation.doubt import Doubt, DoubtError
from federation.ledger import get_channel, get_state, head_of
from federation.ledger_records import ChannelRecord, EntryRecord, EvidenceRecord
from federation.receipt_records import ReceiptRecord
from federation.receipt_rules import Held, judge_receipt
from federation.receipts import Receipt, read_receipt
from federation.rollback import notice_receipt
from federation.state import ChannelState, Member, Place
from policies.acts import Act
from sharing import objects
from sharing.canonical import read_time
from sharing.objects import StixObject

logger = logging.getLogger(__name__)

BESIDE_AT_MOST: Final = 20
"""How many receipts of one author are kept that name no entry of our chain."""

_ROWS_AT_ONCE: Final = 500
_DESCRIBING: Final = (Act.CHANNEL_OPENED, Act.MEMBER_JOINED, Act.NODE_DESCRIBED)


@dataclass(frozen=True)
class KeptLedger:
    """Our copy of a ledger, as far as receipts are judged by it."""

    session: Session
    record: ChannelRecord
    state: ChannelState
    _places: dict[tuple[str, str, bool], Place | None] = field(default_factory=dict)

    @property
    def channel(self) -> str:
        """The channel's UUID."""
        return self.record.id

    @property
    def head(self) -> Position | None:
        """The last entry."""
        return head_of(self.record)

    def find_member(self, organisation: str) -> Member | None:
        """Give an organisation's part in the channel."""
        return self.state.members.get(organisation)

    def find_signing_key(self, organisation: str, kid: str) -> NodeKey | None:
        """Find a signing key of an organisation by its id, in use or not."""
        descriptor = self.state.descriptor(organisation)
        return descriptor.find_key(kid, KeyUse.SIGN) if descriptor is not None else None

    def find_revocation(self, organisation: str, kid: str) -> Place | None:
        """Give the place of the entry that revoked a key."""
        return self._find_key(organisation, kid, revoked=True)

    def find_description(self, organisation: str, kid: str) -> Place | None:
        """Give the place of the entry that named a key first."""
        return self._find_key(organisation, kid, revoked=False)

    def _find_key(self, organisation: str, kid: str, *, revoked: bool) -> Place | None:
        asked = (organisation, kid, revoked)
        if asked not in self._places:
            self._places[asked] = self._look_for_key(organisation, kid, revoked=revoked)
        return self._places[asked]

    def _look_for_key(self, organisation: str, kid: str, *, revoked: bool) -> Place | None:
        query = (
            select(EntryRecord)
            .where(
                EntryRecord.channel == self.channel,
                EntryRecord.act.in_([act.value for act in _DESCRIBING]),
                EntryRecord.void.is_(None),
            )
            .order_by(EntryRecord.epoch, EntryRecord.seq)
        )
        for entry in self.session.scalars(query):
            for key in _keys_in(self.session, entry, organisation):
                if key.key.thumbprint == kid and (key.revoked_at is not None or not revoked):
                    return entry.epoch, entry.seq
        return None

    def hash_at(self, epoch: int, seq: int) -> str | None:
        """Give the hash of the entry at a place of the chain."""
        entry = self.session.get(EntryRecord, (self.channel, epoch, seq))
        return entry.sha256 if entry is not None else None

    def is_abandoned(self, place: Position) -> bool:
        """Tell whether an entry stands on a branch that was abandoned."""
        left = self.session.get(AbandonedRecord, (self.channel, place.sha256))
        if left is not None:
            return (left.epoch, left.seq) == (place.epoch, place.seq)
        query = select(EvidenceRecord.content).where(
            EvidenceRecord.channel == self.channel,
            EvidenceRecord.doubt == Doubt.STALE_EPOCH.value,
        )
        late = (SignedBundle.read(StixObject.read(one)) for one in self.session.scalars(query))
        return any(entry.is_entry and entry.position == place for entry in late)

    def name(self, organisation: str) -> str:
        """Give an organisation's name."""
        descriptor = self.state.descriptor(organisation)
        return descriptor.name if descriptor is not None else organisation


def keep_receipt(
    session: Session,
    record: ChannelRecord,
    jws: object,
    now: datetime,
    *,
    shown_by_owner: bool = False,
) -> Held:
    """Prove a receipt by our copy of the ledger and keep it; harmless to repeat.

    Who brings it is the caller's matter: what counts is who signed it.

    Args:
        record: the channel's, locked.
        shown_by_owner: it came from the channel's owner, or to us who own it.

    Raises:
        ConflictError: nothing of the channel has been read yet.
        DoubtError: it does not prove, by name; nothing was kept.
    """
    receipt = read_receipt(jws)
    held = judge_receipt(receipt, KeptLedger(session, record, get_state(session, record)))
    _keep(session, record, receipt, held, now, shown_by_owner=shown_by_owner)
    return held


def keep_receipts(
    session: Session,
    record: ChannelRecord,
    receipts: Sequence[str],
    now: datetime,
    *,
    shown_by_owner: bool = False,
) -> list[DoubtError]:
    """Keep what of another node's collection proves; give what does not.

    Args:
        record: the channel's, locked.
    """
    ledger = KeptLedger(session, record, get_state(session, record))
    known = {
        row.jws: row
        for row in session.scalars(
            select(ReceiptRecord).where(
                ReceiptRecord.channel == record.id, ReceiptRecord.jws.in_(receipts)
            )
        )
    }
    doubts = []
    for jws in dict.fromkeys(receipts):
        if jws in known:
            known[jws].shown_by_owner |= shown_by_owner
            continue
        try:
            receipt = read_receipt(jws)
            held = judge_receipt(receipt, ledger)
        except DoubtError as error:
            doubts.append(error)
            continue
        _keep(session, record, receipt, held, now, shown_by_owner=shown_by_owner)
    session.flush()
    return doubts


def find_beyond(session: Session, record: ChannelRecord) -> Sequence[ReceiptRecord]:
    """Give the receipts that name a place beyond our head, the furthest first.

    Where the ledger is ours, each is somebody's signed word that we have lost entries of ours.
    """
    head = head_of(record)
    query = select(ReceiptRecord).where(ReceiptRecord.channel == record.id)
    if head is not None:
        query = query.where(_is_after(head))
    order = (ReceiptRecord.epoch.desc(), ReceiptRecord.seq.desc(), ReceiptRecord.id)
    return session.scalars(query.order_by(*order)).all()


def find_contradictions(session: Session, channel: str) -> Sequence[ReceiptRecord]:
    """Give the receipts that name another entry than the one that our chain has there.

    What stands on a branch that was abandoned contradicts nothing.
    """
    abandoned = exists().where(
        AbandonedRecord.channel == ReceiptRecord.channel,
        AbandonedRecord.sha256 == ReceiptRecord.sha256,
    )
    return session.scalars(
        select(ReceiptRecord)
        .join(EntryRecord, _same_place())
        .where(
            ReceiptRecord.channel == channel,
            ReceiptRecord.sha256 != EntryRecord.sha256,
            ~abandoned,
        )
        .order_by(ReceiptRecord.epoch, ReceiptRecord.seq, ReceiptRecord.id)
    ).all()


def provable_receipts(session: Session, channel: str, head: Position) -> Iterator[str]:
    """Give the receipts that the ledger up to one of its entries proves, in its order.

    Args:
        head: the last entry of the part that is looked at.
    """
    record = get_channel(session, channel)
    ledger = KeptLedger(session, record, get_state(session, record))
    is_part = head != ledger.head
    rows = session.scalars(
        select(ReceiptRecord)
        .where(ReceiptRecord.channel == channel, ~_is_after(head))
        .order_by(
            ReceiptRecord.epoch,
            ReceiptRecord.seq,
            ReceiptRecord.author,
            ReceiptRecord.at,
            ReceiptRecord.sha256,
        )
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    for row in rows:
        if is_part and not _is_described_by(ledger, row, head):
            continue
        try:
            judge_receipt(read_receipt(row.jws), ledger)
        except DoubtError:
            continue
        yield row.jws


def _is_described_by(ledger: KeptLedger, row: ReceiptRecord, head: Position) -> bool:
    """Tell whether the key of a receipt stands in the ledger up to a head."""
    place = ledger.find_description(row.author, row.kid)
    return place is not None and place <= (head.epoch, head.seq)


def _keep(
    session: Session,
    record: ChannelRecord,
    receipt: Receipt,
    held: Held,
    now: datetime,
    *,
    shown_by_owner: bool,
) -> None:
    if held is Held.BEYOND and record.is_ours:
        if not is_believed(session, record.id, receipt.author):
            return
        place = receipt.head.epoch, receipt.head.seq
        notice_receipt(session, record, receipt.author, place, now=now)
    same_head = session.scalars(
        select(ReceiptRecord)
        .where(
            ReceiptRecord.channel == record.id,
            ReceiptRecord.author == receipt.author,
            ReceiptRecord.epoch == receipt.head.epoch,
            ReceiptRecord.seq == receipt.head.seq,
            ReceiptRecord.sha256 == receipt.head.sha256,
        )
        .order_by(ReceiptRecord.id)
    ).all()
    at = read_time(receipt.at)
    if any(at <= one.at for one in same_head[-1:]):
        for one in same_head:
            one.shown_by_owner |= shown_by_owner and one.jws == receipt.jws
        return
    if not same_head and not _make_room(session, record, receipt, held):
        logger.warning(
            "receipt not kept", extra={"channel": record.id, "organisation": receipt.author}
        )
        return
    for older in same_head[1:]:
        session.delete(older)
    session.add(
        ReceiptRecord(
            channel=record.id,
            author=receipt.author,
            epoch=receipt.head.epoch,
            seq=receipt.head.seq,
            sha256=receipt.head.sha256,
            at=at,
            kid=receipt.kid,
            jws=receipt.jws,
            kept_at=now,
            shown_by_owner=shown_by_owner,
        )
    )
    session.flush()


def _make_room(session: Session, record: ChannelRecord, receipt: Receipt, held: Held) -> bool:
    """Tell whether one more receipt is kept; those far beyond our head displace nearer ones."""
    if held is Held.ON_CHAIN:
        return True
    beside = select(ReceiptRecord).where(
        ReceiptRecord.channel == record.id, ReceiptRecord.author == receipt.author
    )
    if held is Held.BEYOND:
        head = head_of(record)
        order = (ReceiptRecord.epoch, ReceiptRecord.seq, ReceiptRecord.id)
        beyond = beside.where(_is_after(head)) if head is not None else beside
        rows = session.scalars(beyond.order_by(*order)).all()
        for nearest in rows[: max(0, len(rows) + 1 - BESIDE_AT_MOST)]:
            session.delete(nearest)
        return True
    count = session.scalar(
        select(func.count())
        .select_from(ReceiptRecord)
        .outerjoin(EntryRecord, _same_place())
        .where(
            ReceiptRecord.channel == record.id,
            ReceiptRecord.author == receipt.author,
            or_(EntryRecord.sha256.is_(None), EntryRecord.sha256 != ReceiptRecord.sha256),
        )
    )
    return (count or 0) < 2 * BESIDE_AT_MOST


def _same_place() -> ColumnElement[bool]:
    return and_(
        EntryRecord.channel == ReceiptRecord.channel,
        EntryRecord.epoch == ReceiptRecord.epoch,
        EntryRecord.seq == ReceiptRecord.seq,
    )


def _is_after(head: Position) -> ColumnElement[bool]:
    return or_(
        ReceiptRecord.epoch > head.epoch,
        and_(ReceiptRecord.epoch == head.epoch, ReceiptRecord.seq > head.seq),
    )


def _keys_in(session: Session, entry: EntryRecord, organisation: str) -> list[NodeKey]:
    """Give an organisation's keys as the newest descriptor in an entry names them."""
    if entry.act != Act.CHANNEL_OPENED and entry.author != organisation:
        return []
    sha256 = entry.contribution_object or entry.object_sha256
    contents = objects.find_contents(session, [sha256])
    if sha256 not in contents:
        return []
    body = SignedBundle.read(StixObject.read(contents[sha256])).body
    named = [one for one in body.get("members", ()) if one["organisation"] == organisation]
    chains = [one.get("descriptors", ()) for one in named] or [body.get("descriptors", ())]
    return [key for chain in chains for jws in chain[-1:] for key in read_descriptor(jws).keys]

"""Receipts as this node keeps them: proven by the ledger, bounded, compared with our chain.

Source: protocol, 10.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session

from federation.branches.kept_ledger import KeptLedger
from federation.judging.bundles import Position
from federation.judging.doubt import DoubtError
from federation.judging.receipt_rules import Held, judge_receipt
from federation.judging.receipts import Receipt, read_receipt
from federation.ledgers.branch_records import AbandonedRecord
from federation.ledgers.claims import is_believed
from federation.ledgers.ledger import get_channel, get_state, head_of
from federation.ledgers.ledger_records import ChannelRecord, EntryRecord
from federation.ledgers.receipt_records import ReceiptRecord
from federation.witnesses.rollback import notice_receipt
from sharing.canonical import read_time

logger = logging.getLogger(__name__)

BESIDE_AT_MOST: Final = 20
"""How many receipts of one author are kept that name no entry of our chain."""

_ROWS_AT_ONCE: Final = 500


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
    _look_again(session, record.id)
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
    beside = session.scalars(
        select(ReceiptRecord).where(ReceiptRecord.channel == channel, ReceiptRecord.beside)
    )
    found = [row for row in beside if _contradicts(session, row)]
    return sorted(found, key=lambda row: (row.epoch, row.seq, row.id))


def _contradicts(session: Session, row: ReceiptRecord) -> bool:
    ours = session.get(EntryRecord, (row.channel, row.epoch, row.seq))
    if ours is None or ours.sha256 == row.sha256:
        return False
    return session.get(AbandonedRecord, (row.channel, row.sha256)) is None


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
            beside=held is not Held.ON_CHAIN,
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
        # What was beyond our head before, and contradicts it now, does not pile up.
        passed = beside.outerjoin(EntryRecord, _same_place()).where(
            EntryRecord.sha256.is_not(None), EntryRecord.sha256 != ReceiptRecord.sha256
        )
        for newest in session.scalars(passed.order_by(ReceiptRecord.id)).all()[BESIDE_AT_MOST:]:
            session.delete(newest)
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


def _look_again(session: Session, channel: str) -> None:
    """Note which receipts name entries that our chain has by now."""
    here = exists().where(is_on_chain())
    session.execute(
        update(ReceiptRecord)
        .where(ReceiptRecord.channel == channel, ReceiptRecord.beside, here)
        .values(beside=False)
        .execution_options(synchronize_session=False)
    )


def is_on_chain() -> ColumnElement[bool]:
    """Give the condition by which a receipt is joined with the entry of our chain that it names."""
    return and_(_same_place(), EntryRecord.sha256 == ReceiptRecord.sha256)


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

"""Receipts on their way: made where our replica holds what is due, posted, taken and served.

The owner makes none: its word is its entries. A receipt of ours that the owner could not take
stays here and is served to the other members all the same.

Source: protocol, 10; wire format, 2 and 6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from federation.identity.origins import Destination
from federation.judging.bundles import Position
from federation.judging.receipts import LISTED_AT_MOST, ReceiptList, make_receipt, read_receipt
from federation.judging.state import Member, Place
from federation.ledgers import stage
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import find_channel, head_of, load_state, lock_channel
from federation.ledgers.ledger_records import ChannelRecord, EntryRecord, Standing
from federation.ledgers.receipt_records import ReceiptRecord
from federation.ledgers.sources import pulls_from, source_of
from federation.partners.client import PartnerHttp
from federation.witnesses.witnesses import keep_receipt
from federation.work.errands import Done, Outcome, ask
from policies.errors import ConflictError, ForbiddenError, NotFoundError, TooManyError
from sharing.canonical import write_time
from sharing.db import transaction

RECEIPT: Final = "receipt"
"""Errand: say that we hold a channel up to its head. Subject: the channel."""

RECEIPT_EVERY: Final = timedelta(seconds=10)
"""How long at least lies between two receipts of one organisation for one channel."""
RECEIPT_AT_LEAST_EVERY: Final = timedelta(days=1)
_AFTER: Final = timedelta(seconds=1)
"""Entries that come one on another's heels are answered by one receipt."""
PAGE: Final = 500

FindDestination = Callable[[Session, str, ChannelRecord], Destination]


def ask_receipt(session: Session, desk: Desk, record: ChannelRecord, *, now: datetime) -> None:
    """Have the owner told, soon, that we hold what it has shown us."""
    if record.standing is not Standing.CURRENT or source_of(record) == desk.organisation:
        return
    last = find_last(session, record.id, desk.organisation)
    due = now + _AFTER
    if last is not None:
        due = max(due, last.kept_at + RECEIPT_EVERY)
    ask(session, RECEIPT, record.id, now=now, due=due, lane=f"{RECEIPT} {source_of(record)}")


def find_last(session: Session, channel: str, author: str) -> ReceiptRecord | None:
    """Give an organisation's receipt that came here last."""
    return session.scalars(
        select(ReceiptRecord)
        .where(ReceiptRecord.channel == channel, ReceiptRecord.author == author)
        .order_by(ReceiptRecord.id.desc())
        .limit(1)
    ).one_or_none()


@dataclass(frozen=True)
class Vouching:
    """What posting receipts needs.

    Args:
        desk: gives the desk of this node.
        destination: tells where an organisation's node is.
        clock: what time it is.
    """

    http: PartnerHttp
    desk: Callable[[Session], Desk]
    destination: FindDestination
    clock: Callable[[], datetime]

    def post(self, channel: str) -> Outcome:
        """Say to a channel's owner how far our replica holds its ledger.

        Raises:
            CoordinationError: the owner does not take it now; the errand is tried again.
        """
        now = self.clock()
        with transaction() as session:
            record = lock_channel(session, channel)
            desk = self.desk(session)
            source = pulls_from(record, desk.organisation)
            if source == desk.organisation or not _holds_all_due(session, record):
                return Done()
            head = head_of(record)
            last = find_last(session, channel, desk.organisation)
            if head is None:
                return Done()
            if last is None or not _speaks_for(last, head, now):
                if last is not None and last.kept_at <= now < last.kept_at + RECEIPT_EVERY:
                    return Done(again_at=last.kept_at + RECEIPT_EVERY)
                last = _make(session, desk, record, head, now)
            jws, made_at = last.jws, last.kept_at
            destination = self.destination(session, source, record)
        self.http.post_receipt(destination, channel, jws)
        return Done(again_at=made_at + RECEIPT_AT_LEAST_EVERY)


def take_posted(session: Session, channel: str, jws: str, *, caller: str, now: datetime) -> None:
    """Take the receipt that a member posts to us, who own the channel; harmless to repeat.

    Raises:
        NotFoundError: there is no such channel, or the caller may not know of it.
        ConflictError: the channel is another's: its owner collects receipts.
        ForbiddenError: somebody else's receipt.
        TooManyError: the last one came less than ten seconds ago.
        DoubtError: it does not prove.
    """
    _get_reader(session, find_channel(session, channel), caller)
    record = lock_channel(session, channel)
    if not record.is_ours:
        raise ConflictError("receipts go to the owner of the channel")
    receipt = read_receipt(jws)
    if receipt.author != caller:
        raise ForbiddenError("a receipt is posted by its author")
    last = find_last(session, channel, caller)
    if last is not None and last.jws != jws and last.kept_at <= now < last.kept_at + RECEIPT_EVERY:
        wait = (last.kept_at + RECEIPT_EVERY - now).total_seconds()
        raise TooManyError(
            f"one receipt every {RECEIPT_EVERY.seconds} s is enough",
            retry_after_seconds=int(wait) + 1,
        )
    keep_receipt(session, record, jws, now, shown_by_owner=True)


def read_page(session: Session, channel: str, *, caller: str, since: Place) -> ReceiptList:
    """Give the receipts for a place and what follows it, as far as the caller may read.

    A page ends where a place ends, so that the next one begins behind it.

    Raises:
        NotFoundError: there is no such channel, or the caller may not know of it.
    """
    record = find_channel(session, channel)
    member = _get_reader(session, record, caller)
    head = _head_for(session, record, member) if record is not None else None
    if head is None:
        return ReceiptList([])
    query = select(ReceiptRecord).where(ReceiptRecord.channel == channel, _is_from(since))
    if member.stays[-1].ended is not None:
        query = query.where(~_is_from((head.epoch, head.seq + 1)))
    order = (ReceiptRecord.epoch, ReceiptRecord.seq, ReceiptRecord.author, ReceiptRecord.id)
    rows = session.scalars(query.order_by(*order).limit(PAGE + 1)).all()
    if len(rows) <= PAGE:
        return ReceiptList([row.jws for row in rows], None, head)
    last = (rows[-1].epoch, rows[-1].seq)
    page = [row for row in rows if (row.epoch, row.seq) != last]
    if not page:
        of_place = query.where(ReceiptRecord.epoch == last[0], ReceiptRecord.seq == last[1])
        page = list(session.scalars(of_place.order_by(*order).limit(LISTED_AT_MOST)))
        last = (last[0], last[1] + 1)
    return ReceiptList([row.jws for row in page], last, head)


def _head_for(session: Session, record: ChannelRecord, member: Member) -> Position | None:
    """Give where we stand; for who left, the entry that ended its stay."""
    ended = member.stays[-1].ended
    if ended is None:
        return head_of(record)
    entry = session.get(EntryRecord, (record.id, *ended))
    return Position(*ended, entry.sha256) if entry is not None else None


def _is_from(place: Place) -> ColumnElement[bool]:
    return or_(
        ReceiptRecord.epoch > place[0],
        and_(ReceiptRecord.epoch == place[0], ReceiptRecord.seq >= place[1]),
    )


def _get_reader(session: Session, record: ChannelRecord | None, caller: str) -> Member:
    """Give the caller's part in a channel that it reads or has read."""
    state = load_state(session, record) if record is not None else None
    member = state.members.get(caller) if state is not None else None
    if member is None or not member.stays:
        raise NotFoundError("there is no such channel")
    return member


def _holds_all_due(session: Session, record: ChannelRecord) -> bool:
    """Tell whether all entries are verified and nothing is missing; recalls come with entries."""
    return record.standing is Standing.CURRENT and not stage.has_entries(session, record.id)


def _speaks_for(last: ReceiptRecord, head: Position, now: datetime) -> bool:
    """Tell whether our last receipt still says all that there is to say."""
    same = (last.epoch, last.seq, last.sha256) == (head.epoch, head.seq, head.sha256)
    return same and last.kept_at <= now < last.kept_at + RECEIPT_AT_LEAST_EVERY


def _make(
    session: Session, desk: Desk, record: ChannelRecord, head: Position, now: datetime
) -> ReceiptRecord:
    jws = make_receipt(desk.key, author=desk.organisation, channel=record.id, head=head, now=now)
    keep_receipt(session, record, jws, now)
    made = session.scalars(
        select(ReceiptRecord).where(ReceiptRecord.channel == record.id, ReceiptRecord.jws == jws)
    ).one_or_none()
    if made is None:
        raise ConflictError(f"our receipt of {write_time(now)} could not be kept")
    return made

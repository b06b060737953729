"""Rounds among witnesses: the owner's receipts taken over, one member in turn asked for its own.

Where a member names another entry than ours, we look for that entry in its replica: two entries
for one place, both signed by the owner, prove a fork. What nobody shows proves nothing.

Source: protocol, 10.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, Protocol

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from federation.judging.bundles import Position, SignedBundle
from federation.judging.doubt import DoubtError
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import find_channel, load_state, lock_channel
from federation.ledgers.ledger_records import ChannelRecord, EntryRecord, Standing
from federation.ledgers.receipt_records import ReceiptRecord, WitnessRecord
from federation.ledgers.sources import pulls_from
from federation.partners.client import PartnerHttp
from federation.partners.heads import Head
from federation.witnesses.forks import find_suspicions, settle_suspicion
from federation.witnesses.vouching import FindDestination
from federation.witnesses.witnesses import keep_receipts
from federation.work.errands import Done, Outcome, ask, find_waiting
from policies.acts import ChannelKind
from policies.errors import CoordinationError, InvalidError
from sharing.canonical import write_time
from sharing.db import reading, transaction
from sharing.objects import StixObject

logger = logging.getLogger(__name__)

WITNESS: Final = "witness"
"""Errand: one round among the witnesses of a channel. Subject: the channel."""
COMPARE: Final = "compare"
"""Errand: ask one member what it holds. Subject: channel, space, organisation."""
WITNESS_ALL: Final = "witness-all"
"""Standing errand: see to it that every channel has its rounds."""

PAGES_AT_ONCE: Final = 5
"""How many pages of receipts one round takes from one node; the next goes on from there."""
SEARCH_EVERY: Final = timedelta(minutes=10)
SEARCHED_BEFORE: Final = timedelta(hours=1)
SEARCHED_AT_MOST: Final = 50_000
"""How many bundles of a member's replica are looked through for one entry."""
SEARCHED_FOR: Final = timedelta(minutes=1)
"""How long one replica is searched at most; who answers slowly holds up nothing else."""
SILENT_AFTER: Final = timedelta(hours=1)
"""Whose receipts have not come for so long does not hold back where the next question begins."""

_WATCHED: Final = (Standing.CURRENT, Standing.WAITING)


class WitnessServer(Protocol):
    """A member's replica, as far as it is searched."""

    def bundles(self, channel: str, added_after: str | None) -> Iterator[StixObject]:
        """Give the signed bundles, oldest first."""


@dataclass(frozen=True)
class WitnessRounds:
    """What asking members needs.

    Args:
        connect: gives the server of an organisation, as (organisation, channel).
        desk: gives the desk of this node.
        destination: tells where an organisation's node is.
        clock: what time it is.
        every, at_most: how long lies between two rounds of a channel when it moves, and when quiet.
    """

    http: PartnerHttp
    connect: Callable[[str, str], WitnessServer]
    desk: Callable[[Session], Desk]
    destination: FindDestination
    clock: Callable[[], datetime]
    every: timedelta = timedelta(seconds=30)
    at_most: timedelta = timedelta(minutes=5)

    def begin_all(self) -> Outcome:
        """See to it that every channel with other members has its rounds."""
        now = self.clock()
        with transaction() as session:
            query = select(ChannelRecord.id).where(
                ChannelRecord.standing.in_(_WATCHED), ChannelRecord.kind != ChannelKind.FEED
            )
            for channel in session.scalars(query.order_by(ChannelRecord.id)):
                if find_waiting(session, WITNESS, channel) is None:
                    ask_round(session, channel, now=now, due=now + self.every)
        return Done(again_at=now + self.at_most)

    def go_round(self, channel: str) -> Outcome:
        """Have the owner asked what it has collected, and the member whose turn it is.

        Each is asked in a lane of its own: one that answers slowly keeps nobody else waiting.
        """
        now = self.clock()
        with reading() as session:
            record = find_channel(session, channel)
            if record is None or record.standing not in _WATCHED:
                return Done()
            own = self.desk(session).organisation
            source = pulls_from(record, own)
            turn = _find_turn(session, record, {own, source})
            moves = record.applied_at is not None and now - record.applied_at < self.at_most
        with transaction() as session:
            for organisation in {source, turn} - {own, None}:
                ask_compare(session, channel, str(organisation), now=now)
        return Done(again_at=now + (self.every if moves else self.at_most))

    def compare(self, channel: str, organisation: str) -> Outcome:
        """Ask one organisation for its receipts and its head, and compare them with our chain."""
        try:
            head = self._take(channel, organisation)
        except CoordinationError as error:
            with transaction() as session:
                witness = _get_witness(session, channel, organisation, self.clock())
                witness.sentence = error.message[:500]
            return Done()
        with reading() as session:
            wanted = find_suspicions(session, channel, organisation, head)
            known = session.get(WitnessRecord, (channel, organisation))
            searched_at = known.searched_at if known is not None else None
        if wanted and (searched_at is None or self.clock() - searched_at >= SEARCH_EVERY):
            self._search(channel, organisation, wanted)
        return Done()

    def _take(self, channel: str, organisation: str) -> Position | None:
        """Take over the receipts that a node serves; give the head that it names."""
        with transaction() as session:
            record = lock_channel(session, channel)
            _get_witness(session, channel, organisation, self.clock())
            destination = self.destination(session, organisation, record)
            is_source = organisation == pulls_from(record, self.desk(session).organisation)
            since = _since(session, channel, organisation, self.clock(), is_source=is_source)
        head: Position | None = None
        for _ in range(PAGES_AT_ONCE):
            answer = self.http.get_receipts(destination, channel, since)
            head = answer.head
            with transaction() as session:
                now = self.clock()
                record = lock_channel(session, channel)
                doubts = keep_receipts(
                    session, record, answer.receipts, now, shown_by_owner=is_source
                )
                witness = _get_witness(session, channel, organisation, now)
                witness.answered_at, witness.sentence = now, _words(doubts)
                goes_on = answer.next is not None and answer.next > since
                witness.next_epoch, witness.next_seq = (
                    answer.next if answer.next is not None and goes_on else (None, None)
                )
            if answer.next is None or not goes_on:
                break
            since = answer.next
        return head

    def _search(self, channel: str, organisation: str, wanted: list[Position]) -> None:
        """Look in a member's replica for the entries that it names and we have not."""
        with transaction() as session:
            _get_witness(session, channel, organisation, self.clock()).searched_at = self.clock()
            begin = _begin_of_search(session, channel, wanted)
        for added_after in (begin, None):
            try:
                entry = self._find(channel, organisation, wanted, added_after)
            except CoordinationError as error:
                logger.info(
                    "a member's replica could not be searched",
                    extra={"channel": channel, "reason": error.message},
                )
                return
            if entry is not None:
                with transaction() as session:
                    record = lock_channel(session, channel)
                    settle_suspicion(
                        session, record, entry, shown_by=organisation, now=self.clock()
                    )
                return

    def _find(
        self, channel: str, organisation: str, wanted: list[Position], added_after: str | None
    ) -> SignedBundle | None:
        server = self.connect(organisation, channel)
        places = {(place.epoch, place.seq) for place in wanted}
        end = self.clock() + SEARCHED_FOR
        for stix in islice(server.bundles(channel, added_after), SEARCHED_AT_MOST):
            if self.clock() > end:
                return None
            if (stix.value.get("epoch"), stix.value.get("seq")) not in places:
                continue
            try:
                entry = SignedBundle.read(stix)
            except (DoubtError, InvalidError):
                continue
            if entry.is_entry and entry.position in wanted:
                return entry
        return None


def ask_round(
    session: Session, channel: str, *, now: datetime, due: datetime | None = None
) -> None:
    """Have the witnesses of a channel asked."""
    ask(session, WITNESS, channel, now=now, due=due, lane=f"{WITNESS} {channel}")


def hear_head(session: Session, organisation: str, head: Head, *, now: datetime) -> bool:
    """Compare a head that somebody else than our source named; have it asked where they differ.

    Only a member, present or past, is asked: nobody else is to learn that we know the channel.

    Tells whether it is asked.
    """
    entry = session.get(EntryRecord, (head.channel, head.epoch, head.seq))
    if entry is None or entry.sha256 == head.sha256:
        return False
    record = find_channel(session, head.channel)
    state = load_state(session, record) if record is not None else None
    member = state.members.get(organisation) if state is not None else None
    if member is None or not member.stays:
        return False
    ask_compare(session, head.channel, organisation, now=now)
    return True


def ask_compare(session: Session, channel: str, organisation: str, *, now: datetime) -> None:
    """Have one organisation asked what it holds; one question to it at a time."""
    lane = f"{COMPARE} {organisation}"
    ask(session, COMPARE, f"{channel} {organisation}", now=now, lane=lane)


def _find_turn(session: Session, record: ChannelRecord, others: set[str]) -> str | None:
    """Give the member that was asked least recently."""
    state = load_state(session, record)
    if state is None:
        return None
    members = {
        one.organisation
        for one in state.members.values()
        if one.is_joined and not one.without_node and one.organisation not in others
    }
    rows = session.scalars(select(WitnessRecord).where(WitnessRecord.channel == record.id))
    asked = {row.organisation: row.asked_at for row in rows}
    never = sorted(members - set(asked))
    if never:
        return never[0]
    return min(members, key=lambda one: (asked[one], one), default=None)


def _get_witness(session: Session, channel: str, organisation: str, now: datetime) -> WitnessRecord:
    """Give what we know of a member as a witness; it is being asked now."""
    witness = session.get(WitnessRecord, (channel, organisation))
    if witness is None:
        witness = WitnessRecord(channel=channel, organisation=organisation, asked_at=now)
        session.add(witness)
    witness.asked_at = now
    return witness


def _since(
    session: Session, channel: str, organisation: str, now: datetime, *, is_source: bool
) -> tuple[int, int]:
    """Give from where an organisation's receipts may be new to us.

    A round that did not come to the end is gone on with. So nobody keeps us at the beginning of
    a long collection by vouching for old entries again and again.
    """
    known = session.get(WitnessRecord, (channel, organisation))
    if known is not None and known.next_epoch is not None and known.next_seq is not None:
        return known.next_epoch, known.next_seq
    if is_source:
        return _since_owner(session, channel, now)
    return _since_member(session, channel, organisation)


def _since_owner(session: Session, channel: str, now: datetime) -> tuple[int, int]:
    """Give from where the owner's collection may be new to us: where the slowest stands."""
    newest: dict[str, tuple[int, int]] = {}
    rows = session.execute(
        select(ReceiptRecord.author, ReceiptRecord.epoch, func.max(ReceiptRecord.seq))
        .where(
            ReceiptRecord.channel == channel,
            ReceiptRecord.shown_by_owner,
            ReceiptRecord.kept_at > now - SILENT_AFTER,
        )
        .group_by(ReceiptRecord.author, ReceiptRecord.epoch)
    )
    for author, epoch, seq in rows:
        newest[author] = max(newest.get(author, (0, 0)), (epoch, seq))
    if newest:
        return min(newest.values())
    return _newest_of(session, channel, ReceiptRecord.shown_by_owner.is_(True))


def _since_member(session: Session, channel: str, organisation: str) -> tuple[int, int]:
    """Give from where a member's receipts may be new to us: its own newest that we have."""
    return _newest_of(session, channel, ReceiptRecord.author == organisation)


def _newest_of(session: Session, channel: str, which: ColumnElement[bool]) -> tuple[int, int]:
    row = session.execute(
        select(ReceiptRecord.epoch, ReceiptRecord.seq)
        .where(ReceiptRecord.channel == channel, which)
        .order_by(ReceiptRecord.epoch.desc(), ReceiptRecord.seq.desc())
        .limit(1)
    ).first()
    return (1, 0) if row is None else (row.epoch, row.seq)


def _begin_of_search(session: Session, channel: str, wanted: list[Position]) -> str:
    """Give from when a member's replica is looked through first: a while before our entries."""
    places = [session.get_one(EntryRecord, (channel, one.epoch, one.seq)) for one in wanted]
    return write_time(min(entry.created_at for entry in places) - SEARCHED_BEFORE)


def _words(doubts: list[DoubtError]) -> str | None:
    """Say what was wrong with what a node served; `None` where all of it proved."""
    if not doubts:
        return None
    return f"{len(doubts)} of its receipts do not prove: {doubts[0].answer}"[:500]

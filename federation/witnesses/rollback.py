"""Rollback: an owner that has lost entries writes nothing before it has them back.

Whoever has put its database back from a backup, or is shown by a receipt or a contribution that
others have seen more of its ledger, asks the members; what its own key has signed comes back from
their replicas. Until then the channel is *behind*: read by all, written by nobody.

Source: protocol, 10 (*Rollback*).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from federation.judging.bundles import SignedBundle
from federation.judging.contents import is_proven
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.state import Member
from federation.ledgers import stage
from federation.ledgers.claims import believed_beyond, is_believed, note_claim
from federation.ledgers.ledger import load_state
from federation.ledgers.ledger_records import ChannelRecord, ContributionRecord, Standing
from federation.ledgers.receipt_records import WitnessRecord
from federation.ledgers.sources import source_of
from federation.ledgers.stops import keep_evidence, tell
from federation.ledgers.whole import LOST
from federation.work.errands import ask, hasten_lane

logger = logging.getLogger(__name__)

WATCH_DATABASE: Final = "watch-database"
"""Standing errand: see whether the database goes on from an earlier moment."""
LOOK_BACK: Final = "look-back"
"""Errand: ask the members what they hold of channels that are behind, and fetch it back."""
RESTORED: Final = (
    "this node was put back from a backup; the members are asked what they hold before anything "
    "is written"
)
LOST_CHANNEL: Final = "this channel of ours was lost; its entries are being fetched back"
UNKNOWN: Final = (
    "the members refuse this node, because they do not know its keys any more: it was put back "
    "from a backup from before a change of keys; restore a newer backup, or run “tocsin node "
    "recover” with the recovery key"
)
NTH_LEAP: Final = 100_000
"""How many numbers a restored member leaves out: those that it may have used and forgotten."""

_OVER: Final = frozenset({Standing.FROZEN, Standing.ENDED})


@dataclass(frozen=True, slots=True)
class Behind:
    """What is known about a channel that is behind.

    Args:
        lost: the furthest place that somebody has signed to have seen.
    """

    lost: tuple[int, int] | None
    sentence: str
    since: datetime | None

    @classmethod
    def of(cls, record: ChannelRecord) -> Behind:
        """Read it."""
        lost = None
        if record.lost_epoch is not None and record.lost_seq is not None:
            lost = record.lost_epoch, record.lost_seq
        return cls(lost, record.sentence or LOST, record.doubted_at)


def fall_behind(
    session: Session,
    record: ChannelRecord,
    sentence: str,
    *,
    lost: tuple[int, int] | None = None,
    now: datetime,
) -> None:
    """Write nothing more into a channel of ours until what was lost is back.

    Args:
        record: the channel's, locked.
        lost: a place that somebody has signed to have seen.
    """
    if record.standing in _OVER:
        return
    before = Behind.of(record)
    if record.standing is not Standing.BEHIND:
        record.doubted_at = now
        tell(session, "channel.behind", record.id, sentence, now=now)
        logger.warning("channel behind", extra={"channel": record.id, "reason": sentence})
    if lost is not None and (before.lost is None or lost > before.lost):
        record.lost_epoch, record.lost_seq = lost
    record.standing, record.doubt, record.sentence = Standing.BEHIND, None, sentence
    look_soon(session, now=now)


def look_soon(session: Session, *, now: datetime) -> None:
    """Have the members asked as soon as a worker can."""
    ask(session, LOOK_BACK, "", now=now)
    hasten_look(session, now=now)


def hasten_look(session: Session, *, now: datetime) -> None:
    """End the wait after members could not be asked, because somebody was heard from."""
    hasten_lane(session, f"{LOOK_BACK} ", now=now)


def stay_behind(
    record: ChannelRecord, before: Behind, doubt: DoubtError | None, organisation: str
) -> None:
    """Go on being behind after some entries came back; a freeze and a new owner end it."""
    if record.standing in _OVER:
        return
    if source_of(record) != organisation:
        forget_loss(record)
        return
    record.standing, record.doubt = Standing.BEHIND, None
    record.sentence = before.sentence if doubt is None else doubt.message
    record.doubted_at = before.since


def find_lost(session: Session, record: ChannelRecord) -> tuple[int, int] | None:
    """Give the furthest place beyond our head that somebody whom we believe has named."""
    return max(believed_beyond(session, record).values(), default=None)


def notice_receipt(
    session: Session, record: ChannelRecord, author: str, place: tuple[int, int], *, now: datetime
) -> None:
    """Take a receipt that proved and names a place beyond the head of a channel of ours."""
    if record.is_ours and is_believed(session, record.id, author):
        sentence = _lost_sentence(record, place, _name(session, record, author))
        fall_behind(session, record, sentence, lost=place, now=now)


def notice_seen(
    session: Session, record: ChannelRecord, contribution: SignedBundle, *, now: datetime
) -> None:
    """Take a contribution whose author has seen more of our ledger than is here, if it proves."""
    seen, state = contribution.seen, load_state(session, record)
    if seen is None or state is None or not record.is_ours:
        return
    if not is_proven(contribution, state.chains):
        return
    if not is_believed(session, record.id, contribution.author):
        return
    name = _name(session, record, contribution.author)
    place = seen.epoch, seen.seq
    if place <= (record.epoch or 0, record.seq or 0):
        return
    error = DoubtError(Doubt.GAP, f"{name} had seen {seen.epoch}/{seen.seq}, which is not here")
    keep_evidence(session, record, error, contribution.stix.content, now)
    note_claim(session, record.id, contribution.author, place, now=now)
    fall_behind(session, record, _lost_sentence(record, place, name), lost=place, now=now)


def settle(
    session: Session,
    record: ChannelRecord,
    *,
    answered: bool,
    unknown: bool = False,
    unfinished: str | None,
    now: datetime,
) -> bool:
    """End being behind where nothing more is missing; tell whether it ended.

    Args:
        answered: whether somebody who would know has answered.
        unknown: nobody has, and somebody because it could not tell that it was us who asked.
        unfinished: why not all that answers promised is here; `None` where it is.
    """
    if record.standing is not Standing.BEHIND:
        return True
    lost = find_lost(session, record)
    if unfinished is not None:
        record.sentence = unfinished
    elif unknown:
        record.sentence = UNKNOWN
    elif lost is not None:
        record.sentence = (
            f"somebody has signed to have seen entry {lost[0]}/{lost[1]}, which no member that "
            "answers holds"
        )
    elif stage.has_entries(session, record.id):
        record.sentence = "entries before those that came back are missing"
    elif not answered:
        record.sentence = "this node was put back, and no member can be reached to compare with"
    else:
        record.standing = Standing.CURRENT
        record.doubt = record.sentence = record.doubted_at = None
        forget_loss(record)
        tell(session, "channel.whole", record.id, "nothing more is missing", now=now)
        return True
    return False


def forget_loss(record: ChannelRecord) -> None:
    """Note that what was lost will not come back: an administrator has opened a new epoch."""
    record.lost_epoch = record.lost_seq = record.restored_at = None


def mark_restored(
    session: Session, organisation: str, *, sentence: str = RESTORED, now: datetime
) -> None:
    """Mark every channel of a database that goes on from an earlier moment.

    Ours are behind until others were asked; elsewhere the numbers are left out that we may have
    used, and everything is pulled anew, which brings nothing twice.
    """
    session.execute(update(WitnessRecord).values(disbelieved_at=None))
    numbers = select(ContributionRecord.channel, func.max(ContributionRecord.nth))
    rows = session.execute(numbers.group_by(ContributionRecord.channel))
    highest = {channel: int(nth) for channel, nth in rows}
    for record in session.scalars(select(ChannelRecord)):
        record.restored_at = now
        record.cursor = None
        record.next_nth = max(record.next_nth, highest.get(record.id, 0) + 1) + NTH_LEAP
        if record.state is not None and source_of(record) == organisation:
            fall_behind(session, record, sentence, now=now)


def others_in(record: ChannelRecord, organisation: str) -> list[str]:
    """Give the other members of a channel that have a node."""
    members = [Member.read(member) for member in (record.state or {}).get("members", ())]
    return [
        one.organisation
        for one in members
        if one.is_joined and not one.without_node and one.organisation != organisation
    ]


def _name(session: Session, record: ChannelRecord, organisation: str) -> str:
    state = load_state(session, record)
    descriptor = state.descriptor(organisation) if state is not None else None
    return descriptor.name if descriptor is not None else organisation


def _lost_sentence(record: ChannelRecord, place: tuple[int, int], name: str) -> str:
    if place[0] == record.epoch and record.seq is not None:
        count = place[1] - record.seq
        entries = "an entry" if count == 1 else f"{count} entries"
    else:
        entries = "entries"
    return f"{name} holds {entries} of it that we have lost; they are being fetched back"

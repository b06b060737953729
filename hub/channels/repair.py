"""Mending a channel: what an administrator or a coordinator chooses.

Source: protocol, 7 and 11.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.branches import endorsements
from federation.branches.endorsements import Tally
from federation.branches.openings import OpenedBy, open_epoch
from federation.judging.bundles import Position
from federation.judging.judged import Judged
from federation.ledgers import stage
from federation.ledgers.channels import Written, end_part
from federation.ledgers.claims import disbelieve_claims
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import head_of
from federation.ledgers.ledger_records import (
    ChannelRecord,
    EntryRecord,
    Standing,
)
from federation.ledgers.receipt_records import ReceiptRecord
from federation.ledgers.sources import ask_pull
from federation.replicas.looks import ask_looks
from federation.witnesses.rollback import forget_loss, look_soon
from federation.work.errands import hasten
from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.channels.names import names_in
from hub.channels.service import get_visible_channel
from hub.channels.ways_out import STOPPED, joined_in, may_choose
from hub.community.terms import silence_in
from policies.errors import ConflictError, NotFoundError
from policies.roles import Right


def retry(session: Session, desk: Desk, actor: Actor, channel: str, *, now: datetime) -> None:
    """Have a waiting or frozen replica try again from where it stands, and other members asked.

    Raises:
        ForbiddenError: the actor may not settle freezes.
        NotFoundError: there is no such channel.
        ConflictError: it neither waits nor is frozen.
    """
    record = get_visible_channel(session, actor, channel)
    actor.may(Right.SETTLE_FREEZES).enforce()
    if record.standing is Standing.BEHIND:
        look_soon(session, now=now)
        audit.record(session, actor, "channel.retried", channel, now=now)
        return
    if record.standing not in STOPPED:
        raise ConflictError("this channel neither waits nor is frozen")
    if record.standing is Standing.FROZEN:
        # What it froze on is kept as evidence; it is asked for anew.
        stage.empty(session, channel)
    record.standing = Standing.WAITING
    record.cursor = None
    ask_pull(session, record, now=now)
    ask_looks(session, channel, us=desk.organisation, now=now)
    hasten(session, channel, now=now)
    audit.record(session, actor, "channel.retried", channel, now=now)


def endorse(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    candidate: str,
    round_: int | None = None,
    now: datetime,
) -> Tally:
    """Endorse a member as the next coordinator; give how far its succession has come here.

    Raises:
        ForbiddenError: the actor may neither settle freezes nor hand over.
        NotFoundError: there is no such channel, or no such member in it.
        ConflictError, DoubtError: the coordinator is not lost, or the tables do not allow it.
    """
    record = get_visible_channel(session, actor, channel)
    may_choose(actor).enforce()
    if candidate not in joined_in(record):
        raise NotFoundError("there is no such member in this channel", field="organisation")
    row = endorsements.endorse(
        session,
        desk,
        record,
        candidate=candidate,
        round_=round_,
        silence=silence_in(session, channel),
        now=now,
    )
    subject = f"{channel} {candidate} {row.epoch} {row.round}"
    audit.record(session, actor, "succession.endorsed", subject, now=now)
    return endorsements.tally_of(session, record, candidate, now=now)


def take_over(session: Session, desk: Desk, actor: Actor, channel: str, *, now: datetime) -> Judged:
    """Take a channel over with the endorsements of enough members.

    Raises:
        ForbiddenError: the actor may neither settle freezes nor hand over.
        NotFoundError: there is no such channel.
        ConflictError, DoubtError: not enough endorse us.
    """
    record = get_visible_channel(session, actor, channel)
    may_choose(actor).enforce()
    judged = endorsements.take_over(session, desk, record, now=now)
    audit.record(session, actor, "channel.taken_over", channel, now=now)
    return judged


def reopen(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    at: tuple[int, int] | None = None,
    abandon_witnessed: bool = False,
    now: datetime,
) -> Judged:
    """Open a channel of ours anew, on its newest entry or on an older one.

    Args:
        at: epoch and seq of the entry; what follows it is abandoned everywhere.
        abandon_witnessed: even what others say that they hold.

    Raises:
        ForbiddenError: the actor may neither settle freezes nor hand over.
        NotFoundError: there is no such channel, or no such entry.
        ConflictError: others hold what would be abandoned.
        DoubtError: the ledger does not allow it.
    """
    record = get_visible_channel(session, actor, channel)
    may_choose(actor).enforce()
    if not record.is_ours:
        raise ConflictError("only its coordinator opens a channel anew")
    head = head_of(record) if at is None else _entry_at(session, channel, at)
    if head is None:
        raise ConflictError("nothing of this channel has been read yet")
    holders = _holders_beyond(session, record, head, us=desk.organisation)
    if holders and not abandon_witnessed:
        names = names_in(session, channel)
        listed = ", ".join(sorted(names.get(who, who) for who in holders))
        raise ConflictError(
            f"what follows {head.epoch}/{head.seq} is held by {listed}",
            hint="Open on the newest entry, or say that what they hold is to be abandoned.",
        )
    disbelieve_claims(session, record, now=now)
    judged = open_epoch(session, desk, record, opened_by=OpenedBy.RE_OPENING, head=head, now=now)
    forget_loss(record)
    audit.record(session, actor, "channel.reopened", f"{channel} {head.epoch}/{head.seq}", now=now)
    return judged


def leave(session: Session, desk: Desk, actor: Actor, channel: str, *, now: datetime) -> Written:
    """Leave a channel that is stopped here, whether or not its coordinator can be asked.

    Our part ends at once; that we leave is told to the coordinator as soon as it can be.

    Raises:
        ForbiddenError: the actor may neither settle freezes nor hand over.
        NotFoundError: there is no such channel.
        ConflictError: it is ours, or we have left already.
    """
    record = get_visible_channel(session, actor, channel)
    may_choose(actor).enforce()
    written = end_part(session, desk, record, by=actor.name, now=now)
    audit.record(session, actor, "channel.left", channel, now=now)
    return written


def _entry_at(session: Session, channel: str, at: tuple[int, int]) -> Position:
    row = session.get(EntryRecord, (channel, *at))
    if row is None:
        raise NotFoundError(f"there is no entry {at[0]}/{at[1]} in this channel", field="at")
    return Position(row.epoch, row.seq, row.sha256)


def _holders_beyond(
    session: Session, record: ChannelRecord, head: Position, *, us: str
) -> frozenset[str]:
    """Give who says by a receipt that it holds something after an entry."""
    after = (ReceiptRecord.epoch > head.epoch) | (
        (ReceiptRecord.epoch == head.epoch) & (ReceiptRecord.seq > head.seq)
    )
    query = select(ReceiptRecord.author).where(ReceiptRecord.channel == record.id, after)
    return frozenset(session.scalars(query.distinct())) - {us}

"""Branches of a ledger: which one holds, and going back to the head that a new epoch names.

Which branch holds is decided by the ledger alone: of two valid openings of one epoch the higher
round wins, then the one that names the later head, then the smaller hash.

Source: protocol, 11.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from federation.branches.holding_back import hold_back
from federation.judging.bundles import Position, SignedBundle
from federation.judging.facts import MemoryFacts
from federation.judging.judged import Judged
from federation.judging.state import ChannelState
from federation.ledgers import stage
from federation.ledgers.branch_records import AbandonedRecord
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import keep_descriptors, name_of
from federation.ledgers.ledger_records import (
    ChannelRecord,
    CoveredRecord,
    DescribedRecord,
    EntryRecord,
)
from federation.ledgers.recalls import in_force, keep_in_force
from federation.ledgers.replay import entries_of, replay
from policies.errors import ConflictError
from sharing import collections, objects
from sharing.bulk import among
from sharing.canonical import read_time
from sharing.objects import StixObject

logger = logging.getLogger(__name__)


def outranks(opening: SignedBundle, other: SignedBundle) -> bool:
    """Tell whether one valid opening of an epoch wins over another of the same epoch."""
    return rank(opening) > rank(other)


def rank(opening: SignedBundle) -> tuple[int, int, tuple[int, ...]]:
    """Give how an opening stands among those of its epoch; the greatest wins.

    The later head goes before the hash, so that an owner who has handed over can't take the
    channel back by opening anew on a head before that, under a hash that it has searched for.
    """
    named = opening.seen.seq if opening.seen is not None else -1
    smaller = tuple(-int(digit, 16) for digit in opening.sha256)
    return round_of(opening), named, smaller


def round_of(opening: SignedBundle) -> int:
    """Give the round of an opening: 0, unless the members have chosen who opens it."""
    if opening.body.get("opened_by") != "succession":
        return 0
    return int(opening.body.get("round", 0))


@dataclass(frozen=True)
class _Past:
    """A ledger up to one head, and what the entries after it had done."""

    kept: list[tuple[EntryRecord, Judged]]
    dropped: list[tuple[EntryRecord, Judged]]


def go_back(
    session: Session,
    desk: Desk,
    record: ChannelRecord,
    head: Position,
    *,
    again: bool = False,
    now: datetime,
) -> ChannelState:
    """Make one of our ledger's entries its head again; what follows it is abandoned.

    The abandoned entries are kept, and served no more. What is covered anew later comes into the
    collection anew, behind every reader's cursor. What they recalled stays recalled.

    Args:
        again: what left the collection is staged, because another branch may cover it.

    Raises:
        ConflictError: no such entry stands in our ledger.
    """
    past = _split(session, record, head)
    last, judged = past.kept[-1]
    # 1. Keep what is abandoned; what it recalled stays in force.
    for row, dropped in past.dropped:
        _keep_abandoned(session, row, dropped, now)
        erased = set(dropped.erased)
        keep_in_force(session, record.id, erased, erased=True)
        keep_in_force(session, record.id, set(dropped.recalled) - erased, erased=False)
    entries = {row.object_sha256 for row, _ in past.dropped}
    # 2. Take it out of the collection and of what rules look up.
    left = collections.withdraw(session, record.id, last.date_added) - entries
    collections.withhold(session, record.id, after=last.date_added)
    _forget(session, record.id, head, past)
    _undo_disowning(session, record.id, past)
    if again:
        contents = objects.find_contents(session, left)
        stage.put_back(session, record.id, map(StixObject.read, contents.values()), now)
    # 3. The channel stands where it stood then.
    _stand_at(session, record, last, past)
    # 4. Its views are made anew.
    with desk.anew(session, record.id):
        for row, kept in past.kept:
            desk.apply(session, kept, row.applied_at)
    # 5. Who reads again reads nothing that was written without it.
    if past.dropped:
        before = past.dropped[-1][1].state
        hold_back(session, record.id, desk.organisation, before, judged.state, now=now)
    logger.warning("entries abandoned", extra={"channel": record.id, "count": len(past.dropped)})
    return judged.state


def _split(session: Session, record: ChannelRecord, head: Position) -> _Past:
    kept: list[tuple[EntryRecord, Judged]] = []
    dropped: list[tuple[EntryRecord, Judged]] = []
    for row, judged in replay(session, entries_of(session, record.id), MemoryFacts()):
        is_kept = (row.epoch, row.seq) <= (head.epoch, head.seq)
        (kept if is_kept else dropped).append((row, judged))
    if not kept or kept[-1][1].entry.position != head:
        raise ConflictError(f"our ledger holds no such entry {head.epoch}/{head.seq}")
    return _Past(kept, dropped)


def _keep_abandoned(session: Session, row: EntryRecord, judged: Judged, now: datetime) -> None:
    contribution = judged.contribution
    session.merge(
        AbandonedRecord(
            channel=row.channel,
            sha256=row.sha256,
            epoch=row.epoch,
            seq=row.seq,
            act=row.act,
            author=row.author,
            content=judged.entry.stix.content,
            contribution=contribution and contribution.stix.content,
            contribution_sha256=contribution and contribution.sha256,
            created_at=row.created_at,
            abandoned_at=now,
        )
    )


def _forget(session: Session, channel: str, head: Position, past: _Past) -> None:
    for table in (CoveredRecord, EntryRecord):
        after: Any = or_(
            table.epoch > head.epoch, (table.epoch == head.epoch) & (table.seq > head.seq)
        )
        session.execute(
            delete(table)
            .where(table.channel == channel, after)
            .execution_options(synchronize_session=False)
        )
    still = {ref for _, judged in past.kept for ref in judged.recalled}
    for ref in {ref for _, judged in past.dropped for ref in judged.recalled} - still:
        session.execute(
            update(CoveredRecord)
            .where(CoveredRecord.channel == channel, CoveredRecord.ref == ref)
            .values(recalled=False)
            .execution_options(synchronize_session=False)
        )
    _own_again(session, channel, past)
    session.execute(delete(DescribedRecord).where(DescribedRecord.channel == channel))
    session.expire_all()


def _own_again(session: Session, channel: str, past: _Past) -> None:
    """Show again what only abandoned entries disowned."""
    bundles = {one for _, judged in past.dropped for one in judged.disowned.bundles}
    hidden = {one for _, judged in past.dropped for one in judged.disowned.hidden}
    if not bundles:
        return
    session.execute(
        update(EntryRecord)
        .where(
            EntryRecord.channel == channel,
            or_(EntryRecord.contribution_sha256.in_(bundles), EntryRecord.sha256.in_(bundles)),
        )
        .values(disowned=False)
        .execution_options(synchronize_session=False)
    )
    shown = session.scalars(
        update(CoveredRecord)
        .where(CoveredRecord.channel == channel, CoveredRecord.sha256.in_(hidden))
        .values(disowned=False)
        .returning(CoveredRecord.sha256)
        .execution_options(synchronize_session=False)
    )
    recalled = select(CoveredRecord.sha256).where(
        CoveredRecord.channel == channel, CoveredRecord.recalled
    )
    collections.show_contents(session, channel, set(shown) - set(session.scalars(recalled)))


def _undo_disowning(session: Session, channel: str, past: _Past) -> None:
    """Let hold again what only abandoned entries disowned; recalls are not touched by that."""
    bundles = {one for _, judged in past.dropped for one in judged.disowned.bundles}
    hidden = {one for _, judged in past.dropped for one in judged.disowned.hidden}
    if not bundles:
        return
    signed = or_(
        among(session, EntryRecord.sha256, bundles),
        among(session, EntryRecord.contribution_sha256, bundles),
    )
    session.execute(
        update(EntryRecord)
        .where(EntryRecord.channel == channel, signed)
        .values(disowned=False)
        .execution_options(synchronize_session="fetch")
    )
    shown = set[str]()
    kept = in_force(session, channel)
    rows = session.scalars(
        select(CoveredRecord).where(
            CoveredRecord.channel == channel, among(session, CoveredRecord.sha256, hidden)
        )
    )
    for row in rows:
        row.disowned = False
        if not row.recalled and row.ref not in kept:
            shown.add(row.sha256)
    session.flush()
    collections.show_contents(session, channel, shown)


def _stand_at(session: Session, record: ChannelRecord, last: EntryRecord, past: _Past) -> None:
    state = past.kept[-1][1].state
    keep_descriptors(session, record, state)
    record.state = state.document()
    record.owner, record.kind = state.owner, state.kind
    record.epoch, record.seq = last.epoch, last.seq
    record.head_sha256, record.head_at = last.sha256, read_time(state.head_created)
    for _, judged in past.kept:
        record.name = name_of(record, judged)
    collections.rename(session, record.id, record.name)
    session.flush()


def reinstate(session: Session, judged: Judged) -> None:
    """Note that an entry stands in our ledger, whatever we had left before."""
    session.execute(
        delete(AbandonedRecord).where(
            AbandonedRecord.channel == judged.entry.channel,
            AbandonedRecord.sha256 == judged.entry.sha256,
        )
    )


def abandoned_bundle(row: AbandonedRecord) -> SignedBundle:
    """Give an abandoned entry as it was signed."""
    return SignedBundle.read(StixObject.read(row.content))


def objects_of(session: Session, bundle: SignedBundle) -> list[StixObject] | None:
    """Give the objects that a bundle covers, from the store; `None` where one is gone."""
    wanted = [item.sha256 for item in bundle.contents]
    found = objects.find_contents(session, wanted)
    if any(sha256 not in found for sha256 in wanted):
        return None
    return [StixObject.read(found[sha256]) for sha256 in wanted]

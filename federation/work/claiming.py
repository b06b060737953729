"""Claiming errands and settling how they went: what a worker does with the queue.

Lanes of one partner take turns with those of all others, so that nobody's flood of work, however
much of it is due, comes before what another asked for.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Executable,
    Integer,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from federation.work.backoff import wait_after
from federation.work.holders import Holder
from federation.work.records import ErrandRecord
from federation.work.values import (
    CUT_OFF_REASON,
    LEASE,
    NAME_LENGTH,
    NOT_BEFORE_AT_MOST,
    REASON_LENGTH,
    Claimed,
    Done,
    Failed,
    Outcome,
)
from sharing.orm import UTCDateTime


def claim(
    session: Session,
    count: int,
    now: datetime,
    *,
    kinds: Collection[str] | None = None,
    fresh_only: bool = False,
    per_party: int | None = None,
) -> list[Claimed]:
    """Take up to so many errands that are due, one per lane, and lease them.

    What was cut off, because its holder died, comes before anything else of its lane, and counts
    as failed, so what kills its worker does not come first for ever.

    Args:
        session: in a transaction of its own, to be committed at once.
        count: how many at most.
        now: what is due by then, and when the lease begins.
        kinds: only these; all, where nothing is said.
        fresh_only: leave out what failed the last time.
        per_party: how many of one partner's lanes may be under way; any number, where nothing is
            said.
    """
    holder = str(Holder.of_this_process(secrets.token_hex(8)))
    taking = _taking(
        any_kind=kinds is None, fresh_only=fresh_only, skip_locked=_on_postgresql(session)
    )
    values = {
        "now": now,
        "kinds": list(kinds or ()),
        "count": count,
        "per_party": _ANY_NUMBER if per_party is None else per_party,
        "until": now + LEASE,
        "by": holder,
    }
    try:
        with session.begin_nested():
            rows = session.execute(taking, values).all()
    except IntegrityError:
        # Another worker took an errand of the same lane a moment ago. What is left is found the
        # next time.
        return []
    return sorted(
        (Claimed(**row._mapping, holder=holder) for row in rows),  # noqa: SLF001 (SQLAlchemy's name)
        key=lambda one: one.id,
    )


def is_ready(
    session: Session,
    now: datetime,
    *,
    kinds: Collection[str] | None = None,
    fresh_only: bool = False,
    per_party: int | None = None,
) -> bool:
    """Tell whether `claim` would find something; changes nothing, and costs one look-up."""
    looking = _looking(any_kind=kinds is None, fresh_only=fresh_only)
    values = {
        "now": now,
        "kinds": list(kinds or ()),
        "per_party": _ANY_NUMBER if per_party is None else per_party,
    }
    return session.execute(looking, values).first() is not None


def find_next_due(session: Session) -> datetime | None:
    """Give when the next errand is due, or the next lease ends, or `None` where nothing waits."""
    return session.scalar(
        select(func.min(func.coalesce(ErrandRecord.lease_until, ErrandRecord.due_at)))
    )


def renew(session: Session, claims: Collection[Claimed], now: datetime) -> frozenset[int]:
    """Show that the holder lives; give the ids of the claims that are still held."""
    still = (
        update(ErrandRecord)
        .where(
            ErrandRecord.id.in_([one.id for one in claims]),
            ErrandRecord.holder.in_({one.holder for one in claims}),
        )
        .values(lease_until=now + LEASE)
        .returning(ErrandRecord.id)
        .execution_options(synchronize_session=False)
    )
    return frozenset(session.scalars(still))


def settle(
    session: Session, claimed: Claimed, outcome: Outcome, *, now: datetime, chance: float
) -> bool:
    """Write down how an errand went; tell whether it was still ours.

    Args:
        session: in a transaction of its own.
        claimed: as `claim` gave it.
        outcome: what its handler said.
        now: when it ended.
        chance: from 0 up to 1, for the jitter of the wait.
    """
    match outcome:
        case Done(again_at=again_at):
            return _done(session, claimed, again_at, now=now)
        case Failed():
            return _retry(session, claimed, outcome, now=now, chance=chance)


def expire_dead(session: Session, now: datetime) -> int:
    """End the leases of processes of this machine that are no more; give how many."""
    held = session.execute(
        select(ErrandRecord.id, ErrandRecord.holder).where(ErrandRecord.lease_until > now)
    ).all()
    dead = [row.id for row in held if Holder.read(row.holder).is_dead()]
    if dead:
        session.execute(
            update(ErrandRecord)
            .where(ErrandRecord.id.in_(dead))
            .values(lease_until=now)
            .execution_options(synchronize_session=False)
        )
    return len(dead)


def _on_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


# Workers look many times a second: their statements are built once.

_NOW: Final = bindparam("now", type_=UTCDateTime())
_PER_PARTY: Final = bindparam("per_party", type_=Integer())
_ANY_NUMBER: Final = 1 << 30


def _due() -> ColumnElement[bool]:
    return or_(
        ErrandRecord.lease_until <= _NOW,
        and_(ErrandRecord.lease_until.is_(None), ErrandRecord.due_at <= _NOW),
    )


def _ready(*, any_kind: bool, fresh_only: bool) -> list[ColumnElement[bool]]:
    other = aliased(ErrandRecord)
    lane_is_taken = exists().where(
        other.lane == ErrandRecord.lane,
        other.lease_until.is_not(None),
        other.id != ErrandRecord.id,
    )
    ready = [_due(), ~lane_is_taken, _under_way(ErrandRecord.party) < _PER_PARTY]
    if not any_kind:
        ready.append(ErrandRecord.kind.in_(bindparam("kinds", expanding=True)))
    if fresh_only:
        ready.append(ErrandRecord.attempts == 0)
    return ready


def _under_way(party: ColumnElement[str] | InstrumentedAttribute[str]) -> ColumnElement[int]:
    """Count the lanes of a partner that are under way."""
    other = aliased(ErrandRecord)
    query = select(func.count()).where(other.party == party, other.lease_until > _NOW)
    return query.scalar_subquery()


@functools.cache
def _looking(*, any_kind: bool, fresh_only: bool) -> Executable:
    ready = _ready(any_kind=any_kind, fresh_only=fresh_only)
    return select(ErrandRecord.id).where(*ready).limit(1)


@functools.cache
def _taking(*, any_kind: bool, fresh_only: bool, skip_locked: bool) -> Executable:
    places = (
        select(
            ErrandRecord.id,
            ErrandRecord.party,
            ErrandRecord.due_at,
            ErrandRecord.attempts,
            func.row_number()
            .over(
                partition_by=ErrandRecord.lane,
                order_by=(ErrandRecord.lease_until.is_(None), ErrandRecord.due_at, ErrandRecord.id),
            )
            .label("place"),
        )
        .where(*_ready(any_kind=any_kind, fresh_only=fresh_only))
        .subquery()
    )
    # Among the first of each lane: what is a partner's next, after what it has under way.
    number = func.row_number().over(
        partition_by=places.c.party,
        order_by=(places.c.attempts > 0, places.c.due_at, places.c.id),
    )
    turns = (
        select(places.c.id, (number + _under_way(places.c.party)).label("turn"))
        .where(places.c.place == 1)
        .subquery()
    )
    chosen = (
        select(ErrandRecord.id)
        .join(turns, turns.c.id == ErrandRecord.id)
        # The conditions stand here once more: PostgreSQL looks at them again when the row was
        # changed by another worker between reading and locking.
        .where(turns.c.turn <= _PER_PARTY, _due())
        .order_by(ErrandRecord.attempts > 0, turns.c.turn, ErrandRecord.due_at, ErrandRecord.id)
        .limit(bindparam("count", type_=Integer()))
    )
    if skip_locked:
        chosen = chosen.with_for_update(skip_locked=True, of=ErrandRecord)
    ids = chosen.cte("chosen")
    cut_off = ErrandRecord.lease_until.is_not(None)
    return (
        update(ErrandRecord)
        .where(ErrandRecord.id.in_(select(ids.c.id)))
        .values(
            lease_until=bindparam("until", type_=UTCDateTime()),
            holder=bindparam("by"),
            claimed=ErrandRecord.asked,
            attempts=case((cut_off, ErrandRecord.attempts + 1), else_=ErrandRecord.attempts),
            last_name=case((cut_off, "cut_off"), else_=ErrandRecord.last_name),
            last_reason=case((cut_off, CUT_OFF_REASON), else_=ErrandRecord.last_reason),
        )
        .returning(
            ErrandRecord.id,
            ErrandRecord.kind,
            ErrandRecord.subject,
            ErrandRecord.lane,
            ErrandRecord.attempts,
            ErrandRecord.asked,
        )
        .execution_options(synchronize_session=False)
    )


_IDLE: Final[dict[str, Any]] = {"lease_until": None, "holder": None, "claimed": None}


def _done(session: Session, claimed: Claimed, again_at: datetime | None, *, now: datetime) -> bool:
    ours = and_(ErrandRecord.id == claimed.id, ErrandRecord.holder == claimed.holder)
    asked_again = ErrandRecord.asked > claimed.asked
    if again_at is None:
        gone = delete(ErrandRecord).where(ours, ~asked_again).returning(ErrandRecord.id)
        if session.execute(gone).first() is not None:
            return True
    due = (
        ErrandRecord.due_at
        if again_at is None
        else case(
            (and_(asked_again, ErrandRecord.due_at < again_at), ErrandRecord.due_at),
            else_=literal(again_at, UTCDateTime()),
        )
    )
    kept = (
        update(ErrandRecord)
        .where(ours)
        .values(
            asked=1,
            asked_at=now,
            due_at=due,
            attempts=0,
            last_name=None,
            last_reason=None,
            **_IDLE,
        )
        .returning(ErrandRecord.id)
        .execution_options(synchronize_session=False)
    )
    return session.execute(kept).first() is not None


def _retry(
    session: Session, claimed: Claimed, failed: Failed, *, now: datetime, chance: float
) -> bool:
    row = session.scalars(
        select(ErrandRecord)
        .where(ErrandRecord.id == claimed.id, ErrandRecord.holder == claimed.holder)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return False
    row.attempts += 1
    row.due_at = now + wait_after(row.attempts, chance)
    if failed.not_before is not None:
        row.due_at = max(row.due_at, min(failed.not_before, now + NOT_BEFORE_AT_MOST))
    row.last_name = failed.name[:NAME_LENGTH]
    row.last_reason = failed.reason[:REASON_LENGTH]
    row.lease_until = row.holder = row.claimed = None
    session.flush()
    return True

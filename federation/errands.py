"""The durable queue of what waits: asked for in the transaction of its cause, done by a worker.

Every function runs in its caller's transaction. What `ask` was told is written when that
transaction commits, in one statement and in one order, so two that ask for the same things never
lock each other out.
"""

from __future__ import annotations

import functools
import secrets
import threading
import weakref
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Executable,
    Integer,
    and_,
    bindparam,
    case,
    delete,
    event,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, SessionTransaction, aliased

from federation import changes
from federation.backoff import wait_after
from federation.errand_records import ErrandRecord
from federation.holders import Holder
from sharing.db import after_commit
from sharing.orm import UTCDateTime

LEASE: Final = timedelta(seconds=15)
"""How long a claim is believed without a sign of life from its holder."""

NOT_BEFORE_AT_MOST: Final = timedelta(hours=1)
"""How long the other side may put us off at once, whatever it says."""

KIND_LENGTH: Final = 40
SUBJECT_LENGTH: Final = 300
LANE_LENGTH: Final = 400
NAME_LENGTH: Final = 60
REASON_LENGTH: Final = 500

CUT_OFF_REASON: Final = "The worker ended while it was at this."

_ASKED: Final = "federation.errands.asked"
_ROWS_PER_STATEMENT: Final = 1000
_wakers: weakref.WeakSet[threading.Event] = weakref.WeakSet()


@dataclass(frozen=True, slots=True)
class Claimed:
    """An errand that is ours to do until its lease ends."""

    id: int
    kind: str
    subject: str
    lane: str
    attempts: int
    asked: int
    holder: str


@dataclass(frozen=True, slots=True)
class Done:
    """It is done.

    Args:
        again_at: when to do it again; never, unless somebody asks.
    """

    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be done now.

    Args:
        reason: one sentence that a person can read.
        name: the failure's name, as the protocol or we name it.
        not_before: when the other side said that it makes sense to try again; of that,
            `NOT_BEFORE_AT_MOST` is believed.
    """

    reason: str
    name: str
    not_before: datetime | None = None


Outcome = Done | Failed


@dataclass(frozen=True, slots=True)
class Waiting:
    """How an errand stands, for pages and commands."""

    kind: str
    subject: str
    lane: str
    asked_at: datetime
    due_at: datetime
    attempts: int
    running: bool
    last_name: str | None
    last_reason: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """How many errands wait, for metrics and readiness."""

    waiting: int
    running: int
    failing: int
    oldest_due_at: datetime | None
    """Of those that wait and have not failed: how far behind the workers are."""


@dataclass(frozen=True, slots=True)
class _Asking:
    lane: str
    now: datetime
    due: datetime
    count: int


def ask(
    session: Session,
    kind: str,
    subject: str,
    *,
    now: datetime,
    due: datetime | None = None,
    lane: str | None = None,
) -> None:
    """Ask for an errand, to be run no later than `due`, once this transaction is committed.

    Asking again before it runs changes at most when. Asking while it runs makes it run again
    afterwards. A wait after a failure goes on: `hasten` ends it, asking does not.

    Args:
        session: in the transaction of the cause.
        kind: what to do; the worker has a handler for it.
        subject: with what.
        now: the instant of the use-case.
        due: now, where nothing is said.
        lane: errands of one lane run one after another; each for itself, where nothing is said.
            An errand keeps the lane that it was first asked with until it is idle.

    Raises:
        ValueError: a name is empty or longer than its limit.
    """
    lane = f"{kind} {subject}" if lane is None else lane
    if not 0 < len(kind) <= KIND_LENGTH or len(subject) > SUBJECT_LENGTH:
        raise ValueError(f"no errand can be called {kind[:50]!r}, {subject[:50]!r}")
    if not 0 < len(lane) <= LANE_LENGTH:
        raise ValueError(f"no lane can be called {lane[:50]!r}")
    asked: dict[tuple[str, str], _Asking] = session.info.setdefault(_ASKED, {})
    new = _Asking(lane=lane, now=now, due=now if due is None else due, count=1)
    old = asked.get((kind, subject))
    if old is not None:
        new = replace(old, due=min(old.due, new.due), count=old.count + 1)
    asked[kind, subject] = new


def claim(
    session: Session,
    count: int,
    now: datetime,
    *,
    kinds: Collection[str] | None = None,
    fresh_only: bool = False,
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
    """
    holder = str(Holder.of_this_process(secrets.token_hex(8)))
    taking = _taking(
        any_kind=kinds is None, fresh_only=fresh_only, skip_locked=_on_postgresql(session)
    )
    values = {
        "now": now,
        "kinds": list(kinds or ()),
        "count": count,
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
) -> bool:
    """Tell whether `claim` would find something; changes nothing, and costs one look-up."""
    looking = _looking(any_kind=kinds is None, fresh_only=fresh_only)
    return session.execute(looking, {"now": now, "kinds": list(kinds or ())}).first() is not None


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


def hasten(session: Session, subject_prefix: str, *, now: datetime) -> int:
    """End the waits after failures for subjects that begin so; give how many were waiting.

    What runs now and fails, fails as if it had failed for the second time.
    """
    return _hasten(
        session, ErrandRecord.subject.startswith(subject_prefix, autoescape=True), now=now
    )


def hasten_lane(session: Session, lane: str, *, now: datetime) -> int:
    """End the waits after failures in one lane, because its partner was heard from."""
    return _hasten(session, ErrandRecord.lane == lane, now=now)


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


def visible_waiting(
    session: Session, *, lane: str | None = None, limit: int = 200
) -> Sequence[Waiting]:
    """Give what waits or runs, the soonest first, of one lane or of all."""
    rows = select(ErrandRecord).order_by(ErrandRecord.due_at, ErrandRecord.id).limit(limit)
    if lane is not None:
        rows = rows.where(ErrandRecord.lane == lane)
    return [_waiting(row) for row in session.scalars(rows)]


def find_waiting(session: Session, kind: str, subject: str) -> Waiting | None:
    """Give how one errand stands, or `None` where it neither waits nor runs."""
    row = session.scalars(
        select(ErrandRecord).where(ErrandRecord.kind == kind, ErrandRecord.subject == subject)
    ).one_or_none()
    return None if row is None else _waiting(row)


def count_errands(session: Session, now: datetime) -> Figures:
    """Count what waits, runs and fails."""
    idle = ErrandRecord.lease_until.is_(None)
    fresh = and_(idle, ErrandRecord.attempts == 0, ErrandRecord.due_at <= now)
    row = session.execute(
        select(
            func.count().filter(idle).label("waiting"),
            func.count().filter(~idle).label("running"),
            func.count().filter(ErrandRecord.attempts > 0).label("failing"),
            func.min(case((fresh, ErrandRecord.due_at))).label("oldest_due_at"),
        )
    ).one()
    return Figures(row.waiting, row.running, row.failing, row.oldest_due_at)


def wake_on_ask(waker: threading.Event) -> None:
    """Have an event set whenever a transaction of this process has asked for something."""
    _wakers.add(waker)


def wake() -> None:
    """Set every event that `wake_on_ask` was told of."""
    for waker in tuple(_wakers):
        waker.set()


def _on_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


# Workers look many times a second: their statements are built once.

_NOW: Final = bindparam("now", type_=UTCDateTime())


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
    ready = [_due(), ~lane_is_taken]
    if not any_kind:
        ready.append(ErrandRecord.kind.in_(bindparam("kinds", expanding=True)))
    if fresh_only:
        ready.append(ErrandRecord.attempts == 0)
    return ready


@functools.cache
def _looking(*, any_kind: bool, fresh_only: bool) -> Executable:
    ready = _ready(any_kind=any_kind, fresh_only=fresh_only)
    return select(ErrandRecord.id).where(*ready).limit(1)


@functools.cache
def _taking(*, any_kind: bool, fresh_only: bool, skip_locked: bool) -> Executable:
    places = (
        select(
            ErrandRecord.id,
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
    chosen = (
        select(ErrandRecord.id)
        # The conditions stand here once more: PostgreSQL looks at them again when the row was
        # changed by another worker between reading and locking.
        .where(ErrandRecord.id.in_(select(places.c.id).where(places.c.place == 1)), _due())
        .order_by(ErrandRecord.attempts > 0, ErrandRecord.due_at, ErrandRecord.id)
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


def _waiting(row: ErrandRecord) -> Waiting:
    return Waiting(
        kind=row.kind,
        subject=row.subject,
        lane=row.lane,
        asked_at=row.asked_at,
        due_at=row.due_at,
        attempts=row.attempts,
        running=row.lease_until is not None,
        last_name=row.last_name,
        last_reason=row.last_reason,
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


def _hasten(session: Session, which: ColumnElement[bool], *, now: datetime) -> int:
    idle = ErrandRecord.lease_until.is_(None)
    hastened = (
        update(ErrandRecord)
        .where(which, ErrandRecord.attempts > 0)
        .values(
            attempts=1,
            due_at=case(
                (and_(idle, ErrandRecord.due_at > now), literal(now, UTCDateTime())),
                else_=ErrandRecord.due_at,
            ),
        )
        .returning(ErrandRecord.lease_until)
        .execution_options(synchronize_session=False)
    )
    count = sum(lease is None for lease in session.scalars(hastened))
    if count:
        _wake_all(session)
    return count


def _wake_all(session: Session) -> None:
    changes.announce(session)
    after_commit(session, wake)


@event.listens_for(Session, "before_commit")
def _write_asked(session: Session) -> None:
    if session.in_nested_transaction():
        return
    asked: dict[tuple[str, str], _Asking] | None = session.info.pop(_ASKED, None)
    if not asked:
        return
    rows = [
        {
            "kind": kind,
            "subject": subject,
            "lane": one.lane,
            "asked": one.count,
            "asked_at": one.now,
            "due_at": one.due,
            "attempts": 0,
        }
        for (kind, subject), one in sorted(asked.items())
    ]
    for begin in range(0, len(rows), _ROWS_PER_STATEMENT):
        _upsert(session, rows[begin : begin + _ROWS_PER_STATEMENT])
    _wake_all(session)


@event.listens_for(Session, "after_soft_rollback")
def _forget_asked(session: Session, previous: SessionTransaction) -> None:
    if previous.parent is None:
        session.info.pop(_ASKED, None)


def _upsert(session: Session, rows: list[dict[str, Any]]) -> None:
    make = postgresql.insert if _on_postgresql(session) else sqlite.insert
    new = make(ErrandRecord).values(rows)
    running = ErrandRecord.lease_until.is_not(None)
    due = case(
        # A wait after a failure goes on.
        (and_(~running, ErrandRecord.attempts > 0), ErrandRecord.due_at),
        # When it runs, its own date is past; the first to ask again sets the next.
        (and_(running, ErrandRecord.asked == ErrandRecord.claimed), new.excluded.due_at),
        (new.excluded.due_at < ErrandRecord.due_at, new.excluded.due_at),
        else_=ErrandRecord.due_at,
    )
    session.execute(
        new.on_conflict_do_update(
            index_elements=[ErrandRecord.kind, ErrandRecord.subject],
            set_={"asked": ErrandRecord.asked + new.excluded.asked, "due_at": due},
        )
    )

"""Asking for errands in the transaction of their cause, and ending waits.

What `ask` was told is written when that transaction commits, in one statement and in one order,
so two that ask for the same things never lock each other out.
"""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, event, literal, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, SessionTransaction

from federation.work import changes
from federation.work.records import ErrandRecord
from federation.work.values import KIND_LENGTH, LANE_LENGTH, SUBJECT_LENGTH, TAKES_ITS_TIME
from sharing.db import after_commit
from sharing.orm import UTCDateTime

_ASKED: Final = "federation.work.errands.asked"
_ROWS_PER_STATEMENT: Final = 1000
_wakers: weakref.WeakSet[threading.Event] = weakref.WeakSet()


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


def wake_on_ask(waker: threading.Event) -> None:
    """Have an event set whenever a transaction of this process has asked for something."""
    _wakers.add(waker)


def wake() -> None:
    """Set every event that `wake_on_ask` was told of."""
    for waker in tuple(_wakers):
        waker.set()


def _hasten(session: Session, which: ColumnElement[bool], *, now: datetime) -> int:
    idle = ErrandRecord.lease_until.is_(None)
    hastened = (
        update(ErrandRecord)
        .where(
            which,
            ErrandRecord.attempts > 0,
            or_(
                ErrandRecord.last_name.is_(None),
                ErrandRecord.last_name.not_in(sorted(TAKES_ITS_TIME)),
            ),
        )
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
            "party": one.lane.partition(" ")[2] or one.lane,
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
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    make = postgresql.insert if on_postgresql else sqlite.insert
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

"""How errands stand, for pages, commands and figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from federation.work.records import ErrandRecord
from federation.work.values import Figures, Waiting


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

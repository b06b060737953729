"""Reports that were recorded on this node, as a person may see them.

Source: lifecycles, 2 (*Report on the own node*).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from hub.accounts.actor import Actor
from hub.reports.queries import PAGE, may_read_words
from hub.reports.records import (
    LocalReport,
    SentReport,
)
from policies.errors import NotFoundError
from policies.reports import (
    Certainty,
    LocalState,
    ReportKind,
)
from policies.roles import Right
from policies.tlp import TLP


@dataclass(frozen=True)
class Local:
    """A report on this node, before and after it was submitted."""

    id: str
    kind: ReportKind
    certainty: Certainty
    state: LocalState
    title: str
    text: str
    pasted: str | None
    category: str | None
    tlp: TLP
    occurred_at: datetime | None
    discovered_at: datetime | None
    reason: str | None
    recorded_by: str
    recorded_at: datetime
    changed_at: datetime
    version: int
    submitted_to: str | None
    report: str | None


def get_local(session: Session, actor: Actor, report: str) -> LocalReport:
    """Give a report that was recorded here.

    Raises:
        NotFoundError: there is none, or this actor may not know of it.
    """
    row = session.get(LocalReport, report)
    if row is None or not may_read(actor, row.tlp):
        raise NotFoundError("there is no such report")
    return row


def visible_locals(session: Session, actor: Actor, *, limit: int = PAGE) -> list[Local]:
    """Give what was recorded here and was not submitted, newest first."""
    at_hand = [state for state in LocalState if state is not LocalState.SUBMITTED]
    return visible_recorded(session, actor, states=at_hand, limit=limit)


def visible_recorded(
    session: Session,
    actor: Actor,
    *,
    states: Collection[LocalState] = tuple(LocalState),
    before: tuple[datetime, str] | None = None,
    limit: int = PAGE,
) -> list[Local]:
    """Give what was recorded here, newest first.

    Args:
        before: only what follows in this order after one that was recorded then, with this id.
    """
    if not actor.may(Right.READ_CHANNELS):
        return []
    query = select(LocalReport).where(LocalReport.state.in_(states))
    if not may_read_words(actor, TLP.RED):
        query = query.where(LocalReport.tlp != TLP.RED)
    if before is not None:
        at, report = before
        same = and_(LocalReport.recorded_at == at, LocalReport.id > report)
        query = query.where(or_(LocalReport.recorded_at < at, same))
    rows = session.scalars(
        query.order_by(LocalReport.recorded_at.desc(), LocalReport.id).limit(limit)
    )
    return [local_of(row) for row in rows]


def local_of(row: LocalReport) -> Local:
    """Give a recorded report as a value."""
    return Local(**{one.name: getattr(row, one.name) for one in fields(Local)})


def find_channel_of(session: Session, local: Local, *, us: str) -> str | None:
    """Give the direct channel in which a recorded report was submitted, or `None`."""
    return session.scalar(
        select(SentReport.channel).where(
            SentReport.reporter == us,
            SentReport.addressee == local.submitted_to,
            SentReport.report == local.report,
        )
    )


def may_read(actor: Actor, tlp: TLP) -> bool:
    """Tell whether this person may know of a report with the label."""
    return bool(actor.may(Right.READ_CHANNELS)) and may_read_words(actor, tlp)

"""Write and read the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.audit.records import AuditRecord, Outcome

MAX_PAGE: Final = 500


class WhoActs(Protocol):
    """What the trail keeps of an actor."""

    @property
    def user_id(self) -> str: ...  # noqa: D102 - see Actor
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def via(self) -> str: ...  # noqa: D102
    @property
    def address(self) -> str | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Unknown:
    """Somebody who is not known: a sign-in that failed, a token that is none."""

    name: str
    via: str
    address: str | None
    user_id: None = None


NODE: Final = Unknown("this node", via="worker", address=None)
"""Who acts where nobody does: the node by itself."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What to look for; all that is given must hold."""

    actor_id: str | None = None
    action: str | None = None
    subject: str | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None


def record(
    session: Session,
    actor: WhoActs | Unknown,
    action: str,
    subject: str | None = None,
    *,
    now: datetime,
    outcome: Outcome = Outcome.DONE,
    reason: str | None = None,
) -> None:
    """Add one line to the trail, in the caller's transaction.

    Args:
        action: noun and participle: `user.created`, `audit.read`.
        subject: the id of what was acted on; never content.
        reason: why it was refused, or what happened where nobody acted.
    """
    session.add(
        AuditRecord(
            at=now,
            actor_id=actor.user_id,
            actor_name=actor.name[:100],
            via=str(actor.via),
            action=action[:60],
            subject=None if subject is None else subject[:200],
            outcome=outcome,
            reason=None if reason is None else reason[:300],
            address=actor.address,
            request_id=structlog.contextvars.get_contextvars().get("request_id"),
        )
    )


def visible_records(
    session: Session, wanted: AuditFilter, *, before: int | None = None, limit: int = 50
) -> Sequence[AuditRecord]:
    """Give a page of the trail, newest first.

    Args:
        before: the id of the last record of the page before.
    """
    query = select(AuditRecord).order_by(AuditRecord.id.desc()).limit(min(limit, MAX_PAGE))
    conditions = [
        (AuditRecord.id, "lt", before),
        (AuditRecord.actor_id, "eq", wanted.actor_id),
        (AuditRecord.action, "eq", wanted.action),
        (AuditRecord.subject, "eq", wanted.subject),
        (AuditRecord.outcome, "eq", wanted.outcome),
        (AuditRecord.at, "ge", wanted.since),
        (AuditRecord.at, "le", wanted.until),
    ]
    for column, operator, value in conditions:
        if value is not None:
            query = query.where(getattr(column, f"__{operator}__")(value))
    return session.scalars(query).all()

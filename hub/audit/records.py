"""The audit trail; rows are added and never changed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from sharing.orm import Base


class Outcome(StrEnum):
    """How an act ended."""

    DONE = "done"
    REFUSED = "refused"


class AuditRecord(Base):
    """One thing that somebody did, tried or read."""

    __tablename__ = "audit_record"
    __table_args__ = (
        Index("ix_audit_record_actor_id_id", "actor_id", "id"),
        Index("ix_audit_record_subject_id", "subject", "id"),
        Index("ix_audit_record_action_id", "action", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[str | None]
    """The account, `console`, or nothing where nobody was known."""
    actor_name: Mapped[str]
    via: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str | None]
    outcome: Mapped[Outcome]
    reason: Mapped[str | None]
    """Why it was refused, as the person was told."""
    address: Mapped[str | None]
    request_id: Mapped[str | None]

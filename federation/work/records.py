"""What waits to be done, and which workers are alive."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from sharing.orm import Base


class ErrandRecord(Base):
    """One thing that waits to be done, or is being done: `kind` says what, `subject` with what.

    Asking twice makes one row; `asked` counts. What was asked while it ran (`asked` has passed
    `claimed`) makes it run again. A lane is under way once at most, and the database sees to it.
    """

    __tablename__ = "errand"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        CheckConstraint("(lease_until IS NULL) = (claimed IS NULL)", name="leased_is_claimed"),
        CheckConstraint("(lease_until IS NULL) = (holder IS NULL)", name="leased_is_held"),
        Index(
            "uq_errand_lane_under_way",
            "lane",
            unique=True,
            sqlite_where=text("lease_until IS NOT NULL"),
            postgresql_where=text("lease_until IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    lane: Mapped[str] = mapped_column(index=True)
    """Errands of one lane run one after another: a partner, or the errand itself."""
    party: Mapped[str] = mapped_column(server_default="")
    """Whose lanes take turns with those of others: what the lane is named after."""
    asked: Mapped[int] = mapped_column(default=1)
    """How often it was asked for since it was last idle."""
    asked_at: Mapped[datetime]
    """When it was asked for first, since it was last idle."""
    due_at: Mapped[datetime] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    """How many attempts failed in a row."""
    last_name: Mapped[str | None]
    """The name of the last failure, as `protocol` names them."""
    last_reason: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    """Until when its holder is believed to be at it."""
    holder: Mapped[str | None]
    """Whose claim it is: `<machine>/<process id>/<claim>`."""
    claimed: Mapped[int | None]
    """What `asked` was when its holder took it."""


class WorkerRecord(Base):
    """One worker process and when it last showed that it is alive."""

    __tablename__ = "worker"

    holder: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime] = mapped_column(index=True)
    running: Mapped[int]
    """How many errands it had under way then."""

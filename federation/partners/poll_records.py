"""When each partner was last asked for its heads, and how quiet it has been."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from sharing.orm import Base


class PollRecord(Base):
    """One partner that we poll."""

    __tablename__ = "poll"

    organisation: Mapped[str] = mapped_column(primary_key=True)
    etag: Mapped[str | None]
    polled_at: Mapped[datetime]
    quiet: Mapped[int] = mapped_column(default=0)
    """How many polls in a row had nothing new."""

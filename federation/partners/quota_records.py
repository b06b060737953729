"""What an administrator allows one partner, and when it last asked for more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sharing.orm import Base


class QuotaRecord(Base):
    """One organisation's quota, where it differs or was used up."""

    __tablename__ = "partner_quota"
    __table_args__ = (CheckConstraint("percent > 0 AND percent <= 10000", name="percent_fits"),)

    organisation: Mapped[str] = mapped_column(primary_key=True)
    percent: Mapped[int] = mapped_column(default=100)
    """Of the usual quota."""
    throttled_since: Mapped[datetime | None]
    """When it first asked for more than that, without a pause since."""
    throttled_at: Mapped[datetime | None]
    """When it last did."""
    what: Mapped[str | None]
    """Which quota was used up."""
    refused_count: Mapped[int] = mapped_column(default=0)
    """Requests refused since."""

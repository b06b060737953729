"""The history that our database server was on when we last looked."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sharing.orm import Base

ONE: Final = 1


class TimelineRecord(Base):
    """The timeline of a PostgreSQL server; there is one row or none."""

    __tablename__ = "database_timeline"
    __table_args__ = (CheckConstraint(f"id = {ONE}", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    timeline: Mapped[str]
    noted_at: Mapped[datetime]

"""What was said through the coordinator: a view of the ledger, and what we alone know of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from sharing.orm import Base


class RelayAnswer(StrEnum):
    """What the organisation itself said of a statement in its name."""

    NONE = "none"
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"
    WITHHELD = "withheld"


class RelayedView(Base):
    """A view: one statement of a coordinator's on behalf of an organisation that could not write.

    Source: lifecycles, 1, rule 6.
    """

    __tablename__ = "relayed_statement"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    bundle: Mapped[str] = mapped_column(primary_key=True)
    """Hash of the bundle."""
    bundle_id: Mapped[str]
    """Its STIX id: what an opinion about it names."""
    author: Mapped[str]
    organisation: Mapped[str] = mapped_column(index=True)
    act: Mapped[str]
    way: Mapped[str]
    told_at: Mapped[datetime]
    informant: Mapped[str | None]
    """The identity that names who told it, among what the bundle covers."""
    written_at: Mapped[datetime]
    """Ledger time."""
    answer: Mapped[RelayAnswer] = mapped_column(default=RelayAnswer.NONE)
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None]
    """Hash of the bundle that brought the newest answer."""


class AbsentRecord(Base):
    """An organisation without a node that we look after: what stays on this node alone.

    The ledger may know it as “Organisation 7”; here stands who that is.
    """

    __tablename__ = "absent_organisation"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    organisation: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    contact: Mapped[str | None]
    """How to reach it; never sent."""
    noted_by: Mapped[str]
    noted_at: Mapped[datetime]

"""Views of what ledgers say of how to reach each organisation, and for whom it answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from policies.directory import Duty
from policies.tlp import TLP
from sharing.orm import Base


class DescribedMember(Base):
    """A view: the newest that was said of how to reach an organisation, in one channel."""

    __tablename__ = "described_member"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    organisation: Mapped[str] = mapped_column(primary_key=True, index=True)
    bundle: Mapped[str]
    author: Mapped[str]
    """The organisation itself, or the coordinator on its behalf."""
    described_at: Mapped[datetime]
    """Ledger time."""
    constituency: Mapped[str | None]
    """STIX id of the identity that says for whom it answers."""
    sectors: Mapped[list[str]]
    as_numbers: Mapped[list[Any]]
    text: Mapped[str | None]
    """Domains, address ranges and services, as that identity says them."""
    tlp: Mapped[TLP]


class ContactPoint(Base):
    """A view: one contact point of an organisation.

    Source: records, 4.1 (*ContactPoint*, *Channel*).
    """

    __tablename__ = "contact_point"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    organisation: Mapped[str] = mapped_column(primary_key=True, index=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    bundle: Mapped[str]
    ref: Mapped[str]
    """STIX id of the identity that holds its name and the words of its ways."""
    duty: Mapped[Duty]
    escalation: Mapped[int]
    hours: Mapped[dict[str, Any] | None]
    """None where it is always on duty."""
    ways: Mapped[list[Any]]
    verified_at: Mapped[datetime | None]
    name: Mapped[str | None]
    """None where its words are not here, or not any more."""
    lines: Mapped[list[str] | None]
    """The words of each way, in order."""
    tlp: Mapped[TLP]

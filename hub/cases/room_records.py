"""Views of what a case's ledger says of its course in time, and of what there is to look for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from policies.intel import IntelKind, Verdict
from policies.timeline import MomentKind, Precision
from policies.tlp import TLP
from sharing.orm import Base


class MomentView(Base):
    """A view: something on the timeline of a case, when it was or may have been."""

    __tablename__ = "case_moment"
    __table_args__ = (
        Index(None, "channel", "earliest", "key"),
        Index(None, "channel", "ref"),
    )

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    """STIX id of an event; of all else, the hash of its bundle."""
    kind: Mapped[MomentKind]
    act: Mapped[str]
    word: Mapped[str | None]
    """A word of the act's body: a response state, a level, an outcome."""
    organisation: Mapped[str]
    """Whose it is: who says it, who joins; where it is relayed, whose word it is."""
    author: Mapped[str]
    relayed: Mapped[bool]
    earliest: Mapped[datetime]
    latest: Mapped[datetime]
    precision: Mapped[Precision]
    status: Mapped[str | None]
    """Of an event: whether it has happened."""
    ref: Mapped[str | None]
    """STIX id of what holds its words."""
    version: Mapped[str | None]
    text: Mapped[str | None]
    more: Mapped[str | None]
    tlp: Mapped[TLP | None]
    bundle: Mapped[str]
    said_at: Mapped[datetime]
    """Ledger time."""


class IntelView(Base):
    """A view: something to look for, a sighting of it, or a note, as a case's ledger has it."""

    __tablename__ = "case_intel"
    __table_args__ = (
        Index(None, "channel", "said_at", "ref"),
        Index(None, "channel", "about"),
    )

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    ref: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[IntelKind]
    organisation: Mapped[str]
    author: Mapped[str]
    relayed: Mapped[bool]
    version: Mapped[str | None]
    title: Mapped[str | None]
    text: Mapped[str | None]
    pattern: Mapped[str | None]
    about: Mapped[str | None]
    """Of a sighting: what was sighted."""
    verdict: Mapped[Verdict | None]
    valid_until: Mapped[datetime | None]
    revoked: Mapped[bool]
    recalled: Mapped[bool]
    tlp: Mapped[TLP]
    bundle: Mapped[str]
    said_at: Mapped[datetime]

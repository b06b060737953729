"""Views that the reducer of charters fills; `rebuild` makes them again from the ledgers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, false
from sqlalchemy.orm import Mapped, mapped_column

from policies.tlp import TLP
from sharing.orm import Base


class CharterView(Base):
    """A view: one version of a community's charter."""

    __tablename__ = "charter_version"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    charter: Mapped[str] = mapped_column(primary_key=True)
    """STIX id of the note that holds its words."""
    state: Mapped[str]
    text: Mapped[str | None]
    tlp: Mapped[TLP]
    sha256: Mapped[str]
    """What is accepted: the hash that the proposal names."""
    words_sha256: Mapped[str | None]
    """The hash of the note that came with it; another one, or none, is not accepted by us."""
    terms: Mapped[dict[str, Any]]
    replaces: Mapped[str | None]
    accept_by: Mapped[datetime]
    proposed_by: Mapped[str]
    proposed_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    in_force_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    """Why it was taken back or ended, or what was said when it was put in force."""
    reason_note: Mapped[str | None]
    proposed_in: Mapped[str | None]
    """Hash of the bundle."""
    step_in: Mapped[str | None]
    """Hash of the bundle that put it in force, took it back or ended it."""
    disowned: Mapped[bool] = mapped_column(server_default=false())
    """Who did the one or the other says that it was a stolen key.

    The ledger goes by it until a later act mends it.
    """


class CharterAnswerView(Base):
    """A view: what one organisation says to a version of the charter."""

    __tablename__ = "charter_answer"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    charter: Mapped[str] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(primary_key=True)
    answer: Mapped[str]
    answered_at: Mapped[datetime]
    reason: Mapped[str | None]
    reason_note: Mapped[str | None]
    reason_tlp: Mapped[TLP | None]
    relayed: Mapped[bool]
    """The coordinator's word on its behalf."""
    bundle: Mapped[str | None]
    disowned: Mapped[bool] = mapped_column(server_default=false())
    """Its author says that it was a stolen key: the organisation is asked again."""

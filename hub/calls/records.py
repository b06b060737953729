"""Views of what ledgers say of warnings, checks and requests."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from policies.calls import (
    Affected,
    AnswersTo,
    CallKind,
    DeclineReason,
    RequestOutcome,
    RequestResult,
)
from policies.tlp import TLP
from sharing.orm import Base


class IssuedCall(Base):
    """A view: a warning, a check of the communication, or a request.

    Source: lifecycles, 2.
    """

    __tablename__ = "issued_call"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    ref: Mapped[str] = mapped_column(primary_key=True)
    """STIX id of the object that says what is asked, or what threatens."""
    kind: Mapped[CallKind]
    author: Mapped[str]
    bundle: Mapped[str]
    text: Mapped[str | None]
    """Its words; none where they are not here, or not any more."""
    tlp: Mapped[TLP]
    next_update: Mapped[datetime | None]
    answers_to: Mapped[AnswersTo | None]
    about: Mapped[str | None]
    issued_at: Mapped[datetime] = mapped_column(index=True)
    """Ledger time, here and below."""
    changed_at: Mapped[datetime]
    closed_at: Mapped[datetime | None] = mapped_column(index=True)
    """Since when nobody is asked any more."""
    outcome: Mapped[RequestOutcome | None]


class CalledMember(Base):
    """A view: one organisation that is asked, as the ledger of the channel has it."""

    __tablename__ = "called_member"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    ref: Mapped[str] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(primary_key=True, index=True)
    bundle: Mapped[str]
    """Hash of the bundle that asked it first."""
    state: Mapped[str]
    round: Mapped[int]
    """How often it was asked; answers of an earlier round do not count for this one."""
    asked_at: Mapped[datetime]
    reply_by: Mapped[datetime]


class CallAnswer(Base):
    """A view: what one organisation answered, in the channel itself or to the asker alone."""

    __tablename__ = "call_answer"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    bundle: Mapped[str] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(index=True)
    organisation: Mapped[str]
    told_to: Mapped[str | None]
    """The other side, where it stands in a direct channel."""
    act: Mapped[str]
    epoch: Mapped[int]
    seq: Mapped[int]
    answered_at: Mapped[datetime]
    round: Mapped[int]
    way: Mapped[str]
    relayed: Mapped[bool]
    affected: Mapped[Affected | None]
    result: Mapped[RequestResult | None]
    reason: Mapped[DeclineReason | None]
    note: Mapped[str | None]
    text: Mapped[str | None]
    tlp: Mapped[TLP]


class CallUpdate(Base):
    """A view: what whoever called said since."""

    __tablename__ = "call_update"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    bundle: Mapped[str] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(index=True)
    author: Mapped[str]
    act: Mapped[str]
    epoch: Mapped[int]
    seq: Mapped[int]
    said_at: Mapped[datetime]
    asks_again: Mapped[bool]
    note: Mapped[str | None]
    text: Mapped[str | None]
    tlp: Mapped[TLP]


class CallIndicator(Base):
    """A view: what a warning or a request gives to look for."""

    __tablename__ = "call_indicator"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    call: Mapped[str] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(primary_key=True)
    bundle: Mapped[str]
    pattern: Mapped[str]
    name: Mapped[str]
    tlp: Mapped[TLP]

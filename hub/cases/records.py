"""Views of what ledgers say of cases, and what a coordinator alone keeps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, false
from sqlalchemy.orm import Mapped, mapped_column

from policies.assessment import ResponseState
from policies.links import Relation
from policies.matrix import Level
from policies.tlp import TLP
from sharing.orm import Base


class CaseView(Base):
    """A view: the course of a case, as its ledger tells it."""

    __tablename__ = "case_view"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    incident: Mapped[str]
    """STIX id of the incident; the channel's own identity creates it."""
    title: Mapped[str | None]
    """Of its newest version that is here."""
    text: Mapped[str | None]
    told_in: Mapped[str | None]
    """Hash of the bundle that brought that version."""
    tlp: Mapped[TLP]
    state: Mapped[str]
    crisis: Mapped[bool]
    exercise: Mapped[bool]
    control: Mapped[str | None]
    charter: Mapped[dict[str, Any] | None]
    terms: Mapped[dict[str, Any] | None]
    """What it took over from that charter when it was opened."""
    severity: Mapped[Level | None]
    derived: Mapped[str | None]
    """The level that the inputs come to, where the coordinator says otherwise."""
    figures: Mapped[list[Any] | None]
    asked: Mapped[int | None]
    joined_at: Mapped[datetime | None]
    """When the assessments were put together last."""
    joined_in: Mapped[str | None]
    """Hash of the bundle."""
    review_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    merged_into: Mapped[str | None] = mapped_column(index=True)
    """The case that it goes on in; it may not be here."""


class CaseLink(Base):
    """A view: another case that a case names, as its ledger tells it; the newest word counts."""

    __tablename__ = "case_link"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    other: Mapped[str] = mapped_column(primary_key=True, index=True)
    """Channel of a case of the same coordinator, or STIX id of another coordinator's incident."""
    by_channel: Mapped[bool]
    """It is the former."""
    relation: Mapped[Relation]
    linked_at: Mapped[datetime]
    bundle: Mapped[str | None]
    """Hash of the bundle that said so last."""


class CaseWords(Base):
    """A view: what was said with an act of a case, in order."""

    __tablename__ = "case_words"
    __table_args__ = (Index(None, "channel", "said_at"),)

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    bundle: Mapped[str] = mapped_column(primary_key=True)
    about: Mapped[str] = mapped_column(index=True)
    """`case`, an organisation, or the STIX id of a decision."""
    author: Mapped[str]
    act: Mapped[str]
    note: Mapped[str | None]
    text: Mapped[str | None]
    tlp: Mapped[TLP]
    said_at: Mapped[datetime]


class OwnWordView(Base):
    """A view: how an organisation is hit and how far it is, by its own newest word.

    Open words stand in the case; what is for the coordinator alone stands in the organisation's
    direct channel, and names the case.
    """

    __tablename__ = "own_word"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    """The ledger that it stands in."""
    case: Mapped[str] = mapped_column(primary_key=True, index=True)
    organisation: Mapped[str] = mapped_column(primary_key=True)
    alone: Mapped[bool]
    assessment: Mapped[dict[str, Any] | None]
    assessed_at: Mapped[datetime | None]
    assessed_in: Mapped[str | None]
    """Hash of the bundle."""
    response: Mapped[ResponseState | None]
    since: Mapped[datetime | None]
    since_earliest: Mapped[datetime | None]
    responded_at: Mapped[datetime | None]
    responded_in: Mapped[str | None]
    relayed: Mapped[bool]
    """The coordinator's word on its behalf."""


class DecisionView(Base):
    """A view: something that is decided."""

    __tablename__ = "decision"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    decision: Mapped[str] = mapped_column(primary_key=True)
    """STIX id of the note that holds question and rationale."""
    topic: Mapped[str]
    subject: Mapped[str | None]
    state: Mapped[str]
    text: Mapped[str | None]
    tlp: Mapped[TLP]
    rule: Mapped[dict[str, Any] | None]
    options: Mapped[list[str] | None]
    voters: Mapped[list[str] | None]
    vote_until: Mapped[datetime | None]
    outcome: Mapped[str | None]
    authority: Mapped[str | None]
    facts: Mapped[dict[str, Any] | None]
    """The head of the ledger that was known."""
    review_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    taken_at: Mapped[datetime | None]
    asked_in: Mapped[str | None]
    """Hash of the bundle that it was asked in, or decided in at once."""
    taken_in: Mapped[str | None]
    disowned: Mapped[bool] = mapped_column(server_default=false())
    """Who asked, or said what was decided, says that it was a stolen key.

    The ledger goes by it until a later act mends it.
    """


class VoteView(Base):
    """A view: the newest vote of an organisation."""

    __tablename__ = "vote"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    decision: Mapped[str] = mapped_column(primary_key=True)
    voter: Mapped[str] = mapped_column(primary_key=True)
    option: Mapped[str]
    voted_at: Mapped[datetime]
    relayed: Mapped[bool]
    bundle: Mapped[str | None]
    disowned: Mapped[bool] = mapped_column(server_default=false())
    """Its author says that it was a stolen key: it counts for nothing here.

    The ledger counts it until the organisation votes again.
    """


class CaseMemory(Base):
    """What the coordinator's node keeps of the figures that it has told others; never sent.

    Source: domain, 1 (*For the coordinator alone*).
    """

    __tablename__ = "case_memory"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    document: Mapped[list[Any]]

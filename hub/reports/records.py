"""What was recorded on this node, and views of what direct channels say of reports."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from policies.reports import (
    Attribution,
    Certainty,
    FalseAlarm,
    LocalState,
    ReportKind,
    ReportOutcome,
    Triage,
)
from policies.tlp import TLP
from sharing.orm import Base


class LocalReport(Base):
    """A report on the node that recorded it: our own matter until somebody submits it.

    Source: lifecycles, 2 (*Report on the own node*).
    """

    __tablename__ = "local_report"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[ReportKind]
    certainty: Mapped[Certainty]
    state: Mapped[LocalState] = mapped_column(default=LocalState.RECORDED)
    title: Mapped[str]
    text: Mapped[str]
    pasted: Mapped[str | None]
    """Text, a MISP event or STIX that was pasted beside it: what it names goes along."""
    category: Mapped[str | None]
    """A type of the Reference Security Incident Taxonomy."""
    tlp: Mapped[TLP]
    occurred_at: Mapped[datetime | None]
    discovered_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    """Why it was set aside, or taken up again."""
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime] = mapped_column(index=True)
    changed_by: Mapped[str]
    changed_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)
    submitted_to: Mapped[str | None]
    """The organisation at the other end of the direct channel."""
    report: Mapped[str | None]
    """STIX id under which that organisation knows it."""

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - as SQLAlchemy reads it


class LinkedReport(Base):
    """Which case of ours a report has become part of: our own memory.

    The ledger says it only where the reporter has a part in that case.
    """

    __tablename__ = "linked_report"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    """The reporter's direct channel."""
    report: Mapped[str] = mapped_column(primary_key=True)
    case: Mapped[str] = mapped_column(ForeignKey("channel.id"), index=True)
    linked_by: Mapped[str]
    linked_at: Mapped[datetime]


class PublishedNearMiss(Base):
    """What we told a community of a near-miss: our own memory, what goes out names no source."""

    __tablename__ = "published_near_miss"

    bundle: Mapped[str] = mapped_column(primary_key=True)
    """Hash of the entry in the community."""
    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"))
    """The reporter's direct channel."""
    report: Mapped[str] = mapped_column(index=True)
    community: Mapped[str] = mapped_column(ForeignKey("channel.id"))
    epoch: Mapped[int]
    seq: Mapped[int]
    title: Mapped[str]
    published_by: Mapped[str]
    published_at: Mapped[datetime]


class SentReport(Base):
    """A view: the reporter's side of a report, as its direct channel tells it."""

    __tablename__ = "sent_report"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    report: Mapped[str] = mapped_column(primary_key=True)
    """STIX id of the object that says what is reported."""
    reporter: Mapped[str]
    addressee: Mapped[str]
    bundle: Mapped[str]
    """Hash of the bundle that submitted it."""
    kind: Mapped[ReportKind]
    certainty: Mapped[Certainty]
    attribution: Mapped[Attribution]
    category: Mapped[str | None]
    spread: Mapped[str | None]
    help_wanted: Mapped[bool]
    redacted: Mapped[bool]
    title: Mapped[str | None]
    """Empty where it has none; none where its words are not here any more."""
    text: Mapped[str | None]
    tlp: Mapped[TLP]
    words_from: Mapped[str]
    """Hash of the bundle that brought title and text."""
    state: Mapped[str]
    submitted_at: Mapped[datetime]
    """Ledger time, here and below: its author claims it."""
    changed_at: Mapped[datetime]
    received_at: Mapped[datetime]
    """When this node took it in; lists go by that."""
    asked_again: Mapped[str | None]
    """Hash of the closing that the reporter does not leave it at."""

    __table_args__ = (
        Index(None, "addressee", "received_at"),
        Index(None, "reporter", "received_at"),
    )


class ReportWords(Base):
    """A view: what either side said of a report besides, in order."""

    __tablename__ = "report_words"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    bundle: Mapped[str] = mapped_column(primary_key=True)
    report: Mapped[str] = mapped_column(index=True)
    author: Mapped[str]
    act: Mapped[str]
    note: Mapped[str | None]
    """STIX id of the note that holds the words."""
    text: Mapped[str | None]
    tlp: Mapped[TLP]
    said_at: Mapped[datetime]


class ReportAnswer(Base):
    """A view: the addressee's side of a report, as its direct channel to the reporter tells it."""

    __tablename__ = "report_answer"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    report: Mapped[str] = mapped_column(primary_key=True, index=True)
    author: Mapped[str]
    reporter: Mapped[str]
    state: Mapped[str]
    reference: Mapped[str | None]
    next_contact: Mapped[datetime | None]
    triaged_as: Mapped[Triage | None]
    false_alarm: Mapped[FalseAlarm | None]
    outcome: Mapped[ReportOutcome | None]
    case: Mapped[str | None]
    closing: Mapped[str | None]
    """Hash of the bundle that closed it."""
    answered_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class ReportIndicator(Base):
    """A view: what a report gives to look for; two reports with the same may be one incident."""

    __tablename__ = "report_indicator"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    report: Mapped[str] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(primary_key=True)
    bundle: Mapped[str]
    """Hash of the bundle that brought it."""
    pattern: Mapped[str]
    pattern_sha256: Mapped[str | None] = mapped_column(index=True)
    """What two that look for the same have in common; none where there is no pattern."""
    host: Mapped[str | None] = mapped_column(index=True)
    """The name or address that it lies on, or is."""
    name: Mapped[str]
    tlp: Mapped[TLP]

"""What this node keeps of branches that a channel's ledger has left, and of who chose them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from sharing.orm import Base


class AbandonedRecord(Base):
    """An entry that stood in our ledger until a new epoch opened on an older head.

    It is served no more; it is shown as such, and goes into exports.
    """

    __tablename__ = "abandoned_entry"
    __table_args__ = (Index(None, "channel", "epoch", "seq"),)

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(primary_key=True)
    """Bundle hash of the entry."""
    epoch: Mapped[int]
    seq: Mapped[int]
    act: Mapped[str]
    """What it did: the contribution's act where it admitted one."""
    author: Mapped[str]
    content: Mapped[bytes]
    contribution: Mapped[bytes | None]
    contribution_sha256: Mapped[str | None]
    created_at: Mapped[datetime]
    abandoned_at: Mapped[datetime]
    again: Mapped[str | None]
    """Of an entry of our own: hash of the contribution by which it is offered anew."""
    sentence: Mapped[str | None]
    """Of an entry of our own: why it is not offered anew."""


class RecallInForceRecord(Base):
    """An object that an abandoned entry recalled: once verified, that stays in force.

    The ledger that we follow now may not say so: judging never asks this record.
    """

    __tablename__ = "recall_in_force"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    ref: Mapped[str] = mapped_column(primary_key=True)
    erased: Mapped[bool]
    """Whether its author said so: then the bytes go, too."""


class EndorsementRecord(Base):
    """A member's signed word for a successor: one that we gave, or that was given to us."""

    __tablename__ = "endorsement"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    author: Mapped[str] = mapped_column(primary_key=True)
    candidate: Mapped[str]
    head_epoch: Mapped[int]
    head_seq: Mapped[int]
    head_sha256: Mapped[str]
    sha256: Mapped[str]
    """Bundle hash."""
    content: Mapped[bytes]
    kept_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    """Of one that we gave: when the candidate's node took it."""
    refused: Mapped[str | None]
    """Of one that we gave: why the candidate's node refused it for good."""


class HeadClaimRecord(Base):
    """What another member than our source last said of a channel's head, where it is not ours."""

    __tablename__ = "head_claim"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    organisation: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int]
    seq: Mapped[int]
    sha256: Mapped[str]
    heard_at: Mapped[datetime]
    looked: Mapped[bool] = mapped_column(default=False)
    """Whether we have asked for a look at what it holds."""
    looked_at: Mapped[datetime | None]
    in_vain: Mapped[int] = mapped_column(default=0)
    """How many looks in a row have led our ledger nowhere."""

"""The receipts that this node keeps, others' and its own; and whom it asked for them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from sharing.orm import Base


class ReceiptRecord(Base):
    """One receipt that proved: its author held the ledger up to that head, it says since then.

    Of one author's receipts for one head the first that came and the newest are kept.
    """

    __tablename__ = "receipt"
    __table_args__ = (
        UniqueConstraint("channel", "author", "epoch", "seq", "sha256", "at"),
        Index(None, "channel", "epoch", "seq"),
        Index(None, "channel", "author", "id"),
        Index(
            "ix_receipt_beside",
            "channel",
            sqlite_where=text("beside = 1"),
            postgresql_where=text("beside"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"))
    author: Mapped[str]
    epoch: Mapped[int]
    seq: Mapped[int]
    sha256: Mapped[str]
    at: Mapped[datetime]
    """When its author says that it verified the head."""
    kid: Mapped[str]
    jws: Mapped[str]
    kept_at: Mapped[datetime]
    """When it came here."""
    shown_by_owner: Mapped[bool] = mapped_column(default=False)
    """The owner has shown it to us, or it was posted to us as the owner."""
    beside: Mapped[bool] = mapped_column(default=False)
    """It named no entry of our chain when it came, and has not been seen to do so since."""


class WitnessRecord(Base):
    """One member of a channel that we ask what it holds."""

    __tablename__ = "witness"

    channel: Mapped[str] = mapped_column(ForeignKey("channel.id"), primary_key=True)
    organisation: Mapped[str] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    sentence: Mapped[str | None]
    """Why it did not answer the last time."""
    searched_at: Mapped[datetime | None]
    """When its replica was last searched for an entry that ours has not."""
    disbelieved_at: Mapped[datetime | None]
    """Since when we, who own the channel, wait no more for what this member alone says to hold: it
    was asked and showed nothing, or an administrator went on without."""
    claimed_epoch: Mapped[int | None]
    """The furthest place that a contribution of its has named as seen; receipts say their own."""
    claimed_seq: Mapped[int | None]
    next_epoch: Mapped[int | None]
    """With which place the next round goes on, where the last one did not come to the end."""
    next_seq: Mapped[int | None]

"""The receipts that this node keeps: others' and its own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
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

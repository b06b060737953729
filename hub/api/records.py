"""Answers that are kept for a while, so that asking twice does a thing once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from sharing.orm import Base


class KeptAnswer(Base):
    """The answer to one unsafe request that came with an idempotency key."""

    __tablename__ = "kept_answer"

    actor_id: Mapped[str] = mapped_column(primary_key=True)
    key_hash: Mapped[str] = mapped_column(primary_key=True)
    """Only the hash: the key itself opens the answer."""
    request_hash: Mapped[str]
    status: Mapped[int | None]
    """Nothing while the request is under way."""
    sealed: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(index=True)

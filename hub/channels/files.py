"""Channels by file, where networks are down: what comes in, and what of ours goes out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import IO, Final

from sqlalchemy.orm import Session

from federation.archive.file_intake import Admitted, FileIntake, TakenIn
from federation.archive.outbox_writer import OutboxFile, prepare_outbox
from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.channels.service import get_visible_channel
from policies.roles import Right
from sharing.db import transaction

UPLOAD_EXPANDED_BYTES: Final = 256 * 1024 * 1024
"""How much a compressed file may bring through a browser or the API; the console takes more."""


def take_in(
    intake: FileIntake,
    actor: Actor,
    source: Path | IO[bytes],
    *,
    limit_bytes: int | None = None,
    now: datetime,
) -> TakenIn | Admitted:
    """Take in an export or contributions; in transactions of its own, harmless to repeat.

    Raises:
        ForbiddenError: the actor may not, or nobody here agreed to such a channel.
        DoubtError: the file does not hold, by name; nothing of it was kept.
        ConflictError: the channel does not take it as it stands now.
    """
    actor.may(Right.TAKE_IN_FILES).enforce()
    result = intake.take(source, limit_bytes=limit_bytes)
    with transaction() as session:
        audit.record(session, actor, "file.taken_in", result.channel, now=now)
    return result


def get_outbox(
    session: Session, actor: Actor, channel: str, *, us: str, now: datetime
) -> OutboxFile:
    """Prepare what of ours waits for a channel; who takes it away calls `record_outbox` too.

    Raises:
        NotFoundError: there is no such channel.
        ForbiddenError: the actor may not contribute.
        ConflictError: nothing waits.
    """
    record = get_visible_channel(session, actor, channel)
    actor.may(Right.CONTRIBUTE).enforce()
    return prepare_outbox(session, record.id, by=us, now=now)


def record_outbox(session: Session, actor: Actor, outbox: OutboxFile, *, now: datetime) -> None:
    """Write down that contributions were taken away."""
    audit.record(session, actor, "outbox.taken_away", outbox.channel, now=now)

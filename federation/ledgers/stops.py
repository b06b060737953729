"""What stops a replica: it waits or freezes, says why, and keeps the evidence.

Source: protocol, 7.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from federation.judging.bundles import SignedBundle
from federation.judging.doubt import Consequence, Doubt, DoubtError, consequence
from federation.ledgers import stage
from federation.ledgers.ledger_records import ChannelRecord, EvidenceRecord, Standing
from sharing.canonical import sha256_hex

logger = logging.getLogger(__name__)

KEPT_AT_MOST: Final = 200
"""How many pieces of evidence of one kind are kept of a channel."""

Watch = Callable[[Session, str, str, str, datetime], object]
"""Takes what happened to which channel, and the sentence; in the transaction in which it did."""
_watches: set[Watch] = set()


def watch(hook: Watch) -> None:
    """Have somebody told of what stops a channel, changes its owner, or leaves a branch."""
    _watches.add(hook)


def tell(session: Session, happening: str, channel: str, sentence: str, *, now: datetime) -> None:
    """Tell whoever watches what happened to a channel."""
    for hook in _watches:
        hook(session, happening, channel, sentence, now)


def stop(
    session: Session,
    record: ChannelRecord,
    entry: SignedBundle | None,
    error: DoubtError,
    *,
    now: datetime,
) -> DoubtError:
    """Wait or freeze, and say why."""
    if consequence(error.doubt) is Consequence.FREEZE:
        freeze(session, record, error, entry.stix.content if entry is not None else b"", now=now)
        return error
    if error.doubt is Doubt.HASH_MISMATCH:
        stage.clear_refs(session, record.id, error.refs)
    if record.standing is not Standing.WAITING:
        record.doubted_at = now
    record.standing = Standing.WAITING
    record.doubt, record.sentence = error.doubt.value, error.message
    return error


def freeze(
    session: Session, record: ChannelRecord, error: DoubtError, evidence: bytes, *, now: datetime
) -> None:
    """Stop applying: the evidence is kept, and an administrator chooses."""
    record.standing = Standing.FROZEN
    record.doubt, record.sentence, record.doubted_at = error.doubt.value, error.message, now
    keep_evidence(session, record, error, evidence, now)
    tell(session, "channel.frozen", record.id, error.answer, now=now)
    logger.warning("channel frozen", extra={"channel": record.id, "doubt": error.doubt.value})


def keep_evidence(
    session: Session,
    record: ChannelRecord,
    error: DoubtError,
    content: bytes,
    now: datetime,
    *,
    name: str | None = None,
) -> None:
    """Keep bytes as they came, once, with what is wrong with them.

    Of one kind and channel the first are kept, up to `KEPT_AT_MOST`: nobody fills us with more.

    Args:
        name: what they are evidence of, where the doubt's own name does not say it.
    """
    sha256 = sha256_hex(content or error.answer.encode())
    doubt = name or error.doubt.value
    of_channel = select(func.count()).where(EvidenceRecord.channel == record.id)
    if session.scalar(of_channel.where(EvidenceRecord.sha256 == sha256)):
        return
    if (session.scalar(of_channel.where(EvidenceRecord.doubt == doubt)) or 0) >= KEPT_AT_MOST:
        logger.warning("evidence not kept", extra={"channel": record.id, "doubt": doubt})
        return
    session.add(
        EvidenceRecord(
            channel=record.id,
            doubt=doubt,
            sentence=error.message,
            sha256=sha256,
            content=content,
            kept_at=now,
        )
    )

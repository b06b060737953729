"""Proving a channel: its export, the check of it, and making its views again."""

from __future__ import annotations

import tempfile
from datetime import datetime
from typing import IO, Final, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.archive.outbox_writer import OutboxFile
from federation.archive.report import Report
from federation.archive.verifying import verify_file
from federation.archive.writer import Export, prepare_export
from federation.ledgers import rebuild as rebuilding
from federation.ledgers.desk import Desk
from federation.ledgers.rebuild import Rebuilt
from federation.ledgers.told_alone import was_told_alone
from hub.accounts.actor import Actor
from hub.apply import VIEWS
from hub.audit import service as audit
from hub.channels.history import READERS_OF_RED
from hub.channels.service import get_visible_channel
from policies.errors import ForbiddenError
from policies.roles import Right
from policies.tlp import TLP
from sharing.records import CollectionRow

_IN_MEMORY: Final = 8 * 1024 * 1024


def get_export(
    session: Session,
    actor: Actor,
    channel: str,
    *,
    us: str,
    for_: str | None = None,
    now: datetime,
) -> Export:
    """Prepare the export of a channel; whoever takes it away calls `record_export` as well.

    Raises:
        NotFoundError: there is no such channel, or no such member in it.
        ForbiddenError: the actor may not export, or not what is TLP:RED.
        ConflictError: nothing of it has been read yet.
    """
    record = get_visible_channel(session, actor, channel)
    actor.may(Right.VERIFY_LEDGERS).enforce()
    export = prepare_export(session, record.id, by=us, for_=for_, now=now)
    if not actor.roles & READERS_OF_RED and _holds_red(session, record.id):
        raise ForbiddenError(
            "this channel holds matter that is TLP:RED",
            hint="A coordinator or a handler exports it.",
        )
    if not actor.roles & READERS_OF_RED and was_told_alone(session, record):
        raise ForbiddenError(
            "this channel holds what an organisation told you alone",
            hint="A coordinator or a handler exports it.",
        )
    return export


def record_export(session: Session, actor: Actor, export: Export, *, now: datetime) -> None:
    """Write down that a channel was taken away, and for whom."""
    audit.record(session, actor, "channel.exported", f"{export.channel} {export.for_}", now=now)


def write_export(session: Session, export: Export | OutboxFile, target: IO[bytes]) -> int:
    """Write an export into a stream; give how many bytes."""
    return sum(target.write(line) for line in export.lines(session))


def verify_channel(
    session: Session, actor: Actor, channel: str, *, us: str, now: datetime
) -> Report:
    """Check all that is here of a channel, as anybody can check its export.

    Raises:
        NotFoundError: there is no such channel.
        ForbiddenError: the actor may not verify.
        ConflictError: nothing of it has been read yet.
    """
    record = get_visible_channel(session, actor, channel)
    actor.may(Right.VERIFY_LEDGERS).enforce()
    export = prepare_export(session, record.id, by=us, now=now)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
        write_export(session, export, cast("IO[bytes]", spool))
        spool.seek(0)
        return verify_file(cast("IO[bytes]", spool))


def rebuild(session: Session, desk: Desk, actor: Actor, channel: str, *, now: datetime) -> Rebuilt:
    """Make a channel's state and views again from its ledger.

    Raises:
        NotFoundError: there is no such channel.
        ForbiddenError: the actor may not settle what is broken.
        ConflictError: the ledger itself was damaged: restore a backup.
    """
    record = get_visible_channel(session, actor, channel)
    actor.may(Right.SETTLE_FREEZES).enforce()
    rebuilt = rebuilding.rebuild(session, desk, record.id, VIEWS)
    audit.record(session, actor, "channel.rebuilt", record.id, now=now)
    return rebuilt


def _holds_red(session: Session, channel: str) -> bool:
    query = select(CollectionRow.sha256).where(
        CollectionRow.collection_id == channel,
        CollectionRow.claimed == TLP.RED,
        ~CollectionRow.hidden,
    )
    return session.execute(query.limit(1)).first() is not None

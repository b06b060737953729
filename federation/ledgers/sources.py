"""Whom a replica pulls from, and asking for pulls and deliveries.

Source: protocol, 7 to 9 and 11.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from federation.judging.state import JOINED
from federation.ledgers.ledger_records import ChannelRecord, Standing
from federation.work.errands import ask
from policies.acts import ChannelKind
from policies.lifecycles import CHANNEL
from sharing import collections

DELIVER: Final = "deliver"
"""Errand: send what waits in the outbox for a channel. Subject: the channel."""
PULL: Final = "pull"
"""Errand: bring a replica up to date. Subject: the channel."""
LOOK: Final = "look"
"""Errand: look at what another member holds of a channel. Subject: channel, organisation."""


def ask_look(session: Session, record: ChannelRecord, organisation: str, *, now: datetime) -> None:
    """Have a look at what another member than our source holds."""
    subject = f"{record.id} {organisation}"
    ask(session, LOOK, subject, now=now, lane=f"{LOOK} {organisation}")


def ask_pull(session: Session, record: ChannelRecord, *, now: datetime) -> None:
    """Have a replica brought up to date; one pull per owner at a time."""
    ask(session, PULL, record.id, now=now, lane=f"{PULL} {source_of(record)}")


def ask_delivery(session: Session, record: ChannelRecord, *, now: datetime) -> None:
    """Have a channel's outbox delivered; one delivery per owner at a time."""
    ask(session, DELIVER, record.id, now=now, lane=f"{DELIVER} {record.owner}")


def source_of(record: ChannelRecord) -> str:
    """Give whose server a replica pulls from: the owner, or whom the owner handed over to."""
    things = (record.state or {}).get("things", {})
    if things.get(f"coordination:{CHANNEL}") == "handed over":
        return str(things[f"successor:{CHANNEL}"])
    return record.owner


def pulls_from(record: ChannelRecord, organisation: str) -> str:
    """Give whose server our replica pulls from now.

    Until we are a member, that is who invited us: what we have read may be of former epochs.
    """
    members = (record.state or {}).get("members", ())
    joined = any(
        member["organisation"] == organisation and member["state"] == JOINED for member in members
    )
    return source_of(record) if joined else record.cursor_server or source_of(record)


def expect_direct(
    session: Session, organisation: str, channel: str, *, now: datetime
) -> ChannelRecord:
    """Prepare for a channel that a partner says we may read; only a direct one will be taken."""
    collections.create(session, channel, title="")
    record = ChannelRecord(
        id=channel,
        kind=ChannelKind.DIRECT,
        name="",
        owner=organisation,
        is_ours=False,
        standing=Standing.JOINING,
        opened_at=now,
    )
    session.add(record)
    session.flush()
    return record

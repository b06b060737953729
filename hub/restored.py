"""What is done to a database that was put back from a backup, before anybody works with it.

What was used up since the backup must not be usable again, and nothing may be written into
channels of ours before the members were asked what they hold.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import URL, create_engine, delete, update
from sqlalchemy.orm import Session

from federation.identity.node import find_node
from federation.ledgers.timelines import note_timeline
from federation.partners.partner_records import InvitationRecord
from federation.partners.poll_records import PollRecord
from federation.witnesses.rollback import mark_restored
from hub import schema
from hub.accounts.actor import Actor
from hub.accounts.records import SignIn
from hub.api.records import KeptAnswer
from hub.audit import service as audit
from sharing.db import prepare_engine


def settle_restored(url: URL, actor: Actor, *, created_at: str, now: datetime) -> None:
    """Bring a restored database up to this release and mark it as restored, in one step.

    Args:
        created_at: when the backup was made.
    """
    engine = create_engine(url)
    prepare_engine(engine)
    try:
        schema.upgrade(engine)
        with Session(engine) as session, session.begin():
            _settle(session, actor, created_at=created_at, now=now)
    finally:
        engine.dispose()


def _settle(session: Session, actor: Actor, *, created_at: str, now: datetime) -> None:
    # 1. Sessions that ended since, and answers kept for repeating, are from another time.
    session.execute(delete(SignIn))
    session.execute(delete(KeptAnswer))
    # 2. An invitation that is open here may have been used: it opens nothing twice.
    session.execute(delete(InvitationRecord).where(InvitationRecord.used_at.is_(None)))
    # 3. What partners said last is asked for anew.
    session.execute(update(PollRecord).values(etag=None))
    # 4. Channels: ours are behind until the members were asked, elsewhere numbers leap.
    node = find_node(session)
    if node is not None:
        mark_restored(session, node.organisation, now=now)
        note_timeline(session, now=now)
    audit.record(session, actor, "node.restored", created_at, now=now)

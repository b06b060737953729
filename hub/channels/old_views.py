"""Views that a migration has marked as old: made again from the ledgers, channel by channel.

Each channel is a transaction of its own, so an upgrade that is broken off goes on where it was.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.ledgers import rebuild as rebuilding
from federation.ledgers.desk import Desk
from federation.ledgers.ledger_records import ChannelRecord
from hub.accounts.actor import Actor
from hub.apply import VIEWS
from hub.audit import service as audit
from policies.roles import Right

_OF_VIEWS = "view "


def find_old(session: Session) -> list[tuple[str, str]]:
    """Give the channels whose views are old, as (channel, name), the oldest first."""
    rows = session.execute(
        select(ChannelRecord.id, ChannelRecord.name)
        .where(ChannelRecord.views_are_old)
        .order_by(ChannelRecord.opened_at, ChannelRecord.id)
    )
    return [(channel, name) for channel, name in rows]


def make_again(
    session: Session, desk: Desk, actor: Actor, channel: str, *, now: datetime
) -> list[str]:
    """Make the views of one channel again; give what was otherwise besides, in plain words.

    That its views were otherwise is what they are made again for; anything else is damage.

    Raises:
        ForbiddenError: the actor may not settle what is broken.
        ConflictError: the ledger itself was damaged: restore a backup.
    """
    actor.may(Right.SETTLE_FREEZES).enforce()
    rebuilt = rebuilding.rebuild(session, desk, channel, VIEWS)
    audit.record(session, actor, "channel.rebuilt", channel, now=now)
    return [one for one in rebuilt.differences if not one.startswith(_OF_VIEWS)]

"""What waits for one person, and what is new: asked of each room, most urgent first."""

from __future__ import annotations

from datetime import datetime

from federation import node
from hub.accounts.actor import Actor
from hub.web.models import Alarm, Today
from sharing.db import reading


def look_at_today(actor: Actor, *, now: datetime) -> Today:
    """Give what this person should see first; what the roles do not open does not wait."""
    del actor, now
    with reading() as session:
        own = node.find_node(session)
    alarms = []
    if own is None:
        alarms.append(
            Alarm("This node has not been set up yet.", "Run “tocsin node init” on its machine.")
        )
    return Today(alarms=alarms)

"""Where our organisation is suspended, and what it is told of what it has written there."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.identity.node import find_node
from hub.channels.records import MemberView

WHILE_SUSPENDED: Final = (
    "Your organisation is suspended in this channel: its coordinator takes nothing of yours for "
    "now. Call them. This is kept here and goes out by itself once they have taken you back in."
)


def kept_out_of(session: Session, channels: Collection[str]) -> frozenset[str]:
    """Give those of these channels in which we are suspended, as far as we have read."""
    node = find_node(session) if channels else None
    if node is None:
        return frozenset()
    query = select(MemberView.channel).where(
        MemberView.channel.in_(channels),
        MemberView.organisation == node.organisation,
        MemberView.state == "suspended",
    )
    return frozenset(session.scalars(query))

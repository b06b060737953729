"""What channels and the organisations in them are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.ledgers.ledger import get_channel
from hub.channels.records import MemberView
from sharing.db import once

UNNAMED: Final = "an organisation without a node"
"""Where the identity that names it is withheld from us."""


def names_in(session: Session, channel: str) -> Mapping[str, str]:
    """Give organisation → name, as the members' own descriptors say it."""
    return once(session, ("names", channel), lambda: _names_in(session, channel))


def _names_in(session: Session, channel: str) -> Mapping[str, str]:
    rows = session.execute(
        select(MemberView.organisation, MemberView.name, MemberView.without_node).where(
            MemberView.channel == channel
        )
    )
    return {
        organisation: called(organisation, name, without_node=without_node)
        for organisation, name, without_node in rows
    }


def called(organisation: str, name: str | None, *, without_node: bool) -> str:
    """Give what a member is called."""
    return name or (UNNAMED if without_node else organisation)


def channel_name(session: Session, channel: str) -> str:
    """Give a channel's name."""
    return get_channel(session, channel).name

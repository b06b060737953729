"""Relay as the page of a channel shows it: for whom we may speak, and what can be recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from federation.ledgers.ledger import find_channel, load_state
from hub.accounts.actor import Actor
from hub.channels.member_queries import MemberRow
from hub.channels.queries import ChannelSummary
from hub.channels.reach import heard_lately
from policies.acts import Act, ChannelKind
from policies.roles import Right

WAYS: Final = (
    ("telephone", "By telephone"),
    ("in-person", "In person"),
    ("e-mail", "By e-mail"),
    ("message", "By message"),
    ("other", "Another way"),
)
TOLD: Final = (
    (Act.NOTE_ADDED.value, "They told us something"),
    (Act.EVENT_ADDED.value, "They saw something happen"),
    (Act.MEMBER_JOINED.value, "They take part"),
    (Act.MEMBER_DECLINED.value, "They do not take part"),
    (Act.MEMBER_LEFT.value, "They leave"),
)
_TAKES_PART: Final = frozenset({"invited", "joined", "suspended"})


@dataclass(frozen=True)
class RelayPart:
    """What the page offers about organisations that can't write themselves.

    Args:
        may_add: whether this person may invite one without a node.
        speakers: organisation and name of those for whom we may speak now.
        replaceable: those whose place a partner may take.
    """

    may_add: bool = False
    speakers: Sequence[tuple[str, str]] = ()
    replaceable: Sequence[tuple[str, str]] = ()
    ways: Sequence[tuple[str, str]] = WAYS
    told: Sequence[tuple[str, str]] = TOLD


def relay_part(
    session: Session,
    actor: Actor,
    channel: ChannelSummary,
    rows: Sequence[MemberRow],
    *,
    now: datetime,
) -> RelayPart:
    """Give what the page of a channel offers; nothing where we do not coordinate it."""
    record = find_channel(session, channel.id)
    state = load_state(session, record) if record is not None else None
    if record is None or state is None or channel.kind is ChannelKind.DIRECT or not record.is_ours:
        return RelayPart()
    present = [row for row in rows if row.state in _TAKES_PART and not row.is_us]
    heard = heard_lately(session, record, state.members.values(), now=now)
    speakers = [
        (row.organisation, _called(row)) for row in present if row.organisation not in heard
    ]
    return RelayPart(
        may_add=bool(actor.may(Right.MANAGE_MEMBERS)),
        speakers=speakers if actor.may(Right.CONTRIBUTE) else (),
        replaceable=[(row.organisation, _called(row)) for row in present if row.without_node],
    )


def speakers_in(
    session: Session,
    actor: Actor,
    channel: str,
    rows: Sequence[MemberRow],
    *,
    now: datetime,
) -> Sequence[tuple[str, str]]:
    """Give organisation and name of the joined members for whom we may speak now."""
    record = find_channel(session, channel)
    state = load_state(session, record) if record is not None else None
    if record is None or state is None or not record.is_ours or not actor.may(Right.CONTRIBUTE):
        return ()
    heard = heard_lately(session, record, state.members.values(), now=now)
    return [
        (row.organisation, _called(row))
        for row in rows
        if row.state == "joined" and not row.is_us and row.organisation not in heard
    ]


def _called(row: MemberRow) -> str:
    return f"{row.name}: {row.own_name}" if row.own_name else row.name

"""The invitations that we received, and how we answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.bundles import Position
from federation.channels import Invited
from federation.ledger import find_channel
from federation.ledger_records import (
    ContributionRecord,
    Delivery,
)
from hub.accounts.actor import Actor
from hub.channels.names import names_in
from hub.channels.records import InvitationView
from policies.acts import ChannelKind
from policies.roles import Right
from policies.tlp import TLP


@dataclass(frozen=True)
class InvitationRow:
    """An invitation that waits for an answer, or has got one."""

    channel: str
    kind: ChannelKind
    name: str
    owner: str
    owner_name: str
    roles: tuple[str, ...]
    reason: str | None
    ceiling: TLP
    older: str
    reply_by: datetime
    late: bool
    received_at: datetime
    state: str


def visible_invitations(
    session: Session, actor: Actor, *, now: datetime, open_only: bool = True
) -> list[InvitationRow]:
    """Give the invitations that we received, the most urgent first."""
    if not actor.may(Right.READ_CHANNELS):
        return []
    rows = session.scalars(select(InvitationView).order_by(InvitationView.reply_by))
    shown = [_invitation(session, row, now) for row in rows]
    return [row for row in shown if row.state == "open"] if open_only else shown


def invited_by(invitation: InvitationView) -> Invited:
    """Give an invitation as the federation takes it."""
    return Invited(
        channel=invitation.channel,
        kind=invitation.kind,
        owner=invitation.owner,
        name=invitation.name,
        roles=tuple(invitation.roles),
        genesis=invitation.genesis,
        head=Position(invitation.head_epoch, invitation.head_seq, invitation.head_sha256),
    )


def find_invited(session: Session, channel: str) -> Invited | None:
    """Find the invitation to a channel that can still be answered."""
    invitation = session.get(InvitationView, channel)
    return None if invitation is None or invitation.withdrawn else invited_by(invitation)


def _invitation(session: Session, row: InvitationView, now: datetime) -> InvitationRow:
    record = find_channel(session, row.channel)
    state = "open"
    if row.withdrawn:
        state = "withdrawn"
    elif record is not None:
        answered = _answers(session, row.channel)
        if "member.joined" in answered[-1:]:
            state = "joined"
        elif "member.declined" in answered[-1:]:
            state = "declined"
    return InvitationRow(
        channel=row.channel,
        kind=row.kind,
        name=row.name,
        owner=row.owner,
        owner_name=names_in(session, row.direct).get(row.owner, row.owner),
        roles=tuple(row.roles),
        reason=row.reason,
        ceiling=row.ceiling,
        older=row.older,
        reply_by=row.reply_by,
        late=row.reply_by < now,
        received_at=row.received_at,
        state=state,
    )


def _answers(session: Session, channel: str) -> Sequence[str]:
    rows = session.scalars(
        select(ContributionRecord.act)
        .where(
            ContributionRecord.channel == channel,
            ContributionRecord.act.in_(("member.joined", "member.declined")),
            ContributionRecord.state != Delivery.REFUSED,
        )
        .order_by(ContributionRecord.nth)
    )
    return list(rows)

"""The invitations that we received, and how we answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from federation.identity.node import find_node
from federation.judging.bundles import Position
from federation.ledgers.invited import Invited
from federation.ledgers.ledger import find_channel
from federation.ledgers.ledger_records import (
    ContributionRecord,
    Delivery,
)
from hub.accounts.actor import Actor
from hub.channels.names import names_in
from hub.channels.records import InvitationView
from policies.acts import Act, ChannelKind
from policies.errors import ConflictError, NotFoundError
from policies.roles import Right
from policies.tlp import TLP
from sharing.objects import StixObject

_PRESENT: Final = frozenset({"joined", "suspended"})


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
    charter_text: str | None = None
    """The words of the charter that binds there, where they came along."""


def visible_invitations(
    session: Session, actor: Actor, *, now: datetime, open_only: bool = True
) -> list[InvitationRow]:
    """Give the invitations that we received, the most urgent first."""
    if not actor.may(Right.READ_CHANNELS):
        return []
    rows = session.scalars(
        select(InvitationView).order_by(InvitationView.reply_by, InvitationView.owner)
    )
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


def find_invited(session: Session, channel: str) -> Sequence[Invited]:
    """Give the invitations to a channel that can still be answered."""
    return [invited_by(row) for row in _rows(session, channel) if not row.withdrawn]


def get_open_invitation(session: Session, channel: str, owner: str | None) -> InvitationView:
    """Give an invitation that can still be answered; a late answer counts.

    Args:
        owner: who invites; may be left out where one alone does.

    Raises:
        NotFoundError: nobody invited us to that channel, or not this organisation.
        ConflictError: it was withdrawn, or several invite and nobody says which is meant.
    """
    rows = [row for row in _rows(session, channel) if owner in (None, row.owner)]
    if not rows:
        raise NotFoundError("nobody has invited us to such a channel")
    standing = [row for row in rows if not row.withdrawn]
    if not standing:
        raise ConflictError("this invitation was taken back")
    standing = [row for row in standing if find_answer(session, row) is None] or standing[-1:]
    if len(standing) > 1:
        raise ConflictError(
            "several organisations invite us to a channel with this id",
            field="owner",
            hint="One alone can be its coordinator: say whose invitation is meant.",
        )
    return standing[0]


def find_answer(session: Session, row: InvitationView) -> str | None:
    """Give how this invitation was answered: `joined`, `declined`, or not at all."""
    record = find_channel(session, row.channel)
    node = find_node(session)
    if record is not None and node is not None and record.genesis == row.genesis:
        members = (record.state or {}).get("members", ())
        ours = (one for one in members if one["organisation"] == node.organisation)
        if any(one["state"] in _PRESENT for one in ours):
            return "joined"
    for content in session.scalars(_answers(row.channel)):
        value = StixObject.read(content).value
        if value.get("body", {}).get("answers") == row.bundle:
            return str(value["act"]).removeprefix("member.")
    return None


def _rows(session: Session, channel: str) -> Sequence[InvitationView]:
    query = select(InvitationView).where(InvitationView.channel == channel)
    return session.scalars(query.order_by(InvitationView.received_at, InvitationView.owner)).all()


def _invitation(session: Session, row: InvitationView, now: datetime) -> InvitationRow:
    state = "withdrawn" if row.withdrawn else find_answer(session, row) or "open"
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
        charter_text=row.charter_text,
    )


def _answers(channel: str) -> Select[bytes]:
    """Select our answers to invitations to a channel, the newest first."""
    return (
        select(ContributionRecord.bundle)
        .where(
            ContributionRecord.channel == channel,
            ContributionRecord.act.in_((Act.MEMBER_JOINED.value, Act.MEMBER_DECLINED.value)),
            ContributionRecord.state != Delivery.REFUSED,
        )
        .order_by(ContributionRecord.nth.desc())
    )

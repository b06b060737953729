"""Partnerships as people make and change them: the right is asked, the act done and written down.

Pages, REST and commands call these; the acts themselves are `federation`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from federation.identity.node import get_node
from federation.partners import pairing, partners, throttling
from federation.partners.invitations import Invitation
from federation.partners.pairing import GivenInvitation
from federation.partners.partners import Partner
from federation.serving.exchanges import Exchanges
from hub.accounts.actor import Actor
from hub.audit import service as audit
from policies.errors import NotFoundError
from policies.roles import Right
from sharing.db import transaction


def visible_partners(session: Session, actor: Actor) -> Sequence[Partner]:
    """Give all partnerships, by name.

    Raises:
        ForbiddenError: the actor does not read partners.
    """
    actor.may(Right.READ_PARTNERS).enforce()
    return partners.partners(session)


def get_visible_partner(session: Session, actor: Actor, organisation: str) -> Partner:
    """Give one partnership, in whatever state.

    Raises:
        NotFoundError: there is none, or the actor may not know of it.
    """
    partner = partners.find_partner(session, organisation)
    if partner is None or not actor.may(Right.READ_PARTNERS):
        raise NotFoundError("there is no such partner")
    return partner


def visible_invitations(session: Session, actor: Actor) -> list[GivenInvitation]:
    """Give the invitations that we gave out, newest first.

    Raises:
        ForbiddenError: the actor does not read partners.
    """
    actor.may(Right.READ_PARTNERS).enforce()
    return pairing.invitations(session)


def invite(session: Session, actor: Actor, *, note: str | None, now: datetime) -> Invitation:
    """Make an invitation; its secret is in what is given and nowhere else.

    Raises:
        ForbiddenError: the actor does not manage partners.
        InvalidError: the note is too long.
    """
    actor.may(Right.MANAGE_PARTNERS).enforce()
    invitation = pairing.create_invitation(
        session, get_node(session), by=actor.name, note=note, now=now
    )
    audit.record(session, actor, "partner.invited", now=now)
    return invitation


def withdraw_invitation(
    session: Session, actor: Actor, invitation_id: UUID, *, now: datetime
) -> None:
    """Take an invitation back before it is used.

    Raises:
        ForbiddenError: the actor does not manage partners.
        NotFoundError: there is none.
        ConflictError: it was used.
    """
    actor.may(Right.MANAGE_PARTNERS).enforce()
    pairing.withdraw_invitation(session, invitation_id, now=now)
    audit.record(session, actor, "partner.invitation_withdrawn", str(invitation_id), now=now)


def accept(exchanges: Exchanges, actor: Actor, line: str, *, now: datetime) -> Partner:
    """Answer an invitation over the network; both administrators then have something to confirm.

    Raises:
        ForbiddenError: the actor does not manage partners.
        CoordinationError: as `Exchanges.accept` says.
    """
    actor.may(Right.MANAGE_PARTNERS).enforce()
    partner = exchanges.accept(line)
    with transaction() as session:
        audit.record(session, actor, "partner.accepted", partner.organisation, now=now)
    return partner


def confirm(
    exchanges: Exchanges, actor: Actor, organisation: str, *, compared: bool, now: datetime
) -> Partner:
    """Confirm a partner and tell it so.

    Args:
        compared: whether the phrase was compared over another way; written down if not.

    Raises:
        ForbiddenError: the actor does not manage partners.
        NotFoundError: there is no such partner.
        ConflictError: there is nothing to confirm.
    """
    actor.may(Right.MANAGE_PARTNERS).enforce()
    partner = exchanges.confirm(organisation, compared=compared, by=actor.name)
    reason = None if compared else "unverified: the phrase was not compared"
    with transaction() as session:
        audit.record(session, actor, "partner.confirmed", organisation, reason=reason, now=now)
    return partner


def suspend(
    session: Session, actor: Actor, organisation: str, *, reason: str | None, now: datetime
) -> Partner:
    """Stop all exchange with a partner at once; nothing is deleted.

    Raises:
        ForbiddenError: the actor does not manage partners.
        NotFoundError: there is no such partner.
        ConflictError: it is not active.
    """
    actor.may(Right.MANAGE_PARTNERS).enforce()
    partner = partners.suspend_partner(session, organisation, by=actor.name, reason=reason, now=now)
    audit.record(session, actor, "partner.suspended", organisation, now=now)
    return partner


def resume(session: Session, actor: Actor, organisation: str, *, now: datetime) -> Partner:
    """Take up the exchange with a partner again.

    Raises:
        ForbiddenError: the actor does not manage partners.
        NotFoundError: there is no such partner.
        ConflictError: it is not suspended, or a fork of its descriptors still stands.
    """
    actor.may(Right.MANAGE_PARTNERS).enforce()
    partner = partners.resume_partner(session, organisation, by=actor.name, now=now)
    audit.record(session, actor, "partner.resumed", organisation, now=now)
    return partner


def end(
    session: Session, actor: Actor, organisation: str, *, reason: str | None, now: datetime
) -> Partner:
    """End a partnership.

    Raises:
        ForbiddenError: the actor does not manage partners.
        NotFoundError: there is no such partner.
        ConflictError: it ended before.
    """
    actor.may(Right.MANAGE_PARTNERS).enforce()
    partner = partners.end_partner(session, organisation, by=actor.name, reason=reason, now=now)
    audit.record(session, actor, "partner.ended", organisation, now=now)
    return partner


def set_quota(
    session: Session, actor: Actor, organisation: str, percent: int, *, now: datetime
) -> Partner:
    """Allow a partner more or less than is usual.

    Args:
        percent: of what every partner may ask of this node.

    Raises:
        ForbiddenError: the actor does not manage partners.
        NotFoundError: there is no such partner.
        InvalidError: less than one percent, or more than a hundred times as much.
    """
    actor.may(Right.MANAGE_PARTNERS).enforce()
    partner = partners.get_partner(session, organisation)
    throttling.set_percent(session, organisation, percent)
    reason = f"{percent} percent of the usual quota"
    audit.record(session, actor, "partner.quota_set", organisation, reason=reason, now=now)
    return partner

"""Whom a coordinator may invite into a channel, and inviting several at once.

Source: lifecycles, 1 (rule 7) and 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.judging.judged import Judged
from federation.ledgers.desk import Desk
from federation.partners.partners import partners
from hub.accounts.actor import Actor
from hub.channels import service
from hub.channels.records import MemberView
from policies.errors import InvalidError
from policies.roles import Right

INVITED_AT_ONCE: Final = 100
_PRESENT: Final = ("joined", "invited", "suspended")


@dataclass(frozen=True)
class Candidate:
    """A partner that may be invited."""

    organisation: str
    name: str


def visible_candidates(session: Session, actor: Actor, channel: str) -> list[Candidate]:
    """Give the partners that are neither in a channel of ours nor invited to it, by name."""
    record = service.get_visible_channel(session, actor, channel)
    if not record.is_ours or not actor.may(Right.MANAGE_MEMBERS):
        return []
    present = set(
        session.scalars(
            select(MemberView.organisation).where(
                MemberView.channel == channel, MemberView.state.in_(_PRESENT)
            )
        )
    )
    found = [
        Candidate(one.organisation, one.name)
        for one in partners(session)
        if one.active and one.organisation not in present
    ]
    return sorted(found, key=lambda one: (one.name.casefold(), one.organisation))


def invite_several(  # noqa: PLR0913 - who invites whom, where and why
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    organisations: Sequence[str],
    roles: Sequence[str],
    reason: str | None = None,
    reply_within: timedelta | None = None,
    now: datetime,
) -> list[Judged]:
    """Invite several partners with one reason and one time to answer by: all or none.

    Args:
        reply_within: as the charter says, else a day, where nobody says.

    Raises:
        ForbiddenError: the actor may not.
        NotFoundError: there is no such channel, or no such partner.
        InvalidError: nobody is named, or too many are.
        ConflictError, DoubtError: a partnership is not active, or one is a member already.
    """
    actor.may(Right.MANAGE_MEMBERS).enforce()
    wanted = list(dict.fromkeys(organisations))
    if not wanted:
        raise InvalidError("say who is invited", field="organisations")
    if len(wanted) > INVITED_AT_ONCE:
        raise InvalidError(
            f"more than {INVITED_AT_ONCE} at once",
            field="organisations",
            hint="Invite the others in a second go.",
        )
    return [
        service.invite(
            session,
            desk,
            actor,
            channel,
            organisation=one,
            roles=roles,
            reason=reason,
            reply_by=None if reply_within is None else now + reply_within,
            now=now,
        )
        for one in wanted
    ]

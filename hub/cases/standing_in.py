"""An invited partner whose node is silent takes part by telephone, in one step.

It gets a place as one without a node, and that place is offered to its node again: as soon as it
works and joins, it takes it over, with everything that was said there.

Source: lifecycles, 1, rule 6; lifecycles, 3 (*in place of*); decision 14.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from federation.judging.state import ChannelState, Member
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_channel, get_state
from federation.partners.partners import partners
from hub.accounts.actor import Actor
from hub.cases.course import ensure_open
from hub.cases.queries import get_case_row
from hub.cases.relaying import answer_for
from hub.channels import relay, service
from hub.channels.names import names_in
from hub.channels.reach import SILENT_AFTER
from hub.channels.relay import Told
from policies.errors import ConflictError, NotFoundError
from policies.lifecycles import NONE
from policies.roles import Right

REASON: Final = (
    "Your node is silent, so you take part by telephone, through us. Joining takes that place over."
)


@dataclass(frozen=True)
class SilentGuest:
    """A partner that is invited, has not answered, and whose node is silent.

    Args:
        heard_at: when it was heard from last.
    """

    organisation: str
    name: str
    heard_at: datetime | None


def visible_silent_guests(
    session: Session, actor: Actor, channel: str, *, now: datetime
) -> list[SilentGuest]:
    """Give who could take part by telephone in a case of ours, by their names."""
    get_case_row(session, actor, channel)
    record = get_channel(session, channel)
    if not record.is_ours or not actor.may(Right.MANAGE_MEMBERS):
        return []
    guests = _guests(get_state(session, record))
    if not guests:
        return []
    names, heard = names_in(session, channel), _heard(session)
    found = [
        SilentGuest(one.organisation, names.get(one.organisation, one.organisation), at)
        for one in guests
        if (at := heard.get(one.organisation)) is None or now - at > SILENT_AFTER
    ]
    return sorted(found, key=lambda one: (one.name, one.organisation))


def stand_in(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    organisation: str,
    told: Told,
    now: datetime,
) -> str:
    """Let an invited partner take part by telephone until its node works; give the place's id.

    Args:
        told: how they said that they take part.

    Raises:
        ForbiddenError: the actor may not manage members.
        NotFoundError: it is not invited into this case, or the actor may not know of it.
        ConflictError: its node can answer, or the case is over or not ours.
    """
    actor.may(Right.MANAGE_MEMBERS).enforce()
    ensure_open(get_case_row(session, actor, channel))
    record = get_channel(session, channel)
    if not record.is_ours:
        raise ConflictError("only the coordinator of a case speaks for others")
    state = get_state(session, record)
    member = next((one for one in _guests(state) if one.organisation == organisation), None)
    if member is None:
        raise NotFoundError(
            "nobody of this name is invited with a node and has not answered", field="organisation"
        )
    heard = _heard(session).get(organisation)
    if heard is not None and now - heard <= SILENT_AFTER:
        raise ConflictError(
            f"their node was heard from at {heard:%H:%M} UTC: it answers for itself",
            field="organisation",
            hint="What somebody told you besides goes into a note of your own.",
        )
    where = (session, desk, actor, channel)
    name, roles = names_in(session, channel).get(organisation, organisation), list(member.roles)
    # 1. Its open invitation goes: it could not take over the place that is made now.
    service.uninvite(*where, organisation=organisation, now=now)
    # 2. It takes part without a node.
    place = relay.add_absent(*where, name=name, roles=roles, now=now)
    answer_for(*where, organisation=place, told=told, joins=True, now=now)
    # 3. Its node finds an invitation into that place.
    service.invite(
        *where, organisation=organisation, roles=roles, reason=REASON, replaces=place, now=now
    )
    return place


def _guests(state: ChannelState) -> list[Member]:
    """Give who is invited with a node, and takes over nobody's place with that."""
    return [
        one
        for one in state.members.values()
        if one.state == "invited"
        and not one.without_node
        and state.state_of("replaces", one.organisation) in {None, NONE}
    ]


def _heard(session: Session) -> dict[str, datetime]:
    return {
        one.organisation: one.heard_at
        for one in partners(session)
        if one.active and one.heard_at is not None
    }

"""What organisations told us by telephone in a case of ours: how far, how hit, how they vote.

It is the coordinator's own statement, in its own objects. It stands in the case, and all members
read it: nothing is relayed for the coordinator alone, because a replica could not tell what an
organisation said from what its coordinator makes of it.

Source: lifecycles, 1, rule 6; lifecycles, 5 and 6; decision 14.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from federation.judging.state import Member
from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_channel, get_state
from hub.accounts.actor import Actor
from hub.cases.decision_queries import get_decision_row
from hub.cases.impacts import impacts_of
from hub.cases.own_words import assessment_body, response_body
from hub.cases.queries import get_case_row
from hub.channels.names import names_in
from hub.channels.reach import heard_lately
from hub.channels.relay import Told, known_names, relay
from hub.channels.relay_records import AbsentRecord
from policies.acts import Act
from policies.assessment import Assessment, ResponseState
from policies.errors import ConflictError, NotFoundError
from policies.roles import Right

_PLACED: Final = frozenset({"invited", "joined", "suspended"})
_OVER: Final = frozenset({"declined", "closed", "merged"})


@dataclass(frozen=True)
class SpokenFor:
    """An organisation that can't write now, and for which the coordinator records what it says.

    Args:
        name: as the members read it.
        own_name: as we alone know it, where the members read a number.
        contact: how to reach it; never sent.
        membership: `invited`, `joined` or `suspended`.
        without_node: it has none; else its node is silent, or its part is suspended.
        not_now: nothing is recorded for it by now; what was typed meanwhile is shown again.
    """

    organisation: str
    name: str
    own_name: str | None
    contact: str | None
    membership: str
    without_node: bool
    not_now: bool = False

    @property
    def why(self) -> str:
        """Why it does not write itself."""
        if self.not_now:
            return "could not write when you began"
        if self.without_node:
            return "has no node"
        if self.membership == "suspended":
            return "is suspended"
        return "has a node that is silent"


def visible_spoken_for(
    session: Session, actor: Actor, channel: str, *, now: datetime
) -> list[SpokenFor]:
    """Give for whom we may speak now in a case of ours; nobody, where it is not ours or is over."""
    row = get_case_row(session, actor, channel)
    record = get_channel(session, channel)
    if not record.is_ours or row.state in _OVER or not actor.may(Right.CONTRIBUTE):
        return []
    state = get_state(session, record)
    names, known = names_in(session, channel), known_names(session, actor, channel)
    heard = heard_lately(session, record, state.members.values(), now=now)
    found = []
    for who, member in state.members.items():
        if who == state.owner or not _can_be_told(member):
            continue
        if who in heard:
            continue
        found.append(_spoken_for(who, member, names, known))
    return sorted(found, key=lambda one: (one.name, one.organisation))


def _spoken_for(
    who: str, member: Member, names: Mapping[str, str], known: Mapping[str, AbsentRecord]
) -> SpokenFor:
    noted, name = known.get(who), names.get(who, who)
    return SpokenFor(
        organisation=who,
        name=name,
        own_name=noted.name if noted is not None and noted.name != name else None,
        contact=noted.contact if noted is not None else None,
        membership=member.state,
        without_node=member.without_node,
    )


def get_spoken_for(
    session: Session,
    actor: Actor,
    channel: str,
    organisation: str,
    *,
    typed: bool = False,
    now: datetime,
) -> SpokenFor:
    """Give one organisation for which we may speak now.

    Args:
        typed: somebody has typed what it says: so that nothing of that is lost, a member for which
            nothing is recorded by now is given as well.

    Raises:
        NotFoundError: it has no part in this case, or the actor may not know of it.
        ConflictError: it writes for itself, or the case is over or not ours.
    """
    get_case_row(session, actor, channel)
    actor.may(Right.CONTRIBUTE).enforce()
    record = get_channel(session, channel)
    member = get_state(session, record).members.get(organisation)
    if member is None:
        raise NotFoundError("this organisation has no part in this case")
    for one in visible_spoken_for(session, actor, channel, now=now):
        if one.organisation == organisation:
            return one
    if typed and record.is_ours and organisation != record.owner:
        names, known = names_in(session, channel), known_names(session, actor, channel)
        return replace(_spoken_for(organisation, member, names, known), not_now=True)
    raise ConflictError(
        "nothing is recorded for this organisation now",
        hint="It writes for itself, has left, or the case is over or another's. "
        "What somebody told you besides goes into a note of your own.",
    )


def respond_for(  # noqa: PLR0913 - who told what, how and when
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    organisation: str,
    told: Told,
    state: ResponseState,
    since: datetime | None = None,
    since_earliest: datetime | None = None,
    text: str | None = None,
    now: datetime,
) -> Written:
    """Record how far an organisation says that it is."""
    get_case_row(session, actor, channel)
    return relay(
        session,
        desk,
        actor,
        channel,
        organisation=organisation,
        act=Act.RESPONSE_REPORTED,
        told=told,
        text=text,
        body=response_body(state, since, since_earliest, now),
        now=now,
    )


def assess_for(  # noqa: PLR0913 - who told what, how and when
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    organisation: str,
    told: Told,
    assessment: Assessment,
    text: str | None = None,
    now: datetime,
) -> Written:
    """Record how an organisation says that it is hit; the impacts are objects of ours."""
    get_case_row(session, actor, channel)
    body = assessment_body(assessment, text)
    ceiling = get_state(session, get_channel(session, channel)).ceiling
    impacts = impacts_of(organisation, assessment, ceiling, now, created_by=desk.organisation)
    body |= {"impacts": [one.stix_id for one in impacts]} if impacts else {}
    return relay(
        session,
        desk,
        actor,
        channel,
        organisation=organisation,
        act=Act.ASSESSMENT_SUBMITTED,
        told=told,
        text=text,
        objects=impacts,
        body=body,
        now=now,
    )


def vote_for(  # noqa: PLR0913 - who told what, how and when
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    decision: str,
    *,
    organisation: str,
    told: Told,
    option: str,
    dissent: str | None = None,
    now: datetime,
) -> Written:
    """Record how an organisation votes; the newest vote before the taking counts."""
    get_case_row(session, actor, channel)
    get_decision_row(session, channel, decision)
    return relay(
        session,
        desk,
        actor,
        channel,
        organisation=organisation,
        act=Act.DECISION_VOTED,
        told=told,
        text=dissent,
        body={"decision": decision, "option": option},
        now=now,
    )


def answer_for(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    organisation: str,
    told: Told,
    joins: bool,
    now: datetime,
) -> Written:
    """Record that an invited organisation without a node takes part, or does not."""
    get_case_row(session, actor, channel)
    act = Act.MEMBER_JOINED if joins else Act.MEMBER_DECLINED
    given = (session, desk, actor, channel)
    return relay(*given, organisation=organisation, act=act, told=told, now=now)


def _can_be_told(member: Member) -> bool:
    """Tell whether somebody may speak for a member; who is invited with a node answers itself."""
    if member.state == "invited":
        return member.without_node
    return member.state in _PLACED

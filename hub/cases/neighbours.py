"""The other cases that a case has to do with, as a person may see them.

Each line stands in a ledger that this node reads. Of a case that it has no part in, nobody here
learns more than the id that was named. Source: lifecycles, 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from federation.judging.state import ChannelState
from federation.ledgers.ledger import get_channel, get_state
from federation.ledgers.ledger_records import ChannelRecord
from hub.accounts.actor import Actor
from hub.cases.queries import KEPT_CLOSE, get_case_row
from hub.cases.records import CaseLink, CaseView
from hub.channels.history import READERS_OF_RED
from hub.channels.queries import SAID
from hub.channels.records import InvitationView, MemberView
from policies.links import OPEN_STATES, Known, Relation, may_name
from policies.roles import Right
from policies.tlp import TLP
from sharing.db import once


class Tie(StrEnum):
    """How a case hangs together with another, seen from the case that is shown."""

    NAMES = "names"
    NAMED_BY = "named-by"
    GOES_ON_IN = "goes-on-in"
    TAKES_IN = "takes-in"


@dataclass(frozen=True)
class Neighbour:
    """Another case.

    Args:
        relation: where one of the two names the other.
        channel: `None` where this node has no part in it.
        reference: what was named, where it is not here: STIX id of another coordinator's incident.
        invited: we are invited to it, and have not joined.
    """

    tie: Tie
    relation: Relation | None
    channel: str | None
    title: str | None
    tlp: TLP | None
    state: str | None
    reference: str | None
    invited: bool
    at: datetime


def visible_neighbours(session: Session, actor: Actor, channel: str) -> list[Neighbour]:
    """Give the cases that one case has to do with: where it goes on first, then by time.

    Raises:
        NotFoundError: there is no such case, or the actor may not know of it.
    """
    row = get_case_row(session, actor, channel)
    found = []
    if row.merged_into is not None:
        there = session.get(CaseView, row.merged_into)
        found.append(
            _neighbour(session, actor, Tie.GOES_ON_IN, None, there, row.merged_into, row.changed_at)
        )
    merged = session.scalars(
        select(CaseView)
        .where(CaseView.merged_into == channel)
        .order_by(CaseView.changed_at, CaseView.channel)
    )
    found += [
        _neighbour(session, actor, Tie.TAKES_IN, None, one, one.channel, one.changed_at)
        for one in merged
    ]
    links = session.scalars(
        select(CaseLink)
        .where(or_(CaseLink.channel == channel, _names(row)))
        .order_by(CaseLink.linked_at, CaseLink.channel, CaseLink.other)
    )
    for link in links:
        forward = link.channel == channel
        there = _other(session, link) if forward else session.get(CaseView, link.channel)
        if forward and there is not None and there.channel == channel:
            continue
        tie = Tie.NAMES if forward else Tie.NAMED_BY
        named = link.other if forward else link.channel
        found.append(_neighbour(session, actor, tie, link.relation, there, named, link.linked_at))
    return found


def nameable_cases(session: Session, actor: Actor, channel: str) -> list[tuple[str, str]]:
    """Give the cases that may be named in one of ours, by channel and title."""
    if not actor.may(Right.RUN_CASES):
        return []
    here = get_case_row(session, actor, channel)
    ours = known_of(get_state(session, get_channel(session, channel)), here)
    others = _others(session, actor, channel)
    secret = [one.channel for one in others if one.is_secret]
    members: dict[str, set[str]] = {}
    for there, organisation in session.execute(
        select(MemberView.channel, MemberView.organisation).where(
            MemberView.channel.in_(secret), MemberView.state == "joined"
        )
    ):
        members.setdefault(there, set()).add(organisation)
    return [
        (one.channel, one.title)
        for one in others
        if may_name(ours, one.known(frozenset(members.get(one.channel, ()))))
    ]


def mergeable_cases(session: Session, actor: Actor, channel: str) -> list[tuple[str, str]]:
    """Give the cases that one of ours may go on in, by channel and title."""
    here = get_case_row(session, actor, channel)
    if not actor.may(Right.RUN_CASES) or here.state not in OPEN_STATES:
        return []
    return [
        (one.channel, one.title)
        for one in _others(session, actor, channel)
        if one.is_ours and one.state in OPEN_STATES and one.exercise is here.exercise
    ]


def known_of(state: ChannelState, row: CaseView) -> Known:
    """Give what the rules have to know of a case."""
    return Known(row.tlp, state.ceiling, frozenset(state.joined), state.is_breakout)


@dataclass(frozen=True)
class _Other:
    """Another case, by what can be told without reading the whole state of its channel."""

    channel: str
    state: str
    exercise: bool
    tlp: TLP
    is_ours: bool
    title: str
    ceiling: TLP
    is_breakout: bool

    @property
    def is_secret(self) -> bool:
        """Tell whether the rule asks who its members are."""
        return self.is_breakout or self.tlp is TLP.RED

    def known(self, members: frozenset[str]) -> Known:
        return Known(self.tlp, self.ceiling, members, self.is_breakout)


def _others(session: Session, actor: Actor, channel: str) -> Sequence[_Other]:
    key = ("others", channel, actor.roles)
    return once(session, key, lambda: _find_others(session, actor, channel))


def _find_others(session: Session, actor: Actor, channel: str) -> Sequence[_Other]:
    rows = session.execute(
        select(
            CaseView.channel,
            CaseView.state,
            CaseView.exercise,
            CaseView.tlp,
            CaseView.title,
            ChannelRecord.is_ours,
            ChannelRecord.name,
            *SAID,
        )
        .join(ChannelRecord, ChannelRecord.id == CaseView.channel)
        .where(CaseView.channel != channel)
        .order_by(CaseView.changed_at.desc(), CaseView.channel)
    )
    return [
        _Other(
            channel=other,
            state=state,
            exercise=exercise,
            tlp=tlp,
            is_ours=is_ours,
            title=_title(actor, tlp, title or name),
            ceiling=TLP(ceiling),
            is_breakout=parent is not None,
        )
        for other, state, exercise, tlp, title, is_ours, name, parent, ceiling in rows
    ]


def _names(row: CaseView) -> ColumnElement[bool]:
    """Give the links that mean this case, by its channel or by its incident."""
    return CaseLink.other.in_((row.channel, row.incident))


def _other(session: Session, link: CaseLink) -> CaseView | None:
    if link.by_channel:
        return session.get(CaseView, link.other)
    query = select(CaseView).where(CaseView.incident == link.other).limit(1)
    return session.scalars(query).first()


def _neighbour(
    session: Session,
    actor: Actor,
    tie: Tie,
    relation: Relation | None,
    there: CaseView | None,
    named: str,
    at: datetime,
) -> Neighbour:
    if there is None:
        query = select(InvitationView.channel).where(InvitationView.channel == named).limit(1)
        return Neighbour(
            tie=tie,
            relation=relation,
            channel=None,
            title=None,
            tlp=None,
            state=None,
            reference=named if named.startswith("incident--") else None,
            invited=session.scalar(query) is not None,
            at=at,
        )
    record = get_channel(session, there.channel)
    return Neighbour(
        tie=tie,
        relation=relation,
        channel=there.channel,
        title=_title(actor, there.tlp, there.title or record.name),
        tlp=there.tlp,
        state=there.state,
        reference=None,
        invited=False,
        at=at,
    )


def _title(actor: Actor, tlp: TLP, title: str) -> str:
    if tlp is TLP.RED and not actor.roles & READERS_OF_RED:
        return KEPT_CLOSE
    return title

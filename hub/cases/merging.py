"""What merging one case into another would bring about, told before anybody does it.

Source: lifecycles, 4 (`case.merged`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.judging.state import ChannelState, Member
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import find_channel, get_channel, get_state, load_state
from federation.partners.partners import partners
from hub.accounts.actor import Actor
from hub.calls.queries import visible_calls
from hub.cases.records import CaseView, DecisionView
from hub.channels.names import names_in
from hub.channels.relay_records import AbsentRecord
from policies.calls import CallKind
from policies.roles import Role

THERE: frozenset[str] = frozenset({"joined", "invited"})


@dataclass(frozen=True)
class Guest:
    """A member that is to be invited to the other case.

    Args:
        absent: what we know of it, where it has no node.
        shown: others read its name.
    """

    organisation: str
    name: str
    roles: tuple[str, ...]
    absent: AbsentRecord | None = None
    shown: bool = True


@dataclass(frozen=True)
class LeftOut:
    """A member that can't be invited to the other case, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What merging brings about.

    Args:
        there: names of those who are in the other case, or invited to it, already.
        guests: who is invited.
        left_out: who can't be; while there is anybody, nothing is merged.
        questions: STIX ids of open questions, which are taken back.
        topics: what those are about.
        calls: STIX ids of open warnings, checks and requests of ours, which are ended.
        call_kinds: what those are.
        others_asking: names of those whose requests stay without an answer.
    """

    into: str
    there: tuple[str, ...] = ()
    guests: tuple[Guest, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    questions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    call_kinds: tuple[CallKind, ...] = ()
    others_asking: tuple[str, ...] = ()


def find_plan(
    session: Session, desk: Desk, actor: Actor, row: CaseView, into: CaseView, *, now: datetime
) -> Plan:
    """Put together what merging brings about."""
    us = desk.organisation
    here = get_state(session, get_channel(session, row.channel))
    target = get_state(session, get_channel(session, into.channel))
    names = names_in(session, row.channel)
    absent = _absent(session, row.channel)
    known_absent = {one.name for one in _absent(session, into.channel).values()}
    active = {one.organisation for one in partners(session) if one.active}
    may_come = _may_come(session, target)
    there: list[str] = []
    guests: list[Guest] = []
    left_out: list[LeftOut] = []
    for who in sorted(here.joined, key=lambda one: names.get(one, one)):
        member = here.members[who]
        known = absent.get(who) if member.without_node else None
        name = known.name if known is not None else names.get(who, who)
        state = target.members[who].state if who in target.members else None
        if who == us:
            continue
        if state in THERE or (known is not None and known.name in known_absent):
            there.append(name)
        elif reason := _why_not(member, known, state, active, may_come):
            left_out.append(LeftOut(name, reason))
        else:
            shown = known is None or names.get(who) == known.name
            guests.append(Guest(who, name, _roles(member), known, shown))
    questions = session.scalars(
        select(DecisionView)
        .where(DecisionView.channel == row.channel, DecisionView.state == "open")
        .order_by(DecisionView.opened_at, DecisionView.decision)
    ).all()
    calls = visible_calls(session, actor, row.channel, us=us, now=now, is_open=True, limit=None)
    ours = [one for one in calls if one.is_ours]
    return Plan(
        into=into.channel,
        there=tuple(there),
        guests=tuple(guests),
        left_out=tuple(left_out),
        questions=tuple(one.decision for one in questions),
        topics=tuple(one.topic for one in questions),
        calls=tuple(one.ref for one in ours),
        call_kinds=tuple(one.kind for one in ours),
        others_asking=tuple(one.author_name for one in calls if one not in ours),
    )


def _why_not(
    member: Member,
    known: AbsentRecord | None,
    state: str | None,
    active: set[str],
    may_come: frozenset[str] | None,
) -> str | None:
    if state == "suspended":
        return "suspended there"
    if may_come is not None and member.organisation not in may_come:
        return "no member of the case that the other is a breakout of"
    if member.without_node:
        return None if known is not None else "without a node, and its name is not known here"
    return None if member.organisation in active else "no active partner"


def _may_come(session: Session, target: ChannelState) -> frozenset[str] | None:
    """Give who may be asked into a breakout; `None` where anybody may."""
    if not target.is_breakout or target.parent is None:
        return None
    case = find_channel(session, target.parent)
    state = load_state(session, case) if case is not None else None
    return frozenset(state.joined) if state is not None else frozenset()


def _roles(member: Member) -> tuple[str, ...]:
    kept = sorted(set(member.roles) - {Role.COORDINATOR.value})
    return tuple(kept) or (Role.RESPONDER.value,)


def _absent(session: Session, channel: str) -> Mapping[str, AbsentRecord]:
    rows = session.scalars(select(AbsentRecord).where(AbsentRecord.channel == channel))
    return {row.organisation: row for row in rows}

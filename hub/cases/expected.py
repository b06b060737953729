"""By when organisations were to say how they are hit: as the charter of a case has it.

Where the charter says nothing, nobody is late: silence is nobody's no.

Source: domain, 2 (*Plan and prepare*: reply times); lifecycles, 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from federation.ledgers.ledger_records import ChannelRecord
from hub.accounts.actor import Actor
from hub.cases.queries import KEPT_CLOSE, OrganisationRow, may_read
from hub.cases.records import CaseView, OwnWordView
from hub.channels.records import MemberView
from hub.community.terms import terms_of
from policies.charter import Answering
from policies.roles import Right, Role, takes_part
from policies.tlp import TLP

WAITING: Final = 50
_ASKED: Final = ("assessment", "response")


@dataclass(frozen=True)
class Late:
    """A case of ours in which organisations are later than the charter says.

    Args:
        names: of these, by when they were to say it.
        since: when the first of them was.
    """

    channel: str
    title: str
    tlp: TLP
    names: tuple[str, ...]
    since: datetime


def assess_by(
    session: Session, case: CaseView, rows: Sequence[OrganisationRow]
) -> dict[str, datetime]:
    """Give by when each of the silent says how it is hit, where the charter of the case says so.

    Only who sees what was told alone knows who is silent: nobody else gives it these rows.
    """
    within = terms_of(session, [case])[case.channel].reply_minutes.get(Answering.ASSESS)
    if within is None or case.state not in _ASKED:
        return {}
    since = _joined(session, case.channel)
    return {
        row.organisation: since[row.organisation] + timedelta(minutes=within)
        for row in rows
        if row.is_silent and not row.coordinates and row.organisation in since
    }


def own_times(session: Session, channels: Sequence[str], *, us: str) -> dict[str, datetime]:
    """Give by when we say how we are hit, of these cases, where their charters say so."""
    rows = session.execute(
        select(CaseView, MemberView.since)
        .join(MemberView, MemberView.channel == CaseView.channel)
        .where(CaseView.channel.in_(channels), MemberView.organisation == us)
    ).all()
    within = _within(session, [case for case, _ in rows])
    return {
        case.channel: since + within[case.channel] for case, since in rows if case.channel in within
    }


def visible_late(session: Session, actor: Actor, *, us: str, now: datetime) -> list[Late]:
    """Give the cases of ours in which somebody is later than the charter says, oldest first."""
    if not actor.may(Right.RUN_CASES):
        return []
    told = aliased(ChannelRecord)
    spoken = exists().where(
        OwnWordView.case == CaseView.channel,
        OwnWordView.organisation == MemberView.organisation,
        (~OwnWordView.alone & (OwnWordView.channel == CaseView.channel))
        | (
            OwnWordView.alone
            & exists().where(told.id == OwnWordView.channel, told.owner == OwnWordView.organisation)
        ),
    )
    rows = session.execute(
        select(CaseView, ChannelRecord.name, MemberView)
        .join(ChannelRecord, ChannelRecord.id == CaseView.channel)
        .join(MemberView, MemberView.channel == CaseView.channel)
        .where(
            CaseView.state.in_(_ASKED),
            CaseView.charter.is_not(None),
            ChannelRecord.owner == us,
            MemberView.organisation != us,
            MemberView.state == "joined",
            ~spoken,
        )
        .order_by(CaseView.opened_at, MemberView.since)
    ).all()
    within = _within(session, [case for case, _, _ in rows])
    late: dict[str, list[tuple[datetime, str]]] = {}
    cases: dict[str, tuple[CaseView, str]] = {}
    for case, name, member in rows:
        if case.channel in within and takes_part(frozenset(map(Role, member.roles))):
            until = member.since + within[case.channel]
            if until < now:
                cases[case.channel] = (case, name)
                late.setdefault(case.channel, []).append(
                    (until, member.name or member.organisation)
                )
    return [_late(actor, *cases[channel], who) for channel, who in late.items()][:WAITING]


def _late(actor: Actor, case: CaseView, name: str, who: Sequence[tuple[datetime, str]]) -> Late:
    readable = may_read(actor, case.tlp)
    return Late(
        channel=case.channel,
        title=(case.title or name) if readable else KEPT_CLOSE,
        tlp=case.tlp,
        names=tuple(one for _, one in sorted(who)),
        since=min(until for until, _ in who),
    )


def _within(session: Session, cases: Sequence[CaseView]) -> Mapping[str, timedelta]:
    found = {
        channel: terms.reply_minutes.get(Answering.ASSESS)
        for channel, terms in terms_of(session, cases).items()
    }
    return {
        channel: timedelta(minutes=minutes)
        for channel, minutes in found.items()
        if minutes is not None
    }


def _joined(session: Session, channel: str) -> dict[str, datetime]:
    return {
        row.organisation: row.since
        for row in session.scalars(
            select(MemberView).where(MemberView.channel == channel, MemberView.state == "joined")
        )
    }

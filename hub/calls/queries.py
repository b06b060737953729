"""Warnings, checks and requests as a person may see them: who answered, and who is silent.

Source: lifecycles, 2 and 14; domain, 1 (*Three in the morning*).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from federation.ledgers.ledger_records import ChannelRecord
from hub.accounts.actor import Actor
from hub.calls.due import KEPT_CLOSE, NOT_HERE, PAGE, answers_under_way, is_due, may_read_words
from hub.calls.records import CallAnswer, CalledMember, CallIndicator, CallUpdate, IssuedCall
from hub.calls.values import Asked, Call, Indicator, Update
from hub.channels.names import UNNAMED
from hub.channels.records import MemberView
from hub.channels.relay import known_names
from hub.channels.relay_records import AbsentRecord
from hub.channels.service import get_visible_channel
from hub.community.directory_queries import visible_contacts
from policies.acts import Act, ChannelKind
from policies.calls import (
    AnswersTo,
    CallKind,
    Reply,
    minutes_of,
    reply_of,
)
from policies.errors import NotFoundError
from policies.roles import Right

_CLOSED: Final = "closed"
_ORDER: Final = (
    Reply.SILENT,
    Reply.WAITING,
    Reply.UNANSWERED,
    Reply.KEPT,
    Reply.ANSWERED,
    Reply.DECLINED,
)


class Place(NamedTuple):
    """Where a warning, check or request stands in the order of a channel's."""

    has_ended: bool
    issued_at: datetime
    ref: str


def visible_calls(
    session: Session,
    actor: Actor,
    channel: str,
    *,
    us: str,
    now: datetime,
    is_open: bool | None = None,
    after: Place | None = None,
    limit: int | None = PAGE,
) -> list[Call]:
    """Give the warnings, checks and requests of a channel, the open ones first, then the newest.

    Args:
        is_open: the open ones alone, or those alone that have ended.
        after: only what follows in this order after the one at this place.
        limit: how many at most; all where it is `None`.

    Raises:
        NotFoundError: there is no such channel, or the actor may not know of it.
    """
    get_visible_channel(session, actor, channel)
    which = IssuedCall.channel == channel
    if is_open is not None:
        which = and_(which, IssuedCall.closed_at.is_(None) == is_open)
    if after is not None:
        which = and_(which, _follows(after))
    return _calls(session, actor, which, us=us, now=now, limit=limit)


def place_of(call: Call) -> Place:
    """Give where one stands in the order of a channel's."""
    return Place(not call.is_open, call.issued_at, call.ref)


def _follows(place: Place) -> ColumnElement[bool]:
    """Give the condition: it stands behind this place."""
    has_ended = IssuedCall.closed_at.is_not(None)
    same = has_ended if place.has_ended else ~has_ended
    behind = and_(
        same,
        or_(
            IssuedCall.issued_at < place.issued_at,
            and_(IssuedCall.issued_at == place.issued_at, IssuedCall.ref > place.ref),
        ),
    )
    return behind if place.has_ended else or_(has_ended, behind)


def get_call(
    session: Session, actor: Actor, channel: str, ref: str, *, us: str, now: datetime
) -> Call:
    """Give one warning, check or request.

    Raises:
        NotFoundError: there is none, or this actor may not know of it.
    """
    get_visible_channel(session, actor, channel)
    place = and_(IssuedCall.channel == channel, IssuedCall.ref == ref)
    found = _calls(session, actor, place, us=us, now=now, limit=1)
    if not found:
        raise NotFoundError("there is no such warning, check or request")
    return _with_people(session, actor, found[0], us=us, now=now)


def visible_due(
    session: Session, actor: Actor, *, us: str, now: datetime, limit: int = PAGE
) -> list[Call]:
    """Give what waits for an answer of ours, and what of ours others have not answered in time."""
    found = _calls(session, actor, is_due(us=us, now=now), us=us, now=now, limit=limit)
    return [one for one in found if one.waits_for_us or one.is_to_be_led(now)]


def visible_updates(session: Session, actor: Actor, call: Call) -> list[Update]:
    """Give what whoever called said since, in order."""
    rows = session.execute(
        select(CallUpdate, MemberView.name)
        .outerjoin(
            MemberView,
            and_(
                MemberView.channel == CallUpdate.channel,
                MemberView.organisation == CallUpdate.author,
            ),
        )
        .where(CallUpdate.channel == call.channel, CallUpdate.ref == call.ref)
        .order_by(CallUpdate.epoch, CallUpdate.seq)
    )
    return [
        Update(
            author_name=name or row.author,
            act=Act(row.act),
            asks_again=row.asks_again,
            text=row.text if may_read_words(actor, row.tlp) else KEPT_CLOSE,
            tlp=row.tlp,
            at=row.said_at,
        )
        for row, name in rows
    ]


def visible_indicators(session: Session, actor: Actor, call: Call) -> list[Indicator]:
    """Give what there is to look for."""
    rows = session.scalars(
        select(CallIndicator)
        .where(CallIndicator.channel == call.channel, CallIndicator.call == call.ref)
        .order_by(CallIndicator.name, CallIndicator.ref)
    )
    return [
        Indicator(row.name, row.pattern, row.tlp) for row in rows if may_read_words(actor, row.tlp)
    ]


def _calls(
    session: Session,
    actor: Actor,
    which: ColumnElement[bool],
    *,
    us: str,
    now: datetime,
    limit: int | None,
) -> list[Call]:
    if not actor.may(Right.READ_CHANNELS):
        return []
    rows = session.execute(
        select(
            IssuedCall,
            ChannelRecord.name,
            ChannelRecord.kind,
            ChannelRecord.is_ours,
        )
        .join(ChannelRecord, ChannelRecord.id == IssuedCall.channel)
        .where(which)
        .order_by(IssuedCall.closed_at.is_not(None), IssuedCall.issued_at.desc(), IssuedCall.ref)
        .limit(limit)
    ).all()
    looked_up = _LookedUp(session, actor, [row for row, *_ in rows])
    return [
        _call(actor, row, name, kind, looked_up, us=us, now=now, channel_is_ours=is_ours)
        for row, name, kind, is_ours in rows
    ]


def _with_people(session: Session, actor: Actor, call: Call, *, us: str, now: datetime) -> Call:
    """Add whom to call at each of the silent."""
    silent = [one.organisation for one in call.silent if not one.is_us]
    people = visible_contacts(session, actor, silent, us=us, now=now)
    addressees = tuple(
        replace(one, people=people.get(one.organisation, ())) for one in call.addressees
    )
    return replace(call, addressees=addressees) if people else call


class _LookedUp:
    """What belongs to several calls, each table asked once."""

    def __init__(self, session: Session, actor: Actor, rows: Sequence[IssuedCall]) -> None:
        refs, channels = {row.ref for row in rows}, {row.channel for row in rows}
        self.asked: dict[tuple[str, str], list[CalledMember]] = {}
        for member in session.scalars(
            select(CalledMember).where(
                CalledMember.ref.in_(refs), CalledMember.channel.in_(channels)
            )
        ):
            self.asked.setdefault((member.channel, member.ref), []).append(member)
        self.answers: dict[tuple[str, str], list[CallAnswer]] = {}
        for answer in session.scalars(
            select(CallAnswer)
            .where(CallAnswer.ref.in_(refs))
            .order_by(CallAnswer.answered_at, CallAnswer.epoch, CallAnswer.seq)
        ):
            self.answers.setdefault((answer.ref, answer.organisation), []).append(answer)
        self.members = {
            (view.channel, view.organisation): view
            for view in session.scalars(select(MemberView).where(MemberView.channel.in_(channels)))
        }
        self.absent: dict[tuple[str, str], AbsentRecord] = {}
        for channel in channels if len(channels) == 1 else ():
            for organisation, known in known_names(session, actor, channel).items():
                self.absent[channel, organisation] = known
        self.under_way = answers_under_way(session)

    def name(self, channel: str, organisation: str) -> str:
        """Give what an organisation is called in a channel."""
        view = self.members.get((channel, organisation))
        if view is None:
            return organisation
        return view.name or (UNNAMED if view.without_node else organisation)


def _call(
    actor: Actor,
    row: IssuedCall,
    name: str,
    kind: ChannelKind,
    looked_up: _LookedUp,
    *,
    us: str,
    now: datetime,
    channel_is_ours: bool,
) -> Call:
    addressees = [
        _asked(actor, row, member, looked_up, us=us, now=now)
        for member in looked_up.asked.get((row.channel, row.ref), ())
    ]
    addressees.sort(key=lambda one: (_ORDER.index(one.reply), one.name, one.organisation))
    is_request = row.kind is CallKind.REQUEST
    return Call(
        channel=row.channel,
        channel_name=name,
        channel_kind=kind,
        channel_is_ours=channel_is_ours,
        ref=row.ref,
        kind=row.kind,
        bundle=row.bundle,
        author=row.author,
        author_name=looked_up.name(row.channel, row.author),
        is_ours=row.author == us if is_request else channel_is_ours,
        text=(row.text or NOT_HERE) if may_read_words(actor, row.tlp) else KEPT_CLOSE,
        tlp=row.tlp,
        issued_at=row.issued_at,
        changed_at=row.changed_at,
        next_update=row.next_update,
        answers_to=row.answers_to,
        about=row.about,
        closed_at=row.closed_at,
        outcome=row.outcome,
        addressees=tuple(addressees),
        is_under_way=(row.channel, row.ref) in looked_up.under_way,
    )


def _asked(
    actor: Actor,
    row: IssuedCall,
    member: CalledMember,
    looked_up: _LookedUp,
    *,
    us: str,
    now: datetime,
) -> Asked:
    answers = [
        one
        for one in looked_up.answers.get((row.ref, member.organisation), ())
        if _is_to(one, row) and one.round == member.round
    ]
    first, newest = (answers[0], answers[-1]) if answers else (None, None)
    reply = reply_of(
        answered=newest is not None,
        declined=newest is not None and newest.act == Act.REQUEST_DECLINED.value,
        closed=member.state == _CLOSED,
        reply_by=member.reply_by,
        now=now,
    )
    concerns_us = us in {row.author, member.organisation}
    if row.answers_to is AnswersTo.ASKER and newest is None and not concerns_us:
        reply = Reply.KEPT
    view = looked_up.members.get((row.channel, member.organisation))
    known = looked_up.absent.get((row.channel, member.organisation))
    name = looked_up.name(row.channel, member.organisation)
    asked = Asked(
        organisation=member.organisation,
        name=name,
        is_us=member.organisation == us,
        membership=view.state if view is not None else "left",
        without_node=view is not None and view.without_node,
        own_name=known.name if known is not None and known.name != name else None,
        contact=known.contact if known is not None else None,
        reply=reply,
        asked_at=member.asked_at,
        reply_by=member.reply_by,
        is_closed=member.state == _CLOSED,
    )
    return asked if first is None or newest is None else _answered(actor, asked, first, newest)


def _answered(actor: Actor, asked: Asked, first: CallAnswer, newest: CallAnswer) -> Asked:
    return replace(
        asked,
        answered_at=first.answered_at,
        minutes=minutes_of(first.answered_at - asked.asked_at),
        late=first.answered_at > asked.reply_by,
        newest_at=newest.answered_at,
        way=newest.way,
        relayed=newest.relayed,
        affected=newest.affected,
        result=newest.result,
        reason=newest.reason,
        text=newest.text if may_read_words(actor, newest.tlp) else KEPT_CLOSE,
        tlp=newest.tlp,
    )


def _is_to(answer: CallAnswer, row: IssuedCall) -> bool:
    """Tell whether an answer is to this call: said where it was asked, or to its asker alone."""
    if answer.told_to is None:
        return answer.channel == row.channel
    return row.kind is CallKind.REQUEST and answer.told_to == row.author

"""Warnings, checks and requests that wait for us, or of ours for others: counted where they lie.

It stands on every page, so it reads no answer and no addressee, however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from federation.ledgers import outbox
from federation.ledgers.ledger_records import ChannelRecord, Delivery, Standing
from hub.accounts.actor import Actor
from hub.calls.records import CallAnswer, CalledMember, IssuedCall
from hub.cases.records import CaseView
from hub.channels.history import READERS_OF_RED
from hub.channels.names import UNNAMED
from hub.channels.records import MemberView
from policies.acts import Act
from policies.calls import AnswersTo, CallKind
from policies.roles import Right
from policies.tlp import TLP
from sharing import objects

PAGE: Final = 50
KEPT_CLOSE: Final = "for coordinators and handlers"
NOT_HERE: Final = "its words are not here"
_ASKED: Final = ("called", "open")
_CLOSED: Final = "closed"
_ANSWERS: Final = frozenset(
    {
        Act.WARNING_ACKNOWLEDGED.value,
        Act.CHECK_ACKNOWLEDGED.value,
        Act.REQUEST_ANSWERED.value,
        Act.REQUEST_DECLINED.value,
    }
)


@dataclass(frozen=True)
class Due:
    """A warning, a check or a request about which something is to be done.

    Args:
        text: *for coordinators and handlers* where this person may not read it.
        asked_at: since when it waits for us; `None` where it does not.
        reply_by: until when.
        overdue: how many others have not answered in the time they were given.
        overdue_since: when the first of these was to answer.
    """

    channel: str
    channel_name: str
    ref: str
    kind: CallKind
    author_name: str
    is_ours: bool
    text: str
    tlp: TLP
    issued_at: datetime
    next_update: datetime | None
    addressees: int
    overdue: int
    overdue_since: datetime | None
    asked_at: datetime | None
    reply_by: datetime | None

    @property
    def waits_for_us(self) -> bool:
        """Tell whether our organisation is asked, and has not answered."""
        return self.asked_at is not None

    def has_to_tell_more(self, now: datetime) -> bool:
        """Tell whether the time by which more was promised has passed."""
        return self.next_update is not None and self.next_update < now

    def is_to_be_led(self, now: datetime) -> bool:
        """Tell whether it is for us to call the silent, or to say more as we promised."""
        return self.is_ours and (bool(self.overdue) or self.has_to_tell_more(now))


def visible_due_counted(
    session: Session, actor: Actor, *, us: str, now: datetime, limit: int = PAGE
) -> list[Due]:
    """Give what `queries.visible_due` gives, without anybody's answer."""
    if not actor.may(Right.READ_CHANNELS):
        return []
    author, member, ours = aliased(MemberView), CalledMember, aliased(CalledMember)
    rows = session.execute(
        select(
            IssuedCall,
            ChannelRecord.name,
            ChannelRecord.is_ours,
            author.name,
            author.without_node,
            ours.asked_at,
            ours.reply_by,
        )
        .join(ChannelRecord, ChannelRecord.id == IssuedCall.channel)
        .outerjoin(
            author,
            and_(author.channel == IssuedCall.channel, author.organisation == IssuedCall.author),
        )
        .outerjoin(
            ours,
            and_(
                ours.channel == IssuedCall.channel,
                ours.ref == IssuedCall.ref,
                ours.organisation == us,
                is_silent(ours),
                exists().where(
                    MemberView.channel == IssuedCall.channel,
                    MemberView.organisation == us,
                    MemberView.state == "joined",
                ),
            ),
        )
        .where(is_due(us=us, now=now))
        .order_by(IssuedCall.issued_at.desc(), IssuedCall.ref)
        .limit(limit)
    ).all()
    late = and_(member.reply_by < now, is_silent(member), ~_is_kept(us))
    counted = {
        (channel, ref): (count, overdue, since)
        for channel, ref, count, overdue, since in session.execute(
            select(
                member.channel,
                member.ref,
                func.count(),
                func.count(case((late, 1))),
                func.min(case((late, member.reply_by))),
            )
            .join(
                IssuedCall,
                and_(IssuedCall.channel == member.channel, IssuedCall.ref == member.ref),
            )
            .where(
                member.channel.in_({row.channel for row, *_ in rows}),
                member.ref.in_({row.ref for row, *_ in rows}),
            )
            .group_by(member.channel, member.ref)
        )
    }
    under_way = answers_under_way(session)
    found = []
    for row, name, is_ours, author_name, without_node, asked_at, reply_by in rows:
        place = (row.channel, row.ref)
        count, overdue, since = counted.get(place, (0, 0, None))
        waits = place not in under_way
        found.append(
            Due(
                channel=row.channel,
                channel_name=name,
                ref=row.ref,
                kind=row.kind,
                author_name=author_name or (UNNAMED if without_node else row.author),
                is_ours=row.author == us if row.kind is CallKind.REQUEST else is_ours,
                text=(row.text or NOT_HERE) if may_read_words(actor, row.tlp) else KEPT_CLOSE,
                tlp=row.tlp,
                issued_at=row.issued_at,
                next_update=row.next_update,
                addressees=count,
                overdue=overdue,
                overdue_since=since,
                asked_at=asked_at if waits else None,
                reply_by=reply_by if waits else None,
            )
        )
    return [one for one in found if one.waits_for_us or one.is_to_be_led(now)]


def is_due(*, us: str, now: datetime) -> ColumnElement[bool]:
    """Give the condition: it may wait for us, or others may have to answer us.

    For `IssuedCall`, joined with its `ChannelRecord`.
    """
    asked = and_(
        CalledMember.channel == IssuedCall.channel,
        CalledMember.ref == IssuedCall.ref,
        CalledMember.state.in_(_ASKED),
    )
    told = exists().where(
        CallAnswer.ref == IssuedCall.ref,
        CallAnswer.organisation == us,
        CallAnswer.told_to == IssuedCall.author,
    )
    waits = and_(exists().where(asked, CalledMember.organisation == us), ~told)
    mine = or_(
        and_(IssuedCall.kind == CallKind.REQUEST, IssuedCall.author == us),
        and_(IssuedCall.kind != CallKind.REQUEST, ChannelRecord.is_ours),
    )
    overdue = or_(exists().where(asked, CalledMember.reply_by < now), IssuedCall.next_update < now)
    return and_(
        IssuedCall.closed_at.is_(None),
        ChannelRecord.standing != Standing.ENDED,
        ~exists().where(CaseView.channel == IssuedCall.channel, CaseView.state == "merged"),
        or_(waits, and_(mine, overdue)),
    )


def is_silent(member: type[CalledMember]) -> ColumnElement[bool]:
    """Give the condition: no answer to the newest asking has come from this one.

    An answer counts where it was asked, or, to a request, told its asker alone.
    """
    to_this = or_(
        and_(CallAnswer.told_to.is_(None), CallAnswer.channel == member.channel),
        and_(IssuedCall.kind == CallKind.REQUEST, CallAnswer.told_to == IssuedCall.author),
    )
    answered = exists().where(
        CallAnswer.ref == member.ref,
        CallAnswer.organisation == member.organisation,
        CallAnswer.round == member.round,
        to_this,
    )
    return and_(member.state != _CLOSED, ~answered)


def answers_under_way(session: Session) -> set[tuple[str, str]]:
    """Give to what an answer of ours waits in the outbox: channel and id of the call."""
    return {
        (row.channel, _ref_in(row.bundle))
        for row in outbox.pending(session)
        if row.act in _ANSWERS and row.state is not Delivery.REFUSED
    }


def may_read_words(actor: Actor, tlp: TLP) -> bool:
    """Tell whether a person reads words of this label."""
    return tlp is not TLP.RED or bool(actor.roles & READERS_OF_RED)


def _is_kept(us: str) -> ColumnElement[bool]:
    """Give the condition: whether it was answered, its asker alone is told, and that is not us."""
    return and_(
        IssuedCall.answers_to.is_not_distinct_from(AnswersTo.ASKER),
        IssuedCall.author != us,
        CalledMember.organisation != us,
    )


def _ref_in(bundle: bytes) -> str:
    body = objects.StixObject.read(bundle).value.get("body", {})
    return str(body.get("call") or body.get("request"))

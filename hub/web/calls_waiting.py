"""What Today says of warnings, checks and requests: asked of us, and not answered to us."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

from federation.identity import node
from hub.accounts.actor import Actor
from hub.calls import queries
from hub.calls.values import Call
from hub.web import words
from hub.web.call_words import DRAWINGS, title_of
from hub.web.models import Tone, Waiting
from policies.calls import CallKind
from policies.roles import Right

_ASKS = {
    CallKind.WARNING: "warns in {}. Say that you have read it, and whether you are affected.",
    CallKind.CHECK: "checks in {} who can be reached. Say that you are here.",
    CallKind.REQUEST: "asks in {}.",
}


def called_out(session: Session, actor: Actor, *, now: datetime) -> Iterator[Waiting]:
    """Give what waits for our answer, then what of ours others have not answered in time."""
    own = node.find_node(session)
    if own is None or not actor.may(Right.CONTRIBUTE):
        return
    for call in queries.visible_due(session, actor, us=own.organisation, now=now):
        if call.waits_for_us:
            yield _asked_of_us(call)
        leads = Right.CONTRIBUTE if call.kind is CallKind.REQUEST else Right.RUN_CASES
        if call.is_ours and actor.may(leads):
            yield from _asked_by_us(call, now=now)


def _asked_of_us(call: Call) -> Waiting:
    ours = call.ours
    return Waiting(
        title=title_of(call),
        sentence=f"{call.author_name} {_ASKS[call.kind].format(call.channel_name)}",
        href=_page(call),
        act="Look and answer",
        drawing=DRAWINGS[call.kind],
        tone=Tone.TROUBLE if call.kind is CallKind.WARNING else Tone.WAITING,
        since=ours.asked_at if ours is not None else call.issued_at,
        due=ours.reply_by if ours is not None else None,
        tlp=call.tlp,
        first=True,
    )


def _asked_by_us(call: Call, *, now: datetime) -> Iterator[Waiting]:
    if call.overdue:
        silent = words.count(len(call.overdue), "organisation")
        verb = "has" if len(call.overdue) == 1 else "have"
        yield Waiting(
            title=f"{silent} of {len(call.addressees)} {verb} not answered",
            sentence=f"“{title_of(call)}” in {call.channel_name}. Call them by telephone.",
            href=_page(call),
            act="See whom to call",
            drawing="phone",
            tone=Tone.TROUBLE if call.kind is CallKind.WARNING else Tone.WAITING,
            due=min(one.reply_by for one in call.overdue),
            tlp=call.tlp,
        )
    if call.has_to_tell_more(now):
        yield Waiting(
            title="An update of your warning is due",
            sentence=f"“{title_of(call)}” in {call.channel_name}. They wait to hear more.",
            href=_page(call),
            act="Add to it",
            drawing=DRAWINGS[call.kind],
            due=call.next_update,
            tlp=call.tlp,
        )


def _page(call: Call) -> str:
    return url_for("pages.get_call", channel=call.channel, ref=call.ref)

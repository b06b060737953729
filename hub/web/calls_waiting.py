"""What Today says of warnings, checks and requests: asked of us, and not answered to us."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

from federation.identity import node
from hub.accounts.actor import Actor
from hub.calls.due import Due, visible_due_counted
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
    for call in visible_due_counted(session, actor, us=own.organisation, now=now):
        if call.waits_for_us:
            yield _asked_of_us(call)
        leads = Right.CONTRIBUTE if call.kind is CallKind.REQUEST else Right.RUN_CASES
        if call.is_ours and actor.may(leads):
            yield from _asked_by_us(call, now=now)


def _asked_of_us(call: Due) -> Waiting:
    return Waiting(
        title=title_of(call),
        sentence=f"{call.author_name} {_ASKS[call.kind].format(call.channel_name)}",
        href=_page(call),
        act="Look and answer",
        drawing=DRAWINGS[call.kind],
        tone=Tone.TROUBLE if call.kind is CallKind.WARNING else Tone.WAITING,
        since=call.asked_at or call.issued_at,
        due=call.reply_by,
        tlp=call.tlp,
        first=True,
    )


def _asked_by_us(call: Due, *, now: datetime) -> Iterator[Waiting]:
    if call.overdue:
        silent = words.count(call.overdue, "organisation")
        verb = "has" if call.overdue == 1 else "have"
        yield Waiting(
            title=f"{silent} of {call.addressees} {verb} not answered",
            sentence=f"“{title_of(call)}” in {call.channel_name}. Call them by telephone.",
            href=_page(call),
            act="See whom to call",
            drawing="phone",
            tone=Tone.TROUBLE if call.kind is CallKind.WARNING else Tone.WAITING,
            due=call.overdue_since,
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


def _page(call: Due) -> str:
    return url_for("pages.get_call", channel=call.channel, ref=call.ref)

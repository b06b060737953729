"""Answering what one is asked: for ourselves, or for whom somebody has told us by telephone.

Source: lifecycles, 1 (rules 2 and 6) and 2; domain, 1 (*Relay*).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from federation.branches import openings
from federation.ledgers import channels
from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_state
from federation.partners.partner_keys import get_chain
from federation.partners.partners import find_partner
from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.calls.queries import get_call
from hub.calls.values import Asked, Call
from hub.channels import relay as relaying
from hub.channels import service
from hub.channels.relay import Told
from hub.channels.service import get_visible_channel, note_of
from policies.acts import ACTS, Act, ChannelKind
from policies.calls import (
    Affected,
    AnswersTo,
    CallKind,
    DeclineReason,
    RequestResult,
)
from policies.errors import ConflictError, InvalidError
from sharing.objects import StixObject


def acknowledge(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    ref: str,
    *,
    affected: Affected | None = None,
    text: str | None = None,
    now: datetime,
) -> Written:
    """Acknowledge a warning or a check; the newest acknowledgement counts.

    Args:
        affected: by what a warning tells of.
        text: what else there is to say; all members read it.

    Raises:
        NotFoundError: there is no such warning or check.
        ForbiddenError: the actor may not contribute.
        ConflictError: we are not asked, it has ended, or the same was said before.
        InvalidError: a check asks for no words.
    """
    call = get_call(session, actor, channel, ref, us=desk.organisation, now=now)
    act = _acknowledges(call, affected, text)
    actor.may(ACTS[act].right).enforce()
    ours = _asked_of(call, desk.organisation)
    if call.is_under_way:
        raise ConflictError("what your organisation answered is on its way already")
    if ours.answered_at is not None and ours.affected == affected and not text:
        raise ConflictError(
            f"your organisation has acknowledged it already, at {ours.newest_at:%H:%M} UTC"
        )
    body: dict[str, Any] = {"call": ref, "way": "node", "answers": call.bundle}
    body |= {"affected": affected.value} if affected is not None else {}
    notes = _words(session, desk, actor, call, text, now)
    return service.write(session, desk, actor, channel, act, body, notes, now=now)


def acknowledge_for(  # noqa: PLR0913 - who told what, how and when
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    ref: str,
    *,
    organisation: str,
    told: Told,
    affected: Affected | None = None,
    text: str | None = None,
    now: datetime,
) -> Written:
    """Record that an organisation which can't write now has acknowledged, as somebody told us.

    Raises:
        NotFoundError: there is no such warning or check.
        ForbiddenError: the actor may not.
        ConflictError: it is not asked, it has ended, or its node can write.
    """
    call = get_call(session, actor, channel, ref, us=desk.organisation, now=now)
    act = _acknowledges(call, affected, text)
    _asked_of(call, organisation)
    body: dict[str, Any] = {"call": ref, "way": told.way, "answers": call.bundle}
    body |= {"affected": affected.value} if affected is not None else {}
    return relaying.relay(
        session,
        desk,
        actor,
        channel,
        organisation=organisation,
        act=act,
        told=told,
        text=text,
        body=body,
        now=now,
    )


def answer(  # noqa: PLR0913 - what is answered, and with what
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    ref: str,
    *,
    result: RequestResult = RequestResult.ANSWERED,
    text: str | None = None,
    objects: Sequence[StixObject] = (),
    now: datetime,
) -> tuple[str, Written]:
    """Answer a request: where it was asked, or in our direct channel if it is for the asker alone.

    Returns:
        The channel that it was written into, and what became of that.

    Raises:
        NotFoundError: there is no such request.
        ForbiddenError: the actor may not contribute.
        ConflictError: we are not asked, it is closed, or we have answered.
        InvalidError: it says nothing.
    """
    call = _request(session, desk, actor, channel, ref, now)
    actor.may(ACTS[Act.REQUEST_ANSWERED].right).enforce()
    _open_to_answer(call, desk.organisation)
    notes = _words(session, desk, actor, call, text, now)
    if result in {RequestResult.ANSWERED, RequestResult.FOUND} and not [*notes, *objects]:
        raise InvalidError("say it in some words", field="text")
    body = {"request": ref, "result": result.value, "answers": call.bundle}
    act = Act.REQUEST_ANSWERED
    return _say(session, desk, actor, call, act, body, [*notes, *objects], now)


def decline(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    ref: str,
    *,
    reason: DeclineReason | None = None,
    text: str | None = None,
    now: datetime,
) -> tuple[str, Written]:
    """Decline to answer a request; the reason may be kept back.

    Returns:
        The channel that it was written into, and what became of that.

    Raises:
        NotFoundError: there is no such request.
        ForbiddenError: the actor may not contribute.
        ConflictError: we are not asked, it is closed, or we have answered.
    """
    call = _request(session, desk, actor, channel, ref, now)
    actor.may(ACTS[Act.REQUEST_DECLINED].right).enforce()
    _open_to_answer(call, desk.organisation)
    body = {"request": ref, "answers": call.bundle}
    body |= {"reason": reason.value} if reason is not None else {}
    notes = _words(session, desk, actor, call, text, now)
    return _say(session, desk, actor, call, Act.REQUEST_DECLINED, body, notes, now)


def answer_for(  # noqa: PLR0913 - who told what, how and when
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    ref: str,
    *,
    organisation: str,
    told: Told,
    result: RequestResult | None = RequestResult.ANSWERED,
    reason: DeclineReason | None = None,
    text: str | None = None,
    now: datetime,
) -> Written:
    """Record what an organisation which can't write now answered to a request, as we were told.

    Args:
        result: none where it declined.

    Raises:
        NotFoundError: there is no such request.
        ForbiddenError: the actor may not.
        ConflictError: it is not asked, it is closed, its node can write, or the words are for the
            asker alone.
    """
    call = _request(session, desk, actor, channel, ref, now)
    _open_to_answer(call, organisation)
    if text and call.answers_to is AnswersTo.ASKER:
        raise ConflictError(
            "answers to this are for the asker alone, and what you record all members read",
            field="text",
            hint="Record that they answered, without the words; tell these to whoever asked.",
        )
    body: dict[str, Any] = {"request": ref, "answers": call.bundle}
    body |= {"result": result.value} if result is not None else {}
    body |= {"reason": reason.value} if result is None and reason is not None else {}
    return relaying.relay(
        session,
        desk,
        actor,
        channel,
        organisation=organisation,
        act=Act.REQUEST_ANSWERED if result is not None else Act.REQUEST_DECLINED,
        told=told,
        text=text,
        body=body,
        now=now,
    )


def _acknowledges(call: Call, affected: Affected | None, text: str | None) -> Act:
    if call.kind is CallKind.REQUEST:
        raise ConflictError("a request is answered or declined, not acknowledged")
    if call.kind is CallKind.WARNING:
        return Act.WARNING_ACKNOWLEDGED
    if affected is not None or text:
        raise InvalidError(
            "a check asks for an acknowledgement and nothing else",
            field="text" if text else "affected",
            hint="What you want to say besides goes into a note.",
        )
    return Act.CHECK_ACKNOWLEDGED


def _request(
    session: Session, desk: Desk, actor: Actor, channel: str, ref: str, now: datetime
) -> Call:
    call = get_call(session, actor, channel, ref, us=desk.organisation, now=now)
    if call.kind is not CallKind.REQUEST:
        raise ConflictError(f"a {call.kind} is acknowledged, not answered")
    return call


def _asked_of(call: Call, organisation: str) -> Asked:
    """Give what is asked of an organisation, as long as it is."""
    asked = next((one for one in call.addressees if one.organisation == organisation), None)
    if asked is None:
        raise ConflictError(f"this {call.kind} asks nothing of that organisation")
    if asked.is_closed:
        ended = f" at {call.closed_at:%H:%M} UTC" if call.closed_at is not None else ""
        raise ConflictError(
            f"this {call.kind} was ended{ended}", hint="What is still to be said goes into a note."
        )
    return asked


def _open_to_answer(call: Call, organisation: str) -> None:
    asked = _asked_of(call, organisation)
    if asked.answered_at is not None:
        raise ConflictError(
            f"this was answered already, at {asked.answered_at:%H:%M} UTC",
            hint="What is new goes into a note.",
        )
    if asked.is_us and call.is_under_way:
        raise ConflictError("what your organisation answered is on its way already")


def _say(
    session: Session,
    desk: Desk,
    actor: Actor,
    call: Call,
    act: Act,
    body: dict[str, Any],
    objects: Sequence[StixObject],
    now: datetime,
) -> tuple[str, Written]:
    if call.answers_to is not AnswersTo.ASKER and call.channel_kind is not ChannelKind.DIRECT:
        written = service.write(session, desk, actor, call.channel, act, body, objects, now=now)
        return call.channel, written
    partner = find_partner(session, call.author)
    if partner is None or not partner.active:
        raise ConflictError(
            f"the answer is for {call.author_name} alone, which is no active partner of ours",
            hint="Pair with it, or call it and tell it by telephone.",
        )
    chain = get_chain(session, call.author)
    direct = openings.ensure_direct(session, desk, chain, now=now).id
    written = channels.write(session, desk, direct, act, body, objects, by=actor.name, now=now)
    audit.record(session, actor, act.value, f"{direct} {call.ref}", now=now)
    return direct, written


def _words(
    session: Session, desk: Desk, actor: Actor, call: Call, text: str | None, now: datetime
) -> list[StixObject]:
    state = get_state(session, get_visible_channel(session, actor, call.channel))
    return note_of(desk, text, about=[call.ref], marking=state.ceiling, now=now)

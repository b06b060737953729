"""Warnings, checks of the communication and requests: called out, answered, ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import UUID

from flask import Response, flash, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.accounts.current import current_actor
from hub.audit import service as audit
from hub.calls import answering, calling, queries
from hub.calls.calling import Issued
from hub.calls.values import Call
from hub.cases.queries import has_room
from hub.channels.relay import Told
from hub.office import current_office
from hub.web import call_words as shown
from hub.web import directory_words
from hub.web.acting import DONE, attempt
from hub.web.call_forms import (
    AcknowledgementForm,
    AdditionForm,
    AnswerForm,
    CheckForm,
    EndForm,
    RefusalForm,
    RequestForm,
    ToldForm,
    WarningForm,
)
from hub.web.forms import PageForm
from hub.web.frame import pages, show
from hub.web.relay_words import WAYS
from hub.web.seeing import direct_to, seeing_of
from hub.web.views.channels import Forms, NoForm, Where, show_channel, to_channel
from policies.acts import ACTS, Act, ChannelKind
from policies.calls import (
    AnswersTo,
    CallKind,
)
from policies.roles import Right
from sharing.db import reading, transaction

F = TypeVar("F", bound=PageForm)


@pages.get("/channels/<uuid:channel>/calls/<ref>")
def get_call(channel: UUID, ref: str) -> Response:
    """Show a warning, a check or a request; who read it is written down, once for each visit."""
    response = _show_call(str(channel), ref, {})
    if "HX-Request" not in request.headers:
        with transaction() as session:
            audit.record(session, current_actor(), "channel.read", str(channel), now=clock.utcnow())
    return response


@pages.post("/channels/<uuid:channel>/warnings")
def post_warning(channel: UUID) -> BaseResponse:
    """Warn the members."""
    return _issue(
        channel,
        WarningForm,
        "warn",
        lambda form, where, now: calling.warn(
            *where,
            text=form.text,
            tlp=form.tlp,
            addressees=form.addressees,
            reply_by=_in_utc(form.reply_by),
            next_update=_in_utc(form.next_update),
            now=now,
        ),
        "The warning is out. Here you see who has read it.",
    )


@pages.post("/channels/<uuid:channel>/checks")
def post_check(channel: UUID) -> BaseResponse:
    """Ask the members to answer."""
    return _issue(
        channel,
        CheckForm,
        "check",
        lambda form, where, now: calling.check(
            *where, addressees=form.addressees, reply_by=_in_utc(form.reply_by), now=now
        ),
        "They are asked to answer. Here you see who does.",
    )


@pages.post("/channels/<uuid:channel>/requests")
def post_request(channel: UUID) -> BaseResponse:
    """Ask members for information or aid."""
    return _issue(
        channel,
        RequestForm,
        "ask",
        lambda form, where, now: calling.ask(
            *where,
            text=form.text,
            tlp=form.tlp,
            answers_to=form.answers_to,
            addressees=form.addressees,
            needed_by=_in_utc(form.needed_by),
            now=now,
        ),
        "They are asked. Here you see who answers.",
    )


@pages.post("/channels/<uuid:channel>/calls/<ref>/acknowledgement")
def post_call_acknowledgement(channel: UUID, ref: str) -> BaseResponse:
    """Acknowledge a warning or a check."""
    return _do(
        channel,
        ref,
        AcknowledgementForm,
        "acknowledge",
        lambda form, where, now: answering.acknowledge(
            *where, ref, affected=form.affected, text=form.text, now=now
        ),
        "They know that you have it.",
    )


@pages.post("/channels/<uuid:channel>/calls/<ref>/answer")
def post_call_answer(channel: UUID, ref: str) -> BaseResponse:
    """Answer a request."""
    return _do(
        channel,
        ref,
        AnswerForm,
        "answer",
        lambda form, where, now: answering.answer(
            *where, ref, result=form.result, text=form.text, now=now
        ),
        "Your answer is given.",
    )


@pages.post("/channels/<uuid:channel>/calls/<ref>/refusal")
def post_call_refusal(channel: UUID, ref: str) -> BaseResponse:
    """Decline to answer a request."""
    return _do(
        channel,
        ref,
        RefusalForm,
        "decline",
        lambda form, where, now: answering.decline(
            *where, ref, reason=form.reason, text=form.text, now=now
        ),
        "They know that you do not answer this.",
    )


@pages.post("/channels/<uuid:channel>/calls/<ref>/told")
def post_call_told(channel: UUID, ref: str) -> BaseResponse:
    """Record what somebody answered by telephone."""

    def record(form: ToldForm, where: Where, now: datetime) -> object:
        told = Told(form.way, now, form.informant)
        if form.result is not None:
            return answering.answer_for(
                *where,
                ref,
                organisation=form.organisation,
                told=told,
                result=form.result,
                text=form.text,
                now=now,
            )
        return answering.acknowledge_for(
            *where,
            ref,
            organisation=form.organisation,
            told=told,
            affected=form.affected,
            text=form.text,
            now=now,
        )

    done = "Recorded as your statement, on their behalf."
    return _do(channel, ref, ToldForm, "told", record, done)


@pages.post("/channels/<uuid:channel>/calls/<ref>/addition")
def post_call_addition(channel: UUID, ref: str) -> BaseResponse:
    """Add to a warning."""
    return _do(
        channel,
        ref,
        AdditionForm,
        "add",
        lambda form, where, now: calling.add(
            *where,
            ref,
            text=form.text,
            again=form.again is not None,
            reply_by=_in_utc(form.reply_by),
            next_update=_in_utc(form.next_update),
            now=now,
        ),
        "Added.",
    )


@pages.post("/channels/<uuid:channel>/calls/<ref>/newcomers")
def post_call_newcomers(channel: UUID, ref: str) -> BaseResponse:
    """Ask those who have joined since to acknowledge a warning, too."""
    return _do(
        channel,
        ref,
        NoForm,
        "newcomers",
        lambda _, where, now: calling.ask_the_new(*where, ref, now=now),
        "They are asked, too.",
    )


@pages.post("/channels/<uuid:channel>/calls/<ref>/end")
def post_call_end(channel: UUID, ref: str) -> BaseResponse:
    """End a warning or a check, or close a request."""
    return _do(
        channel,
        ref,
        EndForm,
        "end",
        lambda form, where, now: calling.end(
            *where, ref, text=form.text, outcome=form.outcome, now=now
        ),
        "It has ended. Nobody is asked any more.",
    )


def _issue(
    channel: UUID,
    model: type[F],
    slot: str,
    write: Callable[[F, Where, datetime], Issued],
    done: str,
) -> BaseResponse:
    """Call something out, and lead to its page; where that can't be, show the channel again."""
    issued: list[Issued] = []

    def act(form: F) -> None:
        with transaction() as session:
            where = (session, current_office().desk(session), current_actor(), str(channel))
            issued.append(write(form, where, clock.utcnow()))

    filled, status = attempt(model, act, shares=True)
    if status is not DONE:
        forms: dict[str, Any] = {slot: filled}
        return show_channel(str(channel), Forms(**forms), status)
    if issued[0].written.entry is None:
        flash("It is on its way to the coordinator.", "good")
        return to_channel(str(channel))
    flash(done, "good")
    return to_call(channel, issued[0].ref)


def _do(
    channel: UUID,
    ref: str,
    model: type[F],
    slot: str,
    write: Callable[[F, Where, datetime], object],
    done: str,
) -> BaseResponse:
    """Do something with a call; where that can't be, show its page again."""

    def act(form: F) -> None:
        with transaction() as session:
            where = (session, current_office().desk(session), current_actor(), str(channel))
            write(form, where, clock.utcnow())

    filled, status = attempt(model, act, shares=True)
    if status is not DONE:
        return _show_call(str(channel), ref, {slot: filled}, status)
    flash(done, "good")
    return to_call(channel, ref)


def to_call(channel: UUID, ref: str) -> BaseResponse:
    """Lead to the page of a call."""
    return redirect(url_for("pages.get_call", channel=channel, ref=ref), HTTPStatus.SEE_OTHER)


def _show_call(
    channel: str, ref: str, forms: dict[str, Any], status: HTTPStatus = HTTPStatus.OK
) -> Response:
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        us = current_office().desk(session).organisation
        call = queries.get_call(session, actor, channel, ref, us=us, now=now)
        updates = queries.visible_updates(session, actor, call)
        indicators = queries.visible_indicators(session, actor, call)
        told = shown.can_be_told(session, actor, call, now=now)
        newcomers = shown.newcomers(session, actor, call, us=us, now=now)
        seeing = seeing_of(session, actor, channel, us=us)
        room = has_room(session, channel)
        answered = seeing if _stays_there(call) else direct_to(session, call.author, us=us)
    ours = call.ours
    is_asked = ours is not None and not ours.is_closed and ours.membership == "joined"
    ends = Act.REQUEST_CLOSED if call.kind is CallKind.REQUEST else Act.WARNING_ENDED
    return show(
        "channels/call.html",
        "channels",
        status=status,
        now=now,
        call=call,
        room=room,
        ours=ours,
        state=shown.state_of(call),
        updates=updates,
        indicators=indicators,
        can_be_told=told,
        newcomers=newcomers,
        may_answer=is_asked and not call.is_under_way and bool(actor.may(Right.CONTRIBUTE)),
        may_lead=call.is_ours and call.is_open and bool(actor.may(ACTS[ends].right)),
        seeing=seeing,
        answered=answered,
        forms=forms,
        ways=WAYS,
        words=shown,
        directory_words=directory_words,
    )


def _stays_there(call: Call) -> bool:
    """Tell whether a request is answered where it was asked."""
    direct = call.channel_kind is ChannelKind.DIRECT
    return call.is_ours or not (direct or call.answers_to is AnswersTo.ASKER)


def _in_utc(at: datetime | None) -> datetime | None:
    """Read a time without a zone as UTC, which the page asks for."""
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)

"""What organisations tell the coordinator of a case that can't write now: one form for each act."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from flask import Response, flash, redirect, url_for
from pydantic import StringConstraints
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from federation.ledgers.desk import Desk
from hub import clock
from hub.accounts.actor import Actor
from hub.accounts.current import current_actor
from hub.cases import decision_queries, queries, relaying, standing_in
from hub.channels import relay
from hub.channels.relay import Told
from hub.office import current_office
from hub.web import case_words as shown
from hub.web.acting import DONE, attempt
from hub.web.case_forms import StatedForm, Text, Word, stated_by
from hub.web.forms import PageForm, as_utc
from hub.web.frame import pages, show
from hub.web.relay_words import WAYS
from hub.web.views.cases import show_case, to_case
from hub.web.views.relay import AbsentForm
from policies.assessment import ResponseState
from policies.decisions import ABSTAINED
from sharing.db import reading, transaction

Words = Annotated[str, StringConstraints(max_length=relay.MAX_NAME_CHARACTERS)]
Where = tuple[Session, Desk, Actor, str]


class ToldForm(PageForm):
    """How it came; by telephone and just now, if nothing else is said."""

    way: Literal["telephone", "in-person", "e-mail", "message", "other"] = "telephone"
    at: datetime | None = None
    informant: Words | None = None


class ToldAnswerForm(ToldForm):
    """Whether they take part."""

    joins: Literal["yes", "no"]


class ToldResponseForm(ToldForm):
    """How far they are."""

    state: ResponseState
    since: datetime | None = None
    text: Text | None = None


class ToldAssessmentForm(ToldForm, StatedForm):
    """How they are hit; what is left out is not stated."""


class ToldVoteForm(ToldForm):
    """How they vote."""

    option: Word
    dissent: Text | None = None


T = TypeVar("T", bound=ToldForm)


@pages.get("/cases/<uuid:channel>/told/<organisation>")
def get_case_told(channel: UUID, organisation: str) -> Response:
    """Show what can be recorded for an organisation that can't write now."""
    return _show_told(str(channel), organisation, {})


@pages.post("/cases/<uuid:channel>/absent")
def post_case_absent(channel: UUID) -> BaseResponse:
    """Invite an organisation that has no node."""

    def act(form: AbsentForm) -> None:
        with transaction() as session:
            queries.get_case_row(session, current_actor(), str(channel))
            relay.add_absent(
                session,
                current_office().desk(session),
                current_actor(),
                str(channel),
                name=form.name,
                roles=[form.role.value],
                shown=form.unnamed is None,
                contact=form.contact,
                now=clock.utcnow(),
            )

    filled, status = attempt(AbsentForm, act)
    if status is not DONE:
        return show_case(str(channel), {"absent": filled}, status)
    flash("They are noted. Call them, and record what they say.", "good")
    return to_case(str(channel))


@pages.post("/cases/<uuid:channel>/stand-ins/<organisation>")
def post_case_stand_in(channel: UUID, organisation: str) -> BaseResponse:
    """Let an invited partner whose node is silent take part by telephone."""
    places: list[str] = []

    def act(form: ToldForm) -> None:
        with transaction() as session:
            now = clock.utcnow()
            places.append(
                standing_in.stand_in(
                    session,
                    current_office().desk(session),
                    current_actor(),
                    str(channel),
                    organisation=organisation,
                    told=Told(form.way, as_utc(form.at) or now, form.informant),
                    now=now,
                )
            )

    filled, status = attempt(ToldForm, act)
    if status is not DONE:
        return show_case(str(channel), {"stand_in": filled}, status)
    flash("They take part. Record what they say.", "good")
    address = url_for("pages.get_case_told", channel=channel, organisation=places[0])
    return redirect(address, HTTPStatus.SEE_OTHER)


@pages.post("/cases/<uuid:channel>/told/<organisation>/answer")
def post_case_told_answer(channel: UUID, organisation: str) -> BaseResponse:
    """Record that they take part, or do not."""
    return _record(
        channel,
        organisation,
        ToldAnswerForm,
        {"answer": None},
        lambda form, where, given: relaying.answer_for(*where, joins=form.joins == "yes", **given),
    )


@pages.post("/cases/<uuid:channel>/told/<organisation>/response")
def post_case_told_response(channel: UUID, organisation: str) -> BaseResponse:
    """Record how far they are."""
    return _record(
        channel,
        organisation,
        ToldResponseForm,
        {"response": None},
        lambda form, where, given: relaying.respond_for(
            *where, state=form.state, since=as_utc(form.since), text=form.text, **given
        ),
    )


@pages.post("/cases/<uuid:channel>/told/<organisation>/assessment")
def post_case_told_assessment(channel: UUID, organisation: str) -> BaseResponse:
    """Record how they are hit."""
    return _record(
        channel,
        organisation,
        ToldAssessmentForm,
        {"assessment": None},
        lambda form, where, given: relaying.assess_for(
            *where, assessment=stated_by(form), text=form.text, **given
        ),
    )


@pages.post("/cases/<uuid:channel>/told/<organisation>/votes/<decision>")
def post_case_told_vote(channel: UUID, organisation: str, decision: str) -> BaseResponse:
    """Record how they vote."""
    return _record(
        channel,
        organisation,
        ToldVoteForm,
        {"vote": None, "voted_on": decision},
        lambda form, where, given: relaying.vote_for(
            *where, decision, option=form.option, dissent=form.dissent, **given
        ),
    )


def _record(
    channel: UUID,
    organisation: str,
    model: type[T],
    slots: dict[str, Any],
    write: Callable[[T, Where, dict[str, Any]], object],
) -> BaseResponse:
    def act(form: T) -> None:
        with transaction() as session:
            now = clock.utcnow()
            where = (session, current_office().desk(session), current_actor(), str(channel))
            told = Told(form.way, as_utc(form.at) or now, form.informant)
            write(form, where, {"organisation": organisation, "told": told, "now": now})

    filled, status = attempt(model, act)
    if status is not DONE:
        forms = {slot: filled if one is None else one for slot, one in slots.items()}
        return _show_told(str(channel), organisation, forms, status)
    flash("Recorded as your word, on their behalf.", "good")
    return to_case(str(channel))


def _show_told(
    channel: str, organisation: str, forms: dict[str, Any], status: HTTPStatus = HTTPStatus.OK
) -> Response:
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        us = current_office().desk(session).organisation
        case = queries.get_visible_case(session, actor, channel)
        typed = bool(forms)
        whom = relaying.get_spoken_for(session, actor, channel, organisation, typed=typed, now=now)
        rows = queries.visible_organisations(session, actor, channel, us=us)
        decisions = decision_queries.visible_decisions(session, actor, channel, us=us)
    return show(
        "cases/told.html",
        "cases",
        status=status,
        case=case,
        whom=whom,
        row=next((one for one in rows if one.organisation == organisation), None),
        decisions=[
            one
            for one in decisions
            if one.state == "open" and any(vote.organisation == organisation for vote in one.votes)
        ],
        words=shown,
        ways=WAYS,
        abstained=ABSTAINED,
        forms=forms,
    )

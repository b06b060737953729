"""What people do in the room of a case: one form for each act."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from flask import flash
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from federation.ledgers.desk import Desk
from hub import clock
from hub.accounts.actor import Actor
from hub.accounts.current import current_actor
from hub.cases import at_once, course, deciding, joining, own_words
from hub.cases.at_once import Declared
from hub.office import current_office
from hub.web.acting import DONE, attempt
from hub.web.case_forms import (
    AssessmentForm,
    ClosingForm,
    ControlForm,
    JointForm,
    MaybeReasonForm,
    OutcomeForm,
    QuestionForm,
    ReasonForm,
    RecoveredForm,
    ResponseForm,
    VoteForm,
    stated_by,
)
from hub.web.forms import PageForm, as_utc
from hub.web.frame import pages
from hub.web.views.calls import to_call
from hub.web.views.cases import show_case, to_case
from policies.decisions import By, DecisionRule, Topic
from sharing.db import transaction

F = TypeVar("F", bound=PageForm)
Where = tuple[Session, Desk, Actor, str]


@pages.post("/cases/<uuid:channel>/start")
def post_case_start(channel: UUID) -> BaseResponse:
    """Decide to coordinate, and start: one click where the coordinator decides alone; else ask."""
    return write_in_room(
        channel,
        ReasonForm,
        "start",
        lambda form, where, now: at_once.start_or_ask(
            *where, topic=Topic.START, reason=form.reason, now=now
        ),
        "Coordination has started.",
        "The members are asked: the charter asks for a vote.",
    )


@pages.post("/cases/<uuid:channel>/refusal")
def post_case_declined(channel: UUID) -> BaseResponse:
    """Decide not to coordinate."""
    return write_in_room(
        channel,
        ReasonForm,
        "decline",
        lambda form, where, now: at_once.start_or_ask(
            *where, topic=Topic.DECLINE, reason=form.reason, now=now
        ),
        "Declined, with the reason.",
        "The members are asked: the charter asks for a vote.",
    )


@pages.post("/cases/<uuid:channel>/recovery")
def post_case_recovered(channel: UUID) -> BaseResponse:
    """Say that those affected have recovered."""
    return write_in_room(
        channel,
        RecoveredForm,
        "recovered",
        lambda form, where, now: course.recovered(
            *where, not_yet=form.not_yet, reason=form.reason, now=now
        ),
        "Everybody is told.",
    )


@pages.post("/cases/<uuid:channel>/closing")
def post_case_closing(channel: UUID) -> BaseResponse:
    """Decide to close, and close."""
    return write_in_room(
        channel,
        ClosingForm,
        "close",
        lambda form, where, now: at_once.close(
            *where, reason=form.reason, early=form.early, now=now
        ),
        "The case is closed.",
    )


@pages.post("/cases/<uuid:channel>/reopening")
def post_case_reopening(channel: UUID) -> BaseResponse:
    """Open a case again."""
    return write_in_room(
        channel,
        ReasonForm,
        "reopen",
        lambda form, where, now: course.reopen(*where, reason=form.reason, now=now),
        "The case is open again.",
    )


@pages.post("/cases/<uuid:channel>/crisis")
def post_case_crisis(channel: UUID) -> BaseResponse:
    """Declare a crisis, and lead to the call that goes out: who is silent stands there first."""
    declared: list[Declared] = []

    def act(form: MaybeReasonForm) -> None:
        with transaction() as session:
            where = (session, current_office().desk(session), current_actor(), str(channel))
            declared.append(at_once.declare_crisis(*where, reason=form.reason, now=clock.utcnow()))

    filled, status = attempt(MaybeReasonForm, act, shares=True)
    if status is not DONE:
        return show_case(str(channel), {"crisis": filled}, status)
    issued = declared[0].call
    if issued is None:
        flash("It is a crisis. Nobody else has joined so far: call those who must know.", "good")
        return to_case(str(channel))
    flash("It is a crisis, and all are called. Here you see who has answered.", "good")
    return to_call(channel, issued.ref)


@pages.post("/cases/<uuid:channel>/crisis/end")
def post_case_crisis_end(channel: UUID) -> BaseResponse:
    """End a crisis."""
    return write_in_room(
        channel,
        MaybeReasonForm,
        "crisis_end",
        lambda form, where, now: course.end_crisis(*where, reason=form.reason, now=now),
        "The crisis is over.",
    )


@pages.post("/cases/<uuid:channel>/control")
def post_case_control(channel: UUID) -> BaseResponse:
    """Say whether it is under control."""
    return write_in_room(
        channel,
        ControlForm,
        "control",
        lambda form, where, now: course.review_control(
            *where, under_control=form.under_control == "yes", reason=form.reason, now=now
        ),
        "Everybody is told.",
    )


@pages.post("/cases/<uuid:channel>/response")
def post_case_response(channel: UUID) -> BaseResponse:
    """Say how far we are."""
    return write_in_room(
        channel,
        ResponseForm,
        "response",
        lambda form, where, now: own_words.respond(
            *where,
            state=form.state,
            since=as_utc(form.since),
            text=form.text,
            alone=form.alone is not None,
            now=now,
        ),
        "Said.",
    )


@pages.post("/cases/<uuid:channel>/assessment")
def post_case_assessment(channel: UUID) -> BaseResponse:
    """State how we are hit."""
    return write_in_room(
        channel,
        AssessmentForm,
        "assessment",
        lambda form, where, now: own_words.assess(
            *where,
            assessment=stated_by(form),
            text=form.text,
            alone=form.alone is not None,
            now=now,
        ),
        "Stated. The newest counts: you can state it otherwise at any time.",
    )


@pages.post("/cases/<uuid:channel>/joint")
def post_case_joint(channel: UUID) -> BaseResponse:
    """Tell all what the assessments come to."""
    return write_in_room(
        channel,
        JointForm,
        "joint",
        lambda form, where, now: joining.join_assessments(
            *where,
            level=form.level,
            reason=form.reason,
            seen_at=as_utc(form.seen_at),
            now=now,
        ),
        "Everybody is told.",
    )


@pages.post("/cases/<uuid:channel>/questions")
def post_case_question(channel: UUID) -> BaseResponse:
    """Put a question to the vote."""
    return write_in_room(
        channel,
        QuestionForm,
        "question",
        lambda form, where, now: deciding.ask(
            *where,
            topic=form.topic,
            question=form.question,
            rule=DecisionRule(By(form.by)),
            vote_until=as_utc(form.vote_until),
            now=now,
        ),
        "The question is put.",
    )


@pages.post("/cases/<uuid:channel>/decisions/<decision>/votes")
def post_case_vote(channel: UUID, decision: str) -> BaseResponse:
    """Vote for our organisation."""
    return write_in_room(
        channel,
        VoteForm,
        "vote",
        lambda form, where, now: deciding.vote(
            *where, decision, option=form.option, dissent=form.dissent, now=now
        ),
        "Your vote is cast. The newest counts, until it is taken.",
    )


@pages.post("/cases/<uuid:channel>/decisions/<decision>/outcome")
def post_case_outcome(channel: UUID, decision: str) -> BaseResponse:
    """Say what the votes have come to; where something follows, do it at once."""
    return write_in_room(
        channel,
        OutcomeForm,
        "vote",
        lambda form, where, now: at_once.take(*where, decision, outcome=form.outcome, now=now),
        "It is decided.",
    )


@pages.post("/cases/<uuid:channel>/decisions/<decision>/withdrawal")
def post_case_question_withdrawn(channel: UUID, decision: str) -> BaseResponse:
    """Take a question back."""
    return write_in_room(
        channel,
        MaybeReasonForm,
        f"withdrawn {decision}",
        lambda form, where, now: deciding.withdraw(*where, decision, reason=form.reason, now=now),
        "Taken back.",
    )


def write_in_room(
    channel: UUID,
    model: type[F],
    slot: str,
    write: Callable[[F, Where, datetime], object],
    done: str,
    asked: str = "",
) -> BaseResponse:
    """Do one act of a case's room, and lead back to it; a refused form comes back filled.

    Args:
        done: what is said once it is written.
        asked: what is said where a question was put to the vote in its place.
    """
    results: list[object] = []

    def act(form: F) -> None:
        with transaction() as session:
            desk, actor = current_office().desk(session), current_actor()
            results.append(write(form, (session, desk, actor, str(channel)), clock.utcnow()))

    filled, status = attempt(model, act, shares=True)
    if status is not DONE:
        return show_case(str(channel), {slot: filled}, status)
    flash(asked if asked and results == [None] else done, "good")
    return to_case(str(channel))

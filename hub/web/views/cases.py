"""Cases: a room for one incident: what organisations state, what it comes to, what is decided."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

from flask import Response, flash, redirect, url_for
from pydantic import Field as Bounded
from pydantic import StringConstraints
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from federation.ledgers.desk import Desk
from hub import clock
from hub.accounts.actor import Actor
from hub.accounts.current import current_actor
from hub.audit import service as audit
from hub.cases import at_once, course, deciding, joining, own_words, queries
from hub.channels.queries import get_visible_summary, visible_pending
from hub.office import current_office
from hub.web import case_words as shown
from hub.web.acting import DONE, attempt
from hub.web.forms import Filled, PageForm
from hub.web.frame import pages, show
from policies.assessment import (
    Assessment,
    Danger,
    FunctionalImpact,
    InformationImpact,
    PersonalData,
    Recoverability,
    ResponseState,
    Span,
)
from policies.decisions import ABSTAINED, By, DecisionRule, Topic
from policies.errors import InvalidError
from policies.matrix import Level
from policies.roles import Right
from policies.tlp import TLP
from sharing.db import reading, transaction

Title = Annotated[str, StringConstraints(max_length=course.MAX_TITLE_CHARACTERS)]
Text = Annotated[str, StringConstraints(max_length=20_000)]
Word = Annotated[str, StringConstraints(max_length=40)]
Organisation = Annotated[str, StringConstraints(max_length=60)]
Count = Annotated[int, Bounded(ge=0, le=10**12)]

CAN_BE_OPENED: Final = (TLP.GREEN, TLP.AMBER, TLP.AMBER_STRICT)


class CaseForm(PageForm):
    """A case that is to be opened."""

    title: Title
    text: Text
    ceiling: TLP = TLP.AMBER
    exercise: Literal["yes"] | None = None


class ReasonForm(PageForm):
    """Why something is done."""

    reason: Text


class MaybeReasonForm(PageForm):
    """Why something is done, where somebody wants to say it."""

    reason: Text | None = None


class ClosingForm(PageForm):
    """Why a case is closed."""

    reason: Text
    early: Literal["false-alarm", "one-organisation", "taken-on"] | None = None


class RecoveredForm(PageForm):
    """Who has not recovered yet, and why."""

    not_yet: list[Organisation] = Bounded(default_factory=list, max_length=500)
    reason: Text | None = None


class ControlForm(PageForm):
    """Whether it is under control."""

    under_control: Literal["yes", "no"]
    reason: Text | None = None


class ResponseForm(PageForm):
    """How far we are."""

    state: ResponseState
    since: datetime | None = None
    text: Text | None = None
    alone: Literal["yes"] | None = None


class AssessmentForm(PageForm):
    """How we are hit; what is left out is not stated."""

    functional_impact: FunctionalImpact | None = None
    information_impact: InformationImpact | None = None
    recoverability: Recoverability | None = None
    essential_service: Literal["yes", "no"] | None = None
    danger: Danger | None = None
    still_spreading: Literal["yes", "no"] | None = None
    personal_data: PersonalData | None = None
    confidence: Annotated[int, Bounded(ge=0, le=100)] | None = None
    systems_low: Count | None = None
    systems_high: Count | None = None
    text: Text | None = None
    alone: Literal["yes"] | None = None


class JointForm(PageForm):
    """What the coordinator makes of it."""

    level: Level | None = None
    reason: Text | None = None


class QuestionForm(PageForm):
    """What is put to the vote."""

    topic: Topic
    question: Text
    by: Literal["majority", "unanimity"] = "majority"
    vote_until: datetime | None = None


class VoteForm(PageForm):
    """A vote."""

    option: Word
    dissent: Text | None = None


class OutcomeForm(PageForm):
    """What the votes have come to."""

    outcome: Word


F = TypeVar("F", bound=PageForm)
Where = tuple[Session, Desk, Actor, str]


@pages.get("/cases")
def get_cases() -> Response:
    """Show all cases, those that need somebody first."""
    actor, now = current_actor(), clock.utcnow()
    actor.may(Right.READ_CHANNELS).enforce()
    with reading() as session:
        cases = queries.visible_cases(session, actor)
    over = {"declined", "closed", "merged"}
    return show(
        "cases/list.html",
        "cases",
        now=now,
        groups=[
            ([one for one in cases if one.state not in over], "Under way"),
            ([one for one in cases if one.state in over], "Ended"),
        ],
        any_case=bool(cases),
        words=shown,
        may_open=bool(actor.may(Right.RUN_CASES)),
    )


@pages.get("/cases/new")
def get_new_case() -> Response:
    """Show the form for a case of ours."""
    current_actor().may(Right.RUN_CASES).enforce()
    return _show_new(None)


@pages.post("/cases")
def post_case() -> BaseResponse:
    """Open a case that we coordinate."""
    opened: list[str] = []

    def act(form: CaseForm) -> None:
        with transaction() as session:
            opened.append(
                course.open_case(
                    session,
                    current_office().desk(session),
                    current_actor(),
                    title=form.title,
                    text=form.text,
                    ceiling=form.ceiling,
                    exercise=form.exercise is not None,
                    now=clock.utcnow(),
                )
            )

    filled, status = attempt(CaseForm, act)
    if status is not DONE:
        return _show_new(filled, status)
    flash("The case is open. Now invite those who are needed.", "good")
    return _to_case(opened[0])


@pages.get("/cases/<uuid:channel>")
def get_case(channel: UUID) -> Response:
    """Show the room of one case."""
    response = _show_case(str(channel), {})
    with transaction() as session:
        audit.record(session, current_actor(), "case.read", str(channel), now=clock.utcnow())
    return response


@pages.post("/cases/<uuid:channel>/start")
def post_case_start(channel: UUID) -> BaseResponse:
    """Decide to coordinate, and start: one click where the coordinator decides alone."""
    return _write(
        channel,
        ReasonForm,
        "start",
        lambda form, where, now: at_once.start(*where, reason=form.reason, now=now),
        "Coordination has started.",
    )


@pages.post("/cases/<uuid:channel>/refusal")
def post_case_declined(channel: UUID) -> BaseResponse:
    """Decide not to coordinate."""
    return _write(
        channel,
        ReasonForm,
        "decline",
        lambda form, where, now: at_once.decline(*where, reason=form.reason, now=now),
        "Declined, with the reason.",
    )


@pages.post("/cases/<uuid:channel>/recovery")
def post_case_recovered(channel: UUID) -> BaseResponse:
    """Say that those affected have recovered."""
    return _write(
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
    return _write(
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
    return _write(
        channel,
        ReasonForm,
        "reopen",
        lambda form, where, now: course.reopen(*where, reason=form.reason, now=now),
        "The case is open again.",
    )


@pages.post("/cases/<uuid:channel>/crisis")
def post_case_crisis(channel: UUID) -> BaseResponse:
    """Declare a crisis."""
    return _write(
        channel,
        MaybeReasonForm,
        "crisis",
        lambda form, where, now: course.declare_crisis(*where, reason=form.reason, now=now),
        "It is a crisis. Call those who must know.",
    )


@pages.post("/cases/<uuid:channel>/crisis/end")
def post_case_crisis_end(channel: UUID) -> BaseResponse:
    """End a crisis."""
    return _write(
        channel,
        MaybeReasonForm,
        "crisis_end",
        lambda form, where, now: course.end_crisis(*where, reason=form.reason, now=now),
        "The crisis is over.",
    )


@pages.post("/cases/<uuid:channel>/control")
def post_case_control(channel: UUID) -> BaseResponse:
    """Say whether it is under control."""
    return _write(
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
    return _write(
        channel,
        ResponseForm,
        "response",
        lambda form, where, now: own_words.respond(
            *where,
            state=form.state,
            since=_utc(form.since),
            text=form.text,
            alone=form.alone is not None,
            now=now,
        ),
        "Said.",
    )


@pages.post("/cases/<uuid:channel>/assessment")
def post_case_assessment(channel: UUID) -> BaseResponse:
    """State how we are hit."""
    return _write(
        channel,
        AssessmentForm,
        "assessment",
        lambda form, where, now: own_words.assess(
            *where,
            assessment=_stated(form),
            text=form.text,
            alone=form.alone is not None,
            now=now,
        ),
        "Stated. The newest counts: you can state it otherwise at any time.",
    )


@pages.post("/cases/<uuid:channel>/joint")
def post_case_joint(channel: UUID) -> BaseResponse:
    """Tell all what the assessments come to."""
    return _write(
        channel,
        JointForm,
        "joint",
        lambda form, where, now: joining.join_assessments(
            *where, level=form.level, reason=form.reason, now=now
        ),
        "Everybody is told.",
    )


@pages.post("/cases/<uuid:channel>/questions")
def post_case_question(channel: UUID) -> BaseResponse:
    """Put a question to the vote."""
    return _write(
        channel,
        QuestionForm,
        "question",
        lambda form, where, now: deciding.ask(
            *where,
            topic=form.topic,
            question=form.question,
            rule=DecisionRule(By(form.by)),
            vote_until=_utc(form.vote_until),
            now=now,
        ),
        "The question is put.",
    )


@pages.post("/cases/<uuid:channel>/decisions/<decision>/votes")
def post_case_vote(channel: UUID, decision: str) -> BaseResponse:
    """Vote for our organisation."""
    return _write(
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
    return _write(
        channel,
        OutcomeForm,
        "vote",
        lambda form, where, now: at_once.take(*where, decision, outcome=form.outcome, now=now),
        "It is decided.",
    )


@pages.post("/cases/<uuid:channel>/decisions/<decision>/withdrawal")
def post_case_question_withdrawn(channel: UUID, decision: str) -> BaseResponse:
    """Take a question back."""
    return _write(
        channel,
        MaybeReasonForm,
        "vote",
        lambda form, where, now: deciding.withdraw(*where, decision, reason=form.reason, now=now),
        "Taken back.",
    )


def _write(
    channel: UUID,
    model: type[F],
    slot: str,
    write: Callable[[F, Where, datetime], object],
    done: str,
) -> BaseResponse:
    def act(form: F) -> None:
        with transaction() as session:
            desk, actor = current_office().desk(session), current_actor()
            write(form, (session, desk, actor, str(channel)), clock.utcnow())

    filled, status = attempt(model, act)
    if status is not DONE:
        return _show_case(str(channel), {slot: filled}, status)
    flash(done, "good")
    return _to_case(str(channel))


def _stated(form: AssessmentForm) -> Assessment:
    low, high = form.systems_low, form.systems_high
    if low is None and high is not None:
        raise InvalidError("say how many at least", field="systems_low")
    if low is not None and high is not None and low > high:
        raise InvalidError("fewer than at least", field="systems_high")
    counts = {} if low is None else {"system": Span(low, high if high is not None else low)}
    return Assessment(
        functional_impact=form.functional_impact,
        information_impact=form.information_impact,
        recoverability=form.recoverability,
        essential_service=_yes(form.essential_service),
        danger=form.danger,
        still_spreading=_yes(form.still_spreading),
        personal_data=form.personal_data,
        confidence=form.confidence,
        counts=counts,
    )


def _yes(word: str | None) -> bool | None:
    return None if word is None else word == "yes"


def _utc(at: datetime | None) -> datetime | None:
    """Read a time without a zone as UTC, which the page asks for."""
    if at is None:
        return None
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise InvalidError("this is no time that anybody meant") from None


def _to_case(channel: str) -> BaseResponse:
    return redirect(url_for("pages.get_case", channel=channel), HTTPStatus.SEE_OTHER)


def _show_new(filled: Filled[CaseForm] | None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return show("cases/new.html", "cases", status=status, filled=filled, labels=CAN_BE_OPENED)


def _show_case(channel: str, forms: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        us = current_office().desk(session).organisation
        case = queries.get_visible_case(session, actor, channel)
        members = queries.visible_organisations(session, actor, channel, us=us)
        decisions = queries.visible_decisions(session, actor, channel, us=us)
        said = queries.visible_case_words(session, actor, channel)
        picture = joining.visible_picture(session, actor, channel)
        summary = get_visible_summary(session, actor, channel)
        pending = len(visible_pending(session, actor, channel, now=now))
    names = {one.organisation: one.name for one in members}
    own = next((one for one in members if one.is_us), None)
    runs = case.is_ours and bool(actor.may(Right.RUN_CASES))
    is_over = case.state in {"declined", "closed", "merged"}
    readers = [one.name for one in members if not one.is_us]
    return show(
        "cases/case.html",
        "cases",
        status=status,
        now=now,
        case=case,
        standing=summary.standing.value,
        members=members,
        silent=[one for one in members if one.is_silent and not one.is_us and not one.coordinates],
        pending=pending,
        own=own,
        readers=readers,
        decisions=decisions,
        said=[one for one in said if one.text],
        picture=picture,
        changes=shown.would_change(picture.told.would_change, names)[:20],
        knows_more=picture.knows_more,
        words=shown,
        names=names,
        levels=list(Level),
        runs=runs and not is_over,
        may_reopen=runs and case.state in {"declined", "closed"},
        states_own=own is not None
        and own.takes_part
        and not is_over
        and bool(actor.may(Right.CONTRIBUTE)),
        may_vote=not is_over and bool(actor.may(Right.VOTE)),
        abstained=ABSTAINED,
        forms=forms,
    )

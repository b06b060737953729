"""Reports: what was seen, told to a coordinator, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

from flask import Response, flash, redirect, url_for
from pydantic import StringConstraints
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from federation.ledgers.desk import Desk
from federation.partners import partners
from hub import clock
from hub.accounts.actor import Actor
from hub.accounts.current import current_actor
from hub.audit import service as audit
from hub.channels import queries as channels
from hub.office import current_office
from hub.reports import exchange, intel, queries, recording
from hub.reports.queries import local_of, waits
from hub.reports.recording import Said
from hub.web import report_words as shown
from hub.web.acting import DONE, attempt
from hub.web.forms import Filled, PageForm
from hub.web.frame import pages, show
from policies.acts import ChannelKind
from policies.errors import InvalidError
from policies.reports import (
    Attribution,
    Certainty,
    FalseAlarm,
    LocalStep,
    ReportKind,
    ReportOutcome,
    ReportState,
    Triage,
    open_steps,
)
from policies.roles import Right
from policies.tlp import TLP
from sharing.db import reading, transaction

Title = Annotated[str, StringConstraints(max_length=recording.MAX_TITLE_CHARACTERS)]
Text = Annotated[str, StringConstraints(max_length=recording.MAX_TEXT_CHARACTERS)]
Organisation = Annotated[str, StringConstraints(max_length=60)]
Pasted = Annotated[str, StringConstraints(max_length=intel.MAX_PASTED_CHARACTERS)]
Category = Annotated[str, StringConstraints(max_length=64)]

LABELS: Final = tuple(TLP)
_ANSWERABLE: Final = frozenset(ReportState) - {ReportState.CLOSED, ReportState.WITHDRAWN}


class ReportForm(PageForm):
    """What was seen."""

    title: Title
    text: Text
    kind: ReportKind
    certainty: Certainty = Certainty.SUSPECTED
    category: Category | None = None
    tlp: TLP = TLP.AMBER
    occurred_at: datetime | None = None
    discovered_at: datetime | None = None
    pasted: Pasted | None = None
    to: Organisation | None = None


class SubmissionForm(PageForm):
    """To whom a report goes, and how they may pass it on."""

    to: Organisation
    attribution: Attribution = Attribution.NAMED
    text: Text | None = None
    tlp: TLP | None = None
    help_wanted: Literal["yes"] | None = None


class StepForm(PageForm):
    """What becomes of a report here."""

    step: LocalStep
    reason: Text | None = None


class AcknowledgementForm(PageForm):
    """That a report has arrived."""

    text: Text | None = None
    next_contact: datetime | None = None


class TriageForm(PageForm):
    """What a report is taken for."""

    taken_for: Triage
    false_alarm: FalseAlarm | None = None
    text: Text | None = None


class LinkForm(PageForm):
    """The case that a report becomes part of."""

    case: Annotated[str, StringConstraints(max_length=36)]


class ClosingForm(PageForm):
    """What became of a report."""

    outcome: ReportOutcome
    text: Text | None = None


class WordsForm(PageForm):
    """Something to say about a report."""

    text: Text


class ReasonForm(PageForm):
    """Why, where somebody wants to say it."""

    text: Text | None = None


F = TypeVar("F", bound=PageForm)


@pages.get("/reports")
def get_reports() -> Response:
    """Show what came to us, what waits here, and what we have sent."""
    actor, now = current_actor(), clock.utcnow()
    actor.may(Right.READ_CHANNELS).enforce()
    with reading() as session:
        us = current_office().desk(session).organisation
        incoming = queries.visible_incoming(session, actor, us=us)
        outgoing = queries.visible_outgoing(session, actor, us=us)
        local = queries.visible_locals(session, actor)
    incoming.sort(key=lambda one: not waits(one))
    return show(
        "reports/list.html",
        "reports",
        now=now,
        incoming=incoming,
        outgoing=outgoing,
        local=local,
        words=shown,
        may_record=bool(actor.may(Right.CONTRIBUTE)),
    )


@pages.get("/reports/new")
def get_new_report() -> Response:
    """Show the form for what was seen."""
    current_actor().may(Right.CONTRIBUTE).enforce()
    return _show_new(None)


@pages.post("/reports")
def post_report() -> BaseResponse:
    """Record what was seen; submit it at once where somebody says to whom."""
    recorded: list[str] = []

    def act(form: ReportForm) -> None:
        with transaction() as session:
            desk, actor, now = current_office().desk(session), current_actor(), clock.utcnow()
            report = recording.record(session, actor, _said(form), now=now).id
            if form.to is not None:
                exchange.submit(session, desk, actor, report, to=form.to, now=now)
            recorded.append(report)

    filled, status = attempt(ReportForm, act)
    if status is not DONE:
        return _show_new(filled, status)
    sent = filled.form is not None and filled.form.to is not None
    flash("It is on its way." if sent else "It is recorded. Nobody else has read it.", "good")
    return _to_local(recorded[0])


@pages.get("/reports/here/<uuid:report>")
def get_local_report(report: UUID) -> BaseResponse:
    """Show a report that was recorded here; once it was submitted, lead to that."""
    return _show_local(str(report), None, None)


@pages.post("/reports/here/<uuid:report>/submission")
def post_report_submission(report: UUID) -> BaseResponse:
    """Submit a report to a partner that coordinates."""

    def act(form: SubmissionForm) -> None:
        with transaction() as session:
            exchange.submit(
                session,
                current_office().desk(session),
                current_actor(),
                str(report),
                to=form.to,
                attribution=form.attribution,
                text=form.text,
                tlp=form.tlp,
                help_wanted=form.help_wanted is not None,
                now=clock.utcnow(),
            )

    filled, status = attempt(SubmissionForm, act)
    if status is not DONE:
        return _show_local(str(report), filled, None, status)
    flash("It is on its way.", "good")
    return _to_local(str(report))


@pages.post("/reports/here/<uuid:report>/steps")
def post_report_step(report: UUID) -> BaseResponse:
    """Discard a report, handle it here alone, or take it up again."""

    def act(form: StepForm) -> None:
        with transaction() as session:
            recording.set_aside(
                session,
                current_actor(),
                str(report),
                form.step,
                reason=form.reason,
                now=clock.utcnow(),
            )

    filled, status = attempt(StepForm, act)
    if status is not DONE:
        return _show_local(str(report), None, filled, status)
    return _to_local(str(report))


@pages.post("/reports/here/<uuid:report>/changes")
def post_report_change(report: UUID) -> BaseResponse:
    """Say it otherwise, or what it is: as long as it was not submitted."""

    def act(form: ReportForm) -> None:
        with transaction() as session:
            actor, now = current_actor(), clock.utcnow()
            recording.change(session, actor, str(report), _said(form), now=now)
            recording.assess(
                session,
                actor,
                str(report),
                kind=form.kind,
                certainty=form.certainty,
                category=form.category,
                now=now,
            )

    filled, status = attempt(ReportForm, act)
    if status is not DONE:
        return _show_local(str(report), None, None, status, change=filled)
    flash("Kept.", "good")
    return _to_local(str(report))


@pages.get("/reports/<uuid:channel>/<report>")
def get_report(channel: UUID, report: str) -> Response:
    """Show a report between two organisations, and what may be done with it."""
    response = _show_report(str(channel), report, {})
    with transaction() as session:
        what = f"{channel} {report[:60]}"
        audit.record(session, current_actor(), "report.read", what, now=clock.utcnow())
    return response


@pages.post("/reports/<uuid:channel>/<report>/acknowledgement")
def post_report_acknowledgement(channel: UUID, report: str) -> BaseResponse:
    """Say that a report has arrived."""
    return _write(
        channel,
        report,
        AcknowledgementForm,
        "acknowledge",
        lambda form, where, now: exchange.acknowledge(
            *where, text=form.text, next_contact=_utc(form.next_contact), now=now
        ),
        "They know that you have it.",
    )


@pages.post("/reports/<uuid:channel>/<report>/triage")
def post_report_triage(channel: UUID, report: str) -> BaseResponse:
    """Say what a report is taken for."""
    return _write(
        channel,
        report,
        TriageForm,
        "triage",
        lambda form, where, now: exchange.triage(
            *where,
            taken_for=form.taken_for,
            false_alarm=form.false_alarm,
            text=form.text,
            now=now,
        ),
        "They are told what you take it for.",
    )


@pages.post("/reports/<uuid:channel>/<report>/link")
def post_report_link(channel: UUID, report: str) -> BaseResponse:
    """Make a report part of a case."""
    return _write(
        channel,
        report,
        LinkForm,
        "link",
        lambda form, where, now: exchange.link(*where, case=form.case, now=now),
        "It is part of that case. They are told which only where they have a part in it.",
    )


@pages.post("/reports/<uuid:channel>/<report>/closing")
def post_report_closing(channel: UUID, report: str) -> BaseResponse:
    """Close a report, with what became of it."""
    return _write(
        channel,
        report,
        ClosingForm,
        "close",
        lambda form, where, now: exchange.close(
            *where, outcome=form.outcome, text=form.text, now=now
        ),
        "Closed. They are told what became of it.",
    )


@pages.post("/reports/<uuid:channel>/<report>/reopening")
def post_report_reopening(channel: UUID, report: str) -> BaseResponse:
    """Open a report again."""
    return _write(
        channel,
        report,
        WordsForm,
        "reopen",
        lambda form, where, now: exchange.reopen(*where, text=form.text, now=now),
        "It is open again.",
    )


@pages.post("/reports/<uuid:channel>/<report>/additions")
def post_report_addition(channel: UUID, report: str) -> BaseResponse:
    """Add something to a report of ours."""
    return _write(
        channel,
        report,
        WordsForm,
        "add",
        lambda form, where, now: exchange.add(*where, text=form.text, now=now),
        "Added.",
    )


@pages.post("/reports/<uuid:channel>/<report>/question")
def post_report_question(channel: UUID, report: str) -> BaseResponse:
    """Not leave it at how a report of ours was closed."""
    return _write(
        channel,
        report,
        WordsForm,
        "ask",
        lambda form, where, now: exchange.ask_again(*where, text=form.text, now=now),
        "They are asked to look again.",
    )


@pages.post("/reports/<uuid:channel>/<report>/withdrawal")
def post_report_withdrawal(channel: UUID, report: str) -> BaseResponse:
    """Withdraw a report of ours."""
    return _write(
        channel,
        report,
        ReasonForm,
        "withdraw",
        lambda form, where, now: exchange.withdraw(*where, reason=form.text, now=now),
        "Withdrawn.",
    )


Where = tuple[Session, Desk, Actor, str, str]


def _write(
    channel: UUID,
    report: str,
    model: type[F],
    slot: str,
    write: Callable[[F, Where, datetime], object],
    done: str,
) -> BaseResponse:
    def act(form: F) -> None:
        with transaction() as session:
            desk, actor = current_office().desk(session), current_actor()
            write(form, (session, desk, actor, str(channel), report), clock.utcnow())

    filled, status = attempt(model, act)
    if status is not DONE:
        return _show_report(str(channel), report, {slot: filled}, status)
    flash(done, "good")
    address = url_for("pages.get_report", channel=channel, report=report)
    return redirect(address, HTTPStatus.SEE_OTHER)


def _said(form: ReportForm) -> Said:
    return Said(
        kind=form.kind,
        title=form.title,
        text=form.text,
        certainty=form.certainty,
        category=form.category,
        tlp=form.tlp,
        occurred_at=_utc(form.occurred_at),
        discovered_at=_utc(form.discovered_at),
        pasted=form.pasted,
    )


def _utc(at: datetime | None) -> datetime | None:
    """Read a time without a zone as UTC, which the page asks for."""
    if at is None:
        return None
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise InvalidError("this is no time that anybody meant") from None


def _to_local(report: str) -> BaseResponse:
    return redirect(url_for("pages.get_local_report", report=report), HTTPStatus.SEE_OTHER)


def _recipients(session: Session) -> list[tuple[str, str]]:
    return [(one.organisation, one.name) for one in partners.partners(session) if one.active]


def _show_new(filled: Filled[ReportForm] | None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    with reading() as session:
        recipients = _recipients(session)
    return show(
        "reports/new.html",
        "reports",
        status=status,
        filled=filled,
        recipients=recipients,
        words=shown,
        labels=LABELS,
    )


def _show_local(
    report: str,
    submission: Filled[SubmissionForm] | None,
    step: Filled[StepForm] | None,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    change: Filled[ReportForm] | None = None,
) -> BaseResponse:
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        row = local_of(queries.get_local(session, actor, report))
        us = current_office().desk(session).organisation
        recipients = _recipients(session)
        sent = [
            one
            for one in queries.visible_outgoing(session, actor, us=us)
            if one.report == row.report
        ]
    if sent and status is HTTPStatus.OK:
        address = url_for("pages.get_report", channel=sent[0].channel, report=sent[0].report)
        return redirect(address, HTTPStatus.SEE_OTHER)
    may_act = bool(actor.may(Right.CONTRIBUTE))
    return show(
        "reports/local.html",
        "reports",
        status=status,
        now=now,
        report=row,
        state=shown.local_state_of(row),
        steps={one.value for one in open_steps(row.state)} if may_act else set(),
        recipients=recipients,
        intel=intel.find_intel(row.text, row.pasted),
        submission=submission,
        step=step,
        change=change,
        words=shown,
        labels=LABELS,
    )


def _show_report(
    channel: str, report: str, forms: dict[str, Any], status: HTTPStatus = HTTPStatus.OK
) -> Response:
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        us = current_office().desk(session).organisation
        found = queries.get_travelled(session, actor, channel, report, us=us)
        said = queries.visible_words(session, actor, found)
        indicators = queries.visible_indicators(session, actor, found)
        alike = [] if found.is_ours else queries.visible_alike(session, actor, found, us=us)
        cases = [
            (one.id, one.name)
            for one in channels.visible_channels(session, actor)
            if one.kind is ChannelKind.CASE and one.is_ours
        ]
    answers = not found.is_ours and bool(actor.may(Right.RUN_CASES))
    writes = found.is_ours and bool(actor.may(Right.CONTRIBUTE))
    return show(
        "reports/report.html",
        "reports",
        status=status,
        now=now,
        report=found,
        state=shown.state_of(found),
        sentence=shown.sentence_of(found),
        said=said,
        indicators=indicators,
        alike=alike,
        cases=cases,
        is_open=found.state in _ANSWERABLE,
        may_answer=answers,
        may_write=writes and found.state is not ReportState.WITHDRAWN,
        forms=forms,
        words=shown,
    )

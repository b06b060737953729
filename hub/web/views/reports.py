"""Reports: what was seen, told to a coordinator, and what it answers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Response, flash, redirect, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from federation.partners import partners
from hub import clock
from hub.accounts.current import current_actor
from hub.audit import service as audit
from hub.channels import queries as channels
from hub.community.directory_queries import visible_contacts
from hub.office import current_office
from hub.reports import exchange, intel, queries, recorded, recording
from hub.reports.alike import visible_alike
from hub.reports.late import answer_by
from hub.reports.publishing import is_near_miss, visible_published
from hub.reports.queries import waits
from hub.reports.recorded import local_of
from hub.reports.recording import Said
from hub.web import directory_words
from hub.web import report_words as shown
from hub.web.acting import DONE, attempt
from hub.web.forms import Filled, as_utc
from hub.web.frame import pages, show
from hub.web.report_forms import (
    ReportForm,
    StepForm,
    SubmissionForm,
)
from hub.web.seeing import direct_to, seeing_for
from policies.acts import ChannelKind
from policies.reports import (
    ReportState,
    open_steps,
)
from policies.roles import Right
from policies.tlp import TLP
from sharing.db import reading, transaction

LABELS: Final = tuple(TLP)
_ANSWERABLE: Final = frozenset(ReportState) - {ReportState.CLOSED, ReportState.WITHDRAWN}


@pages.get("/reports")
def get_reports() -> Response:
    """Show what came to us, what waits here, and what we have sent."""
    actor, now = current_actor(), clock.utcnow()
    actor.may(Right.READ_CHANNELS).enforce()
    with reading() as session:
        us = current_office().desk(session).organisation
        incoming = queries.visible_incoming(session, actor, us=us)
        outgoing = queries.visible_outgoing(session, actor, us=us)
        local = recorded.visible_locals(session, actor)
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

    filled, status = attempt(ReportForm, act, shares=True)
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
                observed_too=form.observed_too is not None,
                now=clock.utcnow(),
            )

    filled, status = attempt(SubmissionForm, act, shares=True)
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
    response = show_report(str(channel), report, {})
    with transaction() as session:
        what = f"{channel} {report[:60]}"
        audit.record(session, current_actor(), "report.read", what, now=clock.utcnow())
    return response


def _said(form: ReportForm) -> Said:
    return Said(
        kind=form.kind,
        title=form.title,
        text=form.text,
        certainty=form.certainty,
        category=form.category,
        tlp=form.tlp,
        occurred_at=as_utc(form.occurred_at),
        discovered_at=as_utc(form.discovered_at),
        pasted=form.pasted,
    )


def _to_local(report: str) -> BaseResponse:
    return redirect(url_for("pages.get_local_report", report=report), HTTPStatus.SEE_OTHER)


def _recipients(session: Session) -> list[tuple[str, str]]:
    return [(one.organisation, one.name) for one in partners.partners(session) if one.active]


def _show_new(filled: Filled[ReportForm] | None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    with reading() as session:
        recipients = _recipients(session)
        seeing = seeing_for(session, filled, ())
    return show(
        "reports/new.html",
        "reports",
        status=status,
        filled=filled,
        recipients=recipients,
        seeing=seeing,
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
        row = local_of(recorded.get_local(session, actor, report))
        us = current_office().desk(session).organisation
        recipients = _recipients(session)
        seeing = seeing_for(session, submission, recipients)
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
        seeing=seeing,
        intel=intel.find_intel(row.text, row.pasted),
        submission=submission,
        step=step,
        change=change,
        words=shown,
        labels=LABELS,
    )


def show_report(
    channel: str, report: str, forms: dict[str, Any], status: HTTPStatus = HTTPStatus.OK
) -> Response:
    """Show a report between two organisations, with the forms that came back."""
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        us = current_office().desk(session).organisation
        found = queries.get_travelled(session, actor, channel, report, us=us)
        seeing = direct_to(session, found.addressee if found.is_ours else found.reporter, us=us)
        said = queries.visible_words(session, actor, found)
        indicators = queries.visible_indicators(session, actor, found)
        alike = [] if found.is_ours else visible_alike(session, actor, found, us=us)
        cases = [
            (one.id, one.name)
            for one in channels.visible_channels(session, actor)
            if one.kind is ChannelKind.CASE and one.is_ours
        ]
        until = answer_by(session, [found], us=us).get((channel, report))
        late = until is not None and until < now and found.is_ours
        whom = [found.addressee] if late else []
        people = visible_contacts(session, actor, whom, us=us, now=now)
        published = visible_published(session, actor, channel, report)
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
        seeing=seeing,
        published=published,
        answer_by=until,
        people=people.get(found.addressee, ()),
        directory_words=directory_words,
        may_publish=answers and is_near_miss(found),
        may_write=writes and found.state is not ReportState.WITHDRAWN,
        forms=forms,
        words=shown,
    )

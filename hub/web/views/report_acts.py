"""What people do with a report between two organisations: one form for each act."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar
from uuid import UUID

from flask import flash, redirect, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from federation.ledgers.desk import Desk
from hub import clock
from hub.accounts.actor import Actor
from hub.accounts.current import current_actor
from hub.office import current_office
from hub.reports import exchange
from hub.web.acting import DONE, attempt
from hub.web.forms import PageForm, as_utc
from hub.web.frame import pages
from hub.web.report_forms import (
    AcknowledgementForm,
    ClosingForm,
    LinkForm,
    ReasonForm,
    TriageForm,
    WordsForm,
)
from hub.web.views.reports import show_report
from sharing.db import transaction

F = TypeVar("F", bound=PageForm)


@pages.post("/reports/<uuid:channel>/<report>/acknowledgement")
def post_report_acknowledgement(channel: UUID, report: str) -> BaseResponse:
    """Say that a report has arrived."""
    return _write(
        channel,
        report,
        AcknowledgementForm,
        "acknowledge",
        lambda form, where, now: exchange.acknowledge(
            *where, text=form.text, next_contact=as_utc(form.next_contact), now=now
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

    filled, status = attempt(model, act, shares=True)
    if status is not DONE:
        return show_report(str(channel), report, {slot: filled}, status)
    flash(done, "good")
    address = url_for("pages.get_report", channel=channel, report=report)
    return redirect(address, HTTPStatus.SEE_OTHER)

"""`/api/v1/reports/travelled`: what stands between two organisations, and its answers."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from hub.accounts.actor import Actor
from hub.api import reports
from hub.api.channel_models import WrittenOut
from hub.api.frame import Call
from hub.api.report_models import (
    ClosingIn,
    LinkIn,
    ReportAcknowledgementIn,
    TravelledOut,
    TriageIn,
    WithdrawalIn,
    WordsIn,
    travelled_document,
    written_report,
)
from hub.office import current_office
from hub.reports import exchange, queries
from hub.reports.alike import visible_alike
from hub.reports.late import answer_by
from policies.acts import Act

resource = reports.resource
"""The same: these addresses lie below its own."""


@resource.reads("/travelled/<channel>/<report>", gives=TravelledOut, audited="report.read")
def get_report_travelled(call: Call, channel: str, report: str) -> TravelledOut:
    """Give a report between two organisations, with its words, indicators and reports alike."""
    us = current_office().desk(call.session).organisation
    return travelled_with_words(call.session, call.actor, channel, report, us=us)


@resource.writes(
    "POST",
    "/travelled/<channel>/<report>/acknowledgement",
    takes=ReportAcknowledgementIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="report.acknowledged",
)
def post_report_acknowledgement(
    call: Call, channel: str, report: str, body: ReportAcknowledgementIn
) -> WrittenOut:
    """Say that a report has arrived, under a reference that no other report has."""
    return _written(
        call,
        Act.REPORT_ACKNOWLEDGED,
        lambda desk: exchange.acknowledge(
            call.session,
            desk,
            call.actor,
            channel,
            report,
            reference=body.reference,
            next_contact=body.next_contact,
            text=body.text,
            now=call.now,
        ),
    )


@resource.writes(
    "POST",
    "/travelled/<channel>/<report>/triage",
    takes=TriageIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="report.triaged",
)
def post_report_triage(call: Call, channel: str, report: str, body: TriageIn) -> WrittenOut:
    """Say what a report is taken for."""
    return _written(
        call,
        Act.REPORT_TRIAGED,
        lambda desk: exchange.triage(
            call.session,
            desk,
            call.actor,
            channel,
            report,
            taken_for=body.taken_for,
            false_alarm=body.false_alarm,
            text=body.text,
            now=call.now,
        ),
    )


@resource.writes(
    "POST",
    "/travelled/<channel>/<report>/link",
    takes=LinkIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="report.linked",
)
def post_report_link(call: Call, channel: str, report: str, body: LinkIn) -> WrittenOut:
    """Make a report part of a case of ours; the reporter reads which if it is invited to it."""
    return _written(
        call,
        Act.REPORT_LINKED,
        lambda desk: exchange.link(
            call.session,
            desk,
            call.actor,
            channel,
            report,
            case=body.case,
            now=call.now,
        ),
    )


@resource.writes(
    "POST",
    "/travelled/<channel>/<report>/closing",
    takes=ClosingIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="report.closed",
)
def post_report_closing(call: Call, channel: str, report: str, body: ClosingIn) -> WrittenOut:
    """Close a report, with what became of it."""
    return _written(
        call,
        Act.REPORT_CLOSED,
        lambda desk: exchange.close(
            call.session,
            desk,
            call.actor,
            channel,
            report,
            outcome=body.outcome,
            text=body.text,
            now=call.now,
        ),
    )


@resource.writes(
    "POST",
    "/travelled/<channel>/<report>/reopening",
    takes=WordsIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="report.reopened",
)
def post_report_travelled_reopening(
    call: Call, channel: str, report: str, body: WordsIn
) -> WrittenOut:
    """Take up again what we have closed."""
    return _written(
        call,
        Act.REPORT_REOPENED,
        lambda desk: exchange.reopen(
            call.session,
            desk,
            call.actor,
            channel,
            report,
            text=body.text,
            now=call.now,
        ),
    )


@resource.writes(
    "POST",
    "/travelled/<channel>/<report>/addition",
    takes=WordsIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="report.updated",
)
def post_report_addition(call: Call, channel: str, report: str, body: WordsIn) -> WrittenOut:
    """Add something to a report of ours."""
    return _written(
        call,
        Act.REPORT_UPDATED,
        lambda desk: exchange.add(
            call.session,
            desk,
            call.actor,
            channel,
            report,
            text=body.text,
            now=call.now,
        ),
    )


@resource.writes(
    "POST",
    "/travelled/<channel>/<report>/withdrawal",
    takes=WithdrawalIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="report.withdrawn",
)
def post_report_withdrawal(call: Call, channel: str, report: str, body: WithdrawalIn) -> WrittenOut:
    """Withdraw a report of ours; its words go by recalling them."""
    return _written(
        call,
        Act.REPORT_WITHDRAWN,
        lambda desk: exchange.withdraw(
            call.session,
            desk,
            call.actor,
            channel,
            report,
            reason=body.reason,
            now=call.now,
        ),
    )


@resource.writes(
    "POST",
    "/travelled/<channel>/<report>/asking-again",
    takes=WordsIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="report.reopened",
)
def post_report_asking_again(call: Call, channel: str, report: str, body: WordsIn) -> WrittenOut:
    """Not leave it at how a report of ours was closed."""
    return _written(
        call,
        Act.REPORT_REOPENED,
        lambda desk: exchange.ask_again(
            call.session,
            desk,
            call.actor,
            channel,
            report,
            text=body.text,
            now=call.now,
        ),
    )


def travelled_with_words(
    session: Session, actor: Actor, channel: str, report: str, *, us: str
) -> TravelledOut:
    """Give a report between two organisations with all that this person may read of it."""
    found = queries.get_travelled(session, actor, channel, report, us=us)
    return travelled_document(
        found,
        words=queries.visible_words(session, actor, found),
        indicators=queries.visible_indicators(session, actor, found),
        alike=visible_alike(session, actor, found, us=us),
        answer_by=answer_by(session, [found], us=us).get((channel, report)),
    )


def _written(call: Call, act: Act, write: Callable[[Desk], Written]) -> WrittenOut:
    return written_report(act, write(current_office().desk(call.session)))

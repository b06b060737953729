"""`/api/v1/reports`: recorded here, sent to a coordinator, answered by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus

from sqlalchemy.orm import Session

from federation.ledgers.desk import Desk
from hub.accounts.actor import Actor
from hub.api.channel_models import WrittenOut
from hub.api.frame import PREFIX, Call, Resource
from hub.api.paging import PageQuery, cut, read_cursor, write_cursor
from hub.api.report_models import (
    AssessmentIn,
    HandlingIn,
    LocalQuery,
    LocalReportChangeIn,
    LocalReportIn,
    LocalReportOut,
    LocalReportsOut,
    SubmissionIn,
    TravelledsOut,
    WhyIn,
    local_document,
    local_line,
    travelled_line,
    written_report,
)
from hub.office import current_office
from hub.reports import exchange, queries, recorded, recording
from hub.reports.queries import Place, Travelled
from hub.reports.recording import Said
from policies.acts import Act
from policies.errors import InvalidError
from policies.reports import LocalState, LocalStep

resource = Resource("reports")


@resource.reads("", gives=LocalReportsOut, query=LocalQuery)
def get_reports(call: Call, query: LocalQuery) -> LocalReportsOut:
    """Give what was recorded here, newest first."""
    after = read_cursor(query.cursor, str, str)
    rows, more = cut(
        recorded.visible_recorded(
            call.session,
            call.actor,
            states=(query.state,) if query.state is not None else tuple(LocalState),
            before=(_read_at(after[0]), after[1]) if after else None,
            limit=query.limit + 1,
        ),
        query.limit,
    )
    return LocalReportsOut(
        items=[local_line(row) for row in rows],
        next=write_cursor(rows[-1].recorded_at.isoformat(), rows[-1].id) if more else None,
    )


@resource.writes(
    "POST",
    "",
    takes=LocalReportIn,
    gives=LocalReportOut,
    status=HTTPStatus.CREATED,
    action="report.recorded",
)
def post_report(call: Call, body: LocalReportIn) -> tuple[LocalReportOut, str]:
    """Record a report on this node; nobody else hears of it."""
    row = recording.record(call.session, call.actor, _said(body), now=call.now)
    return _local(call, row.id), f"{PREFIX}/reports/{row.id}"


@resource.reads("/incoming", gives=TravelledsOut, query=PageQuery)
def get_reports_incoming(call: Call, query: PageQuery) -> TravelledsOut:
    """Give the reports that came to us, newest first: by when they came."""
    rows = queries.visible_incoming(
        call.session,
        call.actor,
        us=_desk(call.session).organisation,
        before=_place(query),
        limit=query.limit + 1,
    )
    return _page(rows, query)


@resource.reads("/outgoing", gives=TravelledsOut, query=PageQuery)
def get_reports_outgoing(call: Call, query: PageQuery) -> TravelledsOut:
    """Give the reports that we have submitted, newest first."""
    rows = queries.visible_outgoing(
        call.session,
        call.actor,
        us=_desk(call.session).organisation,
        before=_place(query),
        limit=query.limit + 1,
    )
    return _page(rows, query)


@resource.reads("/<report>", gives=LocalReportOut, audited="report.read")
def get_report(call: Call, report: str) -> LocalReportOut:
    """Give one report that was recorded here."""
    return _local(call, report)


@resource.writes(
    "PUT", "/<report>", takes=LocalReportChangeIn, gives=LocalReportOut, action="report.changed"
)
def put_report(call: Call, report: str, body: LocalReportChangeIn) -> LocalReportOut:
    """Say the whole of it otherwise, as long as it was neither submitted nor set aside."""
    recording.change(
        call.session, call.actor, report, _said(body), version=body.version, now=call.now
    )
    return _local(call, report)


@resource.writes(
    "POST",
    "/<report>/assessment",
    takes=AssessmentIn,
    gives=LocalReportOut,
    action="report.assessed",
)
def post_report_assessment(call: Call, report: str, body: AssessmentIn) -> LocalReportOut:
    """Say what it is: event, incident, vulnerability or near-miss; actual or suspected."""
    recording.assess(
        call.session,
        call.actor,
        report,
        kind=body.kind,
        certainty=body.certainty,
        category=body.category,
        now=call.now,
    )
    return _local(call, report)


@resource.writes(
    "POST", "/<report>/discard", takes=WhyIn, gives=LocalReportOut, action="report.discard"
)
def post_report_discard(call: Call, report: str, body: WhyIn) -> LocalReportOut:
    """Set it aside as a false alarm."""
    return _set_aside(call, report, LocalStep.DISCARD, body.reason)


@resource.writes(
    "POST", "/<report>/handling", takes=HandlingIn, gives=LocalReportOut, action="report.handle"
)
def post_report_handling(call: Call, report: str, body: HandlingIn) -> LocalReportOut:
    """Handle it here alone, once it was assessed."""
    return _set_aside(call, report, LocalStep.HANDLE, body.reason)


@resource.writes(
    "POST", "/<report>/reopening", takes=WhyIn, gives=LocalReportOut, action="report.reopen"
)
def post_report_reopening(call: Call, report: str, body: WhyIn) -> LocalReportOut:
    """Take up again what was set aside."""
    return _set_aside(call, report, LocalStep.REOPEN, body.reason)


@resource.writes(
    "POST",
    "/<report>/submission",
    takes=SubmissionIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="report.submitted",
)
def post_report_submission(call: Call, report: str, body: SubmissionIn) -> tuple[WrittenOut, str]:
    """Submit it to a partner that coordinates, through our direct channel to it."""
    written = exchange.submit(
        call.session,
        _desk(call.session),
        call.actor,
        report,
        to=body.to,
        attribution=body.attribution,
        title=body.title,
        text=body.text,
        tlp=body.tlp,
        help_wanted=body.help_wanted,
        observed_too=body.observed_too,
        now=call.now,
    )
    document = written_report(Act.REPORT_SUBMITTED, written)
    known_as = recorded.get_local(call.session, call.actor, report).report
    return document, f"{PREFIX}/reports/travelled/{document.channel}/{known_as}"


def local_with_channel(session: Session, actor: Actor, report: str, *, us: str) -> LocalReportOut:
    """Give a recorded report, and in which channel it was submitted."""
    local = recorded.local_of(recorded.get_local(session, actor, report))
    return local_document(local, recorded.find_channel_of(session, local, us=us))


def _set_aside(call: Call, report: str, taken: LocalStep, reason: str | None) -> LocalReportOut:
    recording.set_aside(call.session, call.actor, report, taken, reason=reason, now=call.now)
    return _local(call, report)


def _local(call: Call, report: str) -> LocalReportOut:
    us = _desk(call.session).organisation
    return local_with_channel(call.session, call.actor, report, us=us)


def _said(body: LocalReportIn) -> Said:
    return Said(
        kind=body.kind,
        title=body.title,
        text=body.text,
        certainty=body.certainty,
        category=body.category,
        tlp=body.tlp,
        occurred_at=body.occurred_at,
        discovered_at=body.discovered_at,
        pasted=body.pasted,
    )


def _place(query: PageQuery) -> Place | None:
    after = read_cursor(query.cursor, str, str, str)
    return (_read_at(after[0]), after[1], after[2]) if after else None


def _page(rows: Sequence[Travelled], query: PageQuery) -> TravelledsOut:
    shown, more = cut(rows, query.limit)
    following = None
    if more:
        last = shown[-1]
        following = write_cursor(last.received_at.isoformat(), last.channel, last.report)
    return TravelledsOut(items=[travelled_line(row) for row in shown], next=following)


def _read_at(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidError(
        "this cursor is none of ours",
        field="query.cursor",
        hint="Take `next` of the page before as it is.",
    )


def _desk(session: Session) -> Desk:
    return current_office().desk(session)

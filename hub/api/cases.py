"""`/api/v1/cases`: how a case stands, what organisations state in it, what is decided."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from federation.ledgers.channels import Written
from hub.api.case_documents import case_line, case_of, written_in
from hub.api.case_models import (
    CaseIn,
    CaseOut,
    CasesOut,
    ClosureIn,
    ControlIn,
    CrisisIn,
    DoneIn,
    JointIn,
    MaybeIn,
    OwnStatementIn,
    QuestionIn,
    QuestionOut,
    RecoveryIn,
    ResponseIn,
)
from hub.api.channel_models import WrittenOut
from hub.api.frame import PREFIX, Call, Resource
from hub.api.listing import moment_of, oldest_first
from hub.api.paging import PageQuery, cut, read_cursor, write_cursor
from hub.api.votes import add_votes
from hub.cases import at_once, course, deciding, joining, own_words, queries
from hub.office import current_office
from policies.acts import Act
from policies.assessment import read_assessment
from policies.decisions import By, DecisionRule

CREATED: Final = HTTPStatus.CREATED

resource = Resource("cases")


@resource.reads("", gives=CasesOut, query=PageQuery)
def get_cases(call: Call, query: PageQuery) -> CasesOut:
    """Give the cases, the newest changed first."""
    key = read_cursor(query.cursor, int, str)
    after = (moment_of(key[0]), key[1]) if key else None
    found = queries.visible_cases(call.session, call.actor, after=after, limit=query.limit + 1)
    rows, more = cut(found, query.limit)
    last = write_cursor(oldest_first(rows[-1].changed_at), rows[-1].channel) if more else None
    return CasesOut(items=[case_line(row) for row in rows], next=last)


@resource.writes("POST", "", takes=CaseIn, gives=CaseOut, status=CREATED, action="case.opened")
def post_case(call: Call, body: CaseIn) -> tuple[CaseOut, str]:
    """Open a case that we coordinate."""
    channel = course.open_case(
        call.session,
        current_office().desk(call.session),
        call.actor,
        title=body.title,
        text=body.text,
        ceiling=body.tlp,
        exercise=body.exercise,
        community=body.community,
        no_charter=body.no_charter,
        now=call.now,
    )
    return _case(call, channel), f"{PREFIX}/cases/{channel}"


@resource.reads("/<channel>", gives=CaseOut, audited="case.read")
def get_case(call: Call, channel: str) -> CaseOut:
    """Give one case with all that this person may read of it."""
    return _case(call, channel)


@resource.writes(
    "POST",
    "/<channel>/start",
    takes=DoneIn,
    gives=WrittenOut,
    status=CREATED,
    action="case.activated",
)
def post_case_start(call: Call, channel: str, body: DoneIn) -> WrittenOut:
    """Decide to coordinate, and start."""
    return _write(call, channel, Act.CASE_ACTIVATED, at_once.start, reason=body.reason)


@resource.writes(
    "POST",
    "/<channel>/refusal",
    takes=DoneIn,
    gives=WrittenOut,
    status=CREATED,
    action="case.declined",
)
def post_case_refusal(call: Call, channel: str, body: DoneIn) -> WrittenOut:
    """Decide not to coordinate."""
    return _write(call, channel, Act.CASE_DECLINED, at_once.decline, reason=body.reason)


@resource.writes(
    "POST",
    "/<channel>/recovery",
    takes=RecoveryIn,
    gives=WrittenOut,
    status=CREATED,
    action="case.recovered",
)
def post_case_recovery(call: Call, channel: str, body: RecoveryIn) -> WrittenOut:
    """Say that those affected have recovered."""
    return _write(
        call,
        channel,
        Act.CASE_RECOVERED,
        course.recovered,
        not_yet=sorted(set(body.not_yet)),
        reason=body.reason,
    )


@resource.writes(
    "POST",
    "/<channel>/closing",
    takes=ClosureIn,
    gives=WrittenOut,
    status=CREATED,
    action="case.closed",
)
def post_case_closing(call: Call, channel: str, body: ClosureIn) -> WrittenOut:
    """Decide to close, and close."""
    return _write(
        call, channel, Act.CASE_CLOSED, at_once.close, reason=body.reason, early=body.early
    )


@resource.writes(
    "POST",
    "/<channel>/reopening",
    takes=DoneIn,
    gives=WrittenOut,
    status=CREATED,
    action="case.reopened",
)
def post_case_reopening(call: Call, channel: str, body: DoneIn) -> WrittenOut:
    """Open a case again: new facts."""
    return _write(call, channel, Act.CASE_REOPENED, course.reopen, reason=body.reason)


@resource.writes(
    "POST",
    "/<channel>/crisis",
    takes=CrisisIn,
    gives=WrittenOut,
    status=CREATED,
    action="case.crisis_declared",
)
def post_case_crisis(call: Call, channel: str, body: CrisisIn) -> WrittenOut:
    """Declare a crisis; nobody votes on that. All who have joined are called."""
    return _write(
        call,
        channel,
        Act.CASE_CRISIS_DECLARED,
        lambda *where, **given: at_once.declare_crisis(*where, **given).written,
        reason=body.reason,
        topics=sorted(set(body.topics)),
        until=body.until,
    )


@resource.writes(
    "POST",
    "/<channel>/crisis/end",
    takes=MaybeIn,
    gives=WrittenOut,
    status=CREATED,
    action="case.crisis_ended",
)
def post_case_crisis_end(call: Call, channel: str, body: MaybeIn) -> WrittenOut:
    """End a crisis: a control review said yes, or a reason is given."""
    return _write(call, channel, Act.CASE_CRISIS_ENDED, course.end_crisis, reason=body.reason)


@resource.writes(
    "POST",
    "/<channel>/control",
    takes=ControlIn,
    gives=WrittenOut,
    status=CREATED,
    action="control.reviewed",
)
def post_case_control(call: Call, channel: str, body: ControlIn) -> WrittenOut:
    """Say whether it is under control."""
    return _write(
        call,
        channel,
        Act.CONTROL_REVIEWED,
        course.review_control,
        under_control=body.under_control,
        reason=body.reason,
        next_review=body.next_review,
    )


@resource.writes(
    "POST",
    "/<channel>/response",
    takes=ResponseIn,
    gives=WrittenOut,
    status=CREATED,
    action="response.reported",
)
def post_case_response(call: Call, channel: str, body: ResponseIn) -> WrittenOut:
    """Say how far our organisation is."""
    return _write(
        call,
        channel,
        Act.RESPONSE_REPORTED,
        own_words.respond,
        state=body.state,
        since=body.since,
        since_earliest=body.since_earliest,
        text=body.text,
        alone=body.alone,
    )


@resource.writes(
    "POST",
    "/<channel>/assessment",
    takes=OwnStatementIn,
    gives=WrittenOut,
    status=CREATED,
    action="assessment.submitted",
)
def post_case_assessment(call: Call, channel: str, body: OwnStatementIn) -> WrittenOut:
    """State how our organisation is hit; the newest counts."""
    return _write(
        call,
        channel,
        Act.ASSESSMENT_SUBMITTED,
        own_words.assess,
        assessment=read_assessment(body.assessment, at="json.assessment"),
        text=body.text,
        alone=body.alone,
    )


@resource.writes(
    "POST",
    "/<channel>/joint",
    takes=JointIn,
    gives=WrittenOut,
    status=CREATED,
    action="assessment.joined",
)
def post_case_joint(call: Call, channel: str, body: JointIn) -> WrittenOut:
    """Tell all what the assessments come to."""
    return _write(
        call,
        channel,
        Act.ASSESSMENT_JOINED,
        joining.join_assessments,
        level=body.level,
        reason=body.reason,
        seen_at=body.seen_at,
    )


@resource.writes(
    "POST",
    "/<channel>/questions",
    takes=QuestionIn,
    gives=QuestionOut,
    status=CREATED,
    action="decision.opened",
)
def post_case_question(call: Call, channel: str, body: QuestionIn) -> QuestionOut:
    """Put a question to the vote of all members that are neither observer nor authority."""
    queries.get_case_row(call.session, call.actor, channel)
    decision = deciding.ask(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        topic=body.topic,
        question=body.question,
        rule=DecisionRule(By(body.by), body.quorum),
        options=body.options,
        vote_until=body.vote_until,
        now=call.now,
    )
    return QuestionOut(channel=channel, decision=decision)


def _write(
    call: Call,
    channel: str,
    act: Act,
    use_case: Callable[..., Written],
    *named: str,
    **given: object,
) -> WrittenOut:
    queries.get_case_row(call.session, call.actor, channel)
    written = use_case(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        *named,
        now=call.now,
        **given,
    )
    return written_in(channel, act, written)


def _case(call: Call, channel: str) -> CaseOut:
    us = current_office().desk(call.session).organisation
    return case_of(call.session, call.actor, channel, us=us)


add_votes(
    resource,
    "case",
    _write,
    at_once.take,
    taken="Say what the votes have come to; coordination that starts or is declined by it, does.",
)

"""`/api/v1/cases/…/told`: what organisations tell the coordinator that can't write now."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from federation.ledgers.channels import Written
from hub.api import case_relations
from hub.api.case_documents import written_in
from hub.api.case_models import BallotIn, Stated, Text
from hub.api.channel_models import OrganisationId, WrittenOut
from hub.api.frame import Call
from hub.api.models import Form, Moment
from hub.api.relay import AbsentOut
from hub.cases import relaying, standing_in
from hub.channels import relay
from hub.channels.relay import Told
from hub.office import current_office
from policies.acts import Act
from policies.assessment import ResponseState, read_assessment

CREATED: Final = HTTPStatus.CREATED
Words = Annotated[str, Field(min_length=1, max_length=relay.MAX_NAME_CHARACTERS)]

resource = case_relations.resource


class ToldIn(Form):
    """Who told us, and how it came."""

    organisation: OrganisationId
    way: Literal["telephone", "in-person", "e-mail", "message", "other"] = "telephone"
    at: Annotated[Moment | None, Field(description="When it was said; now, if not given.")] = None
    informant: Annotated[
        Words | None, Field(description="Who told it; travels as an object that can be recalled.")
    ] = None


class ToldCaseAnswerIn(ToldIn):
    """Whether an invited organisation without a node takes part."""

    joins: bool


class ToldResponseIn(ToldIn):
    """How far an organisation says that it is."""

    state: ResponseState
    since: Annotated[Moment | None, Field(description="Since when, at the latest.")] = None
    since_earliest: Annotated[
        Moment | None, Field(description="Where that is uncertain: at the earliest.")
    ] = None
    text: Text | None = None


class ToldStatementIn(ToldIn):
    """How an organisation says that it is hit."""

    assessment: Stated
    text: Text | None = None


class ToldBallotIn(ToldIn, BallotIn):
    """How an organisation says that it votes."""


@resource.writes(
    "POST",
    "/<channel>/told/answer",
    takes=ToldCaseAnswerIn,
    gives=WrittenOut,
    status=CREATED,
    action="statement.relayed",
)
def post_case_told_answer(call: Call, channel: str, body: ToldCaseAnswerIn) -> WrittenOut:
    """Record that an invited organisation without a node takes part, or does not."""
    act = Act.MEMBER_JOINED if body.joins else Act.MEMBER_DECLINED
    return _record(call, channel, act, body, relaying.answer_for, joins=body.joins)


@resource.writes(
    "POST",
    "/<channel>/told/stand-in",
    takes=ToldIn,
    gives=AbsentOut,
    status=CREATED,
    action="statement.relayed",
)
def post_case_stand_in(call: Call, channel: str, body: ToldIn) -> AbsentOut:
    """Let an invited partner whose node is silent take part by telephone, in one step.

    Its node finds an invitation into that place, and takes it over once it works.
    """
    place = standing_in.stand_in(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        organisation=body.organisation,
        told=Told(body.way, body.at or call.now, body.informant),
        now=call.now,
    )
    return AbsentOut(channel=channel, organisation=place)


@resource.writes(
    "POST",
    "/<channel>/told/response",
    takes=ToldResponseIn,
    gives=WrittenOut,
    status=CREATED,
    action="statement.relayed",
)
def post_case_told_response(call: Call, channel: str, body: ToldResponseIn) -> WrittenOut:
    """Record how far an organisation is that can't write now; all members read it."""
    return _record(
        call,
        channel,
        Act.RESPONSE_REPORTED,
        body,
        relaying.respond_for,
        state=body.state,
        since=body.since,
        since_earliest=body.since_earliest,
        text=body.text,
    )


@resource.writes(
    "POST",
    "/<channel>/told/assessment",
    takes=ToldStatementIn,
    gives=WrittenOut,
    status=CREATED,
    action="statement.relayed",
)
def post_case_told_assessment(call: Call, channel: str, body: ToldStatementIn) -> WrittenOut:
    """Record how an organisation is hit that can't write now; all members read it."""
    return _record(
        call,
        channel,
        Act.ASSESSMENT_SUBMITTED,
        body,
        relaying.assess_for,
        assessment=read_assessment(body.assessment, at="json.assessment"),
        text=body.text,
    )


@resource.writes(
    "POST",
    "/<channel>/decisions/<decision>/told",
    takes=ToldBallotIn,
    gives=WrittenOut,
    status=CREATED,
    action="statement.relayed",
)
def post_case_told_vote(call: Call, channel: str, decision: str, body: ToldBallotIn) -> WrittenOut:
    """Record how an organisation votes that can't write now."""
    return _record(
        call,
        channel,
        Act.DECISION_VOTED,
        body,
        relaying.vote_for,
        decision,
        option=body.option,
        dissent=body.dissent,
    )


def _record(
    call: Call,
    channel: str,
    act: Act,
    body: ToldIn,
    use_case: Callable[..., Written],
    *named: str,
    **given: Any,
) -> WrittenOut:
    written = use_case(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        *named,
        organisation=body.organisation,
        told=Told(body.way, body.at or call.now, body.informant),
        now=call.now,
        **given,
    )
    return written_in(channel, act, written)

"""`/api/v1/relay`: organisations without a node, and what is said on their behalf."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import Field

from hub.api.channel_documents import written_document
from hub.api.channel_models import ChannelId, OrganisationId, Reason, Sha256, WrittenOut
from hub.api.frame import PREFIX, Call, Resource
from hub.api.models import Document, Form, Moment
from hub.channels import relay
from hub.channels.incoming import MAX_OBJECTS, read_objects
from hub.channels.relay import Told
from hub.office import current_office
from policies.acts import Act
from policies.roles import Role
from policies.tlp import TLP

Words = Annotated[str, Field(min_length=1, max_length=relay.MAX_NAME_CHARACTERS)]

resource = Resource("relay")


class AbsentIn(Form):
    """An organisation that has no node, to be invited."""

    channel: ChannelId
    name: Words
    roles: Annotated[list[Role], Field(min_length=1, max_length=6)]
    shown: Annotated[
        bool, Field(description="Whether the members read the name; else a number.")
    ] = True
    contact: Annotated[Words | None, Field(description="How to reach it; stays on this node.")] = (
        None
    )
    reply_by: Annotated[Moment | None, Field(description="In 24 hours if not given.")] = None


class AbsentOut(Document):
    """An organisation without a node, as the ledger knows it."""

    channel: str
    organisation: str


class StatementIn(Form):
    """What an organisation said that can't write now, and how it came."""

    channel: ChannelId
    organisation: OrganisationId
    act: Act
    way: Literal["telephone", "in-person", "e-mail", "message", "other"]
    at: Annotated[Moment | None, Field(description="When it was said; now, if not given.")] = None
    informant: Annotated[
        Words | None, Field(description="Who told it; travels as an object that can be recalled.")
    ] = None
    text: Annotated[str | None, Field(min_length=1, max_length=20_000)] = None
    objects: Annotated[
        list[dict[str, object]], Field(max_length=MAX_OBJECTS, description="STIX objects of ours.")
    ] = Field(default_factory=list)
    tlp: Annotated[TLP | None, Field(description="The channel's ceiling if not given.")] = None


class VerdictIn(Form):
    """Whether what was said in our name is so."""

    channel: ChannelId
    bundle: Annotated[Sha256, Field(description="Hash of the statement's bundle.")]
    answer: Literal["confirm", "dispute"]
    why: Reason | None = None


class ReleaseIn(Form):
    """An organisation whose words later members shall read."""

    channel: ChannelId
    organisation: OrganisationId


@resource.writes(
    "POST",
    "/organisations",
    takes=AbsentIn,
    gives=AbsentOut,
    status=HTTPStatus.CREATED,
    action="member.invited",
)
def post_absent(call: Call, body: AbsentIn) -> tuple[AbsentOut, str]:
    """Invite an organisation that has no node into a channel of ours."""
    organisation = relay.add_absent(
        call.session,
        current_office().desk(call.session),
        call.actor,
        body.channel,
        name=body.name,
        roles=[role.value for role in body.roles],
        shown=body.shown,
        contact=body.contact,
        reply_by=body.reply_by,
        now=call.now,
    )
    document = AbsentOut(channel=body.channel, organisation=organisation)
    return document, f"{PREFIX}/channels/{body.channel}/members"


@resource.writes(
    "POST",
    "/statements",
    takes=StatementIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="statement.relayed",
)
def post_statement(call: Call, body: StatementIn) -> WrittenOut:
    """Write what an organisation said that can't write now: our own statement, on its behalf."""
    written = relay.relay(
        call.session,
        current_office().desk(call.session),
        call.actor,
        body.channel,
        organisation=body.organisation,
        act=body.act,
        told=Told(body.way, body.at or call.now, body.informant),
        text=body.text,
        objects=read_objects(body.objects, field="json.objects", now=call.now),
        tlp=body.tlp,
        now=call.now,
    )
    return written_document(body.channel, body.act, written)


@resource.writes(
    "POST",
    "/answers",
    takes=VerdictIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="opinion.given",
)
def post_verdict(call: Call, body: VerdictIn) -> WrittenOut:
    """Confirm or dispute what a coordinator said in our name."""
    written = relay.answer(
        call.session,
        current_office().desk(call.session),
        call.actor,
        body.channel,
        body.bundle,
        confirms=body.answer == "confirm",
        why=body.why,
        now=call.now,
    )
    return written_document(body.channel, Act.OPINION_GIVEN, written)


@resource.writes(
    "POST",
    "/releases",
    takes=ReleaseIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="object.released",
)
def post_release(call: Call, body: ReleaseIn) -> WrittenOut:
    """Let later members read what we wrote on an organisation's behalf: itself among them."""
    written = relay.release_told(
        call.session,
        current_office().desk(call.session),
        call.actor,
        body.channel,
        organisation=body.organisation,
        now=call.now,
    )
    return written_document(body.channel, Act.OBJECT_RELEASED, written)

"""`/api/v1/audience`: who reads what: older matter, ceilings, limits, suspension, breakouts."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from hub.api.channel_documents import channel_document, written_document
from hub.api.channel_models import ChannelId, ChannelOut, OrganisationId, Reason, WrittenOut
from hub.api.frame import PREFIX, Call, Resource
from hub.api.models import Form
from hub.channels import audience, queries
from hub.office import current_office
from policies.acts import Act
from policies.tlp import TLP

StixId = Annotated[
    str,
    Field(
        max_length=288,
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*--[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
    ),
]
Topic = Annotated[str, Field(max_length=64, pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]

resource = Resource("audience")


class ObjectsIn(Form):
    """Older objects in a channel."""

    channel: ChannelId
    objects: Annotated[list[StixId], Field(min_length=1, max_length=1_000)]


class RequestIn(ObjectsIn):
    """Older objects that are withheld from us, and what to say to their author."""

    text: Annotated[str | None, Field(min_length=1, max_length=20_000)] = None


class CeilingIn(Form):
    """The strictest label that a channel takes."""

    channel: ChannelId
    ceiling: TLP


class LimitsIn(Form):
    """What we take in a channel from now on."""

    channel: ChannelId
    takes: Annotated[
        TLP | None, Field(description="The strictest label; anything where none is given.")
    ] = None
    topics: Annotated[list[Topic], Field(max_length=100)] = Field(default_factory=list)


class StandingIn(Form):
    """A member that is kept out for now, or taken back in."""

    channel: ChannelId
    organisation: OrganisationId
    reason: Annotated[Reason, Field(min_length=1, description="All members read it.")]


class BreakoutIn(Form):
    """A breakout of a case."""

    parent: ChannelId
    name: Annotated[str, Field(min_length=1, max_length=200)]
    tlp: TLP
    members: Annotated[list[OrganisationId], Field(min_length=1, max_length=200)]
    reason: Reason | None = None


@resource.writes(
    "POST",
    "/releases",
    takes=ObjectsIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="object.released",
)
def post_audience_release(call: Call, body: ObjectsIn) -> WrittenOut:
    """Open older objects of ours to later members."""
    return _written(
        body.channel,
        Act.OBJECT_RELEASED,
        call,
        lambda desk: audience.release(
            call.session, desk, call.actor, body.channel, objects=body.objects, now=call.now
        ),
    )


@resource.writes(
    "POST",
    "/requests",
    takes=RequestIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="release.asked",
)
def post_audience_request(call: Call, body: RequestIn) -> WrittenOut:
    """Ask the author of withheld objects to release them."""
    return _written(
        body.channel,
        Act.NOTE_ADDED,
        call,
        lambda desk: audience.ask_release(
            call.session,
            desk,
            call.actor,
            body.channel,
            objects=body.objects,
            text=body.text,
            now=call.now,
        ),
    )


@resource.writes(
    "POST",
    "/ceilings",
    takes=CeilingIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="channel.ceiling_changed",
)
def post_audience_ceiling(call: Call, body: CeilingIn) -> WrittenOut:
    """Change the strictest label that a channel of ours takes."""
    return _written(
        body.channel,
        Act.CHANNEL_CEILING_CHANGED,
        call,
        lambda desk: audience.change_ceiling(
            call.session, desk, call.actor, body.channel, ceiling=body.ceiling, now=call.now
        ),
    )


@resource.writes(
    "POST",
    "/limits",
    takes=LimitsIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="member.limits_changed",
)
def post_audience_limits(call: Call, body: LimitsIn) -> WrittenOut:
    """Say what we take in a channel from now on."""
    return _written(
        body.channel,
        Act.MEMBER_LIMITS_CHANGED,
        call,
        lambda desk: audience.change_limits(
            call.session,
            desk,
            call.actor,
            body.channel,
            takes=body.takes,
            topics=body.topics,
            now=call.now,
        ),
    )


@resource.writes(
    "POST",
    "/suspensions",
    takes=StandingIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="member.suspended",
)
def post_audience_suspension(call: Call, body: StandingIn) -> WrittenOut:
    """Keep a member out for now: its node or its key is in doubt."""
    return _written(
        body.channel,
        Act.MEMBER_SUSPENDED,
        call,
        lambda desk: audience.suspend(
            call.session,
            desk,
            call.actor,
            body.channel,
            organisation=body.organisation,
            reason=body.reason,
            now=call.now,
        ),
    )


@resource.writes(
    "POST",
    "/resumptions",
    takes=StandingIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="member.resumed",
)
def post_audience_resumption(call: Call, body: StandingIn) -> WrittenOut:
    """Take a suspended member back in, its keys checked anew with a person."""
    return _written(
        body.channel,
        Act.MEMBER_RESUMED,
        call,
        lambda desk: audience.resume(
            call.session,
            desk,
            call.actor,
            body.channel,
            organisation=body.organisation,
            reason=body.reason,
            now=call.now,
        ),
    )


@resource.writes(
    "POST",
    "/breakouts",
    takes=BreakoutIn,
    gives=ChannelOut,
    status=HTTPStatus.CREATED,
    action="channel.opened",
)
def post_audience_breakout(call: Call, body: BreakoutIn) -> tuple[ChannelOut, str]:
    """Open a breakout of a case with some of its members."""
    record = audience.open_breakout(
        call.session,
        current_office().desk(call.session),
        call.actor,
        body.parent,
        name=body.name,
        ceiling=body.tlp,
        members=body.members,
        reason=body.reason,
        now=call.now,
    )
    summary = queries.get_visible_summary(call.session, call.actor, record.id)
    return channel_document(summary), f"{PREFIX}/channels/{record.id}"


def _written(channel: str, act: Act, call: Call, write: Callable[[Desk], Written]) -> WrittenOut:
    return written_document(channel, act, write(current_office().desk(call.session)))

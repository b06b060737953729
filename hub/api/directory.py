"""`/api/v1/channels/{channel}/directory`: who is on duty now, and how to reach whom."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from federation.ledgers.channels import Written
from hub.api import channels
from hub.api.channel_documents import written_document
from hub.api.channel_models import WrittenOut
from hub.api.directory_models import (
    AnswersForIn,
    ConstituencyIn,
    ContactPointIn,
    DescriptionIn,
    DirectoryOut,
    DirectoryQuery,
    PeopleListOut,
    PointOutIn,
    PointsIn,
    StatedPointIn,
    ToldOfIn,
    listed_document,
    people_document,
)
from hub.api.frame import Call
from hub.api.listing import cut_page
from hub.api.paging import PageQuery
from hub.channels.relay import Told
from hub.community import directory
from hub.community.directory import OURSELVES, Whom
from hub.community.directory_queries import visible_directory, visible_people
from hub.community.directory_statement import StatedConstituency, StatedPoint
from hub.community.directory_words import read_hours
from hub.office import current_office
from policies.acts import Act
from policies.directory import Way

ACTION: Final = "member.described"

resource = channels.resource


@resource.reads(
    "/<channel>/directory", gives=DirectoryOut, query=DirectoryQuery, audited="channel.read"
)
def get_channel_directory(call: Call, channel: str, query: DirectoryQuery) -> DirectoryOut:
    """Give how to reach each member, those with somebody on duty now first."""
    rows, following = cut_page(
        visible_directory(
            call.session, call.actor, channel, us=_us(call), now=call.now, name=query.name
        ),
        query,
        lambda row: row.place,
        int,
        int,
        str,
        str,
    )
    return DirectoryOut(items=[listed_document(row) for row in rows], next=following)


@resource.reads(
    "/<channel>/directory/people", gives=PeopleListOut, query=PageQuery, audited="channel.read"
)
def get_channel_directory_people(call: Call, channel: str, query: PageQuery) -> PeopleListOut:
    """Give whom to call at each other member, from all communities and cases that we share."""
    rows, following = cut_page(
        visible_people(call.session, call.actor, channel, us=_us(call), now=call.now),
        query,
        lambda row: (row.name.lower(), row.organisation),
        str,
        str,
    )
    return PeopleListOut(items=[people_document(row) for row in rows], next=following)


@resource.writes(
    "POST",
    "/<channel>/directory",
    takes=DescriptionIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action=ACTION,
)
def post_channel_description(call: Call, channel: str, body: DescriptionIn) -> WrittenOut:
    """State all of how to reach an organisation, in place of what was stated before."""
    written = directory.describe(
        *_where(call, channel),
        points=[_point(one) for one in body.points],
        constituency=_facts(body.constituency) if body.constituency is not None else None,
        whom=_whom(call, body),
        tlp=body.tlp,
        now=call.now,
    )
    return _written(channel, written)


@resource.writes(
    "POST",
    "/<channel>/directory/points",
    takes=ContactPointIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action=ACTION,
)
def post_channel_contact_point(call: Call, channel: str, body: ContactPointIn) -> WrittenOut:
    """Add a contact point, or put it in the place of the one that it names."""
    written = directory.set_point(
        *_where(call, channel),
        _point(body.point),
        whom=_whom(call, body),
        tlp=body.tlp,
        now=call.now,
    )
    return _written(channel, written)


@resource.writes(
    "POST",
    "/<channel>/directory/removals",
    takes=PointOutIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action=ACTION,
)
def post_channel_contact_removal(call: Call, channel: str, body: PointOutIn) -> WrittenOut:
    """Take a contact point back."""
    written = directory.remove_point(
        *_where(call, channel), body.ref, whom=_whom(call, body), now=call.now
    )
    return _written(channel, written)


@resource.writes(
    "POST",
    "/<channel>/directory/verifications",
    takes=PointsIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action=ACTION,
)
def post_channel_contact_verification(call: Call, channel: str, body: PointsIn) -> WrittenOut:
    """Say that contact points are still right."""
    written = directory.verify(
        *_where(call, channel), refs=body.refs, whom=_whom(call, body), now=call.now
    )
    return _written(channel, written)


@resource.writes(
    "POST",
    "/<channel>/directory/constituency",
    takes=AnswersForIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action=ACTION,
)
def post_channel_constituency(call: Call, channel: str, body: AnswersForIn) -> WrittenOut:
    """Say for whom an organisation answers; its contact points stay as they are."""
    written = directory.set_constituency(
        *_where(call, channel),
        _facts(body.constituency),
        whom=_whom(call, body),
        now=call.now,
    )
    return _written(channel, written)


def _where(call: Call, channel: str) -> directory.Where:
    return call.session, current_office().desk(call.session), call.actor, channel


def _us(call: Call) -> str:
    return current_office().desk(call.session).organisation


def _written(channel: str, written: Written) -> WrittenOut:
    return written_document(channel, Act.MEMBER_DESCRIBED, written)


def _whom(call: Call, body: ToldOfIn) -> Whom:
    if body.organisation is None:
        return OURSELVES
    return Whom(body.organisation, Told(body.way, body.at or call.now, body.informant))


def _point(form: StatedPointIn) -> StatedPoint:
    hours = form.hours
    return StatedPoint(
        name=form.name,
        ways=tuple(Way(one.kind, one.out_of_band, one.ceiling) for one in form.ways),
        lines=tuple(one.words for one in form.ways),
        duty=form.duty,
        order=form.order,
        hours=(
            read_hours(hours.days, hours.begins, hours.ends, hours.zone)
            if hours is not None
            else None
        ),
        verified_at=form.verified_at,
        ref=form.ref,
    )


def _facts(form: ConstituencyIn) -> StatedConstituency:
    return StatedConstituency(
        sectors=tuple(dict.fromkeys(form.sectors)),
        as_numbers=tuple(dict.fromkeys(form.as_numbers)),
        domains=tuple(form.domains),
        ranges=tuple(form.ranges),
        services=tuple(form.services),
    )

"""`/api/v1/cases`, what a case has to do with others: links, merging, breakouts."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from pydantic import Field

from hub.api import cases
from hub.api.case_documents import case_of, written_in
from hub.api.case_models import CaseFromReportIn, CaseOut, MaybeIn, ReportPlaceIn, Title
from hub.api.channel_models import ChannelId, OrganisationId, WrittenOut
from hub.api.frame import PREFIX, Call
from hub.api.models import Document, Form, Moment
from hub.api.report_models import AlikeOut, alike_document
from hub.cases import alike, breakouts, from_report, neighbours, queries, related
from hub.cases.merging import Plan
from hub.cases.neighbours import Neighbour, Tie
from hub.channels.queries import get_visible_summary, visible_breakouts
from hub.office import current_office
from policies.acts import Act
from policies.calls import CallKind
from policies.links import Relation
from policies.roles import Role
from policies.tlp import TLP

CREATED: Final = HTTPStatus.CREATED

resource = cases.resource
Place = Annotated[str, Field(min_length=1, max_length=60)]


class CaseLinkIn(MaybeIn):
    """Another case that is to be named."""

    other: Annotated[
        Place,
        Field(description="Its channel, or the STIX id of another coordinator’s incident."),
    ]
    relation: Relation = Relation.RELATED


class MergerIn(MaybeIn):
    """The case that one goes on in."""

    into: ChannelId


class BreakoutRoomIn(Form):
    """A breakout of a case, as a room of its own."""

    title: Title
    text: Annotated[str, Field(max_length=10_000)] = ""
    tlp: Annotated[TLP, Field(description="The strictest label that it takes.")] = TLP.RED
    members: Annotated[list[OrganisationId], Field(min_length=1, max_length=200)]


class MergerQuery(Form):
    """The case that one might go on in."""

    into: ChannelId


class NeighbourOut(Document):
    """Another case that one has to do with; what we have no part in has no title here."""

    tie: Tie
    relation: Relation | None
    channel: str | None
    title: str | None
    tlp: TLP | None
    state: str | None
    reference: str | None
    invited: bool
    at: Moment


class BreakoutOut(Document):
    """A breakout that our organisation is in."""

    channel: str
    name: str
    tlp: TLP | None
    has_room: bool


class RelationsOut(Document):
    """What a case has to do with others.

    `parent` is the case that it is a breakout of.
    """

    channel: str
    parent: str | None
    cases: list[NeighbourOut]
    breakouts: list[BreakoutOut]


class LikelyReportsOut(Document):
    """The reports that may belong to a case."""

    items: list[AlikeOut]


class AlikeQuery(Form):
    """What a case would be called that is about to be opened, and what is known."""

    title: Title
    text: Annotated[str, Field(max_length=4_000)] = ""


class AlikeCaseOut(Document):
    """A case under way that may be of the same matter."""

    channel: str
    title: str
    owner_name: str
    same_name: bool
    same_count: Annotated[int, Field(description="How many things to look for both name.")]
    same_host_count: Annotated[
        int,
        Field(description="How many hosts, where a place on it is named: that is weaker."),
    ]


class AlikeToOut(Document):
    """What there is already, the most alike first."""

    cases: list[AlikeCaseOut]
    reports: list[AlikeOut]


class MergerGuestOut(Document):
    """Who is invited to the other case."""

    organisation: str
    name: str
    roles: list[Role]


class MergerLeftOutOut(Document):
    """Who can't be invited to the other case, and why; while there is anybody, none is merged."""

    name: str
    reason: str


class MergerOut(Document):
    """What merging would bring about."""

    channel: str
    into: str
    there: list[str]
    guests: list[MergerGuestOut]
    left_out: list[MergerLeftOutOut]
    questions: Annotated[list[str], Field(description="Open questions, which are taken back.")]
    calls: Annotated[list[CallKind], Field(description="Open calls of ours, which are ended.")]
    others_asking: Annotated[list[str], Field(description="Whose requests stay unanswered.")]


@resource.reads("/<channel>/relations", gives=RelationsOut)
def get_case_relations(call: Call, channel: str) -> RelationsOut:
    """Give the cases that one has to do with, and its breakouts that we are in."""
    row = get_visible_summary(call.session, call.actor, channel)
    return RelationsOut(
        channel=channel,
        parent=row.parent,
        cases=[
            neighbour_document(one)
            for one in neighbours.visible_neighbours(call.session, call.actor, channel)
        ],
        breakouts=[
            BreakoutOut(
                channel=one.id,
                name=one.name,
                tlp=one.ceiling,
                has_room=queries.has_room(call.session, one.id),
            )
            for one in visible_breakouts(call.session, call.actor, channel)
        ],
    )


@resource.writes(
    "POST",
    "/from-report",
    takes=CaseFromReportIn,
    gives=CaseOut,
    status=CREATED,
    action="case.opened",
)
def post_case_from_report(call: Call, body: CaseFromReportIn) -> tuple[CaseOut, str]:
    """Open a case from a report that came to us, which becomes part of it."""
    desk = current_office().desk(call.session)
    opened = from_report.open_from_report(
        call.session,
        desk,
        call.actor,
        body.channel,
        body.report,
        title=body.title,
        text=body.text,
        ceiling=body.tlp,
        exercise=body.exercise,
        now=call.now,
    )
    document = case_of(call.session, call.actor, opened, us=desk.organisation)
    return document, f"{PREFIX}/cases/{opened}"


@resource.reads("/alike", gives=AlikeToOut, query=AlikeQuery)
def get_alike_cases(call: Call, query: AlikeQuery) -> AlikeToOut:
    """Give the cases under way and the reports that are like one that is about to be opened."""
    us = current_office().desk(call.session).organisation
    return alike_to_document(
        alike.visible_alike_to(
            call.session, call.actor, title=query.title, text=query.text, us=us, now=call.now
        )
    )


@resource.reads("/<channel>/likely-reports", gives=LikelyReportsOut)
def get_case_likely_reports(call: Call, channel: str) -> LikelyReportsOut:
    """Give the reports that may belong to a case of ours, and are part of none."""
    us = current_office().desk(call.session).organisation
    likely = from_report.visible_likely(call.session, call.actor, channel, us=us, now=call.now)
    return LikelyReportsOut(items=[alike_document(one, how) for one, how in likely])


@resource.writes(
    "POST",
    "/<channel>/reports",
    takes=ReportPlaceIn,
    gives=WrittenOut,
    status=CREATED,
    action="report.linked",
)
def post_case_report(call: Call, channel: str, body: ReportPlaceIn) -> WrittenOut:
    """Make a report part of a case of ours; its reporter is told which only where it is invited."""
    written = from_report.take_in(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        (body.channel, body.report),
        now=call.now,
    )
    return written_in(body.channel, Act.REPORT_LINKED, written)


@resource.writes(
    "POST",
    "/<channel>/links",
    takes=CaseLinkIn,
    gives=WrittenOut,
    status=CREATED,
    action="case.linked",
)
def post_case_link(call: Call, channel: str, body: CaseLinkIn) -> WrittenOut:
    """Name another case in one of ours; who is not in the other learns no title."""
    written = related.link(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        other=body.other,
        relation=body.relation,
        reason=body.reason,
        now=call.now,
    )
    return written_in(channel, Act.CASE_LINKED, written)


@resource.reads("/<channel>/merger", gives=MergerOut, query=MergerQuery)
def get_case_merger(call: Call, channel: str, query: MergerQuery) -> MergerOut:
    """Give what merging would bring about."""
    desk = current_office().desk(call.session)
    plan = related.get_plan(call.session, desk, call.actor, channel, into=query.into, now=call.now)
    return merger_document(channel, plan)


@resource.writes(
    "POST",
    "/<channel>/merger",
    takes=MergerIn,
    gives=WrittenOut,
    status=CREATED,
    action="case.merged",
)
def post_case_merger(call: Call, channel: str, body: MergerIn) -> WrittenOut:
    """Let a case go on in another of ours, for good; who is not in that is invited to it."""
    written = related.merge(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        into=body.into,
        reason=body.reason,
        now=call.now,
    )
    return written_in(channel, Act.CASE_MERGED, written)


@resource.writes(
    "POST",
    "/<channel>/breakouts",
    takes=BreakoutRoomIn,
    gives=CaseOut,
    status=CREATED,
    action="case.breakout_opened",
)
def post_case_breakout(call: Call, channel: str, body: BreakoutRoomIn) -> tuple[CaseOut, str]:
    """Open a breakout with some of a case's members, as a room of its own."""
    desk = current_office().desk(call.session)
    opened = breakouts.open_room(
        call.session,
        desk,
        call.actor,
        channel,
        title=body.title,
        text=body.text,
        ceiling=body.tlp,
        members=body.members,
        now=call.now,
    )
    document = case_of(call.session, call.actor, opened, us=desk.organisation)
    return document, f"{PREFIX}/cases/{opened}"


def neighbour_document(one: Neighbour) -> NeighbourOut:
    """Give another case as the API shows it."""
    return NeighbourOut(**{name: getattr(one, name) for name in NeighbourOut.model_fields})


def alike_to_document(found: alike.Alike) -> AlikeToOut:
    """Give what there is already, as the API shows it."""
    return AlikeToOut(
        cases=[
            AlikeCaseOut(
                channel=one.channel,
                title=one.title,
                owner_name=one.owner_name,
                same_name=one.same_name,
                same_count=one.how.same,
                same_host_count=one.how.hosts,
            )
            for one in found.cases
        ],
        reports=[alike_document(one, how) for one, how in found.reports],
    )


def merger_document(channel: str, plan: Plan) -> MergerOut:
    """Give what merging would bring about as the API shows it."""
    return MergerOut(
        channel=channel,
        into=plan.into,
        there=list(plan.there),
        guests=[
            MergerGuestOut(
                organisation=one.organisation,
                name=one.name,
                roles=[Role(role) for role in one.roles],
            )
            for one in plan.guests
        ],
        left_out=[MergerLeftOutOut(name=one.name, reason=one.reason) for one in plan.left_out],
        questions=list(plan.questions),
        calls=list(plan.call_kinds),
        others_asking=list(plan.others_asking),
    )

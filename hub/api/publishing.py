"""`/api/v1/reports`, a near-miss told to a community without its source."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from hub.api import travelled
from hub.api.channel_models import ChannelId, WrittenOut
from hub.api.frame import Call
from hub.api.models import Document, Form, Moment
from hub.api.report_models import IndicatorOut, written_report
from hub.office import current_office
from hub.reports import publishing
from hub.reports.recording import MAX_TITLE_CHARACTERS
from policies.acts import Act
from policies.tlp import TLP

resource = travelled.resource


class PublicationIn(Form):
    """What goes out, and to which community of ours; what is left out is the report's."""

    community: ChannelId
    title: Annotated[str | None, Field(min_length=1, max_length=MAX_TITLE_CHARACTERS)] = None
    text: Annotated[str | None, Field(min_length=1, max_length=10_000)] = None
    again: Annotated[
        bool,
        Field(description="It was told of it before: what goes out now begins as a correction."),
    ] = False


class CommunityNameOut(Document):
    """A community of ours that takes it."""

    channel: str
    name: str


class PublishedOut(Document):
    """What a community was told of it before, in which of its entries, and by whom of us."""

    community: str
    community_name: str
    epoch: int
    seq: int
    title: str
    by: str
    at: Moment


class PublicationOut(Document):
    """What would go out: these words and these indicators, and nothing else."""

    title: str
    text: str
    tlp: TLP
    communities: list[CommunityNameOut]
    indicators: list[IndicatorOut]
    published: Annotated[
        list[PublishedOut], Field(description="What was told of it before, the newest first.")
    ]


@resource.reads("/travelled/<channel>/<report>/publication", gives=PublicationOut)
def get_report_publication(call: Call, channel: str, report: str) -> PublicationOut:
    """Give what would go out of a near-miss that came to us."""
    desk = current_office().desk(call.session)
    preview = publishing.get_preview(call.session, desk, call.actor, channel, report)
    return PublicationOut(
        title=preview.title,
        text=preview.text,
        tlp=preview.tlp,
        communities=[CommunityNameOut(channel=one, name=name) for one, name in preview.communities],
        indicators=[
            IndicatorOut(name=one.name, pattern=one.pattern, tlp=one.tlp)
            for one in preview.indicators
        ],
        published=[
            PublishedOut.model_validate(one, from_attributes=True) for one in preview.published
        ],
    )


@resource.writes(
    "POST",
    "/travelled/<channel>/<report>/publication",
    takes=PublicationIn,
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="report.published",
)
def post_report_publication(
    call: Call, channel: str, report: str, body: PublicationIn
) -> WrittenOut:
    """Tell a community of ours of a near-miss, without naming its source."""
    desk = current_office().desk(call.session)
    written = publishing.publish(
        call.session,
        desk,
        call.actor,
        channel,
        report,
        community=body.community,
        title=body.title,
        text=body.text,
        again=body.again,
        now=call.now,
    )
    return written_report(Act.INTEL_SHARED, written)

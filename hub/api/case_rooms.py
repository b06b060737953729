"""`/api/v1/cases/{case}`: the rooms of a case beside its overview."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final, Literal

from pydantic import Field

from federation.ledgers.channels import Written
from hub.api import case_relay
from hub.api.case_documents import written_in
from hub.api.case_intel_documents import (
    IntelIn,
    IntelOut,
    PastedIn,
    RecognitionOut,
    SightingIn,
    intel_document,
    recognition_document,
)
from hub.api.case_member_documents import CaseMembersOut, case_member_document
from hub.api.case_models import Text
from hub.api.channel_models import WrittenOut
from hub.api.frame import Call
from hub.api.models import Document, Form
from hub.api.paging import PageQuery, cut, read_cursor, write_cursor
from hub.cases import intel, queries, timeline
from hub.cases.members import visible_case_members
from hub.office import current_office
from hub.reports.intel import check_pasted, find_intel
from policies.acts import Act
from policies.timeline import MomentKind, Precision
from policies.tlp import TLP
from sharing.incident.when import MAX_CHARACTERS

CREATED: Final = HTTPStatus.CREATED
When = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_CHARACTERS,
        description="As much of a time as is known, in UTC: `2026-03`, `2026-03-01T14:30`.",
    ),
]

__all__ = ["resource"]

resource = case_relay.resource


class EventIn(Form):
    """Something that happened, or may have happened."""

    text: Annotated[Text, Field(description="Its first line is its name.")]
    when: When
    until: Annotated[When | None, Field(description="At the latest.")] = None
    lasting: Annotated[
        bool, Field(description="It went on all the time; else it was at some time between.")
    ] = False
    status: Literal["occurred", "ongoing", "undetermined", "not-occurred"] = "occurred"
    tlp: Annotated[TLP | None, Field(description="As the case has it, where none is given.")] = None


class MomentOut(Document):
    """Something on the timeline of a case.

    An event lies somewhere from `earliest` to `latest`, as `precision` says; everything else is
    what the ledger tells, by its time.
    """

    key: str
    kind: MomentKind
    act: str
    word: str | None
    organisation: str
    name: str
    author_name: str
    relayed: bool
    earliest: datetime
    latest: datetime
    precision: Precision
    status: str | None
    text: str | None
    more: str | None
    tlp: TLP | None
    said_at: datetime


class TimelineOut(Document):
    """A page of a timeline, what began last first."""

    items: list[MomentOut]
    next: str | None


def moment_document(moment: timeline.Moment) -> MomentOut:
    """Give a moment as the API shows it."""
    return MomentOut(**{name: getattr(moment, name) for name in MomentOut.model_fields})


@resource.reads(
    "/<channel>/timeline", gives=TimelineOut, query=PageQuery, audited="case.timeline_read"
)
def get_case_timeline(call: Call, channel: str, query: PageQuery) -> TimelineOut:
    """Give the timeline of a case, what began last first."""
    key = read_cursor(query.cursor, str, str)
    found = timeline.visible_moments(
        call.session,
        call.actor,
        channel,
        before=timeline.read_key(*key) if key is not None else None,
        limit=query.limit + 1,
    )
    rows, more = cut(found, query.limit)
    return TimelineOut(
        items=[moment_document(row) for row in rows],
        next=write_cursor(*timeline.key_of(rows[-1])) if more else None,
    )


@resource.writes(
    "POST",
    "/<channel>/events",
    takes=EventIn,
    gives=WrittenOut,
    status=CREATED,
    action="event.added",
)
def post_case_event(call: Call, channel: str, body: EventIn) -> WrittenOut:
    """Put something that happened on the timeline."""
    queries.get_case_row(call.session, call.actor, channel)
    written: Written = timeline.add_event(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        text=body.text,
        when=body.when,
        until=body.until,
        lasting=body.lasting,
        status=body.status,
        tlp=body.tlp,
        now=call.now,
    )
    return written_in(channel, Act.EVENT_ADDED, written)


@resource.reads("/<channel>/members", gives=CaseMembersOut, audited="case.members_read")
def get_case_members(call: Call, channel: str) -> CaseMembersOut:
    """Give who takes part in a case, and who was asked to, the joined first."""
    us = current_office().desk(call.session).organisation
    rows = visible_case_members(call.session, call.actor, channel, us=us, now=call.now)
    return CaseMembersOut(items=[case_member_document(row) for row in rows])


@resource.reads("/<channel>/intel", gives=IntelOut, query=PageQuery, audited="case.intel_read")
def get_case_intel(call: Call, channel: str, query: PageQuery) -> IntelOut:
    """Give what is shared in a case, newest first."""
    key = read_cursor(query.cursor, str, str)
    found = intel.visible_intel(
        call.session,
        call.actor,
        channel,
        before=timeline.read_key(*key) if key is not None else None,
        limit=query.limit + 1,
        now=call.now,
    )
    rows, more = cut(found, query.limit)
    return IntelOut(
        items=[intel_document(row) for row in rows],
        next=write_cursor(*intel.key_of(rows[-1])) if more else None,
    )


@resource.writes(
    "POST",
    "/<channel>/intel",
    takes=IntelIn,
    gives=WrittenOut,
    status=CREATED,
    action="intel.shared",
)
def post_case_intel(call: Call, channel: str, body: IntelIn) -> WrittenOut:
    """Share what was pasted, as indicators."""
    written = intel.share(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        pasted=body.pasted,
        observed_too=body.observed_too,
        tlp=body.tlp,
        now=call.now,
    )
    return written_in(channel, Act.INTEL_SHARED, written)


@resource.writes(
    "POST",
    "/<channel>/intel/<ref>/sightings",
    takes=SightingIn,
    gives=WrittenOut,
    status=CREATED,
    action="sighting.reported",
)
def post_case_sighting(call: Call, channel: str, ref: str, body: SightingIn) -> WrittenOut:
    """Say what we found of something to look for."""
    written = intel.sight(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        ref=ref,
        verdict=body.verdict,
        now=call.now,
    )
    return written_in(channel, Act.SIGHTING_REPORTED, written)


@resource.writes(
    "POST",
    "/<channel>/intel/<ref>/revocation",
    gives=WrittenOut,
    status=CREATED,
    action="intel.revoked",
)
def post_case_revocation(call: Call, channel: str, ref: str) -> WrittenOut:
    """Say that something we shared does not hold any more."""
    desk = current_office().desk(call.session)
    written = intel.revoke(call.session, desk, call.actor, channel, ref=ref, now=call.now)
    return written_in(channel, Act.INTEL_REVOKED, written)


@resource.writes(
    "POST",
    "/<channel>/intel/recognition",
    takes=PastedIn,
    gives=RecognitionOut,
    action="case.intel_looked_at",
)
def post_case_recognition(call: Call, channel: str, body: PastedIn) -> RecognitionOut:
    """Tell what would be shared of what was pasted, and what is left out; nothing is written."""
    queries.get_case_row(call.session, call.actor, channel)
    check_pasted(body.pasted)
    return recognition_document(find_intel("", body.pasted))

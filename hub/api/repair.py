"""`/api/v1/repair`: what is wrong with a channel, and the ways out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from federation.branches.endorsements import Tally
from federation.ledgers.ledger_records import Standing
from hub.api.channel_documents import channel_document, written_document
from hub.api.channel_models import ChannelOut, DoubtName, OrganisationId, Sha256, WrittenOut
from hub.api.frame import Call, Resource
from hub.api.models import Document, Form, Moment
from hub.channels import queries, repair
from hub.channels.ways_out import Repair, WayOut, visible_repair
from hub.office import current_office
from policies.acts import Act

resource = Resource("repair")


class EvidenceOut(Document):
    """Bytes that are kept as they came, and what they prove."""

    name: Annotated[str, Field(description="The failure that they are evidence of.")]
    sentence: str
    sha256: Sha256
    size_bytes: int
    kept_at: Moment


class AbandonedOut(Document):
    """An entry that stood in the history until a new epoch opened on an older head."""

    epoch: int
    seq: int
    act: str
    author: str
    author_name: str
    at: Moment
    abandoned_at: Moment
    sha256: Sha256
    fate: Annotated[str, Field(description="What became of it since, in plain words.")]


class CandidateOut(Document):
    """A member that could take over, and who endorses it, as far as this node knows."""

    organisation: str
    name: str
    is_us: bool
    round: int
    given: Annotated[list[str], Field(description="Names of who endorses it.")]
    ahead: Annotated[list[str], Field(description="Of these, on a head that is not here yet.")]
    needed: int
    enough: bool
    by_us: Annotated[int | None, Field(description="The round in which we endorse it.")]
    undelivered: Annotated[
        str | None, Field(description="Why its node has not taken our endorsement.")
    ]


class RepairOut(Document):
    """How a channel stands, for whoever has to mend it."""

    channel: str
    name: str
    standing: Standing
    doubt: DoubtName
    since: Moment | None
    owner: str
    owner_name: str
    owner_heard_at: Moment | None
    is_ours: bool
    wrong: Annotated[list[str], Field(description="Sentences; empty where nothing is wrong.")]
    call: Annotated[list[str], Field(description="Whom to call, the coordinator first.")]
    ways: Annotated[list[WayOut], Field(description="What whoever asks can choose now.")]
    not_yet: Annotated[str | None, Field(description="Why no successor can be endorsed yet.")]
    evidence: list[EvidenceOut]
    abandoned: list[AbandonedOut]
    candidates: list[CandidateOut]


class EndorseIn(Form):
    """Who should take over."""

    organisation: OrganisationId
    round: Annotated[
        int | None, Field(ge=1, le=1000, description="The next that is free, if not given.")
    ] = None


class TallyOut(Document):
    """How far a succession has come, as far as this node knows."""

    organisation: str
    round: int
    given: list[str]
    needed: int
    enough: bool


class PlaceIn(Form):
    """An entry of the history."""

    epoch: Annotated[int, Field(ge=1, le=2**31 - 1)]
    seq: Annotated[int, Field(ge=0, le=2**53 - 1)]


class ReopenIn(Form):
    """On which entry the next epoch opens."""

    at: Annotated[PlaceIn | None, Field(description="The newest, if not given.")] = None
    abandon_witnessed: Annotated[
        bool, Field(description="Abandon even what others say that they hold.")
    ] = False


@resource.reads("/<channel>", gives=RepairOut)
def get_repair(call: Call, channel: str) -> RepairOut:
    """Say what is wrong with a channel, what is kept, and what can be done."""
    desk = current_office().desk(call.session)
    return repair_document(visible_repair(call.session, desk, call.actor, channel, now=call.now))


@resource.writes(
    "POST",
    "/<channel>/endorsements",
    takes=EndorseIn,
    gives=TallyOut,
    status=HTTPStatus.CREATED,
    action="succession.endorsed",
)
def post_endorsement(call: Call, channel: str, body: EndorseIn) -> TallyOut:
    """Endorse a member as the successor of a coordinator that is silent or forked."""
    tally = repair.endorse(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        candidate=body.organisation,
        round_=body.round,
        now=call.now,
    )
    return tally_document(tally)


@resource.writes(
    "POST",
    "/<channel>/take-over",
    gives=ChannelOut,
    status=HTTPStatus.CREATED,
    action="channel.taken_over",
)
def post_take_over(call: Call, channel: str) -> ChannelOut:
    """Take a channel over, with the endorsements of enough members."""
    desk = current_office().desk(call.session)
    repair.take_over(call.session, desk, call.actor, channel, now=call.now)
    return channel_document(queries.get_visible_summary(call.session, call.actor, channel))


@resource.writes(
    "POST",
    "/<channel>/reopening",
    takes=ReopenIn,
    gives=ChannelOut,
    status=HTTPStatus.CREATED,
    action="channel.reopened",
)
def post_reopening(call: Call, channel: str, body: ReopenIn) -> ChannelOut:
    """Open a channel of ours anew, on its newest entry or on an older one."""
    repair.reopen(
        call.session,
        current_office().desk(call.session),
        call.actor,
        channel,
        at=(body.at.epoch, body.at.seq) if body.at is not None else None,
        abandon_witnessed=body.abandon_witnessed,
        now=call.now,
    )
    return channel_document(queries.get_visible_summary(call.session, call.actor, channel))


@resource.writes(
    "POST",
    "/<channel>/leaving",
    gives=WrittenOut,
    status=HTTPStatus.CREATED,
    action="channel.left",
)
def post_leaving_now(call: Call, channel: str) -> WrittenOut:
    """Leave a channel at once, even where its coordinator can't be asked."""
    desk = current_office().desk(call.session)
    written = repair.leave(call.session, desk, call.actor, channel, now=call.now)
    return written_document(channel, Act.MEMBER_LEFT, written)


def repair_document(row: Repair) -> RepairOut:
    """Give how a channel stands as JSON."""
    shown = {name: getattr(row, name) for name in RepairOut.model_fields}
    return RepairOut(
        **shown
        | {
            "wrong": list(row.wrong),
            "call": list(row.call),
            "ways": [way for way in WayOut if way in row.ways],
            "evidence": [EvidenceOut(**vars(one)) for one in row.evidence],
            "abandoned": [AbandonedOut(**vars(one)) for one in row.abandoned],
            "candidates": [
                CandidateOut(**vars(one) | {"given": list(one.given), "ahead": list(one.ahead)})
                for one in row.candidates
            ],
        }
    )


def tally_document(tally: Tally) -> TallyOut:
    """Give how far a succession has come as JSON."""
    return TallyOut(
        organisation=tally.candidate,
        round=tally.round,
        given=list(tally.given),
        needed=tally.needed,
        enough=tally.enough,
    )

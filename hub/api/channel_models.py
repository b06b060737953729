"""Forms of channels, for the API and for `--json`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from federation.ledgers.ledger_records import Delivery, Standing
from hub.api.models import Document, Form, Moment
from hub.api.node import KeyStateOut
from hub.api.paging import PageQuery
from hub.channels import history
from hub.channels.incoming import MAX_OBJECTS
from hub.channels.relay_records import RelayAnswer
from policies.acts import Act, ChannelKind
from policies.roles import Role
from policies.tlp import TLP

ChannelId = Annotated[
    str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="A UUID.")
]
OrganisationId = Annotated[
    str,
    Field(
        pattern=r"^identity--[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        description="The STIX id of an organisation.",
    ),
]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Reason = Annotated[str, Field(max_length=4_000)]
DoubtName = Annotated[str | None, Field(description="The failure's name in the protocol.")]


class ChannelOut(Document):
    """One channel, as it stands here."""

    id: str
    kind: ChannelKind
    name: str
    owner: str
    owner_name: str | None
    is_ours: bool
    ceiling: Annotated[TLP | None, Field(description="The strictest label that it takes.")]
    standing: Standing
    doubt: DoubtName
    sentence: str | None
    doubted_at: Moment | None
    epoch: int | None
    seq: int | None
    head_sha256: str | None
    head_at: Moment | None
    applied_at: Moment | None
    pending_count: Annotated[int, Field(description="What of ours is on its way or refused.")]
    parent: Annotated[str | None, Field(description="The case that it is a breakout of.")]
    parent_name: str | None


class ChannelsOut(Document):
    """A page of channels, the newest word first; direct ones last."""

    items: list[ChannelOut]
    next: str | None


class ItemOut(Document):
    """An object that an entry covers."""

    ref: str
    type: str
    tlp: TLP | None
    title: str
    text: str | None
    absence: Annotated[
        str,
        Field(
            description="Why its words are not here: withheld, recalled, disowned, red; or empty."
        ),
    ]
    later: Annotated[
        bool | None,
        Field(description="Whether later members read it; null where its label alone says so."),
    ]


class RelayedOut(Document):
    """On whose behalf a coordinator speaks. That organisation has not signed it."""

    organisation: str
    name: str
    way: str
    told_at: Moment
    informant: str | None
    answer: Annotated[
        RelayAnswer, Field(description="What the organisation itself said of it since.")
    ]
    answered_at: Moment | None
    is_ours: Annotated[bool, Field(description="It was said in our name.")]


class EntryOut(Document):
    """One entry of the history, in plain words."""

    channel: str
    epoch: int
    seq: int
    act: str
    author: str
    author_name: str
    sentence: str
    at: Annotated[Moment, Field(description="Ledger time.")]
    received_at: Moment
    sha256: str
    bundle: Annotated[str, Field(description="Hash of the bundle whose act it is.")]
    void: Annotated[str | None, Field(description="The failure's name, where without effect.")]
    void_sentence: str | None
    known: Annotated[bool, Field(description="Whether this node knows the act.")]
    doubtful: Annotated[
        str | None,
        Field(description="Why it may not be its author's: its key was revoked since."),
    ]
    doubtful_admission: Annotated[
        str | None,
        Field(
            description="Why it may not have come at this time and in this order, although it is"
            " its author's: the key that admitted it was revoked since."
        ),
    ]
    admitted_by: Annotated[
        str | None, Field(description="Name of who admitted it; null: it is its author's entry.")
    ]
    disowned: Annotated[bool, Field(description="Its author has said that it is not its own.")]
    items: list[ItemOut]
    more_items: int
    relayed: Annotated[
        RelayedOut | None,
        Field(description="That it is the author's word on behalf of another; null: it is not."),
    ]
    clock: Annotated[
        str | None, Field(description="What its times do not agree on, by more than five minutes.")
    ]


class EntriesOut(Document):
    """A page of the history, newest first."""

    items: list[EntryOut]
    next: str | None


class EntriesQuery(PageQuery):
    """How a page of the history is asked for."""

    limit: Annotated[int, Field(ge=1, le=history.MAX_PAGE, description="How many at most.")] = (
        history.PAGE
    )


class MemberOut(Document):
    """One organisation's part in a channel."""

    organisation: str
    name: str
    roles: list[Role]
    state: str
    since: Moment
    reply_by: Moment | None
    late: bool
    takes: Annotated[
        TLP | None, Field(description="The strictest label that it takes, where it said so.")
    ]
    is_us: bool
    without_node: Annotated[bool, Field(description="It takes part through the coordinator.")]
    replaced_by: Annotated[
        str | None, Field(description="Who took its place: the same one, with a node of its own.")
    ]
    own_name: Annotated[
        str | None, Field(description="The name that this node alone knows, where it has a number.")
    ]
    keys: Annotated[KeyStateOut | None, Field(description="By this channel's ledger.")] = None


class MembersOut(Document):
    """A page of those who take part, the joined first."""

    items: list[MemberOut]
    next: str | None


class PendingOut(Document):
    """A contribution of ours that is not history, or was refused and not noted yet."""

    sha256: str
    channel: str
    nth: int
    act: str
    state: Delivery
    written_by: str
    written_at: Moment
    attempts: int
    doubt: DoubtName
    sentence: str | None
    what_it_means: str | None
    alarm: Annotated[
        bool, Field(description="The owner said that it took it, and does not show it.")
    ]
    suspended: Annotated[
        bool,
        Field(description="We are suspended there: it goes out once we are taken back in."),
    ]
    text: Annotated[
        str | None,
        Field(description="What it says, as a note would say it; null where you may not read it."),
    ]


class PendingsOut(Document):
    """A page of what of ours is on its way, oldest first."""

    items: list[PendingOut]
    next: str | None


class VerificationOut(Document):
    """How far our copy is proven."""

    standing: Standing
    doubt: DoubtName
    sentence: str | None
    what_it_means: str | None
    way_out: str | None
    since: Moment | None
    entries: int
    voids: int
    withheld: int


class OpenActsOut(Document):
    """What could be written now, by our organisation and by the person who asks."""

    items: list[Act]


class ReceivedInvitationOut(Document):
    """An invitation that we received."""

    channel: str
    kind: ChannelKind
    name: str
    owner: str
    owner_name: str
    roles: list[Role]
    reason: str | None
    ceiling: TLP
    older: Annotated[
        str, Field(description="`released`: older matter shows as its authors release it.")
    ]
    reply_by: Moment
    late: bool
    received_at: Moment
    state: str
    charter_text: Annotated[
        str | None, Field(description="The words of the charter in force there.")
    ]


class ReceivedInvitationsOut(Document):
    """A page of the invitations that we received, the most urgent first."""

    items: list[ReceivedInvitationOut]
    next: str | None


class WrittenOut(Document):
    """What became of a write."""

    channel: str
    act: Act
    state: Annotated[
        Literal["history", "pending"],
        Field(description="`pending`: it waits in the outbox until the owner has admitted it."),
    ]
    epoch: int | None
    seq: int | None
    sha256: Annotated[str, Field(description="Hash of the bundle: of the entry, where it is one.")]


class ChannelIn(Form):
    """A channel to be opened."""

    kind: Literal["community", "case"]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    tlp: TLP
    parent: Annotated[
        ChannelId | None, Field(description="The case that this is a breakout of.")
    ] = None


class ActIn(Form):
    """Any act: what it does, and what it covers."""

    act: Act
    body: dict[str, Any] = Field(default_factory=dict, max_length=100)
    objects: Annotated[
        list[dict[str, Any]], Field(max_length=MAX_OBJECTS, description="STIX objects.")
    ] = Field(default_factory=list)
    later_members: Annotated[
        bool | None,
        Field(description="Whether later members get it, whatever its label; as the act has it."),
    ] = None


class NoteIn(Form):
    """Something to tell the members."""

    text: Annotated[str, Field(min_length=1, max_length=20_000)]
    tlp: Annotated[TLP | None, Field(description="The channel's ceiling if not given.")] = None
    later_members: Annotated[
        bool | None,
        Field(description="Whether later members get it, whatever its label; as the act has it."),
    ] = None


class InviteIn(Form):
    """An organisation to be invited."""

    organisation: OrganisationId
    roles: Annotated[list[Role], Field(min_length=1, max_length=6)]
    reason: Reason | None = None
    reply_by: Annotated[Moment | None, Field(description="In 24 hours if not given.")] = None
    replaces: Annotated[
        OrganisationId | None, Field(description="As whom it took part without a node so far.")
    ] = None


class MemberIn(Form):
    """An organisation that an act is about."""

    organisation: OrganisationId


class RemoveIn(MemberIn):
    """A member that is to go."""

    reason: Annotated[Reason, Field(min_length=1)]


class AnswerIn(Form):
    """An answer to an invitation."""

    answer: Literal["join", "decline"]
    owner: Annotated[
        OrganisationId | None,
        Field(description="Who invites; needed where several name the same channel."),
    ] = None
    takes: Annotated[
        TLP | None, Field(description="The strictest label that we take there, on joining.")
    ] = None
    accept_charter: Annotated[
        bool, Field(description="On joining: accept the charter that the invitation brought.")
    ] = False
    reason: Annotated[
        str | None,
        Field(max_length=4_000, description="On declining: why; all members read it. It may stay."),
    ] = None


class DoneOut(Document):
    """It is done."""

    done: Literal[True] = True


class ExportQuery(BaseModel):
    """For whom an export is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    for_: Annotated[
        OrganisationId | None,
        Field(alias="for", description="A member: what it is not due is left out."),
    ] = None


class OutboxQuery(BaseModel):
    """Nothing is asked beside the channel."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DecidedOut(Document):
    """What became of one contribution that came by file."""

    sha256: str
    nth: int
    act: str
    admitted: bool
    doubt: DoubtName
    sentence: str | None


class FileTakenOut(Document):
    """What a file brought: an export into our copy, or contributions into our ledger."""

    what: Literal["export", "contributions"]
    channel: str
    head_before: Annotated[str | None, Field(description="Our head, as epoch/seq.")]
    head: str | None
    standing: Standing | None
    doubt: DoubtName
    sentence: str | None
    receipts: Annotated[int, Field(description="Receipts in the file that prove here.")]
    contributions: list[DecidedOut]


class InvitationsQuery(PageQuery):
    """Which invitations."""

    all: Annotated[bool, Field(description="Also those that are answered or gone.")] = False

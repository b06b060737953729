"""Forms of communities and their charters, for the API and for `--json`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hub.api.case_models import DecisionOut
from hub.api.channel_models import OrganisationId
from hub.api.models import Document, Form, Moment
from policies.charter import (
    LEAST_ENDORSEMENTS,
    MOST_DEPUTIES,
    MOST_MINUTES,
    MOST_QUORUM,
    Answering,
    Attribution,
    Clause,
    Widened,
)
from policies.criteria import Criterion
from policies.decisions import By, Topic
from policies.matrix import Level
from policies.tlp import TLP

Text = Annotated[str, Field(min_length=1, max_length=10_000)]
Minutes = Annotated[int, Field(ge=1, le=MOST_MINUTES)]


class RuleDocument(Form):
    """How a topic is decided."""

    by: By
    quorum: Annotated[int, Field(ge=0, le=MOST_QUORUM)] = 0


class DelegationDocument(Form):
    """What the coordinator decides without a vote, up to which severity."""

    topic: Topic
    up_to: Level


class DeputyDocument(Form):
    """Who succeeds a lost coordinator."""

    organisation: OrganisationId
    endorsements: Annotated[int, Field(ge=LEAST_ENDORSEMENTS, le=MOST_QUORUM)] = LEAST_ENDORSEMENTS


class TermsDocument(Form):
    """What a charter says besides its words; what is left out has its default."""

    rules: Annotated[
        dict[Topic, RuleDocument],
        Field(description="What is not named the coordinator decides alone."),
    ] = Field(default_factory=dict)
    delegations: Annotated[list[DelegationDocument], Field(max_length=len(Topic))] = Field(
        default_factory=list
    )
    deputies: Annotated[
        list[DeputyDocument], Field(max_length=MOST_DEPUTIES, description="In their order.")
    ] = Field(default_factory=list)
    criteria: Annotated[
        list[Criterion],
        Field(max_length=len(Criterion), description="Those that count; all, where none is named."),
    ] = Field(default_factory=list)
    reply_minutes: dict[Answering, Minutes] = Field(default_factory=dict)
    silence_minutes: Minutes | None = None
    default_marking: TLP | None = None
    widening: Annotated[
        list[Widened],
        Field(max_length=len(Widened), description="What goes to later members by default."),
    ] = Field(default_factory=list)
    attribution: Attribution | None = None


class CharterIn(Form):
    """A version of a charter that is proposed; its words are enough."""

    text: Text
    terms: TermsDocument = Field(default_factory=TermsDocument)
    accept_by: Annotated[Moment | None, Field(description="In 14 days if not given.")] = None


class CharterReasonIn(Form):
    """Why a version is declined or taken back."""

    reason: Text


class CharterEndIn(CharterReasonIn):
    """Why the charter in force ends."""

    vote_until: Annotated[
        Moment | None, Field(description="Where it takes a vote; in four hours if not given.")
    ] = None


class CharterToldIn(Form):
    """What an organisation that can't write says to a version."""

    organisation: OrganisationId
    answer: Literal["accepted", "declined"]
    text: Annotated[Text | None, Field(description="Why, where it declines.")] = None
    way: Literal["telephone", "in-person", "e-mail", "message", "other"] = "telephone"
    informant: Annotated[str | None, Field(min_length=1, max_length=200)] = None


class CharterAnswerOut(Document):
    """What one member says to a version; silence is nobody's no."""

    organisation: str
    name: str
    answer: Literal["accepted", "declined"] | None
    at: Moment | None
    reason: str | None
    relayed: bool
    is_us: bool
    disowned: Annotated[
        str | None,
        Field(description="What a stolen key answered; the ledger goes by it until it answers."),
    ]


class CharterDifferenceOut(Document):
    """A clause in which a version differs from the one in force."""

    clause: Clause
    of: Annotated[str | None, Field(description="The topic, or what is answered.")]


class CharterOut(Document):
    """A version of a charter."""

    charter: Annotated[str, Field(description="STIX id of the note that holds its words.")]
    state: Literal["proposed", "in force", "superseded", "withdrawn", "ended"]
    text: str | None
    tlp: TLP
    sha256: Annotated[str, Field(description="What is accepted: the hash of its words.")]
    readable: Annotated[bool, Field(description="Its words are here, and are those proposed.")]
    terms: TermsDocument
    accept_by: Moment
    proposed_by: str
    proposed_at: Moment
    in_force_at: Moment | None
    changed_at: Moment
    reason: str | None
    answers: list[CharterAnswerOut]
    differs: Annotated[list[CharterDifferenceOut], Field(description="From the version in force.")]
    words_differ: bool
    lacks: Annotated[
        str | None, Field(description="Why a proposed version can't be put in force yet.")
    ]
    disowned: Annotated[
        bool, Field(description="It, or what was done with it, was a stolen key’s word.")
    ]


class CommunityLineOut(Document):
    """A community in a list."""

    channel: str
    name: str
    ceiling: TLP
    is_ours: bool
    owner: str
    owner_name: str
    members: int
    in_force: Annotated[str | None, Field(description="The version of the charter that binds.")]
    in_force_at: Moment | None
    proposed: Annotated[int, Field(description="How many versions are proposed.")]


class CommunitiesOut(Document):
    """A page of communities, by their names."""

    items: list[CommunityLineOut]
    next: str | None


class CommunityOut(CommunityLineOut):
    """One community: its charter, and what it decides."""

    charters: Annotated[
        list[CharterOut], Field(description="The one in force, those proposed, then the newest.")
    ]
    decisions: list[DecisionOut]


class ProposedOut(Document):
    """A version that was proposed."""

    channel: str
    charter: str


class CharterEndOut(Document):
    """What became of the end of a charter."""

    channel: str
    state: Annotated[
        Literal["ended", "asked"], Field(description="`asked`: the members are asked first.")
    ]

"""Forms of cases, for the API and for `--json`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from hub.api.channel_models import ChannelId, OrganisationId
from hub.api.models import Document, Form, Moment
from hub.cases.course import MAX_TITLE_CHARACTERS
from hub.channels.relay_records import RelayAnswer
from policies.acts import Act
from policies.assessment import Field as Asked
from policies.assessment import ResponseState
from policies.criteria import Answer, Criterion
from policies.decisions import By, Topic
from policies.matrix import Level
from policies.roles import Role
from policies.tlp import TLP

Title = Annotated[str, Field(min_length=1, max_length=MAX_TITLE_CHARACTERS)]
Text = Annotated[str, Field(min_length=1, max_length=10_000)]
Option = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Early = Literal["false-alarm", "one-organisation", "taken-on"]
Alone = Annotated[
    bool,
    Field(description="For the coordinator alone, through our direct channel to it."),
]
Stated = Annotated[
    dict[str, Any],
    Field(description="What is stated; a field that is missing is not stated, unlike `none`."),
]


class CaseIn(Form):
    """A case of ours that is to be opened."""

    title: Title
    text: Annotated[str, Field(max_length=10_000)] = ""
    tlp: Annotated[TLP, Field(description="The strictest label that it takes.")] = TLP.AMBER
    exercise: Annotated[bool, Field(description="It never changes.")] = False
    community: Annotated[
        ChannelId | None,
        Field(description="Whose charter it goes by; the only one in force if not given."),
    ] = None
    no_charter: Annotated[
        Text | None, Field(description="Why it goes by none; every member reads it.")
    ] = None


class ReportPlaceIn(Form):
    """A report that came to us."""

    channel: Annotated[str, Field(min_length=36, max_length=36)]
    report: Annotated[str, Field(min_length=1, max_length=100)]


class CaseFromReportIn(ReportPlaceIn):
    """A case of ours that is to be opened from a report; what is left out is the report's."""

    title: Title | None = None
    text: Annotated[str | None, Field(max_length=10_000)] = None
    tlp: Annotated[TLP, Field(description="The strictest label that it takes.")] = TLP.AMBER
    exercise: Annotated[bool, Field(description="It never changes.")] = False


class DoneIn(Form):
    """Why something is done."""

    reason: Text


class MaybeIn(Form):
    """Why something is done, where somebody wants to say it."""

    reason: Text | None = None


class RecoveryIn(MaybeIn):
    """That those affected have recovered, and who has not."""

    not_yet: Annotated[
        list[OrganisationId], Field(max_length=500, description="These have not; say why.")
    ] = Field(default_factory=list)


class ClosureIn(DoneIn):
    """Why a case is closed."""

    early: Annotated[Early | None, Field(description="Why it ends before recovery.")] = None


class CrisisIn(MaybeIn):
    """A crisis, and what is delegated to the coordinator meanwhile."""

    topics: Annotated[list[Topic], Field(max_length=len(Topic))] = Field(default_factory=list)
    until: Annotated[Moment | None, Field(description="Until when that is delegated.")] = None


class ControlIn(MaybeIn):
    """Whether it is under control."""

    under_control: bool
    next_review: Moment | None = None


class ResponseIn(Form):
    """How far our organisation is."""

    state: ResponseState
    since: Annotated[Moment | None, Field(description="Since when, at the latest.")] = None
    since_earliest: Annotated[
        Moment | None, Field(description="Where that is uncertain: at the earliest.")
    ] = None
    text: Text | None = None
    alone: Alone = False


class OwnStatementIn(Form):
    """How our organisation is hit."""

    assessment: Stated
    text: Text | None = None
    alone: Alone = False


class JointIn(MaybeIn):
    """What all assessments come to, and how the coordinator sees it."""

    level: Annotated[
        Level | None, Field(description="Another level than the derived one; say why.")
    ] = None
    seen_at: Annotated[
        Moment | None,
        Field(description="When you looked; refused if another of you has told all since."),
    ] = None


class QuestionIn(Form):
    """What is put to the vote."""

    topic: Topic
    question: Text
    by: Annotated[
        Literal["majority", "unanimity"],
        Field(description="How it is counted, where the charter does not say."),
    ] = "majority"
    quorum: Annotated[int, Field(ge=0, le=500)] = 0
    options: Annotated[list[Option], Field(min_length=2, max_length=9)] = Field(
        default_factory=lambda: ["yes", "no"]
    )
    vote_until: Annotated[Moment | None, Field(description="In four hours if not given.")] = None


class BallotIn(Form):
    """A vote of our organisation."""

    option: Annotated[Option, Field(description="One of the options, or `abstained`.")]
    dissent: Text | None = None


class OutcomeIn(Form):
    """What the votes have come to."""

    outcome: Annotated[Option, Field(description="One of the options, or `none`.")]


class WithdrawalIn(MaybeIn):
    """That a question is taken back, or that too few have voted."""

    lapsed: bool = False


class CaseLineOut(Document):
    """A case in a list."""

    channel: str
    title: str
    tlp: TLP
    state: str
    crisis: bool
    exercise: bool
    severity: Annotated[Level | None, Field(description="As the coordinator said it last.")]
    is_ours: bool
    owner: str
    owner_name: str
    opened_at: Moment
    changed_at: Moment


class CasesOut(Document):
    """A page of cases, the newest changed first."""

    items: list[CaseLineOut]
    next: str | None


class ToldOut(Document):
    """How a word came to the coordinator, who wrote it down; the organisation did not sign it."""

    bundle: Annotated[str, Field(description="Hash of the statement, to confirm or dispute it.")]
    way: str
    at: Moment
    answer: Annotated[RelayAnswer, Field(description="What the organisation itself says of it.")]


class MemberStateOut(Document):
    """One organisation, and what it states."""

    organisation: str
    name: str
    roles: list[Role]
    is_us: bool
    takes_part: Annotated[bool, Field(description="It is neither observer nor authority.")]
    is_silent: Annotated[bool, Field(description="Nothing was heard from it so far.")]
    assess_by: Annotated[
        Moment | None,
        Field(
            description="By when it says how it is hit, by the charter: of who is silent, to the"
            " coordinator and to itself."
        ),
    ]
    response: ResponseState | None
    since: Moment | None
    since_earliest: Moment | None
    responded_at: Moment | None
    assessment: Annotated[
        dict[str, Any] | None, Field(description="Null: it has stated nothing to all.")
    ]
    assessed_at: Moment | None
    relayed: Annotated[bool, Field(description="A word here is the coordinator’s, on its behalf.")]
    response_told: Annotated[
        ToldOut | None, Field(description="Where `response` is the coordinator’s word.")
    ]
    assessment_told: Annotated[
        ToldOut | None, Field(description="Where `assessment` is the coordinator’s word.")
    ]
    suspended: Annotated[bool, Field(description="It gets and writes nothing for now.")]
    response_alone: Annotated[
        ResponseState | None,
        Field(description="Told the coordinator alone; null for whom that is not for."),
    ]
    assessment_alone: Annotated[
        dict[str, Any] | None,
        Field(description="Told the coordinator alone; null for whom that is not for."),
    ]


class CaseWordsOut(Document):
    """What was said with an act."""

    about: Annotated[str, Field(description="`case`, an organisation, or a decision.")]
    author: str
    author_name: str
    behalf: Annotated[str | None, Field(description="On whose behalf the coordinator says it.")]
    act: Act
    text: str | None
    tlp: TLP
    at: Moment


class BallotOut(Document):
    """One voter; silence is nobody's no."""

    organisation: str
    name: str
    option: Annotated[str | None, Field(description="Null: silent so far.")]
    relayed: Annotated[bool, Field(description="The coordinator’s word on its behalf.")]
    disowned: Annotated[
        str | None,
        Field(description="What a stolen key voted; the ledger counts it until it votes again."),
    ]


class CountOut(Document):
    """What the votes come to so far."""

    outcome: str
    quorate: bool
    settled: Annotated[bool, Field(description="No vote to come can change it.")]
    votes: dict[str, int]
    abstained: int
    silent: int


class DecisionOut(Document):
    """Something that is asked or was decided."""

    decision: str
    topic: str
    state: Literal["open", "taken", "lapsed", "withdrawn", "replaced"]
    text: str | None
    tlp: TLP
    by: By | None
    quorum: int | None
    options: list[str]
    vote_until: Moment | None
    votes: list[BallotOut]
    count: CountOut | None
    outcome: str | None
    authority: Annotated[
        str | None, Field(description="By whom: the coordinator, by delegation, or a vote.")
    ]
    facts_seq: Annotated[int | None, Field(description="The entry up to which was known.")]
    disowned: Annotated[
        bool, Field(description="The question, or its outcome, was a stolen key’s word.")
    ]
    is_doubted: Annotated[
        bool, Field(description="It would not be so without what a stolen key has said.")
    ]
    opened_at: Moment
    taken_at: Moment | None
    review_at: Moment | None


Word = Annotated[str | bool | None, Field(description="Null is *not stated*.")]


class GroundOut(Document):
    """A word that a line of the derivation stands on."""

    organisation: Annotated[str | None, Field(description="Null: it is a figure's.")]
    field: Asked
    word: Word


class LineOut(Document):
    """One line of the derivation."""

    rule: str
    before: Level
    after: Level
    sentence: str
    grounds: list[GroundOut]


class ChangeOut(Document):
    """What the level would be if one organisation stated another word."""

    organisation: str
    field: Asked
    stated: Word
    word: Word
    level: Level


class CoverageOut(Document):
    """How many of those that were asked have stated a field."""

    field: Asked
    stated: int
    asked: int


class FigureOut(Document):
    """What others are told of what five or more told the coordinator alone."""

    field: Asked
    kind: Annotated[str | None, Field(description="What is counted, where it is a count.")]
    as_of: Annotated[int, Field(description="The entry by which it was told.")]
    at_least: str | bool | None
    low: int | None
    high: Annotated[int | None, Field(description="Null: no upper end, or no count.")]
    sentence: str


class StandingOut(Document):
    """Where one topic stands that was told the coordinator alone."""

    field: Asked
    kind: str | None
    told: Annotated[int, Field(description="By how many.")]
    sentence: str


class KnownOut(Document):
    """What the coordinator alone knows; it never leaves its node."""

    level: Level
    lines: list[LineOut]
    standings: list[StandingOut]


class JointOut(Document):
    """The joint severity: as it was said, and as this node derives it."""

    said: Annotated[Level | None, Field(description="By the coordinator, for all.")]
    said_derived: Annotated[
        Level | None, Field(description="Where it said another level: the derived one, it says.")
    ]
    said_at: Moment | None
    derived: Annotated[
        Level, Field(description="By what is stated to all now, and the figures, on this node.")
    ]
    lines: list[LineOut]
    would_change: Annotated[
        list[ChangeOut], Field(description="The words that would make it another level.")
    ]
    coverage: list[CoverageOut]
    affected: int
    asked: int
    crisis_advised: bool
    figures: list[FigureOut]
    known: Annotated[
        KnownOut | None, Field(description="For who runs this case of ours; else null.")
    ]


class BasisOut(Document):
    """By which charter a case goes."""

    community: Annotated[str | None, Field(description="Null where we do not read it.")]
    charter: str | None
    why_none: Annotated[str | None, Field(description="Why it goes by no charter.")]
    replaced: Annotated[bool, Field(description="The community goes by another version now.")]
    took_over: Annotated[
        dict[str, Any], Field(description="The terms that it took over, and keeps.")
    ]


class FindingOut(Document):
    """A criterion for starting coordination."""

    criterion: Criterion
    answer: Answer
    sentence: str
    counts: Annotated[bool, Field(description="The charter lets it count.")]


class CaseOut(CaseLineOut):
    """One case, with all that is said and decided in it."""

    text: str | None
    control: Annotated[str | None, Field(description="Whether it is under control: `yes`, `no`.")]
    review_at: Moment | None
    organisations: list[MemberStateOut]
    words: Annotated[list[CaseWordsOut], Field(description="In order; the newest 200.")]
    decisions: Annotated[list[DecisionOut], Field(description="Open questions first.")]
    joint: JointOut
    basis: BasisOut
    criteria: Annotated[
        list[FindingOut], Field(description="What speaks for it; to who runs the case alone.")
    ]


class QuestionOut(Document):
    """A question that was put."""

    channel: str
    decision: Annotated[str, Field(description="STIX id of the note that holds it.")]

"""Forms of a directory, for the API and for `--json`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from hub.api.channel_models import OrganisationId
from hub.api.models import Document, Form, Moment
from hub.api.paging import PageQuery
from hub.channels.relay import MAX_NAME_CHARACTERS
from hub.community.directory import MAX_POINTS
from hub.community.directory_queries import Listed, People
from hub.community.directory_statement import LINE_CHARACTERS, NAME_CHARACTERS
from hub.community.directory_words import clock_words, zone_words
from hub.community.directory_writing import MAX_FACTS
from policies.directory import DAYS, Duty, Freshness, Hours, OnDuty, Sector, WayKind
from policies.tlp import TLP

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Clock = Annotated[str, Field(max_length=5, description="Like 08:00, by the clock there.")]
Line = Annotated[str, Field(min_length=1, max_length=LINE_CHARACTERS)]
Ref = Annotated[
    OrganisationId, Field(description="STIX id of the identity that holds its name and numbers.")
]


class HoursIn(Form):
    """When somebody is on duty, week after week."""

    days: Annotated[
        list[Day], Field(max_length=7, description="On which a turn begins; every day if none.")
    ] = Field(default_factory=list)
    begins: Clock = "00:00"
    ends: Annotated[
        Clock, Field(description="At or before its beginning, it is the next day's.")
    ] = "24:00"
    zone: Annotated[str, Field(max_length=40, description="Like Europe/Vienna, or +01:00.")] = "UTC"


class WayIn(Form):
    """One way to reach somebody."""

    kind: WayKind = WayKind.TELEPHONE
    words: Line
    out_of_band: Annotated[
        bool, Field(description="It works where the organisation's own systems are down.")
    ] = False
    ceiling: Annotated[
        TLP | None, Field(description="The strictest label of what may be told there.")
    ] = None


class ToldOfIn(Form):
    """Of whom it is stated: ourselves, or one that can't write now, and how we were told."""

    organisation: Annotated[
        OrganisationId | None, Field(description="Ourselves, if not given.")
    ] = None
    way: Annotated[
        Literal["telephone", "in-person", "e-mail", "message", "other"],
        Field(description="How they told us."),
    ] = "telephone"
    at: Annotated[Moment | None, Field(description="When they did; now, if not given.")] = None
    informant: Annotated[
        str | None, Field(min_length=1, max_length=MAX_NAME_CHARACTERS, description="Who did.")
    ] = None


class StatedPointIn(Form):
    """A contact point."""

    ref: Annotated[
        OrganisationId | None, Field(description="Of the one that it takes the place of.")
    ] = None
    name: Annotated[str, Field(min_length=1, max_length=NAME_CHARACTERS)]
    ways: Annotated[list[WayIn], Field(min_length=1, max_length=10)]
    duty: Duty = Duty.PRIMARY
    order: Annotated[int, Field(ge=1, le=99, description="1 is called first.")] = 1
    hours: Annotated[HoursIn | None, Field(description="Always, if not given.")] = None
    verified_at: Annotated[
        Moment | None, Field(description="When it was last found to be right.")
    ] = None


class ContactPointIn(ToldOfIn):
    """A contact point to add, or to put in the place of another."""

    point: StatedPointIn
    tlp: Annotated[TLP | None, Field(description="As before, if not given.")] = None


class ConstituencyIn(Form):
    """For whom an organisation answers."""

    sectors: Annotated[list[Sector], Field(max_length=len(Sector))] = Field(default_factory=list)
    as_numbers: Annotated[
        list[Annotated[int, Field(ge=1, le=2**32 - 1)]], Field(max_length=MAX_FACTS)
    ] = Field(default_factory=list)
    domains: Annotated[list[Line], Field(max_length=MAX_FACTS)] = Field(default_factory=list)
    ranges: Annotated[list[Line], Field(max_length=MAX_FACTS, description="Like 192.0.2.0/24.")] = (
        Field(default_factory=list)
    )
    services: Annotated[list[Line], Field(max_length=MAX_FACTS)] = Field(default_factory=list)


class AnswersForIn(ToldOfIn):
    """For whom an organisation answers; its contact points stay as they are."""

    constituency: ConstituencyIn


class DescriptionIn(ToldOfIn):
    """All that is stated of an organisation; what was stated before is replaced."""

    points: Annotated[list[StatedPointIn], Field(max_length=MAX_POINTS)]
    constituency: ConstituencyIn | None = None
    tlp: Annotated[TLP | None, Field(description="The channel's ceiling if not given.")] = None


class PointsIn(ToldOfIn):
    """Which contact points are meant."""

    refs: Annotated[
        list[OrganisationId], Field(max_length=MAX_POINTS, description="All, if none is named.")
    ] = Field(default_factory=list)


class PointOutIn(ToldOfIn):
    """Which contact point is meant."""

    ref: Ref


class DirectoryQuery(PageQuery):
    """How a directory is asked for."""

    name: Annotated[
        str | None,
        Field(max_length=200, description="Part of a name of an organisation or a contact point."),
    ] = None


class HoursOut(Document):
    """When somebody is on duty, week after week."""

    days: list[str]
    begins: str
    ends: str
    zone: str

    @model_validator(mode="before")
    @classmethod
    def _of_hours(cls, value: Any) -> Any:
        if not isinstance(value, Hours):
            return value
        return {
            "days": [DAYS[day] for day in sorted(value.days)],
            "begins": clock_words(value.begins),
            "ends": clock_words(value.ends),
            "zone": zone_words(value.zone),
        }


class ReachOut(Document):
    """One way to reach somebody."""

    kind: WayKind
    words: Annotated[str | None, Field(description="Null where you may not read it.")]
    link: str | None
    out_of_band: bool
    ceiling: TLP | None


class ContactOut(Document):
    """A contact point, as it stands now."""

    ref: str
    name: str
    is_readable: bool
    duty: Duty
    order: int
    hours: Annotated[HoursOut | None, Field(description="Null for always.")]
    on_duty: OnDuty
    next_at: Annotated[Moment | None, Field(description="When next, where it is not now.")]
    freshness: Freshness
    verified_at: Moment | None
    ways: Annotated[list[ReachOut], Field(description="Out of band first.")]
    tlp: TLP
    channel: str
    channel_name: str


class ConstituencyOut(Document):
    """For whom an organisation answers."""

    sectors: list[Sector]
    as_numbers: list[int]
    domains: list[str]
    ranges: list[str]
    services: list[str]


class ReachedOut(Document):
    """When an organisation last answered a check, by ledger time."""

    at: Moment
    minutes: int
    way: str
    relayed: bool


class ListedOut(Document):
    """One organisation in a directory."""

    organisation: str
    name: str
    own_name: Annotated[str | None, Field(description="To who manages members alone.")]
    private: Annotated[str | None, Field(description="Our own note; never sent.")]
    is_us: bool
    roles: list[str]
    membership: str
    without_node: bool
    described_at: Moment | None
    by_name: Annotated[str | None, Field(description="Who said it, where they did not.")]
    contacts: Annotated[list[ContactOut], Field(description="In the order to call them.")]
    constituency: ConstituencyOut | None
    reached: ReachedOut | None


class DirectoryOut(Document):
    """A page of a directory, those with somebody on duty now first."""

    items: list[ListedOut]
    next: str | None


class PeopleOut(Document):
    """Whom to call at an organisation about an incident, in order."""

    organisation: str
    name: str
    people: list[ContactOut]


class PeopleListOut(Document):
    """A page of whom to call."""

    items: list[PeopleOut]
    next: str | None


def listed_document(row: Listed) -> ListedOut:
    """Give one organisation as the API shows it."""
    return ListedOut.model_validate(row, from_attributes=True)


def people_document(row: People) -> PeopleOut:
    """Give whom to call as the API shows it."""
    return PeopleOut.model_validate(row, from_attributes=True)

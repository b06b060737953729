"""What the forms of a case's room hold."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field as Bounded
from pydantic import StringConstraints

from hub.cases import course
from hub.channels.inviting import INVITED_AT_ONCE
from hub.web.forms import PageForm
from policies.assessment import (
    Assessment,
    Danger,
    FunctionalImpact,
    InformationImpact,
    PersonalData,
    Recoverability,
    ResponseState,
    Span,
)
from policies.decisions import Topic
from policies.errors import InvalidError
from policies.matrix import Level
from policies.roles import Role
from policies.tlp import TLP

Title = Annotated[str, StringConstraints(max_length=course.MAX_TITLE_CHARACTERS)]
Text = Annotated[str, StringConstraints(max_length=20_000)]
Word = Annotated[str, StringConstraints(max_length=40)]
Organisation = Annotated[str, StringConstraints(max_length=60)]
Count = Annotated[int, Bounded(ge=0, le=10**12)]


class CaseForm(PageForm):
    """A case that is to be opened."""

    title: Title
    text: Text
    ceiling: TLP = TLP.AMBER
    exercise: Literal["yes"] | None = None
    community: Organisation | None = None
    no_charter: Text | None = None
    report: Annotated[str, StringConstraints(max_length=140)] | None = None
    """Where the report stands that it is opened from: channel and id."""
    alike_seen: Literal["yes"] | None = None
    """Whoever opens it has seen what is like it already."""


class InvitationsForm(PageForm):
    """Who is invited into a case, as what, and by when they answer."""

    organisations: list[Organisation] = Bounded(min_length=1, max_length=INVITED_AT_ONCE)
    role: Role
    reason: Annotated[str, StringConstraints(max_length=4_000)] | None = None
    reply_hours: Literal["", "1", "4", "24", "72"] = ""


class ReasonForm(PageForm):
    """Why something is done."""

    reason: Text


class MaybeReasonForm(PageForm):
    """Why something is done, where somebody wants to say it."""

    reason: Text | None = None


class ClosingForm(PageForm):
    """Why a case is closed."""

    reason: Text
    early: Literal["false-alarm", "one-organisation", "taken-on"] | None = None


class RecoveredForm(PageForm):
    """Who has not recovered yet, and why."""

    not_yet: list[Organisation] = Bounded(default_factory=list, max_length=500)
    reason: Text | None = None


class ControlForm(PageForm):
    """Whether it is under control."""

    under_control: Literal["yes", "no"]
    reason: Text | None = None


class ResponseForm(PageForm):
    """How far we are."""

    state: ResponseState
    since: datetime | None = None
    text: Text | None = None
    alone: Literal["yes"] | None = None


class StatedForm(PageForm):
    """How an organisation is hit; what is left out is not stated."""

    functional_impact: FunctionalImpact | None = None
    information_impact: InformationImpact | None = None
    recoverability: Recoverability | None = None
    essential_service: Literal["yes", "no"] | None = None
    danger: Danger | None = None
    still_spreading: Literal["yes", "no"] | None = None
    personal_data: PersonalData | None = None
    confidence: Annotated[int, Bounded(ge=0, le=100)] | None = None
    systems_low: Count | None = None
    systems_high: Count | None = None
    text: Text | None = None


class AssessmentForm(StatedForm):
    """How we are hit, and for whom."""

    alone: Literal["yes"] | None = None


class JointForm(PageForm):
    """What the coordinator makes of it."""

    level: Level | None = None
    reason: Text | None = None
    seen_at: datetime | None = None
    """When the page was shown that the form stands on."""


class QuestionForm(PageForm):
    """What is put to the vote."""

    topic: Topic
    question: Text
    by: Literal["majority", "unanimity"] = "majority"
    vote_until: datetime | None = None


class VoteForm(PageForm):
    """A vote."""

    option: Word
    dissent: Text | None = None


class OutcomeForm(PageForm):
    """What the votes have come to."""

    outcome: Word


def stated_by(form: StatedForm) -> Assessment:
    """Give what a form states.

    Raises:
        InvalidError: the numbers are the wrong way round.
    """
    low, high = form.systems_low, form.systems_high
    if low is None and high is not None:
        raise InvalidError("say how many at least", field="systems_low")
    if low is not None and high is not None and low > high:
        raise InvalidError("fewer than at least", field="systems_high")
    counts = {} if low is None else {"system": Span(low, high if high is not None else low)}
    return Assessment(
        functional_impact=form.functional_impact,
        information_impact=form.information_impact,
        recoverability=form.recoverability,
        essential_service=_yes(form.essential_service),
        danger=form.danger,
        still_spreading=_yes(form.still_spreading),
        personal_data=form.personal_data,
        confidence=form.confidence,
        counts=counts,
    )


def _yes(word: str | None) -> bool | None:
    return None if word is None else word == "yes"

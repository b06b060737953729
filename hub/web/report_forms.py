"""What the forms about reports hold."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import StringConstraints

from hub.reports import intel, recording
from hub.web.forms import PageForm
from policies.reports import (
    Attribution,
    Certainty,
    FalseAlarm,
    LocalStep,
    ReportKind,
    ReportOutcome,
    Triage,
)
from policies.tlp import TLP

Title = Annotated[str, StringConstraints(max_length=recording.MAX_TITLE_CHARACTERS)]
Text = Annotated[str, StringConstraints(max_length=recording.MAX_TEXT_CHARACTERS)]
Organisation = Annotated[str, StringConstraints(max_length=60)]
Pasted = Annotated[str, StringConstraints(max_length=intel.MAX_PASTED_CHARACTERS)]
Category = Annotated[str, StringConstraints(max_length=64)]


class ReportForm(PageForm):
    """What was seen."""

    title: Title
    text: Text
    kind: ReportKind
    certainty: Certainty = Certainty.SUSPECTED
    category: Category | None = None
    tlp: TLP = TLP.AMBER
    occurred_at: datetime | None = None
    discovered_at: datetime | None = None
    pasted: Pasted | None = None
    to: Organisation | None = None


class SubmissionForm(PageForm):
    """To whom a report goes, and how they may pass it on."""

    to: Organisation
    attribution: Attribution = Attribution.NAMED
    text: Text | None = None
    tlp: TLP | None = None
    help_wanted: Literal["yes"] | None = None
    observed_too: Literal["yes"] | None = None


class StepForm(PageForm):
    """What becomes of a report here."""

    step: LocalStep
    reason: Text | None = None


class AcknowledgementForm(PageForm):
    """That a report has arrived."""

    text: Text | None = None
    next_contact: datetime | None = None


class TriageForm(PageForm):
    """What a report is taken for."""

    taken_for: Triage
    false_alarm: FalseAlarm | None = None
    text: Text | None = None


class LinkForm(PageForm):
    """The case that a report becomes part of."""

    case: Annotated[str, StringConstraints(max_length=36)]


class ClosingForm(PageForm):
    """What became of a report."""

    outcome: ReportOutcome
    text: Text | None = None


class WordsForm(PageForm):
    """Something to say about a report."""

    text: Text


class ReasonForm(PageForm):
    """Why, where somebody wants to say it."""

    text: Text | None = None

"""Forms of reports, for the API and for `--json`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from federation.ledgers.channels import Written
from hub.api.channel_documents import written_document
from hub.api.channel_models import ChannelId, OrganisationId, WrittenOut
from hub.api.models import Document, Form, Moment
from hub.api.paging import PageQuery
from hub.reports.intel import MAX_PASTED_CHARACTERS
from hub.reports.queries import INDICATORS_SHOWN, WORDS_SHOWN, Indicator, Travelled, Words
from hub.reports.recorded import Local
from hub.reports.recording import MAX_TEXT_CHARACTERS, MAX_TITLE_CHARACTERS
from policies.acts import Act
from policies.likeness import Likeness
from policies.reports import (
    Attribution,
    Certainty,
    FalseAlarm,
    LocalState,
    LocalStep,
    ReportKind,
    ReportOutcome,
    ReportState,
    Triage,
    open_steps,
)
from policies.tlp import TLP

Title = Annotated[str, Field(min_length=1, max_length=MAX_TITLE_CHARACTERS)]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
Category = Annotated[
    str | None,
    Field(max_length=64, description="A type of the Reference Security Incident Taxonomy."),
]
Reference = Annotated[
    str,
    Field(
        max_length=40,
        pattern=r"^[A-Z0-9][A-Z0-9._/-]*$",
        description="A reference number, as in CERT-2026-40782.",
    ),
]


class LocalQuery(PageQuery):
    """How a page of what was recorded here is asked for."""

    state: Annotated[LocalState | None, Field(description="Any, if not given.")] = None


class LocalReportLineOut(Document):
    """A report on the node that recorded it, in a list."""

    id: str
    kind: ReportKind
    certainty: Certainty
    state: LocalState
    title: str
    category: str | None
    tlp: TLP
    occurred_at: Moment | None
    discovered_at: Moment | None
    recorded_by: str
    recorded_at: Moment
    changed_at: Moment
    version: Annotated[int, Field(description="Counts on with each change.")]
    submitted_to: Annotated[str | None, Field(description="The organisation that it went to.")]
    report: Annotated[
        str | None, Field(description="The STIX id under which that organisation knows it.")
    ]


class LocalReportOut(LocalReportLineOut):
    """A report on the node that recorded it."""

    text: str
    pasted: Annotated[str | None, Field(description="Intelligence beside the words.")]
    reason: Annotated[str | None, Field(description="Why it was set aside, or taken up again.")]
    open_steps: list[LocalStep]
    channel: Annotated[
        str | None, Field(description="The direct channel in which it was submitted.")
    ]


class LocalReportsOut(Document):
    """A page of what was recorded here, newest first."""

    items: list[LocalReportLineOut]
    next: str | None


class TravelledLineOut(Document):
    """A report between two organisations, in a list."""

    is_ours: Annotated[bool, Field(description="We have sent it; else it came to us.")]
    channel: Annotated[str, Field(description="The reporter's direct channel.")]
    report: Annotated[str, Field(description="STIX id of the object that says what is reported.")]
    reporter: str
    reporter_name: str
    addressee: str
    addressee_name: str
    kind: ReportKind
    certainty: Certainty
    attribution: Annotated[
        Attribution, Field(description="How others may be told of whom it comes from.")
    ]
    category: str | None
    help_wanted: bool
    redacted: Annotated[bool, Field(description="The reporter has more than this.")]
    title: str
    tlp: TLP
    state: ReportState
    submitted_at: Annotated[Moment, Field(description="Ledger time, as the reporter claims it.")]
    received_at: Annotated[Moment, Field(description="When this node took it in.")]
    changed_at: Annotated[Moment, Field(description="Ledger time of the newest word about it.")]
    reference: Annotated[str | None, Field(description="That the addressee gave it.")]
    next_contact: Moment | None
    triaged_as: Triage | None
    false_alarm: Annotated[FalseAlarm | None, Field(description="Why it is one.")]
    outcome: ReportOutcome | None
    asked_again: Annotated[
        bool, Field(description="The reporter does not leave it at how it was closed.")
    ]
    case: Annotated[
        str | None,
        Field(description="Which it has become part of, where this node has a part in that."),
    ]


class TravelledsOut(Document):
    """A page of reports between two organisations, newest first."""

    items: list[TravelledLineOut]
    next: str | None


class WordsOut(Document):
    """What was said with one act about a report."""

    author: str
    author_name: str
    act: Act
    text: str | None
    tlp: TLP
    at: Moment


class IndicatorOut(Document):
    """Something to look for that a report names."""

    name: str
    pattern: str
    tlp: TLP


class AlikeOut(TravelledLineOut):
    """Another report that came to us and names the same things to look for."""

    same_count: Annotated[int, Field(description="How many of them.")]
    same_host_count: Annotated[
        int,
        Field(description="How many hosts, where a place on it is named: that is weaker."),
    ]


class TravelledOut(TravelledLineOut):
    """A report between two organisations, with all that was said of it."""

    text: Annotated[str | None, Field(description="Null where it is not to be read here.")]
    bundle: Annotated[str, Field(description="Hash of the bundle that submitted it.")]
    closing: Annotated[
        str | None, Field(description="Hash of the closing that stands, which asking again names.")
    ]
    words: Annotated[
        list[WordsOut],
        Field(description=f"In the order in which they were said; the newest {WORDS_SHOWN}."),
    ]
    indicators: Annotated[
        list[IndicatorOut], Field(description=f"Each thing once; {INDICATORS_SHOWN} at most.")
    ]
    alike: list[AlikeOut]
    answer_by: Annotated[
        Moment | None,
        Field(description="By when it is to be acknowledged, by a charter that binds both."),
    ]


class LocalReportIn(Form):
    """What somebody says of an event."""

    kind: ReportKind
    title: Annotated[Title, Field(description="One line.")]
    text: Text
    certainty: Certainty = Certainty.SUSPECTED
    category: Category = None
    tlp: TLP = TLP.AMBER
    occurred_at: Moment | None = None
    discovered_at: Moment | None = None
    pasted: Annotated[
        str | None,
        Field(
            max_length=MAX_PASTED_CHARACTERS,
            description="A MISP event, STIX, or any text: what it names to look for goes along.",
        ),
    ] = None


class LocalReportChangeIn(LocalReportIn):
    """The whole of it, said otherwise: what is left out is no longer said."""

    version: Annotated[
        int | None,
        Field(ge=1, description="That was read before: refused where it is not the newest."),
    ] = None


class AssessmentIn(Form):
    """What it is taken for on the own node."""

    kind: ReportKind
    certainty: Certainty
    category: Annotated[Category, Field(description="As it is, if not given.")] = None


class WhyIn(Form):
    """Why it is set aside or taken up again."""

    reason: Text


class HandlingIn(Form):
    """That it is handled here alone."""

    reason: Text | None = None


class SubmissionIn(Form):
    """To whom a report goes, and in which form."""

    to: OrganisationId
    attribution: Attribution = Attribution.NAMED
    title: Annotated[
        Title | None, Field(description="Said instead of the recorded one: not all may leave.")
    ] = None
    text: Annotated[
        Text | None, Field(description="Said instead of the recorded one: not all may leave.")
    ] = None
    tlp: Annotated[TLP | None, Field(description="As recorded, if not given.")] = None
    help_wanted: bool = False
    observed_too: Annotated[
        bool,
        Field(description="What is not meant for detection (of MISP: `to_ids` off) goes, too."),
    ] = False


class ReportAcknowledgementIn(Form):
    """That a report has arrived."""

    reference: Annotated[
        Reference | None, Field(description="The next of this year, if not given.")
    ] = None
    next_contact: Annotated[Moment | None, Field(description="When it will hear again.")] = None
    text: Text | None = None


class TriageIn(Form):
    """What a report is taken for."""

    taken_for: Triage
    false_alarm: Annotated[
        FalseAlarm | None, Field(description="Why; with `false-alarm`, and with nothing else.")
    ] = None
    text: Text | None = None


class LinkIn(Form):
    """The case of ours that a report has become part of."""

    case: ChannelId


class ClosingIn(Form):
    """What became of a report."""

    outcome: ReportOutcome
    text: Text | None = None


class WordsIn(Form):
    """Some words about a report."""

    text: Text


class WithdrawalIn(Form):
    """That a report of ours no longer holds."""

    reason: Text | None = None


def local_line(local: Local) -> LocalReportLineOut:
    """Give a recorded report as a list shows it."""
    return LocalReportLineOut(**_fields(local, LocalReportLineOut))


def local_document(local: Local, channel: str | None) -> LocalReportOut:
    """Give a recorded report as the API shows it.

    Args:
        channel: in which it was submitted.
    """
    steps = open_steps(local.state)
    return LocalReportOut(
        **_fields(local, LocalReportOut),
        open_steps=[one for one in LocalStep if one in steps],
        channel=channel,
    )


def travelled_line(found: Travelled) -> TravelledLineOut:
    """Give a report between two organisations as a list shows it."""
    return TravelledLineOut(**_fields(found, TravelledLineOut))


def travelled_document(
    found: Travelled,
    *,
    words: Iterable[Words],
    indicators: Iterable[Indicator],
    alike: Iterable[tuple[Travelled, Likeness]],
    answer_by: datetime | None,
) -> TravelledOut:
    """Give a report between two organisations as the API shows it."""
    return TravelledOut(
        **_fields(found, TravelledOut),
        words=[WordsOut(**asdict(one)) for one in words],
        indicators=[IndicatorOut(**asdict(one)) for one in indicators],
        alike=[alike_document(one, how) for one, how in alike],
        answer_by=answer_by,
    )


def alike_document(found: Travelled, how: Likeness) -> AlikeOut:
    """Give another report that names the same, as the API shows it."""
    line = _fields(found, TravelledLineOut)
    return AlikeOut(**line, same_count=how.same, same_host_count=how.hosts)


def written_report(act: Act, written: Written) -> WrittenOut:
    """Give what became of a write into our own direct channel, which is history at once."""
    channel = written.entry.entry.channel if written.entry is not None else ""
    return written_document(channel, act, written)


def _fields(value: Local | Travelled, model: type[Document]) -> dict[str, Any]:
    return {name: item for name, item in asdict(value).items() if name in model.model_fields}

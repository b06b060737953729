"""What there is to look for in a case, as the API and `--json` show it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from hub.api.models import Document, Form
from hub.cases.intel import IntelItem
from hub.reports.intel import MAX_PASTED_CHARACTERS, Intel
from policies.intel import IntelKind, Standing, Verdict
from policies.tlp import TLP
from sharing.formats.recognised import Finding, Kind


class PastedIn(Form):
    """What may be shared."""

    pasted: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_PASTED_CHARACTERS,
            description="Text, a MISP event or STIX; what it names goes out as indicators.",
        ),
    ]


class IntelIn(PastedIn):
    """What is to be shared."""

    observed_too: Annotated[
        bool,
        Field(description="What is not meant for detection (of MISP: `to_ids` off) goes, too."),
    ] = False
    tlp: Annotated[TLP | None, Field(description="As the case has it, where none is given.")] = None


class SightingIn(Form):
    """What we found of something to look for."""

    verdict: Verdict


class FoundOut(Document):
    """The newest word of one organisation on it."""

    organisation: str
    name: str
    verdict: Verdict


class FindingOut(Document):
    """Something that is recognised in what was pasted."""

    kind: Kind
    name: str
    pattern: str
    tlp: Annotated[TLP | None, Field(description="Its publisher's label.")]


class LeftOutOut(Document):
    """What was there and is not taken."""

    what: Annotated[str, Field(description="Its kind, in the words of its form.")]
    reason: str
    count: int
    values: Annotated[list[str], Field(description="Some of them, the first ones first.")]


class RecognitionOut(Document):
    """What of something pasted would be shared, and what would not."""

    findings: list[FindingOut]
    observed: Annotated[
        list[FindingOut], Field(description="Not meant for detection: not shared by itself.")
    ]
    more_count: Annotated[int, Field(description="How many more there are than go at once.")]
    left_out: list[LeftOutOut]


class IntelItemOut(Document):
    """Something to look for, a sighting of it, or a note."""

    ref: str
    kind: IntelKind
    organisation: str
    name: str
    author: Annotated[str, Field(description="Who wrote it, and alone may revoke it.")]
    author_name: str
    relayed: bool
    title: str | None
    text: str | None
    pattern: str | None
    about: Annotated[str | None, Field(description="Of a sighting: what was sighted.")]
    about_title: str | None
    verdict: Verdict | None
    standing: Standing
    valid_until: datetime | None
    tlp: TLP
    said_at: datetime
    found: list[FoundOut]


class IntelOut(Document):
    """A page of what is shared, newest first."""

    items: list[IntelItemOut]
    next: str | None


def intel_document(item: IntelItem) -> IntelItemOut:
    """Give something that is shared as the API shows it."""
    values = {name: getattr(item, name) for name in IntelItemOut.model_fields if name != "found"}
    found = [
        FoundOut(organisation=one.organisation, name=one.name, verdict=one.verdict)
        for one in item.found
    ]
    return IntelItemOut(**values, found=found)


def recognition_document(intel: Intel) -> RecognitionOut:
    """Give what was recognised as the API shows it."""
    return RecognitionOut(
        findings=[_finding(one) for one in intel.findings],
        observed=[_finding(one) for one in intel.observed],
        more_count=intel.more_count,
        left_out=[
            LeftOutOut(what=one.what, reason=one.reason, count=one.count, values=list(one.values))
            for one in intel.left_out
        ],
    )


def _finding(one: Finding) -> FindingOut:
    return FindingOut(kind=one.kind, name=one.name, pattern=one.pattern, tlp=one.marking.tlp)

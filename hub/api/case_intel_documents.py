"""What there is to look for in a case, as the API and `--json` show it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from hub.api.models import Document, Form
from hub.cases.intel import IntelItem
from hub.reports.intel import MAX_PASTED_CHARACTERS
from policies.intel import IntelKind, Standing, Verdict
from policies.tlp import TLP


class IntelIn(Form):
    """What is to be shared."""

    pasted: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_PASTED_CHARACTERS,
            description="Text, a MISP event or STIX; what it names goes out as indicators.",
        ),
    ]
    tlp: Annotated[TLP | None, Field(description="As the case has it, where none is given.")] = None


class SightingIn(Form):
    """What we found of something to look for."""

    verdict: Verdict


class FoundOut(Document):
    """The newest word of one organisation on it."""

    organisation: str
    name: str
    verdict: Verdict


class IntelItemOut(Document):
    """Something to look for, a sighting of it, or a note."""

    ref: str
    kind: IntelKind
    organisation: str
    name: str
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

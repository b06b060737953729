"""The intelligence of the story: a published MISP event, as indicators of whoever shares it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib import resources

from policies.errors import InvalidError
from policies.tlp import TLP
from sharing import stix
from sharing.formats.recognise import recognise
from sharing.formats.recognised import Finding, Form
from sharing.objects import StixObject


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """What somebody published of an attack."""

    uuid: str
    title: str
    publisher: str
    date: datetime
    findings: tuple[Finding, ...]


def published_event_3cx() -> PublishedEvent:
    """Give the event that the story is about; its licence lies beside it."""
    path = resources.files("hub.demo").joinpath("data/3cx/event.misp.json")
    return read_event(path.read_bytes())


def read_event(data: bytes) -> PublishedEvent:
    """Read one MISP event that says whose it is and gives something for detection.

    Raises:
        InvalidError: it is not such an event.
    """
    recognised = recognise(data)
    if recognised.form is not Form.MISP or len(recognised.publications) != 1:
        raise InvalidError("this is not one MISP event")
    (publication,) = recognised.publications
    match publication.reference, publication.title, publication.publisher, publication.date:
        case str() as uuid, str() as title, str() as publisher, datetime() as date:
            pass
        case _:
            raise InvalidError("this MISP event does not say what it is, whose, and of what day")
    if not recognised.findings:
        raise InvalidError("this MISP event gives nothing for detection")
    return PublishedEvent(uuid, title, publisher, date, recognised.findings)


def build_indicators(
    event: PublishedEvent, *, created_by: str, marking: TLP, now: datetime
) -> list[StixObject]:
    """Build an indicator of each finding, authored by who shares it and naming its source.

    Args:
        event: as it was published.
        created_by: the id of the sharing organisation's identity.
        marking: the label under which that organisation shares.
        now: when it does.
    """
    source = {
        "source_name": event.publisher,
        "description": event.title,
        "external_id": event.uuid,
    }
    return [
        stix.indicator(
            finding.pattern,
            name=finding.name,
            description=finding.description or f"Published by {event.publisher}.",
            indicator_types=["malicious-activity"],
            valid_from=finding.first_seen or event.date,
            external_references=[source],
            created_by=created_by,
            marking=marking,
            now=now,
        )
        for finding in event.findings
    ]

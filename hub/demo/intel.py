"""The intelligence of the story: a published MISP event, as indicators of whoever shares it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any, Final

from policies.errors import InvalidError
from policies.tlp import TLP
from sharing import stix
from sharing.canonical import read_json
from sharing.objects import StixObject

MAX_EVENT_BYTES: Final = 1 << 20

_HASHES: Final[Mapping[str, str]] = {"sha256": "SHA-256", "sha1": "SHA-1", "md5": "MD5"}
_ADDRESSES: Final[Mapping[str, str]] = {"domain": "domain-name:value", "url": "url:value"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing of an event by which an attack can be detected."""

    name: str
    pattern: str
    description: str | None
    first_seen: datetime | None


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
    """Read a MISP event: files by their hashes, domains and addresses.

    Only what the publisher gives for detection becomes a finding. The rest is context: a file
    host that an attacker used serves honest people too.

    Raises:
        InvalidError: it is not JSON, or not one MISP event.
    """
    document = read_json(data, limit_bytes=MAX_EVENT_BYTES)
    try:
        (response,) = document["response"]
        event = response["Event"]
        detected_as = _signatures(event["Object"])
        findings = [
            finding for thing in event["Object"] for finding in _findings(thing, detected_as)
        ]
        return PublishedEvent(
            uuid=event["uuid"],
            title=event["info"],
            publisher=event["Orgc"]["name"],
            date=datetime.strptime(event["date"], "%Y-%m-%d").replace(tzinfo=UTC),
            findings=tuple(findings),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidError("this is not one MISP event") from error


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


def _findings(thing: Mapping[str, Any], detected_as: Mapping[str, str]) -> Iterator[Finding]:
    given = [one for one in thing["Attribute"] if one["to_ids"]]
    hashes = {one["type"]: one["value"] for one in given if one["type"] in _HASHES}
    if hashes:
        comparisons = [
            _equals(f"file:hashes.'{_HASHES[kind]}'", hashes[kind])
            for kind in _HASHES
            if kind in hashes
        ]
        names = [one["value"] for one in thing["Attribute"] if one["type"] == "filename"]
        yield Finding(
            name=f"File {names[0] if names else next(iter(hashes.values()))}",
            pattern=f"[{' OR '.join(comparisons)}]",
            description=_description(thing, detected_as),
            first_seen=_first_seen(thing),
        )
    for one in given:
        if one["type"] in _ADDRESSES:
            yield Finding(
                name=f"{one['type'].capitalize()} {one['value']}",
                pattern=f"[{_equals(_ADDRESSES[one['type']], one['value'])}]",
                description=_description(thing, detected_as),
                first_seen=_first_seen(thing),
            )


def _equals(path: str, value: str) -> str:
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{path} = '{quoted}'"


def _signatures(things: list[Mapping[str, Any]]) -> dict[str, str]:
    """Give the names under which scanners know things: uuid → name."""
    return {
        thing["uuid"]: one["value"]
        for thing in things
        if thing["name"] == "av-signature"
        for one in thing["Attribute"]
        if one["object_relation"] == "signature"
    }


def _description(thing: Mapping[str, Any], detected_as: Mapping[str, str]) -> str | None:
    names = [
        detected_as[reference["referenced_uuid"]]
        for reference in thing.get("ObjectReference", ())
        if reference["relationship_type"] == "detected-as"
    ]
    sentences = [thing.get("comment", ""), *(f"Detected as {name}." for name in names)]
    return " ".join(filter(None, sentences)) or None


def _first_seen(thing: Mapping[str, Any]) -> datetime | None:
    seen = thing.get("first_seen")
    return None if seen is None else datetime.fromisoformat(seen).astimezone(UTC)

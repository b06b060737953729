"""STIX 2.1: builders for what we write, and the definition of our one extension.

What is written here passes the OASIS validator, has exactly three fractional digits on every
time, and names who created it.

Source: STIX 2.1, 3.2, 4 and 7; coordination protocol, 6.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

from policies.tlp import MARKINGS, TLP
from sharing.canonical import read_time, write_time
from sharing.objects import StixObject

SIGNED_BUNDLE_EXTENSION: Final = "extension-definition--ccdc6f67-242b-460a-8fd8-aaae3376b87b"
PROJECT_IDENTITY: Final = "identity--7f3b1c52-90d4-4a0e-8a56-2d1c9be04e11"
"""Who defined our extension; the same on every node."""

NONCE_EXTENSION: Final = "extension-definition--5d0c3a57-2c1e-4b8e-9f64-0b7f1a6e2d93"
"""Something random in a short object, so that nobody guesses it by its hash."""

_PROJECT_TIME: Final = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
_LEAST_STEP: Final = timedelta(milliseconds=1)


def new_id(stix_type: str) -> str:
    """Make up an id (UUID version 4)."""
    return f"{stix_type}--{uuid.uuid4()}"


def channel_identity_id(channel_id: str) -> str:
    """Give the id of the identity that creates what belongs to a channel."""
    return f"identity--{channel_id}"


def build(
    stix_type: str,
    properties: Mapping[str, Any],
    *,
    created_by: str,
    now: datetime,
    marking: TLP | None = None,
    stix_id: str | None = None,
) -> StixObject:
    """Build the first version of an object.

    Args:
        properties: those of its type; `None`, empty lists and empty text are left out, as STIX
            forbids them.
        created_by: the id of an identity.
    """
    moment = write_time(now)
    value: dict[str, Any] = {
        "type": stix_type,
        "spec_version": "2.1",
        "id": stix_id or new_id(stix_type),
        "created_by_ref": created_by,
        "created": moment,
        "modified": moment,
    }
    if marking is not None:
        value["object_marking_refs"] = [marking.marking_id]
    value.update(_given(properties))
    return StixObject.of(value)


def nonce_extension(nonce: str) -> dict[str, str]:
    """Give the extension that holds something random, in hex digits.

    Source: coordination protocol, 5 (*Late joiners*: the hash of a short object can be guessed).
    """
    return {"extension_type": "property-extension", "nonce": nonce}


def new_version(old: StixObject, changes: Mapping[str, Any], *, now: datetime) -> StixObject:
    """Build the version of one of our own objects that follows; `None` takes a property away.

    Its `modified` is at least a millisecond after the old one's, whatever the clock says.
    """
    kept = {name: item for name, item in old.value.items() if name not in changes}
    before = read_time(str(old.value["modified"])) + _LEAST_STEP
    return StixObject.of(
        {**kept, **_given(changes), "modified": write_time(max(now, before))},
    )


def identity(
    name: str,
    *,
    now: datetime,
    stix_id: str | None = None,
    identity_class: str = "organization",
    description: str | None = None,
    sectors: Iterable[str] = (),
    contact_information: str | None = None,
    marking: TLP | None = None,
) -> StixObject:
    """Build an identity that speaks for itself: it is its own creator."""
    stix_id = stix_id or new_id("identity")
    properties = {
        "name": name,
        "description": description,
        "identity_class": identity_class,
        "sectors": list(sectors),
        "contact_information": contact_information,
    }
    return build(
        "identity", properties, created_by=stix_id, now=now, marking=marking, stix_id=stix_id
    )


def note(
    content: str,
    *,
    about: Iterable[str],
    created_by: str,
    now: datetime,
    abstract: str | None = None,
    authors: Iterable[str] = (),
    marking: TLP | None = None,
    nonce: str | None = None,
) -> StixObject:
    """Build a note about at least one object.

    Args:
        nonce: something random, in hex digits, where not everybody may guess what it says.
    """
    properties = {
        "abstract": abstract,
        "extensions": {NONCE_EXTENSION: nonce_extension(nonce)} if nonce else None,
        "content": content,
        "authors": list(authors),
        "object_refs": list(about),
    }
    return build("note", properties, created_by=created_by, now=now, marking=marking)


def opinion(
    opinion: str,
    *,
    about: Iterable[str],
    created_by: str,
    now: datetime,
    explanation: str | None = None,
    marking: TLP | None = None,
) -> StixObject:
    """Build an opinion: `strongly-disagree`, `disagree`, `neutral`, `agree`, `strongly-agree`."""
    properties = {"explanation": explanation, "opinion": opinion, "object_refs": list(about)}
    return build("opinion", properties, created_by=created_by, now=now, marking=marking)


def indicator(  # noqa: PLR0913 - each is a property that STIX defines
    pattern: str,
    *,
    name: str,
    created_by: str,
    now: datetime,
    valid_from: datetime | None = None,
    description: str | None = None,
    indicator_types: Iterable[str] = (),
    pattern_type: str = "stix",
    pattern_version: str = "2.1",
    labels: Iterable[str] = (),
    external_references: Iterable[Mapping[str, Any]] = (),
    marking: TLP | None = None,
) -> StixObject:
    """Build an indicator; `pattern_version` is always written, as common software adds it."""
    properties = {
        "name": name,
        "description": description,
        "indicator_types": list(indicator_types),
        "pattern": pattern,
        "pattern_type": pattern_type,
        "pattern_version": pattern_version,
        "valid_from": write_time(valid_from or now),
        "labels": list(labels),
        "external_references": [dict(reference) for reference in external_references],
    }
    return build("indicator", properties, created_by=created_by, now=now, marking=marking)


def sighting(  # noqa: PLR0913 - each is a property that STIX defines
    sighting_of: str,
    *,
    created_by: str,
    now: datetime,
    first_seen: datetime | None = None,
    last_seen: datetime | None = None,
    count: int | None = None,
    where_sighted: Iterable[str] = (),
    description: str | None = None,
    labels: Iterable[str] = (),
    marking: TLP | None = None,
) -> StixObject:
    """Build a sighting of a domain object."""
    properties = {
        "description": description,
        "first_seen": None if first_seen is None else write_time(first_seen),
        "last_seen": None if last_seen is None else write_time(last_seen),
        "count": count,
        "sighting_of_ref": sighting_of,
        "where_sighted_refs": list(where_sighted),
        "labels": list(labels),
    }
    return build("sighting", properties, created_by=created_by, now=now, marking=marking)


def relationship(
    relationship_type: str,
    source: str,
    target: str,
    *,
    created_by: str,
    now: datetime,
    description: str | None = None,
    marking: TLP | None = None,
) -> StixObject:
    """Build a relationship between two objects."""
    properties = {
        "relationship_type": relationship_type,
        "description": description,
        "source_ref": source,
        "target_ref": target,
    }
    return build("relationship", properties, created_by=created_by, now=now, marking=marking)


@cache
def tlp_marking(label: TLP) -> StixObject:
    """Give the marking definition of a label, as OASIS defines it."""
    return StixObject.of(dict(MARKINGS[label]))


def statement_marking(statement: str, *, created_by: str, now: datetime) -> StixObject:
    """Build a marking that states terms of use or a copyright; it does not decide who may read."""
    return StixObject.of(
        {
            "type": "marking-definition",
            "spec_version": "2.1",
            "id": new_id("marking-definition"),
            "created_by_ref": created_by,
            "created": write_time(now),
            "definition_type": "statement",
            "definition": {"statement": statement},
        }
    )


@cache
def signed_bundle_schema() -> Mapping[str, Any]:
    """Give the JSON Schema of a signed bundle."""
    text = resources.files("sharing").joinpath("schemas/signed-bundle.json").read_text("utf-8")
    schema: Mapping[str, Any] = json.loads(text)
    return schema


@cache
def signed_bundle_definition() -> tuple[StixObject, StixObject]:
    """Give the extension definition of the signed bundle, and the identity that created it.

    Both are the same bytes on every node; plain TAXII readers get them with the data.
    """
    creator = identity(
        "Tocsin",
        stix_id=PROJECT_IDENTITY,
        identity_class="group",
        description="The project that defines the signed bundle.",
        now=_PROJECT_TIME,
        marking=TLP.CLEAR,
    )
    definition = build(
        "extension-definition",
        {
            "name": "Signed bundle",
            "description": (
                "An act in a channel shared by several organisations: says what is done, covers"
                " STIX objects by their hashes, and is signed by its author."
            ),
            "schema": json.dumps(signed_bundle_schema(), separators=(",", ":"), sort_keys=True),
            "version": "1.0.0",
            "extension_types": ["new-sdo"],
        },
        stix_id=SIGNED_BUNDLE_EXTENSION,
        created_by=PROJECT_IDENTITY,
        now=_PROJECT_TIME,
        marking=TLP.CLEAR,
    )
    return definition, creator


@cache
def nonce_definition() -> StixObject:
    """Give the definition of the extension that holds something random."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["extension_type", "nonce"],
        "properties": {
            "extension_type": {"const": "property-extension"},
            "nonce": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        },
    }
    return build(
        "extension-definition",
        {
            "name": "Nonce",
            "description": "Something random, so that nobody guesses a short object by its hash.",
            "schema": json.dumps(schema, separators=(",", ":"), sort_keys=True),
            "version": "1.0.0",
            "extension_types": ["property-extension"],
        },
        stix_id=NONCE_EXTENSION,
        created_by=PROJECT_IDENTITY,
        now=_PROJECT_TIME,
        marking=TLP.CLEAR,
    )


def _given(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: item for name, item in properties.items() if item is not None and item not in ("", [])
    }

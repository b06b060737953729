"""The published schemas of the incident suite, their known faults mended; nothing is fetched.

What is mended is told in `tests/data/incident-suite/README.md`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

SUITE: Final = Path(__file__).parents[1] / "data" / "incident-suite"
EXAMPLES: Final = SUITE / "examples"
_SCHEMAS: Final = SUITE / "schemas"
_BASE: Final = "//raw.githubusercontent.com/oasis-open/cti-stix2-json-schemas/stix2.1/schemas/"


def read_schema(name: str) -> Any:
    """Give a published schema, as it is."""
    return json.loads((_SCHEMAS / name).read_text("utf-8"))


def objects_of(example: str) -> list[dict[str, Any]]:
    """Give the objects of an example: of a bundle, or the one that it is."""
    value = json.loads((EXAMPLES / example).read_text("utf-8"))
    return list(value["objects"]) if value["type"] == "bundle" else [value]


def faults_by_schema(value: Any) -> list[str]:
    """Give what the schema of its type finds wrong with an incident, impact or event."""
    name = "incident-core" if value["type"] == "incident" else value["type"]
    faults = [
        f"{error.json_path}: {error.message}" for error in _validator(name).iter_errors(value)
    ]
    # The core schema takes properties of any name, so no schema above it can forbid one.
    unknown = value.keys() - _property_names(name)
    return [*faults, *(f"$: no schema has the property {one}" for one in sorted(unknown))]


@cache
def _property_names(name: str) -> frozenset[str]:
    names = {*read_schema("stix-2.1/common/core.json")["properties"]}
    if name == "incident-core":
        names |= {*read_schema("stix-2.1/sdos/incident.json")["allOf"][1]["properties"]}
    return frozenset(names | {*_mended(name)["allOf"][1]["properties"]})


@cache
def _validator(name: str) -> Draft202012Validator:
    files = (_SCHEMAS / "stix-2.1").rglob("*.json")
    names = [str(path.relative_to(_SCHEMAS / "stix-2.1")) for path in files]
    referred: Registry[Any] = Registry().with_resources(
        (f"{scheme}:{_BASE}{one}", DRAFT202012.create_resource(read_schema(f"stix-2.1/{one}")))
        for one in names
        for scheme in ("http", "https")
    )
    return Draft202012Validator(_mended(name), registry=referred)


def _mended(name: str) -> Any:
    schema = read_schema(f"{name}.json")
    # They say draft-07, and use words that came later.
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    properties = schema["allOf"][1]["properties"]
    properties.pop("unevaluatedProperties", None)
    if name == "impact":
        _mend_impact(properties)
    return schema


def _mend_impact(properties: dict[str, Any]) -> None:
    parts = properties["sub_impact_refs"] = properties.pop("sub_imact_refs")
    parts["items"]["allOf"][1]["pattern"] = "^impact--"
    kinds = properties["extensions"]["properties"]
    in_text_only: Iterable[tuple[str, str, str]] = (
        ("confidentiality-ext", "loss_type", "unknown"),
        ("integrity-ext", "alteration", "unknown"),
        ("physical-ext", "impact_type", "unknown"),
        ("traceability-ext", "traceability_impact", "unknown-accountability"),
    )
    for kind, name, word in in_text_only:
        kinds[kind]["properties"][name]["enum"].append(word)
    del kinds["economic-ext"]["dependentRequired"]["$comment"]

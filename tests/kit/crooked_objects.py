"""Objects of somebody whose software checks nothing: hostile text wherever STIX takes text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import stix2validator

from federation.ledgers import channels
from policies.acts import ACTS
from sharing.objects import StixObject
from tests.kit.hostile_text import Marks, line, words
from tests.kit.suite_schemas import read_schema

_STIX: Final = Path(stix2validator.__file__).parent / "schemas-2.1" / "schemas"
_SUITE: Final = {"event": "event", "impact": "impact", "incident": "incident-core"}
KEPT: Final = {
    "id": "what it is known by",
    "type": "what it is",
    "lang": "a code, and nobody shows it",
    "pattern_type": "how its pattern is read",
    "identity_class": "a word of a vocabulary",
    "opinion": "one of five words",
    "status": "a word of a vocabulary, by which an event is placed",
    "impact_category": "which kind of impact it is",
    "impacted_entity_counts": "numbers",
}
"""Property that stays as it was → why: nobody would read the rest else."""
EVERYWHERE: Final = ("labels", "external_references")


@cache
def texts_in(stix_type: str) -> Mapping[str, bool]:
    """Give the properties of a type that hold free text → whether it is a list of texts."""
    found: dict[str, bool] = {}
    for name, schema in _properties_of(stix_type).items():
        if (
            not isinstance(schema, dict)
            or name in KEPT
            or name.endswith(("_ref", "_refs"))
            or "enum" in schema
        ):
            continue
        if schema.get("type") == "string" and "pattern" not in schema:
            found[name] = False
        elif schema.get("type") == "array" and schema["items"].get("type") == "string":
            found[name] = True
    return found


def types_of_acts() -> set[str]:
    """Give the types that bundles carry, as the table of acts says."""
    return {one for rule in ACTS.values() for one in rule.objects} - {"signed-bundle"}


def made_crooked(stix: StixObject, marks: Marks, *, polite: bool) -> StixObject:
    """Give an object with hostile text in every property that takes text.

    Args:
        polite: a line stays a line of characters that are seen.
    """
    value = dict(stix.value)
    kind = str(value["type"])

    def text(name: str) -> str:
        mark = marks.at(f"{kind}.{name}")
        return line(mark) if polite else words(mark)

    for name, several in texts_in(kind).items():
        if name == "pattern":
            inside = text(name).replace("\\", "").replace("'", "\\'")
            value[name] = f"[file:name = '{inside}']"
        else:
            value[name] = [text(name)] if several else text(name)
    value["labels"] = [text("labels")]
    parts = ("source_name", "description", "url", "external_id")
    value["external_references"] = [{one: text(f"external_references.{one}") for one in parts}]
    return StixObject.of(value)


@contextmanager
def crooked_hand(own: str, marks: Marks, *, polite: bool) -> Iterator[None]:
    """Let all that is written meanwhile be crooked; who writes it stays itself."""
    write: Callable[..., Any] = channels.write

    def crooked(
        session: Any,
        desk: Any,
        channel: str,
        act: Any,
        body: Any = None,
        new: Sequence[StixObject] = (),
        **more: Any,
    ) -> Any:
        made = [
            one if one.stix_id == own else made_crooked(one, marks, polite=polite) for one in new
        ]
        return write(session, desk, channel, act, body, made, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(channels, "write", crooked)
        yield


def _properties_of(stix_type: str) -> Mapping[str, Any]:
    if stix_type in _SUITE:
        properties: Mapping[str, Any] = read_schema(f"{_SUITE[stix_type]}.json")["allOf"][1][
            "properties"
        ]
        if stix_type == "incident":
            properties = {**_published("incident"), **properties}
        return properties
    return _published(stix_type)


def _published(stix_type: str) -> Mapping[str, Any]:
    file = next(_STIX.rglob(f"{stix_type}.json"))
    properties: Mapping[str, Any] = json.loads(file.read_text("utf-8"))["allOf"][1]["properties"]
    return properties

"""Laws of the incident suite: what is built reads back, and readers take whatever comes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.errors import InvalidError
from policies.taxonomies import vocabularies
from policies.taxonomies.vocabularies import Vocabulary
from policies.tlp import TLP
from sharing.canonical import MAX_INTEGER
from sharing.incident.builders import event, impact, incident
from sharing.incident.kinds import (
    Availability,
    Confidentiality,
    Economic,
    External,
    Integrity,
    Kind,
    Physical,
    Traceability,
)
from sharing.incident.order import arrange, arrange_events
from sharing.incident.readers import read_event, read_impact, read_incident
from sharing.incident.rules import ENTITY_TYPES, NAME_CHARACTERS, TEXT_CHARACTERS
from sharing.incident.times import Moment
from sharing.incident.values import Dialect, EntityCount, Score, StateChange
from sharing.limits import REFERENCES
from sharing.objects import StixObject
from tests.kit.incidents import CERT, NOW, READERS, an_id
from tests.kit.suite_schemas import EXAMPLES, faults_by_schema, objects_of

# What may be written.

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
TEXTS = st.text(CHARACTERS, min_size=1, max_size=40)
LINES = TEXTS.filter(lambda text: text.isprintable() and bool(text.strip()))
PERCENTS = st.none() | st.integers(0, 100)
COUNTS = st.none() | st.integers(0, MAX_INTEGER)
AMOUNTS = st.integers(1, MAX_INTEGER) | st.floats(0.01, 1e15)
TIMES = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)).map(  # noqa: DTZ001 - bounds are given bare
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
CURRENCIES = st.from_regex(r"[A-Z0-9]{2,10}", fullmatch=True)


def words(vocabulary: Vocabulary) -> st.SearchStrategy[str]:
    known = st.sampled_from([term.key for term in vocabulary.terms])
    own = st.from_regex(r"[a-z0-9]{1,9}(-[a-z0-9]{1,9}){0,3}", fullmatch=True)
    return known | own if vocabulary.is_open else known


def maybe(vocabulary: Vocabulary) -> st.SearchStrategy[str | None]:
    return st.none() | words(vocabulary)


def lists(items: st.SearchStrategy[str], most: int = 4) -> st.SearchStrategy[list[str]]:
    return st.lists(items, max_size=most, unique=True)


def ids(*types: str) -> st.SearchStrategy[str]:
    uuids = st.uuids(version=4).map(str)
    return st.builds("{}--{}".format, st.sampled_from(types), uuids)


MOMENTS = st.builds(Moment, TIMES, maybe(vocabularies.TIMESTAMP_FIDELITY))


@st.composite
def periods(draw: st.DrawFn) -> tuple[Moment | None, Moment | None]:
    start, end = draw(st.none() | MOMENTS), draw(st.none() | MOMENTS)
    if start is not None and end is not None and end.at < start.at:
        start, end = end, start
    return start, end


@st.composite
def economics(draw: st.DrawFn) -> Economic:
    low, high = sorted((draw(AMOUNTS), draw(AMOUNTS))) if draw(st.booleans()) else (None, None)
    converted = draw(st.booleans())
    needed = low is not None or converted
    return Economic(
        draw(words(vocabularies.ECONOMIC_IMPACT_TYPE)),
        low,
        high,
        draw(CURRENCIES if needed else st.none() | CURRENCIES),
        draw(CURRENCIES) if converted else None,
        draw(AMOUNTS) if converted else None,
        draw(TIMES) if converted else None,
    )


INFORMATION = words(vocabularies.INFORMATION_TYPE)
KINDS: st.SearchStrategy[Kind] = st.one_of(
    st.builds(Availability, st.integers(0, 100)),
    st.builds(
        Confidentiality, words(vocabularies.CONFIDENTIALITY_LOSS), INFORMATION, COUNTS, COUNTS
    ),
    st.builds(Integrity, words(vocabularies.INTEGRITY_ALTERATION), INFORMATION, COUNTS, COUNTS),
    st.builds(External, words(vocabularies.EXTERNAL_IMPACT)),
    economics(),
    st.builds(Physical, words(vocabularies.PHYSICAL_IMPACT), words(vocabularies.ASSET_TYPE)),
    st.builds(Traceability, words(vocabularies.TRACEABILITY)),
)
SCORES = st.builds(
    Score,
    LINES,
    st.integers(-MAX_INTEGER, MAX_INTEGER) | st.floats(-1e15, 1e15),
    st.none() | TEXTS,
)


@st.composite
def changes(draw: st.DrawFn) -> StateChange:
    stix_type = draw(st.sampled_from(["impact", "infrastructure", "identity", "observed-data"]))
    kind = draw(words(vocabularies.STATE_CHANGE_TYPE))
    before = draw(ids(stix_type) if kind == "input" else st.none() | ids(stix_type))
    needed = kind == "output" or before is None
    return StateChange(kind, before, draw(ids(stix_type) if needed else st.none() | ids(stix_type)))


COMMON: dict[str, st.SearchStrategy[Any]] = {
    "labels": lists(LINES),
    "confidence": PERCENTS,
    "marking": st.none() | st.sampled_from(TLP),
}
INCIDENTS = st.fixed_dictionaries(
    {
        "name": LINES,
        "determination": words(vocabularies.DETERMINATION),
        "investigation_status": words(vocabularies.INCIDENT_INVESTIGATION),
        "description": st.none() | TEXTS,
        "criticality": PERCENTS,
        "detection_methods": lists(words(vocabularies.DETECTION_METHODS)),
        "incident_types": lists(words(vocabularies.EVENT_TYPE)),
        "recoverability": maybe(vocabularies.RECOVERABILITY),
        "scores": st.lists(SCORES, max_size=3),
        "event_refs": lists(ids("event")),
        "impact_refs": lists(ids("impact")),
        "task_refs": lists(ids("task")),
        **COMMON,
    }
)
IMPACTS = st.fixed_dictionaries(
    {
        "kind": KINDS,
        "criticality": PERCENTS,
        "description": st.none() | TEXTS,
        "recoverability": maybe(vocabularies.RECOVERABILITY),
        "impacted_entity_counts": st.none()
        | st.dictionaries(words(vocabularies.ENTITY_TYPE), st.integers(0, MAX_INTEGER), max_size=4),
        "impacted_refs": lists(ids("identity", "infrastructure", "ipv4-addr", "x-own-thing")),
        "sub_impact_refs": lists(ids("impact")),
        **COMMON,
    }
)
EVENTS = st.fixed_dictionaries(
    {
        "status": words(vocabularies.EVENT_STATUS),
        "name": st.none() | LINES,
        "description": st.none() | TEXTS,
        "goal": st.none() | TEXTS,
        "event_types": lists(words(vocabularies.EVENT_TYPE)),
        "changed_objects": st.lists(changes(), max_size=3),
        "next_event_refs": lists(ids("event")),
        "sighting_refs": lists(ids("sighting")),
        **COMMON,
    }
)


def check_what_is_read(built: StixObject, told: Any, given: Mapping[str, Any]) -> None:
    """Check that reading gives back what was given, and that others find nothing wrong."""
    assert faults_by_schema(built.value) == []
    assert (told.dialect, told.remarks) == (Dialect.D2, ())
    assert (told.stix_id, told.created_by, told.created) == (built.stix_id, CERT, NOW)
    for name, value in given.items():
        if name != "marking":
            assert getattr(told, name) == (tuple(value) if isinstance(value, list) else value)
    # Over the wire it says the same.
    again = StixObject.read(built.content)
    assert READERS[built.stix_type](again.value) == told


@given(INCIDENTS)
def test_an_incident_reads_back(given_: dict[str, Any]) -> None:
    built = incident(**given_, created_by=CERT, now=NOW)
    check_what_is_read(built, read_incident(built.value), given_)


@given(IMPACTS, periods(), st.none() | ids("impact"))
def test_an_impact_reads_back(
    given_: dict[str, Any], period: tuple[Moment | None, Moment | None], later: str | None
) -> None:
    start, end = period
    given_ |= {"start": start, "end": end, "superseded_by_ref": later if end else None}
    built = impact(**given_, created_by=CERT, now=NOW)
    counts = given_.pop("impacted_entity_counts") or {}
    told = read_impact(built.value)
    assert list(told.impacted_entity_counts) == [
        EntityCount(*one) for one in sorted(counts.items())
    ]
    assert told.category == given_["kind"].category
    assert {name: told.count_of(name) for name in counts} == counts
    check_what_is_read(built, told, given_)


@given(EVENTS, periods())
def test_an_event_reads_back(
    given_: dict[str, Any], period: tuple[Moment | None, Moment | None]
) -> None:
    given_ |= {"start": period[0], "end": period[1]}
    built = event(**given_, created_by=CERT, now=NOW)
    check_what_is_read(built, read_event(built.value), given_)


@given(INCIDENTS, INCIDENTS)
def test_a_version_that_follows_says_what_a_first_one_would(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    first = incident(**before, created_by=CERT, now=NOW)
    second = incident(**after, created_by=CERT, now=NOW, earlier=first)
    alone = incident(**after, created_by=CERT, now=NOW, stix_id=first.stix_id)
    versions = ("modified", "object_marking_refs")
    assert {name: item for name, item in second.value.items() if name not in versions} == {
        name: item for name, item in alone.value.items() if name not in versions
    }
    assert second.version_ns > first.version_ns


@given(MOMENTS)
def test_a_time_lies_within_what_it_means(moment: Moment) -> None:
    assert moment.earliest <= moment.at <= moment.latest
    assert (moment.earliest < moment.latest) is (moment.fidelity is not None)
    for at in (moment.earliest, moment.at):
        again = Moment(at, moment.fidelity)
        assert (again.earliest, again.latest) == (moment.earliest, moment.latest)


# Whatever others write.

NAMES = sorted(
    {
        "type",
        "id",
        "spec_version",
        "extension_type",
        "entity_type",
        "count",
        "next_steps",
        "event_ref",
        "task_ref",
        "sequence_start",
        "events",
        "tasks",
        "activities",
        "subevents",
        "next_events_refs",
        "determination",
        "scores",
        "name",
        "value",
        "event_refs",
        "task_refs",
        "impact_refs",
        "impacted_entity_counts",
        "changed_objects",
        "state_change_type",
        "initial_ref",
        "result_ref",
        "start_time",
        "end_time",
        "start_time_fidelity",
        "criticality",
        "labels",
        "detection_methods",
        "impact_category",
        "extensions",
        "availability_impact",
        "availability",
        "availability-ext",
        "monetary-ext",
        "economic-ext",
        "min_amount",
        "currency",
        "weather-ext",
        "superseded_by_ref",
        "extension-definition--ef765651-680c-498d-9894-99799f2fa126",
        "extension-definition--7cc33dd6-f6a1-489b-98ea-522d351d71b9",
        "extension-definition--4ca6de00-5b0d-45ef-a1dc-ea7279ea910e",
    }
)
TELLING = st.sampled_from(
    [
        *NAMES,
        "2.2",
        "availability",
        "monetary",
        "successful-attempt",
        "2026-11-20T10:00:00Z",
        "9999-12-31T23:59:60Z",
        "0000-01-01T00:00:00Z",
        an_id("event"),
        an_id("task"),
        an_id("impact"),
        an_id("identity"),
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(st.characters(codec=None), max_size=20)
    | TELLING
)
KEYS = st.sampled_from(NAMES) | st.text(st.characters(codec=None), max_size=10)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)


def texts_in(told: Any) -> Iterator[str]:
    """Give every text in what was read."""
    if isinstance(told, str):
        yield told
    elif isinstance(told, tuple):
        for item in told:
            yield from texts_in(item)
    elif is_dataclass(told):
        for one in fields(told):
            yield from texts_in(getattr(told, one.name))


def check_bounds(told: Any) -> None:
    """Check that a page can show it: short enough, and every character is one."""
    for text in texts_in(told):
        text.encode("utf-8")
        assert len(text) <= TEXT_CHARACTERS
    assert len(getattr(told, "name", None) or "") <= NAME_CHARACTERS
    assert len({remark.field for remark in told.remarks}) == len(told.remarks)
    assert all(remark.message for remark in told.remarks)
    for one in fields(told):
        value = getattr(told, one.name)
        if isinstance(value, tuple):
            assert len(value) <= 2 * REFERENCES
    assert len(getattr(told, "impacted_entity_counts", ())) <= ENTITY_TYPES


def turned(value: Any) -> Any:
    """Give the same value with the names of its objects in another order."""
    if isinstance(value, dict):
        return {name: turned(item) for name, item in reversed(value.items())}
    return [turned(item) for item in value] if isinstance(value, list) else value


def check_that_it_is_read(read: Callable[[Any], Any], value: Any) -> None:
    before = copy.deepcopy(value)
    told = read(value)
    check_bounds(told)
    assert repr(value) == repr(before)
    assert repr(read(turned(before))) == repr(told)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@given(JSON)
def test_any_value_is_read_or_of_another_type(read: Callable[[Any], Any], value: Any) -> None:
    with suppress(InvalidError):
        check_bounds(read(value))


@pytest.mark.parametrize("stix_type", READERS)
@given(st.dictionaries(KEYS, JSON, max_size=12))
def test_whatever_an_object_of_the_type_says_is_read(
    stix_type: str, properties: dict[str, Any]
) -> None:
    value = {**properties, "type": stix_type, "id": an_id(stix_type)}
    check_that_it_is_read(READERS[stix_type], value)


WRITTEN = [
    one
    for path in sorted(EXAMPLES.glob("*.json"))
    for one in objects_of(path.name)
    if one["type"] in READERS
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the way to everything within a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


@given(st.sampled_from(WRITTEN), st.data())
def test_an_example_with_anything_anywhere_in_it_is_read(
    written: dict[str, Any], data: st.DataObject
) -> None:
    value = copy.deepcopy(written)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([*places(value)]))
        within = value
        for key in path[:-1]:
            within = within[key]
        within[path[-1]] = data.draw(JSON)
    value |= {"type": written["type"], "id": written["id"]}
    check_that_it_is_read(READERS[written["type"]], value)


# What follows what.

NODES = "abcdefg"
GRAPHS = st.dictionaries(
    st.sampled_from(NODES), st.lists(st.sampled_from(NODES + "xyz"), max_size=4)
)


def reachable(start: str, followers: Mapping[str, list[str]], nodes: set[str]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for one in followers.get(waiting.pop(), ()):
            if one in nodes and one not in seen:
                seen.add(one)
                waiting.append(one)
    return seen


@given(st.lists(st.sampled_from(NODES), unique=True), GRAPHS)
def test_what_is_arranged_is_all_there_and_stands_behind_what_it_follows(
    refs: list[str], followers: dict[str, list[str]]
) -> None:
    nodes = set(refs)
    arranged = arrange(refs, followers)
    assert sorted(arranged.refs) == sorted(refs)
    after = {ref: reachable(ref, followers, nodes) for ref in refs}
    turning = {ref for ref in refs if ref in after[ref]}
    # On a circle, or between two.
    assert set(arranged.circular) == turning | {
        ref for ref in refs if after[ref] & turning and any(ref in after[one] for one in turning)
    }
    at = {ref: index for index, ref in enumerate(arranged.refs)}
    for ref in refs:
        for one in after[ref] - set(arranged.circular):
            assert at[ref] < at[one]
    assert set(arranged.starts) == {
        ref for ref in refs if not any(ref in followers.get(one, ()) for one in refs)
    }


@given(st.lists(EVENTS, max_size=3), st.data())
def test_events_of_an_incident_are_arranged_once_each(
    given_: list[dict[str, Any]], data: st.DataObject
) -> None:
    built = [event(**one, created_by=CERT, now=NOW) for one in given_]
    refs = [one.stix_id for one in built]
    told = [read_event(one.value) for one in built]
    listed = data.draw(st.permutations(refs))
    whole = incident("A case", event_refs=listed, created_by=CERT, now=NOW)
    assert sorted(arrange_events(read_incident(whole.value), told).refs) == sorted(refs)

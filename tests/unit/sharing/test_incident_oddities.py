"""Readers of the incident suite: what is odd is remarked, and the rest is read.

Rules are numbered as in `sharing.incident.checks`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from policies.errors import InvalidError
from sharing.incident.extensions import IMPACT_EXTENSION, INCIDENT_EXTENSION
from sharing.incident.kinds import (
    Availability,
    Confidentiality,
    Economic,
    Integrity,
    Physical,
)
from sharing.incident.readers import read_event, read_impact, read_incident
from sharing.incident.times import Moment
from sharing.incident.values import (
    Dialect,
    EntityCount,
    Score,
    StateChange,
)
from tests.kit.incidents import (
    READERS,
    an_event,
    an_id,
    an_impact,
    an_incident,
    an_object,
    core,
    remarks_of,
)


@pytest.mark.parametrize(
    ("value", "field", "reason", "left"),
    [
        (an_incident({}), "extension_type", "nothing is not", {"determination": None}),
        (an_incident({}), "determination", "missing", {}),
        (an_incident({}), "investigation_status", "missing", {}),
        (an_incident("core"), "extensions." + INCIDENT_EXTENSION, "no object", {"dialect": None}),
        (an_incident(core(), extensions=5), "extensions", "5 is no object", {"dialect": None}),
        (
            an_incident(core(determination="low-value")),
            "determination",
            "not one of",
            {"determination": "low-value"},
        ),
        (
            an_incident(core(determination=["confirmed"])),
            "determination",
            "a list is no text",
            {"determination": None, "investigation_status": "open"},
        ),
        (
            an_incident(core(recoverability="easy")),
            "recoverability",
            "not one of",
            {"recoverability": "easy"},
        ),
        (
            an_incident(core(investigation_status="Under Review")),
            "investigation_status",
            "lower-case",
            {"investigation_status": "Under Review"},
        ),
        (an_incident(core(criticality=True)), "criticality", "true is not", {"criticality": None}),
        (an_incident(core(criticality=101)), "criticality", "101 is not", {"criticality": None}),
        (an_incident(core(criticality="70")), "criticality", "“70”", {"criticality": None}),
        (
            an_incident(core(criticality=10**5000)),
            "criticality",
            "a very large number",
            {"criticality": None},
        ),
        (
            an_incident(core(incident_types=["spam", 5, "", "spam"])),
            "incident_types",
            "5 is no word",
            {"incident_types": ("spam",)},
        ),
        (
            an_incident(core(incident_types=["spam", "A b", "C d"])),
            "incident_types[1]",
            "“A b” is not a word",
            {"incident_types": ("spam", "A b", "C d")},
        ),
        (
            an_incident(core(), labels=["ok", "two\nlines", "tab\t"]),
            "labels[1]",
            "not one line",
            {"labels": ("ok", "two\nlines", "tab\t")},
        ),
        (
            an_incident(core(incident_types="spam")),
            "incident_types",
            "no list",
            {"incident_types": ()},
        ),
        (
            an_incident(core(event_refs=[an_id("task"), an_id("event"), None])),
            "event_refs",
            "can stand here",
            {"event_refs": (an_id("event"),)},
        ),
        (
            an_incident(core(event_refs=[an_id("event", n) for n in range(5001)])),
            "event_refs",
            "of 5001 items the first 5000",
            {"event_refs": tuple(an_id("event", n) for n in range(5000))},
        ),
        (
            an_incident(core(scores=[{"name": "a", "value": "high"}, {"name": "b", "value": 2}])),
            "scores[0].value",
            "“high” is not a number",
            {"scores": (Score("b", 2),)},
        ),
        (
            an_incident(core(scores=[{"value": 1}])),
            "scores[0].name",
            "missing",
            {"scores": (Score("", 1),)},
        ),
        (an_incident(core(scores=[7])), "scores", "7 is no object", {"scores": ()}),
        (
            an_incident(core(events=[{"event_ref": "x"}, {"event_ref": an_id("event")}])),
            "events[0].event_ref",
            "can stand here",
            {"event_refs": (an_id("event"),)},
        ),
        (
            an_incident(
                core(events=[{"event_ref": an_id("event"), "next_steps": [{"event_ref": 5}]}])
            ),
            "events[0].next_steps[0].event_ref",
            "can stand here",
            {"event_refs": (an_id("event"),), "steps": ()},
        ),
        (
            an_incident(
                core(activities=[{"event_ref": an_id("tool")}, {"task_ref": an_id("task")}])
            ),
            "activities[0].event_ref",
            "can stand here",
            {"event_refs": (), "task_refs": (an_id("task"),)},
        ),
        (
            an_incident(core(activities=[{"event_ref": an_id("event"), "sequence_start": "a"}])),
            "activities[0].sequence_start",
            "not a whole number",
            {"event_refs": (an_id("event"),), "dialect": Dialect.D0},
        ),
        (an_incident(core(), name=None), "name", "missing", {"name": None}),
        (an_incident(core(), name="x" * 251), "name", "first 250", {"name": "x" * 250}),
        (
            an_incident(core(), description="x" * 20_001),
            "description",
            "first 20000",
            {"description": "x" * 20_000},
        ),
        (
            an_incident(core(), labels=["a", {}]),
            "labels",
            "an object is no word",
            {"labels": ("a",)},
        ),
        (an_incident(core(), created="today"), "created", "not a UTC time", {"created": None}),
        (an_incident(core(), modified=5), "modified", "5 is no time", {"modified": None}),
        (
            an_incident(core(), revoked="yes"),
            "revoked",
            "neither true nor false",
            {"revoked": False},
        ),
        (an_incident(core(), confidence=-1), "confidence", "-1 is not", {"confidence": None}),
        (
            an_incident(core(), created_by_ref=an_id("tool")),
            "created_by_ref",
            "can stand here",
            {"created_by": None},
        ),
    ],
)
def test_what_is_odd_in_an_incident_is_remarked(
    value: Any, field: str, reason: str, left: dict[str, Any]
) -> None:
    told = read_incident(value)
    assert reason in remarks_of(told)[field]
    assert {name: getattr(told, name) for name in left} == left


def test_text_that_no_page_could_show_is_mended() -> None:
    told = read_incident(an_incident(core(), name="a\ud800b", description="\x00é"))
    assert told.name == "a?b"
    assert told.description == "\ufffdé"


@pytest.mark.parametrize(
    "value",
    [
        an_impact({"\ud800-ext": {}}),
        an_impact(impacted_entity_counts={"\udfff": "\ud800\x00"}),
        an_impact(recoverability="\ud800", impacted_refs=["\ud800"]),
        an_impact({"external-ext": {"impact_type": "\ud800"}}, impact_category="\ud800"),
        an_impact(created="\ud800", confidence="\ud800"),
    ],
)
def test_remarks_hold_nothing_that_no_page_could_show(value: Any) -> None:
    told = read_impact(value)
    assert told.remarks
    for remark in told.remarks:
        sentence = f"{remark.field} {remark.message} {remark.hint}"
        assert sentence.encode("utf-8")
        assert "\x00" not in sentence


@pytest.mark.parametrize("stix_type", ["\ud800", "impact\x00"])
def test_refusals_hold_nothing_that_no_page_could_show(stix_type: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        read_impact({"type": stix_type})
    assert refusal.value.message.encode("utf-8")
    assert "\x00" not in refusal.value.message


TWO_KINDS = {
    "physical-ext": {"impact_type": "destruction", "asset_type": "vehicles"},
    "integrity-ext": {"alteration": "none"},
}


@pytest.mark.parametrize(
    ("value", "field", "reason", "left"),
    [
        # IE-3
        (
            an_impact(start_time="2026-01-02T00:00:00Z", end_time="2026-01-01T00:00:00Z"),
            "end_time",
            "before",
            {"end": Moment(datetime(2026, 1, 1, tzinfo=UTC))},
        ),
        (
            an_impact(start_time="2026-01-02T00:00:00Z", start_time_fidelity="week"),
            "start_time_fidelity",
            "not one of",
            {"start": Moment(datetime(2026, 1, 2, tzinfo=UTC), "week")},
        ),
        (an_impact(start_time="2026-01-02"), "start_time", "not a UTC time", {"start": None}),
        # IE-4
        (
            an_impact({"availability-ext": {"availability_impact": 101}}),
            "availability_impact",
            "101 is not",
            {"kind": Availability(None), "category": "availability"},
        ),
        # IE-5
        (
            an_impact(TWO_KINDS, impact_category="physical"),
            "extensions",
            "besides physical it describes integrity",
            {"kind": Physical("destruction", "vehicles"), "category": "physical"},
        ),
        (
            an_impact(TWO_KINDS),
            "extensions",
            "besides integrity it describes physical",
            {"kind": Integrity("none"), "category": "integrity"},
        ),
        (
            an_impact({"integrity-ext": {"alteration": "none"}}, impact_category="external"),
            "impact_category",
            "“external” is stated, but integrity described",
            {"kind": Integrity("none"), "category": "integrity"},
        ),
        (
            an_impact(impact_category="external"),
            "impact_category",
            "nothing is said of “external”",
            {"kind": None, "category": "external"},
        ),
        (
            an_impact({"weather-ext": {"rain": True}}, impact_category="weather"),
            "extensions",
            "“weather-ext” is no kind of impact",
            {"kind": None, "category": "weather"},
        ),
        (
            an_impact({"external-ext": ["economic"]}),
            "extensions.external-ext",
            "a list is no object",
            {"kind": None, "category": None},
        ),
        # IE-6
        (
            an_impact(superseded_by_ref=an_id("impact", 2)),
            "end_time",
            "missing",
            {"superseded_by_ref": an_id("impact", 2)},
        ),
        (
            an_impact(superseded_by_ref=an_id("event")),
            "superseded_by_ref",
            "can stand here",
            {"superseded_by_ref": None},
        ),
        # IE-7
        (
            an_impact({"economic-ext": {"variety": "fines", "min_amount": 0, "max_amount": 5}}),
            "min_amount",
            "0 is not more than 0",
            {"kind": Economic("fines", 0, 5)},
        ),
        (
            an_impact({"economic-ext": {"variety": "fines", "min_amount": 5}}),
            "max_amount",
            "missing",
            {"kind": Economic("fines", 5)},
        ),
        (
            an_impact({"economic-ext": {"currency": "usd"}}),
            "variety",
            "missing",
            {"kind": Economic(None, currency="USD")},
        ),
        (
            an_impact({"economic-ext": {"variety": "a", "conversion_time": "noon"}}),
            "conversion_time",
            "not a UTC time",
            {"kind": Economic("a")},
        ),
        # IE-8
        (
            an_impact({"confidentiality-ext": {"loss_type": "confirmed-loss"}}),
            "information_type",
            "missing",
            {"kind": Confidentiality("confirmed-loss")},
        ),
        (
            an_impact({"confidentiality-ext": {"loss_type": "sold", "record_count": 7}}),
            "loss_type",
            "not one of",
            {"kind": Confidentiality("sold", record_count=7)},
        ),
        (
            an_impact({"confidentiality-ext": {"record_count": 7}}),
            "loss_type",
            "missing",
            {"kind": Confidentiality(None, record_count=7)},
        ),
        # Counts
        (
            an_impact(impacted_entity_counts={"employee": -1, "system": 2}),
            "impacted_entity_counts.employee",
            "-1 is not",
            {"impacted_entity_counts": (EntityCount("system", 2),)},
        ),
        (
            an_impact(impacted_entity_counts={"Business Units": 2}),
            "impacted_entity_counts",
            "“Business Units” is not a word",
            {"impacted_entity_counts": (EntityCount("Business Units", 2),)},
        ),
        (
            an_impact(impacted_entity_counts="many"),
            "impacted_entity_counts",
            "no object",
            {"impacted_entity_counts": ()},
        ),
        (
            an_impact(
                impacted_entity_counts=[
                    {"entity_type": "system", "count": 1},
                    {"entity_type": "system", "count": 2},
                ]
            ),
            "impacted_entity_counts",
            "counted twice",
            {"impacted_entity_counts": (EntityCount("system", 1),)},
        ),
        (
            an_impact(impacted_entity_counts=[{"count": 1}]),
            "impacted_entity_counts[0].count",
            "is not read",
            {"impacted_entity_counts": ()},
        ),
        (
            an_impact(impacted_entity_counts={f"kind-{n:03}": n for n in range(101)}),
            "impacted_entity_counts",
            "of 101 kinds of entity the first 100",
            {"impacted_entity_counts": tuple(EntityCount(f"kind-{n:03}", n) for n in range(100))},
        ),
        # Others
        (
            an_object("impact", impact_category="external"),
            "extensions",
            "is not named",
            {"dialect": Dialect.D2},
        ),
        (
            an_impact(extensions={IMPACT_EXTENSION: {"extension_type": "new-sco"}}),
            "extension_type",
            "“new-sco” is not “new-sdo”",
            {},
        ),
        (
            an_impact(impacted_refs=["marking-definition--" + an_id("x")[-36:]]),
            "impacted_refs[0]",
            "can stand here",
            {},
        ),
        (an_impact(recoverability="soon"), "recoverability", "not one of", {}),
        (an_impact(sub_impact_refs=[an_id("impact")]), "sub_impact_refs[0]", "itself", {}),
    ],
)
def test_what_is_odd_in_an_impact_is_remarked(
    value: Any, field: str, reason: str, left: dict[str, Any]
) -> None:
    told = read_impact(value)
    assert reason in remarks_of(told)[field]
    assert {name: getattr(told, name) for name in left} == left


def test_parts_of_an_impact_are_read_as_the_schema_misspells_them() -> None:
    told = read_impact(an_impact(sub_imact_refs=[an_id("impact", 2)]))
    assert told.sub_impact_refs == (an_id("impact", 2),)


@pytest.mark.parametrize(
    ("value", "field", "reason", "left"),
    [
        (an_event(status="maybe"), "status", "not one of", {"status": "maybe"}),
        (an_event(status=None), "status", "missing", {"status": None}),
        (an_object("event", status="ongoing"), "extensions", "not named", {"status": "ongoing"}),
        (
            an_event(changed_objects=[{"state_change_type": "caused"}]),
            "changed_objects[0].result_ref",
            "missing",
            {"changed_objects": (StateChange("caused"),)},
        ),
        (
            an_event(changed_objects=[{"result_ref": an_id("impact")}]),
            "changed_objects[0].state_change_type",
            "missing",
            {"changed_objects": (StateChange("", result_ref=an_id("impact")),)},
        ),
        (
            an_event(next_event_refs=[an_id("event"), an_id("event", 2)]),
            "next_event_refs[0]",
            "itself",
            {"next_event_refs": (an_id("event"), an_id("event", 2))},
        ),
        (
            an_event(start_time="2026-11-20T10:00:00Z", end_time="2026-11-20T09:00:00Z"),
            "end_time",
            "before",
            {"start": Moment(datetime(2026, 11, 20, 10, tzinfo=UTC))},
        ),
        (an_event(goal=["x"]), "goal", "a list is no text", {"goal": None}),
        (an_event(subevents=5), "subevents", "no list", {"subevent_refs": ()}),
    ],
)
def test_what_is_odd_in_an_event_is_remarked(
    value: Any, field: str, reason: str, left: dict[str, Any]
) -> None:
    told = read_event(value)
    assert reason in remarks_of(told)[field]
    assert {name: getattr(told, name) for name in left} == left


def test_steps_have_a_limit_all_together() -> None:
    step = {"event_ref": an_id("event", 2)}
    entry = {"event_ref": an_id("event", 1), "next_steps": [step] * 3000}
    told = read_incident(an_incident(core(events=[entry, entry])))
    assert len(told.steps) == 5000
    assert "first 2000" in remarks_of(told)["events[1].next_steps"]


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "object"),
        ([], "object"),
        ("incident", "object"),
        (10**5000, "object"),
        ({}, "type"),
        ({"type": "indicator", "id": an_id("indicator")}, "type"),
        ({"type": ["incident"]}, "type"),
    ],
    ids=["null", "list", "text", "number", "empty", "another type", "no type"],
)
def test_what_is_of_another_type_is_refused(
    read: Callable[[Any], object], value: Any, field: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        read(value)
    assert refusal.value.field == field


@pytest.mark.parametrize("stix_type", READERS)
@pytest.mark.parametrize("stix_id", [None, 5, "x", an_id("note"), an_id("incident").upper()])
def test_what_has_no_id_of_the_type_is_refused(stix_type: str, stix_id: Any) -> None:
    with pytest.raises(InvalidError) as refusal:
        READERS[stix_type]({"type": stix_type, "id": stix_id})
    assert refusal.value.field == "id"

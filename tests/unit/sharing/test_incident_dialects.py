"""Readers of the incident suite: four dialects are read alike, and how much of a time is meant."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from policies.taxonomies.categories import rsit_types_in
from sharing.canonical import canonical
from sharing.incident.kinds import (
    Availability,
    Confidentiality,
    Economic,
    External,
    Kind,
    Physical,
    Traceability,
)
from sharing.incident.readers import read_event, read_impact, read_incident
from sharing.incident.times import Moment
from sharing.incident.values import (
    Dialect,
    EntityCount,
    Incident,
    Score,
    StateChange,
    Step,
)
from tests.kit.incidents import (
    CERT,
    READERS,
    an_event,
    an_id,
    an_impact,
    an_incident,
    an_object,
    core,
    remarks_of,
    write_event,
    write_impact,
    write_incident,
)
from tests.kit.suite_schemas import EXAMPLES, objects_of


def of_type(example: str, stix_type: str) -> list[dict[str, Any]]:
    return [one for one in objects_of(example) if one["type"] == stix_type]


# Every example of every dialect.


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: str(path.stem))
def test_every_example_is_read_and_left_as_it_was(path: Any) -> None:
    dialect = Dialect(path.name[:2].upper())
    read = []
    for value in objects_of(path.name):
        if value["type"] in READERS:
            before = canonical(value)
            read.append(READERS[value["type"]](value))
            assert canonical(value) == before
    assert dialect in {told.dialect for told in read}
    # The one word that no later dialect has is the only thing to be remarked.
    odd = {(field, told.dialect) for told in read for field in remarks_of(told)}
    assert odd <= {("determination", Dialect.D0)}


def test_an_incident_of_d1_is_read() -> None:
    told = read_incident(of_type("d1-example_2.1-incident.json", "incident")[0])
    assert told == Incident(
        stix_id="incident--b0e7e6a5-6e2c-4a0b-8d5a-8a5e92a5a5bc",
        created_by=None,
        created=datetime(2023, 11, 22, 15, 30, tzinfo=UTC),
        modified=datetime(2023, 11, 22, 15, 30, tzinfo=UTC),
        dialect=Dialect.D1,
        name="incident-2173",
        determination="confirmed",
        investigation_status="open",
        criticality=70,
        detection_methods=("automated-tool", "human-review"),
        event_refs=("event--9ca38544-c247-45d9-9e33-957ba7c9e119",),
        impact_refs=("impact--7a5806e4-0f37-4c48-9a50-7301bff4b195",),
        task_refs=("task--a45aaed9-6504-4f95-982e-78508726eb5a",),
        impacted_entity_counts=(
            EntityCount("customer-individual", 30),
            EntityCount("employee", 70),
            EntityCount("individual", 100),
        ),
        incident_types=("hosting-phishing-sites",),
        recoverability="regular",
        scores=(
            Score(
                "ExampleSystem Automated Exposure Score",
                75.5,
                "The score is calculated based on the severity of the incident and the potential"
                " impact on the organization.",
            ),
        ),
    )


def test_a_monetary_impact_of_d1_is_an_economic_one() -> None:
    told = read_impact(of_type("d1-example_2.3.2.5.1-impact-monetary.json", "impact")[0])
    assert (told.dialect, told.category, told.criticality) == (Dialect.D1, "economic", 85)
    assert told.kind == Economic("ransom", 10_000, 15_000, "USD")
    assert told.start == Moment(datetime(2023, 11, 22, 15, 30, tzinfo=UTC), "minute")
    assert told.end is None


def test_an_event_of_stix_2_2_is_read_though_what_follows_is_misspelt() -> None:
    told = read_event(of_type("d3-stix22-draft-event.json", "event")[0])
    assert told.dialect is Dialect.D3
    assert (told.status, told.goal) == (
        "ongoing",
        "Gain unauthorized access to sensitive information.",
    )
    assert told.next_event_refs == (
        "event--193a3ea2-32ae-4bfd-b353-16836ab70788",
        "event--d263f0f6-4c6c-4f77-a7fd-10368f0cb50a",
    )
    assert told.changed_objects == (
        StateChange(
            "escalation",
            "impact--d1e4f6c7-3b1a-4b5c-8a5a-9e7b8a9a5b6c",
            "impact--c1f2d3e4-5b6c-4a8d-9e0a-1b2c3d4e5f6d",
        ),
    )


def test_a_case_of_d2_is_read() -> None:
    [told] = map(read_incident, of_type("d2-case.excerpt.json", "incident"))
    assert (told.dialect, told.criticality, told.recoverability) == (
        Dialect.D2,
        80,
        "supplemented",
    )
    assert [one.key for one in rsit_types_in(told.labels)] == ["infected-system", "dos"]
    assert len(told.event_refs) == 2
    assert len(told.impact_refs) == 3
    assert len(told.task_refs) == 4
    impacts = {
        one.stix_id: one for one in map(read_impact, of_type("d2-case.excerpt.json", "impact"))
    }
    first, second, third = (impacts[ref] for ref in told.impact_refs)
    assert first.superseded_by_ref == second.stix_id
    assert (first.count_of("employee"), first.count_of("system")) == (600, None)
    assert third.kind == Confidentiality("suspected-loss", "phi", 1200)


def test_activities_of_d0_are_events_and_tasks_in_the_order_of_their_numbers() -> None:
    [told] = map(read_incident, of_type("d0-incident_indicators.excerpt.json", "incident"))
    assert told.dialect is Dialect.D0
    assert [ref[:14] for ref in told.event_refs] == [
        "event--6e7ec24",
        "event--e1d9744",
        "event--612c5cd",
        "event--747f4f6",
    ]
    # The last one listed has the number 6.
    assert [ref[:13] for ref in told.task_refs] == [
        "task--fd5f04a",
        "task--7a998b8",
        "task--d685376",
        "task--7c99eec",
        "task--1b44203",
    ]
    assert told.determination == "successful-attempt"
    assert "not one of" in remarks_of(told)["determination"]


def test_kinds_of_impact_in_d0_have_shorter_names() -> None:
    told = [*map(read_impact, of_type("d0-incident_indicators.excerpt.json", "impact"))]
    assert {one.dialect for one in told} == {Dialect.D0}
    assert [one.kind for one in told] == [
        Availability(75),
        Availability(50),
        Economic("business-disruption", 10_000, 100_000, "USD"),
        Physical("damaged-nonfunctional", "ics-sensor"),
    ]
    assert [one.category for one in told] == [
        "availability",
        "availability",
        "economic",
        "physical",
    ]


# What a dialect says in its own way.


def test_entries_of_d1_are_references_and_steps() -> None:
    value = an_incident(
        core(
            events=[
                {
                    "event_ref": an_id("event", 1),
                    "next_steps": [
                        {
                            "event_ref": an_id("event", 2),
                            "condition_type": "optional",
                            "transition_type": "success",
                        },
                        {"event_ref": an_id("event", 3)},
                    ],
                },
                {"event_ref": an_id("event", 2), "sequence_start": False},
            ],
            event_refs=[an_id("event", 9), an_id("event", 2)],
            tasks=[
                {
                    "task_ref": an_id("task", 1),
                    "next_steps": [{"task_ref": an_id("task", 2), "condition_type": "required"}],
                }
            ],
        )
    )
    told = read_incident(value)
    assert told.dialect is Dialect.D1
    assert told.event_refs == tuple(an_id("event", n) for n in (9, 2, 1))
    assert told.task_refs == (an_id("task", 1),)
    assert told.steps == (
        Step(an_id("event", 1), an_id("event", 2), "optional", "success"),
        Step(an_id("event", 1), an_id("event", 3)),
        Step(an_id("task", 1), an_id("task", 2), "required"),
    )
    assert told.remarks == ()


def test_the_parts_of_an_event_of_d1_are_kept_beside_it() -> None:
    parts = [
        {"event_ref": an_id("event", 2), "next_steps": [{"event_ref": an_id("event", 3)}]},
        {"event_ref": an_id("event", 3)},
    ]
    told = read_event(an_event(subevents=parts))
    assert told.dialect is Dialect.D1
    assert told.subevent_refs == (an_id("event", 2), an_id("event", 3))
    assert told.steps == (Step(an_id("event", 2), an_id("event", 3)),)
    assert told.next_event_refs == ()


def test_an_incident_of_stix_2_2_has_its_properties_at_the_top() -> None:
    value = an_object(
        "incident",
        spec_version="2.2",
        name="Native",
        determination="blocked",
        investigation_status="closed",
        criticality=0,
        event_refs=[an_id("event")],
    )
    told = read_incident(value)
    assert told.dialect is Dialect.D3
    assert (told.determination, told.investigation_status) == ("blocked", "closed")
    assert told.criticality == 0
    assert told.event_refs == (an_id("event"),)
    assert told.remarks == ()


def test_an_incident_of_stix_2_2_may_still_name_the_extension() -> None:
    told = read_incident(an_incident(core(criticality=5), spec_version="2.2"))
    assert (told.dialect, told.determination, told.criticality) == (Dialect.D3, "confirmed", 5)
    assert told.remarks == ()


def test_native_impacts_and_events_need_no_extension() -> None:
    impact = read_impact(
        an_object(
            "impact",
            spec_version="2.2",
            impact_category="traceability",
            extensions={"traceability-ext": {"traceability_impact": "accountability-lost"}},
        )
    )
    assert (impact.dialect, impact.kind) == (Dialect.D3, Traceability("accountability-lost"))
    event = read_event(an_object("event", spec_version="2.2", status="pending"))
    assert (event.dialect, event.status) == (Dialect.D3, "pending")
    assert impact.remarks == event.remarks == ()


def test_an_incident_that_says_no_more_than_stix_itself_is_read() -> None:
    value = an_object("incident", name="Stub", description="Text.", determination="confirmed")
    told = read_incident(value)
    assert (told.name, told.description, told.dialect) == ("Stub", "Text.", None)
    assert (told.determination, told.criticality) == (None, None)
    assert remarks_of(told).keys() == {"extensions"}


def test_the_misspelt_way_of_detection_is_read_as_what_it_means() -> None:
    methods = ["propriety-solution", "human-review", "proprietary-solution"]
    told = read_incident(an_incident(core(detection_methods=methods)))
    assert told.detection_methods == ("proprietary-solution", "human-review")
    assert told.remarks == ()


@pytest.mark.parametrize(
    ("stated", "read"),
    [
        ({"tenant-2": 7, "employee": 0}, (EntityCount("employee", 0), EntityCount("tenant-2", 7))),
        (
            [
                {"entity_type": "employee", "count": 0},
                {"entity_type": "system", "count": 40, "precise_within": 1},
            ],
            (EntityCount("employee", 0), EntityCount("system", 40, 1)),
        ),
        ({"entity_type": "group", "count": 3}, (EntityCount("group", 3),)),
        ({"employee": 12.0}, (EntityCount("employee", 12),)),
        ({}, ()),
        ([], ()),
        (None, ()),
    ],
    ids=["dictionary", "list", "single object", "whole", "empty", "empty list", "null"],
)
def test_counts_of_entities_are_read_however_they_stand(
    stated: Any, read: tuple[EntityCount, ...]
) -> None:
    impact = read_impact(an_impact(impacted_entity_counts=stated))
    assert impact.impacted_entity_counts == read
    assert impact.remarks == ()
    incident = read_incident(an_incident(core(impacted_entity_counts=stated)))
    assert incident.impacted_entity_counts == read


def test_what_is_absent_and_what_is_none_differ() -> None:
    nothing = read_impact(an_impact())
    assert (nothing.criticality, nothing.kind, nothing.count_of("employee")) == (None, None, None)
    none = read_impact(
        an_impact(
            {"availability-ext": {"availability_impact": 0}},
            criticality=0,
            impacted_entity_counts={"employee": 0},
        )
    )
    assert (none.criticality, none.kind, none.count_of("employee")) == (0, Availability(0), 0)
    lost = read_impact(an_impact({"confidentiality-ext": {"loss_type": "none"}}))
    assert lost.kind == Confidentiality("none")
    counted = {"loss_type": "contained", "information_type": "pii", "record_count": 0}
    found = read_impact(an_impact({"confidentiality-ext": counted})).kind
    assert found == Confidentiality("contained", "pii", record_count=0, record_size=None)
    assert nothing.remarks == none.remarks == lost.remarks == ()


@pytest.mark.parametrize(
    ("name", "stated", "kind"),
    [
        ("confidentiality", {"loss_type": "unknown", "information_type": "pii"}, None),
        ("integrity", {"alteration": "unknown", "information_type": "pii"}, None),
        ("physical", {"impact_type": "unknown", "asset_type": "vehicles"}, None),
        ("traceability", {"traceability_impact": "unknown-accountability"}, None),
        ("external", {"impact_type": "supply-of-water"}, External("supply-of-water")),
        ("economic", {"variety": "fines"}, Economic("fines")),
    ],
)
def test_words_that_the_schemas_lack_are_read_without_a_remark(
    name: str, stated: dict[str, str], kind: Kind | None
) -> None:
    told = read_impact(an_impact({f"{name}-ext": stated}))
    assert told.category == name
    assert told.remarks == ()
    assert kind is None or told.kind == kind


def test_a_key_besides_those_of_a_kind_is_passed_over() -> None:
    stated = {"extension_type": "property-extension", "availability_impact": 30}
    assert read_impact(an_impact({"availability-ext": stated})).kind == Availability(30)


def test_what_refers_to_absent_objects_is_read() -> None:
    told = read_incident(an_incident(core(impact_refs=[an_id("impact", 404)])))
    assert told.impact_refs == (an_id("impact", 404),)
    assert told.remarks == ()


def test_what_is_written_is_read_without_a_remark() -> None:
    for built, read in (
        (write_incident(), read_incident),
        (write_impact(), read_impact),
        (write_event(), read_event),
    ):
        told = read(built.value)
        assert (told.stix_id, told.created_by, told.dialect) == (built.stix_id, CERT, Dialect.D2)
        assert told.modified == datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
        assert not told.revoked
        assert told.remarks == ()


# How much of a time is meant.


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("fidelity", "earliest", "latest"),
    [
        ("year", utc(2024, 1, 1), utc(2025, 1, 1)),
        ("month", utc(2024, 2, 1), utc(2024, 3, 1)),
        ("day", utc(2024, 2, 29), utc(2024, 3, 1)),
        ("hour", utc(2024, 2, 29, 23), utc(2024, 3, 1)),
        ("minute", utc(2024, 2, 29, 23, 30), utc(2024, 2, 29, 23, 31)),
        ("second", utc(2024, 2, 29, 23, 30, 15), utc(2024, 2, 29, 23, 30, 16)),
        (None, utc(2024, 2, 29, 23, 30, 15, 7), utc(2024, 2, 29, 23, 30, 15, 7)),
        ("week", utc(2024, 2, 29, 23, 30, 15, 7), utc(2024, 2, 29, 23, 30, 15, 7)),
    ],
)
def test_a_time_means_a_span(fidelity: str | None, earliest: datetime, latest: datetime) -> None:
    moment = Moment(datetime(2024, 2, 29, 23, 30, 15, 7, tzinfo=UTC), fidelity)
    assert (moment.earliest, moment.latest) == (earliest, latest)


@pytest.mark.parametrize("fidelity", ["year", "month", "day"])
def test_the_last_day_of_all_has_an_end(fidelity: str) -> None:
    moment = Moment(datetime(9999, 12, 31, 12, tzinfo=UTC), fidelity)
    assert moment.latest == datetime.max.replace(tzinfo=UTC)

"""What breaks a rule of the incident suite is refused by field, reason and what to write instead.

Rules are numbered as in `sharing.incident.checks`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from policies.errors import InvalidError, TooLargeError
from sharing.incident.extensions import INCIDENT_EXTENSION
from sharing.incident.kinds import (
    Availability,
    Confidentiality,
    Economic,
    External,
    Integrity,
    Physical,
    Traceability,
)
from sharing.incident.times import Moment
from sharing.incident.values import Score, StateChange
from sharing.objects import StixObject
from tests.kit.incidents import (
    NOW,
    PAP_AMBER,
    an_id,
    write_event,
    write_impact,
    write_incident,
)

TOO_LONG = "x" * 251
EARLIER = NOW - timedelta(milliseconds=1)

REFUSED: list[tuple[str, Callable[[], StixObject], str, str]] = [
    ("no name", lambda: write_incident(name=""), "name", "one line"),
    ("white name", lambda: write_incident(name="  "), "name", "one line"),
    ("two lines", lambda: write_incident(name="a\nb"), "name", "one line"),
    ("long name", lambda: write_incident(name=TOO_LONG), "name", "250"),
    ("NUL", lambda: write_incident(description="a\x00"), "description", "no character"),
    ("surrogate", lambda: write_event(goal="\ud800"), "goal", "no character"),
    ("long text", lambda: write_event(description="x" * 20_001), "description", "20000"),
    ("label", lambda: write_impact(labels=["ok", "a\nb"]), "labels[1]", "one line"),
    ("label twice", lambda: write_impact(labels=["a", "a"]), "labels", "twice"),
    ("labels", lambda: write_event(labels=[str(n) for n in range(201)]), "labels", "200"),
    ("confidence", lambda: write_event(confidence=101), "confidence", "from 0 to 100"),
    # IE-1
    ("low-value", lambda: write_incident(determination="low-value"), "determination", "suspected"),
    ("no determination", lambda: write_incident(determination=None), "determination", "missing"),
    (
        "no status",
        lambda: write_incident(investigation_status=None),
        "investigation_status",
        "missing",
    ),
    (
        "status",
        lambda: write_incident(investigation_status="Being looked at"),
        "investigation_status",
        "lower-case",
    ),
    # IE-2
    (
        "event that is a task",
        lambda: write_incident(event_refs=[an_id("event"), an_id("task")]),
        "event_refs[1]",
        "an event",
    ),
    (
        "impact that is no id",
        lambda: write_incident(impact_refs=["impact--1"]),
        "impact_refs[0]",
        "an impact",
    ),
    (
        "task that is upper case",
        lambda: write_incident(task_refs=[an_id("task").upper()]),
        "task_refs[0]",
        "a task",
    ),
    (
        "the same event twice",
        lambda: write_incident(event_refs=[an_id("event")] * 2),
        "event_refs",
        "twice",
    ),
    (
        "too many events",
        lambda: write_incident(event_refs=[an_id("event", n) for n in range(5001)]),
        "event_refs",
        "5000",
    ),
    (
        "sighting of another type",
        lambda: write_event(sighting_refs=[an_id("indicator")]),
        "sighting_refs[0]",
        "a sighting",
    ),
    (
        "impact on a marking",
        lambda: write_impact(impacted_refs=[PAP_AMBER]),
        "impacted_refs[0]",
        "can stand here",
    ),
    (
        "impact on itself",
        lambda: write_impact(stix_id=an_id("impact"), sub_impact_refs=[an_id("impact")]),
        "sub_impact_refs[0]",
        "itself",
    ),
    (
        "part that is software",
        lambda: write_impact(sub_impact_refs=[an_id("software")]),
        "sub_impact_refs[0]",
        "an impact",
    ),
    (
        "method",
        lambda: write_incident(detection_methods=["human-review", "Eye"]),
        "detection_methods[1]",
        "lower-case",
    ),
    ("type", lambda: write_incident(incident_types=["a b"]), "incident_types[0]", "lower-case"),
    ("long type", lambda: write_event(event_types=["x" * 101]), "event_types[0]", "lower-case"),
    # IE-3
    (
        "impact ends before",
        lambda: write_impact(start=Moment(NOW), end=Moment(EARLIER)),
        "end_time",
        "before",
    ),
    (
        "event ends before",
        lambda: write_event(start=Moment(NOW, "day"), end=Moment(EARLIER, "day")),
        "end_time",
        "before",
    ),
    (
        "fidelity",
        lambda: write_event(start=Moment(NOW, "week")),
        "start_time_fidelity",
        "year, month",
    ),
    (
        "no time zone",
        lambda: write_event(end=Moment(datetime(2026, 1, 1))),  # noqa: DTZ001 - it is refused
        "end_time",
        "time zone",
    ),
    (
        "before all years",
        lambda: write_impact(start=Moment(datetime(999, 12, 31, tzinfo=UTC))),
        "start_time",
        "1000",
    ),
    (
        "after all years",
        lambda: write_impact(
            start=Moment(datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=2))))
        ),
        "start_time",
        "9999",
    ),
    # IE-4
    ("criticality", lambda: write_incident(criticality=101), "criticality", "from 0 to 100"),
    ("criticality below", lambda: write_impact(criticality=-1), "criticality", "from 0 to 100"),
    ("truth", lambda: write_incident(criticality=True), "criticality", "true is not a whole"),
    ("half", lambda: write_impact(criticality=0.5), "criticality", "0.5 is not a whole"),
    (
        "availability",
        lambda: write_impact(Availability(101)),
        "availability_impact",
        "from 0 to 100",
    ),
    (
        "availability true",
        lambda: write_impact(Availability(availability_impact=True)),
        "availability_impact",
        "true",
    ),
    (
        "no availability",
        lambda: write_impact(Availability(None)),
        "availability_impact",
        "missing",
    ),
    # IE-6
    (
        "superseded without an end",
        lambda: write_impact(superseded_by_ref=an_id("impact")),
        "end_time",
        "missing",
    ),
    (
        "superseded by itself",
        lambda: write_impact(
            stix_id=an_id("impact"), superseded_by_ref=an_id("impact"), end=Moment(NOW)
        ),
        "superseded_by_ref",
        "itself",
    ),
    (
        "superseded by an event",
        lambda: write_impact(superseded_by_ref=an_id("event"), end=Moment(NOW)),
        "superseded_by_ref",
        "an impact",
    ),
    # IE-7
    ("no variety", lambda: write_impact(Economic(None)), "variety", "missing"),
    ("min alone", lambda: write_impact(Economic("a", 1, currency="EUR")), "max_amount", "missing"),
    (
        "max alone",
        lambda: write_impact(Economic("a", max_amount=1, currency="EUR")),
        "min_amount",
        "missing",
    ),
    (
        "max below min",
        lambda: write_impact(Economic("a", 2, 1, "EUR")),
        "max_amount",
        "less than",
    ),
    ("nothing", lambda: write_impact(Economic("a", 0, 1, "EUR")), "min_amount", "more than 0"),
    ("debt", lambda: write_impact(Economic("a", 1, -1, "EUR")), "max_amount", "more than 0"),
    (
        "endless",
        lambda: write_impact(Economic("a", 1, float("inf"), "EUR")),
        "max_amount",
        "not a number",
    ),
    (
        "too much",
        lambda: write_impact(Economic("a", 1, 2**53, "EUR")),
        "max_amount",
        "a very large number is not a number",
    ),
    ("in what", lambda: write_impact(Economic("a", 1, 2)), "currency", "missing"),
    ("euro", lambda: write_impact(Economic("a", currency="euro")), "currency", "no code"),
    (
        "bitcoin",
        lambda: write_impact(Economic("a", 1, 2, "EUR", "Bitcoin", 1, NOW)),
        "currency_actual",
        "no code",
    ),
    (
        "actual without rate",
        lambda: write_impact(Economic("a", currency="EUR", currency_actual="BTC")),
        "conversion_rate",
        "missing",
    ),
    (
        "actual without currency",
        lambda: write_impact(
            Economic("a", currency_actual="BTC", conversion_rate=1, conversion_time=NOW)
        ),
        "currency",
        "missing",
    ),
    (
        "rate without actual",
        lambda: write_impact(Economic("a", conversion_rate=1, conversion_time=NOW)),
        "currency_actual",
        "missing",
    ),
    (
        "rate of no time",
        lambda: write_impact(Economic("a", 1, 2, "EUR", "BTC", 3)),
        "conversion_time",
        "missing",
    ),
    (
        "time of no rate",
        lambda: write_impact(Economic("a", conversion_time=NOW)),
        "conversion_rate",
        "missing",
    ),
    (
        "rate of nothing",
        lambda: write_impact(Economic("a", 1, 2, "EUR", "BTC", 0, NOW)),
        "conversion_rate",
        "more than 0",
    ),
    (
        "rate at no zone",
        lambda: write_impact(Economic("a", 1, 2, "EUR", "BTC", 3, NOW.replace(tzinfo=None))),
        "conversion_time",
        "time zone",
    ),
    # IE-8
    (
        "lost what",
        lambda: write_impact(Confidentiality("confirmed-loss")),
        "information_type",
        "missing",
    ),
    ("no loss type", lambda: write_impact(Confidentiality(None)), "loss_type", "missing"),
    ("loss", lambda: write_impact(Confidentiality("some", "pii")), "loss_type", "contained"),
    (
        "altered what",
        lambda: write_impact(Integrity("full-destruction")),
        "information_type",
        "missing",
    ),
    ("no alteration", lambda: write_impact(Integrity(None)), "alteration", "missing"),
    ("broke what", lambda: write_impact(Physical("destruction")), "asset_type", "missing"),
    ("no damage", lambda: write_impact(Physical(None)), "impact_type", "missing"),
    ("no trace", lambda: write_impact(Traceability(None)), "traceability_impact", "missing"),
    ("no effect", lambda: write_impact(External(None)), "impact_type", "missing"),
    ("effect", lambda: write_impact(External("Bad")), "impact_type", "lower-case"),
    (
        "fewer than none",
        lambda: write_impact(Confidentiality("none", record_count=-1)),
        "record_count",
        "from 0",
    ),
    (
        "more than all",
        lambda: write_impact(Integrity("none", record_size=2**53)),
        "record_size",
        "from 0",
    ),
    (
        "kind of entity",
        lambda: write_impact(impacted_entity_counts={"Staff": 1}),
        "impacted_entity_counts",
        "lower-case",
    ),
    (
        "number of entities",
        lambda: write_impact(impacted_entity_counts={"employee": True}),
        "impacted_entity_counts.employee",
        "true is not a whole",
    ),
    (
        "kinds of entity",
        lambda: write_impact(impacted_entity_counts={f"kind-{n}": n for n in range(101)}),
        "impacted_entity_counts",
        "100",
    ),
    # IE-9
    (
        "nothing changed",
        lambda: write_event(changed_objects=[StateChange("caused")]),
        "changed_objects[0].result_ref",
        "missing",
    ),
    (
        "another type",
        lambda: write_event(
            changed_objects=[StateChange("caused", an_id("impact"), an_id("infrastructure"))]
        ),
        "changed_objects[0].result_ref",
        "one type",
    ),
    (
        "an observable changed",
        lambda: write_event(changed_objects=[StateChange("caused", result_ref=an_id("file"))]),
        "changed_objects[0].result_ref",
        "observable",
    ),
    (
        "a sighting changed",
        lambda: write_event(changed_objects=[StateChange("caused", an_id("sighting"))]),
        "changed_objects[0].initial_ref",
        "can stand here",
    ),
    (
        "input without what",
        lambda: write_event(changed_objects=[StateChange("input", result_ref=an_id("tool"))]),
        "changed_objects[0].initial_ref",
        "missing",
    ),
    (
        "output without what",
        lambda: write_event(changed_objects=[StateChange("output", an_id("tool"))]),
        "changed_objects[0].result_ref",
        "missing",
    ),
    (
        "kind of change",
        lambda: write_event(changed_objects=[StateChange("", an_id("tool"))]),
        "changed_objects[0].state_change_type",
        "lower-case",
    ),
    (
        "too many changes",
        lambda: write_event(
            changed_objects=[StateChange("caused", an_id("tool", n)) for n in range(201)]
        ),
        "changed_objects",
        "200",
    ),
    # IE-10
    (
        "follows itself",
        lambda: write_event(stix_id=an_id("event"), next_event_refs=[an_id("event")]),
        "next_event_refs[0]",
        "itself",
    ),
    (
        "followed by a task",
        lambda: write_event(next_event_refs=[an_id("task")]),
        "next_event_refs[0]",
        "an event",
    ),
    ("no such state", lambda: write_event(status="maybe"), "status", "ongoing"),
    ("no state", lambda: write_event(status=None), "status", "missing"),
    ("nameless score", lambda: write_incident(scores=[Score("", 1)]), "scores[0].name", "missing"),
    (
        "score of no number",
        lambda: write_incident(scores=[Score("a", 1), Score("b", float("nan"))]),
        "scores[1].value",
        "not a number",
    ),
    (
        "score true",
        lambda: write_incident(scores=[Score("a", value=True)]),
        "scores[0].value",
        "not a number",
    ),
    (
        "many scores",
        lambda: write_incident(scores=[Score(str(n), n) for n in range(51)]),
        "scores",
        "50",
    ),
    ("by nobody", lambda: write_event(created_by="me"), "created_by_ref", "an identity"),
    ("by a tool", lambda: write_event(created_by=an_id("tool")), "created_by_ref", "an identity"),
    ("id of another", lambda: write_event(stix_id=an_id("impact")), "id", "an event"),
    (
        "id of version 7",
        lambda: write_event(stix_id="event--019a9f3c-0000-7000-8000-000000000001"),
        "id",
        "refuses",
    ),
    ("said twice", lambda: write_incident(more={"name": "x"}), "name", "further properties"),
    ("confident", lambda: write_incident(more={"confidence": 5}), "confidence", "further"),
    ("created when", lambda: write_incident(more={"created": "x"}), "created", "further"),
    ("begun when", lambda: write_event(more={"start_time": "x"}), "start_time", "further"),
    ("reserved", lambda: write_impact(more={"severity": "high"}), "severity", "further"),
    (
        "the suite's own",
        lambda: write_incident(more={"extensions": {INCIDENT_EXTENSION: {}}}),
        "extensions",
        "beside those of the suite",
    ),
    (
        "a second kind",
        lambda: write_impact(more={"extensions": {"physical-ext": {"impact_type": "none"}}}),
        "extensions",
        "beside those of the suite",
    ),
]


@pytest.mark.parametrize(
    ("write", "field", "reason"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
def test_what_breaks_a_rule_is_refused_by_field_with_a_reason_and_what_to_write(
    write: Callable[[], StixObject], field: str, reason: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        write()
    assert refusal.value.field == field
    assert reason in refusal.value.message
    assert str(refusal.value.hint).endswith(".")


def test_all_references_together_have_a_limit() -> None:
    events = [an_id("event", n) for n in range(2500)]
    tasks = [an_id("task", n) for n in range(2500)]
    write_incident(event_refs=events, task_refs=tasks[1:])
    with pytest.raises(TooLargeError, match="5000 references"):
        write_incident(event_refs=events, task_refs=tasks)

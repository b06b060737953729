"""Builders of the incident suite write dialect D2 alone, valid by schema."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from policies.errors import InvalidError
from policies.taxonomies.categories import rsit_label
from policies.taxonomies.vocabularies import IMPACT_CATEGORY
from policies.tlp import TLP
from sharing import stix
from sharing.incident import extensions
from sharing.incident.builders import supersede
from sharing.incident.extensions import (
    EVENT_EXTENSION,
    IMPACT_EXTENSION,
    INCIDENT_EXTENSION,
    suite_definitions,
)
from sharing.incident.kinds import (
    KINDS,
    Availability,
    Confidentiality,
    Economic,
    External,
    Integrity,
    Kind,
    Physical,
    Traceability,
)
from sharing.incident.readers import read_impact
from sharing.incident.times import Moment
from sharing.incident.values import Score, StateChange
from sharing.objects import StixObject
from tests.kit.incidents import (
    CERT,
    NOW,
    PAP_AMBER,
    VENDOR,
    an_id,
    write_event,
    write_impact,
    write_incident,
)
from tests.kit.suite_schemas import faults_by_schema

# What is written.


def test_an_incident_holds_all_that_is_given() -> None:
    label = rsit_label("malicious-code", "infected-system")
    built = write_incident(
        description="Delivered by a supplier.",
        determination="confirmed",
        investigation_status="open",
        criticality=80,
        detection_methods=["system-outage"],
        incident_types=["ransomware", "c&c-server-hosting", "sim-swap"],
        recoverability="supplemented",
        scores=[Score("Hub matrix v1", 78.5, "0 to 100"), Score("other", 0)],
        event_refs=[an_id("event")],
        impact_refs=[an_id("impact")],
        task_refs=[an_id("task")],
        labels=[label],
        marking=TLP.AMBER,
        confidence=70,
        stix_id=an_id("incident"),
    )
    assert built.value == {
        "type": "incident",
        "spec_version": "2.1",
        "id": an_id("incident"),
        "created_by_ref": CERT,
        "created": "2026-11-20T10:00:00.000Z",
        "modified": "2026-11-20T10:00:00.000Z",
        "object_marking_refs": [TLP.AMBER.marking_id],
        "name": "Trojanised update",
        "description": "Delivered by a supplier.",
        "labels": ['rsit:malicious-code="infected-system"'],
        "confidence": 70,
        "extensions": {
            INCIDENT_EXTENSION: {
                "extension_type": "property-extension",
                "determination": "confirmed",
                "investigation_status": "open",
                "criticality": 80,
                "detection_methods": ["system-outage"],
                "incident_types": ["ransomware", "c&c-server-hosting", "sim-swap"],
                "recoverability": "supplemented",
                "scores": [
                    {"name": "Hub matrix v1", "value": 78.5, "description": "0 to 100"},
                    {"name": "other", "value": 0},
                ],
                "event_refs": [an_id("event")],
                "impact_refs": [an_id("impact")],
                "task_refs": [an_id("task")],
            }
        },
    }
    assert faults_by_schema(built.value) == []


def test_an_incident_of_which_little_is_known_is_new_and_suspected() -> None:
    built = write_incident(description="", labels=[], recoverability="")
    assert set(built.value) == {
        "type",
        "spec_version",
        "id",
        "created_by_ref",
        "created",
        "modified",
        "name",
        "extensions",
    }
    assert built.value["extensions"] == {
        INCIDENT_EXTENSION: {
            "extension_type": "property-extension",
            "determination": "suspected",
            "investigation_status": "new",
        }
    }
    assert faults_by_schema(built.value) == []


def test_an_impact_holds_all_that_is_given() -> None:
    built = write_impact(
        Confidentiality("suspected-loss", "phi", 0, 4096),
        criticality=0,
        description="Records of patients.",
        start=Moment(NOW - timedelta(days=1), "day"),
        end=Moment(NOW),
        recoverability="regular",
        impacted_entity_counts={"customer-individual": 0, "tenant-2": 12},
        impacted_refs=[VENDOR, an_id("ipv4-addr")],
        sub_impact_refs=[an_id("impact", 2)],
        superseded_by_ref=an_id("impact", 3),
        labels=["exercise"],
        stix_id=an_id("impact"),
    )
    assert built.value == {
        "type": "impact",
        "spec_version": "2.1",
        "id": an_id("impact"),
        "created_by_ref": CERT,
        "created": "2026-11-20T10:00:00.000Z",
        "modified": "2026-11-20T10:00:00.000Z",
        "impact_category": "confidentiality",
        "criticality": 0,
        "description": "Records of patients.",
        "start_time": "2026-11-19T10:00:00.000Z",
        "start_time_fidelity": "day",
        "end_time": "2026-11-20T10:00:00.000Z",
        "recoverability": "regular",
        "impacted_entity_counts": {"customer-individual": 0, "tenant-2": 12},
        "impacted_refs": [VENDOR, an_id("ipv4-addr")],
        "sub_impact_refs": [an_id("impact", 2)],
        "superseded_by_ref": an_id("impact", 3),
        "labels": ["exercise"],
        "extensions": {
            IMPACT_EXTENSION: {"extension_type": "new-sdo"},
            "confidentiality-ext": {
                "loss_type": "suspected-loss",
                "information_type": "phi",
                "record_count": 0,
                "record_size": 4096,
            },
        },
    }
    assert faults_by_schema(built.value) == []


ALL_KINDS: list[Kind] = [
    Availability(0),
    Availability(100),
    Confidentiality("none"),
    Confidentiality("unknown", "system"),
    External("public-health"),
    External("supply-of-water"),
    Integrity("none"),
    Integrity("unknown", "financial", record_size=0),
    Integrity("full-destruction", "system", 12, 2**53 - 1),
    Economic("ransom-demand"),
    Economic("ransom-demand", currency="EUR"),
    Economic("ransom-payment", 0.01, 1_000_000, "USD", "BTC", 98_000.5, NOW),
    Physical("none"),
    Physical("unknown", "ics-sensor"),
    Physical("destruction", "medical-pump"),
    Traceability("unknown-accountability"),
    Traceability("accountability-lost"),
]


@pytest.mark.parametrize("kind", ALL_KINDS, ids=str)
def test_each_kind_of_impact_is_valid_by_schema_and_names_its_category(kind: Kind) -> None:
    built = write_impact(kind)
    assert faults_by_schema(built.value) == []
    assert built.value["impact_category"] == kind.category
    assert set(built.value["extensions"]) == {IMPACT_EXTENSION, f"{kind.category}-ext"}
    assert read_impact(built.value).kind == kind


def test_there_are_seven_kinds_of_impact() -> None:
    assert list(KINDS) == [term.key for term in IMPACT_CATEGORY.terms]
    assert {type(kind) for kind in ALL_KINDS} == set(KINDS.values())


def test_an_event_holds_all_that_is_given() -> None:
    built = write_event(
        status="ongoing",
        name="Same payload at Beta",
        description="Executed by the updater.",
        goal="extortion",
        event_types=["supply-chain-customer"],
        start=Moment(datetime(2026, 11, 20, 1, 0, tzinfo=timezone(timedelta(hours=2))), "minute"),
        end=Moment(NOW, "hour"),
        changed_objects=[
            StateChange("caused", result_ref=an_id("impact")),
            StateChange("input", initial_ref=an_id("infrastructure")),
            StateChange("mitigated", an_id("impact", 2), an_id("impact", 3)),
        ],
        next_event_refs=[an_id("event", 2), an_id("event", 3)],
        sighting_refs=[an_id("sighting")],
        labels=["drill"],
        stix_id=an_id("event"),
    )
    assert built.value == {
        "type": "event",
        "spec_version": "2.1",
        "id": an_id("event"),
        "created_by_ref": CERT,
        "created": "2026-11-20T10:00:00.000Z",
        "modified": "2026-11-20T10:00:00.000Z",
        "status": "ongoing",
        "name": "Same payload at Beta",
        "description": "Executed by the updater.",
        "goal": "extortion",
        "event_types": ["supply-chain-customer"],
        "start_time": "2026-11-19T23:00:00.000Z",
        "start_time_fidelity": "minute",
        "end_time": "2026-11-20T10:00:00.000Z",
        "end_time_fidelity": "hour",
        "changed_objects": [
            {"state_change_type": "caused", "result_ref": an_id("impact")},
            {"state_change_type": "input", "initial_ref": an_id("infrastructure")},
            {
                "state_change_type": "mitigated",
                "initial_ref": an_id("impact", 2),
                "result_ref": an_id("impact", 3),
            },
        ],
        "next_event_refs": [an_id("event", 2), an_id("event", 3)],
        "sighting_refs": [an_id("sighting")],
        "labels": ["drill"],
        "extensions": {EVENT_EXTENSION: {"extension_type": "new-sdo"}},
    }
    assert faults_by_schema(built.value) == []
    assert faults_by_schema(write_event().value) == []


def test_an_id_that_is_made_up_is_of_version_4() -> None:
    for built in (write_incident(), write_impact(), write_event()):
        assert built.stix_id[-22] == "4"


def test_the_schemas_are_a_net_that_catches() -> None:
    written = write_impact(Confidentiality("unknown", "pii"), sub_impact_refs=[an_id("impact", 2)])
    lost = {**written.value["extensions"], "confidentiality-ext": {"loss_type": "some"}}
    for wrong in (
        {"sub_impact_refs": [an_id("software")]},
        {"extensions": lost},
        {"sub_imact_refs": [an_id("impact", 2)]},
        {"criticality": 101},
        {"impact_category": None},
    ):
        assert faults_by_schema({**written.value, **wrong})
    assert faults_by_schema({**write_event().value, "next_events_refs": [an_id("event")]})
    assert faults_by_schema({**write_incident().value, "criticality": 5})


# Versions: rule IE-12.


def test_a_version_that_follows_says_what_is_given_now_and_nothing_else() -> None:
    first = write_incident(
        description="Old.",
        criticality=20,
        event_refs=[an_id("event")],
        marking=TLP.GREEN,
        more={"lang": "en", "extensions": {an_id("extension-definition"): {"x": "y"}}},
    )
    later = NOW + timedelta(hours=1)
    second = write_incident(name="Ransomware", criticality=80, earlier=first, now=later)
    assert second.value == {
        **{name: first.value[name] for name in ("type", "spec_version", "id", "created")},
        "created_by_ref": CERT,
        "modified": "2026-11-20T11:00:00.000Z",
        "object_marking_refs": [TLP.GREEN.marking_id],
        "name": "Ransomware",
        "extensions": {
            INCIDENT_EXTENSION: {
                "extension_type": "property-extension",
                "determination": "suspected",
                "investigation_status": "new",
                "criticality": 80,
            }
        },
    }
    assert first.value["name"] == "Trojanised update"


def test_a_version_that_follows_is_later_though_the_clock_went_back() -> None:
    first = write_event()
    second = write_event(earlier=first, now=NOW - timedelta(days=1))
    assert second.version_ns == first.version_ns + 1_000_000
    third = write_event(earlier=first, stix_id=first.stix_id)
    assert third.stix_id == first.stix_id


def test_markings_stay_and_a_new_label_takes_the_place_of_the_old_one() -> None:
    more = {"object_marking_refs": [PAP_AMBER]}
    first = write_impact(marking=TLP.GREEN, more=more)
    assert first.value["object_marking_refs"] == [TLP.GREEN.marking_id, PAP_AMBER]
    second = write_impact(earlier=first, marking=TLP.RED, more=more)
    assert second.value["object_marking_refs"] == [TLP.RED.marking_id, PAP_AMBER]
    third = write_impact(earlier=second)
    assert third.value["object_marking_refs"] == [TLP.RED.marking_id, PAP_AMBER]


def revoked(first: StixObject) -> StixObject:
    return stix.new_version(first, {"revoked": True}, now=NOW)


@pytest.mark.parametrize(
    ("write", "field", "reason"),
    [
        (
            lambda: write_event(earlier=write_event(created_by=VENDOR)),
            "created_by_ref",
            "only who created",
        ),
        (lambda: write_event(earlier=write_impact()), "id", "no version of event"),
        (
            lambda: write_event(earlier=write_event(), stix_id=an_id("event")),
            "id",
            "no version of event--",
        ),
        (lambda: write_event(earlier=revoked(write_event())), "revoked", "revoked"),
    ],
    ids=["another's", "another type", "another id", "revoked"],
)
def test_only_its_creator_makes_a_version_of_an_object_that_still_holds(
    write: Callable[[], StixObject], field: str, reason: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        write()
    assert refusal.value.field == field
    assert reason in refusal.value.message
    assert refusal.value.hint


def test_more_properties_and_extensions_stand_beside_those_of_the_suite() -> None:
    own = an_id("extension-definition")
    more = {
        "lang": "en",
        "external_references": [{"source_name": "case", "external_id": "7"}],
        "extensions": {own: {"extension_type": "property-extension", "state": "open"}},
    }
    built = write_incident(more=more)
    assert built.value["lang"] == "en"
    assert set(built.value["extensions"]) == {INCIDENT_EXTENSION, own}
    assert faults_by_schema(built.value) == []
    assert set(more) == {"lang", "external_references", "extensions"}


# What supersedes: rule IE-6.


def test_an_impact_is_superseded_by_a_later_one_of_the_same_category() -> None:
    first = write_impact(Availability(90), start=Moment(NOW), marking=TLP.GREEN)
    second = write_impact(Availability(30), start=Moment(NOW, "hour"))
    end = Moment(NOW + timedelta(hours=5), "minute")
    ended = supersede(first, second, end=end, created_by=CERT, now=NOW)
    assert ended.value == {
        **first.value,
        "modified": "2026-11-20T10:00:00.001Z",
        "end_time": "2026-11-20T15:00:00.000Z",
        "end_time_fidelity": "minute",
        "superseded_by_ref": second.stix_id,
    }
    assert faults_by_schema(ended.value) == []


def test_an_end_that_is_exact_has_no_fidelity_left_from_before() -> None:
    first = write_impact(end=Moment(NOW, "day"))
    ended = supersede(first, write_impact(), end=Moment(NOW), created_by=CERT, now=NOW)
    assert read_impact(ended.value).end == Moment(NOW)


def superseding(**more: Any) -> None:
    given = {
        "earlier": write_impact(Availability(90), start=Moment(NOW), stix_id=an_id("impact", 1)),
        "later": write_impact(Availability(30), stix_id=an_id("impact", 2)),
        "end": Moment(NOW),
        "created_by": CERT,
        "now": NOW,
        **more,
    }
    supersede(**given)


@pytest.mark.parametrize(
    ("more", "field", "reason"),
    [
        ({"later": write_impact(External("economic"))}, "superseded_by_ref", "on external"),
        ({"later": write_impact(stix_id=an_id("impact", 1))}, "superseded_by_ref", "itself"),
        ({"end": Moment(NOW - timedelta(days=1))}, "end_time", "before"),
        ({"end": Moment(NOW, "week")}, "end_time_fidelity", "week"),
        ({"created_by": VENDOR}, "created_by_ref", "only who created"),
        ({"later": write_event()}, "type", "impact"),
        ({"earlier": write_event()}, "id", "no version of impact"),
        (
            {
                "later": write_impact(
                    stix_id=an_id("impact", 2),
                    end=Moment(NOW),
                    superseded_by_ref=an_id("impact", 3),
                ),
                "others": [
                    read_impact(
                        write_impact(
                            stix_id=an_id("impact", 3),
                            end=Moment(NOW),
                            superseded_by_ref=an_id("impact", 1),
                        ).value
                    )
                ],
            },
            "superseded_by_ref",
            "circle",
        ),
    ],
    ids=["category", "itself", "end", "fidelity", "another's", "event", "of an event", "circle"],
)
def test_what_can_not_supersede_is_refused(more: Any, field: str, reason: str) -> None:
    superseding()
    with pytest.raises(InvalidError) as refusal:
        superseding(**more)
    assert refusal.value.field == field
    assert reason in refusal.value.message


def test_a_circle_among_others_is_no_matter_of_this_impact() -> None:
    circle = [
        read_impact(
            write_impact(stix_id=an_id("impact", a), end=Moment(NOW), superseded_by_ref=ref).value
        )
        for a, ref in ((7, an_id("impact", 8)), (8, an_id("impact", 7)))
    ]
    superseding(others=circle)


# Definitions.


def test_the_definitions_are_those_of_oasis_and_name_what_is_written() -> None:
    by_id = {one.stix_id: one.value for one in suite_definitions()}
    assert {ref: value["extension_types"] for ref, value in by_id.items()} == {
        INCIDENT_EXTENSION: ["property-extension"],
        EVENT_EXTENSION: ["new-sdo"],
        IMPACT_EXTENSION: ["new-sdo"],
        extensions.TASK_EXTENSION: ["new-sdo"],
    }
    assert all(value["type"] == "extension-definition" for value in by_id.values())
    # Ledgers cover these bytes by hash.
    assert [one.sha256[:16] for one in suite_definitions()] == [
        "a1d7065273a647e0",
        "504c4c921c4e4ece",
        "d5b6cb5df1b2c8a5",
        "21101dd24bdd0973",
    ]


def test_nothing_in_the_room_can_reach_a_network() -> None:
    room = Path(extensions.__file__).parent
    imported = set()
    for path in room.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module))
    outside = {name for name in imported if name.partition(".")[0] not in ("sharing", "policies")}
    assert outside <= {
        "__future__",
        "collections.abc",
        "dataclasses",
        "datetime",
        "enum",
        "functools",
        "heapq",
        "importlib",
        "json",
        "math",
        "re",
        "typing",
    }
    assert {name for name in imported if name.startswith("sharing.")} & {
        "sharing.outbound",
        "sharing.taxii",
    } == set()

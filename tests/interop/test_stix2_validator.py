"""The OASIS validator has nothing to say against what we write."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from policies.taxonomies.categories import rsit_label
from policies.tlp import TLP
from sharing import stix
from sharing.incident.builders import event, impact, incident
from sharing.incident.extensions import suite_definitions
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
from sharing.reissue import reissued

pytestmark = pytest.mark.interop

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
CERT = "identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0001"


def everything_we_write() -> list[StixObject]:
    indicator = stix.indicator(
        "[domain-name:value = 'update.example.com']",
        name="Command and control",
        description="Seen in the trojanised update.",
        indicator_types=["malicious-activity"],
        labels=["campaign"],
        external_references=[{"source_name": "report", "url": "https://example.com/report"}],
        created_by=CERT,
        now=NOW,
        marking=TLP.GREEN,
    )
    note = stix.note(
        "We see it too.",
        about=[indicator.stix_id],
        abstract="Seen",
        authors=["Ann Example"],
        created_by=CERT,
        now=NOW,
    )
    severest = Score("Hub matrix v1", 78.5, "0 to 100")
    begun, ended = Moment(NOW, "day"), Moment(NOW, "minute")
    definition, creator = stix.signed_bundle_definition()
    channel = stix.channel_identity_id("6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003")
    return [
        stix.identity("Example CERT", now=NOW, sectors=["energy"], contact_information="mail"),
        stix.identity("The case", now=NOW, stix_id=channel, identity_class="group"),
        indicator,
        note,
        stix.note("Yes.", about=[CERT], created_by=CERT, now=NOW, nonce="0f" * 16),
        stix.nonce_definition(),
        reissued(
            StixObject.of(
                {
                    "type": "ipv4-addr",
                    "spec_version": "2.1",
                    "id": "ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd",
                    "value": "198.51.100.3",
                }
            ),
            stix.new_id("ipv4-addr"),
            "0f" * 16,
        ),
        stix.new_version(note, {"content": "We saw it too."}, now=NOW),
        stix.opinion(
            "agree", about=[note.stix_id], explanation="So do we.", created_by=CERT, now=NOW
        ),
        stix.sighting(
            indicator.stix_id,
            first_seen=NOW,
            last_seen=NOW,
            count=2,
            where_sighted=[CERT],
            created_by=CERT,
            now=NOW,
        ),
        stix.relationship(
            "derived-from", note.stix_id, indicator.stix_id, created_by=CERT, now=NOW
        ),
        stix.statement_marking("Copyright Example CERT", created_by=CERT, now=NOW),
        *(stix.tlp_marking(label) for label in TLP),
        *suite_definitions(),
        incident("A case", created_by=CERT, now=NOW),
        incident(
            "Trojanised update",
            determination="confirmed",
            investigation_status="open",
            criticality=80,
            detection_methods=["external-notification"],
            incident_types=["c&c-server-hosting"],
            recoverability="extended",
            scores=[severest],
            event_refs=[stix.new_id("event")],
            impact_refs=[stix.new_id("impact")],
            task_refs=[stix.new_id("task")],
            labels=[rsit_label("malicious-code", "c2-server")],
            marking=TLP.AMBER,
            confidence=70,
            created_by=CERT,
            now=NOW,
        ),
        *(
            impact(
                kind,
                criticality=0,
                impacted_entity_counts={"employee": 0},
                impacted_refs=[CERT],
                superseded_by_ref=stix.new_id("impact"),
                created_by=CERT,
                now=NOW,
                start=begun,
                end=ended,
            )
            for kind in (
                Availability(0),
                Confidentiality("unknown", "pii", 12),
                External("public-health"),
                Integrity("full-destruction", "system"),
                Economic("ransom-demand", 1.5, 2, "EUR", "BTC", 98_000.5, NOW),
                Physical("destruction", "vehicles"),
                Traceability("accountability-lost"),
            )
        ),
        event(
            "occurred",
            name="Executed",
            goal="extortion",
            event_types=["ransomware"],
            changed_objects=[StateChange("caused", result_ref=stix.new_id("impact"))],
            next_event_refs=[stix.new_id("event")],
            sighting_refs=[stix.new_id("sighting")],
            created_by=CERT,
            now=NOW,
            start=begun,
            end=ended,
        ),
        definition,
        creator,
        StixObject.of(
            {
                "type": "signed-bundle",
                "spec_version": "2.1",
                "id": "signed-bundle--9c1d2e3f-0000-4000-8000-000000000001",
                "created_by_ref": CERT,
                "created": "2026-11-20T10:05:00.000Z",
                "modified": "2026-11-20T10:05:00.000Z",
                "extensions": {stix.SIGNED_BUNDLE_EXTENSION: {"extension_type": "new-sdo"}},
                "protocol": "1",
                "channel": "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003",
                "act": "note.added",
                "nth": 1,
                "seen": {"epoch": 1, "seq": 0, "sha256": "0" * 64},
                "signature": "eyJ..abc",
            }
        ),
    ]


@pytest.mark.parametrize("built", everything_we_write(), ids=lambda built: str(built.stix_type))
def test_what_we_write_passes_the_validator(built: StixObject) -> None:
    from stix2validator import ValidationOptions, validate_instance  # noqa: PLC0415 - slow

    result = validate_instance(dict(built.value), ValidationOptions(version="2.1"))
    assert result.is_valid, [str(error) for error in result.errors]


@pytest.mark.parametrize("built", everything_we_write(), ids=lambda built: str(built.stix_type))
def test_what_we_write_can_be_read_by_the_stix2_library(built: StixObject) -> None:
    import stix2  # noqa: PLC0415 - slow

    parsed = stix2.parse(dict(built.value), allow_custom=True)
    assert parsed["id"] == built.stix_id

"""Incidents, impacts and events of a story, for tests that are about one property each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sharing.incident.builders import event, impact, incident
from sharing.incident.extensions import EVENT_EXTENSION, IMPACT_EXTENSION, INCIDENT_EXTENSION
from sharing.incident.kinds import Availability, Kind
from sharing.incident.readers import read_event, read_impact, read_incident
from sharing.incident.values import Event, Impact, Incident
from sharing.objects import StixObject

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
CERT = "identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0001"
VENDOR = "identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0002"
PAP_AMBER = "marking-definition--60f8932b-e51e-4458-b265-a2e8be9a80ab"


READERS: dict[str, Callable[[Any], Incident | Impact | Event]] = {
    "incident": read_incident,
    "impact": read_impact,
    "event": read_event,
}


def an_id(stix_type: str, number: int = 1) -> str:
    return f"{stix_type}--00000000-0000-4000-8000-{number:012d}"


def write_incident(**more: Any) -> StixObject:
    return incident(**{"name": "Trojanised update", "created_by": CERT, "now": NOW, **more})


def write_impact(kind: Kind | None = None, **more: Any) -> StixObject:
    return impact(kind or Availability(50), **{"created_by": CERT, "now": NOW, **more})


def write_event(**more: Any) -> StixObject:
    return event(**{"status": "occurred", "created_by": CERT, "now": NOW, **more})


# As others write them.


def an_object(stix_type: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": stix_type,
        "spec_version": "2.1",
        "id": an_id(stix_type),
        "created_by_ref": CERT,
        "created": "2026-11-20T10:00:00.000Z",
        "modified": "2026-11-20T11:00:00.000Z",
        **properties,
    }


def an_incident(core: Any, **properties: Any) -> dict[str, Any]:
    extensions = {INCIDENT_EXTENSION: core}
    return an_object("incident", **{"name": "A case", "extensions": extensions, **properties})


def core(**properties: Any) -> dict[str, Any]:
    return {
        "extension_type": "property-extension",
        "determination": "confirmed",
        "investigation_status": "open",
        **properties,
    }


def an_impact(extensions: Any = None, **properties: Any) -> dict[str, Any]:
    extensions = {IMPACT_EXTENSION: {"extension_type": "new-sdo"}, **(extensions or {})}
    return an_object("impact", **{"extensions": extensions, **properties})


def an_event(**properties: Any) -> dict[str, Any]:
    extensions = {EVENT_EXTENSION: {"extension_type": "new-sdo"}}
    return an_object("event", **{"status": "occurred", "extensions": extensions, **properties})


def remarks_of(told: Incident | Impact | Event) -> dict[str, str]:
    return {remark.field: remark.message for remark in told.remarks}

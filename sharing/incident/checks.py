"""The rules of the suite for a whole object: each gives the remarks that there are.

Source: OASIS Incident Core Extension 2.1. The rules that its schemas do not check are numbered
here: IE-1 required properties, IE-2 lists and references, IE-3 periods, IE-4 whole numbers up to
100, IE-5 one kind of impact, IE-6 what supersedes, IE-7 amounts of money, IE-8 kinds of
information and asset, IE-9 changes of state, IE-10 order of events, IE-11 absent objects, IE-12
who versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from policies.taxonomies.vocabularies import (
    DETECTION_METHODS,
    DETERMINATION,
    ENTITY_TYPE,
    EVENT_STATUS,
    EVENT_TYPE,
    INCIDENT_INVESTIGATION,
    RECOVERABILITY,
    STATE_CHANGE_TYPE,
)
from sharing.incident.kinds import PERCENT
from sharing.incident.rules import (
    CHANGES,
    ENTITY_TYPES,
    NAME_CHARACTERS,
    NO_DOMAIN_OBJECTS,
    OBSERVABLES,
    SCORES,
    Remark,
    Remarks,
    check_integer,
    check_labels,
    check_number,
    check_ref,
    check_refs,
    check_text,
    check_word,
    check_words,
    missing,
    shown,
)
from sharing.incident.times import check_period
from sharing.incident.values import EntityCount, Event, Impact, Incident, Score, StateChange, Told
from sharing.limits import REFERENCES

_WHICH_END: Final = {"input": "initial_ref", "output": "result_ref"}


def check_incident(incident: Incident) -> Remarks:
    """Check an incident. Rules: IE-1, IE-2, IE-4."""
    if incident.name is None:
        yield missing("name", "Give the incident a name.")
    yield from check_text("name", incident.name, NAME_CHARACTERS, line=True)
    yield from check_text("description", incident.description)
    yield from _check_told(incident)
    yield from check_word("determination", incident.determination, DETERMINATION, needed=True)
    status = incident.investigation_status
    yield from check_word("investigation_status", status, INCIDENT_INVESTIGATION, needed=True)
    yield from check_integer("criticality", incident.criticality, most=PERCENT)
    yield from check_words("detection_methods", incident.detection_methods, DETECTION_METHODS)
    yield from check_words("incident_types", incident.incident_types, EVENT_TYPE)
    yield from check_word("recoverability", incident.recoverability, RECOVERABILITY)
    yield from _check_scores(incident.scores)
    yield from check_refs("event_refs", incident.event_refs, "event", limit=REFERENCES)
    yield from check_refs("impact_refs", incident.impact_refs, "impact", limit=REFERENCES)
    yield from check_refs("task_refs", incident.task_refs, "task", limit=REFERENCES)
    yield from _check_counts(incident.impacted_entity_counts)


def check_impact(impact: Impact) -> Remarks:
    """Check an impact. Rules: IE-2 to IE-8, of IE-6 what the object alone shows."""
    if impact.kind is not None:
        yield from impact.kind.check()
    yield from check_integer("criticality", impact.criticality, most=PERCENT)
    yield from check_text("description", impact.description)
    yield from _check_told(impact)
    yield from check_period(impact.start, impact.end)
    yield from check_word("recoverability", impact.recoverability, RECOVERABILITY)
    yield from _check_counts(impact.impacted_entity_counts)
    own = impact.stix_id
    refs = impact.impacted_refs
    never = NO_DOMAIN_OBJECTS
    yield from check_refs("impacted_refs", refs, never=never, limit=REFERENCES, but=own)
    parts = impact.sub_impact_refs
    yield from check_refs("sub_impact_refs", parts, "impact", limit=REFERENCES, but=own)
    yield from check_ref("superseded_by_ref", impact.superseded_by_ref, "impact", but=own)
    if impact.superseded_by_ref is not None and impact.end is None:
        yield missing("end_time", "Say until when this impact lasted before the other followed.")


def check_event(event: Event) -> Remarks:
    """Check an event. Rules: IE-2, IE-3, IE-9, of IE-10 what the object alone shows."""
    yield from check_word("status", event.status, EVENT_STATUS, needed=True)
    yield from check_text("name", event.name, NAME_CHARACTERS, line=True)
    yield from check_text("description", event.description)
    yield from check_text("goal", event.goal)
    yield from _check_told(event)
    yield from check_words("event_types", event.event_types, EVENT_TYPE)
    yield from check_period(event.start, event.end)
    yield from _check_changes(event.changed_objects)
    following = event.next_event_refs
    own = event.stix_id
    yield from check_refs("next_event_refs", following, "event", limit=REFERENCES, but=own)
    yield from check_refs("sighting_refs", event.sighting_refs, "sighting", limit=REFERENCES)


def _check_told(told: Told) -> Remarks:
    yield from check_labels(told.labels)
    yield from check_integer("confidence", told.confidence, most=PERCENT)


def _check_scores(scores: Sequence[Score]) -> Remarks:
    yield from _check_count("scores", len(scores), SCORES)
    for index, score in enumerate(scores):
        field = f"scores[{index}]"
        if not score.name:
            yield missing(f"{field}.name", "Name the system or method that gave the score.")
        yield from check_text(f"{field}.name", score.name or None, NAME_CHARACTERS, line=True)
        yield from check_number(f"{field}.value", score.value)
        yield from check_text(f"{field}.description", score.description)


def _check_counts(counts: Sequence[EntityCount]) -> Remarks:
    field = "impacted_entity_counts"
    yield from _check_count(field, len(counts), ENTITY_TYPES)
    for one in counts:
        yield from check_word(field, one.entity_type, ENTITY_TYPE)
        yield from check_integer(f"{field}.{one.entity_type}", one.count, needed=True)


def _check_changes(changes: Sequence[StateChange]) -> Remarks:
    yield from _check_count("changed_objects", len(changes), CHANGES)
    for index, change in enumerate(changes):
        yield from _check_change(f"changed_objects[{index}]", change)


def _check_change(field: str, change: StateChange) -> Remarks:
    kind = change.state_change_type
    yield from check_word(f"{field}.state_change_type", kind, STATE_CHANGE_TYPE)
    stated = {"initial_ref": change.initial_ref, "result_ref": change.result_ref}
    for name, ref in stated.items():
        yield from check_ref(f"{field}.{name}", ref, never=NO_DOMAIN_OBJECTS)
        if ref is not None and ref.partition("--")[0] in OBSERVABLES:
            message = f"{shown(ref)} is an observable, and only domain objects change"
            yield Remark(f"{field}.{name}", message, "Wrap it in observed-data.")
    if not any(stated.values()):
        yield missing(
            f"{field}.result_ref", "Name the object before the change, after it, or both."
        )
    needed = _WHICH_END.get(kind)
    if needed is not None and stated[needed] is None:
        yield missing(f"{field}.{needed}", f"A change of the type {kind} names it.")
    types = {ref.partition("--")[0] for ref in stated.values() if ref is not None}
    if len(types) > 1:
        message = (
            f"an object of one type does not become one of another: {', '.join(sorted(types))}"
        )
        yield Remark(f"{field}.result_ref", message, "Name two objects of the same type.")


def _check_count(field: str, count: int, limit: int) -> Remarks:
    if count > limit:
        yield Remark(field, f"{count} items are more than the {limit} allowed", "Shorten it.")

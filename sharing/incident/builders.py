"""Builders of incidents, impacts and events: strict, and in dialect D2 alone.

What they give is the first version of an object or, after an earlier one, the version that
follows it: it says what is given now and nothing else.

Source: OASIS Incident Core Extension 2.1, revision 07; STIX 2.1, 3.6.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Required, TypedDict, Unpack

from policies.errors import InvalidError
from policies.tlp import TLP, TLP_BY_MARKING_ID
from sharing import stix
from sharing.canonical import read_time, write_time
from sharing.incident.checks import check_event, check_impact, check_incident
from sharing.incident.extensions import EVENT_EXTENSION, IMPACT_EXTENSION, INCIDENT_EXTENSION, SUITE
from sharing.incident.kinds import Kind, kind_document
from sharing.incident.order import check_successions
from sharing.incident.readers import read_impact
from sharing.incident.rules import Remark, Remarks, check_ref, is_reference, refuse, shown
from sharing.incident.times import Moment
from sharing.incident.values import EntityCount, Event, Impact, Incident, Score, StateChange
from sharing.limits import read_stix_limits
from sharing.objects import StixObject

_UUID_OF_OURS: Final = re.compile(r"[0-9a-f-]{14}[1-5][0-9a-f]{3}-[89ab][0-9a-f-]{16}", re.ASCII)
_UUID_CHARACTERS: Final = 36
_MORE: Final = ("lang", "external_references", "granular_markings")
_FIXED: Final = ("type", "spec_version", "id", "created_by_ref", "created", "modified")


class Origin(TypedDict, total=False):
    """Who writes an object when, and what it is besides.

    `earlier` is the version that this one follows: its id, its creator and the time of its
    creation stay, and so do its markings; a `marking` that is given takes the place of its TLP
    label. `stix_id` is an id that is given, else one is made up. `confidence` goes from 0 to 100.
    `more` holds `lang`, `external_references`, `granular_markings`, markings besides the TLP label
    in `object_marking_refs`, and entries of other `extensions`.
    """

    created_by: Required[str]
    now: Required[datetime]
    marking: TLP | None
    confidence: int | None
    stix_id: str | None
    earlier: StixObject | None
    more: Mapping[str, Any] | None


def incident(  # noqa: PLR0913 - each is a property that the suite defines
    name: str,
    *,
    determination: str = "suspected",
    investigation_status: str = "new",
    description: str | None = None,
    criticality: int | None = None,
    detection_methods: Iterable[str] = (),
    incident_types: Iterable[str] = (),
    recoverability: str | None = None,
    scores: Iterable[Score] = (),
    event_refs: Iterable[str] = (),
    impact_refs: Iterable[str] = (),
    task_refs: Iterable[str] = (),
    labels: Iterable[str] = (),
    **origin: Unpack[Origin],
) -> StixObject:
    """Build an incident with its core extension.

    Args:
        labels: those of `policies.taxonomies.categories` among them.

    Raises:
        InvalidError: a property breaks a rule of the suite; it says which, and what to write.
    """
    told = Incident(
        stix_id=_id_of("incident", origin),
        created_by=origin["created_by"],
        created=None,
        modified=None,
        confidence=origin.get("confidence"),
        name=name,
        description=description or None,
        determination=determination,
        investigation_status=investigation_status,
        criticality=criticality,
        detection_methods=tuple(detection_methods),
        incident_types=tuple(incident_types),
        recoverability=recoverability or None,
        scores=tuple(scores),
        event_refs=tuple(event_refs),
        impact_refs=tuple(impact_refs),
        task_refs=tuple(task_refs),
        labels=tuple(labels),
    )
    refuse(check_incident(told))
    core = {
        "extension_type": "property-extension",
        "determination": told.determination,
        "investigation_status": told.investigation_status,
        "criticality": told.criticality,
        "detection_methods": list(told.detection_methods),
        "incident_types": list(told.incident_types),
        "recoverability": told.recoverability,
        "scores": [_score_document(score) for score in told.scores],
        "event_refs": list(told.event_refs),
        "impact_refs": list(told.impact_refs),
        "task_refs": list(told.task_refs),
    }
    properties = {
        "name": told.name,
        "description": told.description,
        "labels": list(told.labels),
        "extensions": {INCIDENT_EXTENSION: _stated(core)},
    }
    return _write(told.stix_id, properties, origin)


def impact(  # noqa: PLR0913 - each is a property that the suite defines
    kind: Kind,
    *,
    criticality: int | None = None,
    description: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    recoverability: str | None = None,
    impacted_entity_counts: Mapping[str, int] | None = None,
    impacted_refs: Iterable[str] = (),
    sub_impact_refs: Iterable[str] = (),
    superseded_by_ref: str | None = None,
    labels: Iterable[str] = (),
    **origin: Unpack[Origin],
) -> StixObject:
    """Build an impact: one kind of damage over one period.

    Args:
        impacted_entity_counts: kind of entity → how many; 0 states that there are none, and what
            is left out is not stated.
        superseded_by_ref: the impact that followed; `supersede` also looks at what it says.

    Raises:
        InvalidError: a property breaks a rule of the suite; it says which, and what to write.
    """
    counts = impacted_entity_counts or {}
    told = Impact(
        stix_id=_id_of("impact", origin),
        created_by=origin["created_by"],
        created=None,
        modified=None,
        confidence=origin.get("confidence"),
        category=kind.category,
        kind=kind,
        criticality=criticality,
        description=description or None,
        start=start,
        end=end,
        recoverability=recoverability or None,
        impacted_entity_counts=tuple(EntityCount(name, count) for name, count in counts.items()),
        impacted_refs=tuple(impacted_refs),
        sub_impact_refs=tuple(sub_impact_refs),
        superseded_by_ref=superseded_by_ref or None,
        labels=tuple(labels),
    )
    refuse(check_impact(told))
    properties = {
        "impact_category": kind.category,
        "criticality": told.criticality,
        "description": told.description,
        **_period(told.start, told.end),
        "recoverability": told.recoverability,
        "impacted_entity_counts": dict(counts) or None,
        "impacted_refs": list(told.impacted_refs),
        "sub_impact_refs": list(told.sub_impact_refs),
        "superseded_by_ref": told.superseded_by_ref,
        "labels": list(told.labels),
        "extensions": {
            IMPACT_EXTENSION: {"extension_type": "new-sdo"},
            f"{kind.category}-ext": kind_document(kind),
        },
    }
    return _write(told.stix_id, properties, origin)


def supersede(
    earlier: StixObject,
    later: StixObject,
    *,
    end: Moment,
    created_by: str,
    now: datetime,
    others: Iterable[Impact] = (),
) -> StixObject:
    """Build the version of an impact that names the one that followed it.

    Args:
        end: until when it lasted.
        others: further impacts of the incident, so that no circle arises among them.

    Raises:
        InvalidError: they are of different categories, would supersede one another in a circle,
            or the earlier one is not the creator's.
    """
    origin: Origin = {"created_by": created_by, "now": now, "earlier": earlier}
    stix_id = _id_of("impact", origin)
    after = read_impact(later.value)
    told = replace(read_impact(earlier.value), superseded_by_ref=after.stix_id, end=end)
    refuse(check_impact(told))
    remarks = check_successions((*others, after, told))
    for remark in remarks:
        field = remark.field.removeprefix(f"{stix_id}.")
        if field != remark.field:
            raise InvalidError(remark.message, field=field, hint=remark.hint)
    changes = {"superseded_by_ref": after.stix_id, **_period(None, end)}
    return stix.new_version(earlier, changes, now=now)


def event(  # noqa: PLR0913 - each is a property that the suite defines
    status: str,
    *,
    name: str | None = None,
    description: str | None = None,
    goal: str | None = None,
    event_types: Iterable[str] = (),
    start: Moment | None = None,
    end: Moment | None = None,
    changed_objects: Iterable[StateChange] = (),
    next_event_refs: Iterable[str] = (),
    sighting_refs: Iterable[str] = (),
    labels: Iterable[str] = (),
    **origin: Unpack[Origin],
) -> StixObject:
    """Build an event: something that happened, or may have happened.

    Args:
        goal: what the actor was assumed to be after.
        sighting_refs: the evidence.

    Raises:
        InvalidError: a property breaks a rule of the suite; it says which, and what to write.
    """
    told = Event(
        stix_id=_id_of("event", origin),
        created_by=origin["created_by"],
        created=None,
        modified=None,
        confidence=origin.get("confidence"),
        status=status,
        name=name or None,
        description=description or None,
        goal=goal or None,
        event_types=tuple(event_types),
        start=start,
        end=end,
        changed_objects=tuple(changed_objects),
        next_event_refs=tuple(next_event_refs),
        sighting_refs=tuple(sighting_refs),
        labels=tuple(labels),
    )
    refuse(check_event(told))
    properties = {
        "status": told.status,
        "name": told.name,
        "description": told.description,
        "goal": told.goal,
        "event_types": list(told.event_types),
        **_period(told.start, told.end),
        "changed_objects": [_change_document(change) for change in told.changed_objects],
        "next_event_refs": list(told.next_event_refs),
        "sighting_refs": list(told.sighting_refs),
        "labels": list(told.labels),
        "extensions": {EVENT_EXTENSION: {"extension_type": "new-sdo"}},
    }
    return _write(told.stix_id, properties, origin)


def _id_of(stix_type: str, origin: Origin) -> str:
    """Give the id that the object will have, after asking whether it may. Rule: IE-12."""
    refuse(check_ref("created_by_ref", origin["created_by"], "identity"))
    given, earlier = origin.get("stix_id"), origin.get("earlier")
    if given is not None:
        _check_id(given, stix_type)
    if earlier is None:
        return given or stix.new_id(stix_type)
    if earlier.stix_type != stix_type or given not in (None, earlier.stix_id):
        message = f"a version of {earlier.stix_id} is no version of {given or stix_type}"
        raise InvalidError(message, field="id", hint="Give the version that this one follows.")
    if earlier.value.get("created_by_ref") != origin["created_by"]:
        message = f"only who created {earlier.stix_id} makes new versions of it"
        hint = "Write an object of your own, and relate it to this one."
        raise InvalidError(message, field="created_by_ref", hint=hint)
    if earlier.value.get("revoked") is True:
        message = f"{earlier.stix_id} is revoked, and nothing follows that"
        raise InvalidError(message, field="revoked", hint="Write a new object.")
    return earlier.stix_id


def _check_id(stix_id: str, stix_type: str) -> None:
    refuse(check_ref("id", stix_id, stix_type))
    if _UUID_OF_OURS.fullmatch(stix_id[-_UUID_CHARACTERS:]) is None:
        message = f"{shown(stix_id)} has a UUID of a version that common software refuses"
        raise InvalidError(message, field="id", hint="Give a UUID of version 4.")


def _write(stix_id: str, properties: dict[str, Any], origin: Origin) -> StixObject:
    more = dict(origin.get("more") or {})
    extensions = {**more.pop("extensions", {})}
    markings = [*_markings(origin), *more.pop("object_marking_refs", ())]
    properties = {
        **properties,
        "confidence": origin.get("confidence"),
        "object_marking_refs": list(dict.fromkeys(markings)),
    }
    refuse(_check_more(more, extensions))
    own_extensions = properties["extensions"]
    properties = {**properties, **more, "extensions": {**own_extensions, **extensions}}
    earlier = origin.get("earlier")
    if earlier is None:
        stix_type = stix_id.partition("--")[0]
        created_by, now = origin["created_by"], origin["now"]
        built = stix.build(stix_type, properties, created_by=created_by, now=now, stix_id=stix_id)
    else:
        gone = {name: None for name in earlier.value if name not in _FIXED}
        built = stix.new_version(earlier, {**gone, **properties}, now=origin["now"])
    # Whoever owns the channel asks no less; clocks are not our matter here.
    read_stix_limits(built.value, now=read_time(str(built.value["modified"])))
    return built


def _markings(origin: Origin) -> list[str]:
    marking, earlier = origin.get("marking"), origin.get("earlier")
    kept = [] if earlier is None else earlier.value.get("object_marking_refs", [])
    if marking is None:
        return [*kept]
    return [marking.marking_id, *(ref for ref in kept if ref not in TLP_BY_MARKING_ID)]


def _check_more(more: Mapping[str, Any], extensions: Mapping[str, Any]) -> Remarks:
    for name in more:
        if name not in _MORE:
            hint = f"Besides the properties of the builder there are {', '.join(_MORE)}."
            yield Remark(name, f"“{name}” is none of the further properties", hint)
    for name in extensions:
        if name in SUITE or not is_reference(name, ("extension-definition",)):
            message = f"{shown(name)} is no extension beside those of the suite"
            hint = "Name an extension of your own by the id of its definition."
            yield Remark("extensions", message, hint)


def _stated(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in properties.items() if item is not None and item != []}


def _score_document(score: Score) -> dict[str, Any]:
    return _stated(
        {"name": score.name, "value": score.value, "description": score.description or None}
    )


def _change_document(change: StateChange) -> dict[str, Any]:
    return _stated(
        {
            "state_change_type": change.state_change_type,
            "initial_ref": change.initial_ref,
            "result_ref": change.result_ref,
        }
    )


def _period(start: Moment | None, end: Moment | None) -> dict[str, str | None]:
    times: dict[str, str | None] = {}
    for name, moment in (("start_time", start), ("end_time", end)):
        if moment is not None:
            times[name] = write_time(moment.at)
            times[f"{name}_fidelity"] = moment.fidelity
    return times

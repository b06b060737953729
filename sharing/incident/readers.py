"""Readers of incidents, impacts and events in all four dialects.

They take any JSON value and never change it. What is no object of the type is refused; beyond
that nothing is: what is odd is remarked, and the rest is read. References may point at what is
not here: it was not shared, or has not arrived.

Source: OASIS Incident Core Extension 2.1, revisions 05 to 07; STIX 2.2, working draft.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, TypedDict

from policies.errors import InvalidError
from policies.taxonomies.vocabularies import WORD_CHARACTERS
from sharing.incident.checks import check_event, check_impact, check_incident
from sharing.incident.extensions import EVENT_EXTENSION, IMPACT_EXTENSION, INCIDENT_EXTENSION
from sharing.incident.foreign import Foreign
from sharing.incident.kinds import KINDS, PERCENT, Kind
from sharing.incident.rules import (
    CHANGES,
    ENTITY_TYPES,
    LABELS,
    NAME_CHARACTERS,
    SCORES,
    Remark,
    Remarks,
    shown,
)
from sharing.incident.values import (
    Dialect,
    EntityCount,
    Event,
    Impact,
    Incident,
    Score,
    StateChange,
    Step,
)
from sharing.limits import REFERENCES
from sharing.objects import is_stix_id

_STIX_2_2: Final = "2.2"
_RENAMED_CATEGORIES: Final = {"monetary": "economic"}
_MISSPELT: Final = {"propriety-solution": "proprietary-solution"}
_DETERMINED_BY_D0: Final = "successful-attempt"
_DEFINITION: Final = "extension-definition--"

_NAMES_OF_KINDS: Final[Mapping[str, tuple[str, Dialect | None]]] = {
    **{f"{category}-ext": (category, None) for category in KINDS},
    "monetary-ext": ("economic", Dialect.D1),
    **{category: (category, Dialect.D0) for category in KINDS if category != "economic"},
    "monetary": ("economic", Dialect.D0),
}
"""How the sub-extension of an impact is called → its category, and the dialect of that name."""

_LAST: Final = float("inf")


class _Common(TypedDict):
    """What is read alike of every object."""

    stix_id: str
    created_by: str | None
    created: Any
    modified: Any
    revoked: bool
    labels: tuple[str, ...]
    confidence: int | None


def read_incident(value: Any) -> Incident:
    """Read an incident.

    Raises:
        InvalidError: no STIX incident.
    """
    foreign = _open(value, "incident")
    told, dialect = _core(foreign)
    steps: list[Step] = []
    events, tasks = _activities(told)
    events += _entries(told, "events", "event", steps)
    tasks += _entries(told, "tasks", "task", steps)
    incident = Incident(
        **_common(foreign),
        dialect=dialect,
        name=foreign.text("name", NAME_CHARACTERS),
        description=foreign.text("description"),
        determination=told.word("determination"),
        investigation_status=told.word("investigation_status"),
        criticality=told.integer("criticality", PERCENT),
        detection_methods=_spelt_right(told.words("detection_methods")),
        incident_types=told.words("incident_types"),
        recoverability=told.word("recoverability"),
        scores=tuple(_scores(told)),
        event_refs=_once(told.refs("event_refs", types=("event",)), events),
        impact_refs=told.refs("impact_refs", types=("impact",)),
        task_refs=_once(told.refs("task_refs", types=("task",)), tasks),
        steps=tuple(steps),
        impacted_entity_counts=_counts(told),
    )
    if dialect is None:
        foreign.remark("extensions", "nothing is said here beyond what STIX itself has")
        return replace(incident, remarks=tuple(foreign.remarks.values()))
    return replace(incident, remarks=_all_remarks(foreign, check_incident(incident)))


def read_impact(value: Any) -> Impact:
    """Read an impact.

    Raises:
        InvalidError: no STIX impact.
    """
    foreign = _open(value, "impact")
    dialect = _dialect_of_new_object(foreign, IMPACT_EXTENSION)
    stated = foreign.word("impact_category")
    category = None if stated is None else _RENAMED_CATEGORIES.get(stated, stated)
    kind, form = _kind(foreign, category)
    if dialect is not Dialect.D3:
        dialect = form or (Dialect.D1 if category != stated else dialect)
    impact = Impact(
        **_common(foreign),
        dialect=dialect,
        category=category if kind is None else kind.category,
        kind=kind,
        criticality=foreign.integer("criticality", PERCENT),
        description=foreign.text("description"),
        start=foreign.moment("start_time"),
        end=foreign.moment("end_time"),
        recoverability=foreign.word("recoverability"),
        impacted_entity_counts=_counts(foreign),
        impacted_refs=foreign.refs("impacted_refs"),
        sub_impact_refs=foreign.refs("sub_impact_refs", "sub_imact_refs", types=("impact",)),
        superseded_by_ref=foreign.ref("superseded_by_ref", "impact"),
    )
    return replace(impact, remarks=_all_remarks(foreign, check_impact(impact)))


def read_event(value: Any) -> Event:
    """Read an event.

    Raises:
        InvalidError: no STIX event.
    """
    foreign = _open(value, "event")
    dialect = _dialect_of_new_object(foreign, EVENT_EXTENSION)
    if dialect is Dialect.D2 and "subevents" in foreign.value:
        dialect = Dialect.D1
    steps: list[Step] = []
    parts = _entries(foreign, "subevents", "event", steps)
    event = Event(
        **_common(foreign),
        dialect=dialect,
        status=foreign.word("status"),
        name=foreign.text("name", NAME_CHARACTERS),
        description=foreign.text("description"),
        goal=foreign.text("goal"),
        event_types=foreign.words("event_types"),
        start=foreign.moment("start_time"),
        end=foreign.moment("end_time"),
        changed_objects=tuple(_changes(foreign)),
        next_event_refs=foreign.refs("next_event_refs", "next_events_refs", types=("event",)),
        sighting_refs=foreign.refs("sighting_refs", types=("sighting",)),
        subevent_refs=_once((), parts),
        steps=tuple(steps),
    )
    return replace(event, remarks=_all_remarks(foreign, check_event(event)))


def _open(value: Any, stix_type: str) -> Foreign:
    """Take a value as an object of a type, or refuse it."""
    if not isinstance(value, Mapping):
        raise InvalidError(f"{shown(value)} is no STIX object", field="object")
    if value.get("type") != stix_type:
        message = f"{shown(value.get('type'))} is not the type “{stix_type}”"
        raise InvalidError(message, field="type")
    stix_id = value.get("id")
    if not (
        isinstance(stix_id, str) and is_stix_id(stix_id) and stix_id.startswith(f"{stix_type}--")
    ):
        raise InvalidError(f"{shown(stix_id)} is no id like {stix_type}--UUID", field="id")
    return Foreign(value, {})


def _common(foreign: Foreign) -> _Common:
    return {
        "stix_id": foreign.value["id"],
        "created_by": foreign.ref("created_by_ref", "identity"),
        "created": foreign.time("created"),
        "modified": foreign.time("modified"),
        "revoked": foreign.truth("revoked"),
        "labels": foreign.words("labels", LABELS, NAME_CHARACTERS),
        "confidence": foreign.integer("confidence", PERCENT),
    }


def _all_remarks(foreign: Foreign, checked: Remarks) -> tuple[Remark, ...]:
    for remark in checked:
        foreign.remarks.setdefault(remark.field, remark)
    return tuple(foreign.remarks.values())


def _core(foreign: Foreign) -> tuple[Foreign, Dialect | None]:
    """Give where the properties of the suite stand in an incident, and in which dialect."""
    is_native = foreign.value.get("spec_version") == _STIX_2_2
    extensions = foreign.part("extensions")
    told = None if extensions is None else extensions.part(INCIDENT_EXTENSION)
    if told is None and is_native:
        return foreign, Dialect.D3
    if told is None:
        return Foreign({}, foreign.remarks), None
    # Remarks name its properties as they are called, without the way to them.
    told = Foreign(told.value, foreign.remarks)
    _check_extension_type(told, "property-extension")
    if is_native:
        return told, Dialect.D3
    if "activities" in told.value or told.value.get("determination") == _DETERMINED_BY_D0:
        return told, Dialect.D0
    if "events" in told.value or "tasks" in told.value:
        return told, Dialect.D1
    return told, Dialect.D2


def _dialect_of_new_object(foreign: Foreign, extension: str) -> Dialect:
    is_native = foreign.value.get("spec_version") == _STIX_2_2
    extensions = foreign.part("extensions")
    told = None if extensions is None else extensions.part(extension)
    if told is not None:
        _check_extension_type(Foreign(told.value, foreign.remarks), "new-sdo")
    elif not is_native:
        foreign.remark("extensions", f"the extension {extension} is not named")
    return Dialect.D3 if is_native else Dialect.D2


def _check_extension_type(told: Foreign, wanted: str) -> None:
    stated = told.value.get("extension_type")
    if stated != wanted:
        told.remark("extension_type", f"{shown(stated)} is not “{wanted}”")


def _kind(foreign: Foreign, category: str | None) -> tuple[Kind | None, Dialect | None]:
    """Give the kind of an impact, and the dialect that its name is of."""
    extensions = foreign.part("extensions")
    names = {} if extensions is None else _names_of_kinds(foreign, extensions)
    if not names:
        if category is not None:
            foreign.remark("impact_category", f"nothing is said of {shown(category)}")
        return None, None
    chosen = category if category in names else next(one for one in KINDS if one in names)
    if category is not None and category != chosen:
        foreign.remark("impact_category", f"{shown(category)} is stated, but {chosen} described")
    if len(names) > 1:
        others = ", ".join(one for one in names if one != chosen)
        foreign.remark("extensions", f"besides {chosen} it describes {others}, which is not read")
    part, form = names[chosen]
    return KINDS[chosen].read(part), form


def _names_of_kinds(
    foreign: Foreign, extensions: Foreign
) -> dict[str, tuple[Foreign, Dialect | None]]:
    """Give category → what is said of it, and the dialect that its name is of."""
    found: dict[str, tuple[Foreign, Dialect | None]] = {}
    for name, (category, form) in _NAMES_OF_KINDS.items():
        part = extensions.part(name)
        if part is not None:
            found.setdefault(category, (Foreign(part.value, foreign.remarks), form))
    unknown = min(
        (
            name
            for name in extensions.value
            if not name.startswith(_DEFINITION) and name not in _NAMES_OF_KINDS
        ),
        default=None,
    )
    if unknown is not None:
        foreign.remark("extensions", f"{shown(unknown)} is no kind of impact that is known here")
    return found


def _entries(foreign: Foreign, name: str, stix_type: str, steps: list[Step]) -> list[str]:
    """Give what D1 lists with the steps that follow; the steps are added to those given."""
    found: list[str] = []
    for entry in foreign.parts(name, REFERENCES):
        ref = entry.ref(f"{stix_type}_ref", stix_type)
        if ref is None:
            continue
        found.append(ref)
        for step in entry.parts("next_steps", REFERENCES - len(steps)):
            after = step.ref(f"{stix_type}_ref", stix_type)
            if after is not None:
                how = step.word("condition_type"), step.word("transition_type")
                steps.append(Step(ref, after, *how))
    return found


def _activities(foreign: Foreign) -> tuple[list[str], list[str]]:
    """Give the events and the tasks of D0, in the order of their numbers."""
    found: list[tuple[float, str]] = []
    for entry in foreign.parts("activities", REFERENCES):
        ref = entry.ref("event_ref", "event", "task") or entry.ref("task_ref", "event", "task")
        number = entry.integer("sequence_start")
        if ref is not None:
            found.append((_LAST if number is None else number, ref))
    found.sort(key=lambda one: one[0])
    refs = [ref for _, ref in found]
    events = [ref for ref in refs if ref.startswith("event--")]
    return events, [ref for ref in refs if ref.startswith("task--")]


def _once(refs: tuple[str, ...], more: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*refs, *more)))


def _spelt_right(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_MISSPELT.get(word, word) for word in words))


def _scores(foreign: Foreign) -> Iterator[Score]:
    for part in foreign.parts("scores", SCORES):
        value = part.number("value")
        if value is None:
            part.remark("value", "a score without a number is not read")
            continue
        name = part.text("name", NAME_CHARACTERS)
        yield Score(name or "", value, part.text("description"))


def _changes(foreign: Foreign) -> Iterator[StateChange]:
    for part in foreign.parts("changed_objects", CHANGES):
        kind = part.word("state_change_type")
        if kind is None:
            part.remark("state_change_type", "“state_change_type” is missing")
        yield StateChange(kind or "", part.ref("initial_ref"), part.ref("result_ref"))


def _counts(foreign: Foreign) -> tuple[EntityCount, ...]:
    """Give counts of entities, which stand there as a dictionary, a list or a single object."""
    name = "impacted_entity_counts"
    stated = foreign.value.get(name)
    if isinstance(stated, list):
        items = foreign.parts(name, ENTITY_TYPES)
        return _each_once(foreign, (_counted(item) for item in items))
    part = foreign.part(name)
    if part is None:
        return ()
    if "entity_type" in part.value:
        return _each_once(foreign, iter([_counted(part)]))
    return _each_once(foreign, _counted_by_type(part))


def _counted_by_type(part: Foreign) -> Iterator[EntityCount | None]:
    types = sorted(part.value)  # its order says nothing, and is lost in the canonical form
    if len(types) > ENTITY_TYPES:
        message = f"of {len(types)} kinds of entity the first {ENTITY_TYPES} are read"
        part.remark("", message)
    for entity_type in types[:ENTITY_TYPES]:
        count = part.integer(entity_type)
        if count is not None:
            yield EntityCount(part.cut(entity_type, entity_type, WORD_CHARACTERS), count)


def _counted(part: Foreign) -> EntityCount | None:
    entity_type, count = part.word("entity_type"), part.integer("count")
    if entity_type is None or count is None:
        part.remark("count", "a kind of entity without a number is not read")
        return None
    return EntityCount(entity_type, count, part.integer("precise_within"))


def _each_once(foreign: Foreign, counts: Iterator[EntityCount | None]) -> tuple[EntityCount, ...]:
    found: dict[str, EntityCount] = {}
    for one in counts:
        if one is None:
            continue
        if one.entity_type in found:
            message = f"{shown(one.entity_type)} is counted twice; the first is read"
            foreign.remark("impacted_entity_counts", message)
        found.setdefault(one.entity_type, one)
    return tuple(found.values())

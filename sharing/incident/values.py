"""What an incident, an impact and an event say: values, the same in every dialect.

`None` means that nothing was stated; 0 and `none` are statements.

Source: OASIS Incident Core Extension 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sharing.incident.kinds import Kind
from sharing.incident.rules import Remark
from sharing.incident.times import Moment


class Dialect(StrEnum):
    """In which form of the suite an object was written."""

    D0 = "D0"
    """2022 to mid 2023: activities with numbers."""
    D1 = "D1"
    """Revisions 05 and 06: entries with next steps, `monetary-ext`."""
    D2 = "D2"
    """Revision 07 and later; what we write."""
    D3 = "D3"
    """STIX 2.2: no extension at all."""


@dataclass(frozen=True, slots=True)
class EntityCount:
    """How many of a kind of entity.

    Args:
        precise_within: the order of magnitude of the uncertainty, where somebody stated it; it
            is read, and never written.
    """

    entity_type: str
    count: int
    precise_within: int | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """A number that some system or method gave.

    Args:
        description: its scale, and how it came about.
    """

    name: str
    value: float
    description: str | None = None


@dataclass(frozen=True, slots=True)
class StateChange:
    """What became of a domain object: its id before, its id after, at least one of them."""

    state_change_type: str
    initial_ref: str | None = None
    result_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """That one event or task follows another, as D1 says it in the incident itself.

    Args:
        condition: `optional`, `required` or `unknown`.
        transition: `completion`, `failure`, `success` or `unknown`.
    """

    before: str
    after: str
    condition: str | None = None
    transition: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What all objects of the suite have in common.

    Args:
        confidence: of its creator in what it says, 0 to 100.
        dialect: `None` for an incident that says no more than STIX itself.
        remarks: what is odd about it, by field; nothing of it keeps the rest from being read.
    """

    stix_id: str
    created_by: str | None
    created: datetime | None
    modified: datetime | None
    revoked: bool = False
    labels: tuple[str, ...] = ()
    confidence: int | None = None
    dialect: Dialect | None = Dialect.D2
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident(Told):
    """An incident, with what the core extension says of it.

    Args:
        steps: what follows what, where the incident itself says so (D1).
        impacted_entity_counts: where somebody still states them here; they belong to impacts.
    """

    name: str | None
    description: str | None = None
    determination: str | None = None
    investigation_status: str | None = None
    criticality: int | None = None
    detection_methods: tuple[str, ...] = ()
    incident_types: tuple[str, ...] = ()
    recoverability: str | None = None
    scores: tuple[Score, ...] = ()
    event_refs: tuple[str, ...] = ()
    impact_refs: tuple[str, ...] = ()
    task_refs: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    impacted_entity_counts: tuple[EntityCount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact(Told):
    """One kind of damage over one period.

    Args:
        category: of `kind`, where there is one; else as stated.
        kind: what the damage is; `None` where it is not said.
        impacted_entity_counts: what is not in it was not stated.
    """

    category: str | None = None
    kind: Kind | None = None
    criticality: int | None = None
    description: str | None = None
    start: Moment | None = None
    end: Moment | None = None
    recoverability: str | None = None
    impacted_entity_counts: tuple[EntityCount, ...] = ()
    impacted_refs: tuple[str, ...] = ()
    sub_impact_refs: tuple[str, ...] = ()
    superseded_by_ref: str | None = None

    def count_of(self, entity_type: str) -> int | None:
        """Give how many entities of a type are hit; `None` where nothing was stated."""
        counts = (
            one.count for one in self.impacted_entity_counts if one.entity_type == entity_type
        )
        return next(counts, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Told):
    """Something that happened, or may have happened, as part of an incident.

    Args:
        subevent_refs: its parts (D1), which nothing in D2 names.
        steps: what follows what among its parts (D1).
    """

    status: str | None = None
    name: str | None = None
    description: str | None = None
    goal: str | None = None
    event_types: tuple[str, ...] = ()
    start: Moment | None = None
    end: Moment | None = None
    changed_objects: tuple[StateChange, ...] = ()
    next_event_refs: tuple[str, ...] = ()
    sighting_refs: tuple[str, ...] = ()
    subevent_refs: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

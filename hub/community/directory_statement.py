"""What an organisation says of how to reach it: read from an act and its objects, and written.

The body holds ids, enumerations, numbers and times; names and numbers to call lie in identities of
the author's, one for each contact point, with a line of `contact_information` for each way.

Source: domain, 4; coordination protocol, 6 (*body*).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from policies.directory import Duty, Hours, Sector, Way
from policies.tlp import TLP
from sharing.canonical import read_time, write_time

NAME_CHARACTERS: Final = 200
LINE_CHARACTERS: Final = 200
TEXT_CHARACTERS: Final = 20_000
ALWAYS: Final = "always"
_FACTS: Final = (
    ("domains", "Domains: "),
    ("ranges", "Address ranges: "),
    ("services", "Services: "),
)


@dataclass(frozen=True)
class StatedPoint:
    """One contact point, as it is stated.

    Args:
        name: of a person or a role; `None` where the words are not here.
        ways: how it is reached, in the order to try.
        lines: the words of each way: a number, an address.
        ref: of the identity that holds the words; none for what is new.
    """

    name: str | None
    ways: tuple[Way, ...]
    lines: tuple[str, ...] = ()
    duty: Duty = Duty.PRIMARY
    order: int = 1
    hours: Hours | None = None
    verified_at: datetime | None = None
    ref: str | None = None


@dataclass(frozen=True)
class StatedConstituency:
    """For whom an organisation answers.

    Args:
        domains: as in `grid.example`.
        ranges: of addresses, as in `192.0.2.0/24`.
        services: that it offers, in a few words each.
    """

    sectors: tuple[Sector, ...] = ()
    as_numbers: tuple[int, ...] = ()
    domains: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    ref: str | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is stated."""
        return not (self.sectors or self.as_numbers or self.domains or self.ranges or self.services)


@dataclass(frozen=True)
class Statement:
    """All that one organisation says of itself; a newer one takes the place of the whole."""

    points: tuple[StatedPoint, ...] = ()
    constituency: StatedConstituency | None = None
    tlp: TLP | None = None


def read_statement(
    body: Mapping[str, Any], objects: Mapping[str, Mapping[str, Any]], author: str
) -> Statement:
    """Read a statement from a body that fits its schema.

    Args:
        objects: what came along, by STIX id; only what the author created gives words.
        author: who signed it.
    """
    points = []
    for document in body["points"]:
        words = _words(objects, document["ref"], author)
        verified = document.get("verified_at")
        points.append(
            StatedPoint(
                name=read_name(words),
                ways=tuple(Way.read(way) for way in document["ways"]),
                lines=tuple(read_lines(words, len(document["ways"]))),
                duty=Duty(document["duty"]),
                order=document["order"],
                hours=Hours.read(document["hours"]),
                verified_at=read_time(verified) if verified else None,
                ref=document["ref"],
            )
        )
    facts = body.get("constituency")
    if facts is None:
        return Statement(tuple(points))
    words = _words(objects, facts["ref"], author)
    return Statement(
        tuple(points), read_constituency(facts, str(words.get("description", "")) if words else "")
    )


def read_constituency(facts: Mapping[str, Any], text: str) -> StatedConstituency:
    """Read for whom an organisation answers, from a body and from words."""
    said: dict[str, tuple[str, ...]] = {}
    for line in text[:TEXT_CHARACTERS].splitlines():
        for field, label in _FACTS:
            if line.startswith(label):
                parts = (part.strip() for part in line.removeprefix(label).split(","))
                said[field] = tuple(part for part in parts if part)
    return StatedConstituency(
        sectors=tuple(Sector(one) for one in facts.get("sectors", ())),
        as_numbers=tuple(facts.get("as_numbers", ())),
        ref=facts["ref"],
        **said,
    )


def constituency_text(facts: StatedConstituency) -> str:
    """Write what is in words, a line for each kind, for every reader of STIX."""
    lines = []
    for field, label in _FACTS:
        said: Sequence[str] = getattr(facts, field)
        if said:
            lines.append(label + ", ".join(said))
    if facts.as_numbers:
        lines.append("AS numbers: " + ", ".join(str(one) for one in facts.as_numbers))
    return "\n".join(lines)


def point_document(point: StatedPoint, ref: str) -> dict[str, Any]:
    """Write what a body says of a contact point."""
    document: dict[str, Any] = {
        "ref": ref,
        "duty": point.duty.value,
        "order": point.order,
        "hours": point.hours.document() if point.hours is not None else ALWAYS,
        "ways": [way.document() for way in point.ways],
    }
    if point.verified_at is not None:
        document["verified_at"] = write_time(point.verified_at)
    return document


def read_name(words: Mapping[str, Any] | None) -> str | None:
    """Give the name that an identity holds."""
    return str(words.get("name", ""))[:NAME_CHARACTERS] or None if words else None


def read_lines(words: Mapping[str, Any] | None, count: int) -> list[str]:
    """Give the words of each way; empty where the identity has no line for it."""
    said = str(words.get("contact_information", "")) if words else ""
    lines = [line.strip()[:LINE_CHARACTERS] for line in said[:TEXT_CHARACTERS].split("\n")[:count]]
    return lines + [""] * (count - len(lines))


def _words(
    objects: Mapping[str, Mapping[str, Any]], ref: str, author: str
) -> Mapping[str, Any] | None:
    """Give an identity of the author's; nobody's number is read from another's object."""
    found = objects.get(ref)
    return found if found is not None and found.get("created_by_ref") == author else None

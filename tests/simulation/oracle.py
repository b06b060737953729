"""Who is to have what, by the words of the protocol alone: nothing of ours is asked.

It reads a ledger as anybody could, entry by entry as JSON, and knows only the objects that the
simulation made. Slow and simple on purpose.

Source: protocol, 5 (*Late joiners*, who left or was removed), 6 (*Effective label*), 12.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

LABELS: Final = {
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
}
OPEN: Final = ("clear", "green")
FOREVER: Final = 10**9


def bundle_hash(bundle: Mapping[str, Any]) -> str:
    """Give the hash of a bundle without its signature. Source: protocol, 1."""
    value = {name: item for name, item in bundle.items() if name != "signature"}
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Line:
    """One entry with the contribution that it admits, as JSON."""

    entry: Mapping[str, Any]
    contribution: Mapping[str, Any] | None

    @property
    def acting(self) -> Mapping[str, Any]:
        return self.contribution or self.entry

    @cached_property
    def acting_hash(self) -> str:
        """The hash of the bundle whose act it is."""
        return bundle_hash(self.acting)

    @cached_property
    def entry_hash(self) -> str:
        """The hash of the entry itself."""
        return bundle_hash(self.entry)

    @property
    def bundles(self) -> list[Mapping[str, Any]]:
        return [one for one in (self.contribution, self.entry) if one is not None]


@dataclass
class Thing:
    """One object, where it first stood and under which conditions."""

    ref: str
    place: int
    label: str
    author: str
    consent: bool


class Oracle:
    """What follows from a ledger for everybody's reading.

    Args:
        lines: the ledger, oldest first.
        made: hash → object, for everything that anybody in the simulation has written.
    """

    def __init__(self, lines: Sequence[Line], made: Mapping[str, Mapping[str, Any]]) -> None:
        self.lines, self.made = lines, made
        self.stays: dict[str, list[list[int]]] = {}
        self.things: dict[str, Thing] = {}
        self.released: dict[str, list[int]] = {}
        self.recalled: dict[str, int] = {}
        self.erased: dict[str, int] = {}
        self.hidden: dict[str, int] = {}
        """Hash → where the last bundle that brought it was disowned."""
        self._covering: dict[str, set[int]] = {}
        """Hash → the places of the bundles that cover it and were not disowned."""
        self._replaces: dict[str, str] = {}
        for place, line in enumerate(lines):
            self._read(place, line)

    def _read(self, place: int, line: Line) -> None:
        acting, body = line.acting, line.acting.get("body", {})
        # A coordinator's relay is about whom it speaks for.
        author = body.get("on_behalf_of", {}).get("organisation", acting["created_by_ref"])
        for bundle in line.bundles:
            self._cover(place, bundle)
        for sha256 in body.get("disowned", ()):
            self._disown(sha256, place)
        match acting["act"]:
            case "channel.opened":
                for member in body["members"]:
                    self._come(member["organisation"], place)
            case "member.invited":
                self._replaces[body["organisation"]] = body.get("replaces", "")
            case "member.joined" | "member.resumed":
                self._come(body.get("organisation", author), place)
                # Whose place it takes leaves with the same entry.
                self._go(self._replaces.pop(author, ""), place)
            case "member.left" | "member.removed" | "member.suspended":
                self._go(body.get("organisation", author), place)
            case "object.released":
                for ref in body["objects"]:
                    self.released.setdefault(ref, []).append(place)
            case "object.recalled":
                for ref in body["objects"]:
                    self._recall(ref, author, place)

    def _cover(self, place: int, bundle: Mapping[str, Any]) -> None:
        own = LABELS[bundle["object_marking_refs"][0]]
        consent = bundle.get("body", {}).get("later_members") is True
        for item in bundle.get("contents", ()):
            thing = self.made.get(item["sha256"])
            self._covering.setdefault(item["sha256"], set()).add(place)
            if thing is not None and item["sha256"] not in self.things:
                marks = thing.get("object_marking_refs", ())
                label = LABELS[marks[0]] if marks else own
                self.things[item["sha256"]] = Thing(
                    item["ref"], place, label, bundle["created_by_ref"], consent
                )

    def _disown(self, sha256: str, place: int) -> None:
        """Treat what a bundle alone brought as recalled. Source: protocol, 2."""
        for before, line in enumerate(self.lines[:place]):
            if line.acting_hash != sha256:
                continue
            for item in line.acting.get("contents", ()):
                left = self._covering[item["sha256"]]
                left.discard(before)
                if not left and not item["ref"].startswith("identity--"):
                    self.hidden.setdefault(item["sha256"], place)

    def _recall(self, ref: str, author: str, place: int) -> None:
        self.recalled.setdefault(ref, place)
        if any(one.ref == ref and one.author == author for one in self.things.values()):
            self.erased.setdefault(ref, place)

    def _come(self, organisation: str, place: int) -> None:
        stays = self.stays.setdefault(organisation, [])
        if not stays or stays[-1][1] != FOREVER:
            stays.append([place, FOREVER])

    def _go(self, organisation: str, place: int) -> None:
        stays = self.stays.get(organisation)
        if stays and stays[-1][1] == FOREVER:
            stays[-1][1] = place

    def members(self) -> set[str]:
        """Give who is in the audience at the end."""
        return {one for one, stays in self.stays.items() if stays[-1][1] == FOREVER}

    def reads_until(self, organisation: str) -> int:
        """Give the place of the last entry that an organisation reads; -1: none at all."""
        stays = self.stays.get(organisation)
        return min(stays[-1][1], len(self.lines) - 1) if stays else -1

    def may_have(self, organisation: str, sha256: str) -> bool:
        """Tell whether the rules let this organisation have these bytes, recalls apart."""
        thing = self.things.get(sha256)
        until = self.reads_until(organisation)
        if thing is None or thing.place > until:
            return False
        if any(start <= thing.place <= end for start, end in self.stays[organisation]):
            return True
        if thing.label in OPEN or thing.consent:
            return True
        return any(place <= until for place in self.released.get(thing.ref, ()))

    def may_hold(self, organisation: str, sha256: str) -> bool:
        """Tell whether they may lie on its node: what was recalled, only as it was had before."""
        thing = self.things.get(sha256)
        if thing is None:
            return False
        until = self.reads_until(organisation)
        gone = (self.recalled.get(thing.ref, FOREVER), self.hidden.get(sha256, FOREVER))
        recalled = min(gone)
        if recalled > until:
            return self.may_have(organisation, sha256)
        if self.is_erased(organisation, sha256):
            return False
        return Oracle(self.lines[:recalled], self.made).may_have(organisation, sha256)

    def is_erased(self, organisation: str, sha256: str) -> bool:
        """Tell whether an organisation has read that its author takes it back."""
        thing = self.things.get(sha256)
        erased = self.erased.get(thing.ref) if thing is not None else None
        return erased is not None and erased <= self.reads_until(organisation)

    def may_be_served(self, organisation: str, sha256: str) -> bool:
        """Tell whether who holds this ledger gives these bytes away."""
        thing = self.things.get(sha256)
        return (
            thing is not None
            and thing.ref not in self.recalled
            and sha256 not in self.hidden
            and self.may_have(organisation, sha256)
        )

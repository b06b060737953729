"""Pages as a server gives them, and how they are cut anew before they are taken in.

Source: protocol, 7.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from federation.ledgers.stage import Brought
from policies.errors import CoordinationError
from sharing.objects import SIGNED_BUNDLE, StixObject

HELD_LIMIT_BYTES: Final = 8 * 1024 * 1024
"""How much may wait in memory for the entry that covers it."""
OBJECTS_AT_ONCE: Final = 2000
"""Up to here more pages are waited for, because each commit costs."""


@dataclass(frozen=True, slots=True)
class PulledPage:
    """A page as a server gave it: read, nothing proven.

    Args:
        last_added: where the next page goes on, in the server's words.
        more: the server says that there is more.
    """

    brought: Brought
    last_added: str | None
    more: bool = False


@dataclass
class _Held:
    """What pages have brought and is not given on yet.

    Args:
        ends: for each page of which something is held, up to which object, and its `last_added`.
        cursor: `last_added` of the newest page that was given on whole.
    """

    objects: list[StixObject] = field(default_factory=list)
    unreadable: list[Any] = field(default_factory=list)
    ends: list[tuple[int, str | None]] = field(default_factory=list)
    cursor: str | None = None
    size: int = 0

    def add(self, page: PulledPage) -> None:
        """Take a page up."""
        self.objects += page.brought.objects
        self.unreadable += page.brought.unreadable
        self.size += _size(page.brought.objects)
        self.ends.append((len(self.objects), page.last_added))

    def give(self, count: int, *, more: bool) -> PulledPage:
        """Give the first of the objects on, and everything that could not be read."""
        brought = Brought(self.objects[:count], self.unreadable)
        self.objects, self.unreadable = self.objects[count:], []
        self.size = _size(self.objects)
        for end, last_added in self.ends:
            if end <= count:
                self.cursor = last_added or self.cursor
        self.ends = [(end - count, last) for end, last in self.ends if end > count]
        return PulledPage(brought, self.cursor, more)


def whole_entries(pages: Iterable[PulledPage]) -> Iterator[PulledPage]:
    """Cut pages anew behind an entry, so that what it covers is at hand together with it.

    An entry stands behind all that it covers. What follows the last entry goes with the next page;
    until then it is kept nowhere but here, and the cursor stays before it. Where no more can be
    had, what came before is given first.
    """
    held = _Held()
    try:
        for page in pages:
            held.add(page)
            if page.more and len(held.objects) < OBJECTS_AT_ONCE and held.size <= HELD_LIMIT_BYTES:
                continue
            cut = _behind_last_entry(held.objects)
            if not page.more or _size(held.objects[cut:]) > HELD_LIMIT_BYTES:
                cut = len(held.objects)
            if cut or not held.objects:
                yield held.give(cut, more=page.more)
    except CoordinationError:
        if held.objects:
            yield held.give(len(held.objects), more=True)
        raise
    if held.objects or held.unreadable:
        yield held.give(len(held.objects), more=True)


def _size(objects: Iterable[StixObject]) -> int:
    return sum(len(stix.content) for stix in objects)


def _behind_last_entry(objects: list[StixObject]) -> int:
    """Give the place behind the last of these that may be an entry."""
    for place in range(len(objects), 0, -1):
        stix = objects[place - 1]
        if stix.stix_type == SIGNED_BUNDLE and "epoch" in stix.value:
            return place
    return 0

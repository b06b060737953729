"""What a reader may see of a collection, and what a reader asks for: values, without database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policies.tlp import TLP

NEVER_WITHHELD: Final = frozenset({TLP.CLEAR, TLP.GREEN})
LARGEST_INSTANT: Final = 2**63 - 1
"""Nanoseconds: April 2262. Versions beyond it count as this instant where versions are compared
in the database."""


@dataclass(frozen=True, slots=True)
class Scope:
    """How much of a collection one reader may read, in terms of `date_added`.

    Args:
        intervals: (first, last) of each stretch with full access, both included, oldest first;
            last is `None` where access goes on. Before the last stretch began, whatever lies
            outside the earlier ones shows only what is labelled CLEAR or GREEN, what was released
            to later members, and what is never withheld (no claimed label). After a last stretch
            that ended nothing shows. No stretch at all: nothing shows.
        red: whether what is labelled RED shows at all.

    Source: protocol, 5 (late joiners; RED is for the persons that a node names).
    """

    intervals: tuple[tuple[int, int | None], ...]
    red: bool = True

    def __post_init__(self) -> None:
        """Refuse stretches that overlap, run backwards or go on after an open one."""
        before: int | None = -1
        for first, last in self.intervals:
            if before is None or first <= before or (last is not None and last < first):
                raise ValueError(f"stretches out of order: {self.intervals}")
            before = last

    @classmethod
    def everything(cls) -> Scope:
        """Give the scope of a reader from whom nothing is withheld."""
        return cls(((0, None),))

    @classmethod
    def all_but_red(cls) -> Scope:
        """Give the scope of somebody here who is not among the readers of RED."""
        return cls(((0, None),), red=False)

    @classmethod
    def nothing(cls) -> Scope:
        """Give the scope of somebody who may not read."""
        return cls(())

    @property
    def joined_at(self) -> int | None:
        """The beginning of the last stretch."""
        return self.intervals[-1][0] if self.intervals else None

    @property
    def end(self) -> int | None:
        """The last `date_added` that shows; `None` where access goes on."""
        return self.intervals[-1][1] if self.intervals else -1

    def shows(
        self, date_added: int, claimed: TLP | None, *, released_from: int | None = None
    ) -> bool:
        """Tell whether this reader is served an object that is not hidden.

        Args:
            released_from: the `date_added` of what opened it to later members; who reads no
                further than before that has not heard of it.
        """
        if claimed is TLP.RED and not self.red:
            return False
        for first, last in self.intervals:
            if first <= date_added and (last is None or date_added <= last):
                return True
        released = released_from is not None and (self.end is None or released_from <= self.end)
        open_to_all = released or claimed is None or claimed in NEVER_WITHHELD
        return self.joined_at is not None and date_added < self.joined_at and open_to_all


class Pick(StrEnum):
    """Which versions of an object are asked for, beside exact ones."""

    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Versions:
    """Which versions of each object match.

    Args:
        every: all of them; then the others don't matter.
        picks: the first, the last, or both.
        instants: exact ones, nanoseconds since 1970.

    Source: TAXII 2.1, 3.4.1.
    """

    every: bool = False
    picks: frozenset[Pick] = frozenset()
    instants: frozenset[int] = frozenset()

    @classmethod
    def last(cls) -> Versions:
        """Give what is meant where nobody says otherwise."""
        return cls(picks=frozenset({Pick.LAST}))

    @classmethod
    def all(cls) -> Versions:
        """Give every version."""
        return cls(every=True)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a reader asks for; everything given must hold.

    Args:
        after: `date_added`, microseconds since 1970; only what was added later.
        ids: STIX ids, any of them; empty: all.
        types: object types, any of them; empty: all.
        hidden_types: types that are left out unless `types` names them.
        spec_versions: any of them; empty: of each object version, the newest form there is.
    """

    after: int = -1
    ids: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    hidden_types: frozenset[str] = frozenset()
    spec_versions: frozenset[str] = frozenset()
    versions: Versions = Versions(picks=frozenset({Pick.LAST}))

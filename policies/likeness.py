"""How much two reports, or a report and a case, name the same things to look for.

A host that both name is weaker than a thing that both name: on a hosting platform strangers live
under one roof. Source: domain, 2 (*Detect and report*).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thing:
    """Something to look for.

    Args:
        key: what two that look for the same have in common.
        host: the name or address that it lies on, or is.
        is_host: it is that host, and nothing on it.
    """

    key: str
    host: str | None = None
    is_host: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Likeness:
    """What two have in common; true where that is anything.

    Args:
        same: how many things both name, a place and its host counted once.
        hosts: how many hosts both name, where one of them names a place on it, and they share none.
    """

    same: int = 0
    hosts: int = 0

    def __bool__(self) -> bool:
        """Tell whether they have anything in common."""
        return self.same > 0 or self.hosts > 0


def likeness(ours: Collection[Thing], theirs: Collection[Thing]) -> Likeness:
    """Compare what two name.

    A host counts as a thing of its own where nobody names a place on it; else it is the same host,
    and no more.
    """
    named = {one.key: one for one in theirs}
    used = {one.host for one in (*ours, *theirs) if one.host is not None and not one.is_host}
    same = {
        one.key: one for one in ours if one.key in named and not (one.is_host and one.host in used)
    }
    known = {one.host for one in same.values()}
    both = {one.host for one in ours} & {one.host for one in theirs} - {None}
    return Likeness(len(same), len(both - known))

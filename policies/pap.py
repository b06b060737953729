"""Permissible Actions Protocol: what a recipient may do with what it knows.

PAP does not decide who may have an object; TLP does. It is shown, kept, and warns before a
task would show its hand to an attacker.

Source: OASIS PAP extension `extension-definition--f8d78575-edfd-406e-8e84-6162a8450f5b`; MISP
taxonomy `PAP`, version 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from policies.errors import InvalidError

PAP_EXTENSION: Final = "extension-definition--f8d78575-edfd-406e-8e84-6162a8450f5b"


class PAP(StrEnum):
    """The levels, freest first. Compare by `rank`, never as text."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    RED = "red"

    @property
    def rank(self) -> int:
        """0 for CLEAR up to 3 for RED."""
        return _ORDER[self]

    @property
    def label(self) -> str:
        """As people write it: `PAP:AMBER`."""
        return f"PAP:{self.value.upper()}"

    @property
    def permits(self) -> str:
        """What may be done, in plain words."""
        return _PERMITS[self]

    @property
    def warns_of_visible_action(self) -> bool:
        """Tell whether an action that outsiders can notice needs a second look."""
        return self.rank >= PAP.AMBER.rank


_ORDER: Final[Mapping[PAP, int]] = {level: rank for rank, level in enumerate(PAP)}

_PERMITS: Final[Mapping[PAP, str]] = {
    PAP.CLEAR: "no limit",
    PAP.GREEN: "also active but non-intrusive actions: ping, block, sinkhole in the own network",
    PAP.AMBER: "also passive look-ups with third parties that do not touch the target",
    PAP.RED: "only what nobody outside can notice: passive search in own logs and data",
}

PAP_BY_MARKING_ID: Final[Mapping[str, PAP]] = {
    "marking-definition--740d36e5-7714-4c30-961a-3ae632ceee0e": PAP.RED,
    "marking-definition--60f8932b-e51e-4458-b265-a2e8be9a80ab": PAP.AMBER,
    "marking-definition--c43594d1-4b11-4c59-93ab-1c9b14d53ce9": PAP.GREEN,
    "marking-definition--a3bea94c-b469-41dc-9cfe-d6e7daba7730": PAP.CLEAR,
    "marking-definition--ad15a0cd-55b6-4588-a14c-a66105329b92": PAP.CLEAR,
}


def read_pap(text: str, *, field: str = "pap") -> PAP:
    """Read a level as people write it: `amber`, `PAP:RED`; WHITE is today's CLEAR.

    Raises:
        InvalidError: no such level.
    """
    name = text.strip().lower().removeprefix("pap:")
    try:
        return PAP.CLEAR if name == "white" else PAP(name)
    except ValueError:
        levels = ", ".join(level.value for level in PAP)
        raise InvalidError(f"“{text[:40]}” is not one of {levels}", field=field) from None


def strictest_pap(levels: Iterable[PAP]) -> PAP | None:
    """Give the strictest of the levels, or `None` where there are none."""
    return max(levels, key=lambda level: level.rank, default=None)


def own_pap(
    obj: Mapping[str, Any], find_definition: Callable[[str], Mapping[str, Any] | None]
) -> PAP | None:
    """Give the strictest PAP level among the object's markings, or `None` where it has none.

    A level that can't be read counts as RED: when in doubt, act so that nobody notices.
    """
    refs = [*_items(obj, "object_marking_refs")]
    granular = (item for item in _items(obj, "granular_markings") if isinstance(item, Mapping))
    refs += [item.get("marking_ref") for item in granular]
    levels = (_level_of(ref, find_definition) for ref in refs if isinstance(ref, str))
    return strictest_pap(level for level in levels if level is not None)


def _items(obj: Mapping[str, Any], name: str) -> list[Any]:
    value = obj.get(name)
    return value if isinstance(value, list) else []


def _level_of(ref: str, find_definition: Callable[[str], Mapping[str, Any] | None]) -> PAP | None:
    if ref in PAP_BY_MARKING_ID:
        return PAP_BY_MARKING_ID[ref]
    definition = find_definition(ref)
    extensions = definition.get("extensions") if definition is not None else None
    if not isinstance(extensions, Mapping) or PAP_EXTENSION not in extensions:
        return None
    extension = extensions[PAP_EXTENSION]
    value = extension.get("pap") if isinstance(extension, Mapping) else None
    try:
        return read_pap(str(value))
    except InvalidError:
        return PAP.RED

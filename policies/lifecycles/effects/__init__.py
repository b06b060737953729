"""What else happens with the same entry: named pure functions that give changes.

Source: lifecycles, 1, rule 1: an effect on another thing happens with the same entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from policies.lifecycles.effects import asking, cases, channels, charters, deciding
from policies.lifecycles.effects.effect import Effect

_ROOMS: Final = (channels, asking, cases, deciding, charters)

EFFECTS: Final[Mapping[str, Effect]] = {
    name: effect for room in _ROOMS for name, effect in room.EFFECTS.items()
}

KEPT: Final = tuple(name for room in _ROOMS for name in room.KEPT)
"""Things that effects keep and no table holds."""

__all__ = ["EFFECTS", "KEPT", "Effect"]

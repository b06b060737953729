"""What requests bring about besides: `asker` (of a request) is who alone closes it.

Source: lifecycles, 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from policies.lifecycles.effects.effect import Effect, kept
from policies.lifecycles.mechanism import Change, Situation


def keep_asker(situation: Situation, subject: str) -> tuple[Change, ...]:
    """Keep who asked."""
    return kept(situation, "asker", subject.partition(" ")[0], situation.speaker)


EFFECTS: Final[Mapping[str, Effect]] = {"keep_asker": keep_asker}
KEPT: Final = ("asker",)

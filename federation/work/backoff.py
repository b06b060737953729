"""How long to wait after a failure: doubling with jitter, up to a ceiling."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

FIRST_WAIT: Final = timedelta(seconds=1)
LONGEST_WAIT: Final = timedelta(minutes=5)
_DOUBLINGS: Final = 16


def wait_after(attempts: int, chance: float) -> timedelta:
    """Give the wait after so many failures in a row, one or more.

    Never less than half of its step and never more than the step, so two nodes that failed
    together do not come back together.

    Args:
        attempts: failures in a row, the newest included.
        chance: from 0 up to 1, drawn by the caller.

    Source: protocol, 8.
    """
    doublings = min(max(attempts, 1) - 1, _DOUBLINGS)
    step = min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
    return step / 2 + step / 2 * chance

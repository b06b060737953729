"""What a guard is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from policies.lifecycles.mechanism import Situation

Check = Callable[[Situation, str], str | None]
"""Takes the situation and the subject; gives the reason why the guard does not hold."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard.

    Args:
        says: what must hold, for the docs.
        check: gives `None` where it holds.
        of_body: it looks at what the act says; `open_acts` asks only the others.
    """

    says: str
    check: Check
    of_body: bool

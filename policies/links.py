"""Whether one case may be named in another, and which cases may become one.

Whoever reads the case that names another learns that the other is there, and by its id may know it
again. Source: lifecycles, 4 (`case.linked`, `case.merged`); protocol, 5 (*A breakout*).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policies.decision import Decision
from policies.tlp import TLP


class Relation(StrEnum):
    """How one case has to do with another."""

    DUPLICATE = "duplicate"
    SAME_CAUSE = "same-cause"
    LED_TO = "led-to"
    RELATED = "related"


OPEN_STATES: Final = frozenset({"assessment", "response", "recovered"})
"""States in which a case goes on."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a rule has to know of a case.

    Args:
        label: of its incident.
        ceiling: the strictest label that it takes.
        members: who is joined in it.
        is_breakout: nobody but its members may learn that it exists.
    """

    label: TLP
    ceiling: TLP
    members: frozenset[str]
    is_breakout: bool = False


def may_name(here: Known, there: Known) -> Decision:
    """Tell whether `there` may be named to the members of `here`.

    What is said stands under the stricter of both labels, so it must fit in here; and where a case
    is known to its own members alone, it is named to nobody else.
    """
    if not here.ceiling.allows(said_under(here, there)):
        return Decision.no(
            f"the other case is {there.label.label}, and this one takes nothing stricter than "
            f"{here.ceiling.label}"
        )
    secret = there.is_breakout or there.label is TLP.RED
    if secret and not here.members <= there.members:
        return Decision.no("not all members of this case may know that the other exists")
    return Decision.yes()


def said_under(here: Known, there: Known) -> TLP:
    """Give the label of what one case says of another: the stricter of both."""
    return max(here.label, there.label, key=lambda label: label.rank)


def may_merge(
    *, state: str, into_state: str, is_exercise: bool, into_is_exercise: bool
) -> Decision:
    """Tell whether one case may go on in another."""
    if state not in OPEN_STATES:
        return Decision.no(f"this case is {state}, and goes on nowhere")
    if into_state not in OPEN_STATES:
        return Decision.no(f"the other case is {into_state}: a case goes on in an open one")
    if is_exercise is not into_is_exercise:
        return Decision.no("an exercise and a real case are never one")
    return Decision.yes()

"""What an effect is, and how it says what it changes."""

from __future__ import annotations

from collections.abc import Callable

from policies.lifecycles.mechanism import NONE, Change, Situation

Effect = Callable[[Situation, str], tuple[Change, ...]]
"""Takes the situation and the subject; gives the changes."""


def change(situation: Situation, thing: str, subject: str, after: str) -> Change:
    """Give the change of a thing from what it is."""
    return Change(thing, subject, situation.state_of(thing, subject), after)


def kept(situation: Situation, thing: str, subject: str, after: str) -> tuple[Change, ...]:
    """Give the change of what is kept, none where it was never said and still is not."""
    if (situation.known(thing, subject) or NONE) == after:
        return ()
    return (change(situation, thing, subject, after),)

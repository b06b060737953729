"""Who will see this, in plain words: for pages, programs and the console alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hub.channels.preview import Reader, Sight
from policies.preview import Inside, Reads

NAMED: Final = 3
"""So many organisations are named in one line; more are counted."""


def summary(sight: Sight) -> str:
    """Say in one line who gets it."""
    if sight.refusal is not None:
        return f"It can’t be written like this: {sight.refusal}."
    others = [one.name for one in sight.others]
    if not others:
        line = "Nobody but you reads it so far"
    elif len(others) > NAMED:
        line = f"Goes to {len(others)} organisations"
    else:
        line = f"Goes to {_listed(others)}"
    if sight.inside is Inside.HANDLERS:
        line += ", coordinators and handlers alone"
    if sight.withheld:
        count = len(sight.withheld)
        line += f"; {count} {'gets' if count == 1 else 'get'} it withheld"
    if sight.without_node:
        count = len(sight.without_node)
        line += f"; {count} without a node {'is' if count == 1 else 'are'} told"
    return f"{line}."


def reader_words(reader: Reader) -> str:
    """Say whether an organisation reads it, and why."""
    reads = {
        Reads.ALL: "reads it",
        Reads.PART: "reads part of it",
        Reads.NOTHING: "does not read it",
    }[reader.reads]
    return f"{reads}: {reader.reason}."


def later_words(sight: Sight) -> str:
    """Say what reads whoever joins afterwards."""
    match sight.later:
        case Reads.ALL:
            return "Who joins later reads it, too."
        case Reads.PART:
            return (
                "Who joins later reads what is open to all of it. Of the rest they see that it "
                "was written."
            )
        case Reads.NOTHING:
            return (
                "Who joins later sees that it was written, when, by whom, and what was chosen or "
                "counted in it; its words are withheld until their author opens them."
            )
        case None:
            return "Nobody joins here later."


def inside_words(sight: Sight) -> str:
    """Say which persons of an organisation read it."""
    match sight.inside:
        case Inside.ALL_READERS:
            return "At each organisation: everybody who may read channels there."
        case Inside.HANDLERS:
            return "At each organisation, yours too: coordinators and handlers alone."
        case Inside.MIXED:
            return (
                "At each organisation: everybody who may read channels there, but what is TLP:RED "
                "of it coordinators and handlers alone."
            )


def _listed(names: Sequence[str]) -> str:
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last

"""What acts of every channel bring about besides.

Things that they keep, besides those with a table of their own:

- `ceiling` (of the channel): a TLP label;
- `limit` (of an organisation): the strictest label that it takes, `none` where any;
- `invited_role` (of an organisation): the roles last offered, as `guards.role_text` writes them;
- `node` (of an organisation): `without` where it was invited as having none;
- `replaces` (of an organisation): whose place it takes when it joins, `none` where nobody's;
- `replaced_by` (of an organisation): who took its place, under its own id and with its own node;
- `successor` (of the channel): an organisation, `none` where the coordination is not on offer.

Source: lifecycles, 3, 11, 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from policies.lifecycles.effects.effect import Effect, change, kept
from policies.lifecycles.guards import role_text
from policies.lifecycles.mechanism import CHANNEL, NONE, WITHOUT, Change, Situation
from policies.roles import read_roles
from policies.tlp import TLP, strictest

_LEAVES_ITS_PLACE: Final = frozenset({"invited", "joined", "suspended"})


def open_members(situation: Situation, _subject: str) -> tuple[Change, ...]:
    """Join whom a first opening names."""
    members = situation.body["members"]
    return tuple(change(situation, "membership", m["organisation"], "joined") for m in members)


def keep_ceiling(situation: Situation, _subject: str) -> tuple[Change, ...]:
    """Keep the strictest label that the channel takes."""
    return (change(situation, "ceiling", CHANNEL, str(situation.body["ceiling"])),)


def keep_invited_role(situation: Situation, subject: str) -> tuple[Change, ...]:
    """Keep the role that the invitation offers."""
    role = role_text(read_roles(situation.body["role"]))
    return (change(situation, "invited_role", subject, role),)


def keep_limits(situation: Situation, subject: str) -> tuple[Change, ...]:
    """Keep the strictest label that a member takes from now on."""
    markings = situation.body.get("limits", {}).get("markings", ())
    limit = strictest(TLP(marking) for marking in markings)
    return (change(situation, "limit", subject, limit.value if limit else NONE),)


def keep_node(situation: Situation, subject: str) -> tuple[Change, ...]:
    """Keep whether the invited has a node of its own. Source: lifecycles, 1, rule 6."""
    without = situation.body.get("without_node", False)
    return kept(situation, "node", subject, WITHOUT if without else NONE)


def keep_replaced(situation: Situation, subject: str) -> tuple[Change, ...]:
    """Keep whose place the invited takes when it joins."""
    return kept(situation, "replaces", subject, str(situation.body.get("replaces", NONE)))


def take_place(situation: Situation, subject: str) -> tuple[Change, ...]:
    """Let whom the joining organisation replaces leave with the same entry."""
    replaced = situation.known("replaces", subject)
    if replaced is None:
        return ()
    changes = [change(situation, "replaced_by", replaced, subject)]
    if situation.state_of("membership", replaced) in _LEAVES_ITS_PLACE:
        changes.append(change(situation, "membership", replaced, "left"))
    return tuple(changes)


def keep_successor(situation: Situation, _subject: str) -> tuple[Change, ...]:
    """Keep whom the coordination is offered to."""
    return (change(situation, "successor", CHANNEL, str(situation.body["successor"])),)


def clear_successor(situation: Situation, _subject: str) -> tuple[Change, ...]:
    """Forget whom the coordination was offered to."""
    return (change(situation, "successor", CHANNEL, NONE),)


EFFECTS: Final[Mapping[str, Effect]] = {
    "open_members": open_members,
    "keep_ceiling": keep_ceiling,
    "keep_invited_role": keep_invited_role,
    "keep_limits": keep_limits,
    "keep_node": keep_node,
    "keep_replaced": keep_replaced,
    "take_place": take_place,
    "keep_successor": keep_successor,
    "clear_successor": clear_successor,
}

KEPT: Final = (
    "ceiling",
    "limit",
    "invited_role",
    "node",
    "replaces",
    "replaced_by",
    "successor",
)

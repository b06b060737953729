"""The state of an organisation's keys in one word: in order, rotated, revoked, stopped.

Source: protocol, 2.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, assert_never

from federation.identity.descriptor import Descriptor
from sharing.canonical import read_time


class KeyStanding(StrEnum):
    """What was last heard of an organisation's keys."""

    IN_ORDER = "in order"
    ROTATED = "rotated"
    REVOKED = "revoked"
    RECOVERY_REPLACED = "recovery key replaced"
    FORKED = "stopped"
    """Two different descriptors of one version: only the recovery key ends that."""
    OTHER = "other recovery key"
    """This channel describes it by another recovery key than the one that we confirmed."""


TROUBLE: Final = frozenset({KeyStanding.FORKED, KeyStanding.OTHER})


@dataclass(frozen=True, slots=True)
class KeyState:
    """The state of an organisation's keys.

    Args:
        since: when that was signed, by its own word.
        version: of its newest descriptor.
        recovery_thumbprint: of the recovery key that counts now.
    """

    standing: KeyStanding
    since: datetime
    version: int
    recovery_thumbprint: str

    @property
    def sentence(self) -> str:
        """What it means, and what to do where somebody has to."""
        match self.standing:
            case KeyStanding.IN_ORDER:
                return "The keys have not changed since they were made."
            case KeyStanding.ROTATED:
                return "New keys took the place of the old ones; there is nothing to do."
            case KeyStanding.REVOKED:
                return (
                    "A key was revoked: somebody else may have had it. What it signed meanwhile is "
                    "marked as doubtful; call them before you act on that."
                )
            case KeyStanding.RECOVERY_REPLACED:
                return "The old recovery key has brought in a new one."
            case KeyStanding.FORKED:
                return (
                    "Their node showed two different descriptors of one version: somebody else has "
                    "a key of theirs. Call them; only their recovery key ends this."
                )
            case KeyStanding.OTHER:
                return (
                    "This channel describes them by another recovery key than the one that you "
                    "confirmed with them. Call them, and do not act on what it says in their name."
                )
        assert_never(self.standing)


def key_state_of(
    chain: Sequence[Descriptor], *, forked: bool = False, confirmed: str | None = None
) -> KeyState | None:
    """Give the state of an organisation's keys; `None` where nothing is known of them.

    Args:
        chain: its descriptors, version 1 first.
        forked: whether the partnership stands still because of a fork.
        confirmed: thumbprint of the recovery key in version 1 that an administrator confirmed.
    """
    if not chain:
        return None
    standing, changed = KeyStanding.IN_ORDER, chain[0]
    for before, after in itertools.pairwise(chain):
        change = _change(before, after)
        if change is not None:
            standing, changed = change, after
    if forked:
        standing = KeyStanding.FORKED
    elif confirmed is not None and confirmed != chain[0].recovery.thumbprint:
        standing = KeyStanding.OTHER
    newest = chain[-1]
    return KeyState(standing, read_time(changed.issued), newest.version, newest.recovery.thumbprint)


def _change(before: Descriptor, after: Descriptor) -> KeyStanding | None:
    def revoked(one: Descriptor) -> int:
        return sum(entry.revoked_at is not None for entry in one.keys)

    if revoked(after) > revoked(before):
        return KeyStanding.REVOKED
    if after.recovery != before.recovery:
        return KeyStanding.RECOVERY_REPLACED
    return KeyStanding.ROTATED if after.keys != before.keys else None

"""Keys of a node, ours or a partner's, as pages show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from federation.identity.descriptor import KeyUse, NodeKey
from federation.identity.key_state import KeyStanding, KeyState
from hub.web.models import State, Tone
from sharing.canonical import read_time

KEY_WORDS: Final[Mapping[KeyUse, tuple[str, str]]] = {
    KeyUse.SIGN: ("Signing", "what the node writes into channels"),
    KeyUse.TRANSPORT: ("Transport", "how the node proves itself to other nodes"),
}


@dataclass(frozen=True)
class KeyView:
    """One key: what it is for, its thumbprint, and whether it is in use."""

    use: str
    what_for: str
    thumbprint: str
    since: datetime
    state: State


@dataclass(frozen=True)
class KeysView:
    """The state of an organisation's keys as a badge with a sentence.

    Args:
        sentence: what it means; shown where there is something to know.
    """

    state: State
    since: datetime
    sentence: str
    in_order: bool


_TONES: Final[Mapping[KeyStanding, Tone]] = {
    KeyStanding.IN_ORDER: Tone.GOOD,
    KeyStanding.ROTATED: Tone.GOOD,
    KeyStanding.RECOVERY_REPLACED: Tone.CALM,
    KeyStanding.REVOKED: Tone.WAITING,
    KeyStanding.FORKED: Tone.TROUBLE,
    KeyStanding.OTHER: Tone.TROUBLE,
}
_BADGES: Final[Mapping[KeyStanding, str]] = {
    KeyStanding.IN_ORDER: "keys in order",
    KeyStanding.ROTATED: "keys rotated",
    KeyStanding.RECOVERY_REPLACED: "recovery key replaced",
    KeyStanding.REVOKED: "a key was revoked",
    KeyStanding.FORKED: "fork: stopped",
    KeyStanding.OTHER: "other recovery key",
}


def keys_view(keys: KeyState | None) -> KeysView | None:
    """Give the state of an organisation's keys as every page shows it."""
    if keys is None:
        return None
    state = State(_BADGES[keys.standing], _TONES[keys.standing])
    in_order = keys.standing in (KeyStanding.IN_ORDER, KeyStanding.ROTATED)
    return KeysView(state, keys.since, keys.sentence, in_order)


def key_view(entry: NodeKey) -> KeyView:
    """Give a key of a descriptor as a page shows it."""
    if entry.revoked_at is not None:
        state = State("revoked", Tone.TROUBLE)
    elif entry.retired_at is not None:
        state = State("retired", Tone.ENDED)
    else:
        state = State("in use", Tone.GOOD)
    use, what_for = KEY_WORDS[entry.use]
    return KeyView(use, what_for, entry.key.thumbprint, read_time(entry.since), state)

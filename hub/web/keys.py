"""Keys of a node, ours or a partner's, as pages show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from federation.descriptor import KeyUse, NodeKey
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

"""The desk at which this node writes: who we are, our keys, and who is told of what was applied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from federation.identity.keys import PrivateKey
from federation.identity.keystore import KeyRing
from federation.identity.node import Node
from federation.judging.judged import Judged

Apply = Callable[[Session, Judged, datetime], object]
"""Takes one applied entry into the views; called in the transaction that keeps the entry."""
Clear = Callable[[Session, str], object]
"""Throws away what the entries of one channel have filled; called before they are taken anew."""


@dataclass(frozen=True)
class Desk:
    """What writing and applying needs besides a session.

    Args:
        node: ourselves.
        ring: our private keys.
        apply: the reducers of the floor above.
        clear: throws away what they have made of one channel.
    """

    node: Node
    ring: KeyRing
    apply: Apply
    clear: Clear

    @property
    def organisation(self) -> str:
        """The STIX id of our organisation."""
        return self.node.organisation

    @property
    def key(self) -> PrivateKey:
        """The key that signs our bundles now."""
        return self.node.signing_key(self.ring)

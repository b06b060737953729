"""The desk at which this node writes: who we are, our keys, and who is told of what was applied."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from federation.identity.keys import PrivateKey
from federation.identity.keystore import KeyRing
from federation.identity.node import Node
from federation.judging.judged import Judged
from policies.acts import Act

Apply = Callable[[Session, Judged, datetime], object]
"""Takes one applied entry into the views; called in the transaction that keeps the entry."""
OpensLater = Callable[[Session, str, Act], bool | None]
"""Tells whether what an act covers goes to later members of a channel, by what its members agreed
on; `None` where they agreed on nothing."""
Anew = Callable[[Session, str], AbstractContextManager[None]]
"""Throws away what the entries of one channel have filled, and makes it again: by what is applied
inside."""


def nothing_agreed(_session: Session, _channel: str, _act: Act) -> None:
    """Say that no charter says anything."""


@dataclass(frozen=True)
class Desk:
    """What writing and applying needs besides a session.

    Args:
        node: ourselves.
        ring: our private keys.
        apply: the reducers of the floor above.
        anew: throws away what they have made of one channel, to have it made again.
        opens_later: what a charter says of later members.
    """

    node: Node
    ring: KeyRing
    apply: Apply
    anew: Anew
    opens_later: OpensLater = nothing_agreed

    @property
    def organisation(self) -> str:
        """The STIX id of our organisation."""
        return self.node.organisation

    @property
    def key(self) -> PrivateKey:
        """The key that signs our bundles now."""
        return self.node.signing_key(self.ring)

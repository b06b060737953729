"""The desk of this node, as services and workers need it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from federation.desk import Desk
from federation.keystore import KeyRing, KeyStore
from federation.node import get_node
from hub.apply import apply, clear
from hub.settings import Settings


@dataclass
class Keys:
    """Our private keys, read from their folder once, and again when one is missing."""

    settings: Settings
    _ring: KeyRing | None = None

    def ring(self) -> KeyRing:
        """Give our private keys."""
        if not self._ring:
            passphrase = self.settings.key_passphrase.get_secret_value().encode()
            self._ring = KeyStore(self.settings.keys_folder, passphrase).load()
        return self._ring

    def desk(self, session: Session) -> Desk:
        """Give the desk at which this node writes.

        Raises:
            NotFoundError: the node has not been set up.
        """
        node = get_node(session)
        ring = self.ring()
        in_use = {entry.key.thumbprint for entry in node.newest.keys if entry.in_use}
        if not in_use & set(ring):
            self._ring = None
            ring = self.ring()
        return Desk(node=node, ring=ring, apply=apply, clear=clear)

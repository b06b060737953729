"""The desk of this node, as services and workers need it."""

from __future__ import annotations

from functools import cached_property

from sqlalchemy.orm import Session

from federation.identity.keystore import KeyRing, KeyStore
from federation.identity.node import get_node
from federation.ledgers.desk import Desk
from hub.apply import anew, apply
from hub.community.terms import opens_later_in
from hub.settings import Settings


class Keys:
    """Our private keys, read from their folder, and again whenever a file was added to it.

    Args:
        settings: where the folder is, and what opens it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._read: tuple[frozenset[str], KeyRing] | None = None

    @cached_property
    def store(self) -> KeyStore:
        """The folder."""
        passphrase = self._settings.key_passphrase.get_secret_value().encode()
        return KeyStore(self._settings.keys_folder, passphrase)

    def ring(self) -> KeyRing:
        """Give our private keys."""
        names = self.store.names()
        if self._read is None or self._read[0] != names:
            self._read = (names, self.store.load())
        return self._read[1]

    def desk(self, session: Session) -> Desk:
        """Give the desk at which this node writes.

        Raises:
            NotFoundError: the node has not been set up.
        """
        return Desk(
            node=get_node(session),
            ring=self.ring(),
            apply=apply,
            anew=anew,
            opens_later=opens_later_in,
        )

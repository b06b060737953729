"""Our own node: its organisation, its address, its keys and what it says of itself.

Source: protocol, 2; wire format, 4.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.identity.descriptor import Descriptor, KeyUse
from federation.identity.descriptor_chain import read_chain
from federation.identity.descriptor_making import first_descriptor
from federation.identity.keys import PrivateKey, PublicKey
from federation.identity.keystore import KeyRing, KeyStore
from federation.identity.node_records import OWN_NODE, NodeDescriptorRecord, NodeRecord
from federation.identity.origins import read_origin
from policies.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from policies.tlp import TLP
from sharing.canonical import canonical, read_json, read_time, write_time
from sharing.db import once

logger = logging.getLogger(__name__)

MAX_NAME_CHARACTERS: Final = 200
MAX_SECTORS: Final = 20
OLDER_KEYS_TRIED: Final = 3
"""By how many of our transport keys we ask who does not know the newest."""

DESCRIPTOR_ROW_LIMIT_BYTES: Final = 128 * 1024


@dataclass(frozen=True, slots=True)
class Node:
    """Ourselves, as every partner may know us."""

    descriptors: tuple[Descriptor, ...]

    @property
    def newest(self) -> Descriptor:
        """The newest descriptor."""
        return self.descriptors[-1]

    @property
    def organisation(self) -> str:
        """The STIX id of our organisation."""
        return self.newest.organisation_id

    @property
    def identity(self) -> Mapping[str, Any]:
        """Our organisation as a STIX object."""
        return self.newest.organisation

    @property
    def name(self) -> str:
        """The name of our organisation."""
        return self.newest.name

    @property
    def base_url(self) -> str:
        """The origin below which all our paths lie."""
        return self.newest.base_url

    @property
    def recovery_thumbprint(self) -> str:
        """The recovery key of version 1: what invitations and the phrase name.

        Where it was replaced since, `newest.recovery` is the one that counts.
        """
        return self.descriptors[0].recovery.thumbprint

    @property
    def documents(self) -> list[Mapping[str, Any]]:
        """All our descriptors as signed, version 1 first."""
        return [descriptor.jws for descriptor in self.descriptors]

    def signing_key(self, ring: KeyRing) -> PrivateKey:
        """Give the newest signing key in use.

        Raises:
            UnavailableError: its private half is not here.
        """
        return self._key(ring, KeyUse.SIGN)

    def transport_key(self, ring: KeyRing) -> PrivateKey:
        """Give the newest transport key in use.

        Raises:
            UnavailableError: its private half is not here.
        """
        return self._key(ring, KeyUse.TRANSPORT)

    def transport_keys(self, ring: KeyRing) -> tuple[PrivateKey, ...]:
        """Give the transport key in use, then those before it whose private half is here.

        Raises:
            UnavailableError: none in use is here.
        """
        newest = self.transport_key(ring)
        before = [
            ring[entry.key.thumbprint]
            for entry in reversed(self.newest.keys)
            if entry.use is KeyUse.TRANSPORT and entry.key.thumbprint in ring
        ]
        return (newest, *(key for key in before if key is not newest))[:OLDER_KEYS_TRIED]

    def find_token_key(self, thumbprint: str) -> PublicKey | None:
        """Find a transport key of ours that may have signed a token still alive."""
        entry = self.newest.find_key(thumbprint, KeyUse.TRANSPORT)
        return None if entry is None or entry.revoked_at is not None else entry.key

    def _key(self, ring: KeyRing, use: KeyUse) -> PrivateKey:
        for entry in reversed(self.newest.keys_in_use(use)):
            key = ring.get(entry.key.thumbprint)
            if key is not None:
                return key
        message = f"no private key for {use.value} that is in use lies in this node's key folder"
        raise UnavailableError(message, hint="Restore the key folder from a backup.")


def lock_node(session: Session) -> None:
    """Keep others who ask for this from going on until the commit: for what is numbered once."""
    session.execute(select(NodeRecord.id).with_for_update(key_share=True))


def find_node(session: Session) -> Node | None:
    """Find our own node; `None` before it was set up."""
    return once(session, "node", lambda: _find_node(session))


def _find_node(session: Session) -> Node | None:
    rows = session.execute(
        select(NodeDescriptorRecord.sha256, NodeDescriptorRecord.jws).order_by(
            NodeDescriptorRecord.version
        )
    ).all()
    if not rows:
        return None
    return Node(_proven(tuple(row.jws for row in rows)))


def get_node(session: Session) -> Node:
    """Give our own node.

    Raises:
        NotFoundError: it was not set up yet.
    """
    node = find_node(session)
    if node is None:
        raise NotFoundError("this node has not been set up yet", hint="Run: tocsin node init")
    return node


def init_node(
    session: Session,
    store: KeyStore,
    *,
    organisation: str,
    base_url: str,
    sectors: Sequence[str] = (),
    now: datetime,
) -> PrivateKey:
    """Set this node up: an organisation, an address, keys and the first descriptor.

    Gives the recovery key. It is kept nowhere: the caller prints it, or writes it to a file that
    goes away from this machine.

    Args:
        session: the caller's transaction.
        store: where the signing and transport keys go, before the transaction commits.
        organisation: the name of our organisation.
        base_url: an origin without path, at which partners reach us.
        sectors: industry sectors, in the words of STIX.
        now: the time.

    Raises:
        ConflictError: this node was set up before.
        InvalidError: name, address or sectors can't be used.
    """
    if find_node(session) is not None:
        raise ConflictError("this node was set up before", hint="Look at it: tocsin node show")
    recovery, signing, transport = (PrivateKey.generate() for _ in range(3))
    descriptor = first_descriptor(
        _identity(organisation, sectors, now),
        read_origin(base_url),
        recovery=recovery,
        signing=signing,
        transport=transport,
        now=now,
    )
    store.save(signing)
    store.save(transport)
    session.add(
        NodeRecord(
            id=OWN_NODE,
            organisation=descriptor.organisation_id,
            name=descriptor.name,
            base_url=descriptor.base_url,
            recovery_thumbprint=recovery.thumbprint,
            created_at=now,
        )
    )
    session.flush()
    keep_descriptor(session, descriptor)
    logger.info("node set up", extra={"organisation": descriptor.organisation_id})
    return recovery


def find_descriptor_bytes(session: Session, version: int) -> bytes | None:
    """Find one version of our descriptor as it is served."""
    row = session.get(NodeDescriptorRecord, version)
    return None if row is None else row.jws


def keep_descriptor(session: Session, descriptor: Descriptor) -> None:
    """Keep a new version of what we say of ourselves; from the commit on it is served."""
    session.add(
        NodeDescriptorRecord(
            version=descriptor.version,
            node_id=OWN_NODE,
            sha256=descriptor.sha256,
            jws=canonical(descriptor.jws),
            issued_at=read_time(descriptor.issued),
        )
    )
    session.flush()


@lru_cache(maxsize=4)
def _proven(rows: tuple[bytes, ...]) -> tuple[Descriptor, ...]:
    return read_chain([read_json(row, limit_bytes=DESCRIPTOR_ROW_LIMIT_BYTES) for row in rows])


def _identity(name: str, sectors: Sequence[str], now: datetime) -> dict[str, Any]:
    name = name.strip()
    if not name or len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
        message = f"a name of 1 to {MAX_NAME_CHARACTERS} printable characters"
        raise InvalidError(message, field="organisation")
    if len(sectors) > MAX_SECTORS or not all(_is_word(sector) for sector in sectors):
        message = f"up to {MAX_SECTORS} sectors in lower case, like energy or government"
        raise InvalidError(message, field="sectors")
    id_ = f"identity--{uuid4()}"
    value: dict[str, Any] = {
        "type": "identity",
        "spec_version": "2.1",
        "id": id_,
        "created_by_ref": id_,
        "created": write_time(now),
        "modified": write_time(now),
        "name": name,
        "identity_class": "organization",
        # Our descriptor says it to anybody who asks; in a ledger later members get it too.
        "object_marking_refs": [TLP.CLEAR.marking_id],
    }
    if sectors:
        value["sectors"] = sorted(set(sectors))
    return value


def _is_word(text: str) -> bool:
    return 0 < len(text) <= 100 and text.isascii() and text == text.lower() and text.isprintable()  # noqa: PLR2004

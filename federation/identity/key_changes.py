"""Changing our own keys: they rotate by their own word, and are revoked by the recovery key's.

A new private key is on the disk before the descriptor that names it is committed: a crash in
between leaves a key that nobody has heard of, and nothing else.

Source: protocol, 2.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from federation.identity.descriptor import Descriptor, KeyUse, NodeKey
from federation.identity.descriptor_making import next_descriptor
from federation.identity.keys import PrivateKey
from federation.identity.keystore import KeyRing, KeyStore
from federation.identity.node import Node, get_node, keep_descriptor
from policies.errors import ConflictError, InvalidError, NotFoundError
from sharing.canonical import write_time

logger = logging.getLogger(__name__)

CLOCK_SKEW: Final = timedelta(minutes=5)


def rotate_keys(
    session: Session, store: KeyStore, uses: Collection[KeyUse], *, ring: KeyRing, now: datetime
) -> Descriptor:
    """Bring new keys into use, retire those of the same use, and say so in a new descriptor.

    The old private keys stay in the folder: a member that has not heard of the new ones yet still
    knows us by them.
    """
    node = get_node(session)
    moment = write_time(now)
    kept = [
        replace(entry, retired_at=moment) if entry.use in uses and entry.in_use else entry
        for entry in node.newest.keys
    ]
    new = [(PrivateKey.generate(), use) for use in KeyUse if use in uses]
    descriptor = next_descriptor(
        node.newest,
        signers=(node.signing_key(ring), *(key for key, _ in new)),
        keys=[*kept, *(NodeKey(key.public, use, moment) for key, use in new)],
        now=now,
    )
    _keep(session, store, descriptor, (key for key, _ in new))
    logger.info("keys rotated", extra={"uses": sorted(uses), "version": descriptor.version})
    return descriptor


def revoke_key(
    session: Session,
    store: KeyStore,
    thumbprint: str,
    *,
    recovery: PrivateKey,
    since: datetime,
    now: datetime,
) -> Descriptor:
    """Revoke a key that was stolen or may have been; put a new one in place where none is left.

    Args:
        session: the caller's transaction.
        store: where the new key goes.
        thumbprint: of the key that is revoked.
        recovery: the recovery key, brought back for this one act.
        since: from when on the key can't be believed.
        now: the time.

    Raises:
        NotFoundError: there is no such key.
        ConflictError: it was revoked before.
        InvalidError: this is not our recovery key, or the key is to be believed for longer.
    """
    node = get_node(session)
    _check_recovery(node, recovery)
    stolen = next((entry for entry in node.newest.keys if entry.key.thumbprint == thumbprint), None)
    if stolen is None:
        raise NotFoundError(f"there is no key {thumbprint}", hint="See: tocsin node show")
    if stolen.revoked_at is not None:
        raise ConflictError(f"the key was revoked before, as of {stolen.revoked_at}")
    descriptor = _revoke(session, store, node, [stolen], recovery, None, since=since, now=now)
    logger.warning("key revoked", extra={"key_id": thumbprint, "version": descriptor.version})
    return descriptor


def recover(
    session: Session,
    store: KeyStore,
    *,
    recovery: PrivateKey,
    new_recovery: PrivateKey | None = None,
    since: datetime,
    now: datetime,
) -> Descriptor:
    """Begin anew with the recovery key: all keys in use are revoked, new ones take their place.

    Args:
        session: the caller's transaction.
        store: where the new keys go.
        recovery: the recovery key, brought back for this one act.
        new_recovery: replaces it from now on; it signs too, and its private half is kept nowhere.
        since: from when on the old keys can't be believed.
        now: the time.

    Raises:
        InvalidError: this is not our recovery key, or the keys are to be believed for longer.
    """
    node = get_node(session)
    _check_recovery(node, recovery)
    gone = [entry for entry in node.newest.keys if entry.in_use]
    descriptor = _revoke(session, store, node, gone, recovery, new_recovery, since=since, now=now)
    logger.warning(
        "keys recovered",
        extra={"version": descriptor.version, "new_recovery_key": new_recovery is not None},
    )
    return descriptor


def _revoke(
    session: Session,
    store: KeyStore,
    node: Node,
    gone: Sequence[NodeKey],
    recovery: PrivateKey,
    new_recovery: PrivateKey | None,
    *,
    since: datetime,
    now: datetime,
) -> Descriptor:
    if since > now + CLOCK_SKEW:
        raise InvalidError("a key is revoked as of a time that has passed", field="since")
    kept = [
        replace(entry, revoked_at=write_time(since)) if entry in gone else entry
        for entry in node.newest.keys
    ]
    served = {entry.use for entry in kept if entry.in_use}
    new = [(PrivateKey.generate(), use) for use in KeyUse if use not in served]
    moment = write_time(now)
    signers = [recovery, *(key for key, _ in new)]
    if new_recovery is not None:
        signers.append(new_recovery)
    descriptor = next_descriptor(
        node.newest,
        signers=signers,
        keys=[*kept, *(NodeKey(key.public, use, moment) for key, use in new)],
        recovery=new_recovery.public if new_recovery is not None else None,
        now=now,
    )
    _keep(session, store, descriptor, (key for key, _ in new))
    return descriptor


def _check_recovery(node: Node, recovery: PrivateKey) -> None:
    if recovery.public != node.newest.recovery:
        raise InvalidError(
            "this is not the recovery key of this node",
            field="recovery_key",
            hint=f"It has the thumbprint {node.newest.recovery.thumbprint}.",
        )


def _keep(
    session: Session, store: KeyStore, descriptor: Descriptor, keys: Iterable[PrivateKey]
) -> None:
    for key in keys:
        store.save(key)
    keep_descriptor(session, descriptor)

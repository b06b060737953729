"""Making descriptors: the first version of a node, and each that follows.

Source: protocol, 2; wire format, 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from federation.identity.descriptor import Descriptor, KeyUse, NodeKey, read_descriptor
from federation.identity.descriptor_chain import check_step
from federation.identity.keys import PrivateKey, PublicKey, Typ, b64
from sharing.canonical import canonical, write_time


def first_descriptor(
    organisation: Mapping[str, Any],
    base_url: str,
    *,
    recovery: PrivateKey,
    signing: PrivateKey,
    transport: PrivateKey,
    now: datetime,
) -> Descriptor:
    """Make version 1, signed by the recovery key and by the first signing key."""
    since = write_time(now)
    payload = {
        "protocol": ["1"],
        "version": 1,
        "issued": since,
        "organisation": dict(organisation),
        "base_url": base_url,
        "recovery_key": recovery.public.jwk,
        "keys": [
            NodeKey(signing.public, KeyUse.SIGN, since).document(),
            NodeKey(transport.public, KeyUse.TRANSPORT, since).document(),
        ],
    }
    return read_descriptor(sign_payload(payload, (recovery, signing)))


def next_descriptor(
    previous: Descriptor,
    *,
    signers: Sequence[PrivateKey],
    now: datetime,
    organisation: Mapping[str, Any] | None = None,
    base_url: str | None = None,
    recovery: PublicKey | None = None,
    keys: Sequence[NodeKey] | None = None,
) -> Descriptor:
    """Make the next version: what is not given stays.

    Args:
        signers: a signing key in use in `previous` and every key introduced, or the recovery key.

    Raises:
        DescriptorError: these signers may not make this change.
    """
    kept = previous.keys if keys is None else tuple(keys)
    payload = {
        "protocol": ["1"],
        "version": previous.version + 1,
        "previous": previous.sha256,
        "issued": write_time(now),
        "organisation": dict(organisation or previous.organisation),
        "base_url": base_url or previous.base_url,
        "recovery_key": (recovery or previous.recovery).jwk,
        "keys": [entry.document() for entry in kept],
    }
    descriptor = read_descriptor(sign_payload(payload, signers))
    check_step(previous, descriptor)
    return descriptor


def sign_payload(payload: Mapping[str, Any], signers: Iterable[PrivateKey]) -> dict[str, Any]:
    """Give the general JSON form of a JWS over a payload."""
    data = canonical(payload)
    signatures = []
    for signer in signers:
        header = signer.header(Typ.DESCRIPTOR)
        signatures.append({"protected": header, "signature": signer.signature(header, data)})
    return {"payload": b64(data), "signatures": signatures}

"""What a node says of itself, and the chain of its versions. Trust is walked from version 1.

Source: protocol, 2; wire format, 4.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from federation.keys import (
    PrivateKey,
    PublicKey,
    SignatureError,
    Typ,
    b64,
    unb64,
    verify_parts,
)
from policies.errors import InvalidError
from sharing.canonical import (
    canonical,
    read_instant,
    read_json,
    sha256_hex,
    write_time,
)

DESCRIPTOR_LIMIT_BYTES: Final = 64 * 1024
MAX_VERSIONS: Final = 1000
MAX_KEYS: Final = 100
_REQUIRED: Final = frozenset(
    {"protocol", "version", "issued", "organisation", "base_url", "recovery_key", "keys"}
)


class DescriptorError(InvalidError):
    """A descriptor, or a chain of them, that proves nothing."""


class DescriptorForkError(DescriptorError):
    """Two different descriptors of one version: the partnership stops."""


class KeyUse(StrEnum):
    """What a key is for."""

    SIGN = "sign"
    TRANSPORT = "transport"


@dataclass(frozen=True)
class NodeKey:
    """One key of a node, with its life as the descriptor tells it."""

    key: PublicKey
    use: KeyUse
    since: str
    retired_at: str | None = None
    revoked_at: str | None = None

    @property
    def in_use(self) -> bool:
        """Tell whether the node still uses it."""
        return self.retired_at is None and self.revoked_at is None

    def document(self) -> dict[str, Any]:
        """Give it as it stands in a descriptor."""
        value: dict[str, Any] = {"jwk": self.key.jwk, "use": self.use.value, "from": self.since}
        if self.retired_at is not None:
            value["retired_at"] = self.retired_at
        if self.revoked_at is not None:
            value["revoked_at"] = self.revoked_at
        return value


@dataclass(frozen=True)
class Descriptor:
    """One proven version of what a node says of itself."""

    version: int
    organisation: Mapping[str, Any]
    base_url: str
    recovery: PublicKey
    keys: tuple[NodeKey, ...]
    issued: str
    sha256: str
    jws: Mapping[str, Any]

    @property
    def organisation_id(self) -> str:
        """The STIX id of the organisation that the node speaks for."""
        return str(self.organisation["id"])

    @property
    def name(self) -> str:
        """The organisation's name."""
        return str(self.organisation["name"])

    def find_key(self, thumbprint: str, use: KeyUse) -> NodeKey | None:
        """Find a key of this use by its id, in use or not."""
        for entry in self.keys:
            if entry.use is use and entry.key.thumbprint == thumbprint:
                return entry
        return None

    def keys_in_use(self, use: KeyUse) -> tuple[NodeKey, ...]:
        """Give the keys of this use that are neither retired nor revoked."""
        return tuple(entry for entry in self.keys if entry.use is use and entry.in_use)


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
    _check_step(previous, descriptor)
    return descriptor


def sign_payload(payload: Mapping[str, Any], signers: Iterable[PrivateKey]) -> dict[str, Any]:
    """Give the general JSON form of a JWS over a payload."""
    data = canonical(payload)
    signatures = []
    for signer in signers:
        header = signer.header(Typ.DESCRIPTOR)
        signatures.append({"protected": header, "signature": signer.signature(header, data)})
    return {"payload": b64(data), "signatures": signatures}


def read_descriptor(jws: object) -> Descriptor:
    """Read one descriptor; its signatures are proven by `read_chain`.

    Raises:
        DescriptorError: its form is not that of a descriptor.
    """
    try:
        return _read(jws)
    except DescriptorError:
        raise
    except InvalidError as error:
        raise DescriptorError(f"descriptor: {error.message}", field="descriptors") from None


def read_chain(
    documents: object,
    *,
    recovery_thumbprint: str | None = None,
    known: Sequence[Descriptor] = (),
) -> tuple[Descriptor, ...]:
    """Prove a chain of descriptors, version 1 first, and give it.

    Args:
        recovery_thumbprint: what version 1 has to name, where somebody vouched for it.
        known: versions proven before; the chain must agree with them and may add to them.

    Raises:
        DescriptorForkError: it says otherwise than a version that is known.
        DescriptorError: it proves nothing.
    """
    if not isinstance(documents, Sequence) or isinstance(documents, str) or not documents:
        raise DescriptorError("a chain of descriptors is a list that is not empty")
    if len(documents) > MAX_VERSIONS:
        raise DescriptorError(f"more than {MAX_VERSIONS} descriptors")
    chain = tuple(read_descriptor(document) for document in documents)
    first = chain[0]
    if first.version != 1:
        raise DescriptorError("a chain of descriptors begins with version 1")
    if recovery_thumbprint is not None and first.recovery.thumbprint != recovery_thumbprint:
        raise DescriptorError("version 1 names another recovery key than the one vouched for")
    _check_first(first)
    for before, after in itertools.pairwise(chain):
        _check_step(before, after)
    for old, new in zip(known, chain, strict=False):
        if old.sha256 != new.sha256:
            raise DescriptorForkError(
                f"two different descriptors of version {new.version}", field="descriptors"
            )
    return chain


def extend_chain(known: Sequence[Descriptor], documents: object) -> tuple[Descriptor, ...]:
    """Add newer descriptors, oldest first, to a proven chain; ones known already are skipped.

    Raises:
        DescriptorForkError, DescriptorError: as `read_chain`.
    """
    if not isinstance(documents, Sequence) or isinstance(documents, str) or not documents:
        raise DescriptorError("new descriptors are a list that is not empty")
    chain = list(known)
    for document in documents[:MAX_VERSIONS]:
        descriptor = read_descriptor(document)
        if descriptor.version <= len(chain):
            if chain[descriptor.version - 1].sha256 != descriptor.sha256:
                raise DescriptorForkError(
                    f"two different descriptors of version {descriptor.version}",
                    field="descriptors",
                )
            continue
        _check_step(chain[-1], descriptor)
        chain.append(descriptor)
    return tuple(chain)


def _read(jws: object) -> Descriptor:
    if not isinstance(jws, Mapping) or set(jws) != {"payload", "signatures"}:
        raise DescriptorError("a descriptor is {payload, signatures}", field="descriptors")
    encoded, signatures = jws["payload"], jws["signatures"]
    if not isinstance(encoded, str) or not isinstance(signatures, list) or not signatures:
        raise DescriptorError("a descriptor has a payload and signatures", field="descriptors")
    if len(signatures) > MAX_KEYS:
        raise DescriptorError(f"more than {MAX_KEYS} signatures", field="descriptors")
    for item in signatures:
        fine = isinstance(item, Mapping) and set(item) == {"protected", "signature"}
        if not fine or not all(isinstance(part, str) for part in item.values()):
            raise DescriptorError("a signature is {protected, signature}", field="descriptors")
    data = unb64(encoded)
    payload = read_json(data, limit_bytes=DESCRIPTOR_LIMIT_BYTES, field="descriptors")
    if not isinstance(payload, dict) or canonical(payload) != data:
        raise DescriptorError("the payload is not in canonical form", field="descriptors")
    missing = _REQUIRED - set(payload)
    extra = set(payload) - _REQUIRED - {"previous"}
    if missing or extra:
        names = ", ".join(sorted(missing | extra))
        raise DescriptorError(f"missing or unknown: {names}", field="descriptors")
    return Descriptor(
        version=_version(payload),
        organisation=_organisation(payload["organisation"]),
        base_url=_text(payload["base_url"], "base_url"),
        recovery=PublicKey.read(payload["recovery_key"]),
        keys=_keys(payload["keys"]),
        issued=_instant(payload["issued"], "issued"),
        sha256=sha256_hex(data),
        jws=jws,
    )


def _version(payload: Mapping[str, Any]) -> int:
    version, previous, protocol = payload["version"], payload.get("previous"), payload["protocol"]
    if (
        not isinstance(version, int)
        or isinstance(version, bool)
        or not 1 <= version <= MAX_VERSIONS
    ):
        raise DescriptorError(f"version is a number from 1 to {MAX_VERSIONS}", field="version")
    if (version == 1) != ("previous" not in payload):
        raise DescriptorError("previous stands in every version but the first", field="previous")
    if previous is not None and not isinstance(previous, str):
        raise DescriptorError("previous is a hash", field="previous")
    if not isinstance(protocol, list) or "1" not in protocol:
        raise DescriptorError("protocol 1 is not offered", field="protocol")
    return version


def _organisation(value: object) -> Mapping[str, Any]:
    fine = (
        isinstance(value, dict)
        and value.get("type") == "identity"
        and value.get("identity_class") == "organization"
        and isinstance(value.get("name"), str)
        and value.get("id") == value.get("created_by_ref")
        and isinstance(value.get("id"), str)
        and str(value["id"]).startswith("identity--")
    )
    if not isinstance(value, dict) or not fine:
        raise DescriptorError(
            "organisation is a STIX identity of class organization that created itself",
            field="organisation",
        )
    return value


def _keys(value: object) -> tuple[NodeKey, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_KEYS:
        raise DescriptorError(f"keys is a list of 1 to {MAX_KEYS}", field="keys")
    keys = []
    for item in value:
        if not isinstance(item, dict) or not {"jwk", "use", "from"} <= set(item) <= {
            "jwk",
            "use",
            "from",
            "retired_at",
            "revoked_at",
        }:
            raise DescriptorError(
                "a key is {jwk, use, from, retired_at?, revoked_at?}", field="keys"
            )
        if item["use"] not in tuple(KeyUse):
            raise DescriptorError("a key is for sign or transport", field="keys")
        times = {
            name: _instant(item[name], name)
            for name in ("retired_at", "revoked_at")
            if name in item
        }
        keys.append(
            NodeKey(
                key=PublicKey.read(item["jwk"]),
                use=KeyUse(item["use"]),
                since=_instant(item["from"], "from"),
                retired_at=times.get("retired_at"),
                revoked_at=times.get("revoked_at"),
            )
        )
    if len({entry.key.raw for entry in keys}) != len(keys):
        raise DescriptorError("one key stands twice", field="keys")
    return tuple(keys)


def _instant(value: object, field: str) -> str:
    text = _text(value, field)
    try:
        read_instant(text, field=field)
    except InvalidError as error:
        raise DescriptorError(error.message, field=field) from None
    return text


def _text(value: object, field: str) -> str:
    if not isinstance(value, str) or not value or len(value) > 1000:  # noqa: PLR2004
        raise DescriptorError(f"{field} is a text of up to 1000 characters", field=field)
    return value


def _proven_by(descriptor: Descriptor, key: PublicKey) -> bool:
    """Tell whether a key signed a descriptor; a wrong signature under its id is an error."""
    payload = unb64(descriptor.jws["payload"])
    for item in descriptor.jws["signatures"]:
        try:
            verify_parts(item["protected"], payload, item["signature"], key, Typ.DESCRIPTOR)
        except SignatureError:
            continue
        return True
    return False


def _check_first(first: Descriptor) -> None:
    if not _proven_by(first, first.recovery):
        raise DescriptorError("version 1 is not signed by its recovery key", field="signatures")
    for entry in first.keys:
        if entry.key == first.recovery:
            raise DescriptorError("the recovery key is no key for every day", field="keys")
        if not entry.in_use:
            raise DescriptorError("version 1 holds a key out of use", field="keys")
    signing = first.keys_in_use(KeyUse.SIGN)
    if not signing or not all(_proven_by(first, entry.key) for entry in signing):
        raise DescriptorError("version 1 is not signed by its signing key", field="signatures")
    if not first.keys_in_use(KeyUse.TRANSPORT):
        raise DescriptorError("version 1 holds no transport key", field="keys")


def _check_step(before: Descriptor, after: Descriptor) -> None:
    """Prove that one version follows another. Source: protocol, 2."""
    # 1. It continues the chain, for the same organisation.
    if after.version != before.version + 1:
        raise DescriptorError(f"version {after.version} does not follow {before.version}")
    payload = read_json(unb64(after.jws["payload"]), limit_bytes=DESCRIPTOR_LIMIT_BYTES)
    if payload["previous"] != before.sha256:
        raise DescriptorForkError(
            f"version {after.version} follows another version {before.version}", field="previous"
        )
    if after.organisation_id != before.organisation_id:
        raise DescriptorError("a descriptor can't change its organisation", field="organisation")
    # 2. The recovery key may do all; revoking and replacing the recovery key only it may.
    by_recovery = _proven_by(after, before.recovery)
    if after.recovery != before.recovery and not (
        by_recovery and _proven_by(after, after.recovery)
    ):
        raise DescriptorError("only the recovery key replaces itself", field="recovery_key")
    old = {entry.key.raw: entry for entry in before.keys}
    new = {entry.key.raw: entry for entry in after.keys}
    for raw, entry in old.items():
        _check_kept(entry, new.get(raw), by_recovery=by_recovery)
    introduced = [entry for raw, entry in new.items() if raw not in old]
    if after.recovery.raw in new:
        raise DescriptorError("the recovery key is no key for every day", field="keys")
    # 3. Otherwise a signing key in use before, and every key that it introduces, signed it.
    if not by_recovery:
        if not any(_proven_by(after, entry.key) for entry in before.keys_in_use(KeyUse.SIGN)):
            raise DescriptorError("not signed by a signing key in use before", field="signatures")
        for entry in introduced:
            if not _proven_by(after, entry.key):
                raise DescriptorError("a new key did not sign", field="signatures")
    if not after.keys_in_use(KeyUse.SIGN) or not after.keys_in_use(KeyUse.TRANSPORT):
        raise DescriptorError("no key in use for signing, or none for transport", field="keys")


def _check_kept(old: NodeKey, new: NodeKey | None, *, by_recovery: bool) -> None:
    if new is None:
        raise DescriptorError("a key may be retired or revoked, never left out", field="keys")
    if new.use is not old.use or new.since != old.since:
        raise DescriptorError("a key keeps its use and its beginning", field="keys")
    if old.retired_at is not None and new.retired_at != old.retired_at:
        raise DescriptorError("a retired key stays retired", field="keys")
    if old.revoked_at is not None and new.revoked_at is None:
        raise DescriptorError("a revoked key stays revoked", field="keys")
    if old.revoked_at is None and new.revoked_at is not None and not by_recovery:
        raise DescriptorError("only the recovery key revokes", field="keys")

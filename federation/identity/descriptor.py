"""What a node says of itself: one version, read and typed; its proof is `descriptor_chain`'s.

Source: protocol, 2; wire format, 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, Final

from federation.identity.keys import PublicKey, SignatureError, Typ, unb64, verify_parts
from policies.errors import InvalidError
from sharing.canonical import canonical, read_instant, read_json, sha256_hex, sha256_of

DESCRIPTOR_LIMIT_BYTES: Final = 64 * 1024
MAX_VERSIONS: Final = 1000
MAX_KEYS: Final = 250
"""Keys are never left out: enough for a century of new ones each year."""
_RECENT_COUNT: Final = 512
_SMALL_LENGTH: Final = 8 * 1024
_FEW_SIGNATURES: Final = 8
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
    previous: str | None
    """Hash of the version that it follows; none in the first."""
    jws: Mapping[str, Any]
    _signed_by: dict[bytes, bool] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Keys that were asked about: the same descriptor is brought along again and again."""

    @property
    def organisation_id(self) -> str:
        """The STIX id of the organisation that the node speaks for."""
        return str(self.organisation["id"])

    @property
    def name(self) -> str:
        """The organisation's name."""
        return str(self.organisation["name"])

    @cached_property
    def organisation_sha256(self) -> str:
        """The hash of the organisation's identity, as this version has it."""
        return sha256_of(self.organisation)

    def find_key(self, thumbprint: str, use: KeyUse) -> NodeKey | None:
        """Find a key of this use by its id, in use or not."""
        for entry in self.keys:
            if entry.use is use and entry.key.thumbprint == thumbprint:
                return entry
        return None

    def keys_in_use(self, use: KeyUse) -> tuple[NodeKey, ...]:
        """Give the keys of this use that are neither retired nor revoked."""
        return tuple(entry for entry in self.keys if entry.use is use and entry.in_use)

    def is_signed_by(self, key: PublicKey) -> bool:
        """Tell whether a key signed it; a wrong signature under its id proves nothing."""
        if key.raw not in self._signed_by:
            self._signed_by[key.raw] = self._find_signature(key)
        return self._signed_by[key.raw]

    def _find_signature(self, key: PublicKey) -> bool:
        payload = unb64(self.jws["payload"])
        for item in self.jws["signatures"]:
            try:
                verify_parts(item["protected"], payload, item["signature"], key, Typ.DESCRIPTOR)
            except SignatureError:
                continue
            return True
        return False


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
    parts = tuple((item["protected"], item["signature"]) for item in signatures)
    small = len(encoded) <= _SMALL_LENGTH and len(parts) <= _FEW_SIGNATURES
    return _read_known(encoded, parts) if small else _read_texts(encoded, parts)


def _read_texts(encoded: str, signatures: tuple[tuple[str, str], ...]) -> Descriptor:
    """Read what a descriptor is made of: texts, so that the same ones say the same."""
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
        previous=payload.get("previous"),
        jws={
            "payload": encoded,
            "signatures": [
                {"protected": protected, "signature": signature}
                for protected, signature in signatures
            ],
        },
    )


_read_known = lru_cache(maxsize=_RECENT_COUNT)(_read_texts)


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

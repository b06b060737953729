"""Ed25519 keys and the JSON Web Signatures made with them.

Keys come from descriptors, never from a header; the one algorithm is `Ed25519` (RFC 9864); a header
holds exactly `alg`, `kid` and `typ`; base64url has one spelling only.

Source: wire format, 1; RFC 7515; RFC 7638; RFC 8037.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, Final, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc.jwk import OKPKey

from policies.errors import InvalidError
from sharing.canonical import MalformedError, canonical, read_json

HEADER_LIMIT_BYTES: Final = 512
_B64URL: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LAST: Final = (_ALPHABET, "", _ALPHABET[::16], _ALPHABET[::4])
"""Which characters may come last, by the number of characters in the last group of four."""


class Typ(StrEnum):
    """What a signature is for: one cannot stand in for another."""

    BUNDLE = "coordination-bundle+jws"
    DESCRIPTOR = "coordination-node+jws"
    RECEIPT = "coordination-receipt+jws"
    PAIRING = "coordination-pairing+jws"
    BELL = "coordination-bell+jws"
    ASSERTION = "client-authentication+jwt"
    ACCESS_TOKEN = "at+jwt"  # noqa: S105 - the name of a type, no secret


class SignatureError(InvalidError):
    """A signature that proves nothing.

    Args:
        name: `malformed`, or `bad_signature`.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message, field="signature")
        self.name = name


def b64(data: bytes) -> str:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    """Read base64url in its one canonical spelling.

    Raises:
        SignatureError: `malformed`: padding, other characters, or bits left over.
    """
    if _B64URL.fullmatch(text) is None:
        raise SignatureError("malformed", "not base64url without padding")
    try:
        plain = text.replace("-", "+").replace("_", "/")
        data = binascii.a2b_base64(plain + "=" * (-len(text) % 4))
    except binascii.Error:
        raise SignatureError("malformed", "not base64url") from None
    if text[-1:] not in _LAST[len(text) % 4]:
        # Bits that say nothing are zero.
        raise SignatureError("malformed", "base64url in another than its canonical spelling")
    return data


@dataclass(frozen=True)
class PublicKey:
    """An Ed25519 public key: 32 bytes."""

    raw: bytes

    @classmethod
    def read(cls, jwk: object) -> PublicKey:
        """Read a public JWK that holds exactly `crv`, `kty` and `x`.

        Raises:
            SignatureError: `malformed`.
        """
        if not isinstance(jwk, Mapping) or set(jwk) != {"crv", "kty", "x"}:
            raise SignatureError("malformed", "a key is a JWK of exactly crv, kty and x")
        x = jwk["x"]
        if jwk["kty"] != "OKP" or jwk["crv"] != "Ed25519" or not isinstance(x, str):
            raise SignatureError("malformed", "a key is of type OKP on curve Ed25519")
        raw = unb64(x)
        if len(raw) != 32:  # noqa: PLR2004 - RFC 8032
            raise SignatureError("malformed", "an Ed25519 key has 32 bytes")
        return cls(raw)

    @property
    def jwk(self) -> dict[str, str]:
        """The public JWK."""
        return {"crv": "Ed25519", "kty": "OKP", "x": b64(self.raw)}

    @cached_property
    def thumbprint(self) -> str:
        """The key's id. Source: RFC 7638."""
        return str(OKPKey.import_key(cast("Any", self.jwk)).thumbprint())

    @cached_property
    def _loaded(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.raw)

    def check(self, signature: bytes, signing_input: bytes) -> None:
        """Raise `SignatureError` (`bad_signature`) unless this key signed this input."""
        try:
            self._loaded.verify(signature, signing_input)
        except (InvalidSignature, ValueError):
            raise SignatureError("bad_signature", "the key did not sign these bytes") from None


@dataclass(frozen=True)
class PrivateKey:
    """An Ed25519 private key. Never printed, never logged."""

    _key: Ed25519PrivateKey

    @classmethod
    def generate(cls) -> PrivateKey:
        """Make a new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> PrivateKey:
        """Read a key from its 32 bytes."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes, for safe-keeping."""
        return self._key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())

    @cached_property
    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def thumbprint(self) -> str:
        """The id of its public half."""
        return self.public.thumbprint

    def __repr__(self) -> str:
        """Name the public half only."""
        return f"PrivateKey({self.thumbprint})"

    def sign(self, payload: bytes, typ: Typ) -> str:
        """Sign; give the compact JWS."""
        header = self.header(typ)
        return f"{header}.{b64(payload)}.{self.signature(header, payload)}"

    def sign_detached(self, payload: bytes, typ: Typ) -> str:
        """Sign; give the compact JWS with its payload left out (RFC 7515, appendix F)."""
        header = self.header(typ)
        return f"{header}..{self.signature(header, payload)}"

    def header(self, typ: Typ) -> str:
        """Give the protected header, encoded."""
        return _header(self.thumbprint, typ)

    def signature(self, header: str, payload: bytes) -> str:
        """Give the signature over header and payload, encoded."""
        return b64(self._key.sign(signing_input(header, payload)))


def signing_input(header: str, payload: bytes) -> bytes:
    """Give what is signed. Source: RFC 7515, 5.1."""
    return f"{header}.{b64(payload)}".encode("ascii")


def key_id(token: str) -> str:
    """Give the id of the key that a compact JWS says it was signed with; nothing is proven yet.

    Raises:
        SignatureError: `malformed`.
    """
    return _kid(token.split(".", 1)[0])


def verify(token: str, key: PublicKey, typ: Typ) -> bytes:
    """Prove a compact JWS and give its payload.

    Raises:
        SignatureError: `malformed` or `bad_signature`.
    """
    header, payload, signature = split(token)
    if not payload:
        raise SignatureError("malformed", "the signature has no payload")
    data = unb64(payload)
    verify_parts(header, data, signature, key, typ)
    return data


def verify_detached(token: str, payload: bytes, key: PublicKey, typ: Typ) -> None:
    """Prove a detached compact JWS over a payload.

    Raises:
        SignatureError: `malformed` or `bad_signature`.
    """
    header, middle, signature = split(token)
    if middle:
        raise SignatureError("malformed", "a detached signature carries no payload")
    verify_parts(header, payload, signature, key, typ)


def verify_parts(header: str, payload: bytes, signature: str, key: PublicKey, typ: Typ) -> None:
    """Prove one signature given in parts.

    Raises:
        SignatureError: `malformed` or `bad_signature`.
    """
    # 1. The spelling is the canonical one.
    data = unb64(signature)
    kid = _kid(header)
    # 2. The header says exactly what is expected here, and nothing else.
    if header != _header(kid, typ) or kid != key.thumbprint:
        raise SignatureError("bad_signature", f"the header is not that of a {typ.value}")
    # 3. The key signed exactly these bytes.
    key.check(data, signing_input(header, payload))


def split(token: str) -> tuple[str, str, str]:
    """Give header, payload and signature of a compact JWS, still encoded.

    Raises:
        SignatureError: `malformed`.
    """
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - RFC 7515, 7.1
        raise SignatureError("malformed", "a compact signature has three parts")
    return parts[0], parts[1], parts[2]


@lru_cache(maxsize=1024)
def _header(kid: str, typ: Typ) -> str:
    return b64(canonical({"alg": "Ed25519", "kid": kid, "typ": typ.value}))


def _kid(header: str) -> str:
    if len(header) > HEADER_LIMIT_BYTES:
        raise SignatureError("malformed", "the header is too long")
    return _kid_within(header)


@lru_cache(maxsize=1024)
def _kid_within(header: str) -> str:
    """Give the key that a header names; a node's signatures all have the same few."""
    try:
        value = read_json(unb64(header), limit_bytes=HEADER_LIMIT_BYTES)
    except MalformedError as error:
        raise SignatureError("malformed", f"header: {error.message}") from None
    kid = value.get("kid") if isinstance(value, dict) else None
    if not isinstance(kid, str):
        raise SignatureError("bad_signature", "the header names no key")
    return kid

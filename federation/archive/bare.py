"""Checking what is no export: one signed bundle, one descriptor, one signature.

Alone, a bundle that is well formed still proves nothing: whose key it is says a ledger.

Source: wire format, 1, 3, 4 and 6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import IO, Any, Final

from federation.archive.report import Failure, Report, What
from federation.identity.descriptor import DescriptorError, read_descriptor
from federation.identity.descriptor_chain import read_chain
from federation.identity.keys import HEADER_LIMIT_BYTES, SignatureError, Typ, key_id, split, unb64
from federation.judging.bundles import SignedBundle
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.facts import MemoryFacts
from federation.judging.judge import judge_entry
from federation.judging.reader import Reader
from federation.judging.receipts import read_receipt
from policies.errors import InvalidError
from sharing.canonical import canonical, read_json
from sharing.objects import RAW_LIMIT_BYTES, SIGNED_BUNDLE, StixObject

_JWS: Final = re.compile(r"[A-Za-z0-9_=+/-]*\.[A-Za-z0-9_=+/-]*\.[A-Za-z0-9_=+/-]*", re.ASCII)

_TYP_BY_MEMBER: Final[Mapping[str, Typ]] = {
    "author": Typ.RECEIPT,
    "channel": Typ.BELL,
    "phrase_sha256": Typ.PAIRING,
    "client_id": Typ.ACCESS_TOKEN,
    "iss": Typ.ASSERTION,
    "recovery_key": Typ.DESCRIPTOR,
    "act": Typ.BUNDLE,
}
"""What a payload that holds this member has to be signed as; the first that it holds decides."""


def verify_bare(archive: IO[bytes], *, pins: frozenset[str]) -> Report:
    """Check a file that does not begin with the header of an export."""
    archive.seek(0)
    data = archive.read(RAW_LIMIT_BYTES + 1)
    what, error = What.UNKNOWN, _malformed("the file is empty")
    try:
        text = data.strip()
        if _JWS.fullmatch(text[: 4 * HEADER_LIMIT_BYTES].decode("latin-1")) is not None:
            what, value = What.SIGNATURE, text.decode("ascii")
        else:
            value = read_json(data, limit_bytes=RAW_LIMIT_BYTES, field="file")
            what = _what(value)
        _check(what, value, pins)
    except DoubtError as doubt:
        error = doubt
    except (InvalidError, UnicodeError) as invalid:
        message = invalid.message if isinstance(invalid, InvalidError) else "it is not text"
        error = _malformed(message)
    else:
        return Report(what=what)
    return Report(what=what, failures=(Failure(error.doubt, error.message),))


def _what(value: Any) -> What:
    if isinstance(value, str):
        return What.SIGNATURE
    if isinstance(value, Mapping) and value.get("type") == SIGNED_BUNDLE:
        return What.BUNDLE
    if isinstance(value, Mapping) and set(value) == {"payload", "signatures"}:
        return What.DESCRIPTOR
    raise _malformed("it is neither an export, nor a signed bundle, a descriptor or a signature")


def _check(what: What, value: Any, pins: frozenset[str]) -> None:
    match what:
        case What.BUNDLE:
            _check_bundle(StixObject.of(value))
        case What.DESCRIPTOR:
            _check_descriptor(value, pins)
        case _:
            _check_signature(value)


def _check_bundle(stix: StixObject) -> None:
    """Check form, then what can be proven: an opening brings its keys along."""
    bundle = SignedBundle.read(stix)
    if bundle.is_entry and bundle.place == (1, 0):
        judge_entry(None, bundle, MemoryFacts(), Reader())
        return
    kid = bundle.kid
    raise DoubtError(
        Doubt.UNKNOWN_KEY,
        f"a bundle alone proves nothing: no ledger here says whose key {kid[:43]} is",
    )


def _check_descriptor(jws: Mapping[str, Any], pins: frozenset[str]) -> None:
    try:
        descriptor = read_descriptor(jws)
        if descriptor.version != 1:
            raise DoubtError(
                Doubt.UNKNOWN_KEY, "trust is walked from version 1, which is not in this file"
            )
        (first,) = read_chain([jws])
    except DescriptorError as error:
        raise _malformed(error.message) from None
    if pins and not {first.recovery.thumbprint} >= pins:
        raise DoubtError(Doubt.UNKNOWN_KEY, "it begins with another recovery key than pinned")


def _check_signature(token: str) -> None:
    """Check a compact JWS as far as it goes without a ledger: its form and its purpose."""
    try:
        header, encoded, signature = split(token)
        kid = key_id(token)
        unb64(signature)
        payload = unb64(encoded)
        header_bytes = unb64(header)
    except SignatureError as error:
        raise DoubtError(Doubt(error.name), error.message) from None
    value = read_json(payload, limit_bytes=RAW_LIMIT_BYTES, field="payload")
    if not isinstance(value, Mapping) or canonical(value) != payload:
        raise _malformed("the payload is not in canonical form")
    typ = next((_TYP_BY_MEMBER[name] for name in _TYP_BY_MEMBER if name in value), None)
    if typ is None:
        raise _malformed("the payload is nothing that nodes sign")
    if header_bytes != canonical({"alg": "Ed25519", "kid": kid, "typ": typ.value}):
        raise DoubtError(
            Doubt.BAD_SIGNATURE, f"its header is not that of a {typ.value}, which its payload is"
        )
    if typ is Typ.RECEIPT:
        read_receipt(token)
    raise DoubtError(
        Doubt.UNKNOWN_KEY,
        f"a signature alone proves nothing: no ledger here says whose key {kid[:43]} is",
    )


def _malformed(sentence: str) -> DoubtError:
    return DoubtError(Doubt.MALFORMED, sentence)

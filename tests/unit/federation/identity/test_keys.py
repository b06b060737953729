"""Keys and signatures: one spelling, one purpose, no key from a header."""

from __future__ import annotations

import json
from typing import Any

import pytest

from federation.identity.keys import (
    HEADER_LIMIT_BYTES,
    PrivateKey,
    PublicKey,
    SignatureError,
    Typ,
    b64,
    key_id,
    split,
    unb64,
    verify,
    verify_detached,
)
from sharing.canonical import canonical
from tests.kit.ledger_kit import key_of

KEY, OTHER = key_of("cert signing"), key_of("operator signing")
PAYLOAD = b'{"a":1}'


def refusal(token: str, key: PublicKey = KEY.public, typ: Typ = Typ.RECEIPT) -> str:
    with pytest.raises(SignatureError) as caught:
        verify(token, key, typ)
    return caught.value.name


def with_header(header: dict[str, Any] | bytes, key: PrivateKey = KEY) -> str:
    """Sign properly under whatever header."""
    encoded = b64(header if isinstance(header, bytes) else canonical(header))
    return f"{encoded}.{b64(PAYLOAD)}.{key.signature(encoded, PAYLOAD)}"


def test_what_was_signed_is_given_back() -> None:
    token = KEY.sign(PAYLOAD, Typ.RECEIPT)
    assert verify(token, KEY.public, Typ.RECEIPT) == PAYLOAD
    assert key_id(token) == KEY.thumbprint
    assert refusal(token, OTHER.public) == "bad_signature"


def test_a_detached_signature_fits_its_payload_alone() -> None:
    token = KEY.sign_detached(PAYLOAD, Typ.BUNDLE)
    assert split(token)[1] == ""
    verify_detached(token, PAYLOAD, KEY.public, Typ.BUNDLE)
    with pytest.raises(SignatureError) as caught:
        verify_detached(token, PAYLOAD + b" ", KEY.public, Typ.BUNDLE)
    assert caught.value.name == "bad_signature"
    with pytest.raises(SignatureError) as caught:
        verify_detached(KEY.sign(PAYLOAD, Typ.BUNDLE), PAYLOAD, KEY.public, Typ.BUNDLE)
    assert caught.value.name == "malformed"
    assert refusal(token, typ=Typ.BUNDLE) == "malformed"


@pytest.mark.parametrize("typ", list(Typ))
def test_a_signature_for_one_purpose_is_none_for_another(typ: Typ) -> None:
    token = KEY.sign(PAYLOAD, typ)
    for other in Typ:
        if other is not typ:
            assert refusal(token, typ=other) == "bad_signature"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "EdDSA", "kid": KEY.thumbprint, "typ": Typ.RECEIPT},
        {"alg": "none", "kid": KEY.thumbprint, "typ": Typ.RECEIPT},
        {"alg": "Ed25519", "kid": OTHER.thumbprint, "typ": Typ.RECEIPT},
        {"alg": "Ed25519", "kid": KEY.thumbprint, "typ": Typ.RECEIPT, "b64": False},
        {"alg": "Ed25519", "kid": KEY.thumbprint, "typ": Typ.RECEIPT, "jwk": KEY.public.jwk},
        {"alg": "Ed25519", "kid": KEY.thumbprint},
        {"alg": "Ed25519", "typ": Typ.RECEIPT},
        {"alg": "Ed25519", "kid": 7, "typ": Typ.RECEIPT},
        {},
        json.dumps({"alg": "Ed25519", "kid": KEY.thumbprint, "typ": Typ.RECEIPT}).encode(),
    ],
)
def test_any_other_header_is_refused_even_where_the_key_signed_it(
    header: dict[str, Any] | bytes,
) -> None:
    assert refusal(with_header(header)) == "bad_signature"


@pytest.mark.parametrize(
    "header", [b"", b"[", b"\xff", b'{"kid":"a","kid":"b"}', b'{"kid":NaN}', b"x" * 600]
)
def test_a_header_that_can_not_be_read_is_malformed(header: bytes) -> None:
    assert refusal(with_header(header)) == "malformed"


def test_a_long_header_is_not_even_decoded() -> None:
    with pytest.raises(SignatureError, match="too long"):
        key_id("A" * (HEADER_LIMIT_BYTES + 1))


@pytest.mark.parametrize("token", ["", ".", "..", "a.b", "a.b.c.d", "e30..e30", "e30.=.e30"])
def test_what_has_not_three_proper_parts_is_malformed(token: str) -> None:
    assert refusal(token) in {"malformed", "bad_signature"}
    with pytest.raises(SignatureError):
        verify(token, KEY.public, Typ.RECEIPT)


@pytest.mark.parametrize("text", ["A", "AA==", "A A", "AB", "A+", "A/", "AAA\n", "ÄÄ", "A.A"])
def test_base64url_has_one_spelling(text: str) -> None:
    with pytest.raises(SignatureError) as caught:
        unb64(text)
    assert caught.value.name == "malformed"


def test_bits_left_over_in_a_signature_are_caught() -> None:
    token = KEY.sign(PAYLOAD, Typ.RECEIPT)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spelled = alphabet[alphabet.index(token[-1]) | 1]
    assert spelled != token[-1]
    assert refusal(token[:-1] + spelled) == "malformed"


def test_a_short_signature_proves_nothing() -> None:
    header, payload, _ = split(KEY.sign(PAYLOAD, Typ.RECEIPT))
    assert refusal(f"{header}.{payload}.{b64(bytes(63))}") == "bad_signature"
    assert refusal(f"{header}.{payload}.") == "bad_signature"


def test_a_public_key_that_is_no_point_proves_nothing() -> None:
    for raw in (bytes(32), b"\xff" * 32, b"\x01" + bytes(31)):
        token = with_header(
            {"alg": "Ed25519", "kid": PublicKey(raw).thumbprint, "typ": Typ.RECEIPT}
        )
        assert refusal(token, PublicKey(raw)) == "bad_signature"


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        {},
        KEY.public.jwk | {"d": "AA"},
        KEY.public.jwk | {"kty": "EC"},
        KEY.public.jwk | {"crv": "X25519"},
        KEY.public.jwk | {"x": 7},
        KEY.public.jwk | {"x": "AA"},
        KEY.public.jwk | {"x": KEY.public.jwk["x"] + "="},
    ],
)
def test_a_key_is_read_in_one_form(jwk: object) -> None:
    with pytest.raises(SignatureError) as caught:
        PublicKey.read(jwk)
    assert caught.value.name == "malformed"


def test_a_key_goes_through_json_and_back() -> None:
    assert PublicKey.read(KEY.public.jwk) == KEY.public
    assert PrivateKey.from_seed(KEY.seed).public == KEY.public


def test_a_private_key_never_prints_its_secret() -> None:
    fresh = PrivateKey.generate()
    for text in (repr(fresh), str(fresh), f"{fresh}"):
        assert fresh.thumbprint in text
        assert fresh.seed.hex() not in text
        assert b64(fresh.seed) not in text

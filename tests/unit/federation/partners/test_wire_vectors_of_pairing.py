"""Descriptors, invitation, phrase, tokens and bell, byte for byte as published."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from federation.identity.descriptor import DescriptorForkError, KeyUse
from federation.identity.descriptor_chain import merge_chain, read_chain
from federation.identity.descriptor_making import next_descriptor
from federation.identity.keys import Typ, b64, unb64, verify
from federation.identity.node import Node
from federation.partners.bells import build_bell
from federation.partners.confirmations import build_confirmation
from federation.partners.heads import read_head
from federation.partners.invitations import Invitation, read_invitation
from federation.partners.phrase import phrase_digest, phrase_of
from federation.partners.tokens import build_access_token, build_assertion
from sharing.canonical import canonical, read_json, read_time, sha256_hex
from tests.unit.federation.vectors import vector_key, vectors

CERT = "identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0001"
OPERATOR = "identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0002"


def chain_of(organisation: str) -> list[Any]:
    return [
        item["jws"]
        for item in vectors()["descriptors"]
        if item["payload"]["organisation"]["id"] == organisation
    ]


def test_the_published_descriptors_are_walked_and_hash_as_published() -> None:
    chain = read_chain(chain_of(CERT), recovery_thumbprint=vector_key("cert recovery").thumbprint)
    published = [
        item for item in vectors()["descriptors"] if item["payload"]["organisation"]["id"] == CERT
    ]
    assert [one.sha256 for one in chain] == [item["sha256"] for item in published]
    for one, item in zip(chain, published, strict=True):
        assert unb64(one.jws["payload"]).decode() == item["canonical"]
        assert canonical(item["payload"]).decode() == item["canonical"]
    assert read_chain(chain_of(OPERATOR))[0].organisation_id == OPERATOR


def test_our_rotation_is_the_published_one() -> None:
    first, second = read_chain(chain_of(CERT))
    again = next_descriptor(
        first,
        signers=[vector_key("cert signing"), vector_key("cert signing 2")],
        keys=second.keys,
        now=read_time(second.issued),
    )
    assert again.jws == second.jws
    with pytest.raises(DescriptorForkError):
        merge_chain([second], [first.jws])


def test_the_published_invitation_reads_and_writes() -> None:
    published = vectors()["invitation"]
    invitation = read_invitation(published["line"])
    assert invitation == Invitation(
        "https://cert.example", vector_key("cert recovery").thumbprint, bytes(range(16))
    )
    assert invitation.line == published["line"]
    assert b64(invitation.secret) == published["secret"]


def test_the_published_phrase_is_seen_from_both_sides() -> None:
    published = vectors()["verification_phrase"]
    one, other = (vector_key(f"{name} recovery").thumbprint for name in ("cert", "operator"))
    assert phrase_digest(one, other).hex() == published["sha256"]
    assert sha256_hex(published["hashed_text"].encode()) == published["sha256"]
    assert " ".join(phrase_of(one, other)) == published["words"]
    assert phrase_of(other, one) == phrase_of(one, other)


def test_our_token_assertion_is_the_published_one() -> None:
    published = vectors()["token_assertion"]
    claims = published["claims"]
    token = build_assertion(
        vector_key("operator transport"),
        organisation=claims["iss"],
        audience=claims["aud"],
        now=datetime.fromtimestamp(claims["iat"], UTC),
        jti=unb64(claims["jti"]),
    )
    assert token == published["jwt"]
    key = vector_key("operator transport").public
    assert read_json(verify(token, key, Typ.ASSERTION), limit_bytes=4096) == claims


def test_our_access_token_is_the_published_one() -> None:
    published = vectors()["access_token"]
    claims = published["claims"]
    token = build_access_token(
        vector_key("cert transport"),
        base_url=claims["iss"],
        organisation=claims["sub"],
        now=datetime.fromtimestamp(claims["iat"], UTC),
        jti=unb64(claims["jti"]),
    )
    assert token == published["jwt"]


def test_our_bell_is_the_published_one() -> None:
    published = vectors()["bell"]
    payload = published["payload"]
    bell = build_bell(
        vector_key("cert transport"),
        organisation=payload["from"],
        member=payload["to"],
        head=read_head(payload, field="bell"),
        now=read_time(payload["at"]),
    )
    assert bell == published["jws"]


def test_our_confirmation_holds_what_the_format_says_and_nothing_else() -> None:
    node = Node(read_chain(chain_of(OPERATOR)))
    signing = vector_key("operator signing")
    moment = datetime(2026, 11, 20, 10, 5, tzinfo=UTC)
    recovery = vector_key("cert recovery").thumbprint
    jws = build_confirmation(node, {signing.thumbprint: signing}, CERT, recovery, now=moment)
    assert read_json(verify(jws, signing.public, Typ.PAIRING), limit_bytes=4096) == {
        "protocol": "1",
        "from": OPERATOR,
        "to": CERT,
        "phrase_sha256": vectors()["verification_phrase"]["sha256"],
        "at": "2026-11-20T10:05:00.000Z",
    }
    assert node.newest.keys_in_use(KeyUse.SIGN)[0].key == signing.public

"""Descriptors: trust walked from version 1; who may rotate, revoke, replace; forks named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from federation.identity.descriptor import (
    MAX_KEYS,
    Descriptor,
    DescriptorError,
    DescriptorForkError,
    KeyUse,
    NodeKey,
    read_descriptor,
)
from federation.identity.descriptor_chain import merge_chain, read_chain
from federation.identity.descriptor_making import first_descriptor, next_descriptor, sign_payload
from federation.identity.keys import PrivateKey, b64, unb64
from sharing.canonical import canonical, read_json, write_time
from tests.kit.ledger_kit import BORN, VECTORS, Organisation, cert, grid, key_of

NOW = BORN + timedelta(days=1)
NEW, NEW_RECOVERY = key_of("cert signing 2"), key_of("cert recovery 2")
SINCE = write_time(NOW)


@pytest.fixture
def node() -> Organisation:
    return cert()


def payload_of(descriptor: Descriptor, **changed: Any) -> dict[str, Any]:
    """Give what would be signed as the version after this one."""
    value: dict[str, Any] = {
        "protocol": ["1"],
        "version": descriptor.version + 1,
        "previous": descriptor.sha256,
        "issued": SINCE,
        "organisation": dict(descriptor.organisation),
        "base_url": descriptor.base_url,
        "recovery_key": descriptor.recovery.jwk,
        "keys": [entry.document() for entry in descriptor.keys],
    }
    return {name: item for name, item in (value | changed).items() if item is not None}


def refusal(node: Organisation, payload: dict[str, Any], *signers: PrivateKey) -> str:
    """Offer a next version and give why it is refused."""
    with pytest.raises(DescriptorError) as caught:
        read_chain([*node.documents, sign_payload(payload, signers)])
    return caught.value.message


def test_the_first_version_proves_itself(node: Organisation) -> None:
    (first,) = read_chain(node.documents)
    assert first == node.chain[0]
    assert first.organisation_id == node.id
    assert [entry.use for entry in first.keys] == [KeyUse.SIGN, KeyUse.TRANSPORT]
    assert read_chain(node.documents, recovery_thumbprint=node.recovery.thumbprint)


def test_the_first_version_names_the_recovery_key_that_was_vouched_for(node: Organisation) -> None:
    with pytest.raises(DescriptorError, match="another recovery key"):
        read_chain(node.documents, recovery_thumbprint=grid().recovery.thumbprint)


def test_both_keys_sign_the_first_version(node: Organisation) -> None:
    first = payload_of(node.chain[0], version=1, previous=None)
    for signers, reason in (
        ((node.key,), "not signed by its recovery key"),
        ((node.recovery,), "not signed by its signing key"),
        ((node.recovery, NEW), "not signed by its signing key"),
    ):
        with pytest.raises(DescriptorError, match=reason):
            read_chain([sign_payload(first, signers)])


def test_the_first_version_holds_keys_for_both_uses_and_none_out_of_use(
    node: Organisation,
) -> None:
    signing, transport = (entry.document() for entry in node.chain[0].keys)
    both = (node.recovery, node.key)
    for keys, reason in (
        ([signing], "no transport key"),
        ([transport], "not signed by its signing key"),
        ([signing | {"retired_at": SINCE}, transport], "out of use"),
        ([signing | {"jwk": node.recovery.public.jwk}, transport], "no key for every day"),
    ):
        first = payload_of(node.chain[0], version=1, previous=None, keys=keys)
        with pytest.raises(DescriptorError, match=reason):
            read_chain([sign_payload(first, both)])


def test_a_signing_key_in_use_rotates_together_with_the_new_one(node: Organisation) -> None:
    second = node.rotate(NOW)
    chain = read_chain(node.documents)
    assert chain[-1] == second
    in_use = [entry.key for entry in second.keys_in_use(KeyUse.SIGN)]
    assert in_use == [node.key.public]
    assert second.find_key(node.keys[0].thumbprint, KeyUse.SIGN) is not None
    assert second.find_key(node.keys[0].thumbprint, KeyUse.TRANSPORT) is None


def test_a_new_key_that_did_not_sign_is_refused(node: Organisation) -> None:
    keys = [*node.chain[0].keys, NodeKey(NEW.public, KeyUse.SIGN, SINCE)]
    payload = payload_of(node.chain[0], keys=[entry.document() for entry in keys])
    assert refusal(node, payload, node.key) == "a new key did not sign"
    assert "not signed by a signing key" in refusal(node, payload, NEW)
    assert "not signed by a signing key" in refusal(node, payload, node.transport, NEW)


def test_a_retired_key_signs_no_further_version(node: Organisation) -> None:
    node.rotate(NOW)
    payload = payload_of(node.chain[1], base_url="https://moved.example")
    assert "not signed by a signing key" in refusal(node, payload, node.keys[0])
    assert read_chain([*node.documents, sign_payload(payload, (node.key,))])


def test_only_the_recovery_key_revokes(node: Organisation) -> None:
    revoked = replace(node.chain[0].keys[0], revoked_at=SINCE)
    new = NodeKey(NEW.public, KeyUse.SIGN, SINCE)
    keys = [entry.document() for entry in (revoked, node.chain[0].keys[1], new)]
    payload = payload_of(node.chain[0], keys=keys)
    assert refusal(node, payload, node.key, NEW) == "only the recovery key revokes"
    chain = read_chain([*node.documents, sign_payload(payload, (node.recovery,))])
    assert chain[-1].keys_in_use(KeyUse.SIGN) == (new,)


def test_only_the_recovery_key_replaces_itself_and_the_new_one_signs_too(
    node: Organisation,
) -> None:
    payload = payload_of(node.chain[0], recovery_key=NEW_RECOVERY.public.jwk)
    reason = "only the recovery key replaces itself"
    for signers in (
        (node.key,),
        (node.key, NEW_RECOVERY),
        (node.recovery,),
        (NEW_RECOVERY,),
    ):
        assert refusal(node, payload, *signers) == reason
    chain = read_chain([*node.documents, sign_payload(payload, (node.recovery, NEW_RECOVERY))])
    assert chain[-1].recovery == NEW_RECOVERY.public
    third = payload_of(chain[-1], base_url="https://moved.example")
    documents = [one.jws for one in chain]
    with pytest.raises(DescriptorError, match="not signed by a signing key"):
        read_chain([*documents, sign_payload(third, (node.recovery,))])
    assert read_chain([*documents, sign_payload(third, (NEW_RECOVERY,))])


def test_a_key_is_never_left_out_nor_brought_back(node: Organisation) -> None:
    signing, transport = (entry.document() for entry in node.chain[0].keys)
    payload = payload_of(node.chain[0], keys=[signing])
    assert "never left out" in refusal(node, payload, node.recovery)
    node.rotate(NOW)
    kept = [entry.document() for entry in node.chain[1].keys]
    for changed, reason in (
        ([signing, *kept[1:]], "retired key stays retired"),
        ([kept[0] | {"retired_at": "2027-01-01T00:00:00.000Z"}, *kept[1:]], "stays retired"),
        ([kept[0], transport | {"use": "sign"}, kept[2]], "keeps its use"),
        ([kept[0], transport | {"from": SINCE}, kept[2]], "keeps its use and its beginning"),
    ):
        payload = payload_of(node.chain[1], keys=changed)
        assert reason in refusal(node, payload, node.recovery)


def test_a_revoked_key_stays_revoked(node: Organisation) -> None:
    node.revoke(node.key, NOW)
    keys = [entry.document() for entry in node.chain[1].keys]
    del keys[0]["revoked_at"]
    payload = payload_of(node.chain[1], keys=keys)
    assert "stays revoked" in refusal(node, payload, node.recovery)


def test_a_node_keeps_a_key_in_use_for_each_purpose(node: Organisation) -> None:
    signing, transport = (entry.document() for entry in node.chain[0].keys)
    for keys in (
        [signing | {"retired_at": SINCE}, transport],
        [signing, transport | {"retired_at": SINCE}],
    ):
        payload = payload_of(node.chain[0], keys=keys)
        assert "no key in use" in refusal(node, payload, node.key)


def test_the_recovery_key_becomes_no_key_for_every_day(node: Organisation) -> None:
    keys = [*node.chain[0].keys, NodeKey(node.recovery.public, KeyUse.SIGN, SINCE)]
    payload = payload_of(node.chain[0], keys=[entry.document() for entry in keys])
    assert "no key for every day" in refusal(node, payload, node.recovery)


def test_versions_follow_each_other_without_a_jump(node: Organisation) -> None:
    payload = payload_of(node.chain[0], version=3)
    assert "does not follow" in refusal(node, payload, node.recovery)
    node.rotate(NOW)
    with pytest.raises(DescriptorError, match="begins with version 1"):
        read_chain(node.documents[1:])
    with pytest.raises(DescriptorError, match="does not follow"):
        read_chain([node.documents[0], node.documents[0]])


def test_a_node_stays_the_same_organisation(node: Organisation) -> None:
    payload = payload_of(node.chain[0], organisation=dict(grid().chain[0].organisation))
    assert "can't change its organisation" in refusal(node, payload, node.recovery)


def test_a_version_that_follows_another_one_is_a_fork(node: Organisation) -> None:
    payload = payload_of(node.chain[0], previous="0" * 64)
    with pytest.raises(DescriptorForkError):
        read_chain([*node.documents, sign_payload(payload, (node.recovery,))])


def test_two_descriptors_of_one_version_are_a_fork(node: Organisation) -> None:
    other = cert()
    node.rotate(NOW)
    other.rotate(NOW + timedelta(minutes=1))
    with pytest.raises(DescriptorForkError, match="of version 2"):
        merge_chain(node.chain, other.documents[1:])
    with pytest.raises(DescriptorForkError, match="of version 2"):
        merge_chain(node.chain, other.documents)
    with pytest.raises(DescriptorForkError, match="of version 1"):
        merge_chain(node.chain, grid().documents)


def test_an_older_chain_says_nothing_new(node: Organisation) -> None:
    older = node.documents
    node.rotate(NOW)
    assert merge_chain(node.chain, older) == tuple(node.chain)


def test_newer_versions_are_added_to_a_proven_chain(node: Organisation) -> None:
    known = tuple(node.chain)
    node.rotate(NOW)
    node.rotate(NOW + timedelta(days=1))
    assert merge_chain(known, node.documents[1:]) == tuple(node.chain)
    with pytest.raises(DescriptorError, match="does not follow"):
        merge_chain(known, node.documents[2:])


def test_our_own_change_is_checked_before_it_goes_out(node: Organisation) -> None:
    with pytest.raises(DescriptorError):
        next_descriptor(node.chain[0], signers=(NEW,), now=NOW, base_url="https://moved.example")
    moved = next_descriptor(
        node.chain[0], signers=(node.key,), now=NOW, base_url="https://moved.example"
    )
    assert (moved.version, moved.base_url) == (2, "https://moved.example")
    same = next_descriptor(
        node.chain[0], signers=(node.recovery, NEW_RECOVERY), now=NOW, recovery=NEW_RECOVERY.public
    )
    assert same.recovery == NEW_RECOVERY.public


@pytest.mark.parametrize(
    "documents", [None, "", [], {}, "descriptors", 7, [None], [{}], [{"payload": 1}]]
)
def test_a_chain_is_a_list_of_descriptors(documents: object) -> None:
    with pytest.raises(DescriptorError):
        read_chain(documents)


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": ["2"]},
        {"protocol": "1"},
        {"version": 0},
        {"version": True},
        {"version": "1"},
        {"version": 10**9},
        {"previous": "0" * 64},
        {"issued": "today"},
        {"issued": 7},
        {"organisation": {}},
        {"organisation": {"type": "identity"}},
        {"organisation": None},
        {"base_url": ""},
        {"base_url": 7},
        {"base_url": "x" * 1001},
        {"recovery_key": {}},
        {"keys": []},
        {"keys": {}},
        {"keys": [7]},
        {"keys": None},
        {"more": 1},
    ],
)
def test_any_other_payload_is_refused(node: Organisation, change: dict[str, Any]) -> None:
    payload = payload_of(node.chain[0], version=1, previous=None)
    with pytest.raises(DescriptorError):
        read_chain([sign_payload(payload | change, (node.recovery, node.key))])


@pytest.mark.parametrize(
    "change",
    [
        {"jwk": {}},
        {"use": "encrypt"},
        {"use": None},
        {"from": "then"},
        {"retired_at": None},
        {"revoked_at": "then"},
        {"more": 1},
    ],
)
def test_any_other_key_is_refused(node: Organisation, change: dict[str, Any]) -> None:
    signing, transport = (entry.document() for entry in node.chain[0].keys)
    keys = [signing | change, transport]
    payload = payload_of(node.chain[0], version=1, previous=None, keys=keys)
    with pytest.raises(DescriptorError):
        read_chain([sign_payload(payload, (node.recovery, node.key))])


def test_one_key_stands_once(node: Organisation) -> None:
    signing, transport = (entry.document() for entry in node.chain[0].keys)
    keys = [signing, transport, transport | {"use": "sign"}]
    payload = payload_of(node.chain[0], version=1, previous=None, keys=keys)
    with pytest.raises(DescriptorError, match="stands twice"):
        read_chain([sign_payload(payload, (node.recovery, node.key))])


def test_signatures_are_bounded_and_of_one_form(node: Organisation) -> None:
    document = node.documents[0]
    signature = document["signatures"][0]
    for signatures in (
        [],
        [signature] * (MAX_KEYS + 1),
        [signature | {"header": {}}],
        [{"protected": 7, "signature": "AA"}],
        signature,
    ):
        with pytest.raises(DescriptorError):
            read_descriptor(document | {"signatures": signatures})


def test_a_payload_has_one_spelling(node: Organisation) -> None:
    document = node.documents[0]
    value = read_json(unb64(document["payload"]), limit_bytes=100_000)
    spaced = canonical(value).replace(b'"version":1', b'"version": 1')
    with pytest.raises(DescriptorError, match="canonical form"):
        read_descriptor(document | {"payload": b64(spaced)})
    with pytest.raises(DescriptorError):
        read_descriptor(document | {"payload": document["payload"] + "="})
    with pytest.raises(DescriptorError, match="allowed"):
        read_descriptor(document | {"payload": b64(b" " * 70_000)})


def test_a_changed_payload_is_signed_by_nobody() -> None:
    document = dict(VECTORS["descriptors"][0]["jws"])
    other = dict(VECTORS["descriptors"][2]["jws"])
    with pytest.raises(DescriptorError, match="not signed"):
        read_chain([document | {"payload": other["payload"]}])


def test_an_own_first_descriptor_needs_three_different_keys(node: Organisation) -> None:
    made = first_descriptor(
        node.identity.value,
        "https://cert.example",
        recovery=node.recovery,
        signing=node.key,
        transport=node.transport,
        now=BORN,
    )
    assert made.base_url == "https://cert.example"
    with pytest.raises(DescriptorError, match="stands twice"):
        first_descriptor(
            node.identity.value,
            "https://cert.example",
            recovery=node.recovery,
            signing=node.key,
            transport=node.key,
            now=BORN,
        )

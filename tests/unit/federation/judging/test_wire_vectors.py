"""The vectors of ledgers, made again byte for byte; those of pairing and tokens have their own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from federation.identity.descriptor_making import first_descriptor
from federation.identity.keys import PrivateKey
from federation.judging.bundles import EXTENSION, Item, Position, SignedBundle, make_bundle
from federation.judging.facts import MemoryFacts
from federation.judging.judge import judge_entry
from federation.judging.reader import Reader
from federation.judging.receipts import make_receipt, read_receipt
from policies.acts import Act
from policies.tlp import TLP
from sharing.canonical import canonical, sha256_hex
from sharing.objects import StixObject
from tests.kit.ledger_kit import BORN, VECTORS, LedgerKit, cert, grid, key_of

CERT, OPERATOR = cert(), grid()


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}+00:00").astimezone(UTC)


def items(bundle: dict[str, Any]) -> list[Item]:
    return [Item(one["ref"], one["sha256"], one["version"]) for one in bundle["contents"]]


def made(name: str, key: PrivateKey, now: datetime, **place: Any) -> SignedBundle:
    """Make the bundle of a vector anew."""
    bundle = VECTORS[name]["bundle"]
    return make_bundle(
        key=key,
        author=bundle["created_by_ref"],
        channel=bundle["channel"],
        act=bundle["act"],
        body=bundle.get("body", {}),
        contents=items(bundle),
        label=TLP.AMBER,
        now=now,
        bundle_id=bundle["id"],
        **place,
    )


@pytest.mark.parametrize("label", sorted(VECTORS["test_keys"]))
def test_a_key_has_its_thumbprint(label: str) -> None:
    vector, key = VECTORS["test_keys"][label], key_of(label)
    assert key.seed.hex() == vector["seed_hex"]
    assert key.public.jwk == vector["jwk"]
    assert key.thumbprint == vector["thumbprint"]


@pytest.mark.parametrize("number", range(len(VECTORS["objects"])))
def test_an_object_has_its_canonical_form_and_hash(number: int) -> None:
    vector = VECTORS["objects"][number]
    stix = StixObject.of(vector["object"])
    assert stix.content == vector["canonical"].encode()
    assert stix.sha256 == vector["sha256"]
    assert StixObject.read(json.dumps(vector["object"], indent=3).encode()).sha256 == stix.sha256


def test_first_descriptors_are_made_as_they_are() -> None:
    for number, one in ((0, CERT), (2, OPERATOR)):
        vector = VECTORS["descriptors"][number]
        made_anew = first_descriptor(
            one.identity.value,
            vector["payload"]["base_url"],
            recovery=one.recovery,
            signing=one.key,
            transport=one.transport,
            now=BORN,
        )
        assert canonical(vector["payload"]) == vector["canonical"].encode()
        assert (made_anew.sha256, dict(made_anew.jws)) == (vector["sha256"], vector["jws"])
        assert made_anew == one.chain[0]


@pytest.mark.parametrize(
    ("name", "signer", "moment", "place"),
    [
        ("entry_0", CERT.key, "20T10:00:00", {"position": (1, 0)}),
        ("contribution", OPERATOR.key, "20T10:05:00", {"nth": 1}),
        ("entry_1", CERT.key, "20T10:05:01", {"position": (1, 1)}),
    ],
)
def test_a_bundle_is_made_as_it_is(
    name: str, signer: PrivateKey, moment: str, place: dict[str, Any]
) -> None:
    vector = VECTORS[name]
    seen = vector["bundle"].get("seen")
    bundle = made(name, signer, at(moment), seen=seen and Position.read(seen), **place)
    assert bundle.payload == vector["signed_payload"].encode()
    assert bundle.sha256 == vector["sha256"]
    assert bundle.stix.content == canonical(vector["bundle"])
    assert bundle == SignedBundle.read(StixObject.of(vector["bundle"]))
    bundle.prove(signer.public)


def test_the_ledger_is_judged_as_it_is() -> None:
    facts = MemoryFacts()
    for vector in VECTORS["objects"]:
        facts.add_object(StixObject.of(vector["object"]))
    facts.add_object(StixObject.of(VECTORS["contribution"]["bundle"]))
    state = None
    for name in ("entry_0", "entry_1"):
        entry = SignedBundle.read(StixObject.of(VECTORS[name]["bundle"]))
        judged = judge_entry(state, entry, facts, Reader(organisation=OPERATOR.id))
        facts.record(judged)
        state = judged.state
    assert state is not None
    assert state.head.sha256 == VECTORS["entry_1"]["sha256"]
    assert state.members[OPERATOR.id].last_nth == 1


def test_a_receipt_is_made_as_it_is() -> None:
    vector = VECTORS["receipt"]
    payload = vector["payload"]
    jws = make_receipt(
        OPERATOR.key,
        author=payload["author"],
        channel=payload["channel"],
        head=Position(payload["epoch"], payload["seq"], payload["sha256"]),
        now=at("20T10:05:02"),
    )
    assert jws == vector["jws"]
    receipt = read_receipt(jws)
    receipt.prove(OPERATOR.key.public)
    assert receipt.at == payload["at"]


def test_the_export_is_written_as_it_is() -> None:
    vector = VECTORS["export"]
    assert sha256_hex(vector["jsonl"].encode()) == vector["sha256"]
    kit = LedgerKit(cert(), (grid(),))
    identities = kit.founding_objects()
    founding = {stix.stix_id: stix for stix in identities}
    entries = [SignedBundle.read(StixObject.of(VECTORS[f"entry_{n}"]["bundle"])) for n in (0, 1)]
    contribution = SignedBundle.read(StixObject.of(VECTORS["contribution"]["bundle"]))
    kit.append(entries[0], [founding[item.ref] for item in entries[0].contents])
    note = StixObject.of(VECTORS["objects"][3]["object"])
    kit.append(entries[1], [note], admits=contribution)
    header: dict[str, Any] = {
        "by": OPERATOR.id,
        "for": OPERATOR.id,
        "at": "2026-11-20T10:06:00.000Z",
    }
    written = kit.export(receipts=[VECTORS["receipt"]["jws"]], **header)
    assert written == vector["jsonl"].encode()


def test_a_bundle_carries_the_extension_that_the_project_defines() -> None:
    assert VECTORS["entry_0"]["bundle"]["extensions"] == {EXTENSION: {"extension_type": "new-sdo"}}
    assert VECTORS["entry_1"]["bundle"]["act"] == Act.ADMITTED

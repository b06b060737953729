"""Signed bundles: read in one form, made in that form, with limits of the protocol."""

from __future__ import annotations

from typing import Any

import pytest

from federation.judging.bundles import CONTENTS_LIMIT, Item, Position, SignedBundle, items_of
from federation.judging.doubt import Doubt, DoubtError
from policies.acts import Act
from policies.errors import InvalidError
from policies.tlp import TLP
from sharing.canonical import MAX_INTEGER, canonical, sha256_hex
from sharing.objects import StixObject
from tests.kit.ledger_kit import VECTORS, LedgerKit, grid, resigned

ENTRY = VECTORS["entry_1"]["bundle"]
CONTRIBUTION = VECTORS["contribution"]["bundle"]
ITEM = CONTRIBUTION["contents"][0]


def read(value: dict[str, Any]) -> SignedBundle:
    return SignedBundle.read(StixObject.of(value))


def doubt(value: dict[str, Any]) -> Doubt:
    with pytest.raises(DoubtError) as caught:
        read(value)
    return caught.value.doubt


def without(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name not in names}


def test_an_entry_and_a_contribution_are_told_apart() -> None:
    entry, contribution = read(ENTRY), read(CONTRIBUTION)
    assert entry.is_entry
    assert entry.place == (1, 1)
    assert entry.nth is None
    assert not contribution.is_entry
    assert contribution.nth == 1
    with pytest.raises(ValueError, match="no position"):
        _ = contribution.position


def test_the_bundle_hash_leaves_the_signature_out() -> None:
    entry = read(ENTRY)
    assert read(ENTRY | {"signature": read(CONTRIBUTION).signature}).sha256 == entry.sha256
    assert entry.stix.sha256 != entry.sha256
    assert entry.item == Item(ENTRY["id"], entry.sha256, ENTRY["created"])


@pytest.mark.parametrize(
    "changed",
    [
        {"protocol": "2"},
        {"protocol": 1},
        {"spec_version": "2.0"},
        {"extensions": {}},
        {"extensions": ENTRY["extensions"] | {"x": {}}},
        {"modified": "2026-11-20T10:05:02.000Z"},
        {"created_by_ref": "tool--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0001"},
        {"created_by_ref": "identity--x"},
        {"created_by_ref": 7},
        {"channel": "6F0F0C5E-8F6D-4D0F-9B1E-2A5F6D7C0003"},
        {"channel": "6f0f0c5e8f6d4d0f9b1e2a5f6d7c0003"},
        {"channel": None},
        {"act": "Note Added"},
        {"act": "note.added!"},
        {"act": "a" * 61},
        {"act": ""},
        {"act": ["note.added"]},
        {"body": {}},
        {"body": []},
        {"body": None},
        {"contents": []},
        {"contents": {}},
        {"contents": [ITEM, ITEM]},
        {"contents": [ITEM | {"version": None}]},
        {"contents": [ITEM | {"version": "yesterday"}]},
        {"contents": [ITEM | {"version": ITEM["version"].replace("000Z", "0000000000Z")}]},
        {"contents": [ITEM | {"sha256": ITEM["sha256"].upper()}]},
        {"contents": [ITEM | {"sha256": ITEM["sha256"][:-1]}]},
        {"contents": [ITEM | {"ref": "note"}]},
        {"contents": [ITEM | {"tlp": "white"}]},
        {"contents": [ITEM | {"tlp": None}]},
        {"contents": [ITEM | {"name": "more"}]},
        {"contents": ["note--5b1f7a52-7c0d-4f7e-8d43-0c6d3b2a0004"]},
        {"epoch": 0},
        {"epoch": True},
        {"epoch": "1"},
        {"seq": -1},
        {"seq": 1.5},
        {"nth": 1},
        {"seen": None},
        {"seen": {"epoch": 1, "seq": 0}},
        {"seen": ENTRY["seen"] | {"sha256": "x"}},
        {"seen": ENTRY["seen"] | {"more": 1}},
        {"seen": ENTRY["seen"] | {"epoch": 0}},
        {"signature": None},
        {"signature": "a.b"},
        {"signature": "e30.e30.e30"},
        {"signature": ENTRY["signature"] + "="},
    ],
)
def test_any_other_form_is_malformed(changed: dict[str, Any]) -> None:
    assert doubt(ENTRY | changed) is Doubt.MALFORMED


@pytest.mark.parametrize(
    "name",
    ["protocol", "spec_version", "extensions", "act", "channel", "seq", "seen", "created_by_ref"],
)
def test_what_a_bundle_must_hold_can_not_be_left_out(name: str) -> None:
    assert doubt(without(ENTRY, name)) is Doubt.MALFORMED


def test_a_bundle_without_times_is_malformed() -> None:
    assert doubt(without(ENTRY, "created", "modified")) is Doubt.MALFORMED
    assert doubt(without(ENTRY, "modified")) is Doubt.MALFORMED


def test_only_the_very_first_entry_follows_nothing() -> None:
    first = VECTORS["entry_0"]["bundle"]
    assert read(first).seen is None
    assert doubt(first | {"seen": ENTRY["seen"]}) is Doubt.MALFORMED
    assert doubt(without(ENTRY, "seen") | {"epoch": 2, "seq": 0}) is Doubt.MALFORMED


def test_a_contribution_says_what_its_author_had_seen() -> None:
    assert doubt(without(CONTRIBUTION, "seen")) is Doubt.MALFORMED
    assert doubt(CONTRIBUTION | {"nth": 0}) is Doubt.MALFORMED
    assert doubt(CONTRIBUTION | {"nth": 1.5}) is Doubt.MALFORMED


def test_numbers_beyond_what_json_holds_are_no_object_at_all() -> None:
    with pytest.raises(InvalidError):
        read(CONTRIBUTION | {"nth": MAX_INTEGER + 1})
    assert read(CONTRIBUTION | {"nth": MAX_INTEGER}).nth == MAX_INTEGER


def test_one_version_stands_once_however_it_is_spelled() -> None:
    other = ITEM | {"version": "2026-11-20T10:05:00Z", "sha256": "0" * 64}
    assert doubt(CONTRIBUTION | {"contents": [ITEM, other]}) is Doubt.MALFORMED
    newer = ITEM | {"version": "2026-11-20T10:05:00.001Z"}
    assert len(read(CONTRIBUTION | {"contents": [ITEM, newer]}).contents) == 2


def test_a_note_is_no_bundle() -> None:
    note = VECTORS["objects"][3]["object"]
    assert doubt(note) is Doubt.MALFORMED


def many(count: int) -> list[dict[str, str]]:
    return [
        {"ref": f"file--00000000-0000-4000-8000-{number:012d}", "sha256": "0" * 64}
        for number in range(count)
    ]


def test_a_bundle_covers_so_many_objects_and_no_more() -> None:
    assert len(read(CONTRIBUTION | {"contents": many(CONTENTS_LIMIT)}).contents) == CONTENTS_LIMIT
    assert doubt(CONTRIBUTION | {"contents": many(CONTENTS_LIMIT + 1)}) is Doubt.MALFORMED


def test_a_bundle_beyond_four_mebibytes_is_no_object() -> None:
    with pytest.raises(InvalidError, match="4194304"):
        read(CONTRIBUTION | {"body": {"text": "x" * 4_194_304}})


def test_what_would_break_a_limit_is_not_made() -> None:
    kit = LedgerKit.opened(grid())
    with pytest.raises(DoubtError) as caught:
        kit.draft(Act.NOTE_ADDED, {"text": "x" * 4_194_304})
    assert caught.value.doubt is Doubt.MALFORMED
    with pytest.raises(DoubtError) as caught:
        kit.draft("Note Added")
    assert caught.value.doubt is Doubt.MALFORMED


def test_unknown_members_are_signed_and_kept() -> None:
    kit = LedgerKit.opened(grid())
    value = resigned(kit.draft(Act.NOTE_ADDED), kit.owner.key, x_shade="blue")
    bundle = read(value)
    assert b'"x_shade":"blue"' in bundle.payload
    bundle.prove(kit.owner.key.public)
    assert kit.judge(bundle).void is None


def test_a_bundle_proves_whose_it_is() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    entry = kit.draft(Act.NOTE_ADDED)
    entry.prove(kit.owner.key.public)
    assert entry.kid == kit.owner.key.thumbprint
    with pytest.raises(DoubtError) as caught:
        entry.prove(member.key.public)
    assert caught.value.doubt is Doubt.BAD_SIGNATURE


def test_a_position_is_read_strictly() -> None:
    position = Position(3, 7, "a" * 64)
    assert Position.read(position.document()) == position
    for wrong in ({}, None, position.document() | {"seq": None}):
        with pytest.raises(DoubtError):
            Position.read(wrong)


def test_what_is_covered_says_its_label_where_it_is_known() -> None:
    owner = grid()
    amber, clear = owner.note(1), owner.note(2, tlp=TLP.CLEAR)
    scos = StixObject.of({"type": "file", "id": "file--" + "0" * 8 + "-0000-4000-8000-" + "0" * 12})
    labels = {amber.sha256: TLP.AMBER, clear.sha256: TLP.CLEAR}
    one, two, three = items_of([amber, clear, scos], labels)
    assert (one.tlp, two.tlp, three.tlp) == (TLP.AMBER, TLP.CLEAR, None)
    assert three.document() == {"ref": scos.stix_id, "sha256": scos.sha256}
    assert three.version_ns == 0


def test_a_number_is_what_its_canonical_form_says() -> None:
    # Every other node, and whoever verifies a file, reads the stored bytes alone.
    assert SignedBundle.read(StixObject.of(CONTRIBUTION | {"nth": 1.0})).nth == 1


def test_what_is_signed_is_everything_but_the_signature_wherever_its_text_stands_too() -> None:
    for more in ({}, {"a": {"signature": CONTRIBUTION["signature"], "z": 1}}):
        value = CONTRIBUTION | {"body": {"reason": "other", **more}}
        bundle = read(value)
        assert bundle.payload == canonical(without(value, "signature"))
        assert bundle.sha256 == sha256_hex(bundle.payload)

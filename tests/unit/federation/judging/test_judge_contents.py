"""Rows 6, 8 and 9: what is covered is here, is what was signed, and may stand in this channel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from federation.judging.bundles import Item, SignedBundle
from federation.judging.doubt import Consequence, Doubt, DoubtError, consequence
from federation.judging.reader import OWNER
from policies.acts import Act
from policies.tlp import TLP
from sharing.objects import StixObject
from tests.kit.ledger_kit import LedgerKit, cert, doubt_of, grid, note, resigned, vendor

STATEMENT = {
    "type": "marking-definition",
    "spec_version": "2.1",
    "id": "marking-definition--00000000-0000-4000-8000-00000000aaaa",
    "created": "2026-11-20T09:00:00.000Z",
    "definition_type": "statement",
    "definition": {"statement": "For the grid only."},
}


def voided(kit: LedgerKit, objects: list[StixObject], **changed: Any) -> Doubt:
    """Have the owner write objects that must not stand, and give why the entry is void.

    It keeps its place, has no effect, and an owner that checks refuses it.
    """
    kit.arrive(*objects)
    entry = kit.draft(Act.NOTE_ADDED, {}, objects, **changed)
    with pytest.raises(DoubtError) as caught:
        kit.judge(entry, OWNER)
    judged = kit.judge(entry)
    assert judged.void is not None
    assert judged.void.doubt is caught.value.doubt
    assert consequence(judged.void.doubt) is Consequence.VOID
    effects = (judged.covered, judged.changes, judged.recalled, judged.released)
    assert effects == ((), (), (), ())
    assert kit.state is not None
    assert judged.state == replace(kit.state, head=entry.position, head_created=entry.created)
    return judged.void.doubt


def test_what_has_not_arrived_is_missing_and_asked_for() -> None:
    kit = LedgerKit.opened(grid())
    one = kit.owner.note(1)
    with pytest.raises(DoubtError) as caught:
        kit.judge(kit.draft(Act.NOTE_ADDED, {}, [one]))
    assert caught.value.doubt is Doubt.MISSING_OBJECT
    assert caught.value.refs == (one.stix_id,)


def test_other_content_of_the_version_is_a_mismatch_and_asked_for_again() -> None:
    kit = LedgerKit.opened(grid())
    one, other = kit.owner.note(1), kit.owner.note(1, "Altered on the way.")
    kit.arrive(other)
    with pytest.raises(DoubtError) as caught:
        kit.judge(kit.draft(Act.NOTE_ADDED, {}, [one]))
    assert caught.value.doubt is Doubt.HASH_MISMATCH
    assert caught.value.refs == (one.stix_id,)


def test_a_contribution_that_has_not_arrived_is_missing() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    bundle = kit.contribution(member, Act.NOTE_ADDED)
    with pytest.raises(DoubtError) as caught:
        kit.judge(kit.draft(Act.ADMITTED, admits=bundle))
    assert (caught.value.doubt, caught.value.refs) == (Doubt.MISSING_OBJECT, (bundle.bundle_id,))


def test_another_contribution_under_the_same_id_is_a_mismatch() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    bundle = kit.contribution(member, Act.NOTE_ADDED)
    other = kit.contribution(member, Act.EVENT_ADDED, bundle_id=bundle.bundle_id)
    kit.arrive(other.stix)
    assert doubt_of(kit, kit.draft(Act.ADMITTED, admits=bundle)) is Doubt.HASH_MISMATCH


def test_a_list_that_names_another_object_than_its_hash_is_malformed() -> None:
    kit = LedgerKit.opened(grid())
    one, other = kit.owner.note(1), kit.owner.note(2)
    kit.arrive(one, other)
    item = Item(other.stix_id, one.sha256, other.version, TLP.AMBER)
    assert doubt_of(kit, kit.draft(Act.NOTE_ADDED, contents=[item])) is Doubt.MALFORMED
    item = Item(one.stix_id, one.sha256, "2026-11-20T10:01:00.001Z", TLP.AMBER)
    assert doubt_of(kit, kit.draft(Act.NOTE_ADDED, contents=[item])) is Doubt.MALFORMED


def test_a_version_is_an_instant_and_not_its_spelling() -> None:
    kit = LedgerKit.opened(grid())
    one = kit.owner.note(1)
    kit.arrive(one)
    item = Item(one.stix_id, one.sha256, "2026-11-20T10:01:00Z", TLP.AMBER)
    assert kit.judge(kit.draft(Act.NOTE_ADDED, contents=[item])).void is None


def test_the_first_content_of_a_version_stands() -> None:
    kit = LedgerKit.opened(grid())
    kit.write(Act.NOTE_ADDED, {}, [kit.owner.note(1)])
    other = kit.owner.note(1, "Never said that.")
    assert voided(kit, [other]) is Doubt.CONFLICTING_OBJECT


def test_a_new_version_conflicts_with_nothing() -> None:
    kit = LedgerKit.opened(grid())
    kit.write(Act.NOTE_ADDED, {}, [kit.owner.note(1)])
    newer = kit.owner.note(1, "More is known.", modified="2026-11-20T12:00:00.000Z")
    assert kit.write(Act.NOTE_ADDED, {}, [newer]).void is None


def test_covering_the_same_content_again_conflicts_with_nothing() -> None:
    kit = LedgerKit.opened(grid())
    one = kit.owner.note(1)
    kit.write(Act.NOTE_ADDED, {}, [one])
    again = kit.write(Act.NOTE_ADDED, {}, [one])
    assert again.void is None
    assert not again.covered[0].is_first


def test_nobody_speaks_for_another_organisation_of_the_ledger() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    assert voided(kit, [member.note(1)]) is Doubt.IMPERSONATION


def test_a_member_that_speaks_for_another_is_voided_too() -> None:
    member, other = grid(), vendor()
    kit = LedgerKit.opened(member, other)
    forged = other.note(1)
    kit.arrive(forged)
    bundle = kit.contribution(member, Act.NOTE_ADDED, {}, [forged])
    kit.arrive(bundle.stix)
    judged = kit.judge(kit.draft(Act.ADMITTED, admits=bundle))
    assert judged.void is not None
    assert judged.void.doubt is Doubt.IMPERSONATION
    assert judged.state.members == (kit.state and kit.state.members)


def test_what_its_author_signed_before_may_be_covered_again() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    one = member.note(1)
    kit.contribute(member, Act.NOTE_ADDED, {}, [one])
    assert kit.write(Act.NOTE_ADDED, {}, [one]).void is None


def test_a_bundle_of_its_author_that_is_carried_along_is_proof() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    said = member.note(1)
    proof = kit.contribution(member, Act.NOTE_ADDED, {}, [said])
    judged = kit.write(Act.NOTE_ADDED, {}, [said, proof.stix])
    assert judged.void is None


def test_a_carried_bundle_signed_by_somebody_else_is_no_proof() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    said = member.note(1)
    forged = kit.contribution(member, Act.NOTE_ADDED, {}, [said], key=kit.owner.key)
    assert voided(kit, [said, forged.stix]) is Doubt.IMPERSONATION


def test_third_parties_may_be_quoted() -> None:
    kit = LedgerKit.opened(grid())
    report = note("identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d9999", 1, tlp=TLP.GREEN)
    assert kit.write(Act.INTEL_SHARED, {}, [report]).void is None


def test_only_the_owner_signs_for_the_channel_itself() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    plan = note(f"identity--{kit.channel}", 1, tlp=TLP.AMBER)
    assert kit.write(Act.NOTE_ADDED, {}, [plan]).void is None
    other = note(f"identity--{kit.channel}", 2, tlp=TLP.AMBER)
    kit.arrive(other)
    bundle = kit.contribution(member, Act.NOTE_ADDED, {}, [other])
    kit.arrive(bundle.stix)
    judged = kit.judge(kit.draft(Act.ADMITTED, admits=bundle))
    assert judged.void is not None
    assert judged.void.doubt is Doubt.IMPERSONATION


def test_nothing_goes_above_the_ceiling() -> None:
    kit = LedgerKit.opened(grid(), ceiling=TLP.GREEN)
    assert voided(kit, [kit.owner.note(1, tlp=TLP.AMBER)]) is Doubt.TLP_VIOLATION


def test_a_bundle_goes_not_above_the_ceiling_either() -> None:
    kit = LedgerKit.opened(grid(), ceiling=TLP.GREEN)
    assert voided(kit, [], label=TLP.AMBER) is Doubt.TLP_VIOLATION


def test_what_is_absent_goes_by_the_label_that_its_bundle_states() -> None:
    kit = LedgerKit.opened(grid())
    item = Item(kit.owner.note(1).stix_id, "0" * 64, "2026-11-20T10:01:00.000Z", TLP.RED)
    entry = kit.draft(Act.NOTE_ADDED, contents=[item])
    reader = replace(OWNER, strict=False, organisation=vendor().id)
    assert doubt_of(kit, entry, reader) is Doubt.TLP_VIOLATION


@pytest.mark.parametrize("parent", [None, "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c00ee"])
def test_red_goes_into_a_breakout_and_not_into_a_case(parent: str | None) -> None:
    kit = LedgerKit(cert(), (grid(),), ceiling=TLP.RED, parent=parent)
    identities = [kit.owner.identity, kit.others[0].identity]
    kit.write(Act.CHANNEL_OPENED, kit.opening(), identities, label=TLP.AMBER)
    red = kit.owner.note(1, tlp=TLP.RED)
    if parent is None:
        assert voided(kit, [red], label=TLP.AMBER) is Doubt.TLP_VIOLATION
    else:
        assert kit.write(Act.NOTE_ADDED, {}, [red]).void is None


def test_contradicting_labels_say_nothing_and_are_not_shared() -> None:
    kit = LedgerKit.opened(grid())
    both = [TLP.GREEN.marking_id, TLP.AMBER.marking_id]
    one = kit.owner.note(1, tlp=None, object_marking_refs=both)
    items = [Item(one.stix_id, one.sha256, one.version, TLP.AMBER)]
    kit.arrive(one)
    assert voided(kit, [], contents=items) is Doubt.TLP_VIOLATION


def test_an_unknown_marking_is_not_shared_and_a_covered_one_is_known() -> None:
    kit = LedgerKit.opened(grid())
    statement = StixObject.of(STATEMENT)
    one = kit.owner.note(1, tlp=None, object_marking_refs=[TLP.GREEN.marking_id, statement.stix_id])
    items = [Item(one.stix_id, one.sha256, one.version, TLP.GREEN)]
    kit.arrive(one)
    assert voided(kit, [], contents=items) is Doubt.TLP_VIOLATION
    kit.write(Act.NOTE_ADDED, {}, [statement])
    assert kit.judge(kit.draft(Act.NOTE_ADDED, contents=items)).void is None


@pytest.mark.parametrize(
    ("label", "stated", "fits"),
    [
        (TLP.AMBER, None, True),
        (TLP.AMBER, TLP.AMBER, True),
        (TLP.AMBER, TLP.GREEN, False),
        (TLP.GREEN, TLP.AMBER, False),
        (TLP.CLEAR, TLP.GREEN, True),
        (TLP.GREEN, None, True),
    ],
)
def test_a_bundle_states_the_label_that_its_object_has(
    label: TLP, stated: TLP | None, fits: bool
) -> None:
    kit = LedgerKit.opened(grid())
    one = kit.owner.note(1, tlp=label)
    kit.arrive(one)
    items = [Item(one.stix_id, one.sha256, one.version, stated)]
    if fits:
        assert kit.judge(kit.draft(Act.NOTE_ADDED, contents=items)).void is None
    else:
        assert voided(kit, [], contents=items) is Doubt.TLP_VIOLATION


def test_a_green_bundle_has_to_say_that_its_object_is_amber() -> None:
    kit = LedgerKit.opened(grid())
    one = kit.owner.note(1, tlp=TLP.AMBER)
    kit.arrive(one)
    items = [Item(one.stix_id, one.sha256, one.version)]
    assert voided(kit, [], contents=items, label=TLP.GREEN) is Doubt.TLP_VIOLATION


def test_what_was_recalled_comes_never_back() -> None:
    kit = LedgerKit.opened(grid())
    one = kit.owner.note(1)
    kit.write(Act.NOTE_ADDED, {}, [one])
    kit.write(Act.OBJECT_RECALLED, {"objects": [one.stix_id]})
    assert voided(kit, [one]) is Doubt.RECALLED


def test_a_bundle_whose_own_labels_contradict_is_void() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    bundle = kit.draft(Act.NOTE_ADDED)
    both = [TLP.GREEN.marking_id, TLP.AMBER.marking_id]
    entry = SignedBundle.read(
        StixObject.of(resigned(bundle, kit.owner.key, object_marking_refs=both))
    )
    assert doubt_of(kit, entry) is Doubt.TLP_VIOLATION
    assert kit.judge(entry).void is not None


def test_a_bundle_without_a_label_is_void() -> None:
    kit = LedgerKit.opened(grid())
    bare = resigned(kit.draft(Act.NOTE_ADDED), kit.owner.key, without=["object_marking_refs"])
    entry = SignedBundle.read(StixObject.of(bare))
    assert kit.judge(entry).void is not None
    assert doubt_of(kit, entry) is Doubt.TLP_VIOLATION


def test_an_act_that_is_not_open_is_void() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    entry = kit.draft(Act.MEMBER_RESUMED, {"organisation": member.id})
    judged = kit.judge(entry)
    assert judged.void is not None
    assert judged.void.doubt is Doubt.NOT_PERMITTED
    assert doubt_of(kit, entry, OWNER) is Doubt.NOT_PERMITTED


def test_a_void_entry_leaves_the_next_ones_in_force() -> None:
    kit = LedgerKit.opened(grid())
    forged = kit.others[0].note(1)
    kit.write(Act.NOTE_ADDED, {}, [forged])
    assert kit.facts.first_content(forged.stix_id, forged.version_ns) is None
    kit.contribute(kit.others[0], Act.NOTE_ADDED, {}, [forged])
    assert kit.facts.first_author(forged.stix_id) == kit.others[0].id

"""Rows 1 to 5: form, keys, signature, owner, chain; and what each doubt brings about."""

from __future__ import annotations

from datetime import timedelta

import pytest

from federation.identity.descriptor_making import sign_payload
from federation.judging.bundles import Position, SignedBundle
from federation.judging.doubt import Consequence, Doubt, DoubtError, consequence
from federation.judging.judge import judge_entry
from federation.judging.reader import OWNER
from policies.acts import Act
from sharing.objects import StixObject
from tests.kit.ledger_kit import (
    OTHER_CHANNEL,
    LedgerKit,
    altered,
    doubt_of,
    grid,
    key_of,
    resigned,
    vendor,
    water,
)


def read(value: dict[str, object]) -> SignedBundle:
    return SignedBundle.read(StixObject.of(value))


@pytest.mark.parametrize(
    ("doubts", "brings"),
    [
        (("gap", "missing_object", "hash_mismatch", "unknown_key"), Consequence.WAIT),
        (
            (
                "not_permitted",
                "tlp_violation",
                "impersonation",
                "conflicting_object",
                "recalled",
            ),
            Consequence.VOID,
        ),
        (
            (
                "fork",
                "malformed",
                "bad_signature",
                "revoked_key",
                "not_owner",
                "foreign_channel",
                "not_member",
                "superseded",
                "unknown_act",
                "too_large",
            ),
            Consequence.FREEZE,
        ),
        (("stale_epoch",), Consequence.IGNORE),
    ],
)
def test_each_doubt_brings_about_what_the_protocol_says(
    doubts: tuple[str, ...], brings: Consequence
) -> None:
    assert {consequence(Doubt(doubt)) for doubt in doubts} == {brings}


def test_an_honest_entry_moves_the_head() -> None:
    kit = LedgerKit.opened(grid())
    judged = kit.write(Act.NOTE_ADDED, {}, [kit.owner.note(1)])
    assert judged.void is None
    assert kit.head == judged.entry.position
    assert kit.head.seq == 1


def test_a_contribution_is_no_entry() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    bundle = kit.contribution(member, Act.NOTE_ADDED)
    assert doubt_of(kit, bundle) is Doubt.MALFORMED


@pytest.mark.parametrize(
    ("act", "body"),
    [
        (Act.NOTE_ADDED, {"text": "no text in bodies"}),
        (Act.MEMBER_INVITED, {"organisation": "somebody"}),
        (Act.CHANNEL_CEILING_CHANGED, {"ceiling": "white"}),
        (Act.OBJECT_RECALLED, {"objects": []}),
    ],
)
def test_a_body_that_is_not_its_acts_is_malformed(act: Act, body: dict[str, object]) -> None:
    kit = LedgerKit.opened(grid())
    assert doubt_of(kit, kit.draft(act, body)) is Doubt.MALFORMED


def test_descriptors_that_prove_nothing_are_malformed() -> None:
    kit = LedgerKit.opened(grid())
    kit.owner.rotate(kit.tick())
    document = kit.owner.documents[-1] | {"signatures": kit.owner.documents[0]["signatures"]}
    entry = kit.draft(Act.NODE_DESCRIBED, {"descriptors": [document]}, key=kit.owner.keys[0])
    assert doubt_of(kit, entry) is Doubt.MALFORMED


def test_another_descriptor_of_a_known_version_is_a_fork() -> None:
    kit = LedgerKit.opened(grid())
    owner = kit.owner
    first = owner.rotate(kit.tick())
    kit.write(Act.NODE_DESCRIBED, {"descriptors": owner.documents[1:]})
    payload = {
        "protocol": ["1"],
        "version": 2,
        "previous": owner.chain[0].sha256,
        "issued": first.issued,
        "organisation": dict(first.organisation),
        "base_url": "https://elsewhere.example",
        "recovery_key": first.recovery.jwk,
        "keys": [entry.document() for entry in first.keys],
    }
    other = sign_payload(payload, (owner.keys[0], owner.keys[1]))
    entry = kit.draft(Act.NODE_DESCRIBED, {"descriptors": [other]})
    assert doubt_of(kit, entry) is Doubt.FORK


def test_an_author_that_the_ledger_does_not_know_has_no_key() -> None:
    kit = LedgerKit.opened(grid())
    assert doubt_of(kit, kit.draft(Act.NOTE_ADDED, by=vendor())) is Doubt.UNKNOWN_KEY


def test_a_key_that_its_author_has_not_described_is_unknown() -> None:
    kit = LedgerKit.opened(grid())
    entry = kit.draft(Act.NOTE_ADDED, key=key_of("somebody else"))
    assert doubt_of(kit, entry) is Doubt.UNKNOWN_KEY


def test_a_transport_key_signs_no_bundle() -> None:
    kit = LedgerKit.opened(grid())
    entry = kit.draft(Act.NOTE_ADDED, key=kit.owner.transport)
    assert doubt_of(kit, entry) is Doubt.UNKNOWN_KEY


def test_the_recovery_key_signs_no_bundle() -> None:
    kit = LedgerKit.opened(grid())
    entry = kit.draft(Act.NOTE_ADDED, key=kit.owner.recovery)
    assert doubt_of(kit, entry) is Doubt.UNKNOWN_KEY


def test_a_new_key_counts_from_the_entry_that_describes_it() -> None:
    kit = LedgerKit.opened(grid())
    kit.owner.rotate(kit.tick())
    assert doubt_of(kit, kit.draft(Act.NOTE_ADDED)) is Doubt.UNKNOWN_KEY
    kit.write(Act.NODE_DESCRIBED, {"descriptors": kit.owner.documents[1:]})
    kit.write(Act.NOTE_ADDED)
    assert kit.head.seq == 2


def test_a_retired_key_signs_nothing_dated_later() -> None:
    kit = LedgerKit.opened(grid())
    kit.owner.rotate(kit.tick())
    kit.write(Act.NODE_DESCRIBED, {"descriptors": kit.owner.documents[1:]})
    kit.tick()
    entry = kit.draft(Act.NOTE_ADDED, key=kit.owner.keys[0])
    assert doubt_of(kit, entry) is Doubt.UNKNOWN_KEY


def test_a_revoked_key_signs_nothing_more_whatever_the_date() -> None:
    kit = LedgerKit.opened(grid())
    stolen = kit.owner.key
    kit.owner.revoke(stolen, kit.tick(), since=kit.now + timedelta(days=1))
    kit.write(Act.NODE_DESCRIBED, {"descriptors": kit.owner.documents[1:]})
    assert doubt_of(kit, kit.draft(Act.NOTE_ADDED, key=stolen)) is Doubt.REVOKED_KEY


def test_a_changed_entry_has_a_bad_signature() -> None:
    kit = LedgerKit.opened(grid())
    entry = kit.draft(Act.CHANNEL_CEILING_CHANGED, {"ceiling": "green"})
    assert doubt_of(kit, altered(entry, body={"ceiling": "clear"})) is Doubt.BAD_SIGNATURE


def test_the_signature_of_another_bundle_fits_no_other() -> None:
    kit = LedgerKit.opened(grid())
    one, other = kit.draft(Act.NOTE_ADDED), kit.draft(Act.EVENT_ADDED)
    assert doubt_of(kit, altered(one, signature=other.signature)) is Doubt.BAD_SIGNATURE


def test_a_member_writes_no_entry() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    assert doubt_of(kit, kit.draft(Act.NOTE_ADDED, by=member)) is Doubt.NOT_OWNER


def test_a_channel_is_opened_by_the_owner_that_it_names() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    fresh = LedgerKit(kit.owner, (member,))
    body = fresh.opening(owner=member.id)
    assert doubt_of(fresh, fresh.draft(Act.CHANNEL_OPENED, body)) is Doubt.NOT_OWNER


def test_what_the_tables_do_not_open_opens_nothing() -> None:
    kit = LedgerKit.opened(grid())
    fresh = LedgerKit(kit.owner, kit.others)
    body = fresh.opening(members=[fresh.member(kit.others[0], "coordinator")])
    entry = fresh.draft(Act.CHANNEL_OPENED, body, by=kit.owner)
    assert doubt_of(fresh, entry) is Doubt.UNKNOWN_KEY
    body = fresh.opening(members=[fresh.member(kit.owner, "observer")])
    assert doubt_of(fresh, fresh.draft(Act.CHANNEL_OPENED, body)) is Doubt.NOT_OWNER


def test_the_first_entry_opens_the_channel() -> None:
    fresh = LedgerKit(LedgerKit.opened(grid()).owner, ())
    entry = fresh.draft(Act.NOTE_ADDED)
    assert doubt_of(fresh, entry) is Doubt.UNKNOWN_KEY
    body = fresh.opening(opened_by="re-opening")
    assert doubt_of(fresh, fresh.draft(Act.CHANNEL_OPENED, body)) is Doubt.MALFORMED


def test_without_the_first_entry_the_others_wait() -> None:
    kit = LedgerKit.opened(grid())
    kit.write(Act.NOTE_ADDED)
    body = kit.opening(opened_by="re-opening")
    later = kit.draft(Act.CHANNEL_OPENED, body, position=(2, 0))
    with pytest.raises(DoubtError) as caught:
        judge_entry(None, later, kit.facts, OWNER)
    assert caught.value.doubt is Doubt.GAP


def test_a_skipped_entry_is_a_gap() -> None:
    kit = LedgerKit.opened(grid())
    entry = kit.draft(Act.NOTE_ADDED, position=(1, 2))
    assert doubt_of(kit, entry) is Doubt.GAP


def test_an_epoch_whose_opening_has_not_arrived_is_a_gap() -> None:
    kit = LedgerKit.opened(grid())
    assert doubt_of(kit, kit.draft(Act.NOTE_ADDED, position=(2, 1))) is Doubt.GAP
    opening = kit.reopening(kit.owner, "re-opening")
    entry = kit.draft(Act.CHANNEL_OPENED, opening, position=(2, 1))
    assert doubt_of(kit, entry) is Doubt.MALFORMED
    assert doubt_of(kit, kit.draft(Act.CHANNEL_OPENED, opening, position=(3, 0))) is Doubt.GAP


def test_a_second_payload_for_a_place_is_a_fork() -> None:
    kit = LedgerKit.opened(grid())
    first = kit.head
    kit.write(Act.NOTE_ADDED)
    entry = kit.draft(Act.NOTE_ADDED, {}, [], position=(1, 1), seen=first)
    assert doubt_of(kit, entry) is Doubt.FORK


def test_an_entry_that_follows_another_history_is_a_fork() -> None:
    kit = LedgerKit.opened(grid())
    entry = kit.draft(Act.NOTE_ADDED, seen=Position(1, 0, "0" * 64))
    assert doubt_of(kit, entry) is Doubt.FORK


def test_an_entry_dated_before_its_predecessor_is_malformed() -> None:
    kit = LedgerKit.opened(grid())
    entry = kit.draft(Act.NOTE_ADDED, now=kit.now - timedelta(seconds=2))
    assert doubt_of(kit, entry) is Doubt.MALFORMED
    same = kit.draft(Act.NOTE_ADDED, now=kit.now)
    assert kit.judge(same).void is None


def test_an_entry_of_another_channel_is_foreign() -> None:
    kit = LedgerKit.opened(grid())
    entry = kit.draft(Act.NOTE_ADDED, channel=OTHER_CHANNEL)
    assert doubt_of(kit, entry) is Doubt.FOREIGN_CHANNEL


def test_what_an_owner_writes_after_handing_over_is_stale() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    before = kit.owner
    kit.hand_over(member)
    assert doubt_of(kit, kit.draft(Act.NOTE_ADDED)) is Doubt.STALE_EPOCH
    kit.reopen(member, "hand-over")
    late = kit.draft(Act.NOTE_ADDED, by=before, position=(1, 5))
    assert doubt_of(kit, late) is Doubt.STALE_EPOCH


def test_an_act_that_nobody_knows_is_kept_by_members_and_refused_by_owners() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    entry = kit.draft("horn.blown", {"loud": True})
    judged = kit.judge(entry)
    assert (judged.act, judged.void, judged.state.head) == (None, None, entry.position)
    assert judged.state.members == (kit.state and kit.state.members)
    assert doubt_of(kit, entry, OWNER) is Doubt.UNKNOWN_ACT


@pytest.mark.parametrize("first", [True, False])
def test_tables_that_nobody_knows_open_no_epoch(first: bool) -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    if first:
        kit = LedgerKit(kit.owner, (member,))
        entry = kit.draft(Act.CHANNEL_OPENED, kit.opening(acts="9"))
    else:
        body = kit.reopening(kit.owner, "re-opening", acts="9")
        entry = kit.draft(Act.CHANNEL_OPENED, body, position=(2, 0))
    assert doubt_of(kit, entry) is Doubt.UNKNOWN_ACT


@pytest.mark.parametrize("acts", [[], {}, 1, None, "", "01"])
def test_a_version_of_the_tables_that_is_none_is_refused(acts: object) -> None:
    kit = LedgerKit(LedgerKit.opened(grid()).owner, ())
    entry = kit.draft(Act.CHANNEL_OPENED, kit.opening(acts=acts))
    assert doubt_of(kit, entry) in (Doubt.MALFORMED, Doubt.UNKNOWN_ACT)


def test_a_head_is_pinned_to_its_first_entry() -> None:
    kit = LedgerKit.opened(grid())
    assert kit.state is not None
    genesis = kit.state.genesis
    kit.write(Act.NOTE_ADDED)
    assert kit.state.genesis == genesis == kit.steps[0].judged.entry.sha256


def test_malformed_comes_before_the_key_and_the_key_before_the_place() -> None:
    kit = LedgerKit.opened(grid())
    stranger = water()
    entry = kit.draft(Act.NOTE_ADDED, {"x": 1}, by=stranger, position=(1, 9))
    assert doubt_of(kit, entry) is Doubt.MALFORMED
    entry = kit.draft(Act.NOTE_ADDED, by=stranger, position=(1, 9))
    assert doubt_of(kit, entry) is Doubt.UNKNOWN_KEY
    entry = kit.draft(Act.NOTE_ADDED, position=(1, 9), channel=OTHER_CHANNEL)
    assert doubt_of(kit, entry) is Doubt.FOREIGN_CHANNEL
    assert doubt_of(kit, read(resigned(entry, kit.owner.key, channel=kit.channel))) is Doubt.GAP

"""Row 7: whose contribution is history, and what membership does to the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from federation.judging.bundles import Position, SignedBundle
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.reader import OWNER, Reader
from federation.judging.state import ChannelState, Place
from policies.acts import Act
from policies.roles import Role
from tests.kit.ledger_kit import (
    OTHER_CHANNEL,
    LedgerKit,
    Organisation,
    altered,
    doubt_of,
    grid,
    key_of,
    vendor,
    water,
)


def admission_of(kit: LedgerKit, bundle: SignedBundle) -> SignedBundle:
    """Have the owner admit whatever this is, unchecked."""
    kit.arrive(bundle.stix)
    return kit.draft(Act.ADMITTED, admits=bundle)


def doubt_about(kit: LedgerKit, bundle: SignedBundle, reader: Reader | None = None) -> Doubt:
    return doubt_of(kit, admission_of(kit, bundle), reader)


def state_of(kit: LedgerKit) -> ChannelState:
    assert kit.state is not None
    return kit.state


def stays_of(kit: LedgerKit, one: Organisation) -> list[tuple[Place, Place | None]]:
    return [(stay.joined, stay.ended) for stay in state_of(kit).members[one.id].stays]


def test_a_contribution_becomes_history_once() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    judged = kit.contribute(member, Act.NOTE_ADDED, {}, [member.note(1)])
    assert judged.act is Act.NOTE_ADDED
    assert judged.contribution is not None
    assert state_of(kit).members[member.id].last_nth == 1
    assert doubt_about(kit, judged.contribution) is Doubt.SUPERSEDED


def test_a_number_that_is_not_above_the_last_is_superseded() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    old = kit.contribution(member, Act.NOTE_ADDED)
    kit.contribute(member, Act.NOTE_ADDED)
    assert doubt_about(kit, old) is Doubt.SUPERSEDED
    again = kit.contribution(member, Act.EVENT_ADDED, nth=2)
    assert doubt_about(kit, again) is Doubt.SUPERSEDED


def test_numbers_may_have_gaps() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    kit.contribute(member, Act.NOTE_ADDED, nth=40)
    kit.contribute(member, Act.NOTE_ADDED, nth=42)
    assert state_of(kit).members[member.id].last_nth == 42


def test_who_never_was_a_member_contributes_nothing() -> None:
    kit = LedgerKit.opened(grid())
    assert doubt_about(kit, kit.contribution(vendor(), Act.NOTE_ADDED)) is Doubt.UNKNOWN_KEY


@pytest.mark.parametrize("act", [Act.MEMBER_SUSPENDED, Act.MEMBER_REMOVED, Act.MEMBER_LEFT])
def test_who_is_a_member_no_more_contributes_nothing(act: Act) -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    early = kit.contribution(member, Act.NOTE_ADDED)
    if act is Act.MEMBER_LEFT:
        kit.contribute(member, act, nth=7)
    else:
        kit.write(act, {"organisation": member.id})
    assert doubt_about(kit, early) is Doubt.NOT_MEMBER
    assert doubt_about(kit, kit.contribution(member, Act.NOTE_ADDED, nth=9)) is Doubt.NOT_MEMBER
    assert stays_of(kit, member) == [((1, 0), (1, 1))]


def test_the_invited_may_answer_and_nothing_else() -> None:
    guest = vendor()
    kit = LedgerKit.opened(grid())
    kit.write(Act.MEMBER_INVITED, kit.invitation(guest))
    body = {"role": "responder", "descriptors": guest.documents}
    note = kit.contribution(guest, Act.NOTE_ADDED, key=guest.key)
    assert doubt_about(kit, note) is Doubt.UNKNOWN_KEY
    answer = kit.contribution(guest, Act.MEMBER_JOINED, body, nth=1)
    kit.others = (*kit.others, guest)
    kit.admit(answer, [])
    assert state_of(kit).joined[guest.id] == frozenset({Role.RESPONDER})
    assert stays_of(kit, guest) == [((1, 2), None)]
    assert state_of(kit).descriptor(guest.id) is not None


def test_who_was_not_invited_can_not_join() -> None:
    guest = vendor()
    kit = LedgerKit.opened(grid())
    body = {"role": "responder", "descriptors": guest.documents}
    bundle = kit.contribution(guest, Act.MEMBER_JOINED, body)
    assert doubt_about(kit, bundle) is Doubt.NOT_MEMBER


def test_who_joins_is_whom_the_invitation_named_by_its_recovery_key() -> None:
    guest, impostor = vendor(), Organisation("impostor", 3, "Example Vendor")
    kit = LedgerKit.opened(grid())
    kit.write(Act.MEMBER_INVITED, kit.invitation(guest))
    body = {"role": "responder", "descriptors": impostor.documents}
    bundle = kit.contribution(impostor, Act.MEMBER_JOINED, body)
    assert doubt_about(kit, bundle) is Doubt.UNKNOWN_KEY


def test_who_joins_brings_its_own_descriptors() -> None:
    guest, other = vendor(), water()
    kit = LedgerKit.opened(grid())
    kit.write(Act.MEMBER_INVITED, kit.invitation(guest))
    body = {"role": "responder", "descriptors": other.documents}
    bundle = kit.contribution(guest, Act.MEMBER_JOINED, body)
    assert doubt_about(kit, bundle) is Doubt.MALFORMED


def test_the_role_accepted_is_the_role_offered() -> None:
    guest = vendor()
    kit = LedgerKit.opened(grid())
    kit.write(Act.MEMBER_INVITED, kit.invitation(guest, "observer"))
    body = {"role": "responder", "descriptors": guest.documents}
    bundle = kit.contribution(guest, Act.MEMBER_JOINED, body)
    assert doubt_about(kit, bundle) is Doubt.NOT_PERMITTED


def test_a_contribution_for_another_channel_is_foreign() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    bundle = kit.contribution(member, Act.NOTE_ADDED, channel=OTHER_CHANNEL)
    assert doubt_about(kit, bundle) is Doubt.FOREIGN_CHANNEL


def test_a_contribution_that_saw_another_history_proves_a_fork() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    bundle = kit.contribution(member, Act.NOTE_ADDED, seen=Position(1, 0, "0" * 64))
    assert doubt_about(kit, bundle) is Doubt.FORK


def test_a_contribution_that_saw_more_than_the_ledger_holds() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    bundle = kit.contribution(member, Act.NOTE_ADDED, seen=Position(1, 4, "0" * 64))
    # The owner may have lost entries and asks for time; in its ledger it is proof.
    assert doubt_about(kit, bundle, OWNER) is Doubt.GAP
    assert doubt_about(kit, bundle) is Doubt.FORK


def test_a_contribution_that_saw_a_head_which_an_earlier_epoch_abandoned_counts() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    kit.reopen(kit.owner, "re-opening")
    bundle = kit.contribution(member, Act.NOTE_ADDED, seen=Position(1, 3, "0" * 64))
    for reader in (Reader(), OWNER):
        assert kit.judge(admission_of(kit, bundle), reader).void is None


def test_a_contribution_signed_by_an_unknown_key_waits() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    bundle = kit.contribution(member, Act.NOTE_ADDED, key=key_of("somebody else"))
    assert doubt_about(kit, bundle) is Doubt.UNKNOWN_KEY


def test_a_contribution_signed_by_a_revoked_key_freezes() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    stolen = member.key
    member.revoke(stolen, kit.tick())
    kit.contribute(member, Act.NODE_DESCRIBED, {"descriptors": member.documents[1:]})
    bundle = kit.contribution(member, Act.NOTE_ADDED, key=stolen)
    assert doubt_about(kit, bundle) is Doubt.REVOKED_KEY


def test_what_a_revoked_key_signed_before_its_entry_stays() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    stolen = member.key
    kit.contribute(member, Act.NOTE_ADDED, {}, [member.note(1)])
    member.revoke(stolen, kit.tick(), since=kit.now - timedelta(minutes=5))
    described = kit.contribute(member, Act.NODE_DESCRIBED, {"descriptors": member.documents[1:]})
    assert described.void is None
    assert kit.facts.first_author(member.note(1).stix_id) == member.id


def test_a_changed_contribution_has_a_bad_signature() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    bundle = kit.contribution(member, Act.NOTE_ADDED)
    assert doubt_about(kit, altered(bundle, nth=5)) is Doubt.BAD_SIGNATURE


def test_an_admission_covers_exactly_one_contribution() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    one, two = (kit.contribution(member, Act.NOTE_ADDED) for _ in range(2))
    kit.arrive(one.stix, two.stix)
    assert doubt_of(kit, kit.draft(Act.ADMITTED)) is Doubt.MALFORMED
    both = kit.draft(Act.ADMITTED, contents=[one.item, two.item])
    assert doubt_of(kit, both) is Doubt.MALFORMED


def test_an_entry_can_not_be_admitted() -> None:
    kit = LedgerKit.opened(grid())
    judged = kit.write(Act.NOTE_ADDED)
    assert doubt_about(kit, judged.entry) is Doubt.MALFORMED


def test_an_owner_admits_nothing_that_would_be_void() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    bundle = kit.contribution(member, Act.MEMBER_REMOVED, {"organisation": kit.owner.id})
    entry = admission_of(kit, bundle)
    with pytest.raises(DoubtError) as caught:
        kit.judge(entry, OWNER)
    assert caught.value.answer.startswith("not_permitted: ")
    judged = kit.judge(entry)
    assert judged.void is not None
    # Void, it takes no number: its author may say the same again where it is open.
    assert judged.state.members[member.id].last_nth == 0


def test_a_member_described_anew_signs_with_its_new_key() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    old = member.key
    member.rotate(kit.tick())
    kit.contribute(member, Act.NODE_DESCRIBED, {"descriptors": member.documents[1:]}, key=old)
    kit.tick()
    late = kit.contribution(member, Act.NOTE_ADDED, key=old)
    assert doubt_about(kit, late) is Doubt.UNKNOWN_KEY
    kit.contribute(member, Act.NOTE_ADDED)


def test_a_description_may_be_signed_by_the_key_that_it_introduces() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    member.rotate(kit.tick())
    judged = kit.contribute(member, Act.NODE_DESCRIBED, {"descriptors": member.documents[1:]})
    assert judged.void is None
    descriptor = judged.state.descriptor(member.id)
    assert descriptor is not None
    assert descriptor.version == 2


def test_leaving_and_coming_back_makes_two_stays() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    kit.contribute(member, Act.MEMBER_LEFT)
    kit.join(member)
    assert stays_of(kit, member) == [((1, 0), (1, 1)), ((1, 3), None)]
    assert state_of(kit).members[member.id].last_nth == 2


def test_a_suspended_member_comes_back_without_a_word_of_its_own() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    kit.write(Act.MEMBER_SUSPENDED, {"organisation": member.id})
    assert member.id not in state_of(kit).joined
    kit.write(Act.MEMBER_RESUMED, {"organisation": member.id})
    assert stays_of(kit, member) == [((1, 0), (1, 1)), ((1, 2), None)]


def test_a_role_changes_by_the_owners_word() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    kit.write(Act.MEMBER_ROLE_CHANGED, {"organisation": member.id, "role": ["deputy", "affected"]})
    assert state_of(kit).joined[member.id] == frozenset({Role.DEPUTY, Role.AFFECTED})
    assert state_of(kit).members[member.id].stays[0].joined == (1, 0)


def test_only_the_owner_writes_in_a_direct_channel() -> None:
    other = grid()
    kit = LedgerKit.opened(other, kind="direct", roles={})
    assert kit.write(Act.NOTE_ADDED, {}, [kit.owner.note(1)]).void is None
    bundle = kit.contribution(other, Act.NOTE_ADDED)
    judged = kit.judge(admission_of(kit, bundle))
    assert judged.void is not None
    assert judged.void.doubt is Doubt.NOT_PERMITTED


def test_a_state_outlives_being_written_down() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    kit.join(vendor())
    kit.contribute(member, Act.MEMBER_LEFT)
    state = state_of(kit)
    assert ChannelState.read(state.document(), state.chains) == state
    assert replace(state, chains={}) == ChannelState.read(state.document(), {})

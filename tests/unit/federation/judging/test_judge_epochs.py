"""Hand-over, re-opening and succession: a new epoch opens on a named head."""

from __future__ import annotations

from typing import Any

import pytest

from federation.judging.bundles import Position, SignedBundle
from federation.judging.doubt import Doubt
from federation.judging.judged import Judged
from federation.judging.reader import OWNER
from policies.acts import Act
from policies.roles import Role
from sharing.objects import StixObject
from tests.kit.ledger_kit import LedgerKit, Organisation, doubt_of, grid, vendor, water


def opening(kit: LedgerKit, by: Organisation, opened_by: str, **more: Any) -> SignedBundle:
    """Sign the opening of the next epoch on our head."""
    position = (kit.head.epoch + 1, 0)
    body = kit.reopening(by, opened_by, **more)
    return kit.draft(Act.CHANNEL_OPENED, body, by=by, position=position)


def endorsement(
    kit: LedgerKit, by: Organisation, candidate: Organisation, /, **more: Any
) -> StixObject:
    body = {
        "epoch": kit.head.epoch + 1,
        "round": 1,
        "candidate": candidate.id,
        "head": kit.head.document(),
    }
    changed = {name: more.pop(name) for name in ("key", "channel") if name in more}
    return kit.contribution(by, Act.SUCCESSION_ENDORSED, body | more, **changed).stix


def succeed(kit: LedgerKit, by: Organisation, endorsements: list[StixObject]) -> Judged:
    return kit.reopen(by, "succession", endorsements, round=1)


def doubt_about_succession(
    kit: LedgerKit, by: Organisation, endorsements: list[StixObject]
) -> Doubt:
    kit.arrive(*endorsements)
    body = kit.reopening(by, "succession", round=1)
    position = (kit.head.epoch + 1, 0)
    entry = kit.draft(Act.CHANNEL_OPENED, body, endorsements, by=by, position=position)
    return doubt_of(kit, entry)


def test_a_successor_that_accepted_opens_the_next_epoch() -> None:
    member = grid()
    kit = LedgerKit.opened(member, vendor())
    before = kit.owner
    kit.hand_over(member)
    kit.others = (before, *kit.others)
    judged = kit.reopen(member, "hand-over")
    assert judged.state.owner == member.id
    assert judged.state.head.epoch == 2
    assert judged.state.joined[member.id] == frozenset({Role.COORDINATOR})
    assert judged.state.joined[before.id] == frozenset({Role.RESPONDER})
    assert judged.state.members[member.id].stays[0].ended is None
    kit.contribute(before, Act.NOTE_ADDED)
    assert kit.head.seq == 1


def test_nobody_but_the_successor_opens_after_a_hand_over() -> None:
    member, other = grid(), vendor()
    kit = LedgerKit.opened(member, other)
    kit.hand_over(member)
    assert doubt_of(kit, opening(kit, other, "hand-over")) is Doubt.NOT_OWNER
    assert doubt_of(kit, opening(kit, kit.owner, "hand-over")) is Doubt.NOT_OWNER
    assert doubt_of(kit, opening(kit, kit.owner, "re-opening")) is Doubt.NOT_OWNER


def test_nobody_takes_over_without_a_hand_over() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    for how in ("hand-over", "re-opening"):
        assert doubt_of(kit, opening(kit, member, how)) is Doubt.NOT_OWNER


def test_an_opening_follows_the_head_that_it_names() -> None:
    kit = LedgerKit.opened(grid())
    kit.write(Act.NOTE_ADDED)
    body = kit.reopening(kit.owner, "re-opening")
    entry = kit.draft(Act.CHANNEL_OPENED, body, position=(2, 0), seen=Position(1, 1, "0" * 64))
    assert doubt_of(kit, entry) is Doubt.FORK


def test_an_owner_opens_anew_with_the_same_members() -> None:
    kit = LedgerKit.opened(grid())
    before = kit.state and kit.state.joined
    judged = kit.reopen(kit.owner, "re-opening")
    assert judged.state.joined == before
    assert judged.state.genesis == kit.steps[0].judged.entry.sha256
    kit.write(Act.NOTE_ADDED)
    assert kit.head == Position(2, 1, kit.head.sha256)


@pytest.mark.parametrize(
    "change", [{"ceiling": "green"}, {"kind": "community"}, {"members": "fewer"}]
)
def test_a_new_epoch_changes_neither_audience_nor_ceiling(change: dict[str, Any]) -> None:
    kit = LedgerKit.opened(grid(), vendor())
    if "members" in change:
        change = {"members": kit.reopening(kit.owner, "re-opening")["members"][:2]}
    assert doubt_of(kit, opening(kit, kit.owner, "re-opening", **change)) is Doubt.NOT_OWNER


def test_who_may_not_open_an_epoch_moves_nobodys_head() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    entry = opening(kit, member, "re-opening")
    assert doubt_of(kit, entry) is Doubt.NOT_OWNER
    assert doubt_of(kit, entry, OWNER) is Doubt.NOT_PERMITTED


def test_numbers_go_on_across_epochs() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    kit.contribute(member, Act.NOTE_ADDED)
    old = kit.contribution(member, Act.NOTE_ADDED, nth=1)
    kit.reopen(kit.owner, "re-opening")
    kit.arrive(old.stix)
    assert doubt_of(kit, kit.draft(Act.ADMITTED, admits=old)) is Doubt.SUPERSEDED


def test_more_than_half_of_the_members_choose_a_successor() -> None:
    member, second, third = grid(), vendor(), water()
    kit = LedgerKit.opened(member, second, third)
    kit.others = (*kit.others, kit.owner)
    endorsements = [endorsement(kit, one, member) for one in (member, second, third)]
    judged = succeed(kit, member, endorsements)
    assert judged.state.owner == member.id
    assert doubt_of(kit, kit.draft(Act.NOTE_ADDED, by=kit.others[-1])) is Doubt.NOT_OWNER


def test_too_few_endorsements_open_nothing() -> None:
    member, second, third = grid(), vendor(), water()
    kit = LedgerKit.opened(member, second, third)
    endorsements = [endorsement(kit, one, member) for one in (member, second)]
    assert doubt_about_succession(kit, member, endorsements) is Doubt.NOT_OWNER


def test_two_organisations_have_no_succession() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    endorsements = [endorsement(kit, member, member)]
    assert doubt_about_succession(kit, member, endorsements) is Doubt.NOT_OWNER


@pytest.mark.parametrize(
    "more",
    [
        {"epoch": 3},
        {"round": 2},
        {"candidate": "identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0003"},
        {"head": {"epoch": 1, "seq": 7, "sha256": "0" * 64}},
        {"head": {"epoch": 1, "seq": 0, "sha256": "0" * 64}},
        {"channel": "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c00ff"},
    ],
)
def test_an_endorsement_counts_for_what_it_says_and_nothing_else(more: dict[str, Any]) -> None:
    member, second = grid(), vendor()
    kit = LedgerKit.opened(member, second)
    endorsements = [endorsement(kit, member, member), endorsement(kit, second, member, **more)]
    assert doubt_about_succession(kit, member, endorsements) is Doubt.NOT_OWNER


def test_an_endorsement_under_another_key_is_none() -> None:
    member, second = grid(), vendor()
    kit = LedgerKit.opened(member, second)
    forged = endorsement(kit, second, member, key=member.key)
    endorsements = [endorsement(kit, member, member), forged]
    assert doubt_about_succession(kit, member, endorsements) is Doubt.UNKNOWN_KEY


def test_the_lost_owner_endorses_nobody_and_an_observer_has_no_say() -> None:
    member, second = grid(), vendor()
    kit = LedgerKit.opened(member, second, roles={second.id: "observer"})
    endorsements = [endorsement(kit, one, member) for one in (member, second, kit.owner)]
    assert doubt_about_succession(kit, member, endorsements) is Doubt.NOT_OWNER


def test_an_owner_that_comes_back_is_stale() -> None:
    member, second = grid(), vendor()
    kit = LedgerKit.opened(member, second)
    lost = kit.owner
    kit.others = (*kit.others, lost)
    late = kit.draft(Act.NOTE_ADDED)
    succeed(kit, member, [endorsement(kit, one, member) for one in (member, second)])
    assert doubt_of(kit, late) is Doubt.STALE_EPOCH

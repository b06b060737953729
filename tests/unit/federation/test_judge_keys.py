"""Keys over time in a ledger: branches by the recovery key, forks, what was signed in between.

Source: protocol, 2 and 7.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from federation.describing import check_own_keys
from federation.doubt import Doubt, DoubtError
from federation.judge import Judged
from federation.node import Node
from federation.state import ChannelState
from policies.acts import Act
from tests.kit.ledger_kit import LedgerKit, Organisation, grid


def described(kit: LedgerKit, one: Organisation, first: int = 1, **more: object) -> Judged:
    """Have a member say what its node says from a version on."""
    body = {"descriptors": one.documents[first:], **more}
    return kit.contribute(one, Act.NODE_DESCRIBED, body)


def thief_of(one: Organisation, versions: int = 1) -> Organisation:
    """Give somebody who holds the keys of a version and goes on from there."""
    thief = Organisation(one.label, one.number, one.name)
    thief.chain, thief.keys = list(one.chain[:versions]), list(one.keys[:versions])
    return thief


def rotated_by_a_thief(kit: LedgerKit, member: Organisation) -> Organisation:
    thief = thief_of(member)
    thief.label = f"{member.label} thief"
    thief.rotate(kit.tick())
    thief.label = member.label
    described(kit, thief)
    return thief


def state_of(kit: LedgerKit) -> ChannelState:
    assert kit.state is not None
    return kit.state


def test_a_branch_that_the_recovery_key_signed_replaces_what_a_thief_described() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    thief = rotated_by_a_thief(kit, member)
    member.revoke(member.key, kit.tick())
    described(kit, member)
    assert state_of(kit).chains[member.id] == tuple(member.chain)
    # The thief's key has gone with its branch, and the stolen one is revoked.
    for key, doubt in ((thief.key, Doubt.UNKNOWN_KEY), (member.keys[0], Doubt.REVOKED_KEY)):
        bundle = kit.contribution(member, Act.NOTE_ADDED, key=key)
        entry = kit.draft(Act.ADMITTED, admits=bundle)
        kit.arrive(bundle.stix)
        with pytest.raises(DoubtError) as caught:
            kit.judge(entry)
        assert caught.value.doubt is doubt
    kit.contribute(member, Act.NOTE_ADDED)


def test_a_settled_branch_is_not_asked_again() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    thief = rotated_by_a_thief(kit, member)
    member.revoke(member.key, kit.tick())
    described(kit, member)
    body = {"descriptors": thief.documents[1:]}
    kit.contribute(member, Act.NODE_DESCRIBED, body)
    assert state_of(kit).chains[member.id] == tuple(member.chain)


def test_a_fork_without_the_recovery_key_is_refused_by_name() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    rotated_by_a_thief(kit, member)
    member.rotate(kit.tick())
    with pytest.raises(DoubtError) as caught:
        described(kit, member)
    assert caught.value.doubt is Doubt.FORK
    assert "two different descriptors of version 2" in caught.value.message


def test_a_member_knows_when_a_ledger_describes_it_by_other_keys() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    node = Node(tuple(member.chain))
    check_own_keys(node, state_of(kit))
    # It is behind: the next description mends that.
    member.rotate(kit.tick())
    check_own_keys(Node(tuple(member.chain)), state_of(kit))
    # Somebody with its key has described it otherwise.
    rotated_by_a_thief(kit, member)
    with pytest.raises(DoubtError, match="somebody holds a signing key of ours"):
        check_own_keys(Node(tuple(member.chain)), state_of(kit))
    # A node that has made no version of its own sees keys that it does not know.
    with pytest.raises(DoubtError, match="knows newer keys of ours"):
        check_own_keys(node, state_of(kit))
    # Once its recovery key has spoken, its own word overrules that.
    member.revoke(member.key, kit.tick(), since=kit.now - timedelta(minutes=1))
    check_own_keys(Node(tuple(member.chain)), state_of(kit))
    described(kit, member)
    check_own_keys(Node(tuple(member.chain)), state_of(kit))


def test_a_recovery_key_that_an_owner_invented_is_not_ours() -> None:
    member, stranger = grid(), grid()
    stranger.label = "somebody else"
    stranger.__post_init__()
    kit = LedgerKit.opened(stranger)
    with pytest.raises(DoubtError, match="by a recovery key that is not ours"):
        check_own_keys(Node(tuple(member.chain)), state_of(kit))

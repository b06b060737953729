"""Keys over time in a ledger: branches by the recovery key, forks, what was signed in between.

Source: protocol, 2 and 7.
"""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from federation.archive.verifying import verify_file
from federation.identity.node import Node
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.facts import MemoryFacts
from federation.judging.judge import judge_entry
from federation.judging.judged import Judged
from federation.judging.reader import Reader
from federation.judging.state import ChannelState
from federation.ledgers.describing import check_own_keys
from federation.ledgers.ledger_facts import FactsAhead
from policies.acts import Act
from sharing.objects import StixObject
from tests.kit.ledger_kit import LedgerKit, Organisation, grid, water


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


def test_a_key_that_was_retired_before_describes_nobody_any_more() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    old = member.key
    member.rotate(kit.tick())
    # The description that retires a key may be signed by it.
    body = {"descriptors": member.documents[1:]}
    kit.contribute(member, Act.NODE_DESCRIBED, body, key=old)
    kit.tick()
    bundle = kit.contribution(member, Act.NODE_DESCRIBED, body, key=old)
    kit.arrive(bundle.stix)
    with pytest.raises(DoubtError) as caught:
        kit.judge(kit.draft(Act.ADMITTED, admits=bundle))
    assert caught.value.doubt is Doubt.UNKNOWN_KEY


def test_a_recovery_key_that_an_owner_invented_is_not_ours() -> None:
    member, stranger = grid(), grid()
    stranger.label = "somebody else"
    stranger.__post_init__()
    kit = LedgerKit.opened(stranger)
    with pytest.raises(DoubtError, match="by a recovery key that is not ours"):
        check_own_keys(Node(tuple(member.chain)), state_of(kit))


def theft(kit: LedgerKit, member: Organisation, count: int = 2) -> list[Judged]:
    """Have a thief write with the member's key; the member revokes it as of before that."""
    since = kit.tick()
    written = [
        kit.contribute(member, Act.NOTE_ADDED, {}, [member.note(10 + number)])
        for number in range(count)
    ]
    member.revoke(member.key, kit.tick(), since=since)
    return written


def hash_of(judged: Judged) -> str:
    assert judged.contribution is not None
    return judged.contribution.sha256


def test_what_is_disowned_is_as_if_recalled_and_nothing_else_is() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    kit.contribute(member, Act.NOTE_ADDED, {}, [member.note(1)])
    kit.tick()
    first, second = theft(kit, member)
    judged = described(kit, member, disowned=[hash_of(first)])
    assert judged.void is None
    assert judged.disowned.bundles == (hash_of(first),)
    assert judged.disowned.hidden == (member.note(10).sha256,)
    assert kit.facts.is_recalled(member.note(10).sha256)
    assert not kit.facts.is_recalled(member.note(11).sha256)
    # More of it may be disowned later, and what is disowned twice is disowned once.
    again = described(kit, member, disowned=[hash_of(first), hash_of(second)])
    assert again.disowned.bundles == (hash_of(second),)
    assert kit.facts.is_recalled(member.note(11).sha256)
    covering = kit.contribution(member, Act.NOTE_ADDED, {}, [member.note(10)])
    kit.arrive(covering.stix)
    entry = kit.draft(Act.ADMITTED, admits=covering)
    assert kit.judge(entry).void is not None


def test_what_somebody_else_has_covered_too_stays() -> None:
    member, other = grid(), water()
    kit = LedgerKit.opened(member, other)
    address = StixObject.of(
        {
            "type": "ipv4-addr",
            "spec_version": "2.1",
            "id": "ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd",
            "value": "198.51.100.3",
        }
    )
    since = kit.tick()
    stolen = kit.contribute(member, Act.INTEL_SHARED, {}, [address])
    kit.contribute(other, Act.INTEL_SHARED, {}, [address])
    member.revoke(member.key, kit.tick(), since=since)
    judged = described(kit, member, disowned=[hash_of(stolen)])
    assert judged.disowned.bundles == (hash_of(stolen),)
    assert judged.disowned.hidden == ()


@pytest.mark.parametrize("whose", ["honest", "another's", "nobody's"])
def test_only_an_author_disowns_and_only_what_is_doubtful(whose: str) -> None:
    member, other = grid(), water()
    kit = LedgerKit.opened(member, other)
    honest = kit.contribute(member, Act.NOTE_ADDED, {}, [member.note(1)])
    theirs = kit.contribute(other, Act.NOTE_ADDED, {}, [other.note(1)])
    kit.tick()
    theft(kit, member)
    named = {"honest": hash_of(honest), "another's": hash_of(theirs), "nobody's": "0" * 64}[whose]
    judged = described(kit, member, disowned=[named])
    assert judged.void is not None
    assert judged.void.doubt is Doubt.NOT_PERMITTED
    # Void, it brings in no keys either: an honest owner refuses it, and it is written anew.
    assert state_of(kit).chains[member.id] == (member.chain[0],)


def test_what_a_thief_changed_of_membership_stays_until_it_is_mended() -> None:
    member = grid()
    kit = LedgerKit.opened(member, water())
    since = kit.tick()
    gone = kit.contribute(member, Act.MEMBER_LEFT)
    kit.join(member)
    member.revoke(member.key, kit.tick(), since=since)
    judged = described(kit, member, disowned=[hash_of(gone)])
    assert judged.void is None
    assert len(state_of(kit).members[member.id].stays) == 2


def test_a_thief_can_not_use_up_the_numbers_of_its_victim() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    bundle = kit.contribution(member, Act.NOTE_ADDED, nth=2**53 - 1)
    kit.arrive(bundle.stix)
    with pytest.raises(DoubtError) as caught:
        kit.judge(kit.draft(Act.ADMITTED, admits=bundle))
    assert caught.value.doubt is Doubt.MALFORMED


def test_an_export_says_the_same_and_lacks_what_was_disowned() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    first, second = theft(kit, member)
    described(kit, member, disowned=[hash_of(first)])
    report = verify_file(io.BytesIO(kit.export(leave_out=[member.note(10).stix_id])))
    assert report.holds
    standings = {one.position.seq: one.standing for one in report.history}
    assert standings[first.entry.place[1]] == "disowned by its author"
    assert standings[second.entry.place[1]].startswith("doubtful: its key is revoked since ")


def test_a_key_that_went_with_its_branch_makes_doubtful_what_it_signed() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    thief = rotated_by_a_thief(kit, member)
    written = kit.contribute(member, Act.NOTE_ADDED, {}, [member.note(1)], key=thief.key)
    member.revoke(member.key, kit.tick())
    described(kit, member, disowned=[hash_of(written)])
    report = verify_file(io.BytesIO(kit.export()))
    standings = {one.position.seq: one.standing for one in report.history}
    assert standings[1].startswith("doubtful: its key is none of its author’s")
    assert standings[2] == "disowned by its author"


def test_what_is_disowned_ahead_counts_with_what_lies_behind() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    (stolen,) = theft(kit, member, count=1)
    ahead = FactsAhead(MemoryFacts(), kit.facts)
    body = {"descriptors": member.documents[1:], "disowned": [hash_of(stolen)]}
    bundle = kit.contribution(member, Act.NODE_DESCRIBED, body)
    kit.arrive(bundle.stix)
    judged = judge_entry(
        kit.state, kit.draft(Act.ADMITTED, admits=bundle), ahead, Reader(lenient=True)
    )
    assert judged.disowned.hidden == (member.note(10).sha256,)
    ahead.ahead.record(judged)
    past = ahead.find_past(hash_of(stolen))
    assert past is not None
    assert past.disowned
    assert ahead.coverings(member.note(10).sha256) == 0
    assert ahead.is_recalled(member.note(10).sha256)
    assert kit.facts.coverings(member.note(10).sha256) == 1

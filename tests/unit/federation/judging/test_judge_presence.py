"""What may be absent: withheld, released, recalled, hidden; everything else is missing."""

from __future__ import annotations

import pytest

from federation.judging.contents import is_withheld
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.facts import MemoryFacts
from federation.judging.judge import judge_entry
from federation.judging.judged import Judged
from federation.judging.reader import Reader
from federation.judging.state import ChannelState
from policies.acts import Act
from policies.tlp import TLP
from sharing.objects import StixObject
from tests.kit.ledger_kit import LedgerKit, grid, vendor


def replay(kit: LedgerKit, reader: Reader, *absent: StixObject) -> list[Judged]:
    """Judge a whole ledger as somebody does who lacks some objects."""
    lacking = {stix.sha256 for stix in absent}
    facts, state, history = MemoryFacts(), None, []
    for step in kit.steps:
        for stix in step.objects:
            if stix.sha256 not in lacking:
                facts.add_object(stix)
        if step.judged.contribution is not None:
            facts.add_object(step.judged.contribution.stix)
        judged = judge_entry(state, step.judged.entry, facts, reader)
        facts.record(judged)
        state = judged.state
        history.append(judged)
    return history


def doubt_when(kit: LedgerKit, reader: Reader, *absent: StixObject) -> Doubt:
    with pytest.raises(DoubtError) as caught:
        replay(kit, reader, *absent)
    return caught.value.doubt


def test_a_founding_member_has_been_there_from_the_first_entry_on() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    assert kit.state is not None
    (stay,) = kit.state.members[member.id].stays
    assert (stay.joined, stay.ended) == ((1, 0), None)


def test_nothing_is_withheld_from_who_was_there() -> None:
    member = grid()
    kit = LedgerKit.opened(member, vendor())
    note = kit.others[1].note(1)
    kit.contribute(kit.others[1], Act.NOTE_ADDED, {}, [note])
    assert doubt_when(kit, Reader(organisation=member.id), note) is Doubt.MISSING_OBJECT


def test_what_the_first_entry_covers_is_due_to_its_members() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    reader = Reader(organisation=member.id)
    assert doubt_when(kit, reader, kit.channel_identity) is Doubt.MISSING_OBJECT


def test_what_comes_with_the_joining_itself_is_due_to_who_joins() -> None:
    kit = LedgerKit.opened(grid())
    joiner = vendor()
    contact = joiner.note(7)
    kit.write(Act.MEMBER_INVITED, kit.invitation(joiner))
    kit.others = (*kit.others, joiner)
    body = {"role": "responder", "descriptors": joiner.documents}
    kit.contribute(joiner, Act.MEMBER_JOINED, body, [contact])
    assert doubt_when(kit, Reader(organisation=joiner.id), contact) is Doubt.MISSING_OBJECT


def test_older_matter_above_green_is_withheld_from_who_joins_later() -> None:
    member, joiner = grid(), vendor()
    kit = LedgerKit.opened(member)
    secret, open_ = member.note(1), member.note(2, tlp=TLP.GREEN)
    kit.contribute(member, Act.NOTE_ADDED, {}, [secret])
    kit.contribute(member, Act.NOTE_ADDED, {}, [open_])
    kit.join(joiner)
    reader = Reader(organisation=joiner.id)
    history = replay(kit, reader, secret)
    assert history[-1].state == kit.state
    assert doubt_when(kit, reader, open_) is Doubt.MISSING_OBJECT


def test_an_outsider_is_due_what_is_green_and_nothing_else() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    secret, open_ = member.note(1), member.note(2, tlp=TLP.CLEAR)
    kit.contribute(member, Act.NOTE_ADDED, {}, [secret, open_])
    reader = Reader(organisation=vendor().id)
    assert len(replay(kit, reader, secret)) == 2
    assert doubt_when(kit, reader, open_) is Doubt.MISSING_OBJECT


def test_who_left_is_due_nothing_that_came_later() -> None:
    member, other = grid(), vendor()
    kit = LedgerKit.opened(member, other)
    last, later = other.note(1), other.note(2)
    kit.contribute(other, Act.NOTE_ADDED, {}, [last])
    kit.contribute(member, Act.MEMBER_LEFT)
    kit.contribute(other, Act.NOTE_ADDED, {}, [later])
    reader = Reader(organisation=member.id)
    assert len(replay(kit, reader, later)) == 4
    assert doubt_when(kit, reader, last) is Doubt.MISSING_OBJECT


def test_who_comes_back_is_due_everything_from_then_on() -> None:
    member, other = grid(), vendor()
    kit = LedgerKit.opened(member, other)
    kit.write(Act.MEMBER_SUSPENDED, {"organisation": member.id})
    meanwhile, again = other.note(1), other.note(2)
    kit.contribute(other, Act.NOTE_ADDED, {}, [meanwhile])
    reason = kit.owner.note(3)
    kit.write(Act.MEMBER_RESUMED, {"organisation": member.id}, [reason])
    kit.contribute(other, Act.NOTE_ADDED, {}, [again])
    reader = Reader(organisation=member.id)
    assert len(replay(kit, reader, meanwhile)) == 5
    assert doubt_when(kit, reader, reason) is Doubt.MISSING_OBJECT
    assert doubt_when(kit, reader, again) is Doubt.MISSING_OBJECT


def test_what_is_released_is_due_to_later_members() -> None:
    member, joiner = grid(), vendor()
    kit = LedgerKit.opened(member)
    note = member.note(1)
    kit.contribute(member, Act.NOTE_ADDED, {}, [note])
    kit.join(joiner)
    reader = Reader(organisation=joiner.id)
    assert len(replay(kit, reader, note)) == 4
    released = kit.contribute(member, Act.OBJECT_RELEASED, {"objects": [note.stix_id]})
    assert released.released == (note.stix_id,)
    assert doubt_when(kit, reader, note) is Doubt.MISSING_OBJECT
    assert len(replay(kit, reader)) == 5


def test_what_was_released_and_recalled_may_be_absent() -> None:
    member, joiner = grid(), vendor()
    kit = LedgerKit.opened(member)
    note = member.note(1)
    kit.contribute(member, Act.NOTE_ADDED, {}, [note])
    kit.join(joiner)
    kit.contribute(member, Act.OBJECT_RELEASED, {"objects": [note.stix_id]})
    kit.contribute(member, Act.OBJECT_RECALLED, {"objects": [note.stix_id]})
    ahead = Reader(organisation=joiner.id, recalled_ahead=frozenset({note.sha256}))
    assert len(replay(kit, ahead, note)) == 6


def test_only_a_recall_later_in_the_chain_excuses_an_absence() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    note = member.note(1)
    kit.contribute(member, Act.NOTE_ADDED, {}, [note])
    kit.contribute(member, Act.OBJECT_RECALLED, {"objects": [note.stix_id]})
    reader = Reader(organisation=member.id)
    assert doubt_when(kit, reader, note) is Doubt.MISSING_OBJECT
    ahead = Reader(organisation=member.id, recalled_ahead=frozenset({note.sha256}))
    assert replay(kit, ahead, note)[-1].state == kit.state


def test_the_authors_word_erases_and_the_coordinators_hides() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    mine, theirs = member.note(1), member.note(2)
    kit.contribute(member, Act.NOTE_ADDED, {}, [mine, theirs])
    erased = kit.contribute(member, Act.OBJECT_RECALLED, {"objects": [mine.stix_id]})
    hidden = kit.write(Act.OBJECT_RECALLED, {"objects": [theirs.stix_id]})
    assert (erased.recalled, erased.erased) == ((mine.stix_id,), (mine.stix_id,))
    assert (hidden.recalled, hidden.erased) == ((theirs.stix_id,), ())
    agreed = kit.contribute(member, Act.OBJECT_RECALLED, {"objects": [theirs.stix_id]})
    assert agreed.erased == (theirs.stix_id,)


def test_recalling_an_object_recalls_each_of_its_versions_so_far() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    first = member.note(1)
    second = member.note(1, "Relay 8 too.", modified="2026-11-20T11:00:00.000Z")
    kit.contribute(member, Act.NOTE_ADDED, {}, [first])
    kit.contribute(member, Act.NOTE_ADDED, {}, [second])
    kit.contribute(member, Act.OBJECT_RECALLED, {"objects": [first.stix_id]})
    assert kit.facts.recalled == {first.sha256, second.sha256}


def test_a_founding_member_is_withheld_nothing_by_the_pure_rule() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    state = kit.state
    assert isinstance(state, ChannelState)
    assert not is_withheld(state, member.id, (1, 0), TLP.AMBER)
    assert is_withheld(state, vendor().id, (1, 0), TLP.AMBER)
    assert not is_withheld(state, None, (1, 0), TLP.AMBER)
    assert not is_withheld(state, vendor().id, (1, 0), None)

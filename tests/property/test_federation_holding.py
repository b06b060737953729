"""Laws of who has held an object: what order words come in says nothing, more words take none."""

from __future__ import annotations

import io
from functools import cache
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from federation.archive.verifying import verify_file
from federation.judging.holding import Due, Holding
from policies.acts import Act
from tests.kit.ledger_kit import LedgerKit, grid, vendor, water

NOTE = grid().note(1)


@cache
def ledger() -> tuple[LedgerKit, tuple[str, ...]]:
    """Give a ledger with a late joiner, a release and a recall, and every receipt that fits it."""
    member, other, joiner = grid(), water(), vendor()
    kit = LedgerKit.opened(member, other)
    receipts: list[str] = []

    def said() -> None:
        kit.tick(10)
        present = kit.state.joined if kit.state is not None else {}
        receipts.extend(kit.receipt(one) for one in (member, other, joiner) if one.id in present)

    kit.contribute(member, Act.NOTE_ADDED, {}, [NOTE])
    said()
    kit.join(joiner)
    said()
    kit.contribute(member, Act.OBJECT_RELEASED, {"objects": [NOTE.stix_id]})
    said()
    kit.contribute(member, Act.OBJECT_RECALLED, {"objects": [NOTE.stix_id]})
    said()
    return kit, tuple(receipts)


def told(receipts: list[str]) -> Holding:
    kit, _ = ledger()
    data = kit.export(receipts=receipts)
    (holding,) = verify_file(io.BytesIO(data), holders_of=NOTE.stix_id).holdings
    return holding


chosen = st.lists(st.sampled_from(ledger()[1]), unique=True)


@given(chosen, st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_the_order_of_receipts_says_nothing(receipts: list[str], random: Random) -> None:
    mixed = list(receipts)
    random.shuffle(mixed)
    assert told(mixed) == told(receipts)


@given(chosen, st.sampled_from(ledger()[1]))
@settings(max_examples=15, deadline=None)
def test_one_more_receipt_takes_no_word_away_and_makes_none_later(
    receipts: list[str], more: str
) -> None:
    before, after = told(receipts), told([*receipts, more])
    for was, is_ in zip(before.holders, after.holders, strict=True):
        assert was.due is is_.due
        for old, new in ((was.said, is_.said), (was.recalled, is_.recalled)):
            if old is not None:
                assert new is not None
                assert new.place <= old.place


@given(chosen)
@settings(max_examples=15, deadline=None)
def test_a_word_lies_where_the_object_was_due_and_not_yet_recalled(receipts: list[str]) -> None:
    holding = told(receipts)
    one = holding.covered
    assert one.recalled is not None
    for holder in holding.holders:
        assert holder.due is Due.DUE
        if holder.said is not None:
            assert one.place <= holder.said.place < one.recalled
        if holder.recalled is not None:
            assert holder.recalled.place >= one.recalled

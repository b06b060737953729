"""Whom a node asks for what its source does not show."""

from __future__ import annotations

from federation.judging.state import Member, Stay
from federation.ledgers.fellows import ASKED_AT_MOST, fellows
from federation.ledgers.ledger_records import ChannelRecord


def test_who_has_no_node_takes_nobodys_turn() -> None:
    absent = [
        Member(f"identity--absent-{number}", "joined", (), (Stay((1, number)),), without_node=True)
        for number in range(ASKED_AT_MOST)
    ]
    others = [
        Member("identity--late", "joined", (), (Stay((1, 12)),)),
        Member("identity--early", "joined", (), (Stay((1, 11)),)),
        Member("identity--us", "joined", (), (Stay((1, 0)),)),
        Member("identity--gone", "left", (), (Stay((1, 1), (1, 2)),)),
    ]
    record = ChannelRecord(state={"members": [one.document() for one in (*absent, *others)]})
    assert fellows(record, "identity--us") == ["identity--early", "identity--late"]

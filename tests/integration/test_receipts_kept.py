"""Receipts that a node keeps: proven by the ledger, bounded, compared with its chain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from federation.identity.keys import PrivateKey
from federation.judging.bundles import Position
from federation.judging.doubt import DoubtError
from federation.judging.receipt_rules import Held
from federation.judging.receipts import make_receipt
from federation.ledgers.ledger import get_channel
from federation.ledgers.ledger_records import EntryRecord
from federation.ledgers.receipt_records import ReceiptRecord
from federation.witnesses.witnesses import (
    BESIDE_AT_MOST,
    find_beyond,
    find_contradictions,
    keep_receipt,
)
from hub import clock
from tests.kit.nodes import Clock, RunningNode, pair, settle

Shared = tuple[RunningNode, RunningNode, str]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Give an owner, a member that joined, and their channel."""
    now, folder = Clock(), Path(tmp_path_factory.mktemp("receipts"))
    with clock.told_by(now):
        cert, grid = RunningNode("CERT", folder, now=now), RunningNode("Grid", folder, now=now)
        try:
            pair(cert, grid)
            settle(cert, grid)
            channel = cert.open()
            cert.invite(channel, grid)
            settle(cert, grid)
            grid.join(channel)
            cert.note(channel, "The first.")
            settle(cert, grid)
            cert.note(channel, "The second.")
            settle(cert, grid)
            yield cert, grid, channel
        finally:
            cert.close()
            grid.close()


@pytest.fixture
def shared(nodes: Shared) -> Shared:
    """Give the same with no receipt kept."""
    cert, _, _ = nodes
    with cert.writing() as session:
        session.execute(delete(ReceiptRecord))
    return nodes


def head_at(node: RunningNode, channel: str, back: int = 0) -> Position:
    record = node.channel(channel)
    head = Position(record.epoch or 0, record.seq or 0, record.head_sha256 or "")
    if not back:
        return head
    return Position(head.epoch, head.seq - back, _hash_at(node, channel, head.seq - back))


def _hash_at(node: RunningNode, channel: str, seq: int) -> str:
    with node.reading() as session:
        entry = session.get(EntryRecord, (channel, 1, seq))
        assert entry is not None
        return entry.sha256


def receipt_of(
    node: RunningNode,
    channel: str,
    head: Position,
    *,
    key: PrivateKey | None = None,
    author: str | None = None,
    after: timedelta = timedelta(),
) -> str:
    with node.reading() as session:
        desk = node.office.desk(session)
    return make_receipt(
        key or desk.key,
        author=author or node.organisation,
        channel=channel,
        head=head,
        now=node.now() + after,
    )


def keep(node: RunningNode, channel: str, jws: str) -> Held:
    with node.writing() as session:
        return keep_receipt(session, get_channel(session, channel), jws, node.now())


def kept(node: RunningNode) -> list[tuple[int, str]]:
    with node.reading() as session:
        rows = session.scalars(select(ReceiptRecord).order_by(ReceiptRecord.id))
        return [(row.seq, row.jws) for row in rows]


def test_a_receipt_for_an_entry_of_our_chain_is_kept_once(shared: Shared) -> None:
    cert, grid, channel = shared
    jws = receipt_of(grid, channel, head_at(cert, channel))
    assert keep(cert, channel, jws) is Held.ON_CHAIN
    assert keep(cert, channel, jws) is Held.ON_CHAIN
    assert kept(cert) == [(head_at(cert, channel).seq, jws)]


def test_of_many_receipts_for_one_head_the_first_and_the_newest_stay(shared: Shared) -> None:
    cert, grid, channel = shared
    daily = [
        receipt_of(grid, channel, head_at(cert, channel), after=timedelta(days=day))
        for day in range(4)
    ]
    for jws in (*daily, daily[1]):
        keep(cert, channel, jws)
    assert [jws for _, jws in kept(cert)] == [daily[0], daily[3]]


def test_what_does_not_prove_is_refused_by_name(shared: Shared) -> None:
    cert, grid, channel = shared
    head = head_at(cert, channel)
    before_joining = head_at(cert, channel, back=head.seq)
    stranger = PrivateKey.from_seed(b"s" * 32)
    cases = {
        "unknown_key": receipt_of(grid, channel, head, key=stranger),
        "not_member": receipt_of(
            grid, channel, head, author="identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0009"
        ),
        "foreign_channel": receipt_of(grid, "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c00ff", head),
        "malformed": "a.b.c",
    }
    for name, jws in cases.items():
        with pytest.raises(DoubtError) as caught:
            keep(cert, channel, jws)
        assert caught.value.doubt.value in {name, "bad_signature"}, name
    with pytest.raises(DoubtError, match="was no member at"):
        keep(cert, channel, receipt_of(grid, channel, before_joining))
    assert not kept(cert)


def test_what_was_beyond_and_contradicts_by_now_does_not_pile_up(shared: Shared) -> None:
    cert, grid, channel = shared
    for number in range(4):
        head = head_at(grid, channel)
        for lie in range(BESIDE_AT_MOST):
            place = Position(1, head.seq + 1, f"{number * 100 + lie:064x}")
            assert keep(grid, channel, receipt_of(grid, channel, place)) is Held.BEYOND
        cert.note(channel, f"Note {number}.")
        settle(cert, grid)
    with grid.reading() as session:
        assert 0 < len(find_contradictions(session, channel)) <= 2 * BESIDE_AT_MOST


def test_receipts_beyond_our_head_are_found_furthest_first_and_few_are_kept(
    shared: Shared,
) -> None:
    cert, grid, channel = shared
    head = head_at(cert, channel)
    for ahead in range(1, BESIDE_AT_MOST + 6):
        place = Position(1, head.seq + ahead, f"{ahead:064x}")
        assert keep(cert, channel, receipt_of(grid, channel, place)) is Held.BEYOND
    keep(cert, channel, receipt_of(grid, channel, head))
    with cert.reading() as session:
        beyond = find_beyond(session, get_channel(session, channel))
        places = [row.seq - head.seq for row in beyond]
    assert places == list(range(BESIDE_AT_MOST + 5, 5, -1))


def test_contradictions_are_found_and_few_of_one_author_are_kept(shared: Shared) -> None:
    cert, grid, channel = shared
    head = head_at(cert, channel)
    for number in range(3 * BESIDE_AT_MOST):
        other = Position(1, head.seq, f"{number:064x}")
        assert keep(cert, channel, receipt_of(grid, channel, other)) is Held.CONTRADICTS
    keep(cert, channel, receipt_of(grid, channel, head))
    with cert.reading() as session:
        hashes = [row.sha256 for row in find_contradictions(session, channel)]
    assert hashes == [f"{number:064x}" for number in range(2 * BESIDE_AT_MOST)]
    assert len(kept(cert)) == len(hashes) + 1

"""Members that vouch in bad faith: they stop nobody, hide nothing and learn nothing.

Source: protocol, 10 and 14.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from federation.judging.bundles import Position
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.receipts import make_receipt
from federation.ledgers.ledger import get_channel
from federation.ledgers.ledger_records import EntryRecord
from federation.ledgers.receipt_records import ReceiptRecord
from federation.partners.heads import Head
from federation.witnesses import vouching, witness_rounds
from federation.witnesses.witness_rounds import COMPARE, hear_head
from federation.witnesses.witnesses import find_beyond, keep_receipt
from federation.work.errands import find_waiting
from hub import clock
from policies.acts import Act
from sharing import objects
from sharing.objects import StixObject
from tests.kit.nodes import Clock, RunningNode, pair, settle

Three = tuple[RunningNode, RunningNode, RunningNode]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    now, folder = Clock(), Path(tmp_path_factory.mktemp("witnesses"))
    with clock.told_by(now):
        cert, grid, vendor = (
            RunningNode(name, folder, now=now) for name in ("CERT", "Grid", "Vendor")
        )
        try:
            for one, other in ((cert, grid), (cert, vendor), (grid, vendor)):
                pair(one, other)
            settle(cert, grid, vendor)
            yield cert, grid, vendor
        finally:
            for node in (cert, grid, vendor):
                node.close()


def wait(nodes: Sequence[RunningNode], **span: float) -> None:
    now = nodes[0].now
    assert isinstance(now, Clock)
    now.advance(**span)
    settle(*nodes)


def case_of(cert: RunningNode, *members: RunningNode) -> str:
    channel = cert.open()
    for member in members:
        cert.invite(channel, member)
    settle(cert, *members)
    for member in members:
        member.join(channel)
    settle(cert, *members)
    return channel


def head_of(node: RunningNode, channel: str) -> Position:
    record = node.channel(channel)
    return Position(record.epoch or 0, record.seq or 0, record.head_sha256 or "")


def vouch(author: RunningNode, channel: str, head: Position, *, after: float = 0) -> str:
    with author.reading() as session:
        key = author.office.desk(session).key
    now = author.now() + timedelta(seconds=after)
    return make_receipt(key, author=author.organisation, channel=channel, head=head, now=now)


def keep(node: RunningNode, channel: str, jws: str) -> None:
    with node.writing() as session:
        record = get_channel(session, channel)
        keep_receipt(session, record, jws, node.now(), shown_by_owner=True)


def test_vouching_for_old_entries_again_and_again_hides_no_newer_receipts(
    nodes: Three, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, grid, vendor = nodes
    channel = case_of(cert, grid, vendor)
    old = head_of(vendor, channel)
    monkeypatch.setattr(vouching, "PAGE", 4)
    monkeypatch.setattr(witness_rounds, "PAGES_AT_ONCE", 1)
    for number in range(6):
        keep(cert, channel, vouch(vendor, channel, old))
        cert.note(channel, f"Note {number}.")
        settle(cert, grid)
        wait((cert, grid), seconds=31)
    for _ in range(3):
        keep(cert, channel, vouch(vendor, channel, old))
        wait((cert, grid), seconds=31)
    with grid.reading() as session:
        shown = session.scalars(
            select(ReceiptRecord.seq)
            .where(ReceiptRecord.channel == channel, ReceiptRecord.shown_by_owner)
            .order_by(ReceiptRecord.seq.desc())
        ).first()
    assert shown == cert.channel(channel).seq


def test_who_left_vouches_for_no_later_entry(nodes: Three) -> None:
    cert, grid, vendor = nodes
    channel = case_of(cert, grid, vendor)
    beyond = Position(1, 500, "0" * 64)
    for leaves in (Act.MEMBER_SUSPENDED, Act.MEMBER_REMOVED):
        cert.write(channel, leaves, {"organisation": vendor.organisation})
        with pytest.raises(DoubtError) as caught:
            keep(cert, channel, vouch(vendor, channel, beyond))
        assert caught.value.doubt is Doubt.NOT_MEMBER
    keep(cert, channel, vouch(grid, channel, beyond))
    with cert.reading() as session:
        authors = {row.author for row in find_beyond(session, get_channel(session, channel))}
    assert authors == {grid.organisation}


def test_who_is_no_member_does_not_learn_by_a_bell_that_we_know_a_channel(nodes: Three) -> None:
    cert, grid, vendor = nodes
    channel = case_of(cert, grid)
    head = Head(channel, 1, 0, "0" * 64)
    with grid.writing() as session:
        assert not hear_head(session, vendor.organisation, head, now=grid.now())
        assert hear_head(session, cert.organisation, head, now=grid.now())
    with grid.reading() as session:
        assert find_waiting(session, COMPARE, f"{channel} {vendor.organisation}") is None
        assert find_waiting(session, COMPARE, f"{channel} {cert.organisation}") is not None
    settle(grid)


class _Endless:
    """A replica that gives one bundle after the other, slowly, and none that is asked for."""

    def __init__(self, now: Clock, bundle: StixObject) -> None:
        self.given, self._now, self._bundle = 0, now, bundle

    def bundles(self, channel: str, added_after: str | None) -> Iterator[StixObject]:
        del channel, added_after
        while True:
            self.given += 1
            self._now.advance(seconds=5)
            yield self._bundle


def test_an_endless_replica_is_not_searched_for_ever(nodes: Three) -> None:
    cert, grid, _ = nodes
    channel = case_of(cert, grid)
    with grid.reading() as session:
        entry = session.get_one(EntryRecord, (channel, 1, 0))
        bundle = objects.find(session, entry.object_sha256)
    assert bundle is not None
    assert isinstance(grid.now, Clock)
    endless = _Endless(grid.now, bundle)
    rounds = replace(grid.office.rounds.witnesses, connect=lambda *_: endless)
    keep(grid, channel, vouch(cert, channel, Position(1, 1, "0" * 64)))
    with grid.app.app_context():
        rounds.compare(channel, cert.organisation)
    assert 0 < endless.given < 50

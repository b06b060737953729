"""Receipts between whole nodes: made, posted, served; who holds what when an owner dies."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from federation.receipt_records import ReceiptRecord
from tests.kit.nodes import Clock, RunningNode, running, settle


def places(node: RunningNode, channel: str) -> dict[str, list[int]]:
    """Give the seqs that a node has receipts for, by author."""
    with node.reading() as session:
        rows = session.execute(
            select(ReceiptRecord.author, ReceiptRecord.seq)
            .where(ReceiptRecord.channel == channel)
            .order_by(ReceiptRecord.id)
        )
        found: dict[str, list[int]] = {}
        for author, seq in rows:
            found.setdefault(author, []).append(seq)
        return found


def pass_time(node: RunningNode, **span: float) -> None:
    """Move the one clock of all nodes."""
    assert isinstance(node.now, Clock)
    node.now.advance(**span)


def joined(owner: RunningNode, *members: RunningNode) -> str:
    channel = owner.open()
    for member in members:
        owner.invite(channel, member)
    settle(owner, *members)
    for member in members:
        member.join(channel)
    settle(owner, *members)
    return channel


def test_a_member_says_what_it_holds_once_per_ten_seconds(tmp_path: Path) -> None:
    with running(tmp_path, "CERT", "Grid") as (cert, grid):
        channel = joined(cert, grid)
        pass_time(cert, seconds=11)
        settle(cert, grid)
        assert list(places(cert, channel)) == [grid.organisation]
        before = places(cert, channel)[grid.organisation]
        for number in range(5):
            cert.note(channel, f"Note {number}.")
            settle(cert, grid)
        assert places(cert, channel)[grid.organisation] == before
        pass_time(cert, seconds=11)
        settle(cert, grid)
        assert places(cert, channel)[grid.organisation] == [*before, cert.channel(channel).seq]
        assert places(grid, channel) == places(cert, channel)


def test_members_learn_from_each_other_what_each_holds_when_the_owner_is_gone(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        channel = joined(cert, grid, vendor)
        cert.note(channel, "One.")
        settle(cert, grid, vendor)
        for _ in range(2):
            pass_time(cert, seconds=31)
            settle(cert, grid, vendor)
        head = cert.channel(channel).seq
        assert head is not None
        for node in (cert, grid, vendor):
            newest = {author: seqs[-1] for author, seqs in places(node, channel).items()}
            assert newest == {grid.organisation: head, vendor.organisation: head}, node.name
        # Both read one entry more; then the owner's machine is gone before any receipt reached it.
        cert.note(channel, "Two.")
        settle(cert, grid, vendor)
        cert.stop()
        pass_time(cert, seconds=40)
        settle(grid, vendor)
        pass_time(cert, minutes=6)
        settle(grid, vendor)
        for node in (grid, vendor):
            newest = {author: seqs[-1] for author, seqs in places(node, channel).items()}
            assert newest == {grid.organisation: head + 1, vendor.organisation: head + 1}

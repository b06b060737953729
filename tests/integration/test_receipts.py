"""Receipts between whole nodes: made, posted, served; who holds what when an owner dies."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from sqlalchemy import select

from federation.ledgers.ledger_records import CoveredRecord
from federation.ledgers.receipt_records import ReceiptRecord
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.hostile_peer import signed_in
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
        api, console, browser = Api.of(cert), Console(cert), signed_in(cert)
        assert api.get(f"/channels/{channel}/receipts")["sentence"] == "Held by 3 of 3."
        # Both read one entry more; then the owner's machine is gone before any receipt reached it.
        cert.note(channel, "Two.")
        settle(cert, grid, vendor)
        told = api.get(f"/channels/{channel}/receipts")
        assert (told["held_by"], told["of"]) == (1, 3)
        assert "Grid is 1 entry behind since 2026-11-20 10:0" in told["sentence"]
        assert "Grid is 1 entry behind" in console.run("channel", "receipts", channel).stdout
        assert "Held by 1 of 3" in browser.get(f"/channels/{channel}").text
        cert.stop()
        pass_time(cert, seconds=40)
        settle(grid, vendor)
        pass_time(cert, minutes=6)
        settle(grid, vendor)
        for node in (grid, vendor):
            newest = {author: seqs[-1] for author, seqs in places(node, channel).items()}
            assert newest == {grid.organisation: head + 1, vendor.organisation: head + 1}
        told = Api.of(grid).get(f"/channels/{channel}/receipts")
        assert told["sentence"] == "Held by 3 of 3."
        assert {row["voucher"] for row in told["items"]} == {"owner", "receipt"}


def test_who_has_held_a_note_since_when_is_answered_everywhere_alike(tmp_path: Path) -> None:
    with running(tmp_path, "CERT", "Grid") as (cert, grid):
        channel = joined(cert, grid)
        grid.note(channel, "What we saw.")
        settle(cert, grid)
        pass_time(cert, seconds=31)
        settle(cert, grid)
        with cert.reading() as session:
            ref = session.scalars(
                select(CoveredRecord.ref).where(CoveredRecord.ref.startswith("note--"))
            ).one()
            (receipt,) = session.scalars(
                select(ReceiptRecord.jws).where(ReceiptRecord.seq == cert.channel(channel).seq)
            )
        entry = f"1-{cert.channel(channel).seq}"
        api, console, browser = Api.of(cert), Console(cert), signed_in(cert)
        (held,) = api.get(f"/channels/{channel}/objects/{ref}/holders")["items"]
        assert [(one["name"], one["vouched_by"]) for one in held["holders"]] == [
            ("CERT", "entry"),
            ("Grid", "author"),
        ]
        of_entry, of_note = api.get(f"/channels/{channel}/objects/{entry}/holders")["items"]
        assert of_note == held
        assert of_entry["sha256"] == of_note["entry"]["sha256"]
        assert console.asks("channel", "holders", channel, ref) == [held]
        assert (
            "as the owner of the channel" in console.run("channel", "holders", channel, ref).stdout
        )
        page = browser.get(f"/channels/{channel}/holders/{entry}")
        assert page.status_code == HTTPStatus.OK
        assert "by the bundle in which it wrote it" in page.text
        assert f"/holders/{entry}" in browser.get(f"/channels/{channel}").text
        # The same from a file alone, with the receipt in it.
        file = tmp_path / "case.jsonl"
        console.run("channel", "export", channel, file)
        (alone,) = console.asks("verify", file, "--holders", ref)["holdings"]
        assert [one["since"] for one in alone["holders"]] == [
            one["since"] for one in held["holders"]
        ]
        report = console.asks("verify", file, "--holders", entry.replace("-", "/"))
        assert [one["jws"] for one in report["receipts"]][-1] == receipt
        assert "Who has held" in console.run("verify", file, "--holders", ref).stdout
        nothing = "note--00000000-0000-4000-8000-000000000000"
        api.get(f"/channels/{channel}/objects/{nothing}/holders", 404)
        api.get(f"/channels/{channel}/objects/7-7/holders", 404)
        assert browser.get(f"/channels/{channel}/holders/{nothing}").status_code == 404
        assert "covers nothing called" in console.run("verify", file, "--holders", nothing).stdout

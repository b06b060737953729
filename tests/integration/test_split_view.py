"""A split view: an owner shows two members two histories, and both prove it.

Source: protocol, 10 and 14 (*split view*).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from federation.archive.verifying import verify_file
from federation.archive.writer import prepare_export
from federation.judging.bundles import Position, SignedBundle
from federation.judging.receipts import make_receipt
from federation.ledgers.ledger_records import EvidenceRecord, Standing
from federation.partners.heads import Head
from federation.witnesses.witness_rounds import hear_head
from federation.witnesses.witnesses import find_contradictions
from hub import clock
from policies.acts import Act
from tests.integration.test_by_file import export, take
from tests.kit.api import Api
from tests.kit.hostile_peer import (
    HostileChannel,
    HostilePeer,
    Shelf,
    honest,
    peers,
    signed_in,
)
from tests.kit.nodes import Clock, RunningNode, settle


@dataclass
class World:
    """Two honest nodes that know each other by a channel alone, and somebody who is not honest."""

    grid: RunningNode
    vendor: RunningNode
    mallory: HostilePeer
    now: Clock

    @property
    def members(self) -> tuple[RunningNode, RunningNode]:
        return self.grid, self.vendor

    def wait(self, **span: float) -> None:
        self.now.advance(**span)
        settle(*self.members)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    now = Clock()
    with clock.told_by(now), peers(now, "Mallory") as (mallory,):
        grid = RunningNode("Grid", tmp_path, now=now)
        vendor = RunningNode("Vendor", tmp_path, now=now)
        try:
            yield World(grid, vendor, mallory, now)
        finally:
            grid.close()
            vendor.close()


def shared(world: World) -> HostileChannel:
    """Give a case of Mallory's that both have joined, honest so far."""
    case = HostileChannel.opened(world.mallory)
    for node in world.members:
        world.mallory.pair(node)
        direct = HostileChannel.opened(world.mallory, honest(node), kind="direct")
        settle(node)
        case.invite(node, direct)
        world.mallory.ring(node, direct.id)
        settle(node)
        node.join(case.id)
        settle(node)
        case.admit_posted()
    for node in world.members:
        world.mallory.ring(node, case.id)
    settle(*world.members)
    for node in world.members:
        assert node.channel(case.id).head_sha256 == case.kit.head.sha256
    return case


def split(world: World, case: HostileChannel) -> list[SignedBundle]:
    """Show each member an entry of its own at the same place."""
    shown = []
    for node in world.members:
        note = case.note(f"For {node.name} alone.")
        entry = case.kit.draft(Act.NOTE_ADDED, {}, [note])
        view: Shelf = copy(case.shelf)
        view.objects, view.head = list(case.shelf.objects), entry.position
        world.mallory.views[node.organisation, case.id] = view
        for stix in (note, entry.stix):
            view.objects.append((case.shelf.objects[-1][0] + len(view.objects), stix.content))
        shown.append(entry)
        world.mallory.ring(node, case.id)
        settle(node)
        assert node.channel(case.id).head_sha256 == entry.sha256
    return shown


def verified(node: RunningNode, channel: str) -> list[str]:
    """Export a channel and give the names of what does not hold in it."""
    with node.reading() as session:
        export = prepare_export(session, channel, by=node.organisation, now=node.now())
        data = b"".join(export.lines(session))
    return [failure.doubt.value for failure in verify_file(io.BytesIO(data)).failures]


def evidence(node: RunningNode, channel: str) -> set[str]:
    with node.reading() as session:
        query = select(EvidenceRecord.content).where(EvidenceRecord.channel == channel)
        return {content.decode() for content in session.scalars(query)}


def test_two_histories_end_in_two_proofs_that_anybody_can_check(world: World) -> None:
    case = shared(world)
    entries = split(world, case)
    for node in world.members:
        assert node.channel(case.id).standing is Standing.CURRENT
    world.wait(seconds=11)
    assert len(world.mallory.receipts[case.id]) >= 2
    world.wait(seconds=31)
    world.wait(seconds=31)
    both = {entry.stix.content.decode() for entry in entries}
    for node in world.members:
        record = node.channel(case.id)
        assert (record.standing, record.doubt) == (Standing.FROZEN, "fork"), node.name
        assert "signed two different entries" in (record.sentence or "")
        assert evidence(node, case.id) == both
        assert verified(node, case.id) == ["fork"]


def test_what_one_member_froze_on_stops_another_by_file(world: World) -> None:
    case = shared(world)
    # Vendor's joining is admitted a second time, and shown to Grid alone.
    joined = [step.judged.contribution for step in case.kit.steps if step.judged.contribution][-1]
    entry = case.kit.draft(Act.ADMITTED, admits=joined)
    view: Shelf = copy(case.shelf)
    view.objects, view.head = list(case.shelf.objects), entry.position
    view.objects.append((case.shelf.objects[-1][0] + 1, entry.stix.content))
    world.mallory.views[world.grid.organisation, case.id] = view
    world.mallory.ring(world.grid, case.id)
    settle(world.grid)
    for node, standing in ((world.grid, Standing.FROZEN), (world.vendor, Standing.CURRENT)):
        assert node.channel(case.id).standing is standing
    assert verified(world.grid, case.id) == ["superseded"]
    assert verified(world.vendor, case.id) == []
    # What it froze on goes into its file, with what it admits; whoever takes that in is told too.
    take(world.vendor, export(world.grid, case.id))
    record = world.vendor.channel(case.id)
    assert (record.standing, record.doubt) == (Standing.FROZEN, "superseded"), record.sentence
    assert evidence(world.vendor, case.id) == {entry.stix.content.decode()}
    assert verified(world.vendor, case.id) == ["superseded"]


def test_an_owner_that_passes_no_receipts_on_is_shown(world: World) -> None:
    case = shared(world)
    world.wait(seconds=11)
    for _ in range(4):
        world.wait(minutes=5)
    told = Api.of(world.grid).get(f"/channels/{case.id}/receipts")
    hidden = {row["name"]: row["hidden_since"] for row in told["items"]}
    assert hidden["Mallory"] is None
    assert hidden["Vendor"] is not None
    assert hidden["Grid"] is not None
    assert (
        "has not passed on its receipts since"
        in signed_in(world.grid).get(f"/channels/{case.id}").text
    )
    world.mallory.shown_receipts[case.id] = world.mallory.receipts[case.id]
    world.wait(minutes=5)
    world.wait(minutes=5)
    told = Api.of(world.grid).get(f"/channels/{case.id}/receipts")
    assert {row["hidden_since"] for row in told["items"]} == {None}


def test_what_a_member_names_and_nobody_shows_freezes_nothing(world: World) -> None:
    case = shared(world)
    head = case.kit.head
    world.wait(seconds=31)
    # Its receipt names an entry that it invents; the owner, of all, passes it on.
    invented = Position(head.epoch, head.seq, "0" * 64)
    with world.vendor.reading() as session:
        key = world.vendor.office.desk(session).key
    lie = make_receipt(
        key,
        author=world.vendor.organisation,
        channel=case.id,
        head=invented,
        now=world.now() + timedelta(seconds=5),
    )
    world.mallory.shown_receipts[case.id] = [lie]
    world.wait(seconds=31)
    world.wait(minutes=6)
    with world.grid.reading() as session:
        found = [(row.author, row.jws) for row in find_contradictions(session, case.id)]
    assert found == [(world.vendor.organisation, lie)]
    assert world.grid.channel(case.id).standing is Standing.CURRENT
    assert not evidence(world.grid, case.id)
    assert verified(world.grid, case.id) == []
    page = signed_in(world.grid).get(f"/channels/{case.id}").text
    assert "another history" in page
    assert "signed that it was shown another entry" in page


def test_an_entry_that_the_owner_did_not_sign_proves_nothing(world: World) -> None:
    case = shared(world)
    with world.vendor.reading() as session:
        key = world.vendor.office.desk(session).key
    note = case.note("Never written by its owner.")
    forged = case.kit.draft(Act.NOTE_ADDED, {}, [note], key=key)
    head = case.kit.head
    assert forged.place == (head.epoch, head.seq + 1)
    case.kit.write(Act.NOTE_ADDED, {}, [case.note("Honest.")])
    case.publish()
    for node in world.members:
        world.mallory.ring(node, case.id)
    settle(*world.members)
    with world.grid.writing() as session:
        heard = Head(case.id, *forged.place, forged.sha256)
        assert hear_head(session, world.mallory.id, heard, now=world.now())
    world.mallory.show(case.id, forged.stix)
    case.shelf.head = forged.position
    settle(world.grid)
    assert any("signed-bundle" in path for path in world.mallory.asked)
    assert world.grid.channel(case.id).standing is Standing.CURRENT
    assert not evidence(world.grid, case.id)

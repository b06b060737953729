"""Joining, leaving, removal, late joiners, hand-over and recall between whole nodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from federation.ledgers.ledger_records import Delivery, Standing
from federation.ledgers.outbox import pending
from federation.serving.access import heads_for
from hub.channels import audience, history, queries, service
from hub.channels.invitations import visible_invitations
from policies.acts import Act
from policies.errors import ConflictError, ForbiddenError, NotFoundError
from policies.roles import Role
from policies.tlp import TLP
from sharing import objects, stix
from tests.kit.hostile_peer import signed_in
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

Three = tuple[RunningNode, RunningNode, RunningNode]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Three]:
    with running(tmp_path, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield cert, grid, vendor


def open_case(cert: RunningNode, *members: RunningNode, tlp: TLP = TLP.AMBER) -> str:
    case = cert.open("3CX", tlp=tlp)
    for member in members:
        cert.invite(case, member)
    settle(cert, *members)
    for member in members:
        member.join(case)
    settle(cert, *members)
    return case


def texts(node: RunningNode, channel: str) -> list[str | None]:
    """Give the notes that a person on this node reads, newest first."""
    with node.reading() as session:
        entries = history.visible_entries(session, CONSOLE, channel, limit=100)
    return [
        item.text or item.absence
        for entry in entries
        for item in entry.items
        if item.type == "note"
    ]


def test_a_late_joiner_gets_every_entry_and_of_older_objects_what_is_open(nodes: Three) -> None:
    cert, grid, vendor = nodes
    case = open_case(cert, grid)
    grid.note(case, "amber before", TLP.AMBER)
    grid.note(case, "green before", TLP.GREEN)
    settle(*nodes)
    cert.invite(case, vendor)
    settle(*nodes)
    vendor.join(case)
    settle(*nodes)
    cert.note(case, "amber after")
    settle(*nodes)
    assert vendor.state(case) == cert.state(case)
    assert texts(vendor, case) == ["amber after", "green before", "withheld"]
    assert texts(cert, case) == ["amber after", "green before", "amber before"]


def test_what_is_released_reaches_who_joined_late(nodes: Three) -> None:
    cert, grid, vendor = nodes
    case = open_case(cert, grid)
    grid.note(case, "amber before", TLP.AMBER)
    settle(*nodes)
    cert.invite(case, vendor)
    settle(*nodes)
    vendor.join(case)
    settle(*nodes)
    assert texts(vendor, case) == ["withheld"]
    with grid.reading() as session:
        entries = history.visible_entries(session, CONSOLE, case)
        ref = next(item.ref for entry in entries for item in entry.items if item.type == "note")
    grid.write(case, Act.OBJECT_RELEASED, {"objects": [ref]})
    settle(*nodes)
    assert texts(vendor, case) == ["amber before"]
    assert vendor.channel(case).standing is Standing.CURRENT


def test_who_left_reads_up_to_its_leaving_and_may_come_back(nodes: Three) -> None:
    cert, grid, vendor = nodes
    case = open_case(cert, grid, vendor)
    grid.does(service.leave, case)
    settle(*nodes)
    assert grid.channel(case).standing is Standing.ENDED
    cert.note(case, "after you left")
    settle(*nodes)
    assert texts(grid, case) == []
    with pytest.raises(ConflictError, match="no longer a member"):
        grid.note(case, "too late")
    with cert.reading() as session:
        heads = {head.channel: head.sha256 for head in heads_for(session, grid.organisation)}
    assert heads[case] == grid.channel(case).head_sha256
    cert.invite(case, grid)
    settle(*nodes)
    grid.join(case)
    settle(*nodes)
    assert grid.channel(case).standing is Standing.CURRENT
    assert grid.state(case) == cert.state(case) == vendor.state(case)
    assert texts(grid, case) == ["withheld"]


def test_who_was_removed_can_write_nothing_more(nodes: Three) -> None:
    cert, grid, vendor = nodes
    case = open_case(cert, grid, vendor)
    cert.does(service.remove, case, organisation=vendor.organisation, reason="not affected")
    vendor.note(case, "written before I heard of it")
    settle(cert, grid)
    for _ in range(5):
        vendor.work()
    assert vendor.channel(case).standing is Standing.ENDED
    with vendor.reading() as session:
        states = {row.state for row in pending(session, case)}
    assert states == {Delivery.REFUSED}
    assert texts(grid, case) == ["not affected"]


def test_an_invitation_can_be_declined_and_taken_back(nodes: Three) -> None:
    cert, grid, vendor = nodes
    case = cert.open()
    cert.invite(case, grid)
    cert.invite(case, vendor)
    settle(*nodes)
    grid.does(service.decline, case)
    cert.does(service.uninvite, case, organisation=vendor.organisation)
    settle(*nodes)
    members = cert.state(case).members
    assert members[grid.organisation].state == "declined"
    assert members[vendor.organisation].state == "uninvited"
    with pytest.raises(ConflictError, match="taken back"):
        vendor.join(case)
    with grid.reading() as session:
        rows = visible_invitations(session, CONSOLE, now=grid.now(), open_only=False)
    assert [row.state for row in rows] == ["declined"]


def test_the_coordination_is_handed_over_and_everybody_goes_on(nodes: Three) -> None:
    cert, grid, vendor = nodes
    case = open_case(cert, grid, vendor)
    cert.write(case, Act.HANDOVER_OFFERED, {"successor": grid.organisation})
    settle(*nodes)
    grid.write(case, Act.HANDOVER_ACCEPTED)
    settle(*nodes)
    cert.write(case, Act.COORDINATOR_HANDED_OVER, {"successor": grid.organisation})
    settle(*nodes)
    assert grid.channel(case).is_ours
    assert (cert.channel(case).epoch, cert.channel(case).owner) == (2, grid.organisation)
    vendor.note(case, "to the new coordinator")
    cert.note(case, "from the former one")
    settle(*nodes)
    grid.note(case, "thank you")
    settle(*nodes)
    assert grid.state(case) == cert.state(case) == vendor.state(case)
    assert len(texts(cert, case)) == len(texts(vendor, case)) == 3
    assert grid.state(case).joined[cert.organisation] == {Role.RESPONDER}


def test_who_took_the_coordination_over_invites_others(nodes: Three) -> None:
    cert, grid, vendor = nodes
    case = open_case(cert, grid)
    cert.note(case, "in the first epoch", TLP.GREEN)
    settle(*nodes)
    hand_over(cert, grid, case)
    settle(*nodes)
    grid.invite(case, vendor)
    settle(*nodes)
    vendor.join(case)
    settle(*nodes)
    assert vendor.channel(case).standing is Standing.CURRENT
    assert vendor.state(case) == grid.state(case) == cert.state(case)
    assert texts(vendor, case) == ["in the first epoch"]


def test_who_left_is_invited_again_by_the_successor(nodes: Three) -> None:
    cert, grid, vendor = nodes
    case = open_case(cert, grid, vendor)
    vendor.does(service.leave, case)
    settle(*nodes)
    hand_over(cert, grid, case)
    settle(*nodes)
    grid.invite(case, vendor)
    settle(*nodes)
    vendor.join(case)
    settle(*nodes)
    assert vendor.channel(case).standing is Standing.CURRENT
    assert vendor.state(case) == grid.state(case) == cert.state(case)


def hand_over(owner: RunningNode, successor: RunningNode, channel: str) -> None:
    """Hand the coordination of a channel over, up to the opening of the next epoch."""
    body = {"successor": successor.organisation}
    owner.write(channel, Act.HANDOVER_OFFERED, body)
    settle(owner, successor)
    successor.write(channel, Act.HANDOVER_ACCEPTED, {})
    settle(owner, successor)
    owner.write(channel, Act.COORDINATOR_HANDED_OVER, body)
    settle(owner, successor)


def test_a_recall_by_its_author_deletes_the_bytes_everywhere(nodes: Three) -> None:
    cert, grid, vendor = nodes
    case = open_case(cert, grid, vendor)
    note = stix.note(
        "names a person",
        about=[cert.state(case).identity],
        created_by=grid.organisation,
        now=grid.now(),
        marking=TLP.AMBER,
    )
    grid.write(case, Act.NOTE_ADDED, {}, [note])
    settle(*nodes)
    grid.write(case, Act.OBJECT_RECALLED, {"objects": [note.stix_id]})
    settle(*nodes)
    for node in nodes:
        with node.reading() as session:
            assert objects.find(session, note.sha256) is None, node.name
        assert texts(node, case) == ["recalled"]
    assert grid.state(case) == cert.state(case) == vendor.state(case)


def test_a_replica_that_comes_late_is_not_stopped_by_what_was_recalled_since(
    nodes: Three,
) -> None:
    cert, grid, vendor = nodes
    case = open_case(cert, grid, vendor)
    note = stix.note(
        "names a person",
        about=[cert.state(case).identity],
        created_by=grid.organisation,
        now=grid.now(),
        marking=TLP.AMBER,
    )
    grid.write(case, Act.NOTE_ADDED, {}, [note])
    settle(cert, grid)
    grid.write(case, Act.OBJECT_RECALLED, {"objects": [note.stix_id]})
    settle(cert, grid)
    settle(*nodes)
    assert vendor.channel(case).standing is Standing.CURRENT
    assert vendor.state(case) == cert.state(case)
    assert texts(vendor, case) == ["recalled"]


def test_what_may_not_be_shared_is_refused_before_anything_is_signed(nodes: Three) -> None:
    cert, grid, _ = nodes
    case = open_case(cert, grid)
    with pytest.raises(ForbiddenError, match="TLP:RED"):
        grid.note(case, "too red", TLP.RED)
    with grid.reading() as session:
        assert pending(session, case) == []


def test_whoever_is_not_invited_learns_nothing(nodes: Three) -> None:
    cert, grid, vendor = nodes
    case = open_case(cert, grid)
    settle(*nodes)
    with vendor.app.app_context():
        server = vendor.office.replicas.connect(cert.organisation, _direct(vendor, cert))
        with pytest.raises(Exception, match="404"):
            list(server.pages(case, None))
    with vendor.reading() as session, pytest.raises(NotFoundError):
        service.get_visible_channel(session, CONSOLE, case)


def _direct(reader: RunningNode, writer: RunningNode) -> str:
    with reader.reading() as session:
        rows = queries.visible_channels(session, CONSOLE)
    return next(row.id for row in rows if row.owner == writer.organisation)


def test_a_word_that_a_suspension_overtook_says_what_happened_and_what_to_do(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "CERT", "Grid") as (cert, grid):
        case = cert.open("Pumps")
        cert.invite(case, grid)
        settle(cert, grid)
        grid.join(case)
        settle(cert, grid)
        cert.does(audience.suspend, case, organisation=grid.organisation, reason="Its key leaked.")
        grid.note(case, "Written before we heard of it.")
        settle(cert, grid)
        with grid.reading() as session:
            (row,) = queries.visible_pending(session, CONSOLE, case, now=grid.now())
        assert row.sentence is not None
        assert row.sentence.startswith("Your organisation is suspended in this channel")
        shown = " ".join(signed_in(grid).get(f"/channels/{case}").text.split())
        assert row.sentence in shown
        assert "kept here for now" in shown
        assert "HTTP" not in shown
        cert.does(audience.resume, case, organisation=grid.organisation, reason="It is mended.")
        settle(cert, grid)
        grid.now.advance(hours=1)  # type: ignore[attr-defined]
        settle(cert, grid)
        with grid.reading() as session:
            assert queries.visible_pending(session, CONSOLE, case, now=grid.now()) == []

"""An owner is lost, opens anew, or comes back: which branch holds, and who follows it."""

from __future__ import annotations

from pathlib import Path

from federation.branches import endorsements
from federation.branches.openings import OpenedBy, open_epoch
from federation.ledgers.ledger import get_channel, head_of
from federation.ledgers.ledger_records import ChannelRecord
from federation.ledgers.rebuild import rebuild
from hub.apply import VIEWS
from hub.channels import history, queries
from policies.acts import Act
from policies.tlp import TLP
from tests.kit.nodes import CONSOLE, RunningNode, running, settle


def rebuilt_equal(node: RunningNode, channel: str) -> bool:
    with node.writing() as session:
        done = rebuild(session, node.office.desk(session), channel, VIEWS)
        assert done.differences == ()
        return done.equal


def gather(owner: RunningNode, *members: RunningNode) -> str:
    """Have a case opened that all of these nodes are members of."""
    channel = owner.open()
    for member in members:
        owner.invite(channel, member)
    settle(owner, *members)
    for member in members:
        member.join(channel)
    settle(owner, *members)
    return channel


def heads(channel: str, *nodes: RunningNode) -> set[tuple[int | None, int | None, str | None]]:
    found = set()
    for node in nodes:
        record: ChannelRecord = node.channel(channel)
        found.add((record.epoch, record.seq, record.head_sha256))
    return found


def endorse(node: RunningNode, channel: str, candidate: RunningNode) -> None:
    with node.writing() as session:
        endorsements.endorse(
            session,
            node.office.desk(session),
            get_channel(session, channel),
            candidate=candidate.organisation,
            now=node.now(),
        )


def take_over(node: RunningNode, channel: str) -> None:
    with node.writing() as session:
        desk = node.office.desk(session)
        endorsements.take_over(session, desk, get_channel(session, channel), now=node.now())


def silence(*nodes: RunningNode) -> None:
    """Let an hour go by."""
    nodes[0].now.advance(minutes=61)  # type: ignore[attr-defined]
    settle(*nodes)


def notes_in(node: RunningNode, channel: str) -> list[str]:
    with node.reading() as session:
        entries = history.visible_entries(session, CONSOLE, channel)
        items = [item for entry in entries for item in entry.items if item.type == "note"]
        return [item.text or "" for item in items][::-1]


def test_an_owner_opens_anew_on_an_older_head_and_its_members_follow(tmp_path: Path) -> None:
    with running(tmp_path, "cert", "grid") as (cert, grid):
        channel = gather(cert, grid)
        named = head_of(cert.channel(channel))
        cert.note(channel, "One that will be abandoned.")
        settle(cert, grid)
        grid.note(channel, "One that will be offered again.")
        settle(cert, grid)
        with cert.writing() as session:
            desk = cert.office.desk(session)
            record = get_channel(session, channel)
            how = OpenedBy.RE_OPENING
            open_epoch(session, desk, record, opened_by=how, head=named, now=cert.now())
        settle(cert, grid)
        assert len(heads(channel, cert, grid)) == 1
        assert cert.channel(channel).epoch == 2
        assert notes_in(grid, channel) == ["One that will be offered again."]
        assert notes_in(cert, channel) == ["One that will be offered again."]
        assert rebuilt_equal(cert, channel)
        assert rebuilt_equal(grid, channel)


def test_who_reads_again_reads_nothing_that_was_written_without_it(tmp_path: Path) -> None:
    with running(tmp_path, "cert", "grid", "vendor") as (cert, grid, vendor):
        channel = gather(cert, grid, vendor)
        named = head_of(cert.channel(channel))
        cert.write(channel, Act.MEMBER_REMOVED, {"organisation": vendor.organisation})
        settle(cert, grid, vendor)
        grid.note(channel, "For all but one.", tlp=TLP.AMBER)
        grid.note(channel, "For everybody.", tlp=TLP.GREEN)
        cert.note(channel, "The owner's own, for all but one.", tlp=TLP.AMBER)
        settle(cert, grid, vendor)
        with cert.writing() as session:
            desk = cert.office.desk(session)
            record = get_channel(session, channel)
            how = OpenedBy.RE_OPENING
            open_epoch(session, desk, record, opened_by=how, head=named, now=cert.now())
        settle(cert, grid, vendor)
        assert len(heads(channel, cert, grid)) == 1
        assert vendor.organisation in cert.state(channel).joined
        assert notes_in(cert, channel) == notes_in(grid, channel) == ["For everybody."]
        with grid.reading() as session:
            (refused,) = queries.visible_pending(session, CONSOLE, channel, now=grid.now())
        assert "would read it" in str(refused.sentence)


def test_a_lost_owner_is_succeeded_and_follows_when_it_comes_back(tmp_path: Path) -> None:
    with running(tmp_path, "cert", "grid", "vendor", "water") as (cert, grid, vendor, water):
        channel = gather(cert, grid, vendor, water)
        rest = (grid, vendor, water)
        settle(cert, *rest)
        cert.note(channel, "Known to all.")
        settle(cert, *rest)
        # One member has read what the others have not, when the owner loses its connection.
        water.note(channel, "Only one has read it.")
        settle(cert, water)
        cert.stop()
        cert.note(channel, "Written alone.")
        vendor.note(channel, "Written while nobody coordinated.")
        silence(*rest)
        endorse(vendor, channel, grid)
        endorse(water, channel, grid)
        endorse(grid, channel, grid)
        settle(*rest)
        take_over(grid, channel)
        silence(*rest)
        assert len(heads(channel, *rest)) == 1
        assert {node.channel(channel).owner for node in rest} == {grid.organisation}
        water.note(channel, "Under the new owner.")
        settle(*rest)
        cert.start()
        silence(cert, *rest)
        assert len(heads(channel, cert, *rest)) == 1
        said = ["Known to all.", "Only one has read it.", "Written while nobody coordinated."]
        said.append("Under the new owner.")
        for node in (cert, *rest):
            assert notes_in(node, channel) == [*said, "Written alone."]
            assert rebuilt_equal(node, channel)

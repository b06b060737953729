"""What a restore brings back, and what it must not: nodes that have lost what they had told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from federation.identity.descriptor import KeyUse
from federation.identity.node import get_node
from federation.judging.bundles import Position
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.judge import MAX_STEP_OF_NTH
from federation.judging.receipts import make_receipt
from federation.ledgers.ledger import lock_channel
from federation.ledgers.ledger_records import (
    ContributionRecord,
    Delivery,
    EntryRecord,
    EvidenceRecord,
    Standing,
)
from federation.ledgers.timeline_records import TimelineRecord
from federation.ledgers.timelines import has_turned, note_timeline
from federation.partners.pairing import create_invitation
from federation.partners.partner_records import InvitationRecord
from federation.rounds.rounds import POLL, hasten_partner
from federation.witnesses.rollback import LOOK_BACK, NTH_LEAP, WATCH_DATABASE
from federation.witnesses.witnesses import keep_receipt
from federation.work import errands
from hub import archive, own_keys
from hub.accounts.records import SignIn
from hub.channels import repair
from hub.channels.ways_out import WayOut, visible_repair
from hub.settings import SettingsError, load_settings
from policies.acts import Act
from policies.errors import ConflictError
from sharing.db import db
from tests.integration.test_by_file import export, opened, replica, take
from tests.kit.nodes import CONSOLE, Clock, RunningNode, running, settle

Nodes = tuple[RunningNode, RunningNode, RunningNode]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with running(tmp_path_factory.mktemp("nodes"), "CERT", "Grid", "Vendor") as (one, two, three):
        yield one, two, three


def backup(node: RunningNode, folder: Path) -> Path:
    file = folder / f"{node.name}.tar"
    archive.write_backup(node.settings, file, now=node.now())
    return file


def restore(node: RunningNode, file: Path) -> None:
    """Put a backup back, as with all processes of the node stopped."""
    with node.app.app_context():
        db.engine.dispose()
    archive.read_backup(node.settings, file, actor=CONSOLE, force=True, now=node.now())


def later(nodes: Nodes) -> None:
    """Let the waits after failures pass."""
    assert isinstance(nodes[0].now, Clock)
    nodes[0].now.advance(minutes=10)
    settle(*nodes)


@contextmanager
def away(*nodes: RunningNode) -> Iterator[None]:
    """Have nodes answer nobody for a while."""
    for node in nodes:
        node.stop()
    try:
        yield
    finally:
        for node in nodes:
            node.start()


def entries(node: RunningNode, channel: str) -> int:
    with node.reading() as session:
        query = select(func.count()).where(EntryRecord.channel == channel)
        return session.scalar(query) or 0


def look_back(node: RunningNode) -> str | None:
    """Give why the errand waits, `None` where it does not."""
    with node.reading() as session:
        waiting = errands.find_waiting(session, LOOK_BACK, "")
        return waiting.last_reason if waiting is not None else None


def test_an_owner_writes_nothing_before_what_it_lost_came_back(
    nodes: Nodes, tmp_path: Path
) -> None:
    cert, grid, vendor = nodes
    channel = opened(cert, grid, vendor)
    lone = cert.open("opened before, nobody else in it")
    file = backup(cert, tmp_path)
    for number in range(10):
        cert.note(channel, f"Note {number}.")
        grid.note(channel, f"Answer {number}.")
    late = opened(cert, vendor)
    cert.invite(lone, grid)
    settle(*nodes)
    grid.join(lone)
    settle(*nodes)
    before = replica(cert, channel)
    assert replica(grid, channel) == before
    restore(cert, file)
    # Nobody was asked yet: nothing is appended, whoever tries.
    for one in (channel, lone):
        assert cert.channel(one).standing is Standing.BEHIND
        with pytest.raises(DoubtError, match="put back from a backup") as refused:
            cert.note(one, "Too early.")
        assert refused.value.doubt is Doubt.GAP
    grid.note(channel, "Meanwhile.")
    grid.work()
    with grid.reading() as session:
        row = session.scalars(
            select(ContributionRecord)
            .where(ContributionRecord.channel == channel)
            .order_by(ContributionRecord.nth.desc())
        ).first()
        assert row is not None
        assert (row.state, row.doubt) == (Delivery.PENDING, "gap")
    assert entries(cert, channel) == len(before[0]) - 20
    # The members are asked, and give back what is missing; then the waiting note comes in.
    later(nodes)
    assert cert.channel(channel).standing is Standing.CURRENT
    assert replica(cert, channel)[0][: len(before[0])] == before[0]
    assert entries(cert, channel) == len(before[0]) + 1
    # So do a channel that others joined since, and one that was opened since.
    for one in (lone, late):
        assert cert.channel(one).standing is Standing.CURRENT
    cert.note(late, "All is here again.")
    cert.note(lone, "Here as well.")
    settle(*nodes)
    assert replica(cert, channel) == replica(grid, channel) == replica(vendor, channel)
    assert replica(cert, late) == replica(vendor, late)
    assert replica(cert, lone) == replica(grid, lone)
    with cert.reading() as session:
        # The waiting note had seen more than was here; nothing contradicts anything.
        assert set(session.scalars(select(EvidenceRecord.doubt))) == {"gap"}


def test_with_every_member_away_it_waits_in_a_named_state(nodes: Nodes, tmp_path: Path) -> None:
    cert, grid, vendor = nodes
    channel = opened(cert, grid)
    file = backup(cert, tmp_path)
    cert.note(channel, "Lost, and held by the grid.")
    settle(*nodes)
    restore(cert, file)
    with away(grid, vendor):
        settle(cert)
        assert cert.channel(channel).standing is Standing.BEHIND
        assert "no member can be reached" in (cert.channel(channel).sentence or "")
        assert "no member can be reached" in (look_back(cert) or "")
        # As a worker asks for it when it starts: the wait ends as soon as somebody is heard from.
        with cert.writing() as session:
            hasten_partner(session, grid.organisation, now=cert.now())
        assert cert.work() == 1
    # What a member brings by file helps at once, and is not yet all that there may be.
    take(cert, export(grid, channel))
    assert replica(cert, channel) == replica(grid, channel)
    assert cert.channel(channel).standing is Standing.BEHIND
    later(nodes)
    assert cert.channel(channel).standing is Standing.CURRENT


def test_a_backup_from_before_ones_own_change_of_keys_says_so_and_the_recovery_key_mends_it(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "CERT", "Grid") as nodes:
        cert, grid = nodes
        channel, theirs = opened(cert, grid), opened(grid, cert)
        file = backup(cert, tmp_path)
        with cert.writing() as session:
            own_keys.rotate(session, cert.office, CONSOLE, list(KeyUse), now=cert.now())
        settle(*nodes)
        cert.note(channel, "Signed with the new keys.")
        settle(*nodes)
        restore(cert, file)
        for _ in range(2):
            cert.now.advance(minutes=10)  # type: ignore[attr-defined]
            settle(*nodes)
        # Nobody opens to its old keys. That is not the same as that nobody can be reached.
        record = cert.channel(channel)
        assert record.standing is Standing.BEHIND
        assert "do not know its keys" in (record.sentence or "")
        assert "tocsin node recover" in (record.sentence or "")
        with pytest.raises(DoubtError):
            cert.note(channel, "Too early.")
        # Where others coordinate, what waits for them says why.
        with cert.reading() as session:
            waiting = errands.find_waiting(session, POLL, grid.organisation)
        assert waiting is not None
        assert "no transport key in use" in (waiting.last_reason or "")
        with cert.writing() as session:
            own_keys.recover(
                session,
                cert.office,
                CONSOLE,
                recovery=cert.recovery,
                since=cert.now(),
                now=cert.now(),
            )
        for _ in range(2):
            cert.now.advance(minutes=10)  # type: ignore[attr-defined]
            settle(*nodes)
        assert cert.channel(channel).standing is Standing.CURRENT
        for one in (channel, theirs):
            cert.note(one, "It is us again.")
        settle(*nodes)
        for one in (channel, theirs):
            assert replica(cert, one) == replica(grid, one)


def test_a_restored_member_takes_no_number_twice_and_nothing_is_told_twice(
    nodes: Nodes, tmp_path: Path
) -> None:
    cert, grid, vendor = nodes
    channel = opened(cert, grid, vendor)
    grid.note(channel, "Written, not sent when the backup was made.")
    file = backup(grid, tmp_path)
    settle(*nodes)
    for number in range(3):
        grid.note(channel, f"After the backup {number}.")
    settle(*nodes)
    restore(grid, file)
    grid.note(channel, "Before it has read anything again.")
    later(nodes)
    assert replica(grid, channel) == replica(cert, channel) == replica(vendor, channel)
    with grid.reading() as session:
        states = session.scalars(
            select(ContributionRecord.state).where(ContributionRecord.channel == channel)
        ).all()
        acts = session.scalars(select(EntryRecord.act).where(EntryRecord.channel == channel))
        assert list(acts).count("note.added") == 5
    assert set(states) == {Delivery.CONFIRMED}
    assert grid.channel(channel).restored_at is None


def test_numbers_that_are_left_out_are_within_what_a_contribution_may_leave_out() -> None:
    assert 10 * NTH_LEAP <= MAX_STEP_OF_NTH


def test_a_restored_successor_opens_no_epoch_twice(nodes: Nodes, tmp_path: Path) -> None:
    cert, grid, vendor = nodes
    channel = opened(cert, grid, vendor)
    file = backup(grid, tmp_path)
    cert.write(channel, Act.HANDOVER_OFFERED, {"successor": grid.organisation})
    settle(*nodes)
    grid.write(channel, Act.HANDOVER_ACCEPTED)
    settle(*nodes)
    cert.write(channel, Act.COORDINATOR_HANDED_OVER, {"successor": grid.organisation})
    settle(*nodes)
    assert grid.channel(channel).is_ours
    grid.note(channel, "Under the new coordinator.")
    settle(*nodes)
    before = replica(cert, channel)
    restore(grid, file)
    later(nodes)
    later(nodes)
    # The hand-over came again, and with it our own opening of the epoch: no other one was made.
    assert replica(grid, channel) == before == replica(vendor, channel)
    assert grid.channel(channel).is_ours
    assert grid.channel(channel).standing is Standing.CURRENT
    grid.note(channel, "And on.")
    settle(*nodes)
    assert replica(cert, channel) == replica(grid, channel) == replica(vendor, channel)


def test_a_contribution_that_has_seen_more_than_we_hold_shows_that_we_are_behind(
    nodes: Nodes, tmp_path: Path
) -> None:
    cert, grid, _ = nodes
    channel = opened(cert, grid)
    data = cert.settings.data / "tocsin.sqlite"
    with cert.app.app_context():
        db.engine.dispose()
    copy = data.read_bytes()
    cert.note(channel, "Lost without a word.")
    settle(*nodes)
    # Somebody copies an old database into place, past `tocsin restore`.
    with cert.app.app_context():
        db.engine.dispose()
    data.write_bytes(copy)
    for suffix in ("-wal", "-shm"):
        data.with_name(data.name + suffix).unlink(missing_ok=True)
    grid.note(channel, "Seen what was lost.")
    later(nodes)
    later(nodes)
    assert cert.channel(channel).standing is Standing.CURRENT
    assert replica(cert, channel) == replica(grid, channel)
    with cert.reading() as session:
        kept = session.scalars(
            select(EvidenceRecord.doubt).where(EvidenceRecord.channel == channel)
        ).all()
    assert kept == ["gap"]


def test_a_receipt_for_what_nobody_holds_leaves_the_choice_to_people(nodes: Nodes) -> None:
    cert, grid, _ = nodes
    channel = opened(cert, grid)
    head = cert.state(channel).head
    with grid.reading() as session:
        key = grid.office.desk(session).key
    invented = Position(head.epoch, head.seq + 14, "ab" * 32)
    jws = make_receipt(
        key, author=grid.organisation, channel=channel, head=invented, now=grid.now()
    )
    with cert.writing() as session:
        keep_receipt(session, lock_channel(session, channel), jws, cert.now())
    record = cert.channel(channel)
    assert record.standing is Standing.BEHIND
    assert "Grid holds 14 entries of it that we have lost" in (record.sentence or "")
    with pytest.raises(ConflictError):
        cert.note(channel, "Not now.")
    with away(grid):
        # Who can't be asked is waited for; who answers and does not show it is not.
        settle(*nodes)
    record = cert.channel(channel)
    assert record.standing is Standing.BEHIND
    assert "no member that answers holds" in (record.sentence or "")
    # The way out is taken: a new epoch opens without it, and everybody follows.
    with cert.reading() as session:
        desk = cert.office.desk(session)
        seen = visible_repair(session, desk, CONSOLE, channel, now=cert.now())
    assert "no member that answers holds" in seen.wrong[0]
    assert {WayOut.RETRY, WayOut.REOPEN} <= seen.ways
    with pytest.raises(ConflictError, match="held by Grid"):
        cert.does(repair.reopen, channel)
    cert.does(repair.reopen, channel, abandon_witnessed=True)
    cert.note(channel, "We go on.")
    settle(*nodes)
    assert cert.channel(channel).standing is Standing.CURRENT
    assert replica(cert, channel) == replica(grid, channel)


def test_a_promoted_standby_writes_nothing_before_the_members_were_asked(
    tmp_path: Path, postgresql_url: str
) -> None:
    databases = iter([postgresql_url, ""])
    with running(tmp_path, "CERT", "Grid", new_database=lambda: next(databases)) as (cert, grid):
        with cert.writing() as session:
            note_timeline(session, now=cert.now())
        channel = opened(cert, grid)
        with cert.writing() as session:
            assert not has_turned(session)
            session.execute(update(TimelineRecord).values(timeline="00000000"))
        with pytest.raises(DoubtError, match="promoted or recovered"):
            cert.note(channel, "Too early.")
        with cert.writing() as session:
            errands.ask(session, WATCH_DATABASE, "", now=cert.now())
        cert.work()
        assert cert.channel(channel).standing is Standing.BEHIND
        settle(cert, grid)
        assert cert.channel(channel).standing is Standing.CURRENT
        cert.note(channel, "On the new timeline.")


def test_what_was_used_up_stays_used_up(nodes: Nodes, tmp_path: Path) -> None:
    cert, *_ = nodes
    with cert.writing() as session:
        create_invitation(session, get_node(session), by="console", note=None, now=cert.now())
    file = backup(cert, tmp_path)
    restore(cert, file)
    with cert.reading() as session:
        invitations = select(InvitationRecord).where(InvitationRecord.used_at.is_(None))
        assert session.scalars(invitations).all() == []
        assert session.scalars(select(SignIn)).all() == []
    (cert.settings.data / "restoring").touch()
    with pytest.raises(SettingsError, match="did not come to its end"):
        load_settings(data=cert.settings.data)
    (cert.settings.data / "restoring").unlink()

"""Channels by file, where networks are down: exports in, contributions out and in."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from federation.archive.file_intake import Admitted, TakenIn
from federation.archive.outbox_writer import prepare_outbox
from federation.archive.verifying import verify_file
from federation.archive.writer import prepare_export
from federation.branches.openings import find_direct
from federation.judging.bundles import items_of, make_bundle
from federation.judging.doubt import Doubt, DoubtError
from federation.ledgers.ledger_records import (
    ChannelRecord,
    ContributionRecord,
    Delivery,
    EntryRecord,
    EvidenceRecord,
    StagedRecord,
    Standing,
)
from hub.channels import service
from policies.acts import Act
from policies.errors import CoordinationError
from policies.tlp import TLP
from sharing import stix
from sharing.canonical import canonical
from sharing.objects import StixObject
from sharing.records import CollectionRow, StoredObject
from tests.kit.nodes import RunningNode, running, settle

Nodes = tuple[RunningNode, RunningNode, RunningNode]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with running(tmp_path_factory.mktemp("nodes"), "CERT", "Grid", "Vendor") as (one, two, three):
        yield one, two, three


def opened(*members: RunningNode) -> str:
    """Open a case of the first; the others have joined."""
    owner, *others = members
    channel = owner.open()
    for other in others:
        owner.invite(channel, other)
    settle(*members)
    for other in others:
        other.join(channel)
    settle(*members)
    return channel


def export(node: RunningNode, channel: str, for_: RunningNode | None = None) -> bytes:
    reader = for_.organisation if for_ is not None else None
    with node.reading() as session:
        made = prepare_export(session, channel, by=node.organisation, for_=reader, now=node.now())
        return b"".join(made.lines(session))


def outbox(node: RunningNode, channel: str) -> bytes:
    with node.reading() as session:
        made = prepare_outbox(session, channel, by=node.organisation, now=node.now())
        return b"".join(made.lines(session))


def take(node: RunningNode, data: bytes) -> Any:
    with node.app.app_context():
        return node.office.files.take(io.BytesIO(data))


def refused(node: RunningNode, data: bytes) -> CoordinationError:
    with pytest.raises(CoordinationError) as caught:
        take(node, data)
    return caught.value


def holdings(node: RunningNode) -> tuple[int, ...]:
    """Count all that taking in a file could leave behind."""
    records = (ChannelRecord, EntryRecord, StagedRecord, EvidenceRecord, StoredObject)
    with node.reading() as session:
        return tuple(session.scalar(select(func.count()).select_from(one)) or 0 for one in records)


def replica(node: RunningNode, channel: str) -> tuple[list[str], list[bytes]]:
    """Give all that a node holds of a channel, in the order of its ledger."""
    with node.reading() as session:
        entries = session.scalars(
            select(EntryRecord.sha256)
            .where(EntryRecord.channel == channel)
            .order_by(EntryRecord.epoch, EntryRecord.seq)
        )
        held = session.scalars(
            select(StoredObject.content)
            .join(CollectionRow, CollectionRow.sha256 == StoredObject.sha256)
            .where(CollectionRow.collection_id == channel)
            .order_by(StoredObject.sha256)
        )
        return list(entries), list(held)


def test_a_node_without_network_works_on_by_file_and_joins_again_without_duplicates(
    nodes: Nodes,
) -> None:
    cert, grid, vendor = nodes
    channel = opened(cert, grid, vendor)
    # The networks are down: nothing settles. What cert has comes to grid on a stick.
    cert.note(channel, "Relay 7 is cut off.")
    cert.note(channel, "Relay 8 as well.", TLP.GREEN)
    grid.note(channel, "We are on batteries.")
    taken = take(grid, export(cert, channel, grid))
    assert isinstance(taken, TakenIn)
    assert (taken.standing, taken.doubt) == (Standing.CURRENT, None)
    assert replica(grid, channel) == replica(cert, channel)
    # The same file again, and an older one of another reader: nothing changes.
    before = holdings(grid)
    assert take(grid, export(cert, channel, grid)).before == taken.after
    assert take(grid, export(vendor, channel)).after == taken.after
    assert holdings(grid) == before
    # Ours goes back the same way, with who answers; twice is harmless.
    data = outbox(grid, channel)
    report = verify_file(io.BytesIO(data))
    assert (report.what.value, report.failures[0].doubt) == (
        "contributions on their way",
        Doubt.UNKNOWN_KEY,
    )
    for _ in range(2):
        admitted = take(cert, gzip.compress(data))
        assert isinstance(admitted, Admitted)
        assert [(one.act, one.failure) for one in admitted.decided] == [("note.added", None)]
    assert replica(cert, channel)[0][:-1] == replica(grid, channel)[0]
    # The file that comes back confirms it.
    take(grid, export(cert, channel, grid))
    with grid.reading() as session:
        states = session.scalars(
            select(ContributionRecord.state).where(ContributionRecord.channel == channel)
        )
        assert set(states) == {Delivery.CONFIRMED}
    # The network is back: everybody holds the same, once.
    settle(*nodes)
    cert.note(channel, "All is well.")
    settle(*nodes)
    assert replica(grid, channel) == replica(cert, channel) == replica(vendor, channel)
    with cert.reading() as session:
        acts = session.scalars(select(EntryRecord.act).where(EntryRecord.channel == channel))
        assert list(acts).count("note.added") == 4


def test_an_export_for_a_late_joiner_is_its_replica_and_nothing_more(nodes: Nodes) -> None:
    cert, grid, _ = nodes
    channel = cert.open()
    cert.note(channel, "Older and amber: not for later members.")
    cert.note(channel, "Older and green.", TLP.GREEN)
    cert.does(service.add_note, channel, text="Older, amber, opened.", later_members=True)
    cert.invite(channel, grid)
    settle(cert, grid)
    grid.join(channel)
    # By file from the first word on: the answer goes out, the ledger comes in.
    take(cert, outbox(grid, channel))
    due = export(cert, channel, grid)
    whole = export(cert, channel)
    assert len(whole) > len(due)
    assert b"not for later members" not in due
    assert b"Older, amber, opened." in due
    # A file with more than we are due brings what we are due.
    assert take(grid, whole).standing is Standing.CURRENT
    by_file = replica(grid, channel)
    assert b"".join(by_file[1]).count(b"not for later members") == 0
    settle(*nodes)
    assert replica(grid, channel) == by_file
    assert export(grid, channel).splitlines()[1:] == due.splitlines()[1:]


def test_a_file_for_somebody_else_waits_for_what_we_are_due(nodes: Nodes) -> None:
    cert, grid, vendor = nodes
    channel = opened(cert, grid)
    cert.note(channel, "Amber, before the vendor.")
    cert.invite(channel, vendor)
    settle(cert, vendor)
    vendor.join(channel)
    take(cert, outbox(vendor, channel))
    taken = take(grid, export(cert, channel, vendor))
    assert taken.standing is Standing.WAITING
    assert taken.doubt.doubt is Doubt.MISSING_OBJECT
    assert taken.doubt.refs
    settle(*nodes)
    assert grid.channel(channel).standing is Standing.CURRENT
    assert replica(grid, channel) == replica(cert, channel)


def lines_of(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def test_files_that_do_not_hold_leave_nothing_behind(nodes: Nodes) -> None:
    cert, grid, vendor = nodes
    channel = opened(cert, grid)
    cert.note(channel, "First.")
    cert.note(channel, "Second.")
    good = export(cert, channel, grid)
    rows = good.splitlines(keepends=True)
    entries = [place for place, row in enumerate(rows) if row.startswith(b'{"entry"')]
    swapped = list(rows)
    swapped[entries[-1]], swapped[entries[-2]] = swapped[entries[-2]], swapped[entries[-1]]
    altered = good.replace(b"Second.", b"Altered")
    before = holdings(grid)
    names = {
        "empty": (b"", "malformed"),
        "garbage": (b"garbage\n" * 100_000, "malformed"),
        "cut off": (good[:-7], "malformed"),
        "a line less": (b"".join(rows[:-1]), "malformed"),
        "wrong order": (b"".join(swapped), "gap"),
        "altered": (altered, "hash_mismatch"),
        "damaged gzip": (gzip.compress(good)[:-9], "malformed"),
        "more after gzip": (gzip.compress(good) + b"x", "malformed"),
        "an outbox for nobody": (
            rows[0].replace(b"export/1", b"outbox/1") + rows[entries[0]],
            "another organisation's",
        ),
        "foreign": (export(vendor, vendor.open("of the vendor's alone")), "foreign_channel"),
    }
    for what, (data, name) in names.items():
        error = refused(grid, data)
        says = error.answer if isinstance(error, DoubtError) else error.message
        assert name in says, (what, says)
    assert holdings(grid) == before
    assert take(grid, good).standing is Standing.CURRENT


def test_a_bomb_is_not_unpacked(nodes: Nodes) -> None:
    cert, grid, _ = nodes
    channel = opened(cert, grid)
    header = export(cert, channel, grid).splitlines(keepends=True)[0]
    bomb = gzip.compress(header + (b"\n" * 1_000_000) * 8)
    with pytest.raises(DoubtError) as caught, grid.app.app_context():
        grid.office.files.take(io.BytesIO(bomb), limit_bytes=1_000_000)
    assert "more than 1000000 bytes" in caught.value.answer
    long_line = gzip.compress(header + b'{"object":"' + b"x" * 8_000_000)
    assert "longer than" in refused(grid, long_line).message


def test_contributions_are_judged_one_by_one_and_refused_by_name(nodes: Nodes) -> None:
    cert, grid, vendor = nodes
    channel = opened(cert, grid, vendor)
    vendor.note(channel, "One.")
    vendor.note(channel, "Two.")
    data = outbox(vendor, channel)
    # Only the channel's owner takes them in.
    assert "another organisation's" in refused(grid, data).message
    rows = data.splitlines(keepends=True)
    before = holdings(cert)
    hidden = b"".join(row for row in rows if b"One." not in row)
    turned = rows[0] + rows[3] + rows[4] + rows[1] + rows[2]
    other = data.replace(vendor.organisation.encode(), grid.organisation.encode(), 1)
    assert refused(cert, turned).field == "malformed"
    assert refused(cert, other).field == "malformed"
    assert refused(cert, b"".join(rows[:-1])).field == "malformed"
    assert holdings(cert) == before
    decided = take(cert, hidden).decided
    assert [one.failure for one in decided] == [Doubt.MISSING_OBJECT, None]
    # What was admitted out of turn supersedes what came before it.
    assert [one.failure for one in take(cert, data).decided] == [Doubt.SUPERSEDED, None]
    settle(*nodes)


def test_a_history_that_differs_from_ours_is_a_fork_with_its_evidence(nodes: Nodes) -> None:
    cert, grid, _ = nodes
    channel = opened(cert, grid)
    state = cert.state(channel)
    shared = export(cert, channel)
    cert.note(channel, "What the grid was shown.")
    settle(*nodes)
    with cert.reading() as session:
        desk = cert.office.desk(session)
    note = StixObject.of(
        stix.note(
            "What the others were shown.",
            about=[state.identity],
            created_by=cert.organisation,
            now=cert.now(),
            marking=TLP.AMBER,
        ).value
    )
    entry = make_bundle(
        key=desk.key,
        author=cert.organisation,
        channel=channel,
        act=Act.NOTE_ADDED.value,
        body={},
        contents=items_of([note], {note.sha256: TLP.AMBER}),
        label=TLP.AMBER,
        now=cert.now(),
        position=state.next_place,
        seen=state.head,
    )
    header = json.loads(shared.splitlines()[0])["header"] | entry.position.document()
    lines = [canonical({"header": header}), *shared.splitlines()[1:]]
    lines += [canonical({"object": note.value}), canonical({"entry": entry.stix.value})]
    other = b"".join(line + b"\n" for line in lines)
    assert verify_file(io.BytesIO(other)).holds
    taken = take(grid, other)
    assert (taken.standing, taken.doubt.doubt) == (Standing.FROZEN, Doubt.FORK)
    with grid.reading() as session:
        kept = session.scalars(
            select(EvidenceRecord.doubt).where(EvidenceRecord.channel == channel)
        ).all()
    assert kept == ["fork"]
    assert "frozen here" in refused(grid, other).message


def test_a_stranger_cannot_name_a_channel_of_ours_or_open_one(nodes: Nodes) -> None:
    cert, grid, vendor = nodes
    ours = opened(cert, grid)
    direct = export(vendor, _direct(vendor, grid))
    before = holdings(grid)
    # A partner's direct channel comes unasked; here it is known already, and nothing changes.
    assert take(grid, direct).doubt is None
    # A case of which we are no member does not.
    foreign = export(cert, opened(cert, vendor))
    assert "no part in the channel" in refused(grid, foreign).message
    squatted = foreign.replace(
        json.loads(foreign.splitlines()[0])["header"]["channel"].encode(), ours.encode()
    )
    assert refused(grid, squatted).field in ("hash_mismatch", "bad_signature", "malformed")
    assert holdings(grid) == before


def _direct(owner: RunningNode, other: RunningNode) -> str:
    with owner.reading() as session:
        record = find_direct(session, owner.organisation, other.organisation)
        assert record is not None
        return record.id

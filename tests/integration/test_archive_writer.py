"""Exports that a node writes: complete, in order, and nothing that their reader is not due."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from federation.archive.report import Report
from federation.archive.verifying import verify_file
from federation.archive.writer import prepare_export
from federation.judging.bundles import Position, make_bundle
from federation.judging.doubt import Doubt
from federation.ledgers.ledger_records import ContributionRecord, EntryRecord, EvidenceRecord
from hub import clock
from policies.acts import Act
from policies.errors import ConflictError
from policies.tlp import TLP
from sharing.objects import StixObject, find
from sharing.records import StoredObject
from tests.kit.nodes import Clock, RunningNode, pair, settle

Nodes = tuple[RunningNode, RunningNode]


@pytest.fixture
def nodes(tmp_path: Path, node_url: str) -> Iterator[Nodes]:
    """Give an owner on either kind of database, and a member."""
    now = Clock()
    with clock.told_by(now):
        cert = RunningNode("CERT", tmp_path, database_url=node_url, now=now)
        grid = RunningNode("Grid", tmp_path, now=now)
        try:
            pair(cert, grid)
            settle(cert, grid)
            yield cert, grid
        finally:
            cert.close()
            grid.close()


def exported(node: RunningNode, channel: str, for_: str | None = None) -> bytes:
    with node.reading() as session:
        export = prepare_export(session, channel, by=node.organisation, for_=for_, now=node.now())
        return b"".join(export.lines(session))


def checked(data: bytes) -> Report:
    return verify_file(io.BytesIO(data))


def joined(cert: RunningNode, grid: RunningNode, tlp: TLP = TLP.AMBER) -> str:
    channel = cert.open(tlp=tlp)
    cert.invite(channel, grid)
    settle(cert, grid)
    grid.join(channel)
    settle(cert, grid)
    return channel


def note_of(node: RunningNode, channel: str, act: str = "note.added") -> tuple[Any, StixObject]:
    """Give the newest contribution of a member, and the object that it covers."""
    with node.reading() as session:
        query = select(ContributionRecord).where(
            ContributionRecord.channel == channel, ContributionRecord.act == act
        )
        row = session.scalars(query.order_by(ContributionRecord.nth.desc())).first()
        assert row is not None
        stix = find(session, row.objects[0])
        assert stix is not None
        return json.loads(row.bundle), stix


def test_what_is_hidden_from_a_late_joiner_comes_once_it_is_released(nodes: Nodes) -> None:
    cert, grid = nodes
    channel = cert.open()
    cert.note(channel, "Before they came.")
    with cert.reading() as session:
        entry = session.get_one(EntryRecord, (channel, 1, 1))
        bundle = find(session, entry.object_sha256)
    assert bundle is not None
    ref = bundle.value["contents"][0]["ref"]
    cert.invite(channel, grid)
    settle(cert, grid)
    grid.join(channel)
    settle(cert, grid)
    before = exported(cert, channel, grid.organisation)
    assert b"Before they came." not in before
    assert checked(before).holds
    cert.write(channel, Act.OBJECT_RELEASED, {"objects": [ref]})
    settle(cert, grid)
    for data in (exported(cert, channel, grid.organisation), exported(grid, channel)):
        assert b"Before they came." in data
        assert checked(data).holds


def test_a_bundle_that_was_carried_along_as_proof_is_in_it(nodes: Nodes) -> None:
    cert, grid = nodes
    first = joined(cert, grid, TLP.GREEN)
    grid.note(first, "Seen at relay 7.")
    settle(cert, grid)
    value, note = note_of(grid, first)
    second = joined(cert, grid)
    cert.write(second, Act.INTEL_SHARED, {}, [note, StixObject.of(value)])
    settle(cert, grid)
    for node in nodes:
        data = exported(node, second)
        assert value["signature"].encode() in data
        report = checked(data)
        assert report.holds, report.failures


def test_the_proof_of_a_fork_goes_with_it_and_is_named(nodes: Nodes) -> None:
    cert, grid = nodes
    channel = joined(cert, grid)
    with cert.reading() as session:
        desk = cert.office.desk(session)
        before = session.get_one(EntryRecord, (channel, 1, 1)).sha256
    with grid.reading() as session:
        member = grid.office.desk(session)
    made: dict[str, Any] = {
        "channel": channel,
        "contents": (),
        "label": TLP.AMBER,
        "now": cert.now(),
        "position": (1, 2),
        "seen": Position(1, 1, before),
    }
    # What a member signs as if it were the owner proves nothing, and spoils no export.
    made_up = make_bundle(
        key=member.key, author=grid.organisation, act=Act.NOTE_ADDED.value, body={}, **made
    )
    other = make_bundle(
        key=desk.key,
        author=cert.organisation,
        act=Act.CHANNEL_CEILING_CHANGED.value,
        body={"ceiling": "green"},
        **made,
    )
    kept = (
        (Doubt.STALE_EPOCH, made_up.stix.content),
        (Doubt.FORK, other.stix.content),
        (Doubt.FORK, b""),
        (Doubt.MALFORMED, b"{}"),
    )
    with grid.writing() as session:
        for number, (doubt, content) in enumerate(kept):
            session.add(
                EvidenceRecord(
                    channel=channel,
                    doubt=doubt.value,
                    sentence="two histories",
                    sha256=f"{number:064}",
                    content=content,
                    kept_at=grid.now(),
                )
            )
    report = checked(exported(grid, channel))
    assert [failure.doubt for failure in report.failures] == [Doubt.FORK]
    assert [line.position.sha256 for line in report.evidence] == [other.sha256]


def test_what_was_not_read_yet_can_not_be_exported(nodes: Nodes) -> None:
    cert, grid = nodes
    channel = cert.open()
    cert.invite(channel, grid)
    settle(cert, grid)
    grid.join(channel)
    with pytest.raises(ConflictError, match="nothing of this channel"):
        exported(grid, channel)


def test_a_store_that_lost_an_entry_says_so(nodes: Nodes) -> None:
    cert, _ = nodes
    channel = cert.open()
    with cert.writing() as session:
        entry = session.get_one(EntryRecord, (channel, 1, 0))
        session.execute(delete(StoredObject).where(StoredObject.sha256 == entry.object_sha256))
    with pytest.raises(ConflictError, match="entry 1/0 are missing"):
        exported(cert, channel)

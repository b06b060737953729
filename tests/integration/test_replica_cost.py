"""What a pull costs: how often it writes, and that a bell for old news costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from federation.ledgers.sources import PULL
from federation.partners.heads import Head
from federation.replicas import applying, replica
from federation.work.errands import find_waiting
from sharing.db import db
from tests.kit.nodes import RunningNode, running, settle


@contextmanager
def counted_commits(node: RunningNode) -> Iterator[list[object]]:
    commits: list[object] = []

    def count(connection: object) -> None:
        commits.append(connection)

    with node.app.app_context():
        engine = db.engine
    event.listen(engine, "commit", count)
    try:
        yield commits
    finally:
        event.remove(engine, "commit", count)


@contextmanager
def case_of_two(folder: Path) -> Iterator[tuple[RunningNode, RunningNode, str]]:
    with running(folder, "CERT", "Grid") as (cert, grid):
        case = cert.open("3CX")
        cert.invite(case, grid)
        settle(cert, grid)
        grid.join(case)
        settle(cert, grid)
        yield cert, grid, case


def pull(node: RunningNode, channel: str) -> int:
    with counted_commits(node) as commits, node.app.app_context():
        assert node.office.replicas.pull(channel) is None
    return len(commits)


def test_what_is_new_is_staged_and_applied_by_one_commit(tmp_path: Path) -> None:
    with case_of_two(tmp_path) as (cert, grid, case):
        cert.note(case, "Relay 7 is isolated.")
        assert pull(grid, case) == 1
        assert grid.channel(case).seq == cert.channel(case).seq


def test_a_pull_that_brings_nothing_writes_nothing(tmp_path: Path) -> None:
    with case_of_two(tmp_path) as (_, grid, case):
        assert pull(grid, case) == 0


def test_a_page_of_more_entries_than_one_transaction_takes_is_applied_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = 10
    for module in (applying, replica):
        monkeypatch.setattr(module, "ENTRIES_PER_TRANSACTION", at_once)
    with case_of_two(tmp_path) as (cert, grid, case):
        for number in range(at_once + 3):
            cert.note(case, f"Note {number}")
        pull(grid, case)
        assert grid.channel(case).seq == cert.channel(case).seq


def asked_by_a_bell(grid: RunningNode, cert: RunningNode, head: Head) -> bool:
    with grid.writing() as session:
        grid.office.rounds.hear(session, cert.organisation, head, grid.now())
    with grid.reading() as session:
        return find_waiting(session, PULL, head.channel) is not None


def test_a_bell_for_what_is_here_asks_for_nothing(tmp_path: Path) -> None:
    with case_of_two(tmp_path) as (cert, grid, case):
        cert.note(case, "Relay 7 is isolated.")
        record = cert.channel(case)
        assert record.epoch is not None
        assert record.seq is not None
        assert record.head_sha256 is not None
        news = Head(case, record.epoch, record.seq, record.head_sha256)
        assert asked_by_a_bell(grid, cert, news)
        settle(cert, grid)
        assert not asked_by_a_bell(grid, cert, news)

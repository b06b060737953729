"""What a pull costs: how often it writes, and that a bell for old news costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import event

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
    tmp_path: Path,
) -> None:
    with case_of_two(tmp_path) as (cert, grid, case):
        for number in range(130):
            cert.note(case, f"Note {number}")
        pull(grid, case)
        assert grid.channel(case).seq == cert.channel(case).seq

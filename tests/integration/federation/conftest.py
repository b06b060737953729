"""Two nodes for the tests of this folder, and one clock for both."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.federation.nodes import Clock, RunningNode


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cert(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path, clock: Clock
) -> Iterator[RunningNode]:
    """A node on SQLite; on both kinds of database where the test asks for `tables_url`."""
    if "tables_url" in request.fixturenames:
        url: str = request.getfixturevalue("tables_url")
    else:
        url = f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'cert.db')}"
    node = RunningNode("Example CERT", tmp_path / "cert", url, clock)
    yield node
    node.stop()


@pytest.fixture
def operator(tmp_path: Path, sqlite_template: Path, clock: Clock) -> Iterator[RunningNode]:
    url = f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'operator.db')}"
    node = RunningNode("Grid operator", tmp_path / "operator", url, clock)
    yield node
    node.stop()


@pytest.fixture
def paired(cert: RunningNode, operator: RunningNode) -> RunningNode:
    """The CERT, paired with the operator."""
    cert.pair_with(operator)
    return cert

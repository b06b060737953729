"""Nodes in earnest whose database goes back to an earlier moment: nothing lost, nothing twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from policies.errors import ConflictError, UnavailableError
from sharing.db import db
from tests.faults.chaos import NAMES, PATIENCE_SECONDS, Chaos
from tests.kit.histories import assert_one_chain, history_of
from tests.kit.processes import NodeProcesses, Postgresql, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.soak]
ROOT = Path(__file__).parents[2]


def started(stack: ExitStack, folder: Path, chance: random.Random, database_url: str) -> Chaos:
    """Run three nodes; the first on the database that is given, in two processes."""
    nodes = []
    for name in NAMES:
        first = name == NAMES[0]
        node = NodeProcesses(
            name,
            folder,
            database_url=database_url if first else "",
            serve=("web", "worker") if first else ("serve",),
            web_processes=1,
            poll_seconds=1,
        )
        stack.callback(node.close)
        node.start()
        nodes.append(node)
    for node in nodes:
        node.wait_ready()
    chaos = Chaos(nodes, [], None, chance)
    chaos.found()
    return chaos


def tocsin(node: NodeProcesses, *arguments: str) -> None:
    """Run a command of a node in a process of its own."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "TOCSIN_DATA": str(node.settings.data),
        "PYTHONPATH": str(ROOT),
    }
    if not node.settings.on_sqlite:
        environment["TOCSIN_DATABASE_URL"] = node.settings.database_address
    command = [sys.executable, "-m", "hub.commands", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()


def say(chaos: Chaos, word: str) -> None:
    """Have everybody say something everywhere, and wait until everybody has heard it."""
    for node in chaos.nodes:
        for channel in chaos.channels:
            note(chaos, node, channel, f"{node.name}: {word}")
    chaos.settle()


def note(chaos: Chaos, node: NodeProcesses, channel: str, text: str) -> None:
    """Write a note as soon as it is taken."""
    wait_until(
        lambda: noted(node, channel, text), chaos.last_words, seconds=PATIENCE_SECONDS, step=0.2
    )
    chaos.kept.append((channel, text))


def noted(node: NodeProcesses, channel: str, text: str) -> bool:
    """Write a note; tell whether it was taken: not while the channel is behind."""
    try:
        node.note(channel, text)
    except (ConflictError, UnavailableError):
        return False
    return True


def compare(chaos: Chaos) -> None:
    """See that all hold one history, byte for byte, with everything in it once.

    What a restored node has forgotten of its outbox stands in the ledger.
    """
    for channel in chaos.channels:
        one, *others = (history_of(node, channel) for node in chaos.nodes)
        assert_one_chain(one)
        for other in others:
            assert [entry.sha256 for entry in other.entries] == [
                entry.sha256 for entry in one.entries
            ]
            assert dict(other.contents) == dict(one.contents)
            assert other.staged == one.staged == 0
        expected = sorted(text for place, text in chaos.kept if place == channel)
        assert sorted(one.texts()) == expected
    for node in chaos.nodes:
        assert node.bugs() == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", [0, 1, 2], ids=NAMES)
def test_a_restored_node_goes_on_where_the_others_are(
    tmp_path: Path, chance: random.Random, place: int
) -> None:
    with ExitStack() as stack:
        chaos = started(stack, tmp_path, chance, "")
        node = chaos.nodes[place]
        say(chaos, "before the backup")
        tocsin(node, "backup", str(tmp_path / "node.tar"))
        say(chaos, "after the backup")
        node.kill()
        with node.app.app_context():
            db.engine.dispose()
        tocsin(node, "restore", "--force", str(tmp_path / "node.tar"))
        node.start()
        node.wait_ready()
        chaos.settle()
        say(chaos, "after the restore")
        compare(chaos)


@pytest.mark.timeout(300)
def test_a_promoted_standby_goes_on_where_the_others_are(
    tmp_path: Path, chance: random.Random, cluster: Postgresql
) -> None:
    with ExitStack() as stack:
        chaos = started(stack, tmp_path, chance, cluster.database("cert"))
        say(chaos, "heard by the standby")
        cluster.take_copy()
        say(chaos, "never heard by the standby")
        cluster.promote_copy()
        chaos.nodes[0].wait_ready()
        note(chaos, chaos.nodes[0], chaos.channels[0], "CERT: at once")
        chaos.settle()
        say(chaos, "after the promotion")
        compare(chaos)

"""Nodes in earnest that are put back to an earlier moment: how they are run, told and compared."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from policies.errors import ConflictError, UnavailableError
from policies.tlp import TLP
from sharing.db import db
from tests.faults.chaos import NAMES, PATIENCE_SECONDS, Chaos
from tests.kit.histories import assert_one_chain, history_of
from tests.kit.processes import NodeProcesses, wait_until

_ROOT: Final = Path(__file__).parents[2]


def started(
    stack: ExitStack,
    folder: Path,
    chance: random.Random,
    databases: Mapping[str, str] | None = None,
) -> Chaos:
    """Run three nodes, those on a database of their own choice in two processes.

    Args:
        databases: name of the node → its database's URL.
    """
    nodes = []
    for name in NAMES:
        url = (databases or {}).get(name, "")
        node = NodeProcesses(
            name,
            folder,
            database_url=url,
            serve=("web", "worker") if url or name == NAMES[0] else ("serve",),
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


def tocsin(node: NodeProcesses, *arguments: str, code: int = 0) -> str:
    """Run a command of a node in a process of its own; give what it printed."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "TOCSIN_DATA": str(node.settings.data),
        "PYTHONPATH": str(_ROOT),
    }
    if not node.settings.on_sqlite:
        environment["TOCSIN_DATABASE_URL"] = node.settings.database_address
    command = [sys.executable, "-m", "hub.commands", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=300)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode()


def asks(node: NodeProcesses, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Run a command for a machine; give its answer."""
    found: dict[str, Any] = json.loads(tocsin(node, *arguments, "--json", code=code))
    return found


def restore(node: NodeProcesses, file: Path) -> None:
    """Lose a node at once, and put a backup in its place; it does not run yet."""
    node.kill()
    with node.app.app_context():
        db.engine.dispose()
    tocsin(node, "restore", "--force", str(file))


def say(chaos: Chaos, word: str, nodes: Sequence[NodeProcesses] = ()) -> None:
    """Have everybody say something everywhere, and wait until everybody has heard it."""
    for node in nodes or chaos.nodes:
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
        node.note(channel, text, TLP.GREEN)
    except (ConflictError, UnavailableError):
        return False
    return True


def compare(chaos: Chaos, opened_anew: Mapping[str, int] | None = None) -> None:
    """See that all hold one history, byte for byte, with everything in it once.

    What a restored node has forgotten of its outbox stands in the ledger.

    Args:
        opened_anew: channel whose second epoch is open → how many objects of the part that was
            left its members keep, in case they are covered anew.
    """
    for channel in chaos.channels:
        one, *others = (history_of(node, channel) for node in chaos.nodes)
        left = (opened_anew or {}).get(channel)
        assert_one_chain(one, epochs=1 if left is None else 2)
        assert one.staged == 0
        for other in others:
            assert [entry.sha256 for entry in other.entries] == [
                entry.sha256 for entry in one.entries
            ]
            assert dict(other.contents) == dict(one.contents)
            assert other.staged == (left or 0), other.node
        expected = sorted(text for place, text in chaos.kept if place == channel)
        assert sorted(one.texts()) == expected
    for node in chaos.nodes:
        assert node.bugs() == []

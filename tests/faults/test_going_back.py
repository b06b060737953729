"""Nodes in earnest that are put back from an old backup: nothing lost, nothing twice, or told."""

from __future__ import annotations

import random
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from federation.ledgers.ledger_records import Standing
from hub.channels import service
from policies.errors import ConflictError
from tests.faults.chaos import NAMES, PATIENCE_SECONDS, Chaos
from tests.faults.going_back import compare, note, restore, say, started, tocsin
from tests.kit.processes import NodeProcesses, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.soak]
MANY: Final = 10
"""How often everybody speaks everywhere while a backup grows old."""


def grow_old(chaos: Chaos, place: int) -> None:
    """Let happen in the channels what happens in weeks, while the backup of one node lies there.

    Much is written, the others change their keys, and one of them leaves the case and comes back.
    """
    cert, grid, vendor = chaos.nodes
    others = [node for node in chaos.nodes if node is not chaos.nodes[place]]
    for number in range(MANY):
        for node in chaos.nodes:
            for channel in chaos.channels:
                note(chaos, node, channel, f"{node.name}: long after the backup, {number}")
    chaos.settle()
    for node in others:
        tocsin(node, "node", "rotate-key")
    say(chaos, "with new keys")
    case, wanderer = chaos.channels[0], vendor if place == 1 else grid
    wanderer.does(service.leave, case)
    wait_until(
        lambda: wanderer.organisation not in cert.state(case).joined,
        chaos.last_words,
        seconds=PATIENCE_SECONDS,
    )
    for node in (one for one in chaos.nodes if one is not wanderer):
        note(chaos, node, case, f"{node.name}: while one is away")
    chaos.settle()
    cert.invite(case, wanderer)
    wait_until(lambda: joins(wanderer, case), chaos.last_words, seconds=PATIENCE_SECONDS, step=0.2)
    chaos.settle()
    say(chaos, "all together again")


def joins(node: NodeProcesses, channel: str) -> bool:
    """Join; tell whether the invitation was there. The one before it was answered long ago."""
    try:
        node.join(channel)
    except ConflictError:
        return False
    return True


@pytest.mark.timeout(600)
@pytest.mark.parametrize("place", [0, 1, 2], ids=NAMES)
def test_a_node_restored_from_an_old_backup_goes_on_where_the_others_are(
    tmp_path: Path, chance: random.Random, place: int
) -> None:
    with ExitStack() as stack:
        chaos = started(stack, tmp_path, chance)
        node = chaos.nodes[place]
        say(chaos, "before the backup")
        tocsin(node, "backup", str(tmp_path / "node.tar"))
        grow_old(chaos, place)
        before = {channel: node.channel(channel).head_sha256 for channel in chaos.channels}
        restore(node, tmp_path / "node.tar")
        for channel in chaos.channels:
            assert node.channel(channel).head_sha256 != before[channel]
            assert (node.channel(channel).standing is Standing.BEHIND) == node.channel(
                channel
            ).is_ours
        node.start()
        node.wait_ready()
        chaos.settle()
        say(chaos, "after the restore")
        compare(chaos)

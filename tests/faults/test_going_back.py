"""Nodes in earnest that are put back from an old backup: nothing lost, nothing twice, or told."""

from __future__ import annotations

import random
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from federation.identity.keystore import recovery_pem
from federation.ledgers.ledger_records import Standing
from federation.rounds.rounds import POLL
from federation.work.errands import find_waiting
from hub.channels import service
from policies.errors import ConflictError
from tests.faults.chaos import NAMES, PATIENCE_SECONDS, Chaos
from tests.faults.going_back import asks, compare, note, noted, restore, say, started, tocsin
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


def why_unheard(node: NodeProcesses, partner: NodeProcesses) -> str:
    """Give why a node can't ask a partner where its channels stand."""
    with node.reading() as session:
        waiting = find_waiting(session, POLL, partner.organisation)
    return (waiting.last_reason if waiting is not None else None) or ""


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


@pytest.mark.timeout(600)
def test_with_nobody_to_ask_the_channel_is_behind_until_an_administrator_opens_it_anew(
    tmp_path: Path, chance: random.Random
) -> None:
    with ExitStack() as stack:
        chaos = started(stack, tmp_path, chance)
        cert, *others = chaos.nodes
        case, _ = chaos.channels
        say(chaos, "before the backup")
        tocsin(cert, "backup", str(tmp_path / "node.tar"))
        say(chaos, "after the backup")
        for node in others:
            node.kill()
        restore(cert, tmp_path / "node.tar")
        cert.start()
        cert.wait_ready()
        wait_until(
            lambda: "no member can be reached" in (cert.channel(case).sentence or ""),
            chaos.last_words,
            seconds=PATIENCE_SECONDS,
        )
        # It is named, the way out stands there, and nothing is written until it is taken.
        assert cert.channel(case).standing is Standing.BEHIND
        told = asks(cert, "channel", "repair", case, code=1)
        assert "no member can be reached" in told["wrong"][0]
        assert {"retry", "reopen"} <= set(told["ways"])
        assert not noted(cert, case, "CERT: too early")
        tocsin(cert, "channel", "repair", case, "--reopen")
        note(chaos, cert, case, "CERT: after opening anew")
        # The others come back, follow, and offer again what stood in the part that was left.
        for node in others:
            node.start()
        for node in others:
            node.wait_ready()
        chaos.settle()
        say(chaos, "after all")
        # Only what the coordinator itself had said in that part is not history any more. It is
        # shown by those who hold it still.
        chaos.kept.remove((case, "CERT: after the backup"))
        compare(chaos, opened_anew={case: 1})
        for node in others:
            abandoned = asks(node, "channel", "repair", case)["abandoned"]
            assert {one["act"] for one in abandoned} >= {"note.added"}, abandoned


@pytest.mark.timeout(900)
@pytest.mark.parametrize("place", [0, 1], ids=NAMES[:2])
def test_a_backup_from_before_ones_own_change_of_keys_is_told_and_the_recovery_key_mends_it(
    tmp_path: Path, chance: random.Random, place: int
) -> None:
    """Each of the two coordinates one of the channels, and is a member of the other one."""
    with ExitStack() as stack:
        chaos = started(stack, tmp_path, chance)
        node, ours = chaos.nodes[place], chaos.channels[place]
        recovery = tmp_path / "recovery.pem"
        recovery.write_text(recovery_pem(node.recovery))
        say(chaos, "before the backup")
        tocsin(node, "backup", str(tmp_path / "node.tar"))
        tocsin(node, "node", "rotate-key")
        say(chaos, "with new keys")
        restore(node, tmp_path / "node.tar")
        node.start()
        node.wait_ready()
        # Its keys are those of long ago, and open nothing any more. Where it coordinates, the
        # channel says so; elsewhere what waits does.
        wait_until(
            lambda: "tocsin node recover" in (node.channel(ours).sentence or ""),
            lambda: str(node.channel(ours).sentence),
            seconds=PATIENCE_SECONDS,
            step=0.5,
        )
        assert node.channel(ours).standing is Standing.BEHIND
        assert not noted(node, ours, "too early")
        wait_until(
            lambda: "no transport key in use" in why_unheard(node, chaos.nodes[1 - place]),
            lambda: why_unheard(node, chaos.nodes[1 - place]),
            seconds=PATIENCE_SECONDS,
            step=0.5,
        )
        tocsin(node, "node", "recover", "--recovery-key", str(recovery))
        chaos.settle()
        say(chaos, "after the recovery")
        compare(chaos)

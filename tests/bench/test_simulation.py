"""How many acts of simulated worlds the real rules judge, and the oracle checks, in a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.bench.figures import machine
from tests.simulation import kept, memory
from tests.simulation.machine import Simulation
from tests.simulation.play import Play
from tests.simulation.test_simulation import CALM

pytestmark = pytest.mark.bench

ACTS_PER_SECOND: Final = 1000
WORLDS: Final = 60
ROUNDS: Final = 3
"""The best of them counts: what else runs on the machine only ever makes it slower."""


@contextmanager
def counted(place: Any, name: str) -> Iterator[list[int]]:
    """Count how often something is called."""
    count, called = [0], getattr(place, name)

    def counting(*args: Any, **named: Any) -> Any:
        count[0] += 1
        return called(*args, **named)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(place, name, counting)
        yield count


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def play_worlds() -> None:
    how = settings(CALM, max_examples=WORLDS, stateful_step_count=40, derandomize=True)
    run_state_machine_as_test(Simulation, settings=how)


def check_signatures() -> None:
    key = Ed25519PrivateKey.generate()
    signature, public = key.sign(b"x" * 1000), key.public_key()
    for _ in range(2000):
        public.verify(signature, b"x" * 1000)


def test_simulated_worlds_go_on_as_fast_as_promised() -> None:
    """An act is a step that people, the network or a clock take; coming to rest counts as one.

    What is refused or lost counts too: refusing it is what the rules are for.

    The seconds are processor time of the whole machine: hypothesis' choices, the nodes, judging,
    and at each rest the oracle's checks, serving everything to everybody, and making every
    ledger again.
    """
    sys.stdout.write(f"\nSimulated worlds in memory: {machine()}\n")
    best = 0.0
    for _ in range(ROUNDS):
        with (
            counted(Play, "_step") as acts,
            counted(kept, "judge_entry") as judged,
            counted(memory, "judge_entry") as again,
        ):
            seconds = cpu_seconds(play_worlds)
        best = max(best, acts[0] / seconds)
        signatures = 2000 / cpu_seconds(check_signatures)
        sys.stdout.write(
            f"{acts[0]} acts, {judged[0]} entries judged and {again[0]} made again"
            f" in {seconds:.1f} s of processor time: {acts[0] / seconds:.0f} acts a second;"
            f" {signatures:.0f} bare signatures checked a second\n"
        )
    assert best >= ACTS_PER_SECOND

"""The stateful machine: hypothesis chooses what happens, and makes what breaks something small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.simulation.play import Found
from tests.simulation.steps import CEILINGS, WAYS, Chooser, Pick
from tests.simulation.world import World

T = TypeVar("T")


CHOICES: Final = st.binary(min_size=24, max_size=24)
"""What one step chooses by: drawn at once, because a draw costs as much as a step."""


def drawn(choices: bytes) -> Pick:
    """Let hypothesis pick: each byte decides once; where none is left, the first is taken."""
    left = iter(choices)

    def pick(options: Sequence[T]) -> T:
        return options[next(left, 0) % len(options)]

    return pick


class Simulation(RuleBasedStateMachine):
    """A world that hypothesis plays with; at the end it comes to rest, and everything holds."""

    found: Found | None = None

    @initialize(
        count=st.sampled_from((3, 4, 5)),
        ceiling=st.sampled_from(CEILINGS),
        ways=st.sampled_from(WAYS),
    )
    def begin(self, count: int, ceiling: str, ways: tuple[str, ...]) -> None:
        self.world = World(type(self).found, count=count, ceiling=ceiling, ways=ways)

    def _choose(self, choices: bytes) -> Chooser:
        return Chooser(self.world, drawn(choices))

    @rule(choices=CHOICES)
    def write(self, choices: bytes) -> None:
        self._choose(choices).write()

    @rule(choices=CHOICES)
    def change(self, choices: bytes) -> None:
        self._choose(choices).change()

    @rule(choices=CHOICES)
    def come(self, choices: bytes) -> None:
        self._choose(choices).come()

    @rule(choices=CHOICES)
    def go(self, choices: bytes) -> None:
        self._choose(choices).go()

    @rule(choices=CHOICES)
    def lead(self, choices: bytes) -> None:
        self._choose(choices).lead()

    @rule(choices=CHOICES)
    def relay(self, choices: bytes) -> None:
        self._choose(choices).relay()

    @rule(choices=CHOICES)
    def keys(self, choices: bytes) -> None:
        self._choose(choices).keys()

    @rule(choices=CHOICES)
    def succeed(self, choices: bytes) -> None:
        self._choose(choices).succeed()

    @rule(choices=CHOICES)
    def work(self, choices: bytes) -> None:
        self._choose(choices).work()

    @rule(choices=CHOICES)
    def fail(self, choices: bytes) -> None:
        self._choose(choices).fail()

    @rule()
    def settle(self) -> None:
        self.world.settle(anew=False)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.settle()

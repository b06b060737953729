"""The stateful machine: hypothesis chooses what happens, and makes what breaks something small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.simulation.steps import CEILINGS, Chooser, Pick
from tests.simulation.world import Found, World

T = TypeVar("T")


def drawn(data: st.DataObject) -> Pick:
    """Let hypothesis pick."""

    def pick(options: Sequence[T]) -> T:
        return data.draw(st.sampled_from(options))

    return pick


class Simulation(RuleBasedStateMachine):
    """A world that hypothesis plays with; at the end it comes to rest, and everything holds."""

    found: Found | None = None

    @initialize(count=st.sampled_from((3, 4, 5)), ceiling=st.sampled_from(CEILINGS))
    def begin(self, count: int, ceiling: str) -> None:
        self.world = World(type(self).found, count=count, ceiling=ceiling)

    def _choose(self, data: st.DataObject) -> Chooser:
        return Chooser(self.world, drawn(data))

    @rule(data=st.data())
    def write(self, data: st.DataObject) -> None:
        self._choose(data).write()

    @rule(data=st.data())
    def change(self, data: st.DataObject) -> None:
        self._choose(data).change()

    @rule(data=st.data())
    def come(self, data: st.DataObject) -> None:
        self._choose(data).come()

    @rule(data=st.data())
    def go(self, data: st.DataObject) -> None:
        self._choose(data).go()

    @rule(data=st.data())
    def lead(self, data: st.DataObject) -> None:
        self._choose(data).lead()

    @rule(data=st.data())
    def work(self, data: st.DataObject) -> None:
        self._choose(data).work()

    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        self._choose(data).fail()

    @rule()
    def settle(self) -> None:
        self.world.settle()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.settle()

"""A play on whole nodes that goes the same way each time: one past, and worlds that begin with it.

The past is played once. Each world begins with copies of its data, under the same keys and
addresses, and goes on in steps. Each step has a time and a source of chance of its own, by its
number: whatever a world does more or less in one step moves nothing in the next.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

import pytest

from hub import clock
from sharing.db import db
from tests.kit.nodes import Clock, RunningNode, pair, settle
from tests.kit.paired import Paired

STEP: Final = timedelta(milliseconds=100)
Nodes = dict[str, RunningNode]


class Steps:
    """The time, which stands within a step, and what looks like chance within it.

    Args:
        began: when the first step is.
    """

    def __init__(self, began: datetime) -> None:
        self._now = began
        self._number = 0
        self._chance = Random(0)

    def __call__(self) -> datetime:
        return self._now

    def go_on(self) -> None:
        """Begin the next step."""
        self._number += 1
        self._now += STEP
        self.repeat()

    def skip(self, count: int) -> None:
        """Leave out steps that another world takes."""
        for _ in range(count):
            self.go_on()

    def repeat(self) -> None:
        """Begin anew with the chance of this step."""
        self._chance = Random(self._number)

    def bytes(self, count: int) -> bytes:
        """Give what looks like chance."""
        return self._chance.randbytes(count)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Let everybody in this process take time and chance from here."""
        with pytest.MonkeyPatch.context() as patched, clock.told_by(self):
            patched.setattr(os, "urandom", self.bytes)
            patched.setattr(random, "_urandom", self.bytes)
            yield


class Stage:
    """Nodes with a past, of which any number of worlds begin.

    Args:
        folder: for the data of all worlds.
        names: of the nodes; the first is everybody's partner.
        past: what is played before.
        away: those among them that have gone off when the worlds begin.
    """

    def __init__(
        self,
        folder: Path,
        names: Sequence[str],
        past: Callable[[Nodes], None],
        away: Sequence[str] = (),
    ) -> None:
        self._folder, self._names = folder, tuple(names)
        self._paired = Paired(names)
        self._away = frozenset(away)
        self._worlds = 0
        now = Clock()
        with clock.told_by(now), ExitStack() as stack:
            nodes = [
                _run(stack, name, folder / "past", now=now, port=port)
                for name, port in zip(names, self._paired.ports, strict=True)
            ]
            for other in nodes[1:]:
                pair(nodes[0], other)
            settle(*nodes)
            past(dict(zip(names, nodes, strict=True)))
            settle(*nodes)
            for node in nodes:
                with node.app.app_context():
                    db.engine.dispose()
            self._paired.keep(folder / "past", [node.recovery for node in nodes], at=now())

    @contextmanager
    def world(self) -> Iterator[tuple[Nodes, Steps]]:
        """Give the nodes as they were when the past had been played, in a world of their own."""
        self._worlds += 1
        folder = self._folder / f"world{self._worlds}"
        self._paired.lay_out(folder)
        assert self._paired.at is not None
        steps = Steps(self._paired.at)
        given = zip(self._names, self._paired.ports, self._paired.recoveries, strict=True)
        with steps.counted(), ExitStack() as stack:
            steps.go_on()
            yield (
                {
                    name: _run(stack, name, folder, now=steps, port=port, recovery=recovery)
                    for name, port, recovery in given
                    if name not in self._away
                },
                steps,
            )


def _run(stack: ExitStack, name: str, folder: Path, **given: object) -> RunningNode:
    node = RunningNode(name, folder, **given)  # type: ignore[arg-type]
    stack.callback(node.close)
    return node

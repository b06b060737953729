"""A world of a few nodes around one channel, and every step that it can take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from policies.acts import Act
from tests.simulation.checks import Checks
from tests.simulation.key_steps import KeySteps
from tests.simulation.oracle import FOREVER
from tests.simulation.play import PAGE, BrokenError, Fault, Play
from tests.simulation.relay_steps import RelaySteps
from tests.simulation.succession_steps import SuccessionSteps

ROUNDS: Final = 40
SHRINK_SECONDS: Final = 40


class World(Checks, RelaySteps, KeySteps, SuccessionSteps):
    """Some nodes around one channel."""

    def invite(self, by: str, who: str) -> None:
        self._step("invite", by, who)

        def act() -> None:
            self.invitations[who] = self.nodes[by].invite(self.nodes[who])

        self._try(act)

    def join(self, who: str) -> None:
        self._step("join", who)
        self._answer(who, Act.MEMBER_JOINED)

    def decline(self, who: str) -> None:
        self._step("decline", who)
        self._answer(who, Act.MEMBER_DECLINED)

    def note(self, by: str, tlp: str | None, *, later: bool | None = None) -> None:
        """Write a note; with consent for later members or without."""
        self._step("note", by, tlp, later=later)
        self._write_thing(by, Act.NOTE_ADDED, tlp, later)

    def share(self, by: str, tlp: str | None, *, later: bool | None = None) -> None:
        """Share intelligence, which is open to later members unless the author says no."""
        self._step("share", by, tlp, later=later)
        self._write_thing(by, Act.INTEL_SHARED, tlp, later)

    def release(self, by: str, number: int) -> None:
        self._step("release", by, number)
        self._about(by, Act.OBJECT_RELEASED, number)

    def recall(self, by: str, number: int) -> None:
        self._step("recall", by, number)
        self._about(by, Act.OBJECT_RECALLED, number)

    def leave(self, who: str) -> None:
        self._step("leave", who)
        self._write(who, Act.MEMBER_LEFT)

    def remove(self, by: str, who: str) -> None:
        self._step("remove", by, who)
        self._write(by, Act.MEMBER_REMOVED, {"organisation": self.nodes[who].organisation})

    def suspend(self, by: str, who: str) -> None:
        self._step("suspend", by, who)
        self._write(by, Act.MEMBER_SUSPENDED, {"organisation": self.nodes[who].organisation})

    def resume(self, by: str, who: str) -> None:
        self._step("resume", by, who)
        self._write(by, Act.MEMBER_RESUMED, {"organisation": self.nodes[who].organisation})

    def lower(self, by: str, ceiling: str) -> None:
        self._step("lower", by, ceiling)
        self._write(by, Act.CHANNEL_CEILING_CHANGED, {"ceiling": ceiling})

    def hand_over(self, by: str, to: str, *, step: str) -> None:
        """Offer, accept, or complete a hand-over."""
        self._step("hand_over", by, to, step=step)
        successor = {"successor": self.nodes[to].organisation}
        if step == "offer":
            self._write(by, Act.HANDOVER_OFFERED, successor)
        elif step == "accept":
            self._write(to, Act.HANDOVER_ACCEPTED)
        else:
            self._write(by, Act.COORDINATOR_HANDED_OVER, successor)

    def deliver(self, who: str, *, lost: str | None = None) -> None:
        self._step("deliver", who, lost=lost)
        self._try(lambda: self.nodes[who].deliver(self._connect(who, Fault(lost=lost))))

    def pull(
        self, who: str, *, pages: int = FOREVER, limit: int = PAGE, shuffled: bool = False
    ) -> None:
        self._step("pull", who, pages=pages, limit=limit, shuffled=shuffled)
        fault = Fault(pages=pages, limit=limit, shuffled=shuffled)
        self._pull(who, fault)

    def rewind(self, who: str) -> None:
        """Let everything come again that came before."""
        self._step("rewind", who)
        self._try(self.nodes[who].rewind)

    def cut(self, who: str) -> None:
        self._step("cut", who)
        self.apart.add(who)

    def part(self, one: str, other: str) -> None:
        """Close the way between two nodes; others may go on to reach both."""
        self._step("part", one, other)
        self.closed.add(frozenset((one, other)))

    def heal(self) -> None:
        self._step("heal")
        self.apart.clear()
        self.closed.clear()

    def crash(self, who: str, where: str) -> None:
        """Let a node die at its next commit, just before it or just after."""
        self._step("crash", who, where)
        self.nodes[who].dies = where

    def wait(self, who: str, seconds: int) -> None:
        """Let a clock run ahead of the others, or fall behind."""
        self._step("wait", who, seconds)
        self.skews[who] = self.skews.get(who, 0) + seconds

    def settle(self, *, anew: bool = True) -> None:
        """Heal the network, let everybody do what waits until nothing changes, and look.

        Args:
            anew: every ledger is made again from its first entry on; else, where a node can, from
                where it was made again the last time.
        """
        self._step("settle", anew=anew)
        self.apart.clear()
        self.closed.clear()
        for node in self.nodes.values():
            node.dies = None
        before: object = None
        for _ in range(ROUNDS):
            for name, node in self.nodes.items():
                self._try(lambda node=node, name=name: node.deliver(self._connect(name)))  # type: ignore[misc]
                self._pull(name, Fault())
            self._hear()
            after = [(node.state(), node.pending()) for node in self.nodes.values()]
            if after == before:
                break
            before = after
        else:
            self._broken("the nodes do not come to rest")
        self._check(anew=anew)

    def _pull(self, who: str, fault: Fault) -> None:
        node = self.nodes[who]
        if self.openings:
            self._follow(node, lambda: node.pull(self._connect(who, fault)))
        else:
            self._try(lambda: node.pull(self._connect(who, fault)))


def smallest(error: BrokenError) -> BrokenError:
    """Leave out every step without which it still breaks; give what is left."""
    seconds = time.process_time() + SHRINK_SECONDS
    size = max(1, len(error.world.steps) // 2)
    while size:
        place = 0
        while place < len(error.world.steps) and time.process_time() < seconds:
            steps = error.world.steps
            shorter = _breaks(error.world, steps[:place] + steps[place + size :])
            if shorter is None:
                place += size
            else:
                error = shorter
        size //= 2
    return error


def _breaks(world: Play, steps: Sequence[str]) -> BrokenError | None:
    try:
        again = World(world.found, count=world.count, ceiling=world.ceiling, ways=world.ways)
        for step in steps:
            eval(f"again.{step}", {}, {"again": again})  # noqa: S307 - our own words
    except BrokenError as error:
        return error
    return None

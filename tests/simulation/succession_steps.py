"""Steps of a succession: silence, endorsements, taking over, and looking at what others hold.

Source: protocol, 11.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

from tests.simulation.nodes import SimNode
from tests.simulation.oracle import bundle_hash
from tests.simulation.play import Fault, Play

SILENCE = timedelta(minutes=61)


class SuccessionSteps(Play):
    """A world in which an owner may be lost, and come back."""

    def silence(self) -> None:
        """Let so much time pass that an owner counts as lost."""
        self._step("silence")
        self.now += SILENCE

    def endorse(self, who: str, candidate: str, round_: int) -> None:
        """Endorse a member for the next epoch, and post that to it."""
        self._step("endorse", who, candidate, round_)
        node, other = self.nodes[who], self.nodes[candidate]

        def act() -> None:
            state = node.state()
            if state is None:
                return
            epoch = state["head"]["epoch"] + 1
            content = node.endorse(other.organisation, epoch, round_)
            bundle = json.loads(content)
            self.endorsed[bundle_hash(bundle)] = bundle
            self.carried.add(bundle["id"])
            if candidate != who:
                self._connect(who)(other.organisation).post([content])

        self._try(act)

    def succeed(self, who: str) -> None:
        """Take over, where enough members say so."""
        self._step("succeed", who)
        self._follow(self.nodes[who], self.nodes[who].take_over)

    def look(self, who: str, at: str) -> None:
        """Look at what another member holds, and follow where that leads on."""
        self._step("look", who, at)
        self._look(who, at)

    def _look(self, who: str, at: str) -> None:
        node, other = self.nodes[who], self.nodes[at].organisation
        self._follow(node, lambda: node.look(self._connect(who, Fault()), other))

    def _hear(self) -> None:
        """Have every node look at members that name an entry which it does not hold."""
        heads = {name: node.state() for name, node in self.nodes.items()}
        for name, node in self.nodes.items():
            state = heads[name]
            if state is None:
                continue
            joined = {one["organisation"] for one in state["members"] if one["state"] == "joined"}
            if node.organisation not in joined:
                continue
            for other, theirs in heads.items():
                if theirs is None or theirs["head"] == state["head"]:
                    continue
                later = theirs["head"]["epoch"] >= state["head"]["epoch"]
                if self.nodes[other].organisation in joined and later:
                    self._look(name, other)

    def _follow(self, node: SimNode, act: Callable[[], None]) -> None:
        """Do what may lead a ledger on by a new opening; keep what it was before, if it went back.

        Whoever followed a branch has read there what it was entitled to there.
        """
        before = node.ledger()
        self._try(act)
        after = node.ledger()
        if after[: len(before)] != before:
            self.past[node.name].append(before)
        for place in range(len(after) - 1, -1, -1):
            line = after[place]
            if line.acting["act"] == "channel.opened" and line.entry["epoch"] > 1:
                self.openings.setdefault(line.acting_hash, after[: place + 1])

"""Chaos: three nodes write to each other while processes are killed and the way between fails.

A round is: everybody writes, something is struck at a chance moment, it is brought back, and when
all have heard of everything there is one history, and whatever was said to be kept is in it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hub.channels.invitations import find_invited
from policies.acts import ChannelKind
from policies.errors import UnavailableError
from policies.tlp import TLP
from tests.conftest import take_free_port
from tests.kit.faulty_proxy import FaultyProxy, Mode
from tests.kit.histories import assert_one_history, at_rest, history_of
from tests.kit.moving import MovedClock
from tests.kit.nodes import pair
from tests.kit.processes import NodeProcesses, Postgresql, Process, wait_until

NAMES: Final = ("CERT", "Grid", "Vendor")
ADDRESSES: Final = ("127.0.0.11", "127.0.0.12", "127.0.0.13")
WRITES: Final = 3
"""How much each node says in a round."""
PATIENCE_SECONDS: Final = 180


@dataclass(frozen=True)
class Strike:
    """Something that goes wrong, and how it is made good again; neither waits for a node.

    Args:
        comes_back_first: others do not start without it.
    """

    name: str
    begin: Callable[[], object]
    end: Callable[[], object]
    comes_back_first: bool = False


@dataclass
class Chaos:
    """The nodes, and what can go wrong with them.

    Args:
        chance: decides everything; the same seed makes the same choices.
        kept: texts whose write returned: nothing may lose them.
        kills: how many times something was really killed.
    """

    nodes: Sequence[NodeProcesses]
    proxies: Sequence[FaultyProxy]
    cluster: Postgresql | None
    chance: random.Random
    channels: tuple[str, ...] = ()
    kept: list[tuple[str, str]] = field(default_factory=list)
    kills: int = 0

    def found(self) -> None:
        """Pair all, open a case of the first and a community of the second, all in both."""
        first, second, third = self.nodes
        for one, other in ((first, second), (first, third), (second, third)):
            pair(one, other)
        case = first.open("3CX")
        community = second.open("Energy", kind=ChannelKind.COMMUNITY, tlp=TLP.GREEN)
        for owner, channel in ((first, case), (second, community)):
            for node in self.nodes:
                if node is not owner:
                    owner.invite(channel, node)
            for node in self.nodes:
                if node is not owner:
                    self._join(node, channel)
        self.channels = (case, community)
        self.settle()

    def round(self, number: int, strikes: Sequence[Strike], *, compare: bool = True) -> float:
        """Write, strike, bring back, settle, compare; give how many seconds it took.

        Args:
            compare: byte for byte. Who is at rest has the same heads, and with them one chain.
        """
        began = time.monotonic()
        writers = [
            threading.Thread(target=self._write, args=(node, number, self.chance.random()))
            for node in self.nodes
        ]
        moments = [self.chance.uniform(0, 0.9) for _ in strikes]
        lengths = [self.chance.uniform(0.1, 0.8) for _ in strikes]
        for writer in writers:
            writer.start()
        for strike, moment, length in zip(strikes, moments, lengths, strict=True):
            time.sleep(moment)
            strike.begin()
            time.sleep(length)
        for strike in sorted(strikes, key=lambda one: not one.comes_back_first):
            strike.end()
        for node in self.nodes:
            node.wait_ready()
        for writer in writers:
            writer.join(PATIENCE_SECONDS)
            assert not writer.is_alive(), "a writer hangs"
        self.settle()
        if compare:
            self.compare()
        return time.monotonic() - began

    def compare(self) -> None:
        """See that all hold one history byte for byte, and that what was kept is in it once."""
        assert_one_history(self.nodes)
        for channel in self.channels:
            said = history_of(self.nodes[0], channel).texts()
            assert len(said) == len(set(said)), "something was said twice"
            lost = {text for place, text in self.kept if place == channel} - set(said)
            assert not lost, lost

    def settle(self) -> None:
        """Wait until every node has heard everything."""
        wait_until(lambda: at_rest(self.nodes), self.last_words, seconds=PATIENCE_SECONDS, step=0.2)

    def last_words(self) -> str:
        """Give what the nodes said last, for whoever looks at a failure."""
        return "\n".join(node.last_words() for node in self.nodes)

    def strikes(self) -> dict[str, Callable[[], Strike]]:
        """Give what can go wrong here: name → what makes one of it."""
        ways: dict[str, Callable[[], Strike]] = {
            "lost replies": lambda: self._way(Mode.ONEWAY, 0),
            "truncated answers": lambda: self._way(Mode.TRUNCATE, self.chance.randint(1, 3000)),
            "resets": lambda: self._way(Mode.RESET_AFTER, self.chance.randint(1, 3000)),
            "refusals": lambda: self._way(Mode.REFUSE, 0),
        }
        kinds = sorted({process.kind for node in self.nodes for process in node.processes})
        for kind in kinds:
            ways[f"kill {kind}"] = lambda kind=kind: self._kill(kind)  # type: ignore[misc]
        ways["kill a child"] = self._kill_a_child
        if self.cluster is not None:
            ways["kill database"] = self._kill_database
        return ways

    def _kill(self, kind: str) -> Strike:
        node = self.chance.choice(
            [one for one in self.nodes if any(process.kind == kind for process in one.processes)]
        )
        process = node.process(kind)

        def begin() -> None:
            self.kills += process.is_running
            process.kill()

        return Strike(f"{node.name}’s {kind} killed", begin, process.start)

    def _kill_a_child(self) -> Strike:
        parents: list[tuple[NodeProcesses, Process]] = [
            (node, process)
            for node in self.nodes
            for process in node.processes
            if process.kind != "worker"
        ]
        node, process = self.chance.choice(parents)
        place = self.chance.randint(0, 9)

        def begin() -> None:
            self.kills += process.kill_a_child(place)

        return Strike(f"a child of {node.name}’s {process.kind} killed", begin, lambda: None)

    def _kill_database(self) -> Strike:
        cluster = self.cluster
        assert cluster is not None

        def begin() -> None:
            cluster.kill()
            self.kills += 1

        return Strike("the database killed", begin, cluster.start, comes_back_first=True)

    def _way(self, mode: Mode, amount: int) -> Strike:
        place = self.chance.randrange(len(self.nodes))
        proxy = self.proxies[place]
        name = f"{mode} {amount or ''}".strip()
        return Strike(
            f"{name} on the way to {self.nodes[place].name}",
            lambda: proxy.suffer(mode, amount),
            proxy.heal,
        )

    def _join(self, node: NodeProcesses, channel: str) -> None:

        def invited() -> bool:
            with node.reading() as session:
                return bool(find_invited(session, channel))

        wait_until(invited, node.last_words, seconds=PATIENCE_SECONDS)
        node.join(channel)

    def _write(self, node: NodeProcesses, number: int, chance: float) -> None:
        """Say something in one channel after the other; where the database is away, again."""
        for place in range(WRITES):
            channel = self.channels[place % len(self.channels)]
            end = time.monotonic() + PATIENCE_SECONDS
            attempt = 0
            while True:
                attempt += 1
                text = f"{node.name} in round {number}: {place}, said {attempt} times"
                try:
                    node.note(channel, text, TLP.GREEN)
                except UnavailableError:
                    # It may be kept or not; what returned is kept.
                    assert time.monotonic() < end, "the database stays away"
                    time.sleep(0.1)
                else:
                    self.kept.append((channel, text))
                    break
            time.sleep(chance / 4)


@contextmanager
def three_nodes(
    folder: Path,
    chance: random.Random,
    cluster: Postgresql | None = None,
    *,
    poll_seconds: int = 1,
    clock: MovedClock | None = None,
) -> Iterator[Chaos]:
    """Run three nodes in earnest: each in one process on SQLite, or two of them in several.

    Every way from one to another leads through a proxy that can fail; where their clock can be
    moved, each calls from an address of its own, so that one way between two can.
    """
    with ExitStack() as stack:
        nodes: list[NodeProcesses] = []
        proxies: list[FaultyProxy] = []
        for name, address in zip(NAMES, ADDRESSES, strict=True):
            apart = cluster is not None and name != NAMES[-1]
            port = take_free_port()
            proxy = FaultyProxy(port)
            stack.callback(proxy.close)
            node = NodeProcesses(
                name,
                folder,
                port=port,
                base_url=proxy.base_url,
                database_url=cluster.database(name.lower()) if cluster is not None else "",
                serve=("web", "worker") if apart else ("serve",),
                web_processes=1,
                clock=clock,
                calls_from=address if clock is not None else "",
                poll_seconds=poll_seconds,
            )
            stack.callback(node.close)
            node.start()
            nodes.append(node)
            proxies.append(proxy)
        for node in nodes:
            node.wait_ready()
        chaos = Chaos(nodes, proxies, cluster, chance)
        chaos.found()
        yield chaos

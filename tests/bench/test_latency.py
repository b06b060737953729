"""From a contribution's commit on a member to the view on the others: three nodes on loopback."""

from __future__ import annotations

import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import requests

from hub.accounts import tokens, users
from hub.accounts.actor import TokenScope
from hub.channels.invitations import find_invited
from policies.roles import PersonRole
from tests.bench.figures import HEADING, Distribution, bare_server, machine
from tests.kit.histories import assert_one_history, at_rest
from tests.kit.nodes import CONSOLE, LocalNode, pair
from tests.kit.processes import NodeProcesses, utcnow, wait_until

pytestmark = pytest.mark.bench

CONTRIBUTIONS: Final = 240
BY_COMMAND: Final = 100
ROUND_TRIPS: Final = 3
"""On the way: the contribution is posted, the bell rung, the page pulled; each keeps something."""
P50_SECONDS: Final = 0.3
P99_SECONDS: Final = 1.0
GIVE_UP_SECONDS: Final = 30


@dataclass
class Watcher:
    """Looks into a node's database from outside, so often that a look costs no figure anything.

    What it sees is committed: the instant is that of the commit, seen a moment late.
    """

    node: LocalNode
    channel: str
    _connection: sqlite3.Connection = field(init=False)

    def __post_init__(self) -> None:
        path = self.node.settings.database_address.removeprefix("sqlite:///")
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)

    def written(self) -> int:
        query = "SELECT coalesce(max(nth), 0) FROM contribution WHERE channel = ?"
        return self._number(query)

    def confirmed(self) -> int:
        query = (
            "SELECT coalesce(max(nth), 0) FROM contribution"
            " WHERE channel = ? AND state = 'confirmed'"
        )
        return self._number(query)

    def seq(self) -> int:
        return self._number("SELECT seq FROM channel WHERE id = ?")

    def close(self) -> None:
        self._connection.close()

    def _number(self, query: str) -> int:
        number: int = self._connection.execute(query, (self.channel,)).fetchone()[0]
        return number


@dataclass
class Measured:
    """What one way of writing took, in seconds from the commit."""

    owner: list[float] = field(default_factory=list)
    member: list[float] = field(default_factory=list)
    both: list[float] = field(default_factory=list)
    author: list[float] = field(default_factory=list)

    def distributions(self, name: str) -> list[Distribution]:
        return [
            Distribution(f"{name}: view of the owner", self.owner),
            Distribution(f"{name}: view of the other member", self.member),
            Distribution(f"{name}: views of both", self.both),
            Distribution(f"{name}: confirmed to its author", self.author),
        ]


@dataclass
class Case:
    """An owner and two members who write in turn."""

    nodes: list[NodeProcesses]
    channel: str
    chance: random.Random

    def measure(self, write: Callable[[NodeProcesses, str], object], count: int) -> Measured:
        measured = Measured()
        with ExitStack() as stack:
            watchers = [
                stack.enter_context(closing(Watcher(node, self.channel))) for node in self.nodes
            ]
            threads = stack.enter_context(ThreadPoolExecutor(1))
            for number in range(count):
                place = 1 + number % 2
                # Idle in between, and never in step with anything that beats in a node.
                time.sleep(self.chance.uniform(0.05, 0.3))
                text = f"Contribution {number}"
                writing = threads.submit(write, self.nodes[place], text)
                self._watch(watchers, place, measured)
                writing.result()
        return measured

    def _watch(self, watchers: list[Watcher], place: int, measured: Measured) -> None:
        owner, author, other = watchers[0], watchers[place], watchers[3 - place]
        nth, seq = author.written() + 1, owner.seq() + 1
        began = time.perf_counter()
        seen: dict[str, float] = {}
        looks: list[tuple[str, Callable[[], bool]]] = [
            ("commit", lambda: author.written() >= nth),
            ("owner", lambda: owner.seq() >= seq),
            ("member", lambda: other.seq() >= seq),
            ("author", lambda: author.confirmed() >= nth),
        ]
        while looks:
            name, is_there = looks[0]
            if is_there():
                seen[name] = time.perf_counter()
                del looks[0]
                continue
            for later, also in list(looks[1:]):
                if name != "commit" and also():
                    seen[later] = time.perf_counter()
                    looks.remove((later, also))
            assert time.perf_counter() - began < GIVE_UP_SECONDS, f"nothing seen of {looks}"
            time.sleep(0.001)
        start = seen["commit"]
        measured.owner.append(seen["owner"] - start)
        measured.member.append(seen["member"] - start)
        measured.both.append(max(seen["owner"], seen["member"]) - start)
        measured.author.append(seen["author"] - start)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with ExitStack() as stack:
        nodes = [NodeProcesses(name, tmp_path) for name in ("CERT", "Grid", "Vendor")]
        for node in nodes:
            stack.callback(node.close)
            node.start()
        for node in nodes:
            node.wait_ready()
        owner, *members = nodes
        for node in members:
            pair(owner, node)
        channel = owner.open("3CX")
        for node in members:
            owner.invite(channel, node)
        for node in members:
            wait_until(partial(invited, node, channel), node.last_words, seconds=60)
            node.join(channel)
        wait_until(lambda: at_rest(nodes), owner.last_words, seconds=60, step=0.1)
        yield Case(nodes, channel, random.Random(1))


def invited(node: LocalNode, channel: str) -> bool:
    with node.reading() as session:
        return bool(find_invited(session, channel))


def by_program(case: Case) -> Callable[[NodeProcesses, str], object]:
    """Give what writes by the REST interface of the member's own node, as a person's tool does."""
    secrets = {}
    for node in case.nodes:
        with node.writing() as session:
            user, _ = users.create_user(
                session, CONSOLE, "ann", roles=[PersonRole.COORDINATOR],
                password="four words in a row", now=utcnow(),
            )  # fmt: skip
            _, secrets[node.name] = tokens.create_token(
                session, CONSOLE, "bench", scopes=[TokenScope.READ, TokenScope.WRITE],
                now=utcnow(), user_id=user.id,
            )  # fmt: skip
    web = requests.Session()

    def write(node: NodeProcesses, text: str) -> None:
        answer = web.post(
            f"{node.address}/api/v1/channels/{case.channel}/notes",
            json={"text": text},
            headers={"Authorization": f"Bearer {secrets[node.name]}"},
            timeout=30,
        )
        answer.raise_for_status()

    return write


def floor(folder: Path) -> Distribution:
    """Measure as many bare round trips, each with a durable insert, as are on the way."""
    taken = []
    with bare_server(folder) as url, requests.Session() as session:
        for _ in range(CONTRIBUTIONS):
            began = time.perf_counter()
            for _ in range(ROUND_TRIPS):
                session.post(url, data=b"x" * 2000, timeout=10).raise_for_status()
            taken.append(time.perf_counter() - began)
    return Distribution(f"floor: {ROUND_TRIPS} bare round trips, {ROUND_TRIPS} inserts", taken)


def test_a_contribution_is_seen_by_all_in_a_moment(case: Case, tmp_path: Path) -> None:
    shape = machine()
    lowest = floor(tmp_path)
    by_web = case.measure(by_program(case), CONTRIBUTIONS)
    by_command = case.measure(lambda node, text: node.note(case.channel, text), BY_COMMAND)
    wait_until(lambda: at_rest(case.nodes), "the nodes come to rest", seconds=60)
    assert_one_history(case.nodes)
    results = [
        *by_web.distributions("by the web process"),
        *by_command.distributions("by another process"),
        lowest,
    ]
    both = results[2]
    lines = ["", shape, HEADING, *(one.line() for one in results)]
    lines.append(f"views of both, p50, is {both.p50 / lowest.p50:.1f} times the floor")
    sys.stdout.write("\n".join(lines) + "\n")
    for found in (both, results[6]):
        assert found.p50 < P50_SECONDS, found.line()
        assert found.p99 < P99_SECONDS, found.line()

"""The way to the coordinator is gone for an hour by the clock: all is shown, and all arrives."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from federation.ledgers.ledger_records import Delivery
from federation.ledgers.sources import DELIVER
from federation.work.backoff import LONGEST_WAIT
from federation.work.errands import Waiting, find_waiting
from federation.work.records import ErrandRecord
from hub import clock
from hub.channels.holders import visible_holders
from hub.channels.queries import PendingRow, visible_pending
from policies.tlp import TLP
from tests.faults.chaos import ADDRESSES, PATIENCE_SECONDS, Chaos, three_nodes
from tests.kit.faulty_proxy import Mode
from tests.kit.histories import at_rest
from tests.kit.hostile_peer import signed_in
from tests.kit.moving import MovedClock
from tests.kit.nodes import CONSOLE
from tests.kit.processes import NodeProcesses, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.soak]

STEP: Final = timedelta(minutes=2)
STEPS: Final = 30
WRITES_EVERY: Final = 5
"""After how many steps everybody says something."""
SMALL_BYTES: Final = 1500
"""What a word of thanks takes, and a page of a ledger does not."""


@dataclass
class Apart:
    """Three nodes with one clock; the first one coordinates the case, and is cut off."""

    chaos: Chaos
    clock: MovedClock
    browsers: list[FlaskClient] = field(default_factory=list)

    @property
    def nodes(self) -> list[NodeProcesses]:
        return list(self.chaos.nodes)

    @property
    def case(self) -> str:
        return self.chaos.channels[0]

    def cut(self, mode: Mode, *, members: tuple[int, ...], amount: int = 0) -> None:
        """Cut the ways between the coordinator and some members, in both directions."""
        self.chaos.proxies[0].suffer(mode, amount, callers=[ADDRESSES[one] for one in members])
        for one in members:
            self.chaos.proxies[one].suffer(mode, amount, callers=[ADDRESSES[0]])

    def heal(self) -> None:
        for proxy in self.chaos.proxies:
            proxy.heal()

    def step(self) -> None:
        """Move the clock on, and let everybody do what is due by then."""
        self.clock.advance(seconds=STEP.total_seconds())
        wait_until(self._is_calm, self.chaos.last_words, seconds=PATIENCE_SECONDS, step=0.1)

    def say(self, word: str) -> None:
        """Have everybody say something everywhere; all of it is kept."""
        for node in self.nodes:
            for channel in self.chaos.channels:
                text = f"{node.name}: {word}"
                node.note(channel, text, TLP.GREEN)
                self.chaos.kept.append((channel, text))

    def step_until_level(self) -> int:
        """Let time pass until all have everything; give how many steps that took."""
        for steps in range(STEPS):
            if at_rest(self.nodes):
                return steps
            self.step()
        raise AssertionError(self.chaos.last_words())

    def pending(self, node: NodeProcesses) -> list[PendingRow]:
        with node.reading() as session:
            return visible_pending(session, CONSOLE, self.case, now=self.clock())

    def delivery(self, node: NodeProcesses) -> Waiting:
        with node.reading() as session:
            found = find_waiting(session, DELIVER, self.case)
        assert found is not None
        return found

    def holders(self) -> str:
        """Give in one line who holds the case, as its coordinator sees it."""
        node = self.nodes[0]
        with node.reading() as session:
            us = node.organisation
            return visible_holders(session, CONSOLE, self.case, us=us, now=self.clock()).sentence

    def today(self, place: int) -> str:
        """Give what a node tells a person who looks at it."""
        answer = self.browsers[place].get("/")
        assert answer.status_code == 200, answer.text
        return answer.text

    def tokens(self) -> int:
        """Count the tokens that the coordinator has given out."""
        log = self.nodes[0].log.read_text(errors="replace")
        return len(re.findall(r"path=/federation/token/ .*status=200", log))

    def _is_calm(self) -> bool:
        return not any(self._is_busy(node) for node in self.nodes)

    def _is_busy(self, node: NodeProcesses) -> bool:
        due = (ErrandRecord.due_at <= self.clock()) | ErrandRecord.lease_until.is_not(None)
        with node.reading() as session:
            return session.execute(select(ErrandRecord.id).where(due).limit(1)).first() is not None


@contextmanager
def apart(folder: Path, chance: random.Random, request: pytest.FixtureRequest) -> Iterator[Apart]:
    database = request.node.callspec.params["database"]
    cluster = request.getfixturevalue("cluster") if database == "postgresql" else None
    moved = MovedClock(folder)
    with (
        clock.told_by(moved),
        three_nodes(folder, chance, cluster, poll_seconds=30, clock=moved) as chaos,
    ):
        world = Apart(chaos, moved)
        world.browsers = [signed_in(node) for node in chaos.nodes]
        world.say("together")
        world.step_until_level()
        yield world


def spend_an_hour(world: Apart, members: tuple[int, ...]) -> None:
    """Let the hour pass while everybody writes; see what is shown on the way."""
    cut_off = [world.nodes[one] for one in members]
    told = {one.name: f"Not heard from: {world.nodes[0].name}" for one in cut_off}
    began = world.clock()
    for number in range(1, STEPS + 1):
        if number % WRITES_EVERY == 1:
            world.say(f"apart, {number}")
        world.step()
        passed = world.clock() - began
        for one, node in zip(members, cut_off, strict=True):
            seen = world.today(one).count(told[node.name])
            if passed < timedelta(minutes=8):
                assert seen == 0, (node.name, number)
            if passed > timedelta(minutes=12):
                assert seen == 1, (node.name, number)
    assert world.clock() - began >= timedelta(hours=1)


def see_all_arrive(world: Apart, members: tuple[int, ...]) -> None:
    """Open the way; everything comes by itself, once, and what was told is taken back."""
    before = world.tokens()
    world.heal()
    steps = world.step_until_level()
    # The longest wait between two attempts, and the longest wait between two polls.
    assert steps * STEP <= 2 * LONGEST_WAIT
    assert world.tokens() >= before + len(members), "what was given out an hour ago is still taken"
    world.chaos.compare()
    for place, node in enumerate(world.nodes):
        assert world.pending(node) == []
        page = world.today(place)
        assert "Not heard from" not in page
        assert "does not show" not in page
        assert node.bugs() == []
    for _ in range(5):
        world.step()
        if world.holders() == "Held by 3 of 3.":
            break
    assert world.holders() == "Held by 3 of 3."
    world.say("together again")
    world.step_until_level()
    world.chaos.compare()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_member_is_an_hour_away_from_the_coordinator_and_the_others_lead_it_on(
    tmp_path: Path, chance: random.Random, request: pytest.FixtureRequest, database: str
) -> None:
    with apart(tmp_path, chance, request) as world:
        cert, grid, vendor = world.nodes
        world.cut(Mode.REFUSE, members=(1,))
        spend_an_hour(world, (1,))
        # What the coordinator writes reaches the member by way of the other one.
        head = cert.channel(world.case).head_sha256
        for _ in range(5):
            if grid.channel(world.case).head_sha256 == head:
                break
            world.step()
        assert grid.channel(world.case).head_sha256 == head
        assert vendor.channel(world.case).head_sha256 == head
        # What it writes waits, and is tried every five minutes at most.
        waiting = world.pending(grid)
        assert [row.state for row in waiting] == [Delivery.PENDING] * (STEPS // WRITES_EVERY)
        assert not any(row.alarm for row in waiting)
        delivery = world.delivery(grid)
        assert delivery.attempts >= 10
        assert delivery.due_at - world.clock() <= LONGEST_WAIT
        assert world.pending(vendor) == []
        see_all_arrive(world, (1,))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_coordinator_is_an_hour_away_from_everybody(
    tmp_path: Path, chance: random.Random, request: pytest.FixtureRequest, database: str
) -> None:
    with apart(tmp_path, chance, request) as world:
        _, grid, vendor = world.nodes
        # The way fails under way: a contribution is admitted, and its entry does not come back.
        world.cut(Mode.RESET_AFTER, members=(1, 2), amount=SMALL_BYTES)
        grid.note(world.case, "Grid: just before", TLP.GREEN)
        world.chaos.kept.append((world.case, "Grid: just before"))
        wait_until(
            lambda: [row.state for row in world.pending(grid)] == [Delivery.ADMITTED],
            world.chaos.last_words,
            seconds=PATIENCE_SECONDS,
        )
        world.cut(Mode.REFUSE, members=(1, 2))
        spend_an_hour(world, (1, 2))
        # That one is told; what was written since waits, and is tried every five minutes at most.
        first, *others = world.pending(grid)
        assert (first.state, first.alarm) == (Delivery.ADMITTED, True)
        assert world.today(1).count("does not show in") == 1
        for rows in (others, world.pending(vendor)):
            assert [row.state for row in rows] == [Delivery.PENDING] * (STEPS // WRITES_EVERY)
            assert not any(row.alarm for row in rows)
        for node in (grid, vendor):
            delivery = world.delivery(node)
            assert delivery.attempts >= 10
            assert delivery.due_at - world.clock() <= LONGEST_WAIT
        told = world.holders()
        assert told.startswith("Held by 1 of 3")
        assert re.search(r"Grid is \d+ entries behind since", told), told
        assert re.search(r"Vendor is \d+ entries behind since", told), told
        see_all_arrive(world, (1, 2))

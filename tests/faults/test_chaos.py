"""Whatever is killed, and whatever is lost on the way: no gap, no double, equal replicas."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from policies.roles import PersonRole
from tests.faults.chaos import Chaos, three_nodes
from tests.interop.channel_readers import give_token
from tests.kit.histories import assert_pages_tell_it_all
from tests.kit.processes import Postgresql

pytestmark = pytest.mark.faults

ROUNDS: Final = 10
COMPARED_EVERY: Final = 10
MINUTES: Final = "TOCSIN_SOAK_MINUTES"
WANTED: Final = "TOCSIN_SOAK_ROUNDS"
"""So many rounds on each database, however long they take."""


def plan(chaos: Chaos, rounds: int) -> list[list[str]]:
    """Let everything that can go wrong go wrong at least once, in chance order and company."""
    every = list(chaos.strikes())
    kills = [name for name in every if name.startswith("kill")]
    ways = [name for name in every if name not in kills]
    assert len(every) <= rounds
    more = [kills[-1 - place % len(kills)] for place in range(rounds - len(every))]
    names = chaos.chance.sample(every + more, k=rounds)
    return [
        [name, chaos.chance.choice(ways)] if chaos.chance.random() < 0.3 else [name]
        for name in names
    ]


def play(chaos: Chaos, names: list[str], number: int, *, compare: bool = True) -> None:
    strikes = [chaos.strikes()[name]() for name in names]
    tell(f"{number:3d}  {' and '.join(strike.name for strike in strikes)}")
    tell(f"     {chaos.round(number, strikes, compare=compare):.1f} s")


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def end(chaos: Chaos) -> None:
    """See that readers get it all, and that nothing in the logs is a fault of ours."""
    for node in chaos.nodes:
        secret = give_token(node, PersonRole.HANDLER)
        for channel in chaos.channels:
            assert_pages_tell_it_all(node, node.address, secret, channel)
        assert node.bugs() == []


@pytest.mark.timeout(600)
def test_nodes_on_sqlite_survive_whatever_strikes_them(
    tmp_path: Path, chance: random.Random
) -> None:
    with three_nodes(tmp_path, chance) as chaos:
        for number, names in enumerate(plan(chaos, ROUNDS)):
            play(chaos, names, number)
        end(chaos)


@pytest.mark.timeout(600)
def test_nodes_on_postgresql_survive_whatever_strikes_them(
    tmp_path: Path, chance: random.Random, cluster: Postgresql
) -> None:
    with three_nodes(tmp_path, chance, cluster) as chaos:
        for number, names in enumerate(plan(chaos, ROUNDS)):
            play(chaos, names, number)
        end(chaos)


@pytest.mark.soak
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nodes_survive_for_as_long_as_anybody_watches(
    tmp_path: Path, chance: random.Random, request: pytest.FixtureRequest, database: str
) -> None:
    """Go on for half the minutes, or for as many rounds as are asked for, each with a kill -9."""
    wanted = int(os.environ.get(WANTED) or 0)
    until = time.monotonic() + 60 * float(os.environ.get(MINUTES, "10")) / 2
    cluster = request.getfixturevalue("cluster") if database == "postgresql" else None
    with three_nodes(tmp_path, chance, cluster, poll_seconds=5) as chaos:
        number = 0
        while number < wanted if wanted else time.monotonic() < until:
            names = names_with_a_kill(chaos) if wanted else any_names(chaos)
            number += 1
            # A long history takes long to compare; its end is compared in any case.
            play(chaos, names, number, compare=number % COMPARED_EVERY == 0)
            assert not wanted or chaos.kills >= number, "nothing was there to be killed"
        chaos.compare()
        end(chaos)
        tell(f"{number} rounds on {database}, {chaos.kills} times kill -9, {len(chaos.kept)} notes")


def any_names(chaos: Chaos) -> list[str]:
    return chaos.chance.sample(list(chaos.strikes()), k=chaos.chance.choice((1, 1, 2, 3)))


def names_with_a_kill(chaos: Chaos) -> list[str]:
    """Choose what is killed, and what else goes wrong after that."""
    every = list(chaos.strikes())
    first = chaos.chance.choice([name for name in every if name.startswith("kill")])
    others = [name for name in every if name != first]
    return [first, *chaos.chance.sample(others, k=chaos.chance.choice((0, 0, 1, 2)))]

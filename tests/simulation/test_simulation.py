"""Whatever happens, nothing reaches whom the rules exclude, and everybody entitled gets it all.

One machine plays with nodes that keep everything in memory: rules, judging and withholding at full
speed. The other plays with nodes on real databases: stage, collections, outbox and doors as well.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from federation.branches.branches import outranks
from federation.identity.descriptor import Descriptor, NodeKey
from federation.judging import contents, disowning, judge
from federation.judging.bundles import SignedBundle
from federation.judging.judged import NOTHING, Disowned
from federation.judging.state import signing_keys
from hub import clock
from policies.lifecycles.guards import GUARDS, Guard
from sharing.selection import Scope
from tests.kit.nodes import LocalNode
from tests.simulation import branching
from tests.simulation.machine import Simulation
from tests.simulation.nodes import SimNode
from tests.simulation.play import NAMES, START, BrokenError, Found
from tests.simulation.steps import (
    FORGING,
    KINDS,
    RELAYING,
    RIVALLING,
    SUCCEEDING,
    Kinds,
    depth,
    play,
    play_many,
    withheld,
)
from tests.simulation.stored import StoredNode
from tests.simulation.world import World, smallest

MINUTES: Final = "TOCSIN_SOAK_MINUTES"
CALM: Final = settings(
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    # What breaks is made small by leaving steps out, which is quicker.
    phases=[Phase.generate],
    print_blob=False,
)
QUICK: Final = settings(CALM, max_examples=30, stateful_step_count=30)
SLOW: Final = settings(CALM, max_examples=4, stateful_step_count=20)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """Give what puts simulated nodes on real databases; each world is another channel there."""
    folder = tmp_path_factory.mktemp("simulated")
    with clock.told_by(lambda: START):
        nodes = {
            name: LocalNode(
                name, folder, base_url=f"http://127.0.0.1:{9000 + place}", now=lambda: START
            )
            for place, name in enumerate(NAMES)
        }

        def found(name: str, now: Callable[[], datetime]) -> SimNode:
            return StoredNode(nodes[name], name, now)

        yield found
        for node in nodes.values():
            node.close()


def machine_on(stored: Found) -> type[Simulation]:
    return type("StoredSimulation", (Simulation,), {"found": staticmethod(stored)})


def run(machine: type[Simulation], how: settings) -> None:
    """Let hypothesis play; what breaks is told as the shortest test that shows it."""
    try:
        run_state_machine_as_test(machine, settings=how)
    except BrokenError as error:
        raise smallest(error) from None


def test_rules_hold_whatever_happens() -> None:
    run(Simulation, QUICK)


def test_databases_hold_whatever_happens(stored: Found) -> None:
    run(machine_on(stored), SLOW)


def test_worlds_are_deep_enough_to_show_anything() -> None:
    """Chance alone reaches what the machine is for: late joiners, recalls, relay, branches left."""
    counts: dict[str, int] = {}
    kept_back = relayed = left = 0
    for seed in range(25):
        world = play(seed, 40)
        for act, count in depth(world).items():
            counts[act] = counts.get(act, 0) + count
        kept_back += withheld(world)
        relayed += sum(
            "on_behalf_of" in line.acting.get("body", {}) for line in world.owner().ledger()
        )
    for world in play_many(range(30), 30, RIVALLING):
        left += sum(len(ledgers) for ledgers in world.past.values())
    assert counts["member.joined"] > 10
    assert counts["coordinator.handed_over"] > 0
    assert counts["object.recalled"] > 5
    assert counts["object.released"] > 5
    assert counts["node.described"] > 10
    assert relayed > 5
    assert left > 2
    assert kept_back > 5


def serve_all(self: Scope, *_where: Any, **_when: Any) -> bool:
    return bool(self.intervals)


def never(*_args: Any, **_named: Any) -> Any:
    """Give nothing: what is not withheld, no reason against, no refusal."""


def nothing_disowned(*_args: Any) -> Disowned:
    return NOTHING


def keys_for_ever(chain: tuple[Descriptor, ...]) -> tuple[NodeKey, ...]:
    return tuple(replace(key, retired_at=None, revoked_at=None) for key in signing_keys(chain))


def any_reason(*_args: Any) -> str:
    return "nobody asks why"


def worse(opening: SignedBundle, other: SignedBundle) -> bool:
    return not outranks(opening, other)


def no_guard(name: str) -> tuple[Any, str, Any]:
    return GUARDS, name, Guard("", never, of_body=False)


BROKEN: Final[Mapping[str, tuple[Any, str, Any, Kinds]]] = {
    "members read what they are entitled to": (Scope, "shows", serve_all, KINDS),
    "older matter is withheld": (contents, "is_withheld", never, KINDS),
    "no relay joins who has a node": (*no_guard("joins_as_it_can"), RELAYING),
    "nobody is made to speak": (contents, "_check_author", never, RELAYING),
    "a revoked key signs nothing": (judge, "signing_keys", keys_for_ever, FORGING),
    "only the doubtful is disowned": (disowning, "doubt_about", any_reason, FORGING),
    "enough members choose a successor": (*no_guard("endorsed"), SUCCEEDING),
    "the better opening holds": (branching, "outranks", worse, RIVALLING),
    "the disowned is shown to nobody": (judge, "check_disowned", nothing_disowned, FORGING),
}
"""What holds: where, by which name, what breaks it, and which steps meet it."""


@pytest.mark.parametrize("law", BROKEN)
def test_a_broken_rule_is_caught_and_told_as_a_test(
    monkeypatch: pytest.MonkeyPatch, law: str
) -> None:
    place, name, mutant, kinds = BROKEN[law]
    with monkeypatch.context() as broken:
        if isinstance(place, dict):
            broken.setitem(place, name, mutant)
        else:
            broken.setattr(place, name, mutant)
        with pytest.raises(BrokenError) as caught:
            play_many(range(500), 30, kinds)
        _, _, schedule = str(smallest(caught.value)).partition("\n\n")
        assert schedule.startswith("def test_a_schedule_that_broke_something() -> None:")
        # Small enough to be read, and it shows the same again; two rivals take two lines more.
        assert len(schedule.splitlines()) < (18 if kinds is RIVALLING else 16)
        told: dict[str, Any] = {"World": World}
        exec(schedule, told)  # noqa: S102 - our own words
        with pytest.raises(BrokenError):
            told["test_a_schedule_that_broke_something"]()
    told["test_a_schedule_that_broke_something"]()


def test_what_hypothesis_breaks_is_told_by_the_shortest_schedule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(contents, "is_withheld", never)
    with pytest.raises(BrokenError) as caught:
        run(Simulation, settings(CALM, max_examples=500, derandomize=True))
    assert len(str(caught.value).splitlines()) < 18


def test_who_joined_and_then_thinks_better_of_it_stays_until_it_leaves(stored: Found) -> None:
    """Told by the machine: the answer on its way is the one that counts."""
    world = World(stored, count=3)
    world.invite("A", "C")
    world.join("C")
    world.deliver("C")
    world.decline("C")
    world.note("A", "amber")
    world.settle()


@pytest.mark.soak
@pytest.mark.parametrize("keeping", ["memory", "database"])
def test_simulated_worlds_hold_for_as_long_as_anybody_watches(stored: Found, keeping: str) -> None:
    machine = Simulation if keeping == "memory" else machine_on(stored)
    until = time.monotonic() + 60 * float(os.environ.get(MINUTES, "10")) / 4
    worlds = 0
    while time.monotonic() < until:
        run(machine, settings(CALM, max_examples=50, stateful_step_count=60))
        worlds += 50
    sys.stdout.write(f"\n{worlds} worlds kept in {keeping}\n")


def test_what_was_taken_back_does_not_stay_in_the_stage(stored: Found) -> None:
    """Told by the machine: the recall is read on one branch, and another shows the bytes."""
    world = World(stored, count=5)
    world.invite("A", "E")
    world.join("E")
    world.deliver("E")
    world.invite("A", "C")
    world.join("C")
    world.deliver("C")
    world.pull("C")
    world.note("A", "amber", later=False)
    world.pull("E")
    world.recall("A", 1)
    world.silence()
    world.endorse("C", "E", 1)
    world.endorse("E", "E", 1)
    world.pull("C")
    world.succeed("E")
    assert len(world.openings) == 1
    world.settle()

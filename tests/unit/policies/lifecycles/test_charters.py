"""Source: lifecycles, 7."""

from __future__ import annotations

from typing import Any

import pytest

from policies.acts import Act, ChannelKind
from policies.decisions import Topic
from tests.unit.policies.bodies import HEAD
from tests.unit.policies.worlds import (
    CERT,
    DIGEST,
    GRID,
    STRANGER,
    VENDOR,
    World,
    invitation,
    joining,
    object_of,
)

FIRST, SECOND = object_of(CERT), object_of(CERT, 1)
LATER = "2026-11-21T10:00:00.000Z"


@pytest.fixture
def world() -> World:
    return World.opened(ChannelKind.COMMUNITY)


def propose(world: World, charter: str = FIRST, **more: Any) -> None:
    body = {"charter": charter, "sha256": DIGEST, "accept_by": LATER}
    world.must(CERT, Act.CHARTER_PROPOSED, **body | more)


def accept(world: World, *members: str, charter: str = FIRST) -> None:
    for who in members:
        world.must(who, Act.CHARTER_ACCEPTED, charter=charter, sha256=DIGEST)


def test_the_first_charter_takes_every_founding_member(world: World) -> None:
    propose(world, rules={"charter": {"by": "majority"}})
    accept(world, GRID)
    refusal = world.refusal(CERT, Act.CHARTER_IN_FORCE, charter=FIRST)
    assert "2 of 3 have accepted; 3 must" in refusal
    accept(world, VENDOR)
    world.must(CERT, Act.CHARTER_IN_FORCE, charter=FIRST)
    assert world.states["charter_in_force", "channel"] == FIRST


def test_the_next_one_goes_by_the_rule_of_the_one_in_force(world: World) -> None:
    propose(world, rules={"charter": {"by": "majority"}, "close": {"by": "unanimity"}})
    accept(world, GRID, VENDOR)
    world.must(CERT, Act.CHARTER_IN_FORCE, charter=FIRST)
    propose(world, SECOND, deputies=[{"organisation": GRID, "endorsements": 2}])
    world.must(VENDOR, Act.CHARTER_DECLINED, charter=SECOND)
    accept(world, GRID, charter=SECOND)
    world.must(CERT, Act.CHARTER_IN_FORCE, charter=SECOND)
    assert world.states["charter", FIRST] == "superseded"
    assert world.states["rules", "channel"] == "none"
    assert world.states["deputies", "channel"] == f"{GRID}=2"


def test_what_is_accepted_is_what_was_proposed(world: World) -> None:
    propose(world)
    refusal = world.refusal(GRID, Act.CHARTER_ACCEPTED, charter=FIRST, sha256="cd" * 32)
    assert "the hashes differ" in refusal


def test_a_member_may_change_its_mind_and_accept_what_binds_already(world: World) -> None:
    propose(world)
    world.must(GRID, Act.CHARTER_DECLINED, charter=FIRST)
    accept(world, GRID, VENDOR)
    world.must(CERT, Act.CHARTER_IN_FORCE, charter=FIRST)
    world.must(VENDOR, Act.CHARTER_DECLINED, charter=FIRST)
    accept(world, VENDOR)
    assert world.states["charter_answer", f"{FIRST} {VENDOR}"] == "accepted"


def test_nobody_accepts_what_was_withdrawn(world: World) -> None:
    propose(world)
    world.must(CERT, Act.CHARTER_WITHDRAWN, charter=FIRST)
    refusal = world.refusal(GRID, Act.CHARTER_ACCEPTED, charter=FIRST, sha256=DIGEST)
    assert "neither proposed nor in force" in refusal


def test_who_joins_accepts_with_the_same_act(world: World) -> None:
    propose(world)
    world.must(CERT, Act.MEMBER_INVITED, **invitation(STRANGER, "member"))
    named = {"charter": FIRST, "sha256": DIGEST}
    world.must(STRANGER, Act.MEMBER_JOINED, **joining("member", charter=named))
    assert world.states["charter_answer", f"{FIRST} {STRANGER}"] == "accepted"


def test_who_joins_with_other_words_has_accepted_nothing(world: World) -> None:
    propose(world)
    world.must(CERT, Act.MEMBER_INVITED, **invitation(STRANGER, "member"))
    named = {"charter": FIRST, "sha256": "cd" * 32}
    world.must(STRANGER, Act.MEMBER_JOINED, **joining("member", charter=named))
    assert ("charter_answer", f"{FIRST} {STRANGER}") not in world.states


def test_a_charter_ends_by_a_decision_about_it(world: World) -> None:
    propose(world, delegations=[{"topic": "close", "up_to": "low"}])
    accept(world, GRID, VENDOR)
    world.must(CERT, Act.CHARTER_IN_FORCE, charter=FIRST)
    body = {"decision": SECOND, "topic": Topic.CHARTER, "outcome": "yes", "facts": HEAD}
    world.must(CERT, Act.DECISION_TAKEN, **body, authority="coordinator", subject=FIRST)
    world.must(CERT, Act.CHARTER_ENDED, charter=FIRST, decision=SECOND)
    assert world.states["charter", FIRST] == "ended"
    assert world.states["charter_in_force", "channel"] == "none"
    assert world.states["delegations", "channel"] == "none"

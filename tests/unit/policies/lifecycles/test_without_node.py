"""Organisations without a node of their own. Source: lifecycles, 1, rule 6."""

from __future__ import annotations

from typing import Any

import pytest

from policies.acts import Act, ChannelKind
from policies.lifecycles import Change
from policies.roles import Role
from tests.unit.policies.worlds import (
    CERT,
    GRID,
    VENDOR,
    WATER,
    World,
    invitation,
    joining,
    opening,
    relay,
)

UTILITY = "identity--00000000-0000-4000-8000-000000000077"


def without_node(who: str, **more: Any) -> dict[str, Any]:
    body = invitation(who, **more) | {"without_node": True}
    return {name: value for name, value in body.items() if name != "recovery_key"}


@pytest.fixture
def world() -> World:
    """A case with a member that has no node."""
    world = World.opened(ChannelKind.CASE, [GRID, VENDOR])
    world.must(CERT, Act.MEMBER_INVITED, **without_node(WATER))
    world.must(CERT, Act.MEMBER_JOINED, role="responder", on_behalf_of=relay(WATER))
    return world


def test_an_organisation_without_a_node_takes_part_by_what_the_coordinator_relays(
    world: World,
) -> None:
    assert world.members[WATER] == {Role.RESPONDER}
    for act in (Act.NOTE_ADDED, Act.EVENT_ADDED, Act.INTEL_SHARED, Act.SIGHTING_REPORTED):
        world.must(CERT, act, on_behalf_of=relay(WATER))
    world.must(CERT, Act.MEMBER_LEFT, on_behalf_of=relay(WATER))
    assert world.membership(WATER) == "left"


def test_it_may_decline_too() -> None:
    world = World.opened()
    world.must(CERT, Act.MEMBER_INVITED, **without_node(WATER))
    world.must(CERT, Act.MEMBER_DECLINED, on_behalf_of=relay(WATER))
    assert world.membership(WATER) == "declined"


def test_nobody_signs_as_an_organisation_without_a_node() -> None:
    """No recovery key was named: any key could be made out to be its own."""
    world = World.opened()
    world.must(CERT, Act.MEMBER_INVITED, **without_node(WATER))
    reason = world.refusal(WATER, Act.MEMBER_JOINED, **joining())
    assert "without a node: the coordinator relays its answer" in reason


def test_nobody_is_joined_by_relay_who_could_join_itself() -> None:
    world = World.opened()
    world.must(CERT, Act.MEMBER_INVITED, **invitation(WATER))
    told = {"role": "responder", "on_behalf_of": relay(WATER)}
    assert "joins with its own signature" in world.refusal(CERT, Act.MEMBER_JOINED, **told)


def test_whoever_gets_a_node_takes_its_old_place_under_its_own_id(world: World) -> None:
    world.must(CERT, Act.MEMBER_INVITED, **invitation(UTILITY, replaces=WATER))
    joined = world.must(UTILITY, Act.MEMBER_JOINED, **joining())
    assert Change("membership", WATER, "joined", "left") in joined.changes
    assert Change("replaced_by", WATER, None, UTILITY) in joined.changes
    assert WATER not in world.members
    assert world.members[UTILITY] == {Role.RESPONDER}
    reason = world.refusal(CERT, Act.NOTE_ADDED, on_behalf_of=relay(WATER))
    assert "a joined organisation" in reason


def test_nobody_takes_the_place_of_a_member_that_has_a_node(world: World) -> None:
    body = invitation(UTILITY, replaces=GRID)
    assert "took part without a node" in world.refusal(CERT, Act.MEMBER_INVITED, **body)
    body = invitation(WATER, replaces=WATER)
    world.states["membership", WATER] = "left"
    assert "took part without a node" in world.refusal(CERT, Act.MEMBER_INVITED, **body)


def test_one_place_is_taken_once(world: World) -> None:
    other = UTILITY.replace("77", "78")
    world.must(CERT, Act.MEMBER_INVITED, **invitation(UTILITY, replaces=WATER))
    world.must(UTILITY, Act.MEMBER_JOINED, **joining())
    body = invitation(other, replaces=WATER)
    assert "has been replaced before" in world.refusal(CERT, Act.MEMBER_INVITED, **body)


def test_an_invitation_without_a_place_to_take_forgets_the_one_before(world: World) -> None:
    world.must(CERT, Act.MEMBER_INVITED, **invitation(UTILITY, replaces=WATER))
    world.must(CERT, Act.MEMBER_UNINVITED, organisation=UTILITY)
    world.must(CERT, Act.MEMBER_INVITED, **invitation(UTILITY))
    world.must(UTILITY, Act.MEMBER_JOINED, **joining())
    assert WATER in world.members


def test_who_has_no_node_coordinates_nothing(world: World) -> None:
    assert "goes to a joined member" in world.refusal(CERT, Act.HANDOVER_OFFERED, successor=WATER)


def test_who_can_sign_nothing_is_not_counted_among_those_who_could_endorse(world: World) -> None:
    """CERT, Grid and the vendor are three: two of them suffice."""
    members: dict[str, str | list[str]] = {
        GRID: "responder",
        VENDOR: "coordinator",
        CERT: "responder",
    }
    body = opening(ChannelKind.CASE, members, opened_by="succession", round=1)
    body["members"].append({"organisation": WATER, "role": "responder", "without_node": True})
    ruling = world.ask(VENDOR, Act.CHANNEL_OPENED, endorsed_by=(GRID, VENDOR), **body)
    assert ruling.decision, ruling.decision.reason


def test_a_new_epoch_keeps_who_has_no_node(world: World) -> None:
    members: dict[str, str | list[str]] = {
        CERT: "coordinator",
        GRID: "responder",
        VENDOR: "responder",
        WATER: "responder",
    }
    body = opening(ChannelKind.CASE, members, opened_by="re-opening")
    reason = world.refusal(CERT, Act.CHANNEL_OPENED, **body)
    assert "names as without node exactly those that have none" in reason


def test_a_first_opening_names_nobody_without_a_node() -> None:
    body = opening(ChannelKind.CASE, {CERT: "coordinator"})
    body["members"].append({"organisation": WATER, "role": "affected", "without_node": True})
    assert "is invited" in World().refusal(CERT, Act.CHANNEL_OPENED, **body)

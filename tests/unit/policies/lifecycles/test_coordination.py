"""Source: lifecycles, 11; coordination protocol, 5 and 11."""

from __future__ import annotations

from typing import Any

import pytest

from policies.acts import Act, ChannelKind
from policies.lifecycles import Change
from tests.unit.policies.worlds import (
    CERT,
    CHANNEL_ID,
    DIGEST,
    GRID,
    VENDOR,
    WATER,
    World,
    invitation,
    joining,
    opening,
)


def next_epoch(world: World, opener: str, how: str, **more: Any) -> dict[str, Any]:
    roles = dict.fromkeys(world.members, "responder") | {opener: "coordinator"}
    return opening(world.kind, roles, opened_by=how, **more)


def endorsement(candidate: str) -> dict[str, Any]:
    head = {"epoch": 1, "seq": 4, "sha256": DIGEST}
    return {"epoch": 2, "round": 1, "candidate": candidate, "head": head, "because": "silence"}


@pytest.fixture
def world() -> World:
    return World.opened()


def handed_over() -> World:
    world = World.opened()
    world.must(CERT, Act.HANDOVER_OFFERED, successor=GRID)
    world.must(GRID, Act.HANDOVER_ACCEPTED)
    world.must(CERT, Act.COORDINATOR_HANDED_OVER, successor=GRID)
    return world


def test_a_channel_is_opened_with_its_members_and_ceiling() -> None:
    world = World()
    body = opening(ChannelKind.CASE, {CERT: "coordinator", GRID: "affected"}, owner=CERT)
    assert set(world.must(CERT, Act.CHANNEL_OPENED, **body).changes) == {
        Change("coordination", "channel", None, "held"),
        Change("membership", CERT, None, "joined"),
        Change("membership", GRID, None, "joined"),
        Change("ceiling", "channel", None, "amber"),
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (opening(ChannelKind.CASE, {CERT: "coordinator"}, owner=GRID), "by its owner"),
        (opening(ChannelKind.CASE, {GRID: "coordinator"}), "the owner is missing"),
        (opening(ChannelKind.CASE, {CERT: "responder"}), "the owner is the coordinator"),
        (
            opening(ChannelKind.CASE, {CERT: "coordinator", GRID: "coordinator"}),
            "and nobody else is",
        ),
        (
            opening(ChannelKind.CASE, {CERT: "coordinator", GRID: ["observer", "deputy"]}),
            "goes with no other role",
        ),
        (opening(ChannelKind.COMMUNITY, {CERT: "coordinator"}), "this is a case channel"),
        (opening(ChannelKind.CASE, {CERT: "coordinator"}, opened_by="re-opening"), "not open now"),
    ],
)
def test_an_opening_that_contradicts_itself_is_refused(body: dict[str, Any], reason: str) -> None:
    assert reason in World().refusal(CERT, Act.CHANNEL_OPENED, **body)


def test_an_opening_names_nobody_twice() -> None:
    body = opening(ChannelKind.CASE, {CERT: "coordinator"})
    body["members"] *= 2
    assert "named twice" in World().refusal(CERT, Act.CHANNEL_OPENED, **body)


def test_only_a_case_has_a_parent() -> None:
    body = opening(ChannelKind.COMMUNITY, {CERT: "coordinator"}, parent=CHANNEL_ID)
    assert "parent" in World(ChannelKind.COMMUNITY).refusal(CERT, Act.CHANNEL_OPENED, **body)
    breakout = opening(ChannelKind.CASE, {CERT: "coordinator"}, parent=CHANNEL_ID)
    World().must(CERT, Act.CHANNEL_OPENED, **breakout)


@pytest.mark.parametrize("others", [[], [GRID, VENDOR]])
def test_a_direct_channel_has_two_sides(others: list[str]) -> None:
    members = dict.fromkeys([CERT, *others], "member")
    body = opening(ChannelKind.DIRECT, members)
    reason = World(ChannelKind.DIRECT).refusal(CERT, Act.CHANNEL_OPENED, **body)
    assert "two sides" in reason


def test_a_feed_waits_for_a_later_version() -> None:
    body = opening(ChannelKind.FEED, {CERT: "coordinator"})
    reason = World(ChannelKind.FEED).refusal(CERT, Act.CHANNEL_OPENED, **body)
    assert "does not belong into a feed channel" in reason


def test_nothing_is_written_before_the_channel_is_opened() -> None:
    assert "has not been opened" in World().refusal(CERT, Act.NOTE_ADDED)


def test_an_open_channel_is_not_opened_for_the_first_time_again(world: World) -> None:
    body = opening(ChannelKind.CASE, {CERT: "coordinator"})
    assert "coordination is held" in world.refusal(CERT, Act.CHANNEL_OPENED, **body)


def test_the_coordination_is_offered_accepted_handed_over_and_taken_up(world: World) -> None:
    offered = world.must(CERT, Act.HANDOVER_OFFERED, successor=GRID)
    assert Change("coordination", "channel", "held", "offered") in offered.changes
    world.must(GRID, Act.HANDOVER_ACCEPTED)
    assert world.coordination == "accepted"
    world.must(CERT, Act.COORDINATOR_HANDED_OVER, successor=GRID)
    assert world.coordination == "handed over"
    taken = world.must(GRID, Act.CHANNEL_OPENED, **next_epoch(world, GRID, "hand-over"))
    assert Change("coordination", "channel", "handed over", "held") in taken.changes
    assert Change("successor", "channel", GRID, "none") in taken.changes
    assert world.owner == GRID
    world.must(GRID, Act.MEMBER_INVITED, **invitation(WATER))
    assert not world.ask(CERT, Act.MEMBER_INVITED, **invitation(WATER)).decision


@pytest.mark.parametrize("act", [Act.HANDOVER_ACCEPTED, Act.HANDOVER_DECLINED])
def test_only_the_successor_answers_an_offer(world: World, act: Act) -> None:
    world.must(CERT, Act.HANDOVER_OFFERED, successor=GRID)
    for other in (CERT, VENDOR):
        assert "is for the successor" in world.refusal(other, act)
    assert world.ask(GRID, act).decision


def test_a_declined_offer_leaves_everything_as_it_was(world: World) -> None:
    world.must(CERT, Act.HANDOVER_OFFERED, successor=GRID)
    world.must(GRID, Act.HANDOVER_DECLINED)
    assert world.coordination == "held"
    assert "not open now" in world.refusal(GRID, Act.HANDOVER_ACCEPTED)


@pytest.mark.parametrize("accepted", [False, True])
def test_an_offer_is_withdrawn_until_it_is_carried_out(world: World, accepted: bool) -> None:
    world.must(CERT, Act.HANDOVER_OFFERED, successor=GRID)
    if accepted:
        world.must(GRID, Act.HANDOVER_ACCEPTED)
    world.must(CERT, Act.HANDOVER_WITHDRAWN)
    assert world.coordination == "held"
    assert world.states["successor", "channel"] == "none"


@pytest.mark.parametrize("role", ["observer", "authority"])
def test_the_coordination_is_not_offered_to_an_observer_or_authority(
    world: World, role: str
) -> None:
    world.must(CERT, Act.MEMBER_ROLE_CHANGED, organisation=GRID, role=role)
    reason = world.refusal(CERT, Act.HANDOVER_OFFERED, successor=GRID)
    assert "neither observer nor authority" in reason


@pytest.mark.parametrize("whom", [CERT, WATER])
def test_the_coordination_goes_to_another_joined_member(world: World, whom: str) -> None:
    assert "joined member" in world.refusal(CERT, Act.HANDOVER_OFFERED, successor=whom)


def test_with_nobody_to_take_it_the_coordination_is_not_on_offer() -> None:
    alone = World.opened(others=[])
    reason = alone.refusal(CERT, Act.HANDOVER_OFFERED, successor=GRID)
    assert "no joined member could take the coordination over" in reason


def test_a_successor_that_is_gone_gets_nothing(world: World) -> None:
    world.must(CERT, Act.HANDOVER_OFFERED, successor=GRID)
    world.must(GRID, Act.HANDOVER_ACCEPTED)
    world.must(CERT, Act.MEMBER_ROLE_CHANGED, organisation=GRID, role="observer")
    reason = world.refusal(CERT, Act.COORDINATOR_HANDED_OVER, successor=GRID)
    assert "no longer a joined member" in reason
    world.must(CERT, Act.HANDOVER_WITHDRAWN)


def test_it_is_handed_to_the_one_that_accepted(world: World) -> None:
    world.must(CERT, Act.HANDOVER_OFFERED, successor=GRID)
    world.must(GRID, Act.HANDOVER_ACCEPTED)
    reason = world.refusal(CERT, Act.COORDINATOR_HANDED_OVER, successor=VENDOR)
    assert f"it is {GRID} that has accepted" in reason


def test_after_the_hand_over_nothing_is_written_but_the_next_opening() -> None:
    world = handed_over()
    for who in (CERT, GRID, VENDOR):
        for act in (Act.NOTE_ADDED, Act.OPINION_GIVEN, Act.MEMBER_LEFT):
            assert "the coordination is handed over" in world.refusal(who, act)
    assert world.ask(VENDOR, Act.SUCCESSION_ENDORSED, **endorsement(GRID)).decision
    body = next_epoch(world, VENDOR, "hand-over")
    assert "is for the successor" in world.refusal(VENDOR, Act.CHANNEL_OPENED, **body)
    back = next_epoch(world, CERT, "re-opening")
    assert "is handed over" in world.refusal(CERT, Act.CHANNEL_OPENED, **back)


@pytest.mark.parametrize("offered", [False, True])
def test_the_owner_re_opens_its_own_epoch(world: World, offered: bool) -> None:
    """Source: coordination protocol, 11 (*Re-opening*)."""
    if offered:
        world.must(CERT, Act.HANDOVER_OFFERED, successor=GRID)
    world.must(CERT, Act.CHANNEL_OPENED, **next_epoch(world, CERT, "re-opening", round=0))
    assert world.coordination == "held"
    body = next_epoch(world, GRID, "re-opening")
    assert "owner of the epoch" in world.refusal(GRID, Act.CHANNEL_OPENED, **body)


def test_a_new_epoch_keeps_members_roles_and_ceiling() -> None:
    """Source: coordination protocol, 5: they change only by later entries."""
    world = handed_over()
    body = next_epoch(world, GRID, "hand-over")
    fewer = body | {"members": body["members"][1:]}
    assert "exactly the members" in world.refusal(GRID, Act.CHANNEL_OPENED, **fewer)
    wider = body | {"ceiling": "red"}
    assert "keeps the ceiling TLP:AMBER" in world.refusal(GRID, Act.CHANNEL_OPENED, **wider)
    promoted = next_epoch(world, GRID, "hand-over")
    next(m for m in promoted["members"] if m["organisation"] == VENDOR)["role"] = "deputy"
    assert f"keeps the role of {VENDOR}" in world.refusal(GRID, Act.CHANNEL_OPENED, **promoted)
    other = body | {"kind": "community"}
    assert "this is a case channel" in world.refusal(GRID, Act.CHANNEL_OPENED, **other)
    two = next_epoch(world, GRID, "hand-over")
    next(m for m in two["members"] if m["organisation"] == CERT)["role"] = "coordinator"
    assert "nobody else is" in world.refusal(GRID, Act.CHANNEL_OPENED, **two)
    doubled = body | {"members": body["members"] * 2}
    assert "named twice" in world.refusal(GRID, Act.CHANNEL_OPENED, **doubled)


def test_a_direct_channel_is_re_opened_by_its_owner() -> None:
    world = World.opened(ChannelKind.DIRECT, [GRID])
    body = next_epoch(world, CERT, "re-opening")
    world.must(CERT, Act.CHANNEL_OPENED, **body)


@pytest.mark.parametrize(
    ("others", "endorsing", "enough"),
    [
        ([GRID], [GRID], False),
        ([GRID, VENDOR], [GRID], False),
        ([GRID, VENDOR], [GRID, VENDOR], True),
        ([GRID, VENDOR], [GRID, CERT], False),
        ([GRID, VENDOR, WATER], [GRID, VENDOR], False),
        ([GRID, VENDOR, WATER], [GRID, VENDOR, WATER], True),
    ],
)
def test_a_succession_takes_more_than_half_and_never_fewer_than_two(
    others: list[str], endorsing: list[str], enough: bool
) -> None:
    """Source: coordination protocol, 11 (*Succession*)."""
    world = World.opened(others=others)
    body = next_epoch(world, GRID, "succession", round=1)
    ruling = world.ask(GRID, Act.CHANNEL_OPENED, endorsed_by=endorsing, **body)
    assert bool(ruling.decision) is enough
    if not enough:
        assert "endorse the candidate" in ruling.decision.reason


def test_observers_count_neither_among_the_members_nor_among_the_endorsers() -> None:
    world = World.opened(others=[GRID, VENDOR])
    world.must(CERT, Act.MEMBER_INVITED, **invitation(WATER, "observer"))
    world.must(WATER, Act.MEMBER_JOINED, **joining("observer"))
    body = next_epoch(world, GRID, "succession", round=1)
    next(m for m in body["members"] if m["organisation"] == WATER)["role"] = "observer"
    two = {GRID, VENDOR}
    assert world.ask(GRID, Act.CHANNEL_OPENED, endorsed_by=two, **body).decision
    one = {GRID, WATER}
    assert not world.ask(GRID, Act.CHANNEL_OPENED, endorsed_by=one, **body).decision
    assert "neither observer" in world.refusal(WATER, Act.SUCCESSION_ENDORSED, **endorsement(GRID))


def test_the_owner_has_no_say_in_its_succession(world: World) -> None:
    assert "no say" in world.refusal(CERT, Act.SUCCESSION_ENDORSED, **endorsement(GRID))
    body = next_epoch(world, CERT, "succession", round=1)
    assert "no say" in world.refusal(CERT, Act.CHANNEL_OPENED, **body)


@pytest.mark.parametrize("candidate", [CERT, WATER])
def test_a_candidate_is_another_joined_member(world: World, candidate: str) -> None:
    reason = world.refusal(GRID, Act.SUCCESSION_ENDORSED, **endorsement(candidate))
    assert "a candidate is a joined member" in reason


def test_a_lost_owner_is_replaced_even_while_a_hand_over_is_on_offer(world: World) -> None:
    world.must(CERT, Act.HANDOVER_OFFERED, successor=GRID)
    body = next_epoch(world, VENDOR, "succession", round=1)
    world.must(VENDOR, Act.CHANNEL_OPENED, endorsed_by=[GRID, VENDOR], **body)
    assert world.owner == VENDOR
    assert world.states["successor", "channel"] == "none"

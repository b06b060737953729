"""Source: lifecycles, 3; coordination protocol, 5."""

from __future__ import annotations

from typing import Any

import pytest

from policies.acts import Act, ChannelKind
from policies.lifecycles import Change
from policies.lifecycles.guards import through_direct
from policies.roles import Role
from tests.unit.policies.worlds import (
    CERT,
    CHANNEL_ID,
    DIGEST,
    GRID,
    STRANGER,
    VENDOR,
    WATER,
    World,
    invitation,
    joining,
    relay,
)


@pytest.fixture(params=[ChannelKind.CASE, ChannelKind.COMMUNITY])
def world(request: pytest.FixtureRequest) -> World:
    return World.opened(request.param)


def test_an_invited_organisation_joins_in_the_role_it_was_offered(world: World) -> None:
    invited = world.must(CERT, Act.MEMBER_INVITED, **invitation(WATER, "affected"))
    assert Change("membership", WATER, None, "invited") in invited.changes
    joined = world.must(WATER, Act.MEMBER_JOINED, **joining("affected"))
    assert Change("membership", WATER, "invited", "joined") in joined.changes
    assert world.members[WATER] == {Role.AFFECTED}


def test_nobody_joins_in_another_role_than_the_one_offered(world: World) -> None:
    world.must(CERT, Act.MEMBER_INVITED, **invitation(WATER, "observer"))
    reason = world.refusal(WATER, Act.MEMBER_JOINED, **joining("responder"))
    assert "the role offered is observer, not responder" in reason


def test_nobody_joins_in_roles_that_do_not_go_together(world: World) -> None:
    world.must(CERT, Act.MEMBER_INVITED, **invitation(WATER, "observer"))
    body = joining() | {"role": ["observer", "responder"]}
    assert "goes with no other role" in world.refusal(WATER, Act.MEMBER_JOINED, **body)


def test_the_newest_invitation_counts(world: World) -> None:
    world.must(CERT, Act.MEMBER_INVITED, **invitation(WATER, "observer"))
    world.must(CERT, Act.MEMBER_UNINVITED, organisation=WATER)
    world.must(CERT, Act.MEMBER_INVITED, **invitation(WATER, "advisor"))
    world.must(WATER, Act.MEMBER_JOINED, **joining("advisor"))


def test_several_roles_are_accepted_in_any_order(world: World) -> None:
    offer = invitation(WATER) | {"role": ["supplier", "affected"]}
    world.must(CERT, Act.MEMBER_INVITED, **offer)
    world.must(WATER, Act.MEMBER_JOINED, **(joining() | {"role": ["affected", "supplier"]}))
    assert world.members[WATER] == {Role.AFFECTED, Role.SUPPLIER}


def test_nobody_joins_uninvited(world: World) -> None:
    reason = world.refusal(STRANGER, Act.MEMBER_JOINED, **joining())
    assert "member.joined is not open now" in reason
    assert "is none" in reason


def test_the_invited_write_nothing_but_their_answer(world: World) -> None:
    world.must(CERT, Act.MEMBER_INVITED, **invitation(WATER))
    assert "is for a joined organisation" in world.refusal(WATER, Act.NOTE_ADDED)
    assert world.ask(WATER, Act.MEMBER_JOINED, **joining()).decision
    assert world.ask(WATER, Act.MEMBER_DECLINED).decision


def test_a_late_answer_counts_because_deadlines_never_refuse(world: World) -> None:
    """Source: lifecycles, 1, rule 2."""
    past = invitation(WATER) | {"reply_by": "2020-01-01T00:00:00.000Z"}
    world.must(CERT, Act.MEMBER_INVITED, **past)
    world.must(WATER, Act.MEMBER_JOINED, **joining())


def test_who_declined_was_uninvited_left_or_was_removed_may_be_invited_again(
    world: World,
) -> None:
    for ending in (
        (WATER, Act.MEMBER_DECLINED, {}),
        (CERT, Act.MEMBER_UNINVITED, {"organisation": WATER}),
    ):
        world.must(CERT, Act.MEMBER_INVITED, **invitation(WATER))
        author, act, body = ending
        world.must(author, act, **body)
    for author, act, body in (
        (WATER, Act.MEMBER_LEFT, {}),
        (CERT, Act.MEMBER_REMOVED, {"organisation": WATER}),
    ):
        world.must(CERT, Act.MEMBER_INVITED, **invitation(WATER))
        world.must(WATER, Act.MEMBER_JOINED, **joining())
        world.must(author, act, **body)
    assert world.membership(WATER) == "removed"
    world.must(CERT, Act.MEMBER_INVITED, **invitation(WATER))


@pytest.mark.parametrize("state", ["invited", "joined", "suspended"])
def test_nobody_is_invited_twice(world: World, state: str) -> None:
    world.must(CERT, Act.MEMBER_INVITED, **invitation(WATER))
    if state != "invited":
        world.must(WATER, Act.MEMBER_JOINED, **joining())
    if state == "suspended":
        world.must(CERT, Act.MEMBER_SUSPENDED, organisation=WATER)
    reason = world.refusal(CERT, Act.MEMBER_INVITED, **invitation(WATER))
    assert f"membership of {WATER} is {state}" in reason


@pytest.mark.parametrize(
    ("act", "body"),
    [
        (Act.MEMBER_INVITED, invitation(WATER)),
        (Act.MEMBER_ROLE_CHANGED, {"organisation": VENDOR, "role": "observer"}),
        (Act.MEMBER_SUSPENDED, {"organisation": VENDOR}),
        (Act.MEMBER_REMOVED, {"organisation": VENDOR}),
    ],
)
def test_members_are_managed_by_the_coordinator_alone(
    world: World, act: Act, body: dict[str, Any]
) -> None:
    assert "is for the owner of the epoch" in world.refusal(GRID, act, **body)
    assert world.ask(CERT, act, **body).decision


@pytest.mark.parametrize("role", ["coordinator", ["deputy", "coordinator"]])
def test_a_role_never_changes_to_coordinator(world: World, role: object) -> None:
    reason = world.refusal(CERT, Act.MEMBER_ROLE_CHANGED, organisation=GRID, role=role)
    assert "who coordinates changes by hand-over or succession alone" in reason


def test_the_coordinators_role_never_changes(world: World) -> None:
    reason = world.refusal(CERT, Act.MEMBER_ROLE_CHANGED, organisation=CERT, role="observer")
    assert "the coordinator keeps its place" in reason


def test_nobody_is_invited_as_coordinator(world: World) -> None:
    reason = world.refusal(CERT, Act.MEMBER_INVITED, **invitation(WATER, "coordinator"))
    assert "hand-over or succession" in reason


def test_roles_that_do_not_go_together_are_refused(world: World) -> None:
    body = {"organisation": GRID, "role": ["observer", "responder"]}
    reason = world.refusal(CERT, Act.MEMBER_ROLE_CHANGED, **body)
    assert "observer goes with no other role" in reason


def test_a_role_change_changes_no_state(world: World) -> None:
    changed = world.must(CERT, Act.MEMBER_ROLE_CHANGED, organisation=GRID, role="observer")
    assert changed.changes == ()
    assert world.members[GRID] == {Role.OBSERVER}


def test_the_coordinator_neither_leaves_nor_is_suspended_or_removed(world: World) -> None:
    assert "the coordinator keeps its place" in world.refusal(CERT, Act.MEMBER_LEFT)
    for act in (Act.MEMBER_SUSPENDED, Act.MEMBER_REMOVED):
        assert "keeps its place" in world.refusal(CERT, act, organisation=CERT)


def test_a_suspended_member_writes_nothing(world: World) -> None:
    world.must(CERT, Act.MEMBER_SUSPENDED, organisation=GRID)
    for act in (Act.NOTE_ADDED, Act.OPINION_GIVEN, Act.INTEL_SHARED):
        assert not world.ask(GRID, act).decision
    assert "not open now" in world.refusal(GRID, Act.MEMBER_LIMITS_CHANGED, limits={})


def test_a_suspended_member_can_only_be_resumed_removed_or_leave(world: World) -> None:
    world.must(CERT, Act.MEMBER_SUSPENDED, organisation=GRID)
    reason = world.refusal(CERT, Act.MEMBER_SUSPENDED, organisation=GRID)
    assert "is suspended" in reason
    assert reason.endswith("open now: member.removed, member.resumed")
    world.must(CERT, Act.MEMBER_RESUMED, organisation=GRID)
    assert world.members[GRID] == {Role.RESPONDER}


def test_a_suspended_member_leaves_through_its_direct_channel_and_the_coordinator_relays(
    world: World,
) -> None:
    """Source: lifecycles, 3 (`member.left`); 1, rule 6."""
    world.must(CERT, Act.MEMBER_SUSPENDED, organisation=GRID)
    assert "through its direct channel" in world.refusal(GRID, Act.MEMBER_LEFT)
    world.must(CERT, Act.MEMBER_LEFT, on_behalf_of=relay(GRID))
    assert world.membership(GRID) == "left"


def test_limits_are_kept_as_the_strictest_label_that_a_member_takes(world: World) -> None:
    limits = {"markings": ["clear", "green"]}
    changed = world.must(GRID, Act.MEMBER_LIMITS_CHANGED, limits=limits)
    assert changed.changes == (Change("limit", GRID, None, "green"),)
    lifted = world.must(GRID, Act.MEMBER_LIMITS_CHANGED, limits={"topics": ["ransomware"]})
    assert lifted.changes == (Change("limit", GRID, "green", "none"),)


def test_a_request_goes_through_the_direct_channel(world: World) -> None:
    body = {"channel": CHANNEL_ID, "role": "observer"}
    reason = world.refusal(STRANGER, Act.MEMBER_REQUESTED, **body)
    assert "does not belong into" in reason
    said = through_direct(world.situation(STRANGER, body), STRANGER)
    assert "go through the direct channel" in str(said)


def test_in_a_direct_channel_membership_acts_are_words_that_change_nothing() -> None:
    direct = World.opened(ChannelKind.DIRECT, [GRID])
    head = {"epoch": 1, "seq": 0, "sha256": DIGEST}
    copy = invitation(GRID) | {
        "channel": CHANNEL_ID,
        "genesis": DIGEST,
        "head": head,
        "kind": "case",
    }
    for act, body in (
        (Act.MEMBER_INVITED, copy),
        (Act.MEMBER_REQUESTED, {"channel": CHANNEL_ID, "role": "observer"}),
        (Act.MEMBER_REFUSED, {"answers": DIGEST}),
        (Act.MEMBER_DECLINED, {"channel": CHANNEL_ID, "answers": DIGEST}),
        (Act.MEMBER_LEFT, {"channel": CHANNEL_ID}),
    ):
        ruling = direct.ask(CERT, act, **body)
        assert ruling.decision
        assert ruling.changes == ()


def test_the_copy_of_an_invitation_names_its_channel() -> None:
    direct = World.opened(ChannelKind.DIRECT, [GRID])
    reason = direct.refusal(CERT, Act.MEMBER_INVITED, **invitation(GRID))
    assert "names its channel, first entry and head" in reason

"""Source: lifecycles, 1 (rules 3, 4, 6, 7), 12 (recall, intel) and 13."""

from __future__ import annotations

import pytest

from policies.acts import ACTS, Act, ChannelKind
from policies.lifecycles import Change, knows, open_acts, rule
from tests.unit.policies.bodies import GOOD
from tests.unit.policies.worlds import (
    CERT,
    DIGEST,
    GRID,
    STRANGER,
    VENDOR,
    WATER,
    World,
    invitation,
    joining,
    object_of,
    relay,
)

WORDS = (Act.NOTE_ADDED, Act.EVENT_ADDED, Act.OPINION_GIVEN, Act.SIGHTING_REPORTED)


@pytest.fixture
def world() -> World:
    world = World.opened()
    for who, role in ((WATER, "observer"),):
        world.must(CERT, Act.MEMBER_INVITED, **invitation(who, role))
        world.must(who, Act.MEMBER_JOINED, **joining(role))
    return world


@pytest.mark.parametrize("act", [*WORDS, Act.INTEL_SHARED])
def test_facts_are_taken_in_from_members(world: World, act: Act) -> None:
    for member in (CERT, GRID, VENDOR):
        assert world.must(member, act).changes == ()
    assert "is for a joined" in world.refusal(STRANGER, act)


def test_an_observer_gives_opinions_and_sightings_only(world: World) -> None:
    assert world.ask(WATER, Act.OPINION_GIVEN).decision
    assert world.ask(WATER, Act.SIGHTING_REPORTED).decision
    for act in (Act.NOTE_ADDED, Act.EVENT_ADDED):
        assert "opinions and sightings only" in world.refusal(WATER, act)
    assert "neither observer nor authority" in world.refusal(WATER, Act.INTEL_SHARED)


def test_what_the_other_side_of_a_direct_channel_says_of_its_keys_is_admitted_by_its_owner() -> (
    None
):
    """Told by a walk: the table of acts kept admissions out of where judges let them in."""
    direct = World.opened(ChannelKind.DIRECT, [GRID])
    assert direct.ask(CERT, Act.ADMITTED).decision
    assert not direct.ask(GRID, Act.ADMITTED).decision


def test_an_authority_adds_notes_but_no_intelligence(world: World) -> None:
    world.must(CERT, Act.MEMBER_ROLE_CHANGED, organisation=VENDOR, role="authority")
    assert world.ask(VENDOR, Act.NOTE_ADDED).decision
    assert not world.ask(VENDOR, Act.INTEL_SHARED).decision


def test_only_the_owner_admits_and_changes_the_ceiling(world: World) -> None:
    assert world.ask(CERT, Act.ADMITTED).decision
    assert not world.ask(GRID, Act.ADMITTED).decision
    assert not world.ask(GRID, Act.CHANNEL_CEILING_CHANGED, ceiling="red").decision
    changed = world.must(CERT, Act.CHANNEL_CEILING_CHANGED, ceiling="red")
    assert changed.changes == (Change("ceiling", "channel", "amber", "red"),)


def test_the_ceiling_is_never_wider_than_a_members_limits(world: World) -> None:
    limits = {"markings": ["clear", "green", "amber"]}
    world.must(GRID, Act.MEMBER_LIMITS_CHANGED, limits=limits)
    reason = world.refusal(CERT, Act.CHANNEL_CEILING_CHANGED, ceiling="amber+strict")
    assert f"{GRID} takes matter up to TLP:AMBER" in reason
    world.must(CERT, Act.CHANNEL_CEILING_CHANGED, ceiling="green")
    world.must(CERT, Act.CHANNEL_CEILING_CHANGED, ceiling="amber")
    world.must(GRID, Act.MEMBER_LEFT)
    world.must(CERT, Act.CHANNEL_CEILING_CHANGED, ceiling="red")


def test_every_member_describes_its_own_node(world: World) -> None:
    body = {"descriptors": joining()["descriptors"]}
    for who in (CERT, GRID, WATER):
        assert world.ask(who, Act.NODE_DESCRIBED, **body).decision


def test_every_member_says_how_to_reach_it_and_the_coordinator_for_who_cannot(world: World) -> None:
    """Source: lifecycles, 1 (rule 6) and 13."""
    body = GOOD[Act.MEMBER_DESCRIBED]
    for who in (CERT, GRID, WATER):
        assert world.ask(who, Act.MEMBER_DESCRIBED, **body).decision
    relay = {"organisation": GRID, "way": "telephone", "at": "2026-11-20T10:00:00.000Z"}
    world.must(CERT, Act.MEMBER_SUSPENDED, organisation=GRID)
    assert "joined" in world.refusal(GRID, Act.MEMBER_DESCRIBED, **body)
    assert world.ask(CERT, Act.MEMBER_DESCRIBED, **body, on_behalf_of=relay).decision
    assert "only a coordinator relays" in world.refusal(
        VENDOR, Act.MEMBER_DESCRIBED, **body, on_behalf_of=relay
    )
    assert "joined" in world.refusal(STRANGER, Act.MEMBER_DESCRIBED, **body)


def test_the_authors_recall_deletes_and_the_coordinators_hides(world: World) -> None:
    """Source: coordination protocol, 12."""
    theirs = object_of(GRID)
    hidden = world.must(CERT, Act.OBJECT_RECALLED, objects=[theirs])
    assert hidden.changes == (Change("object", theirs, None, "hidden"),)
    assert "is hidden" in world.refusal(CERT, Act.OBJECT_RECALLED, objects=[theirs])
    assert "that shared it" in world.refusal(VENDOR, Act.OBJECT_RECALLED, objects=[theirs])
    recalled = world.must(GRID, Act.OBJECT_RECALLED, objects=[theirs])
    assert recalled.changes == (Change("object", theirs, "hidden", "recalled"),)
    assert "is recalled" in world.refusal(GRID, Act.OBJECT_RECALLED, objects=[theirs])


def test_the_coordinators_own_objects_are_recalled_at_once(world: World) -> None:
    own = object_of(CERT)
    recalled = world.must(CERT, Act.OBJECT_RECALLED, objects=[own])
    assert recalled.changes == (Change("object", own, None, "recalled"),)


def test_what_is_not_in_the_channel_is_not_recalled(world: World) -> None:
    unknown = object_of(STRANGER)
    reason = world.refusal(CERT, Act.OBJECT_RECALLED, objects=[unknown])
    assert f"{unknown} is not in this channel" in reason


@pytest.mark.parametrize("kind", ["signed-bundle", "marking-definition", "extension-definition"])
def test_what_later_entries_are_judged_by_is_never_recalled(world: World, kind: str) -> None:
    """Who joins later would judge them otherwise than who was there. Source: protocol, 7, 12."""
    thing = object_of(GRID).replace("note", kind)
    for who in (GRID, CERT):
        reason = world.refusal(who, Act.OBJECT_RECALLED, objects=[thing])
        assert "is never recalled" in reason


def test_an_act_about_several_things_holds_for_all_or_for_none(world: World) -> None:
    """Source: lifecycles, 1, rule 7."""
    mine, theirs = object_of(GRID), object_of(VENDOR)
    assert not world.do(GRID, Act.OBJECT_RECALLED, objects=[mine, theirs]).decision
    assert world.states.get(("object", mine)) is None
    both = [object_of(GRID, 0), object_of(GRID, 1)]
    assert len(world.must(GRID, Act.OBJECT_RECALLED, objects=both).changes) == 2


def test_only_its_author_releases_an_object_to_later_members(world: World) -> None:
    assert world.must(GRID, Act.OBJECT_RELEASED, objects=[object_of(GRID)]).changes == ()
    assert not world.ask(CERT, Act.OBJECT_RELEASED, objects=[object_of(GRID)]).decision
    world.must(GRID, Act.OBJECT_RECALLED, objects=[object_of(GRID)])
    assert not world.ask(GRID, Act.OBJECT_RELEASED, objects=[object_of(GRID)]).decision


@pytest.mark.parametrize("answer", ["deleted", "quarantined", "kept"])
def test_each_organisation_answers_a_recall_once(world: World, answer: str) -> None:
    thing = object_of(GRID)
    early = world.refusal(VENDOR, Act.RECALL_ANSWERED, objects=[thing], answer=answer)
    assert "has not been recalled" in early
    world.must(GRID, Act.OBJECT_RECALLED, objects=[thing])
    answered = world.must(VENDOR, Act.RECALL_ANSWERED, objects=[thing], answer=answer)
    assert answered.changes == (Change("recall", f"{thing} {VENDOR}", None, answer),)
    again = world.refusal(VENDOR, Act.RECALL_ANSWERED, objects=[thing], answer="deleted")
    assert f"is {answer}" in again
    world.must(WATER, Act.RECALL_ANSWERED, objects=[thing], answer="deleted")


def test_intelligence_is_revoked_by_who_shared_it(world: World) -> None:
    thing = object_of(GRID)
    assert "that shared it" in world.refusal(CERT, Act.INTEL_REVOKED, objects=[thing])
    revoked = world.must(GRID, Act.INTEL_REVOKED, objects=[thing])
    assert revoked.changes == (Change("intel", thing, None, "revoked"),)
    assert "is revoked" in world.refusal(GRID, Act.INTEL_REVOKED, objects=[thing])


def test_who_has_left_recalls_nothing_any_more(world: World) -> None:
    world.must(GRID, Act.MEMBER_LEFT)
    assert not world.ask(GRID, Act.OBJECT_RECALLED, objects=[object_of(GRID)]).decision


def test_in_a_direct_channel_only_its_owner_writes() -> None:
    """Source: lifecycles, *Who*; coordination protocol, 5."""
    direct = World.opened(ChannelKind.DIRECT, [GRID])
    for act in (*WORDS, Act.INTEL_SHARED):
        direct.must(CERT, act, answers=DIGEST)
        assert "only its owner writes" in direct.refusal(GRID, act)
    assert direct.must(CERT, Act.OBJECT_RECALLED, objects=[object_of(CERT)]).changes
    # What a member says of its keys goes wherever it is a member.
    body = {"descriptors": joining()["descriptors"]}
    assert direct.ask(GRID, Act.NODE_DESCRIBED, **body).decision


def test_a_coordinator_relays_what_a_member_without_a_working_node_says(world: World) -> None:
    """Source: lifecycles, 1, rule 6."""
    told = relay(GRID) | {"informant": VENDOR}
    world.must(CERT, Act.NOTE_ADDED, on_behalf_of=told)
    world.must(CERT, Act.MEMBER_SUSPENDED, organisation=GRID)
    world.must(CERT, Act.INTEL_SHARED, on_behalf_of=told)


def test_nobody_but_the_coordinator_relays(world: World) -> None:
    told = relay(GRID)
    assert "only a coordinator relays" in world.refusal(VENDOR, Act.NOTE_ADDED, on_behalf_of=told)
    direct = World.opened(ChannelKind.DIRECT, [GRID])
    assert "only a coordinator relays" in direct.refusal(CERT, Act.NOTE_ADDED, on_behalf_of=told)


def test_what_only_a_node_can_say_for_itself_is_not_relayed(world: World) -> None:
    body = {"objects": [object_of(GRID)], "on_behalf_of": relay(GRID)}
    assert "can't be relayed" in world.refusal(CERT, Act.OBJECT_RECALLED, **body)
    own = relay(CERT)
    assert "can't be relayed" in world.refusal(CERT, Act.NOTE_ADDED, on_behalf_of=own)
    unknown = relay(STRANGER)
    assert "joined" in world.refusal(CERT, Act.NOTE_ADDED, on_behalf_of=unknown)


def test_a_version_knows_its_own_acts_and_no_others(world: World) -> None:
    """Source: coordination protocol, 7 (`unknown_act`); lifecycles, 1, rule 8."""
    assert knows("1", "note.added") is Act.NOTE_ADDED
    assert knows("1", "task.offered") is None
    assert knows("2", "note.added") is None
    situation = world.situation(CERT, {})
    assert "version 2" in rule("2", Act.NOTE_ADDED, situation).decision.reason
    assert open_acts("2", situation) == frozenset()


def test_version_1_knows_every_act_of_the_table() -> None:
    assert {act for act in Act if knows("1", act.value) is act} == set(ACTS)


def test_open_acts_are_about_whom_the_body_names(world: World) -> None:
    about_grid = open_acts("1", world.situation(CERT, {"organisation": GRID}))
    about_stranger = open_acts("1", world.situation(CERT, {"organisation": STRANGER}))
    assert Act.MEMBER_REMOVED in about_grid
    assert Act.MEMBER_INVITED not in about_grid
    assert Act.MEMBER_INVITED in about_stranger
    assert Act.MEMBER_REMOVED not in about_stranger


def test_open_acts_are_about_the_objects_that_the_body_names(world: World) -> None:
    theirs = open_acts("1", world.situation(VENDOR, {"objects": [object_of(GRID)]}))
    assert Act.OBJECT_RECALLED not in theirs
    own = open_acts("1", world.situation(VENDOR, {"objects": [object_of(VENDOR)]}))
    assert Act.OBJECT_RECALLED in own

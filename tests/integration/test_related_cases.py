"""What a case has to do with others: linked, merged, on whole nodes.

Source: lifecycles, 4 (`case.linked`, `case.merged`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from federation.ledgers import rebuild
from hub.accounts.actor import Actor, Via
from hub.apply import VIEWS
from hub.calls import calling
from hub.calls.queries import visible_due
from hub.cases import (
    breakouts,
    course,
    deciding,
    decision_queries,
    neighbours,
    own_words,
    queries,
    related,
)
from hub.cases.neighbours import Neighbour, Tie
from hub.channels import audience, relay
from hub.channels.queries import visible_breakouts
from policies.acts import Act
from policies.assessment import ResponseState
from policies.decisions import By, DecisionRule, Topic
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from policies.links import Relation
from policies.roles import PersonRole
from policies.tlp import TLP
from sharing.records import StoredObject
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

HANDLER = Actor("h", "hana", frozenset({PersonRole.HANDLER}), Via.SESSION)
AUDITOR = Actor("a", "ada", frozenset({PersonRole.AUDITOR}), Via.SESSION)
FOREIGN = "incident--7d8f1c1e-0f7b-4a6f-9a51-0a3f6f0d7c11"


class World:
    """A CERT, a grid operator and a vendor; cases with some of them."""

    def __init__(self, cert: RunningNode, grid: RunningNode, vendor: RunningNode) -> None:
        self.cert, self.grid, self.vendor = cert, grid, vendor

    def settle(self) -> None:
        settle(self.cert, self.grid, self.vendor)

    def do(
        self, node: RunningNode, how: Any, *args: Any, actor: Actor = CONSOLE, **more: Any
    ) -> Any:
        with node.writing() as session:
            done = how(session, node.office.desk(session), actor, *args, now=node.now(), **more)
        self.settle()
        return done

    def open(self, title: str, *members: RunningNode, **given: Any) -> str:
        owner = given.pop("owner", self.cert)
        channel = str(self.do(owner, course.open_case, title=title, text="Seen.", **given))
        for node in members:
            owner.invite(channel, node)
        self.settle()
        for node in members:
            node.join(channel)
        self.settle()
        return channel

    def around(self, node: RunningNode, case: str, actor: Actor = CONSOLE) -> list[Neighbour]:
        with node.reading() as session:
            return neighbours.visible_neighbours(session, actor, case)

    def state(self, node: RunningNode, case: str) -> str:
        with node.reading() as session:
            return queries.get_visible_case(session, CONSOLE, case).state

    def is_rebuilt_the_same(self, node: RunningNode, case: str) -> bool:
        with node.writing() as session:
            desk = node.office.desk(session)
            return not rebuild.rebuild(session, desk, case, VIEWS).differences


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("related")
    with running(folder, "CERT", "Grid", "Vendor") as nodes:
        yield World(*nodes)


def test_a_linked_case_is_shown_on_both_and_to_nobody_else_by_name(world: World) -> None:
    here = world.open("Update phones home", world.grid, world.vendor)
    there = world.open("Zebra crossing stops", world.grid)
    world.do(world.cert, related.link, here, other=there, relation=Relation.SAME_CAUSE)
    for node in (world.cert, world.grid):
        (one,) = world.around(node, here)
        assert (one.tie, one.relation) == (Tie.NAMES, Relation.SAME_CAUSE)
        assert (one.channel, one.title) == (there, "Zebra crossing stops")
        (back,) = world.around(node, there)
        assert (back.tie, back.channel, back.title) == (
            Tie.NAMED_BY,
            here,
            "Update phones home",
        )
    (seen,) = world.around(world.vendor, here)
    assert (seen.channel, seen.title, seen.tlp, seen.reference) == (None, None, None, None)
    with pytest.raises(NotFoundError):
        world.around(world.vendor, there)
    with world.vendor.reading() as session:
        stored = b"".join(session.scalars(select(StoredObject.content)))
    assert b"Zebra" not in stored
    assert world.is_rebuilt_the_same(world.grid, here)


def test_the_newest_relation_counts_and_the_same_is_not_said_twice(world: World) -> None:
    here, there = world.open("One"), world.open("Other")
    world.do(world.cert, related.link, here, other=there, relation=Relation.RELATED)
    with pytest.raises(ConflictError, match="already"):
        world.do(world.cert, related.link, here, other=there, relation=Relation.RELATED)
    world.do(
        world.cert, related.link, here, other=there, relation=Relation.DUPLICATE, reason="Same hash"
    )
    (one,) = world.around(world.cert, here)
    assert one.relation is Relation.DUPLICATE


def test_another_coordinators_incident_is_named_by_its_reference(world: World) -> None:
    here = world.open("One", world.grid)
    theirs = world.open("Named by Grid", world.cert, owner=world.grid)
    world.do(world.cert, related.link, here, other=FOREIGN, relation=Relation.LED_TO)
    world.do(world.cert, related.link, here, other=theirs, relation=Relation.RELATED)
    first, second = world.around(world.grid, here)
    assert (first.reference, first.channel) == (FOREIGN, None)
    assert (second.reference, second.channel, second.title) == (None, theirs, "Named by Grid")
    (back,) = world.around(world.cert, theirs)
    assert (back.tie, back.channel) == (Tie.NAMED_BY, here)


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ("incident--nothing", InvalidError),
        ("c3b1a5c6-58c8-4c7e-a0d4-43b6a37b3a10", NotFoundError),
        ("<script>alert(1)</script>", NotFoundError),
    ],
)
def test_what_is_no_case_is_not_named(world: World, other: str, error: type[Exception]) -> None:
    here = world.open("One")
    with pytest.raises(error):
        world.do(world.cert, related.link, here, other=other, relation=Relation.RELATED)


def test_a_case_is_not_linked_to_itself_and_only_by_its_coordinator(world: World) -> None:
    here, there = world.open("One", world.grid), world.open("Other", world.grid)
    with pytest.raises(ConflictError, match="itself"):
        world.do(world.cert, related.link, here, other=here, relation=Relation.RELATED)
    with pytest.raises(ForbiddenError):
        world.do(
            world.cert, related.link, here, other=there, relation=Relation.RELATED, actor=HANDLER
        )
    with pytest.raises(ConflictError, match="owner"):
        world.do(world.grid, related.link, here, other=there, relation=Relation.RELATED)
    assert world.around(world.cert, here) == []


def test_a_breakout_is_named_to_nobody_who_is_not_in_it(world: World) -> None:
    here = world.open("One", world.grid, world.vendor)
    inner = world.do(
        world.cert,
        audience.open_breakout,
        here,
        name="Close",
        ceiling=TLP.AMBER,
        members=[world.grid.organisation],
    ).id
    world.do(world.cert, course.describe, inner, title="Close", text="Quiet.")
    world.grid.join(inner)
    world.settle()
    with pytest.raises(ForbiddenError, match="not all members"):
        world.do(world.cert, related.link, here, other=inner, relation=Relation.RELATED)
    with world.cert.reading() as session:
        assert inner not in dict(neighbours.nameable_cases(session, CONSOLE, here))
        assert here in dict(neighbours.nameable_cases(session, CONSOLE, inner))
    world.do(world.cert, related.link, inner, other=here, relation=Relation.RELATED)
    assert world.around(world.vendor, here) == []
    assert [one.tie for one in world.around(world.grid, here)] == [Tie.NAMED_BY]


def test_a_stricter_case_is_not_named_where_its_label_does_not_go(world: World) -> None:
    here = world.open("Open to many", ceiling=TLP.GREEN)
    there = world.open("Close", ceiling=TLP.AMBER_STRICT)
    with pytest.raises(ForbiddenError, match="nothing stricter"):
        world.do(world.cert, related.link, here, other=there, relation=Relation.RELATED)
    world.do(world.cert, related.link, there, other=here, relation=Relation.RELATED)


def test_a_merged_case_goes_on_in_the_other_with_everybody(world: World) -> None:
    here = world.open("Small", world.grid, world.vendor)
    into = world.open("Large", world.grid)
    absent = world.do(
        world.cert, relay.add_absent, here, name="Clinic", roles=["affected"], contact="+49 30 1"
    )
    told = relay.Told(way="telephone", at=world.cert.now())
    world.do(
        world.cert,
        relay.relay,
        here,
        organisation=absent,
        act=Act.MEMBER_JOINED,
        told=told,
    )
    question = world.do(
        world.cert,
        deciding.ask,
        here,
        topic=Topic.START,
        question="Shall we?",
        rule=DecisionRule(By.MAJORITY),
        vote_until=world.cert.now() + timedelta(hours=3),
    )
    world.do(world.cert, calling.check, here, reply_by=world.cert.now() + timedelta(hours=1))
    with world.cert.reading() as session:
        desk, now = world.cert.office.desk(session), world.cert.now()
        plan = related.get_plan(session, desk, CONSOLE, here, into=into, now=now)
    assert plan.there == ("Grid",)
    assert [one.name for one in plan.guests] == ["Clinic", "Vendor"]
    assert (plan.questions, plan.topics) == ((question,), ("start-coordination",))
    assert (len(plan.calls), plan.left_out) == (1, ())

    world.do(world.cert, related.merge, here, into=into, reason="One incident.")
    assert {world.state(node, here) for node in (world.cert, world.grid, world.vendor)} == {
        "merged"
    }
    (grids,) = world.around(world.grid, here)
    assert (grids.tie, grids.channel, grids.title) == (Tie.GOES_ON_IN, into, "Large")
    (back,) = world.around(world.grid, into)
    assert (back.tie, back.channel) == (Tie.TAKES_IN, here)
    (vendors,) = world.around(world.vendor, here)
    assert (vendors.channel, vendors.title, vendors.invited) == (None, None, True)
    world.vendor.join(into)
    world.settle()
    (vendors,) = world.around(world.vendor, here)
    assert (vendors.channel, vendors.title) == (into, "Large")
    with world.cert.reading() as session:
        us = world.cert.organisation
        decisions = decision_queries.visible_decisions(session, CONSOLE, here, us=us)
        assert [one.state for one in decisions] == ["withdrawn"]
        names = {one.name for one in queries.visible_organisations(session, CONSOLE, into, us=us)}
    assert names >= {"CERT", "Grid", "Vendor"}
    state = world.cert.state(into)
    clinic = [one for one in state.members.values() if one.without_node]
    assert [(one.state, one.roles) for one in clinic] == [("invited", ("affected",))]
    assert world.is_rebuilt_the_same(world.vendor, here)


def test_a_merged_case_takes_nothing_more_and_asks_for_nothing(world: World) -> None:
    here, into = world.open("Small", world.grid), world.open("Large", world.grid)
    world.do(
        world.grid,
        calling.ask,
        here,
        text="Who has logs?",
        addressees=[world.cert.organisation],
        needed_by=world.cert.now() + timedelta(hours=1),
    )
    with world.cert.reading() as session:
        desk, now = world.cert.office.desk(session), world.cert.now()
        assert related.get_plan(session, desk, CONSOLE, here, into=into, now=now).others_asking == (
            "Grid",
        )
    world.do(world.cert, related.merge, here, into=into)
    with world.cert.reading() as session:
        us, now = world.cert.organisation, world.cert.now()
        due = visible_due(session, CONSOLE, us=us, now=now)
        assert [one for one in due if one.channel == here] == []
        assert neighbours.mergeable_cases(session, CONSOLE, here) == []
    with pytest.raises(ForbiddenError, match="goes on nowhere"):
        world.do(world.cert, related.merge, here, into=into)
    with pytest.raises(Exception, match="merged"):
        world.do(world.cert, related.link, here, other=into, relation=Relation.RELATED)
    with pytest.raises(Exception, match="merged"):
        world.do(world.cert, course.reopen, here, reason="No, it was not.")
    with pytest.raises(Exception, match="merged"):
        world.do(world.cert, own_words.respond, here, state=ResponseState.AFFECTED)


def test_nobody_is_lost_in_a_merge_and_nothing_is_written_by_halves(world: World) -> None:
    here = world.open("Small", world.grid, world.vendor)
    inner = world.do(
        world.cert,
        audience.open_breakout,
        world.open("Large", world.grid),
        name="Inner",
        ceiling=TLP.AMBER,
        members=[world.grid.organisation],
    ).id
    world.do(world.cert, course.describe, inner, title="Inner", text="")
    head = world.cert.state(inner).head
    with pytest.raises(ConflictError, match="Vendor"):
        world.do(world.cert, related.merge, here, into=inner)
    assert world.cert.state(inner).head == head
    assert world.state(world.cert, here) == "assessment"


def test_only_open_cases_of_one_coordinator_and_one_kind_are_merged(world: World) -> None:
    here, drill = world.open("Real"), world.open("Drill", exercise=True)
    theirs = world.open("Theirs", world.cert, owner=world.grid)
    with pytest.raises(ForbiddenError, match="exercise"):
        world.do(world.cert, related.merge, here, into=drill)
    with pytest.raises(ConflictError, match="same coordinator"):
        world.do(world.cert, related.merge, here, into=theirs)
    with pytest.raises(ConflictError, match="itself"):
        world.do(world.cert, related.merge, here, into=here)
    with pytest.raises(ForbiddenError):
        world.do(world.cert, related.merge, here, into=drill, actor=HANDLER)


def test_red_titles_are_for_coordinators_and_handlers(world: World) -> None:
    here = world.open("One", world.grid)
    inner = world.do(
        world.cert,
        audience.open_breakout,
        here,
        name="Inner",
        ceiling=TLP.RED,
        members=[world.grid.organisation],
    ).id
    world.do(world.cert, course.describe, inner, title="Secret name", text="")
    world.do(world.cert, related.link, inner, other=here, relation=Relation.RELATED)
    (one,) = world.around(world.cert, here, AUDITOR)
    assert one.title == queries.KEPT_CLOSE
    (one,) = world.around(world.cert, here, HANDLER)
    assert one.title == "Secret name"


def test_a_breakout_is_a_room_of_its_own_that_nobody_else_learns_of(world: World) -> None:
    here = world.open("Drill", world.grid, world.vendor, exercise=True)
    inner = world.do(
        world.cert,
        breakouts.open_room,
        here,
        title="Quince",
        text="Who sold the access?",
        ceiling=TLP.RED,
        members=[world.grid.organisation],
    )
    world.grid.join(inner)
    world.settle()
    with world.grid.reading() as session:
        room = queries.get_visible_case(session, CONSOLE, inner)
        assert (room.title, room.text) == ("Quince", "Who sold the access?")
        assert (room.tlp, room.exercise, room.state) == (TLP.RED, True, "assessment")
        closed = queries.get_visible_case(session, AUDITOR, inner)
        assert (closed.title, closed.text) == (queries.KEPT_CLOSE, None)
        assert [one.id for one in visible_breakouts(session, CONSOLE, here)] == [inner]
    with world.vendor.reading() as session:
        assert visible_breakouts(session, CONSOLE, here) == []
        with pytest.raises(NotFoundError):
            queries.get_visible_case(session, CONSOLE, inner)
        stored = b"".join(session.scalars(select(StoredObject.content)))
    assert b"Quince" not in stored
    assert inner.encode() not in stored


def test_a_breakout_is_opened_by_any_member_and_not_of_a_case_that_is_over(world: World) -> None:
    here = world.open("One", world.grid, world.vendor)
    given: dict[str, Any] = {
        "text": "",
        "ceiling": TLP.AMBER,
        "members": [world.vendor.organisation],
    }
    inner = world.do(world.grid, breakouts.open_room, here, title="Among users", **given)
    assert world.state(world.grid, inner) == "assessment"
    with pytest.raises(InvalidError, match="needs a name"):
        world.do(world.grid, breakouts.open_room, here, title=" ", **given)
    with pytest.raises(ForbiddenError):
        world.do(world.grid, breakouts.open_room, here, title="No", actor=HANDLER, **given)
    decision = world.do(
        world.cert, deciding.decide, here, topic=Topic.DECLINE, rationale="Nothing in it."
    )
    world.do(world.cert, course.decline, here, decision=decision)
    with pytest.raises(ConflictError, match="declined"):
        world.do(world.cert, breakouts.open_room, here, title="Late", **given)

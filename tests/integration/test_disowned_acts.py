"""What a stolen key decides, votes, links and answers, and what is left once it is disowned.

Where a channel stands stays as the ledger has it; what was said goes; a vote counts for nothing.

Source: decision 10.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import pytest

from federation.identity.node import get_node
from federation.ledgers import rebuild
from hub import own_keys
from hub.apply import VIEWS
from hub.cases import course, deciding, decision_queries, joining, own_words, related
from hub.cases.decision_queries import Decision
from hub.cases.neighbours import visible_neighbours
from hub.channels import relay
from hub.channels.relay import Told
from hub.community import charters
from policies.acts import Act
from policies.assessment import Assessment, Danger
from policies.decisions import By, DecisionRule, Topic
from policies.errors import ConflictError
from policies.links import Relation
from policies.matrix import Level
from tests.integration.test_cases import Room
from tests.integration.test_charters import Circle
from tests.kit.hostile_peer import signed_in
from tests.kit.nodes import CONSOLE, RunningNode, running

Nodes = tuple[RunningNode, RunningNode, RunningNode]
MAJORITY = DecisionRule(By.MAJORITY)


@dataclass
class Thief:
    """Holds a node's key for a while; what it signs is signed by the victim."""

    victim: RunningNode
    since: datetime
    key: str

    @classmethod
    def of(cls, victim: RunningNode) -> Thief:
        with victim.reading() as session:
            stolen = get_node(session).signing_key(victim.office.keys.ring())
        return cls(victim, victim.now(), stolen.thumbprint)

    def is_found_out(self, channel: str, *acts: Act) -> None:
        """Let the victim revoke its key, and disown these acts."""
        victim = self.victim
        victim.now.advance(minutes=1)  # type: ignore[attr-defined]
        with victim.writing() as session:
            own_keys.revoke(
                session,
                victim.office,
                CONSOLE,
                self.key,
                recovery=victim.recovery,
                since=self.since,
                now=victim.now(),
            )
        with victim.writing() as session:
            doubtful = own_keys.visible_doubtful(session, victim.office, CONSOLE)
            bundles = [
                row.entry.bundle
                for row in doubtful
                if row.entry.act in acts and row.entry.channel == channel
            ]
            assert bundles
            own_keys.disown(session, victim.office, CONSOLE, channel, bundles, now=victim.now())


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    folder = tmp_path_factory.mktemp("disowned")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield cert, grid, vendor


@pytest.fixture
def room(nodes: Nodes) -> Room:
    return Room(*nodes).open()


@pytest.fixture
def circle(nodes: Nodes) -> Circle:
    return Circle(*nodes).open()


def rebuilt_alike(nodes: tuple[RunningNode, ...], channel: str) -> None:
    for node in nodes:
        with node.writing() as session:
            made = rebuild.rebuild(session, node.office.desk(session), channel, VIEWS)
        assert made.equal, made.differences


def ask(room: Room, rule: DecisionRule = MAJORITY) -> str:
    return str(
        room.do(room.cert, deciding.ask, topic=Topic.QUESTION, question="Do we tell?", rule=rule)
    )


def everywhere(room: Room) -> list[Decision]:
    return [room.decisions(node)[0] for node in room.nodes]


def page(node: RunningNode, path: str) -> str:
    answer = signed_in(node, f"alice-{path[-12:]}").get(path)
    assert answer.status_code == HTTPStatus.OK
    return " ".join(answer.get_data(as_text=True).split())


def waits_for(room: Room, node: RunningNode) -> list[str]:
    with node.reading() as session:
        rows = decision_queries.visible_unvoted(session, CONSOLE, us=node.organisation)
    return [channel for channel, _, _ in rows if channel == room.case]


def test_a_thiefs_vote_counts_for_nothing_and_its_victim_is_asked_again(room: Room) -> None:
    question, thief = ask(room), Thief.of(room.grid)
    for node in (room.grid, room.vendor):
        room.do(node, deciding.vote, question, option="no", dissent="A word.")
    assert {one.count and one.count.outcome for one in everywhere(room)} == {"no"}
    thief.is_found_out(room.case, Act.DECISION_VOTED)
    room.settle()
    for one in everywhere(room):
        assert one.count is not None
        assert (one.count.settled, dict(one.count.votes)) == (False, {"yes": 0, "no": 1})
        assert [(vote.name, vote.option, vote.disowned) for vote in one.stolen] == [
            (room.grid.name, None, "no")
        ]
    assert waits_for(room, room.grid) == [room.case]
    shown = page(room.cert, f"/cases/{room.case}")
    assert "A stolen key has voted “no” for Grid." in shown
    assert "Grid: <strong>disowned</strong>" in shown
    # The ledger still counts it: nobody is led into an outcome that it would refuse, or allow.
    with pytest.raises(ConflictError, match="stolen key has voted for Grid"):
        room.do(room.cert, deciding.take, question, outcome="no")
    rebuilt_alike(room.nodes, room.case)
    room.do(room.grid, deciding.vote, question, option="yes")
    room.do(room.cert, deciding.vote, question, option="yes")
    room.do(room.cert, deciding.take, question, outcome="yes")
    assert {(one.outcome, one.is_doubted, one.stolen) for one in everywhere(room)} == {
        ("yes", False, ())
    }
    assert waits_for(room, room.grid) == []
    rebuilt_alike(room.nodes, room.case)


def test_what_was_decided_with_a_thiefs_vote_is_doubted_where_it_would_not_be_without(
    room: Room,
) -> None:
    question, thief = ask(room), Thief.of(room.grid)
    for node in (room.grid, room.vendor):
        room.do(node, deciding.vote, question, option="yes")
    room.do(room.cert, deciding.take, question, outcome="yes")
    assert not any(one.is_doubted for one in everywhere(room))
    thief.is_found_out(room.case, Act.DECISION_VOTED)
    room.settle()
    assert {(one.state, one.outcome, one.is_doubted) for one in everywhere(room)} == {
        ("taken", "yes", True)
    }
    shown = page(room.vendor, f"/cases/{room.case}")
    assert "It would not be so without what a stolen key has voted for Grid." in shown
    rebuilt_alike(room.nodes, room.case)


def test_a_question_of_a_thief_is_not_put_to_anybody(room: Room) -> None:
    thief = Thief.of(room.cert)
    question = ask(room)
    assert waits_for(room, room.grid) == [room.case]
    thief.is_found_out(room.case, Act.DECISION_OPENED)
    room.settle()
    assert {(one.state, one.text, one.disowned) for one in everywhere(room)} == {
        ("open", None, True)
    }
    assert waits_for(room, room.grid) == []
    shown = page(room.grid, f"/cases/{room.case}")
    assert "This was a stolen key’s word" in shown
    assert f"/decisions/{question}/vote" not in shown
    with pytest.raises(ConflictError, match="stolen key"):
        room.do(room.grid, deciding.vote, question, option="yes")
    with pytest.raises(ConflictError, match="stolen key"):
        room.do(room.cert, deciding.take, question, outcome="yes")
    rebuilt_alike(room.nodes, room.case)
    room.do(room.cert, deciding.withdraw, question, reason="It was not ours.")
    assert {one.state for one in everywhere(room)} == {"withdrawn"}
    rebuilt_alike(room.nodes, room.case)


def test_what_a_thief_says_with_the_coordinators_key_goes_and_where_the_case_stands_stays(
    room: Room,
) -> None:
    room.do(room.grid, own_words.assess, assessment=Assessment(danger=Danger.CONFIRMED))
    room.do(room.cert, joining.join_assessments)
    other = str(Room(room.cert, room.grid, room.vendor).open("Another matter").case)
    thief = Thief.of(room.cert)
    start = room.decide(Topic.START)
    room.do(room.cert, course.start, decision=start)
    room.do(room.cert, joining.join_assessments, level=Level.LOW, reason="A lie.")
    room.do(room.cert, related.link, other=other, relation=Relation.SAME_CAUSE)
    assert {one.severity for one in room.everywhere()} == {Level.LOW}
    thief.is_found_out(
        room.case,
        Act.DECISION_TAKEN,
        Act.CASE_ACTIVATED,
        Act.ASSESSMENT_JOINED,
        Act.CASE_LINKED,
    )
    room.settle()
    for one in room.everywhere():
        assert (one.state, one.severity, one.derived) == ("response", None, None)
        assert one.title == "Trojanised update"
    assert {(one.state, one.text, one.disowned) for one in everywhere(room)} == {
        ("taken", None, True)
    }
    for node in room.nodes:
        with node.reading() as session:
            assert visible_neighbours(session, CONSOLE, room.case) == []
    rebuilt_alike(room.nodes, room.case)
    # What it tells all from now on counts again.
    room.do(room.cert, joining.join_assessments)
    assert {one.severity for one in room.everywhere()} == {Level.CRITICAL}
    again = room.decide(Topic.START, replaces=start)
    assert [one.state for one in room.decisions(room.grid) if one.decision == start] == ["replaced"]
    assert not next(one for one in room.decisions(room.grid) if one.decision == again).disowned


def test_a_thiefs_charter_asks_nobody_and_is_accepted_by_nobody(circle: Circle) -> None:
    thief = Thief.of(circle.cert)
    charter = circle.propose()
    assert circle.waiting(circle.grid) == [charter]
    thief.is_found_out(circle.channel, Act.CHARTER_PROPOSED)
    circle.settle()
    for node in circle.nodes:
        (shown,) = circle.at(node)
        assert (shown.state, shown.text, shown.disowned) == ("proposed", None, True)
    assert circle.waiting(circle.grid) == []
    assert "A stolen key was used on this version" in page(
        circle.grid, f"/communities/{circle.channel}"
    )
    with pytest.raises(ConflictError, match="stolen key"):
        circle.do(circle.grid, charters.accept, charter)
    circle.check_rebuild()
    circle.do(circle.cert, charters.withdraw, charter, reason="It was not ours.")
    assert circle.states() == [["withdrawn"]] * 3


def test_a_thiefs_answer_to_a_charter_is_none_and_its_victim_is_asked_again(
    circle: Circle,
) -> None:
    charter, thief = circle.propose(), Thief.of(circle.grid)
    circle.do(circle.grid, charters.decline, charter, reason="A lie.")
    thief.is_found_out(circle.channel, Act.CHARTER_DECLINED)
    circle.settle()
    for node in circle.nodes:
        (shown,) = circle.at(node)
        said = {one.name: (one.answer, one.reason, one.disowned) for one in shown.answers}
        assert said[circle.grid.name] == (None, None, "declined")
    assert circle.waiting(circle.grid) == [charter]
    shown_page = page(circle.grid, f"/communities/{circle.channel}")
    assert "A stolen key has said “declined” for them." in shown_page
    circle.check_rebuild()
    circle.do(circle.grid, charters.accept, charter)
    assert circle.waiting(circle.grid) == []
    (shown,) = circle.at(circle.vendor)
    (again,) = (one for one in shown.answers if one.name == circle.grid.name)
    assert (again.answer, again.disowned) == ("accepted", None)
    circle.check_rebuild()


def test_a_charter_in_force_that_a_thief_accepted_is_answered_anew(circle: Circle) -> None:
    charter = circle.propose()
    thief = Thief.of(circle.grid)
    for node in (circle.grid, circle.vendor):
        circle.do(node, charters.accept, charter)
    circle.do(circle.cert, charters.put_in_force, charter)
    thief.is_found_out(circle.channel, Act.CHARTER_ACCEPTED)
    circle.settle()
    assert circle.waiting(circle.grid) == [charter]
    shown = page(circle.grid, f"/communities/{circle.channel}")
    assert "A stolen key has said “accepted” for them." in shown
    assert "decline it, and accept it after that if you wish" in shown
    assert "Decline it" in shown
    circle.do(circle.grid, charters.decline, charter, reason="Not in our name.")
    assert circle.waiting(circle.grid) == []
    circle.do(circle.grid, charters.accept, charter)
    assert circle.waiting(circle.grid) == []
    circle.check_rebuild()


def test_what_a_member_without_a_node_says_to_a_charter_in_force_can_be_recorded(
    circle: Circle,
) -> None:
    circle.adopt()
    water = str(circle.do(circle.cert, relay.add_absent, name="Water", roles=["member"]))
    told = Told("telephone", circle.cert.now())
    circle.do(circle.cert, relay.relay, organisation=water, act=Act.MEMBER_JOINED, told=told)
    shown = page(circle.cert, f"/communities/{circle.channel}")
    assert "Record what somebody told you" in shown

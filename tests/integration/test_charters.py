"""A charter from its proposal to its end, on whole nodes; a case that is opened under it.

Source: lifecycles, 7; domain, 2; issue 4, item 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from federation.ledgers import rebuild
from hub.accounts.actor import Actor, Via
from hub.apply import VIEWS
from hub.cases import deciding
from hub.cases import queries as cases
from hub.channels import relay
from hub.channels.relay import Told
from hub.community import charters, queries
from hub.community.queries import Charter
from policies.acts import Act, ChannelKind
from policies.charter import Clause, Deputy, Terms
from policies.criteria import Criterion
from policies.decisions import By, DecisionRule, Topic
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from policies.matrix import Level
from policies.roles import PersonRole
from policies.tlp import TLP
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

HANDLER = Actor("h", "hana", frozenset({PersonRole.HANDLER}), Via.SESSION)
ADMINISTRATOR = Actor("m", "mara", frozenset({PersonRole.ADMINISTRATOR}), Via.SESSION)
AUDITOR = Actor("a", "ada", frozenset({PersonRole.AUDITOR}), Via.SESSION)
MAJORITY = DecisionRule(By.MAJORITY)
WORDS = "We tell each other early, and blame nobody."


@dataclass
class Circle:
    """A CERT's community with a grid operator and a vendor in it."""

    cert: RunningNode
    grid: RunningNode
    vendor: RunningNode
    channel: str = ""

    @property
    def nodes(self) -> tuple[RunningNode, ...]:
        return (self.cert, self.grid, self.vendor)

    def settle(self) -> None:
        settle(*self.nodes)

    def open(self) -> Circle:
        self.channel = self.cert.open("Energy circle", kind=ChannelKind.COMMUNITY)
        for node in (self.grid, self.vendor):
            self.cert.invite(self.channel, node, "member")
        self.settle()
        for node in (self.grid, self.vendor):
            node.join(self.channel)
        self.settle()
        return self

    def do(
        self, node: RunningNode, how: Any, *args: Any, actor: Actor = CONSOLE, **more: Any
    ) -> Any:
        with node.writing() as session:
            desk = node.office.desk(session)
            done = how(session, desk, actor, self.channel, *args, now=node.now(), **more)
        self.settle()
        return done

    def propose(self, terms: Terms | None = None, text: str = WORDS) -> str:
        return str(self.do(self.cert, charters.propose, text=text, terms=terms))

    def adopt(self, terms: Terms | None = None, text: str = WORDS) -> str:
        charter = self.propose(terms, text)
        for node in (self.grid, self.vendor):
            self.do(node, charters.accept, charter)
        self.do(self.cert, charters.put_in_force, charter)
        return charter

    def at(self, node: RunningNode, actor: Actor = CONSOLE) -> list[Charter]:
        with node.reading() as session:
            return queries.visible_charters(
                session, actor, self.channel, us=node.organisation, now=node.now()
            )

    def waiting(self, node: RunningNode, actor: Actor = CONSOLE) -> list[str]:
        with node.reading() as session:
            rows = queries.visible_unanswered(session, actor, us=node.organisation)
        return [one.charter for one in rows if one.channel == self.channel]

    def states(self) -> list[list[str]]:
        return [[one.state for one in self.at(node)] for node in self.nodes]

    def check_rebuild(self) -> None:
        """Making the views again from the ledger changes nothing, on any node."""
        for node in self.nodes:
            with node.writing() as session:
                desk = node.office.desk(session)
                assert not rebuild.rebuild(session, desk, self.channel, VIEWS).differences


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Circle]:
    folder = tmp_path_factory.mktemp("charters")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield Circle(cert, grid, vendor)


@pytest.fixture
def circle(nodes: Circle) -> Circle:
    return Circle(nodes.cert, nodes.grid, nodes.vendor).open()


def test_a_charter_goes_from_its_proposal_into_force_and_everybody_sees_the_same(
    circle: Circle,
) -> None:
    terms = Terms(
        rules={Topic.START: MAJORITY, Topic.CHARTER: MAJORITY},
        deputies=(Deputy(circle.grid.organisation, 2),),
        criteria=frozenset({Criterion.SEVERITY, Criterion.ASKED}),
        default_marking=TLP.GREEN,
    )
    charter = circle.propose(terms)
    assert circle.waiting(circle.grid) == [charter]
    assert circle.waiting(circle.cert) == [], "who proposes it has accepted it"
    assert {one.text for node in circle.nodes for one in circle.at(node)} == {WORDS}
    assert {one.terms.rule_of(Topic.START) for one in circle.at(circle.vendor)} == {MAJORITY}
    circle.do(circle.grid, charters.accept, charter)
    with pytest.raises(ConflictError, match="2 of 3 have accepted; 3 must"):
        circle.do(circle.cert, charters.put_in_force, charter)
    assert [one.lacks for one in circle.at(circle.cert)] == ["2 of 3 have accepted; 3 must"]
    circle.do(circle.vendor, charters.decline, charter, reason="Reply times are too short.")
    seen = circle.at(circle.grid)[0]
    assert {one.name: (one.answer, one.reason) for one in seen.answers} == {
        "CERT": ("accepted", None),
        "Grid": ("accepted", None),
        "Vendor": ("declined", "Reply times are too short."),
    }
    circle.do(circle.vendor, charters.accept, charter)
    circle.do(circle.cert, charters.put_in_force, charter)
    assert circle.states() == [["in force"]] * 3
    assert circle.waiting(circle.grid) == []
    circle.check_rebuild()


def test_the_next_version_shows_in_what_it_differs_and_supersedes_the_one_before(
    circle: Circle,
) -> None:
    circle.adopt(Terms(rules={Topic.CHARTER: MAJORITY}))
    second = circle.propose(
        Terms(rules={Topic.CHARTER: MAJORITY, Topic.CLOSE: DecisionRule(By.UNANIMITY)}),
        text="We tell each other early, and close together.",
    )
    proposed = next(one for one in circle.at(circle.grid) if one.charter == second)
    assert [(one.clause, one.of) for one in proposed.differs] == [(Clause.RULE, "close")]
    assert proposed.words_differ
    assert [one.name for one in proposed.silent] == ["Grid", "Vendor"]
    circle.do(circle.grid, charters.accept, second)
    circle.do(circle.cert, charters.put_in_force, second)
    assert circle.states() == [["in force", "superseded"]] * 3
    circle.check_rebuild()


def test_what_nobody_could_live_by_is_refused_with_a_sentence(circle: Circle) -> None:
    with pytest.raises(InvalidError, match="a charter needs words"):
        circle.propose(text="  ")
    stranger = Deputy("identity--7f1d8c2e-6a0b-4c7d-9e5f-0a1b2c3d4e5f", 2)
    with pytest.raises(InvalidError, match="a deputy is a member"):
        circle.propose(Terms(deputies=(stranger,)))
    with pytest.raises(InvalidError, match="goes up to TLP:AMBER"):
        circle.propose(Terms(default_marking=TLP.AMBER_STRICT))
    past = circle.cert.now() - timedelta(hours=1)
    with pytest.raises(InvalidError, match="has passed"):
        circle.do(circle.cert, charters.propose, text=WORDS, accept_by=past)
    with pytest.raises(InvalidError, match="not put to the vote"):
        circle.propose(Terms(delegations={Topic.START: Level.HIGH}))
    assert circle.at(circle.cert) == []


def test_only_the_coordinator_proposes_and_who_manages_members_or_answers_acts(
    circle: Circle,
) -> None:
    with pytest.raises(ConflictError):
        circle.do(circle.grid, charters.propose, text=WORDS)
    with pytest.raises(ForbiddenError):
        circle.do(circle.cert, charters.propose, text=WORDS, actor=HANDLER)
    charter = circle.propose()
    with pytest.raises(ForbiddenError):
        circle.do(circle.grid, charters.accept, charter, actor=AUDITOR)
    circle.do(circle.grid, charters.accept, charter, actor=HANDLER)
    with pytest.raises(ConflictError):
        circle.do(circle.grid, charters.put_in_force, charter)
    with pytest.raises(ForbiddenError):
        circle.do(circle.vendor, charters.accept, charter, actor=ADMINISTRATOR)


def test_who_has_no_part_in_a_community_finds_nothing_of_it(circle: Circle) -> None:
    alone = Circle(circle.cert, circle.grid, circle.vendor)
    alone.channel = circle.cert.open("Inner circle", kind=ChannelKind.COMMUNITY)
    charter = alone.propose()
    with pytest.raises(NotFoundError, match="there is no such"):
        alone.at(circle.grid)
    with pytest.raises(NotFoundError, match="there is no such"):
        alone.do(circle.grid, charters.accept, charter)
    with circle.grid.reading() as session:
        found = [one.channel for one in queries.visible_communities(session, CONSOLE)]
    assert circle.channel in found
    assert alone.channel not in found


def test_a_proposal_is_taken_back_with_the_reason(circle: Circle) -> None:
    charter = circle.propose()
    with pytest.raises(InvalidError, match="say why"):
        circle.do(circle.cert, charters.withdraw, charter, reason="")
    circle.do(circle.cert, charters.withdraw, charter, reason="The lawyers want to read it.")
    assert circle.states() == [["withdrawn"]] * 3
    assert circle.at(circle.vendor)[0].reason == "The lawyers want to read it."
    assert circle.waiting(circle.vendor) == []
    with pytest.raises(ConflictError, match="neither proposed nor in force"):
        circle.do(circle.vendor, charters.accept, charter)


def test_a_charter_ends_at_once_where_the_coordinator_decides_that_alone(circle: Circle) -> None:
    with pytest.raises(ConflictError, match="no charter is in force"):
        circle.do(circle.cert, charters.end, reason="We part.")
    circle.adopt()
    circle.do(circle.cert, charters.end, reason="We part.")
    assert circle.states() == [["ended"]] * 3
    circle.check_rebuild()


def test_a_charter_ends_by_a_vote_where_it_says_so(circle: Circle) -> None:
    circle.adopt(Terms(rules={Topic.CHARTER: MAJORITY}))
    assert circle.do(circle.cert, charters.end, reason="Shall we part?") is None
    with circle.grid.reading() as session:
        asked = cases.visible_decisions(
            session, CONSOLE, circle.channel, us=circle.grid.organisation
        )
        unvoted = cases.visible_unvoted(session, CONSOLE, us=circle.grid.organisation)
    assert (circle.channel, "charter") in [one[:2] for one in unvoted]
    decision = asked[0].decision
    for node in (circle.cert, circle.grid):
        circle.do(node, deciding.vote, decision, option="yes")
    circle.do(circle.cert, charters.take, decision, outcome="yes")
    assert circle.states() == [["ended"]] * 3
    circle.check_rebuild()


def test_an_organisation_without_a_node_answers_by_telephone(circle: Circle) -> None:
    water = circle.do(circle.cert, relay.add_absent, name="Water Utility", roles=["member"])
    told = Told("telephone", circle.cert.now(), "Jo, shift leader")
    circle.do(circle.cert, relay.relay, organisation=water, act=Act.MEMBER_JOINED, told=told)
    charter = circle.propose()
    with pytest.raises(InvalidError, match="why they decline"):
        circle.do(
            circle.cert,
            charters.relay_answer,
            charter,
            organisation=water,
            accepts=False,
            told=told,
        )
    circle.do(
        circle.cert,
        charters.relay_answer,
        charter,
        organisation=water,
        accepts=True,
        told=Told("telephone", circle.cert.now()),
    )
    answer = next(one for one in circle.at(circle.grid)[0].answers if one.organisation == water)
    assert (answer.answer, answer.relayed) == ("accepted", True)
    circle.check_rebuild()

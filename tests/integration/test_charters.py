"""A charter from its proposal to its end, on whole nodes; a case that is opened under it.

Source: lifecycles, 7; domain, 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from federation.ledgers import rebuild
from federation.ledgers.channels import Written
from hub.accounts.actor import Actor, Via
from hub.apply import VIEWS
from hub.calls import calling
from hub.calls.queries import get_call
from hub.cases import at_once, course, deciding, decision_queries, joining, own_words
from hub.cases import queries as cases
from hub.cases.basis import NONE_THERE, Basis, ShownBasis, find_basis, visible_basis
from hub.cases.weighing import visible_findings
from hub.channels import relay, service
from hub.channels.invitations import visible_invitations
from hub.channels.relay import Told
from hub.channels.service import note_of
from hub.community import charters, queries
from hub.community.queries import Charter
from hub.community.terms import silence_in, terms_in
from policies.acts import LATER_MEMBERS, Act, ChannelKind
from policies.assessment import Assessment, ResponseState
from policies.charter import Answering, Clause, Deputy, Terms, Widened
from policies.criteria import Criterion
from policies.decisions import By, DecisionRule, Topic
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from policies.matrix import Level
from policies.roles import PersonRole
from policies.tlp import TLP
from sharing.canonical import write_time
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
        asked = decision_queries.visible_decisions(
            session, CONSOLE, circle.channel, us=circle.grid.organisation
        )
        unvoted = decision_queries.visible_unvoted(session, CONSOLE, us=circle.grid.organisation)
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


def open_case(circle: Circle, **more: Any) -> str:
    """Open a case of the CERT's, with the same two members in it; give its channel."""
    with circle.cert.writing() as session:
        desk, now = circle.cert.office.desk(session), circle.cert.now()
        case = course.open_case(
            session,
            desk,
            CONSOLE,
            title="Trojanised update",
            text="It calls home.",
            now=now,
            **more,
        )
    for node in (circle.grid, circle.vendor):
        circle.cert.invite(case, node)
    circle.settle()
    for node in (circle.grid, circle.vendor):
        node.join(case)
    circle.settle()
    return case


def case_of(circle: Circle) -> Circle:
    """Open a case under the charter of a circle; give its room, to play in as in the circle."""
    case = open_case(circle, community=circle.channel)
    return Circle(circle.cert, circle.grid, circle.vendor, case)


def basis_at(node: RunningNode, case: str) -> ShownBasis:
    with node.reading() as session:
        return visible_basis(session, CONSOLE, case)


def test_a_case_goes_by_the_charter_that_it_is_opened_under_and_keeps_it(circle: Circle) -> None:
    terms = Terms(
        rules={Topic.START: MAJORITY},
        delegations={Topic.START: Level.LOW},
        criteria=frozenset({Criterion.SEVERITY}),
        silence_minutes=90,
    )
    charter = circle.adopt(terms)
    case = case_of(circle)
    assert case.cert.state(case.channel).state_of("rules", "channel") == (
        "start-coordination=majority"
    )
    for node in circle.nodes:
        basis = basis_at(node, case.channel)
        assert (basis.charter, basis.terms) == (charter, terms)
        assert basis.community == (circle.channel, "Energy circle")
    circle.do(circle.cert, charters.end, reason="We part.")
    kept = basis_at(circle.grid, case.channel)
    assert (kept.terms, kept.replaced) == (terms, True)
    # It asks for a vote: one click of the coordinator puts the question.
    with pytest.raises(ConflictError, match="open a vote"):
        case.do(case.cert, at_once.start, reason="Two are hit.")
    start: dict[str, Any] = {"topic": Topic.START, "reason": "Two are hit."}
    assert case.do(case.cert, at_once.start_or_ask, **start) is None
    with case.grid.reading() as session:
        us = case.grid.organisation
        decision = decision_queries.visible_decisions(session, CONSOLE, case.channel, us=us)[0]
    assert (decision.topic, decision.rule, decision.text) == (
        "start-coordination",
        MAJORITY,
        "Two are hit.",
    )
    for node in (case.cert, case.grid):
        case.do(node, deciding.vote, decision.decision, option="yes")
    case.do(case.cert, at_once.take, decision.decision, outcome="yes")
    with case.vendor.reading() as session:
        assert cases.get_visible_case(session, CONSOLE, case.channel).state == "response"
    case.check_rebuild()


def test_a_delegation_lets_the_coordinator_start_alone_up_to_its_severity(circle: Circle) -> None:
    circle.adopt(Terms(rules={Topic.START: MAJORITY}, delegations={Topic.START: Level.MEDIUM}))
    case = case_of(circle)
    case.do(case.cert, joining.join_assessments)
    case.do(case.cert, at_once.start_or_ask, topic=Topic.START, reason="It is small, and quick.")
    with case.grid.reading() as session:
        assert cases.get_visible_case(session, CONSOLE, case.channel).state == "response"
        us = case.grid.organisation
        taken = decision_queries.visible_decisions(session, CONSOLE, case.channel, us=us)[0]
    assert taken.authority == "delegation"


def test_a_case_is_closed_by_the_vote_that_said_so(circle: Circle) -> None:
    circle.adopt(Terms(rules={Topic.CLOSE: MAJORITY}))
    case = case_of(circle)
    given: dict[str, Any] = {"reason": "It was a test.", "early": "false-alarm"}
    with pytest.raises(ConflictError, match="open a vote"):
        case.do(case.cert, at_once.close, **given)
    ask: dict[str, Any] = {"topic": Topic.CLOSE, "question": "Shall we close?", "rule": MAJORITY}
    decision = case.do(case.cert, deciding.ask, **ask)
    for node in (case.cert, case.grid):
        case.do(node, deciding.vote, decision, option="yes")
    case.do(case.cert, at_once.take, decision, outcome="yes")
    case.do(case.cert, at_once.close, **given)
    case.do(case.cert, course.reopen, reason="It came back.")
    with pytest.raises(ConflictError, match="open a vote"):
        case.do(case.cert, at_once.close, **given)


def test_a_case_under_no_charter_says_why_and_is_never_refused(circle: Circle) -> None:
    circle.adopt()
    reason = "It concerns nobody of that circle."
    case = open_case(circle, no_charter=reason)
    for node in circle.nodes:
        basis = basis_at(node, case)
        assert (basis.charter, basis.why_none, basis.terms) == (None, reason, Terms())
    with pytest.raises(InvalidError, match="say one of the two"):
        open_case(circle, no_charter=reason, community=circle.channel)
    with pytest.raises(NotFoundError, match="no such"):
        open_case(circle, community="7f1d8c2e-6a0b-4c7d-9e5f-0a1b2c3d4e5f")


def test_a_community_without_a_charter_in_force_is_no_basis(circle: Circle) -> None:
    with pytest.raises(ConflictError, match="has no charter in force"):
        open_case(circle, community=circle.channel)


def test_what_speaks_for_coordination_is_for_who_runs_the_case(circle: Circle) -> None:
    circle.adopt(Terms(criteria=frozenset({Criterion.SEVERAL_AFFECTED})))
    case = case_of(circle)

    def found(node: RunningNode, actor: Actor = CONSOLE) -> dict[Criterion, tuple[str, bool]]:
        with node.reading() as session:
            findings = visible_findings(session, actor, case.channel)
        return {one.criterion: (one.answer.value, one.counts) for one in findings}

    assert found(case.cert)[Criterion.SEVERAL_AFFECTED] == ("not known", True)
    assert found(case.cert)[Criterion.SPREAD] == ("not known", False)
    assert found(case.grid) == found(case.cert, AUDITOR) == {}
    for node in (case.grid, case.vendor):
        case.do(node, own_words.respond, state=ResponseState.AFFECTED)
    spreading = Assessment(still_spreading=True)
    case.do(case.grid, own_words.assess, assessment=spreading)
    assert found(case.cert)[Criterion.SEVERAL_AFFECTED] == ("met", True)
    assert found(case.cert)[Criterion.SPREAD] == ("met", False)


def test_the_only_charter_in_force_is_taken_and_of_several_one_is_chosen(tmp_path: Path) -> None:
    with running(tmp_path, "CERT") as (cert,):

        def basis(**said: str | None) -> Basis:
            with cert.reading() as session:
                given: dict[str, Any] = {"community": None, "no_charter": None, **said}
                return find_basis(session, CONSOLE, **given)

        def agree(name: str) -> str:
            channel = cert.open(name, kind=ChannelKind.COMMUNITY)
            charter = cert.does(charters.propose, channel, text=WORDS)
            cert.does(charters.put_in_force, channel, charter)
            return channel

        assert basis() == Basis(why_none=NONE_THERE)
        first = agree("Energy circle")
        assert basis().carried["charter"]["channel"] == first
        second = agree("Finance circle")
        with pytest.raises(InvalidError, match="several communities") as refusal:
            basis()
        assert refusal.value.hint is not None
        assert "Energy circle, Finance circle" in refusal.value.hint
        assert basis(community=second).carried["charter"]["channel"] == second
        assert basis(no_charter=" It is ours alone. ") == Basis(why_none="It is ours alone.")


def test_who_joins_accepts_the_charter_in_force_with_the_same_act(circle: Circle) -> None:
    """Its words come with the invitation, before anything of the community is read."""
    charter = circle.adopt(Terms(reply_minutes={Answering.JOIN: 120}))
    circle.do(circle.vendor, service.leave)
    before = circle.cert.now()
    circle.cert.invite(circle.channel, circle.vendor, "member")
    circle.settle()
    with circle.vendor.reading() as session:
        rows = visible_invitations(session, CONSOLE, now=circle.vendor.now())
    invitation = next(one for one in rows if one.channel == circle.channel)
    assert invitation.charter_text == WORDS
    within = invitation.reply_by - before
    assert timedelta(minutes=119) < within < timedelta(minutes=121), "as the charter says"
    circle.do(circle.vendor, service.join, accept_charter=True)
    answers = {one.name: one.answer for one in circle.at(circle.grid)[0].answers}
    assert answers == {"CERT": "accepted", "Grid": "accepted", "Vendor": "accepted"}
    assert circle.at(circle.vendor)[0].charter == charter
    circle.check_rebuild()


def test_who_joins_without_accepting_is_asked_by_its_own_today(circle: Circle) -> None:
    circle.do(circle.vendor, service.leave)
    charter = circle.propose()
    circle.do(circle.grid, charters.accept, charter)
    circle.do(circle.cert, charters.put_in_force, charter)
    circle.cert.invite(circle.channel, circle.vendor, "member")
    circle.settle()
    circle.do(circle.vendor, service.join)
    assert circle.waiting(circle.vendor) == [charter]
    # A charter goes to later members whatever its label: what binds can be read.
    assert circle.at(circle.vendor)[0].text == WORDS
    circle.do(circle.vendor, charters.accept, charter)
    assert circle.waiting(circle.vendor) == []


def test_an_invitation_without_a_charter_has_none_to_accept(circle: Circle) -> None:
    circle.do(circle.vendor, service.leave)
    circle.cert.invite(circle.channel, circle.vendor, "member")
    circle.settle()
    with pytest.raises(InvalidError, match="brought no charter"):
        circle.do(circle.vendor, service.join, accept_charter=True)


def test_what_the_charter_widens_is_open_to_later_members_where_its_author_says_nothing(
    circle: Circle,
) -> None:
    circle.adopt(Terms(widening=frozenset({Widened.ASSESSMENTS})))
    case = case_of(circle)

    def opened(written: Written) -> bool:
        entry = written.entry
        assert entry is not None
        return bool(entry.acting.body.get(LATER_MEMBERS))

    stated = Assessment(still_spreading=True)
    assert opened(case.do(case.cert, own_words.assess, assessment=stated, text="Three servers."))
    note = case.do(case.cert, service.add_note, text="The vendor calls at ten.")
    assert not opened(note)
    with case.cert.writing() as session:
        desk = case.cert.office.desk(session)
        assert desk.opens_later(session, case.channel, Act.WARNING_ISSUED) is False
        assert desk.opens_later(session, case.channel, Act.NOTE_ADDED) is None


def test_defaults_of_the_charter_hold_in_the_community_and_in_its_cases(circle: Circle) -> None:
    terms = Terms(
        silence_minutes=15,
        reply_minutes={Answering.ACKNOWLEDGE: 30},
        default_marking=TLP.GREEN,
    )
    circle.adopt(terms)
    case = case_of(circle)
    for channel in (circle.channel, case.channel):
        with circle.grid.reading() as session:
            assert terms_in(session, channel) == terms
            assert silence_in(session, channel) == timedelta(minutes=15)
    with case.cert.writing() as session:
        desk, now = case.cert.office.desk(session), case.cert.now()
        ref = calling.warn(session, desk, CONSOLE, case.channel, text="Stop it.", now=now).ref
        us = desk.organisation
        call = get_call(session, CONSOLE, case.channel, ref, us=us, now=now)
        assert {one.reply_by for one in call.addressees} == {now + timedelta(minutes=30)}


def test_words_other_than_those_proposed_are_accepted_by_nobody(circle: Circle) -> None:
    """A coordinator that names another hash than that of the words it sends gets no signature."""
    with circle.cert.writing() as session:
        desk = circle.cert.office.desk(session)
        about = [circle.cert.state(circle.channel).identity]
        words = note_of(desk, WORDS, about=about, marking=TLP.AMBER, now=circle.cert.now())[0]
    body = {
        "charter": words.stix_id,
        "sha256": "ab" * 32,
        "accept_by": write_time(circle.cert.now() + timedelta(days=1)),
    }
    circle.cert.write(circle.channel, Act.CHARTER_PROPOSED, body, [words])
    circle.settle()
    assert [one.readable for one in circle.at(circle.grid)] == [False]
    with pytest.raises(ConflictError, match="not those that were proposed"):
        circle.do(circle.grid, charters.accept, words.stix_id)
    circle.check_rebuild()

"""A case from its opening to its end: assessments, a joint severity, decisions, on whole nodes.

Source: lifecycles, 4 to 6; domain, 1, 2 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from federation.ledgers import rebuild
from federation.ledgers.ledger_records import ChannelRecord, CoveredRecord
from hub.accounts.actor import Actor, Via
from hub.apply import VIEWS
from hub.calls.queries import visible_due
from hub.cases import (
    at_once,
    course,
    deciding,
    decision_queries,
    joining,
    own_words,
    queries,
)
from hub.cases.crises import visible_advised
from hub.cases.decision_queries import Decision
from hub.cases.queries import CaseSummary, OrganisationRow
from policies.assessment import (
    Assessment,
    Danger,
    FunctionalImpact,
    InformationImpact,
    ResponseState,
    Span,
)
from policies.decisions import By, DecisionRule, Topic
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from policies.matrix import Level
from policies.roles import PersonRole
from sharing import collections
from sharing.incident.readers import read_impact, read_incident
from sharing.objects import StixObject
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

HANDLER = Actor("h", "hana", frozenset({PersonRole.HANDLER}), Via.SESSION)
AUDITOR = Actor("a", "ada", frozenset({PersonRole.AUDITOR}), Via.SESSION)
HIT = Assessment(
    functional_impact=FunctionalImpact.SIGNIFICANT,
    information_impact=InformationImpact.NONE,
    counts={"computers-server": Span(3, 12)},
)


@dataclass
class Room:
    """A CERT's case with a grid operator and a vendor in it."""

    cert: RunningNode
    grid: RunningNode
    vendor: RunningNode
    case: str = ""

    @property
    def nodes(self) -> tuple[RunningNode, ...]:
        return (self.cert, self.grid, self.vendor)

    def settle(self) -> None:
        settle(*self.nodes)

    def open(self, title: str = "Trojanised update") -> Room:
        with self.cert.writing() as session:
            desk, now = self.cert.office.desk(session), self.cert.now()
            self.case = course.open_case(
                session, desk, CONSOLE, title=title, text="A signed update phones home.", now=now
            )
        for node in (self.grid, self.vendor):
            self.cert.invite(self.case, node)
        self.settle()
        for node in (self.grid, self.vendor):
            node.join(self.case)
        self.settle()
        return self

    def do(
        self, node: RunningNode, how: Any, *args: Any, actor: Actor = CONSOLE, **more: Any
    ) -> Any:
        with node.writing() as session:
            desk = node.office.desk(session)
            done = how(session, desk, actor, self.case, *args, now=node.now(), **more)
        self.settle()
        return done

    def decide(self, topic: Topic, **more: Any) -> str:
        return str(self.do(self.cert, deciding.decide, topic=topic, rationale="So it is.", **more))

    def at(self, node: RunningNode) -> CaseSummary:
        with node.reading() as session:
            return queries.get_visible_case(session, CONSOLE, self.case)

    def everywhere(self) -> list[CaseSummary]:
        return [self.at(node) for node in self.nodes]

    def rows(self, node: RunningNode, actor: Actor = CONSOLE) -> dict[str, OrganisationRow]:
        with node.reading() as session:
            us = node.organisation
            rows = queries.visible_organisations(session, actor, self.case, us=us)
        return {row.organisation: row for row in rows}

    def decisions(self, node: RunningNode) -> list[Decision]:
        with node.reading() as session:
            us = node.organisation
            return decision_queries.visible_decisions(session, CONSOLE, self.case, us=us)

    def picture(self) -> joining.Picture:
        with self.cert.reading() as session:
            row = queries.get_case_row(session, CONSOLE, self.case)
            return joining.find_picture(session, row)

    def incident(self, node: RunningNode) -> Any:
        """Give the newest version of the incident, as a reader of STIX would see it."""
        with node.reading() as session:
            row = queries.get_case_row(session, CONSOLE, self.case)
            sha256 = session.scalars(
                select(CoveredRecord.sha256)
                .where(CoveredRecord.channel == self.case, CoveredRecord.ref == row.incident)
                .order_by(CoveredRecord.epoch.desc(), CoveredRecord.seq.desc())
                .limit(1)
            ).one()
            content = collections.find_contents(session, self.case, [sha256])[sha256]
        return read_incident(StixObject.read(content).value)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("cases")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield Room(cert, grid, vendor)


@pytest.fixture
def room(nodes: Room) -> Room:
    return Room(nodes.cert, nodes.grid, nodes.vendor).open()


def test_a_case_goes_from_opening_to_its_end_and_everybody_sees_the_same(room: Room) -> None:
    assert {one.state for one in room.everywhere()} == {"assessment"}
    room.do(room.cert, course.start, decision=room.decide(Topic.START))
    assert {one.state for one in room.everywhere()} == {"response"}
    assert room.incident(room.grid).investigation_status == "open"
    room.do(room.grid, own_words.respond, state=ResponseState.AFFECTED)
    with pytest.raises(ConflictError, match="not recovered"):
        room.do(room.cert, course.recovered)
    room.do(room.grid, own_words.respond, state=ResponseState.RECOVERED)
    for node in (room.grid, room.vendor):
        if node is room.vendor:
            room.do(node, own_words.respond, state=ResponseState.NOT_AFFECTED)
    room.do(room.cert, course.recovered)
    room.do(room.cert, course.close, decision=room.decide(Topic.CLOSE))
    assert {one.state for one in room.everywhere()} == {"closed"}
    told = room.incident(room.vendor)
    assert (told.investigation_status, told.name) == ("closed", "Trojanised update")
    room.do(room.cert, course.reopen, reason="It came back.")
    assert {one.state for one in room.everywhere()} == {"response"}


def test_assessments_stand_side_by_side_and_come_to_a_joint_severity(room: Room) -> None:
    room.do(room.grid, own_words.assess, assessment=HIT, text="Three servers at least.")
    room.do(room.grid, own_words.respond, state=ResponseState.AFFECTED)
    rows = room.rows(room.vendor)
    assert rows[room.grid.organisation].stated == HIT
    assert rows[room.vendor.organisation].is_silent
    # Not stated differs from none.
    assert HIT.danger is None
    room.do(room.cert, joining.join_assessments)
    levels = {one.severity for one in room.everywhere()}
    assert levels == {room.picture().told.level}
    assert room.picture().told.lines, "the derivation is there, line by line"
    assert room.incident(room.vendor).scores[0].name.startswith("Joint severity")
    with pytest.raises(ConflictError, match="nothing that others may know has changed"):
        room.do(room.cert, joining.join_assessments)
    worse = Assessment(danger=Danger.CONFIRMED)
    room.do(room.vendor, own_words.assess, assessment=worse)
    room.do(room.cert, joining.join_assessments)
    assert {one.severity for one in room.everywhere()} == {Level.CRITICAL}


def test_the_coordinator_may_say_another_level_and_says_why(room: Room) -> None:
    room.do(room.grid, own_words.assess, assessment=HIT)
    with pytest.raises(InvalidError, match="why"):
        room.do(room.cert, joining.join_assessments, level=Level.CRITICAL)
    derived = room.picture().told.level
    room.do(room.cert, joining.join_assessments, level=Level.CRITICAL, reason="Lives depend on it.")
    assert {(one.severity, one.derived) for one in room.everywhere()} == {(Level.CRITICAL, derived)}
    with room.grid.reading() as session:
        said = queries.visible_case_words(session, CONSOLE, room.case)
    assert "Lives depend on it." in [one.text for one in said]


def test_what_is_for_the_coordinator_alone_reaches_nobody_else(room: Room) -> None:
    grave = Assessment(danger=Danger.CONFIRMED, still_spreading=True)
    room.do(room.grid, own_words.assess, assessment=grave, alone=True)
    room.do(room.grid, own_words.respond, state=ResponseState.AFFECTED, alone=True)
    row = room.rows(room.cert)[room.grid.organisation]
    assert (row.stated, row.stated_alone) == (None, grave)
    assert not row.is_silent
    # One alone: the coordinator knows, the others are told nothing by it.
    assert room.picture().own.severity.level is Level.CRITICAL
    room.do(room.cert, joining.join_assessments)
    assert room.at(room.vendor).severity is Level.NEGLIGIBLE
    assert room.at(room.vendor).figures == ()
    other = room.rows(room.vendor)[room.grid.organisation]
    assert other.is_silent
    # It is for those who answer at the coordinator, and its author sees its own word.
    assert room.rows(room.cert, AUDITOR)[room.grid.organisation].stated_alone is None
    assert room.rows(room.grid)[room.grid.organisation].stated_alone == grave
    with pytest.raises(ConflictError, match="you coordinate this case"):
        room.do(room.cert, own_words.assess, assessment=HIT, alone=True)


def test_what_is_stated_travels_as_impacts_too(room: Room) -> None:
    room.do(room.grid, own_words.assess, assessment=HIT)
    with room.vendor.reading() as session:
        rows = session.scalars(
            select(CoveredRecord.sha256).where(
                CoveredRecord.channel == room.case, CoveredRecord.ref.startswith("impact--")
            )
        ).all()
        contents = collections.find_contents(session, room.case, rows)
    impacts = [read_impact(StixObject.read(one).value) for one in contents.values()]
    assert {one.category for one in impacts} == {"availability", "confidentiality"}
    assert all(one.remarks == () for one in impacts)


def test_votes_are_cast_counted_and_taken(room: Room) -> None:
    question = room.do(
        room.cert,
        deciding.ask,
        topic=Topic.START,
        question="Shall we coordinate?",
        rule=DecisionRule(By.MAJORITY),
    )
    with pytest.raises(ConflictError, match="still to come"):
        room.do(room.cert, deciding.take, question, outcome="yes")
    room.do(room.grid, deciding.vote, question, option="yes")
    room.do(room.cert, deciding.vote, question, option="yes", actor=HANDLER)
    room.do(room.vendor, deciding.vote, question, option="no", dissent="Too early.")
    here = room.decisions(room.grid)[0]
    assert here.count is not None
    assert (here.count.outcome, here.count.settled) == ("yes", True)
    assert here.ours is not None
    assert here.ours.option == "yes"
    room.do(room.cert, deciding.take, question, outcome="yes")
    room.do(room.cert, course.start, decision=question)
    for node in room.nodes:
        taken = room.decisions(node)[0]
        assert (taken.state, taken.outcome, taken.authority) == ("taken", "yes", "vote")
        assert room.at(node).state == "response"


def test_a_question_is_taken_back_and_a_decision_replaced(room: Room) -> None:
    question = room.do(
        room.cert,
        deciding.ask,
        topic=Topic.QUESTION,
        question="Patch or wait?",
        rule=DecisionRule(By.UNANIMITY),
        options=("patch", "wait"),
    )
    room.do(room.cert, deciding.withdraw, question, reason="Answered by itself.")
    first = room.decide(Topic.START)
    room.decide(Topic.START, outcome="no", replaces=first)
    states = {one.decision: one.state for one in room.decisions(room.vendor)}
    assert (states[question], states[first]) == ("withdrawn", "replaced")
    with pytest.raises(ConflictError, match="was replaced"):
        room.do(room.cert, course.start, decision=first)


def test_a_crisis_is_declared_and_ends_when_it_is_under_control(room: Room) -> None:
    declared = room.do(room.cert, at_once.declare_crisis, reason="Lights go out.")
    assert all(one.crisis for one in room.everywhere())
    # All who have joined are called with it, and are asked to answer.
    for node in (room.grid, room.vendor):
        with node.reading() as session:
            us, now = node.organisation, node.now()
            (call,) = visible_due(session, CONSOLE, us=us, now=now)
            assert (call.ref, call.waits_for_us) == (declared.call.ref, True)
            assert call.text == "A crisis is declared. Lights go out."
    with pytest.raises(InvalidError, match="control review"):
        room.do(room.cert, course.end_crisis)
    room.do(room.cert, course.review_control, under_control=True, reason="Isolated.")
    room.do(room.cert, course.end_crisis)
    assert not any(one.crisis for one in room.everywhere())
    with pytest.raises(InvalidError, match="until when"):
        room.do(room.cert, course.declare_crisis, topics=[Topic.PUBLICATION])


@pytest.mark.parametrize("alone", [False, True])
def test_who_coordinates_is_told_first_that_a_crisis_should_be_declared(
    room: Room, alone: bool
) -> None:
    def advised(node: RunningNode, actor: Actor = CONSOLE) -> list[str]:
        with node.reading() as session:
            found = visible_advised(session, actor, us=node.organisation)
            return [one.channel for one in found if one.channel == room.case]

    contained = Assessment(danger=Danger.CONFIRMED, still_spreading=False)
    room.do(room.grid, own_words.assess, assessment=contained, alone=alone)
    assert advised(room.cert) == []
    spreads = Assessment(danger=Danger.CONFIRMED, still_spreading=True)
    room.do(room.grid, own_words.assess, assessment=spreads, alone=alone)
    assert advised(room.cert) == [room.case]
    assert advised(room.cert, HANDLER) == advised(room.vendor) == []
    room.do(room.cert, at_once.declare_crisis)
    assert advised(room.cert) == []


def test_who_may_not_is_refused(room: Room) -> None:
    with pytest.raises(ForbiddenError):
        room.do(room.cert, deciding.decide, topic=Topic.START, rationale="No.", actor=HANDLER)
    with pytest.raises(ForbiddenError):
        room.do(room.grid, own_words.assess, assessment=HIT, actor=AUDITOR)
    with pytest.raises(ConflictError, match="is for the owner of the epoch"):
        room.do(room.grid, deciding.decide, topic=Topic.START, rationale="Mine.")
    with pytest.raises(InvalidError):
        room.do(room.grid, own_words.assess, assessment=Assessment())
    later = room.grid.now() + timedelta(hours=1)
    with pytest.raises(InvalidError, match="future"):
        room.do(room.grid, own_words.respond, state=ResponseState.AFFECTED, since=later)
    with room.grid.reading() as session, pytest.raises(NotFoundError):
        queries.get_visible_case(session, CONSOLE, room.grid.organisation[-36:])


def test_the_views_come_out_the_same_when_they_are_made_again(room: Room) -> None:
    room.do(room.grid, own_words.assess, assessment=HIT, alone=True)
    room.decide(Topic.START)
    for node in room.nodes:
        with node.reading() as session:
            channels = [row.id for row in session.scalars(select(ChannelRecord))]
        for channel in channels:
            with node.writing() as session:
                desk = node.office.desk(session)
                assert not rebuild.rebuild(session, desk, channel, VIEWS).differences

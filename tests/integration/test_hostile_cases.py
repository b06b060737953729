"""Cases against members, partners and coordinators of ill will, and against curious colleagues.

Source: domain, 1 (*For the coordinator alone*); lifecycles, 5; decision 21.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from federation.branches import openings
from federation.identity.node import get_node
from federation.judging.state import Member
from federation.ledgers import channels, rebuild
from federation.partners.partner_keys import get_chain
from hub import own_keys
from hub.accounts.actor import Actor, Via
from hub.apply import VIEWS
from hub.calls import calling
from hub.calls.queries import get_call
from hub.cases import course, heard, joining, own_words, queries
from hub.cases.records import OwnWordView
from hub.channels import history, holders, proofs, service
from policies.acts import Act, ChannelKind
from policies.assessment import Assessment, Danger, Field, ResponseState
from policies.decisions import Topic
from policies.errors import ConflictError, ForbiddenError, NotFoundError
from policies.matrix import Level
from policies.roles import PersonRole, Role
from policies.tlp import TLP
from sharing.canonical import write_time
from tests.integration.test_cases import AUDITOR, HANDLER, Room
from tests.kit.nodes import CONSOLE, RunningNode, running

GRAVE = Assessment(danger=Danger.CONFIRMED, still_spreading=True)
BODY = {"assessment": {"danger": "confirmed", "still_spreading": True}}
LIAISON = Actor("l", "lou", frozenset({PersonRole.LIAISON}), Via.SESSION)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("hostile_cases")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield Room(cert, grid, vendor)


@pytest.fixture
def room(nodes: Room) -> Room:
    """Give a case that Grid has a part in, and Vendor, a partner, has not."""
    room = Room(nodes.cert, nodes.grid, nodes.vendor)
    with room.cert.writing() as session:
        desk, now = room.cert.office.desk(session), room.cert.now()
        room.case = course.open_case(
            session, desk, CONSOLE, title="Update", text="It phones home.", now=now
        )
    return let_in(room, room.grid, "affected")


def let_in(room: Room, node: RunningNode, role: str) -> Room:
    room.cert.invite(room.case, node, role)
    room.settle()
    node.join(room.case)
    room.settle()
    return room


def direct(node: RunningNode, other: RunningNode) -> str:
    """Give a node's direct channel to another."""
    with node.writing() as session:
        chain = get_chain(session, other.organisation)
        desk = node.office.desk(session)
        return openings.ensure_direct(session, desk, chain, now=node.now()).id


def writes(node: RunningNode, channel: str, act: Act, body: dict[str, Any]) -> None:
    """Write past every service of ours, as a node of one's own making can."""
    with node.writing() as session:
        desk = node.office.desk(session)
        channels.write(session, desk, channel, act, body, (), by="mallory", now=node.now())


def test_a_partner_without_a_part_in_a_case_says_nothing_in_it(room: Room) -> None:
    case = {"case": room.case}
    writes(room.vendor, direct(room.vendor, room.cert), Act.ASSESSMENT_SUBMITTED, BODY | case)
    writes(
        room.vendor,
        direct(room.vendor, room.cert),
        Act.RESPONSE_REPORTED,
        {"state": "affected"} | case,
    )
    room.settle()
    picture = room.picture()
    assert picture.own.severity.level is Level.NEGLIGIBLE
    assert picture.standings == ()
    # What a partner writes to another member is nothing to that member's picture of the case.
    writes(room.vendor, direct(room.vendor, room.grid), Act.ASSESSMENT_SUBMITTED, BODY | case)
    room.settle()
    assert [row.stated_alone for row in room.rows(room.grid).values()] == [None, None]


def test_an_observer_states_no_damage_alone_either(room: Room) -> None:
    let_in(room, room.vendor, "observer")
    with pytest.raises(ConflictError, match="no part"):
        room.do(room.vendor, own_words.assess, assessment=GRAVE, alone=True)
    with pytest.raises(ConflictError, match="observer or an authority"):
        room.do(room.vendor, own_words.assess, assessment=GRAVE)
    there = direct(room.vendor, room.cert)
    writes(room.vendor, there, Act.ASSESSMENT_SUBMITTED, BODY | {"case": room.case})
    room.settle()
    assert room.picture().own.severity.level is Level.NEGLIGIBLE
    assert room.rows(room.cert)[room.vendor.organisation].stated_alone is None


def test_the_words_of_who_has_left_count_no_longer(room: Room) -> None:
    let_in(room, room.vendor, "affected")
    room.do(room.vendor, own_words.assess, assessment=GRAVE)
    room.do(room.vendor, own_words.respond, state=ResponseState.AFFECTED, alone=True)
    assert room.picture().told.level is Level.CRITICAL
    assert room.picture().standings != ()
    room.do(room.vendor, service.leave)
    room.settle()
    picture = room.picture()
    assert (picture.told.level, picture.own.severity.level) == (Level.NEGLIGIBLE,) * 2
    assert (picture.standings, picture.inputs) == ((), ())
    with pytest.raises(ConflictError, match="no part"):
        room.do(room.vendor, own_words.assess, assessment=GRAVE, alone=True)


def test_two_direct_channels_make_one_word_of_one_organisation(room: Room) -> None:
    first = direct(room.grid, room.cert)
    with room.grid.writing() as session:
        desk, now = room.grid.office.desk(session), room.grid.now()
        chain = get_chain(session, room.cert.organisation)
        second = openings.open_channel(
            session,
            desk,
            kind=ChannelKind.DIRECT,
            name="Grid to CERT",
            ceiling=TLP.RED,
            others=[openings.Founder(chain, frozenset({Role.MEMBER}))],
            now=now,
        ).id
    case = {"case": room.case}
    writes(room.grid, first, Act.ASSESSMENT_SUBMITTED, {"assessment": {"danger": "none"}} | case)
    writes(room.grid, second, Act.ASSESSMENT_SUBMITTED, BODY | case)
    room.settle()
    with room.cert.writing() as session:
        # Both ledgers are Grid's own, so nothing keeps it from dating both words alike.
        alike = update(OwnWordView).where(OwnWordView.case == room.case)
        session.execute(alike.values(assessed_at=room.cert.now()))
    picture = room.picture()
    assert {one.told for one in picture.standings} == {1}
    assert room.rows(room.cert)[room.grid.organisation].stated_alone is not None


def test_an_assessment_that_contradicts_itself_states_nothing(room: Room) -> None:
    crooked = {"assessment": {"counts": {"system": {"low": 9, "high": 3}}}}
    for channel, more in ((room.case, {}), (direct(room.grid, room.cert), {"case": room.case})):
        writes(room.grid, channel, Act.ASSESSMENT_SUBMITTED, crooked | more)
    room.settle()
    row = room.rows(room.cert)[room.grid.organisation]
    assert (row.stated, row.stated_alone) == (Assessment(), Assessment())
    assert room.picture().own.severity.level is Level.NEGLIGIBLE


def test_figures_that_nobody_can_have_told_are_not_shown(room: Room) -> None:
    danger = {"field": "danger", "as_of": 3, "at_least": "possible"}
    said = {"severity": "critical", "inputs": [], "figures": [danger]}
    writes(room.cert, room.case, Act.ASSESSMENT_JOINED, said)
    room.settle()
    assert room.at(room.grid).severity is Level.CRITICAL
    assert room.at(room.grid).figures == ()
    with room.grid.reading() as session:
        shown = joining.visible_picture(session, CONSOLE, room.case)
    # What the coordinator claims stands beside what everybody's words come to.
    assert (shown.told.level, shown.figures) == (Level.NEGLIGIBLE, ())
    no_band = {"field": "danger", "as_of": 3, "at_least": "extended"}
    writes(room.cert, room.case, Act.ASSESSMENT_JOINED, said | {"figures": [danger, no_band]})
    room.settle()
    assert room.at(room.grid).figures == ()


def test_figures_need_five_that_had_a_part(room: Room) -> None:
    state = room.cert.state(room.case)
    stays = state.members[room.grid.organisation].stays
    told = [{"field": "danger", "as_of": state.head.seq, "at_least": "possible"}]
    for many, shown in ((4, 0), (5, 1)):
        members = {
            name: Member(name, "left", ("affected",), stays=stays)
            for name in (f"identity--{number}" for number in range(many))
        }
        crowd = replace(state, members=members)
        assert len(heard.possible_figures(crowd, told)) == shown


def test_colleagues_who_do_not_answer_read_nothing_that_was_told_alone(room: Room) -> None:
    room.do(room.grid, own_words.assess, assessment=GRAVE, text="The dam.", alone=True)
    room.do(room.grid, own_words.respond, state=ResponseState.AFFECTED, alone=True)
    there = direct(room.grid, room.cert)
    with room.cert.reading() as session:
        told_us = history.visible_entries(session, HANDLER, there)
        impacts = [item.ref for one in told_us for item in one.items if item.type == "impact"]
        assert impacts
        assert holders.visible_holdings(session, HANDLER, there, impacts[0])
        for actor in (AUDITOR, LIAISON):
            shown = joining.visible_picture(session, actor, room.case)
            assert (shown.own, shown.standings, shown.figures) == (None, (), ())
            row = queries.visible_organisations(
                session, actor, room.case, us=room.cert.organisation
            )
            assert {(one.stated_alone, one.response_alone) for one in row} == {(None, None)}
            entries = history.visible_entries(session, actor, there)
            told = " ".join(
                f"{one.sentence} {item.title} {item.text}" for one in entries for item in one.items
            )
            told += " ".join(one.sentence for one in entries)
            assert "for coordinators and handlers" in told
            assert "dam" not in told
            assert "affected" not in told
            # Nor of how many objects it is made, nor by which id and hash it could be tried out.
            close = [one for one in entries if one.told_alone]
            assert {(one.items, one.more_items) for one in close} == {((), 0)}
            for one in close:
                with pytest.raises(ForbiddenError, match="told you alone"):
                    holders.visible_holdings(session, actor, there, f"{one.epoch}-{one.seq}")
            for ref in impacts:
                with pytest.raises(NotFoundError):
                    holders.visible_holdings(session, actor, there, ref)
        with pytest.raises(ForbiddenError):
            proofs.get_export(
                session, AUDITOR, there, us=room.cert.organisation, now=room.cert.now()
            )
        # Who answers reads it; how figures stand is for those who run the case.
        entries = history.visible_entries(session, HANDLER, there)
        assert any(item.text == "The dam." for one in entries for item in one.items)
        assert joining.visible_picture(session, HANDLER, room.case).standings == ()
        full = joining.visible_picture(session, CONSOLE, room.case)
        assert full.knows_more
        assert full.standings != ()


def test_figures_of_the_moment_are_for_who_runs_the_case(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures that nobody keeps follow each other word by word."""
    at, told = room.cert.now(), Assessment(danger=Danger.CONFIRMED)
    five = [
        heard.Heard(f"identity--{one}", told, at, "0" * 64, None, None, None, None, None, False)  # noqa: FBT003
        for one in range(5)
    ]
    monkeypatch.setattr(joining, "heard_alone", lambda _session, _state: five)
    with room.cert.reading() as session:
        for actor in (AUDITOR, LIAISON, HANDLER):
            shown = joining.visible_picture(session, actor, room.case)
            assert (shown.figures, shown.told.level) == ((), Level.NEGLIGIBLE)
        full = joining.visible_picture(session, CONSOLE, room.case)
        assert [one.topic.field for one in full.figures] == [Field.DANGER]
        assert full.told.level is not Level.NEGLIGIBLE


def test_a_response_told_alone_is_not_taken_away_by_who_may_not_read_it(room: Room) -> None:
    let_in(room, room.vendor, "affected")
    room.do(room.vendor, own_words.respond, state=ResponseState.AFFECTED, alone=True)
    there = direct(room.vendor, room.cert)
    with room.cert.reading() as session:
        us, now = room.cert.organisation, room.cert.now()
        with pytest.raises(ForbiddenError, match="told you alone"):
            proofs.get_export(session, AUDITOR, there, us=us, now=now)
        assert proofs.get_export(session, HANDLER, there, us=us, now=now).channel == there


def test_nobody_tells_a_coordinator_anything_alone_in_a_case_that_is_over(room: Room) -> None:
    decision = room.decide(Topic.DECLINE)
    room.do(room.cert, course.decline, decision=decision)
    with pytest.raises(ConflictError, match="declined"):
        room.do(room.grid, own_words.assess, assessment=GRAVE, alone=True)


def test_a_request_that_goes_by_the_name_of_a_warning_hides_nobody_who_is_silent(
    room: Room,
) -> None:
    let_in(room, room.vendor, "affected")
    warning = room.do(room.cert, calling.warn, text="Stop the updater.").ref
    asked = {"request": warning, "addressees": [room.cert.organisation, room.vendor.organisation]}
    later = write_time(room.cert.now() + timedelta(hours=1))
    opened = asked | {"needed_by": later, "answers_to": "all"}
    writes(room.grid, room.case, Act.REQUEST_OPENED, opened)
    room.settle()
    writes(room.grid, room.case, Act.REQUEST_CLOSED, asked | {"result": "answered"})
    room.settle()
    with room.cert.reading() as session:
        us = room.cert.organisation
        call = get_call(session, CONSOLE, room.case, warning, us=us, now=room.cert.now())
    silent = {one.organisation for one in call.silent}
    assert call.is_open
    assert silent == {room.grid.organisation, room.vendor.organisation}


def test_what_a_thief_says_of_its_victim_in_a_case_goes_when_the_victim_disowns_it(
    room: Room,
) -> None:
    grid, since = room.grid, room.grid.now()
    with grid.reading() as session:
        stolen = get_node(session).signing_key(grid.office.keys.ring())
    room.do(grid, own_words.respond, state=ResponseState.NOT_AFFECTED, text="A lie.")
    room.do(grid, own_words.assess, assessment=GRAVE, text="Another lie.")
    assert room.picture().told.level is Level.CRITICAL
    room.cert.now.advance(minutes=1)  # type: ignore[attr-defined]
    with grid.writing() as session:
        own_keys.revoke(
            session,
            grid.office,
            CONSOLE,
            stolen.thumbprint,
            recovery=grid.recovery,
            since=since,
            now=grid.now(),
        )
    with grid.writing() as session:
        doubtful = own_keys.visible_doubtful(session, grid.office, CONSOLE)
        said = {Act.RESPONSE_REPORTED, Act.ASSESSMENT_SUBMITTED}
        bundles = [row.entry.bundle for row in doubtful if row.entry.act in said]
        assert len(bundles) == 2
        own_keys.disown(session, grid.office, CONSOLE, room.case, bundles, now=grid.now())
    room.settle()
    for node in (room.cert, grid):
        row = room.rows(node)[grid.organisation]
        assert (row.response, row.stated, row.is_silent) == (None, None, True)
        with node.reading() as session:
            words = queries.visible_case_words(session, CONSOLE, room.case)
        assert [one.text for one in words if one.author == grid.organisation] == []
        with node.writing() as session:
            made = rebuild.rebuild(session, node.office.desk(session), room.case, VIEWS)
        assert made.equal, made.differences
    assert room.picture().told.level is Level.NEGLIGIBLE
    # What it says itself from now on counts again.
    room.do(grid, own_words.respond, state=ResponseState.AFFECTED)
    assert room.rows(room.cert)[grid.organisation].response is ResponseState.AFFECTED

"""Odd moments in a case: two act at once, an answer comes late, somebody answers twice.

Source: lifecycles, 1 (rules 2 and 3); issue 4, acceptance 4.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from federation.ledgers.ledger_records import Delivery
from hub.cases import at_once, course, own_words
from hub.channels import audience, service
from hub.channels.queries import visible_pending
from policies.assessment import ResponseState
from policies.errors import ConflictError
from tests.integration.test_cases import Room
from tests.integration.test_relay import signed_in, token_of
from tests.kit.nodes import CONSOLE, Clock, RunningNode, running


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("odd_moments")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield Room(cert, grid, vendor).open()


def test_who_presses_start_second_is_told_and_nothing_is_decided_twice(room: Room) -> None:
    client = signed_in(room.cert)
    page = client.get(f"/cases/{room.case}").get_data(as_text=True)
    room.do(room.cert, at_once.start, reason="Two sectors are hit.")
    before = room.decisions(room.cert)
    form = {"csrf_token": token_of(page), "reason": "I press it as well."}
    answer = client.post(f"/cases/{room.case}/start", data=form)
    assert answer.status_code == 409
    assert "coordinated" in answer.get_data(as_text=True)
    assert room.decisions(room.cert) == before
    assert {one.state for one in room.everywhere()} == {"response"}


def test_an_expired_invitation_is_answered_all_the_same_and_once(room: Room) -> None:
    with room.cert.writing() as session:
        desk, now = room.cert.office.desk(session), room.cert.now()
        late = course.open_case(session, desk, CONSOLE, title="Late", text="It waits.", now=now)
    room.cert.invite(late, room.grid)
    room.settle()
    assert isinstance(room.cert.now, Clock)
    room.cert.now.advance(days=3)
    client = signed_in(room.grid)
    page = client.get(f"/invitations/{late}").get_data(as_text=True)
    assert "The time to answer has passed." in page
    assert "You may still answer" in page
    room.grid.join(late)
    room.settle()
    assert room.cert.state(late).members[room.grid.organisation].is_joined
    for answer in (service.join, service.decline):
        with pytest.raises(ConflictError):
            room.grid.does(answer, late)
    assert room.cert.state(late).members[room.grid.organisation].is_joined


def test_an_invitation_that_was_taken_back_says_so(room: Room) -> None:
    with room.cert.writing() as session:
        desk, now = room.cert.office.desk(session), room.cert.now()
        case = course.open_case(session, desk, CONSOLE, title="Back", text="Not you.", now=now)
    room.cert.invite(case, room.vendor)
    room.settle()
    room.cert.does(service.uninvite, case, organisation=room.vendor.organisation)
    room.settle()
    page = signed_in(room.vendor).get(f"/invitations/{case}").get_data(as_text=True)
    assert "It was taken back." in page
    assert "Join as" not in page
    with pytest.raises(ConflictError, match="taken back"):
        room.vendor.join(case)


def respond_unsettled(node: RunningNode, case: str) -> None:
    with node.writing() as session:
        desk, now = node.office.desk(session), node.now()
        state = ResponseState.CONTAINED
        own_words.respond(session, desk, CONSOLE, case, state=state, text="Half said.", now=now)


def refused_words(node: RunningNode, case: str) -> list[tuple[str, bool]]:
    with node.reading() as session:
        rows = visible_pending(session, CONSOLE, case, now=node.now())
        refused = [row for row in rows if row.state is Delivery.REFUSED]
        return [(row.act, bool(row.sentence)) for row in refused]


def test_what_a_member_writes_while_the_case_is_closed_stays_with_it(room: Room) -> None:
    other = Room(room.cert, room.grid, room.vendor).open("Closed meanwhile")
    respond_unsettled(other.grid, other.case)
    with other.cert.writing() as session:
        desk, now = other.cert.office.desk(session), other.cert.now()
        given = (session, desk, CONSOLE, other.case)
        at_once.close(*given, reason="False alarm.", early="false-alarm", now=now)
    other.settle()
    assert {one.state for one in other.everywhere()} == {"closed"}
    assert refused_words(other.grid, other.case) == [("response.reported", True)]
    assert other.rows(other.cert)[other.grid.organisation].response is None


def test_a_member_suspended_in_mid_sentence_keeps_what_it_wrote(room: Room) -> None:
    other = Room(room.cert, room.grid, room.vendor).open("Suspended meanwhile")
    respond_unsettled(other.vendor, other.case)
    with other.cert.writing() as session:
        desk, now = other.cert.office.desk(session), other.cert.now()
        given = (session, desk, CONSOLE, other.case)
        audience.suspend(*given, organisation=other.vendor.organisation, reason="Key.", now=now)
    other.settle()
    row = other.rows(other.grid)[other.vendor.organisation]
    assert (row.suspended, row.response) == (True, None)
    with other.vendor.reading() as session:
        waiting = visible_pending(session, CONSOLE, other.case, now=other.vendor.now())
    assert [one.act for one in waiting] == ["response.reported"]

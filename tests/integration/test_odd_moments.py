"""Odd moments in a case: two act at once, an answer comes late, somebody answers twice.

Source: lifecycles, 1 (rules 2 and 3).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from itertools import count

import pytest
from flask.testing import FlaskClient

from federation.ledgers.ledger_records import Delivery
from hub.calls import calling
from hub.cases import at_once, course, deciding, joining, own_words
from hub.channels import audience, history, service
from hub.channels.kept_out import WHILE_SUSPENDED
from hub.channels.queries import visible_pending
from policies.assessment import ResponseState
from policies.decisions import By, DecisionRule, Topic
from policies.errors import ConflictError
from policies.matrix import Level
from tests.integration.test_cases import Room
from tests.integration.test_relay import signed_in, token_of
from tests.kit.nodes import CONSOLE, Clock, RunningNode, running, settle


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("odd_moments")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield Room(cert, grid, vendor).open()


PEOPLE = count()


def person(node: RunningNode) -> FlaskClient:
    """Give the browser of one more coordinator, who has just signed in."""
    return signed_in(node, f"person-{next(PEOPLE)}")


def test_who_presses_start_second_is_told_and_nothing_is_decided_twice(room: Room) -> None:
    client = person(room.cert)
    page = client.get(f"/cases/{room.case}").get_data(as_text=True)
    room.do(room.cert, at_once.start, reason="Two sectors are hit.")
    before = room.decisions(room.cert)
    form = {"csrf_token": token_of(page), "reason": "I press it as well."}
    answer = client.post(f"/cases/{room.case}/start", data=form)
    assert answer.status_code == 409
    assert "coordinated" in answer.get_data(as_text=True)
    assert room.decisions(room.cert) == before
    assert {one.state for one in room.everywhere()} == {"response"}


def test_a_form_that_is_not_offered_any_more_says_why_it_is_refused(room: Room) -> None:
    ref = room.do(room.cert, calling.ask, text="Which version?").ref
    client, path = person(room.grid), f"/channels/{room.case}/calls/{ref}"
    token = token_of(client.get(path).get_data(as_text=True))
    form = {"csrf_token": token, "text": "18.12", "result": "answered"}
    client.post(f"{path}/answer", data=form)
    room.settle()
    form = {"csrf_token": token, "text": "We don’t run it."}
    answered = client.post(f"{path}/refusal", data=form)
    room.settle()
    assert answered.status_code == 409
    page = answered.get_data(as_text=True)
    assert "Decline to answer" not in page
    assert page.count('role="alert"') == 1
    assert "answered" in page.partition('role="alert"')[2].partition("</div></div>")[0]


def test_an_expired_invitation_is_answered_all_the_same_and_once(room: Room) -> None:
    with room.cert.writing() as session:
        desk, now = room.cert.office.desk(session), room.cert.now()
        late = course.open_case(session, desk, CONSOLE, title="Late", text="It waits.", now=now)
    room.cert.invite(late, room.grid)
    room.settle()
    assert isinstance(room.cert.now, Clock)
    room.cert.now.advance(days=3)
    client = person(room.grid)
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
    page = person(room.vendor).get(f"/invitations/{case}").get_data(as_text=True)
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


def page_of(client: FlaskClient, path: str) -> str:
    return client.get(path).get_data(as_text=True)


def test_what_a_member_writes_while_the_case_is_closed_is_offered_as_a_note(room: Room) -> None:
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
    client = person(other.grid)
    page = page_of(client, f"/channels/{other.case}")
    assert "Nothing of it was shown. Write it anew." in page
    assert "Grid said how far it is: contained." in page
    offer = re.search(r'href="(/channels/[^"]+/refusals/[^"]+/note)#', page)
    assert offer is not None
    form = page_of(client, offer[1])
    filled = re.search(r'<textarea[^>]*id="note-text"[^>]*>([^<]*)</textarea>', form)
    assert filled is not None
    words = " ".join(html.unescape(filled[1]).split())
    assert words == "Grid said how far it is: contained. Half said."
    sent = {"csrf_token": token_of(form), "text": html.unescape(filled[1]), "tlp": "amber"}
    assert client.post(f"/channels/{other.case}/notes", data=sent).status_code == 303
    other.settle()
    with other.cert.reading() as session:
        newest = history.visible_entries(session, CONSOLE, other.case)[0]
    assert (newest.act, newest.author) == ("note.added", other.grid.organisation)
    assert "Half said." in str(newest.items[0].text)


def test_a_member_suspended_in_mid_sentence_reads_why_and_what_it_wrote(room: Room) -> None:
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
        (waiting,) = visible_pending(session, CONSOLE, other.case, now=other.vendor.now())
    assert (waiting.act, waiting.state) == ("response.reported", Delivery.PENDING)
    assert waiting.sentence == WHILE_SUSPENDED
    page = page_of(person(other.vendor), f"/channels/{other.case}")
    assert "kept here for now" in page
    assert WHILE_SUSPENDED in page
    assert "next try" in page
    assert "Half said." in page
    # Nobody is at fault, and nobody need be called because of it.
    assert "Their node can’t be reached" not in page
    assert "You may read this collection, and not write to it" not in page
    assert "How far we are" in page
    other.do(other.cert, audience.resume, organisation=other.vendor.organisation, reason="Spoken.")
    assert isinstance(other.cert.now, Clock)
    other.cert.now.advance(hours=2)
    other.settle()
    row = other.rows(other.grid)[other.vendor.organisation]
    assert (row.suspended, row.response) == (False, ResponseState.CONTAINED)


def test_what_is_written_while_the_owner_is_down_waits_and_arrives(room: Room) -> None:
    other = Room(room.cert, room.grid, room.vendor).open("Owner down")
    other.cert.stop()
    try:
        respond_unsettled(other.grid, other.case)
        settle(other.grid)
        client = person(other.grid)
        page = page_of(client, f"/cases/{other.case}")
        assert "1 word of yours is on the way to CERT, and will stand here once taken in." in page
        page = page_of(client, f"/channels/{other.case}")
        assert "Their node can’t be reached, or has not taken it yet." in page
        assert "next try" in page
        assert "Half said." in page
        assert "Say it as a note" not in page
        assert other.rows(other.grid)[other.grid.organisation].response is None
    finally:
        other.cert.start()
    assert isinstance(other.cert.now, Clock)
    other.cert.now.advance(hours=2)
    other.settle()
    for node in other.nodes:
        assert other.rows(node)[other.grid.organisation].response is ResponseState.CONTAINED
    assert "on the way to CERT" not in page_of(person(other.grid), f"/cases/{other.case}")


def vote_unsettled(node: RunningNode, case: str, decision: str, option: str) -> None:
    with node.writing() as session:
        desk, now = node.office.desk(session), node.now()
        deciding.vote(session, desk, CONSOLE, case, decision, option=option, now=now)


def test_who_votes_at_the_same_time_counts_each_and_once(room: Room) -> None:
    other = Room(room.cert, room.grid, room.vendor).open("Votes cross")
    rule = DecisionRule(By.MAJORITY)
    asked = other.do(
        other.cert, deciding.ask, topic=Topic.QUESTION, question="Cut the link?", rule=rule
    )
    # Two members at once, and two persons of one of them before either has heard of the other.
    vote_unsettled(other.grid, other.case, asked, "yes")
    vote_unsettled(other.vendor, other.case, asked, "no")
    vote_unsettled(other.grid, other.case, asked, "no")
    other.settle()
    for node in other.nodes:
        (decision,) = other.decisions(node)
        votes = {one.organisation: one.option for one in decision.votes if one.option}
        assert votes == {other.grid.organisation: "no", other.vendor.organisation: "no"}
    page = page_of(person(other.grid), f"/cases/{other.case}")
    assert "No (your vote)" in page
    with other.cert.reading() as session:
        acts = [one.act for one in history.visible_entries(session, CONSOLE, other.case)]
    assert acts.count("decision.voted") == 3, "all three stand in the history"
    vote_unsettled(other.vendor, other.case, asked, "yes")
    other.do(other.cert, deciding.take, asked, outcome="no")
    assert refused_words(other.vendor, other.case) == [("decision.voted", True)]
    assert {other.decisions(node)[0].outcome for node in other.nodes} == {"no"}


def test_who_tells_another_severity_at_once_is_shown_what_was_told_meanwhile(room: Room) -> None:
    other = Room(room.cert, room.grid, room.vendor).open("Two severities")
    client = person(other.cert)
    page = page_of(client, f"/cases/{other.case}")
    seen = re.search(r'name="seen_at" value="([^"]+)"', page)
    assert seen is not None
    other.do(other.cert, joining.join_assessments, level=Level.HIGH, reason="Two sectors.")
    form = {"csrf_token": token_of(page), "seen_at": seen[1]}
    mine = form | {"level": "critical", "reason": "Lives."}
    answer = client.post(f"/cases/{other.case}/joint", data=mine)
    assert answer.status_code == 409
    shown = answer.get_data(as_text=True)
    assert "Another of you has told all in the meantime: severity high." in shown
    assert "Yours was not told. Say it again if you still see it otherwise." in shown
    assert "Lives." in shown
    assert {one.severity for one in other.everywhere()} == {Level.HIGH}
    again = re.search(r'name="seen_at" value="([^"]+)"', shown)
    assert again is not None
    answer = client.post(f"/cases/{other.case}/joint", data=mine | {"seen_at": again[1]})
    assert answer.status_code == 303
    other.settle()
    assert {one.severity for one in other.everywhere()} == {Level.CRITICAL}

"""Small ways of a case's room: into it after joining, and what stands there for who has no node."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

import pytest

from hub.cases import course, joining, own_words, relaying
from hub.channels import relay
from hub.channels.relay import Told
from policies.acts import ChannelKind
from policies.assessment import Assessment, Danger
from sharing.canonical import write_time
from tests.integration.test_cases import Room
from tests.kit.console import Console
from tests.kit.hostile_peer import csrf, signed_in
from tests.kit.nodes import CONSOLE, running, settle


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("into_the_room")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield Room(cert, grid, vendor)


def test_who_joins_lands_in_the_room_which_opens_by_itself(nodes: Room) -> None:
    room = Room(nodes.cert, nodes.grid, nodes.vendor).open()
    fresh = Room(nodes.cert, nodes.grid, nodes.vendor)
    with nodes.cert.writing() as session:
        desk, now = nodes.cert.office.desk(session), nodes.cert.now()
        fresh.case = course.open_case(
            session, desk, CONSOLE, title="Fresh", text="It phones home.", now=now
        )
    nodes.cert.invite(fresh.case, nodes.grid)
    settle(*nodes.nodes)
    browser = signed_in(nodes.grid, "joiner")
    page = f"/invitations/{fresh.case}"
    answer = browser.post(
        f"{page}/joining",
        data={"csrf_token": csrf(browser, page), "owner": nodes.cert.organisation},
    )
    assert (answer.status_code, answer.location) == (HTTPStatus.SEE_OTHER, f"/cases/{fresh.case}")
    coming = browser.get(answer.location).text
    assert "The room opens as soon as" in coming
    assert 'hx-trigger="every 5s"' in coming
    asking = {"HX-Request": "true", "HX-Target": "coming"}
    assert "It opens here by itself." in browser.get(answer.location, headers=asking).text
    settle(*nodes.nodes)
    led = browser.get(answer.location, headers=asking)
    assert (led.status_code, led.headers["HX-Redirect"]) == (204, answer.location)
    shown = browser.get(answer.location).text
    assert "How each is hit" in shown
    assert "It opens here by itself." not in shown
    assert browser.get(f"/cases/{room.case}").status_code == HTTPStatus.OK
    # Who joins a community lands on its channel, as before.
    community = nodes.cert.open("Energy", kind=ChannelKind.COMMUNITY)
    nodes.cert.invite(community, nodes.grid, "member")
    settle(*nodes.nodes)
    page = f"/invitations/{community}"
    answer = browser.post(
        f"{page}/joining",
        data={"csrf_token": csrf(browser, page), "owner": nodes.cert.organisation},
    )
    assert answer.location == f"/channels/{community}"


def test_what_is_told_speaks_of_them_and_their_number_opens_the_telephone(nodes: Room) -> None:
    room = Room(nodes.cert, nodes.grid, nodes.vendor).open()
    contact = "shift leader, +49 30 1234567 (day and night)"
    water = room.do(room.cert, relay.add_absent, name="Water", roles=["affected"], contact=contact)
    told = Told("telephone", room.cert.now(), "Jo")
    room.do(room.cert, relaying.answer_for, organisation=water, told=told, joins=True)
    browser = signed_in(room.cert, "teller")
    shown = browser.get(f"/cases/{room.case}/told/{water}").text
    for words in ("They are affected", "They are looking", "They don’t know"):
        assert words in shown
    assert "We are" not in shown
    number = '<a href="tel:+49301234567">+49 30 1234567</a>'
    assert number in shown
    room_page = browser.get(f"/cases/{room.case}").text
    assert number in room_page
    assert "(day and night)" in room_page


def test_the_console_does_not_pass_over_what_another_has_told_since(nodes: Room) -> None:
    room = Room(nodes.cert, nodes.grid, nodes.vendor).open()
    looked = write_time(room.cert.now())
    room.cert.now.advance(minutes=1)  # type: ignore[attr-defined]
    room.do(room.grid, own_words.assess, assessment=Assessment(danger=Danger.CONFIRMED))
    room.do(room.cert, joining.join_assessments)
    console = Console(room.cert)
    told = ("case", "join", room.case, "--level", "low", "--reason", "We see it otherwise.")
    refused = console.run(*told, "--seen-at", looked, code=1)
    assert "another of you has told all in the meantime" in refused.stderr
    console.run(*told, "--seen-at", write_time(room.cert.now()))

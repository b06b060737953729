"""An invited partner whose node is silent takes part by telephone, and takes its place over later.

Source: lifecycles, 1, rule 6; decision 14.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest

from federation.ledgers import rebuild
from hub.apply import VIEWS
from hub.cases import course, queries, relaying, standing_in
from hub.channels.relay import Told
from policies.assessment import ResponseState
from policies.errors import ConflictError, ForbiddenError, NotFoundError
from tests.integration.test_cases import HANDLER, Room
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.hostile_peer import csrf, signed_in
from tests.kit.nodes import CONSOLE, running, settle


@pytest.fixture
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Give a case into which Grid and Vendor are invited; Grid's node is away since."""
    folder = tmp_path_factory.mktemp("standing_in")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        room = Room(cert, grid, vendor)
        with cert.writing() as session:
            desk, now = cert.office.desk(session), cert.now()
            room.case = course.open_case(
                session, desk, CONSOLE, title="Update", text="It phones home.", now=now
            )
        settle(cert, grid, vendor)
        grid.stop()
        cert.invite(room.case, grid)
        yield room


def told(room: Room) -> dict[str, Any]:
    way = Told("telephone", room.cert.now(), "Their shift leader")
    return {"organisation": room.grid.organisation, "told": way}


def passes(room: Room) -> None:
    """Let the time pass after which a node counts as silent, while Vendor is heard."""
    room.cert.now.advance(hours=1)  # type: ignore[attr-defined]
    settle(room.cert, room.vendor)


def silent(room: Room) -> list[str]:
    with room.cert.reading() as session:
        now = room.cert.now()
        rows = standing_in.visible_silent_guests(session, CONSOLE, room.case, now=now)
    return [one.name for one in rows]


def act(room: Room, how: Any, *, actor: Any = CONSOLE, **given: Any) -> Any:
    cert = room.cert
    with cert.writing() as session:
        desk = cert.office.desk(session)
        return how(session, desk, actor, room.case, now=cert.now(), **given)


def test_it_takes_part_by_telephone_at_once_and_its_node_takes_the_place_over(room: Room) -> None:
    assert silent(room) == []
    with pytest.raises(ConflictError, match="it answers for itself"):
        act(room, standing_in.stand_in, **told(room))
    passes(room)
    assert silent(room) == ["Grid"]
    with pytest.raises(ForbiddenError):
        act(room, standing_in.stand_in, actor=HANDLER, **told(room))
    place = act(room, standing_in.stand_in, **told(room))
    act(
        room,
        relaying.respond_for,
        organisation=place,
        told=told(room)["told"],
        state=ResponseState.AFFECTED,
    )
    rows = room.rows(room.cert)
    assert (rows[place].name, rows[place].response) == ("Grid", ResponseState.AFFECTED)
    assert room.grid.organisation not in rows
    assert room.cert.state(room.case).members[room.grid.organisation].state == "invited"
    # Nobody stands in twice: by now it has its place.
    room.grid.start()
    settle(*room.nodes)
    room.grid.join(room.case)
    settle(*room.nodes)
    for node in (room.cert, room.grid):
        rows = room.rows(node)
        assert place not in rows
        assert rows[room.grid.organisation].name == "Grid"
    with room.grid.reading() as session:
        words = queries.visible_case_words(session, CONSOLE, room.case)
    assert words is not None
    with room.cert.writing() as session:
        desk = room.cert.office.desk(session)
        assert rebuild.rebuild(session, desk, room.case, VIEWS).equal


def test_who_is_not_invited_or_has_joined_takes_part_as_it_is(room: Room) -> None:
    passes(room)
    with pytest.raises(NotFoundError, match="invited with a node"):
        act(room, standing_in.stand_in, **told(room) | {"organisation": room.vendor.organisation})
    act(room, standing_in.stand_in, **told(room))
    # The offer stays while its node is silent; standing in again would make a second place.
    assert silent(room) == []
    with pytest.raises(NotFoundError):
        act(room, standing_in.stand_in, **told(room))


def test_the_room_has_it_in_one_step_and_leads_to_what_they_say(room: Room) -> None:
    passes(room)
    browser = signed_in(room.cert)
    shown = browser.get(f"/cases/{room.case}").text
    assert "invited, node is silent" in shown
    where = f"/cases/{room.case}/stand-ins/{room.grid.organisation}"
    assert where in shown
    form = {"csrf_token": csrf(browser, f"/cases/{room.case}"), "at": "2099-01-01 00:00"}
    refused = browser.post(where, data=form)
    assert refused.status_code == HTTPStatus.BAD_REQUEST
    form.pop("at")
    answer = browser.post(where, data=form)
    assert answer.status_code == HTTPStatus.SEE_OTHER
    assert f"/cases/{room.case}/told/identity--" in answer.location
    assert "What Grid says" in browser.get(answer.location).text
    assert "invited, node is silent" not in browser.get(f"/cases/{room.case}").text


def test_programs_do_the_same(room: Room) -> None:
    cert, place = Api.of(room.cert), f"/cases/{room.case}/told/stand-in"
    body = {"organisation": room.grid.organisation, "informant": "Jo"}
    cert.post(place, body, 409)
    passes(room)
    made = cert.post(place, body, 201)
    assert made["channel"] == room.case
    assert made["organisation"] in set(room.rows(room.cert))


def test_the_console_does_the_same(room: Room) -> None:
    console = Console(room.cert)
    console.run("case", "relay", "stand-in", room.case, "Grid", code=1)
    passes(room)
    made = console.asks("case", "relay", "stand-in", room.case, "Grid", "--informant", "Jo")
    assert made["organisation"] in room.rows(room.cert)

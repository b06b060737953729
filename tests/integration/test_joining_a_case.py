"""Answering an invitation to a case, and what an organisation takes there from now on.

Source: lifecycles, 3 (`member.declined`, `member.limits_changed`).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.cases import course
from hub.channels import history
from tests.integration.test_cases import Room
from tests.integration.test_relay import signed_in, token_of
from tests.kit.nodes import CONSOLE, running


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("joining_a_case")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield Room(cert, grid, vendor)


@pytest.mark.parametrize("reason", ["We have <b>no</b> such product.", ""])
def test_who_declines_may_say_why_and_may_keep_it(room: Room, reason: str) -> None:
    with room.cert.writing() as session:
        desk, now = room.cert.office.desk(session), room.cert.now()
        case = course.open_case(session, desk, CONSOLE, title="No", text="It spreads.", now=now)
    room.cert.invite(case, room.grid)
    room.settle()
    client = signed_in(room.grid, f"decliner-{len(reason)}")
    page = client.get(f"/invitations/{case}").get_data(as_text=True)
    assert "The reason is yours to give or to keep." in page
    form = {"csrf_token": token_of(page), "owner": room.cert.organisation, "reason": reason}
    assert client.post(f"/invitations/{case}/declining", data=form).status_code == 303
    room.settle()
    assert not room.cert.state(case).members[room.grid.organisation].is_joined
    with room.cert.reading() as session:
        newest = history.visible_entries(session, CONSOLE, case)[0]
    assert newest.act == "member.declined"
    assert [one.text for one in newest.items] == ([reason] if reason else [])
    page = client.get(f"/invitations/{case}").get_data(as_text=True)
    assert "Your organisation has declined." in page


def test_what_a_member_takes_is_changed_later_and_the_coordinator_reads_it(room: Room) -> None:
    other = Room(room.cert, room.grid, room.vendor).open("Limits")
    client = signed_in(other.grid, "limiter")
    assert f"/cases/{other.case}" in client.get(f"/invitations/{other.case}").get_data(as_text=True)
    here = f"/cases/{other.case}/members"
    page = client.get(here).get_data(as_text=True)
    assert "What your organisation takes here" in page
    form = {"csrf_token": token_of(page), "takes": "green"}
    assert client.post(f"/cases/{other.case}/limits", data=form).status_code == 303
    other.settle()
    coordinator = signed_in(other.cert, "reader").get(here).get_data(as_text=True)
    assert "Grid takes matter up to TLP:GREEN alone" in coordinator
    assert "takes up to" in coordinator
    page = client.get(here).get_data(as_text=True)
    assert '<option value="green" selected>' in page
    form = {"csrf_token": token_of(page), "takes": ""}
    assert client.post(f"/cases/{other.case}/limits", data=form).status_code == 303
    other.settle()
    assert "takes up to" not in client.get(here).get_data(as_text=True)
    wrong = client.post(f"/cases/{other.case}/limits", data=form | {"takes": "pink"})
    assert wrong.status_code == 400
    assert "Please choose one of the options." in wrong.get_data(as_text=True)

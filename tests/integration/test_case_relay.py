"""By telephone in the room of a case: who can't write takes part through the coordinator.

Source: lifecycles, 1, rule 6; lifecycles, 5 and 6; domain, 1 (*Relay*).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from federation.ledgers import rebuild
from hub.apply import VIEWS
from hub.cases import deciding, joining, own_words, queries, relaying
from hub.channels import audience, relay
from hub.channels.relay import Told
from hub.channels.relay_records import RelayAnswer
from policies.assessment import Assessment, FunctionalImpact, ResponseState
from policies.decisions import By, DecisionRule, Topic
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from policies.matrix import Level
from sharing import collections
from sharing.objects import StixObject
from tests.integration.test_cases import AUDITOR, HANDLER, Room
from tests.integration.test_relay import signed_in, token_of
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.nodes import CONSOLE, Clock, running

HOSTILE = "<script>alert(1)</script>"
DENIED = Assessment(functional_impact=FunctionalImpact.DENIAL, essential_service=False)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("case_relay")
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield Room(cert, grid, vendor)


@pytest.fixture
def room(nodes: Room) -> Room:
    return Room(nodes.cert, nodes.grid, nodes.vendor).open()


def told(room: Room, organisation: str, way: str = "telephone") -> dict[str, Any]:
    return {"organisation": organisation, "told": Told(way, room.cert.now(), "Jo, shift leader")}


def water_in(room: Room, *, joins: bool = True, **more: Any) -> str:
    """Invite a water utility that has a telephone and no node; give its id."""
    absent = {"name": "Water Utility", "roles": ["affected"], **more}
    water: str = room.do(room.cert, relay.add_absent, **absent)
    if joins:
        room.do(room.cert, relaying.answer_for, **told(room, water), joins=True)
    return water


def spoken_for(room: Room, node: Any = None, actor: Any = CONSOLE) -> dict[str, str]:
    node = node or room.cert
    with node.reading() as session:
        rows = relaying.visible_spoken_for(session, actor, room.case, now=node.now())
    return {row.organisation: f"{row.membership}, {row.why}" for row in rows}


def test_what_is_told_counts_like_their_own_and_is_shown_as_the_coordinators(room: Room) -> None:
    water = water_in(room)
    room.do(room.cert, relaying.respond_for, **told(room, water), state=ResponseState.AFFECTED)
    written = room.do(
        room.cert, relaying.assess_for, **told(room, water), assessment=DENIED, text="Pumps stand."
    )
    for node in room.nodes:
        row = room.rows(node)[water]
        assert (row.response, row.stated) == (ResponseState.AFFECTED, DENIED)
        assert row.relayed
        assert row.response_told is not None
        assert row.stated_told is not None
        assert row.stated_told.answer is RelayAnswer.NONE
        assert row.stated_told.bundle == written.entry.acting.sha256
        with node.reading() as session:
            words = queries.visible_case_words(session, CONSOLE, room.case)
        said = next(one for one in words if one.text == "Pumps stand.")
        assert (said.author_name, said.behalf) == ("CERT", "Water Utility")
        with node.writing() as session:
            desk = node.office.desk(session)
            assert not rebuild.rebuild(session, desk, room.case, VIEWS).differences
    assert room.picture().told.level is not Level.NEGLIGIBLE
    room.do(room.cert, joining.join_assessments)
    assert len({(one.severity, one.derived) for one in room.everywhere()}) == 1
    assert room.at(room.grid).severity is room.picture().told.level


def test_the_impacts_are_objects_of_the_coordinators_about_the_organisation(room: Room) -> None:
    water = water_in(room)
    written = room.do(room.cert, relaying.assess_for, **told(room, water), assessment=DENIED)
    hashes = [one.item.sha256 for one in written.entry.covered]
    with room.grid.reading() as session:
        found = collections.find_contents(session, room.case, hashes).values()
    impacts = [
        value
        for value in (StixObject.read(content).value for content in found)
        if value["type"] == "impact"
    ]
    assert impacts
    for impact in impacts:
        assert impact["created_by_ref"] == room.cert.organisation
        assert impact["impacted_refs"] == [water]


def test_not_stated_differs_from_none_by_telephone_as_well(room: Room) -> None:
    water = water_in(room)
    none = Assessment(functional_impact=FunctionalImpact.NONE)
    room.do(room.cert, relaying.assess_for, **told(room, water), assessment=none)
    stated = room.rows(room.grid)[water].stated
    assert stated == none
    assert stated.information_impact is None
    with pytest.raises(InvalidError, match="state at least one thing"):
        room.do(room.cert, relaying.assess_for, **told(room, water), assessment=Assessment())


def test_a_silent_members_words_are_recorded_and_each_keeps_its_own_mark(room: Room) -> None:
    grid = room.grid.organisation
    assert grid not in spoken_for(room)
    with pytest.raises(ConflictError, match="writes for itself"):
        room.do(room.cert, relaying.respond_for, **told(room, grid), state=ResponseState.AFFECTED)
    assert isinstance(room.cert.now, Clock)
    room.cert.now.advance(hours=1)
    assert spoken_for(room)[grid] == "joined, has a node that is silent"
    room.do(room.cert, relaying.respond_for, **told(room, grid), state=ResponseState.AFFECTED)
    room.do(room.grid, own_words.assess, assessment=DENIED)
    row = room.rows(room.vendor)[grid]
    assert row.response_told is not None, "what it signed later is its own; this is not"
    assert row.stated_told is None
    bundle = row.response_told.bundle
    room.do(room.grid, relay.answer, bundle, confirms=False)
    row = room.rows(room.vendor)[grid]
    assert row.response_told is not None
    assert row.response_told.answer is RelayAnswer.DISPUTED
    room.do(room.grid, own_words.respond, state=ResponseState.NOT_AFFECTED)
    row = room.rows(room.vendor)[grid]
    assert (row.response, row.relayed) == (ResponseState.NOT_AFFECTED, False)


def test_a_suspended_member_keeps_its_row_and_is_spoken_for(room: Room) -> None:
    vendor = room.vendor.organisation
    room.do(room.cert, audience.suspend, organisation=vendor, reason="Its key is in doubt.")
    assert room.rows(room.cert)[vendor].suspended
    assert spoken_for(room)[vendor] == "suspended, is suspended"
    room.do(room.cert, relaying.assess_for, **told(room, vendor), assessment=DENIED)
    assert room.rows(room.grid)[vendor].stated == DENIED
    assert room.picture().asked == 3


def test_its_vote_is_counted_and_marked(room: Room) -> None:
    water = water_in(room)
    rule = DecisionRule(By.MAJORITY)
    decision = room.do(room.cert, deciding.ask, topic=Topic.START, question="Shall we?", rule=rule)
    room.do(
        room.cert,
        relaying.vote_for,
        decision,
        **told(room, water),
        option="no",
        dissent="Too soon.",
    )
    found = room.decisions(room.grid)[0]
    vote = next(one for one in found.votes if one.organisation == water)
    assert (vote.option, vote.relayed) == ("no", True)
    grid = told(room, room.grid.organisation)
    with pytest.raises(ConflictError, match="writes for itself"):
        room.do(room.cert, relaying.vote_for, decision, **grid, option="yes")
    with pytest.raises(NotFoundError, match="no such decision"):
        room.do(room.cert, relaying.vote_for, room.case, **told(room, water), option="yes")


def test_who_declines_by_telephone_is_out(room: Room) -> None:
    water = water_in(room, joins=False)
    assert spoken_for(room)[water] == "invited, has no node"
    room.do(room.cert, relaying.answer_for, **told(room, water), joins=False)
    assert water not in spoken_for(room)
    assert water not in room.rows(room.grid)


def test_nobody_but_the_coordinators_people_speaks_for_others(room: Room) -> None:
    water = water_in(room)
    given = {**told(room, water), "state": ResponseState.AFFECTED}
    with pytest.raises(ConflictError, match="only the coordinator"):
        room.do(room.grid, relaying.respond_for, **given)
    with pytest.raises(ForbiddenError):
        room.do(room.cert, relaying.respond_for, actor=AUDITOR, **given)
    assert spoken_for(room, room.grid) == {}
    assert spoken_for(room, actor=AUDITOR) == {}
    with room.cert.reading() as session:
        now = room.cert.now()
        with pytest.raises(ForbiddenError):
            relaying.get_spoken_for(session, AUDITOR, room.case, water, now=now)
        us = room.cert.organisation
        with pytest.raises(ConflictError, match="nothing is recorded"):
            relaying.get_spoken_for(session, CONSOLE, room.case, us, now=now)
    room.do(room.cert, relaying.respond_for, actor=HANDLER, **given)


def test_the_page_records_all_of_it(room: Room) -> None:
    client = signed_in(room.cert)
    page = client.get(f"/cases/{room.case}").get_data(as_text=True)
    assert "Invite one without a node" in page
    assert "Everybody here writes for itself." in page
    token = {"csrf_token": token_of(page)}
    absent = {"name": HOSTILE, "role": "affected", "contact": "+1 555", **token}
    assert client.post(f"/cases/{room.case}/absent", data=absent).status_code == 303
    (hostile,) = spoken_for(room)
    where = f"/cases/{room.case}/told/{hostile}"
    page = client.get(where).get_data(as_text=True)
    assert "All members read what you record here." in page
    assert "They take part" in page
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert client.post(f"{where}/answer", data={"joins": "yes", **token}).status_code == 303
    said = {"state": "affected", "text": HOSTILE, "informant": HOSTILE, **token}
    assert client.post(f"{where}/response", data=said).status_code == 303
    stated = {"danger": "possible", "systems_low": "3", "way": "in-person", **token}
    assert client.post(f"{where}/assessment", data=stated).status_code == 303
    page = client.get(f"/cases/{room.case}").get_data(as_text=True)
    assert "told by telephone, 20 Nov" in page
    assert "told in person, 20 Nov" in page
    assert "the coordinator’s word, not confirmed yet" in page
    assert HOSTILE not in page
    for bad in ({"state": "fine"}, {"state": "affected", "way": "pigeon"}, {"at": "soon"}):
        answer = client.post(f"{where}/response", data={**bad, **token})
        assert answer.status_code == 400
        assert "Record how far" in answer.get_data(as_text=True)
    future = {"state": "affected", "at": "2099-01-01 10:00", **token}
    answer = client.post(f"{where}/response", data=future)
    assert "lies in the future" in answer.get_data(as_text=True)
    assert client.get(f"/cases/{room.case}/told/identity--x").status_code == 404
    grid = f"/cases/{room.case}/told/{room.grid.organisation}"
    assert client.get(grid).status_code == 409


def test_api_and_command_do_the_same(room: Room) -> None:
    api, console = Api.of(room.cert), Console(room.cert)
    rail = water_in(room, joins=False, name="Rail")
    port = water_in(room, joins=False, name="Port")
    base = f"/cases/{room.case}"
    who = {"organisation": rail, "informant": "Kim"}
    assert api.post(f"{base}/told/answer", {**who, "joins": True}, status=201)["state"] == "history"
    api.post(f"{base}/told/response", {**who, "state": "contained"}, status=201)
    stated = {"assessment": {"danger": "none"}, "way": "message"}
    api.post(f"{base}/told/assessment", {**who, **stated}, status=201)
    console.run("case", "relay", "join", room.case, "Port")
    console.run("case", "relay", "respond", room.case, "Port", "affected", "--way", "e-mail")
    console.run("case", "relay", "assess", room.case, "Port", "--count", "ships=3-5")
    question = {"topic": "start-coordination", "question": "Shall we?"}
    decision = api.post(f"{base}/questions", question, status=201)["decision"]
    api.post(f"{base}/decisions/{decision}/told", {**who, "option": "yes"}, status=201)
    console.run("case", "relay", "vote", room.case, "Port", decision, "no", "--dissent", "Later.")
    room.settle()
    found = Api.of(room.grid).get(base)
    rows = {row["organisation"]: row for row in found["organisations"]}
    assert rows[rail]["response_told"]["way"] == "telephone"
    assert rows[rail]["assessment_told"]["way"] == "message"
    assert rows[port]["response_told"]["way"] == "e-mail"
    assert rows[port]["assessment"] == {"counts": {"ships": {"low": 3, "high": 5}}}
    assert rows[room.grid.organisation]["response_told"] is None
    votes = {one["organisation"]: one for one in found["decisions"][0]["votes"]}
    assert (votes[rail]["option"], votes[rail]["relayed"]) == ("yes", True)
    assert (votes[port]["option"], votes[port]["relayed"]) == ("no", True)
    assert {one["behalf"] for one in found["words"] if one["text"] == "Later."} == {"Port"}
    shown = console.run("case", "show", room.case).stdout
    assert "affected (told the coordinator)" in shown
    refused = console.run("case", "relay", "respond", room.case, "Grid", "affected", code=1)
    assert "writes for itself" in refused.stderr


def test_what_was_typed_is_not_lost_when_the_node_comes_back_meanwhile(room: Room) -> None:
    assert isinstance(room.cert.now, Clock)
    room.cert.now.advance(hours=3)
    assert room.grid.organisation in spoken_for(room)
    client = signed_in(room.cert, "typist")
    where = f"/cases/{room.case}/told/{room.grid.organisation}"
    page = client.get(where).get_data(as_text=True)
    assert "has a node that is silent" in page
    room.grid.note(room.case, "We are back.")
    room.settle()
    assert room.grid.organisation not in spoken_for(room)
    said = {"state": "affected", "text": "Half of the pumps stand.", "informant": "Jo"}
    answer = client.post(f"{where}/response", data={**said, "csrf_token": token_of(page)})
    assert answer.status_code in {403, 409}
    again = answer.get_data(as_text=True)
    assert "Nothing is recorded for Grid now." in again
    assert "What you typed is below and was not recorded" in again
    assert "Half of the pumps stand." in again
    assert room.rows(room.cert)[room.grid.organisation].response is None
    assert client.get(where).status_code == 409

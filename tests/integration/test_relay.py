"""Organisations without a node: told by telephone, recorded by the coordinator, confirmed later.

Source: lifecycles, 1, rule 6; protocol, 5 (*Relay*); issue 3, 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient

from federation.archive.verifying import verify_file
from federation.ledgers import rebuild
from hub.accounts import users
from hub.apply import VIEWS
from hub.channels import history, proofs, relay, service
from hub.channels.member_queries import visible_members
from hub.channels.relay import Told
from hub.channels.relay_records import RelayAnswer
from policies.acts import Act, ChannelKind
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from policies.roles import PersonRole
from sharing import stix
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

PASSWORD = "four words in a row"


@dataclass
class Story:
    """A case of a CERT and a grid operator; a water utility has a telephone and no node."""

    cert: RunningNode
    grid: RunningNode
    utility: RunningNode
    """The node that the utility gets later."""
    case: str
    water: str

    def told(self, **ago: float) -> Told:
        return Told("telephone", self.cert.now() - timedelta(**ago), "Jo, shift leader")

    def relay(self, act: Act, **more: Any) -> Any:
        given = {"organisation": self.water, "told": self.told(minutes=5), **more}
        return self.cert.does(relay.relay, self.case, act=act, **given)

    def entries(self, node: RunningNode) -> list[history.Entry]:
        with node.reading() as session:
            return history.visible_entries(session, CONSOLE, self.case)

    def newest(self, node: RunningNode) -> history.Entry:
        return self.entries(node)[0]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("relay")
    with running(folder, "CERT", "Grid", "Water") as (cert, grid, utility):
        case = cert.open("Pumps stand still", kind=ChannelKind.CASE)
        cert.invite(case, grid)
        settle(cert, grid)
        grid.join(case)
        settle(cert, grid)
        water = cert.does(
            relay.add_absent, case, name="Water Utility", roles=["affected"], contact="+1"
        )
        made = Story(cert, grid, utility, case, water)
        made.relay(Act.MEMBER_JOINED)
        settle(cert, grid)
        yield made


def test_it_joins_and_speaks_through_the_coordinator_and_is_never_shown_as_signing(
    story: Story,
) -> None:
    story.relay(Act.NOTE_ADDED, text="Both pumps stopped at 02:50.")
    settle(story.cert, story.grid)
    shown = story.newest(story.grid)
    assert shown.author_name == "CERT"
    assert shown.sentence.startswith("CERT, on behalf of Water Utility (by telephone, 20 Nov, ")
    assert "informed by Jo, shift leader), wrote a note" in shown.sentence
    assert shown.relayed is not None
    assert (shown.relayed.name, shown.relayed.answer) == ("Water Utility", RelayAnswer.NONE)
    note = next(item for item in shown.items if item.type == "note")
    assert note.text == "Both pumps stopped at 02:50."
    with story.grid.reading() as session:
        members = visible_members(
            session, CONSOLE, story.case, us=story.grid.organisation, now=story.grid.now()
        )
    row = next(one for one in members if one.organisation == story.water)
    assert (row.name, row.state, row.without_node, row.own_name) == (
        "Water Utility",
        "joined",
        True,
        None,
    )


def test_what_is_served_is_the_coordinators_own(story: Story) -> None:
    written = story.relay(Act.NOTE_ADDED, text="Still down.")
    assert written.entry is not None
    for one in written.entry.covered:
        assert one.stix is not None
        assert one.stix.value["created_by_ref"] == story.cert.organisation
    forged = stix.note(
        "I sign",
        about=[written.entry.state.identity],
        created_by=story.water,
        now=story.cert.now(),
        marking=written.entry.state.ceiling,
    )
    with pytest.raises(InvalidError, match="made out to be by somebody else"):
        story.relay(Act.NOTE_ADDED, objects=[forged])


def test_the_offline_proof_says_who_signed_and_for_whom(story: Story) -> None:
    with story.cert.reading() as session:
        us = story.cert.organisation
        export = proofs.get_export(session, CONSOLE, story.case, us=us, now=story.cert.now())
        file = BytesIO(b"".join(export.lines(session)))
    report = verify_file(file)
    assert not report.failures
    relayed = [line for line in report.history if line.on_behalf_of is not None]
    assert relayed
    assert {(line.author_name, line.on_behalf_of) for line in relayed} == {
        ("CERT", "Water Utility")
    }


def test_nobody_speaks_for_a_member_whose_node_can_write(story: Story) -> None:
    story.grid.note(story.case, "We are here.")
    settle(story.cert, story.grid)
    with pytest.raises(ConflictError, match="writes for itself"):
        story.relay(Act.NOTE_ADDED, organisation=story.grid.organisation, text="They say …")


def test_what_is_not_relayed_is_refused_by_its_reason(story: Story) -> None:
    with pytest.raises(InvalidError, match="not written for another"):
        story.relay(Act.OBJECT_RECALLED)
    with pytest.raises(InvalidError, match="write down what they said"):
        story.relay(Act.NOTE_ADDED)
    with pytest.raises(InvalidError, match="in the future"):
        story.relay(Act.NOTE_ADDED, text="x", told=story.told(hours=-1))
    with pytest.raises(InvalidError, match="came by one of"):
        story.relay(Act.NOTE_ADDED, text="x", told=Told("pigeon", story.cert.now()))
    with pytest.raises(NotFoundError, match="no part in this channel"):
        story.relay(Act.NOTE_ADDED, text="x", organisation=stix.new_id("identity"))
    body = {"on_behalf_of": {"organisation": story.water}}
    with pytest.raises(InvalidError, match="relayed, not written"):
        story.cert.does(service.write, story.case, Act.NOTE_ADDED, body, ())
    with pytest.raises(ConflictError, match="only the coordinator"):
        story.grid.does(
            relay.relay,
            story.case,
            organisation=story.water,
            act=Act.NOTE_ADDED,
            told=story.told(minutes=1),
            text="x",
        )


def test_who_was_invited_with_a_node_takes_part_from_there_alone_and_may_decline_by_telephone(
    story: Story,
) -> None:
    case = story.cert.open("Valves stand still", kind=ChannelKind.CASE)
    story.cert.invite(case, story.grid)
    given = {"organisation": story.grid.organisation, "told": story.told(), "text": "x"}
    for act in (Act.MEMBER_JOINED, Act.NOTE_ADDED):
        with pytest.raises(ConflictError, match="answer from there") as refused:
            story.cert.does(relay.relay, case, act=act, **given)
        assert "it takes that place" in (refused.value.hint or "")
    story.cert.does(relay.relay, case, act=Act.MEMBER_DECLINED, **given)


def test_an_organisation_that_must_not_be_named_is_a_number_to_the_others(story: Story) -> None:
    hidden = story.cert.does(
        relay.add_absent, story.case, name="Hospital X", roles=["affected"], shown=False
    )
    settle(story.cert, story.grid)
    rows = {}
    for node in (story.cert, story.grid):
        with node.reading() as session:
            members = visible_members(
                session, CONSOLE, story.case, us=node.organisation, now=node.now()
            )
        rows[node.name] = next(one for one in members if one.organisation == hidden)
    assert rows["Grid"].name == rows["CERT"].name == "Organisation 2"
    assert (rows["CERT"].own_name, rows["Grid"].own_name) == ("Hospital X", None)
    with story.grid.reading() as session:
        us = story.grid.organisation
        export = proofs.get_export(session, CONSOLE, story.case, us=us, now=story.grid.now())
        assert b"Hospital X" not in b"".join(export.lines(session))


def test_the_page_offers_it_and_says_it_is_not_signed(story: Story) -> None:
    client = signed_in(story.cert)
    page = client.get(f"/channels/{story.case}").get_data(as_text=True)
    assert "Record what somebody told you" in page
    assert f'<option value="{story.grid.organisation}">' not in page.split('id="told"')[1][:3000]
    form = {"csrf_token": token_of(page), "organisation": story.water, "act": "note.added"}
    form |= {"text": "Pressure is back.", "way": "telephone", "informant": "Jo", "at": ""}
    answer = client.post(f"/channels/{story.case}/told", data=form)
    assert answer.status_code == 303
    page = client.get(f"/channels/{story.case}").get_data(as_text=True)
    assert "on behalf of Water Utility (by telephone, 20 Nov" in page
    assert "Not signed by Water Utility, nor confirmed yet." in page
    wrong = client.post(f"/channels/{story.case}/told", data=form | {"way": "pigeon"})
    assert wrong.status_code == 400
    absent = {"csrf_token": token_of(page), "name": "Hospital Z", "role": "affected"}
    added = client.post(f"/channels/{story.case}/absent", data=absent | {"unnamed": "yes"})
    assert added.status_code == 303
    page = client.get(f"/channels/{story.case}").get_data(as_text=True)
    assert "To you alone: Hospital Z" in page


def test_api_and_command_do_the_same(story: Story) -> None:
    api = Api.of(story.cert)
    absent = {"channel": story.case, "name": "Rail", "roles": ["affected"]}
    rail = api.post("/relay/organisations", absent, status=201)["organisation"]
    told = {"channel": story.case, "organisation": rail, "act": "member.joined", "way": "message"}
    assert api.post("/relay/statements", told, status=201)["state"] == "history"
    newest = api.get(f"/channels/{story.case}/entries", limit=1)["items"][0]["relayed"]
    assert (newest["name"], newest["way"], newest["answer"]) == ("Rail", "message", "none")
    members = {
        one["organisation"]: one for one in api.get(f"/channels/{story.case}/members")["items"]
    }
    assert members[rail]["without_node"] is True
    console = Console(story.cert)
    line = ("channel", "relay", story.case, "Rail", "note.added", "--text", "Trains run.")
    written = console.asks(*line, "--way", "in-person", "--informant", "Kim")
    assert written["act"] == "note.added"
    refused = console.run(
        "channel", "relay", story.case, "Grid", "note.added", "--text", "x", code=1
    )
    assert "writes for itself" in refused.stderr
    place = f"{written['epoch']}/{written['seq']}"
    refused = console.run("channel", "confirm-relayed", story.case, place, code=1)
    assert "the organisation itself confirms" in refused.stderr
    console.run("channel", "confirm-relayed", story.case, "9/9", code=1)
    console.run("channel", "add-absent", story.case, "Port", "--role", "observer", "--unnamed")
    left = console.asks("channel", "relay", story.case, "Rail", "member.left", "--way", "e-mail")
    assert left["state"] == "history"


def test_with_a_node_of_its_own_it_takes_its_place_and_confirms_or_disputes(story: Story) -> None:
    cert, grid, water = story.cert, story.grid, story.utility
    said = [story.relay(Act.NOTE_ADDED, text=text) for text in ("Pump 1.", "Pump 2.")]
    hashes = [one.entry.acting.sha256 for one in said]
    invited = {"organisation": water.organisation, "roles": ["affected"], "replaces": story.water}
    cert.does(service.invite, story.case, **invited)
    settle(cert, water)
    water.join(story.case)
    settle(cert, grid, water)
    with pytest.raises(ForbiddenError, match="the organisation itself"):
        grid.does(relay.answer, story.case, hashes[0], confirms=True)
    with pytest.raises(NotFoundError, match="nothing of that hash"):
        water.does(relay.answer, story.case, "0" * 64, confirms=True)
    with water.reading() as session:
        waiting = relay.visible_unanswered(session, CONSOLE, water.organisation)
        assert set(hashes) <= {row.bundle for row in waiting}
    withheld = next(one for one in story.entries(water) if one.bundle == hashes[0])
    assert {item.absence for item in withheld.items} == {"withheld"}
    cert.does(relay.release_told, story.case, organisation=story.water)
    settle(cert, water)
    released = next(one for one in story.entries(water) if one.bundle == hashes[0])
    assert "Pump 1." in {item.text for item in released.items}
    water.does(relay.answer, story.case, hashes[0], confirms=True)
    water.does(relay.answer, story.case, hashes[1], confirms=False, why="It was pump 3.")
    settle(cert, grid, water)
    for node in (cert, grid, water):
        entries = {one.bundle: one.relayed for one in story.entries(node)}
        first, second = entries[hashes[0]], entries[hashes[1]]
        assert first is not None
        assert second is not None
        assert first.answer is RelayAnswer.CONFIRMED
        assert second.answer is RelayAnswer.DISPUTED
        assert first.is_ours is (node is water)
    state = grid.state(story.case)
    assert state.members[story.water].state == "left"
    assert state.members[water.organisation].is_joined
    for node in (cert, grid, water):
        with node.writing() as session:
            desk = node.office.desk(session)
            assert not rebuild.rebuild(session, desk, story.case, VIEWS).differences


def test_once_it_is_there_its_page_asks_whether_it_was_so(story: Story) -> None:
    """Runs last: the utility is a member with a node of its own by now."""
    client = signed_in(story.utility)
    today = client.get("/").get_data(as_text=True)
    assert "in your name in Pumps stand still" in today
    page = client.get(f"/channels/{story.case}").get_data(as_text=True)
    assert "So we said" in page
    with story.utility.reading() as session:
        waiting = relay.visible_unanswered(session, CONSOLE, story.utility.organisation)
        bundle = waiting[0].bundle
    where = f"/channels/{story.case}/told/{bundle}/confirmation"
    assert client.post(where, data={"csrf_token": token_of(page)}).status_code == 303
    settle(story.cert, story.utility)
    with story.utility.reading() as session:
        after = relay.visible_unanswered(session, CONSOLE, story.utility.organisation)
        assert bundle not in {row.bundle for row in after}
    api = Api.of(story.utility)
    verdict = {"channel": story.case, "bundle": bundle, "answer": "dispute", "why": "Mistaken."}
    assert api.post("/relay/answers", verdict, status=201)["state"] == "pending"


def signed_in(node: RunningNode, name: str = "mara") -> FlaskClient:
    with node.writing() as session:
        roles = [PersonRole.COORDINATOR]
        users.create_user(session, CONSOLE, name, roles=roles, password=PASSWORD, now=node.now())
    client = node.app.test_client()
    token = token_of(client.get("/sign-in").get_data(as_text=True))
    client.post("/sign-in", data={"name": name, "password": PASSWORD, "csrf_token": token})
    return client


def token_of(page: str) -> str:
    return page.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]

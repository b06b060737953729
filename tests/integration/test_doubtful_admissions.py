"""What an owner's stolen key merely admitted: the words are proven, time and order are not.

Source: protocol, 2; decision 17.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

import pytest

from federation.judging.doubt import DoubtError
from federation.ledgers import channels
from hub import own_keys
from hub.channels.history import visible_entries
from policies.acts import Act
from tests.integration.test_keys_in_life import pass_time, revoke, same_everywhere, shared_case
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.hostile_peer import csrf, signed_in
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

WHY = "the key that admitted it is revoked since "


@dataclass(frozen=True)
class Place:
    """Where the stolen key admitted something."""

    case: str
    before: str
    entry: str
    since: datetime


def stolen_from_owner(cert: RunningNode, grid: RunningNode, water: RunningNode) -> Place:
    """Have an owner's key, stolen already, admit a member's note; then it is revoked."""
    nodes = (cert, grid, water)
    case = shared_case(*nodes)
    grid.note(case, "before the theft")
    settle(*nodes)
    before = cert.state(case).head
    pass_time(cert, minutes=1)
    since = cert.now()
    grid.note(case, "held back for a while")
    settle(*nodes)
    head = cert.state(case).head
    with cert.reading() as session:
        key = cert.office.desk(session).key
    pass_time(cert, minutes=1)
    revoke(cert, key, since)
    settle(*nodes)
    same_everywhere(case, *nodes)
    return Place(case, f"{before.epoch}/{before.seq}", f"{head.epoch}/{head.seq}", since)


def doubts(node: RunningNode, channel: str) -> dict[str, tuple[bool, str | None]]:
    with node.reading() as session:
        entries = visible_entries(session, CONSOLE, channel)
    return {f"{e.epoch}/{e.seq}": (bool(e.doubtful), e.doubtful_admission) for e in entries}


def test_time_and_order_are_doubtful_everywhere_and_the_words_are_not(tmp_path: Path) -> None:
    with running(tmp_path, "Cert", "Grid", "Water") as nodes:
        cert, _, water = nodes
        place = stolen_from_owner(*nodes)
        for node in nodes:
            shown = doubts(node, place.case)
            doubtful, why = shown[place.entry]
            assert not doubtful
            assert str(why).startswith(WHY)
            assert shown[place.before] == (False, None)
            assert [one for one, (_, why) in shown.items() if why] == [place.entry]
        page = signed_in(water).get(f"/channels/{place.case}").text
        assert page.count("Time and order doubtful:") == 1
        assert "The words are Grid’s own and proven." in page
        assert "Somebody else than Cert may have let it in" in page
        rows = Api.of(water).get(f"/channels/{place.case}/entries")["items"]
        [row] = [row for row in rows if row["doubtful_admission"]]
        assert row["admitted_by"] == "Cert"
        assert row["doubtful"] is None
        # An auditor sees it with nothing but the file, in words and for machines.
        console, file = Console(water), tmp_path / "case.jsonl"
        console.run("channel", "export", place.case, file)
        said = json.loads(console.run("verify", file, "--json").stdout)
        assert said["holds"]
        marked = [one for one in said["history"] if one["doubtful_admission"]]
        assert [f"{one['epoch']}/{one['seq']}" for one in marked] == [place.entry]
        assert marked[0]["standing"] == "in effect"
        assert marked[0]["admitted_by"] == "Cert"
        text = console.run("verify", file).stdout
        assert text.count(f"in effect; time and order doubtful: {WHY}") == 1
        assert console.run("channel", "log", place.case).stdout.count("time and order") == 1
        # Nobody but its author could take the words away, and for the author nothing is in doubt.
        with cert.reading() as session:
            rows_of_ours = own_keys.visible_doubtful(session, cert.office, CONSOLE)
        assert [one.admission for one in rows_of_ours if one.entry.channel == place.case] == [True]


def test_an_admission_is_affirmed_and_never_disowned(tmp_path: Path) -> None:
    with running(tmp_path, "Cert", "Grid", "Water") as nodes:
        cert, grid, water = nodes
        place = stolen_from_owner(*nodes)
        console, browser, api = Console(cert), signed_in(cert), Api.of(cert)
        assert "Did they come like this? 1 entry that you took in" in browser.get("/").text
        [row] = [row for row in console.asks("node", "doubtful") if row["channel"] == place.case]
        assert row["entry"] == place.entry
        assert row["doubtful"] == "its admission"
        [item] = api.get("/keys/doubtful")["items"]
        assert item["admission"]
        bundle = item["entry"]["bundle"]
        # By command, by API, and as an act of its own: it is another's word.
        refused = console.run("node", "disown", place.case, place.entry, code=1)
        assert "its author’s own word and proven" in refused.stderr
        body = {"channel": place.case, "bundles": [bundle]}
        problem = api.post("/keys/disowning", body, status=HTTPStatus.BAD_REQUEST)
        assert "open the channel anew on an entry before it" in json.dumps(
            problem, ensure_ascii=False
        )
        with cert.reading() as session:
            described = [dict(cert.office.desk(session).node.newest.jws)]
        wrong = {"descriptors": described, "disowned": [bundle]}
        refusal = pytest.raises(DoubtError, match="is no act of its author’s in this ledger")
        with refusal, cert.writing() as session:
            desk = cert.office.desk(session)
            channels.write(
                *(session, desk, place.case, Act.NODE_DESCRIBED, wrong), by="alice", now=cert.now()
            )
        # Its people have asked the author: it stands rightly, and they are not asked again.
        page = browser.get("/administration/keys").text
        assert "Did they come like this?" in page
        assert "held back for a while" in page
        form = body | {"csrf_token": csrf(browser, "/administration/keys")}
        answer = browser.post("/administration/keys/affirming", data=form)
        assert answer.status_code == HTTPStatus.SEE_OTHER
        assert "Did they come like this?" not in browser.get("/administration/keys").text
        assert api.get("/keys/doubtful")["items"] == []
        settle(*nodes)
        # Everybody else goes on seeing it marked.
        assert str(doubts(water, place.case)[place.entry][1]).startswith(WHY)
        assert "held back for a while" in signed_in(grid).get(f"/channels/{place.case}").text


def test_an_owner_goes_back_to_before_and_the_authors_offer_again(tmp_path: Path) -> None:
    with running(tmp_path, "Cert", "Grid", "Water") as nodes:
        cert, _, water = nodes
        place = stolen_from_owner(*nodes)
        # A member revokes a key as well: going back to before that does not make it good again.
        with water.reading() as session:
            stolen = water.office.desk(session).key
        revoke(water, stolen, water.now())
        for _ in range(2):
            # What is not taken at once, because a token is asked for anew, is sent again.
            settle(*nodes)
            pass_time(cert, minutes=1)
        browser, where = signed_in(cert), f"/channels/{place.case}"
        assert f"{where}/repair" in browser.get("/administration/keys").text
        token = csrf(browser, f"{where}/repair")
        assert "Go back to it" in browser.get(f"{where}/repair").text
        form = {"csrf_token": token, "without_lost": "yes", "at": "the third"}
        answer = browser.post(f"{where}/reopening", data=form)
        assert answer.status_code == HTTPStatus.BAD_REQUEST
        answer = browser.post(f"{where}/reopening", data=form | {"at": "1/999"})
        assert "here is no entry 1/999" in answer.text
        answer = browser.post(f"{where}/reopening", data=form | {"at": place.before})
        assert answer.status_code == HTTPStatus.SEE_OTHER
        chains = cert.state(place.case).chains
        assert {node.name: chains[node.organisation][-1].version for node in (cert, water)} == {
            "Cert": 2,
            "Water": 2,
        }
        for _ in range(3):
            pass_time(cert, minutes=6)
            settle(*nodes)
        same_everywhere(place.case, *nodes)
        # The note stands again, admitted by a key that nobody has stolen.
        for node in nodes:
            assert node.state(place.case).head.epoch == 2
            assert [why for _, why in doubts(node, place.case).values() if why] == []
            assert "held back for a while" in signed_in(node, "bob").get(where).text
        assert Console(water).asks("channel", "verify", place.case)["holds"]

"""The keys of our own node by API and page: rotated, in doubt, disowned, known as ours; refused.

Source: protocol, 2; issue 3, item 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

import pytest
from sqlalchemy import select

from federation.ledgers.rebuild import rebuild
from hub import own_keys
from hub.apply import VIEWS
from hub.audit.records import AuditRecord
from policies.roles import PersonRole
from tests.kit.api import Api
from tests.kit.hostile_peer import csrf, signed_in
from tests.kit.nodes import CONSOLE, RunningNode, running

NOBODY = "0" * 64


@dataclass
class Doubtful:
    """A node with three notes in a case, two of which may be a thief's."""

    node: RunningNode
    case: str

    def bundles(self) -> list[str]:
        with self.node.reading() as session:
            rows = own_keys.visible_doubtful(session, self.node.office, CONSOLE)
            return [row.entry.bundle for row in rows]

    def said(self) -> list[str]:
        with self.node.reading() as session:
            return list(session.scalars(select(AuditRecord.action).order_by(AuditRecord.id)))


@pytest.fixture
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doubtful]:
    with running(tmp_path_factory.mktemp("node"), "Cert") as (cert,):
        case = cert.open()
        cert.note(case, "ours")
        since = cert.now()
        cert.note(case, "a lie")
        cert.note(case, "ours as well")
        with cert.writing() as session:
            own_keys.recover(
                session,
                cert.office,
                CONSOLE,
                recovery=cert.recovery,
                since=since,
                now=cert.now(),
            )
        yield Doubtful(cert, case)


def test_the_api_lists_what_is_in_doubt_and_takes_both_answers(doubtful: Doubtful) -> None:
    api = Api.of(doubtful.node)
    rows = api.get("/keys/doubtful")["items"]
    assert [row["entry"]["seq"] for row in rows] == [3, 2]
    assert all("revoked since" in row["why"] for row in rows)
    mine, lie = (row["entry"]["bundle"] for row in rows)
    answer = api.ask("POST", "/keys/disowning", {"channel": doubtful.case, "bundles": [lie]})
    assert answer.get_json() == {"channel": doubtful.case, "history": True}
    answer = api.ask("POST", "/keys/affirming", {"channel": doubtful.case, "bundles": [mine]})
    assert answer.status_code == HTTPStatus.OK
    assert api.get("/keys/doubtful")["items"] == []
    entries = api.get(f"/channels/{doubtful.case}/entries")["items"]
    shown = {one["seq"]: (bool(one["doubtful"]), one["disowned"]) for one in entries}
    assert (shown[1], shown[2], shown[3]) == ((False, False), (True, True), (True, False))
    assert [item["absence"] for one in entries if one["seq"] == 2 for item in one["items"]] == [
        "disowned"
    ]
    assert {"entry.disowned", "entry.affirmed", "node.recovered"} <= set(doubtful.said())
    # Made again from the ledger, it says the same.
    with doubtful.node.writing() as session:
        desk = doubtful.node.office.desk(session)
        assert rebuild(session, desk, doubtful.case, VIEWS).equal


def test_the_api_refuses_by_name(doubtful: Doubtful) -> None:
    api, handler = Api.of(doubtful.node), Api.of(doubtful.node, PersonRole.HANDLER)
    lie = doubtful.bundles()[1]
    for path in ("/keys/disowning", "/keys/affirming"):
        for bundles in ([], [NOBODY], ["x"]):
            answer = api.ask("POST", path, {"channel": doubtful.case, "bundles": bundles})
            assert answer.status_code == HTTPStatus.BAD_REQUEST, (path, bundles)
        answer = handler.ask("POST", path, {"channel": doubtful.case, "bundles": [lie]})
        assert answer.status_code == HTTPStatus.FORBIDDEN
    assert handler.ask("GET", "/keys/doubtful").status_code == HTTPStatus.FORBIDDEN
    assert handler.ask("POST", "/keys/rotation", {}).status_code == HTTPStatus.FORBIDDEN
    assert api.ask("POST", "/keys/rotation", {"uses": []}).status_code == HTTPStatus.BAD_REQUEST
    assert len(doubtful.bundles()) == 2


def test_keys_are_rotated_by_api_and_page(doubtful: Doubtful) -> None:
    api = Api.of(doubtful.node)
    answer = api.ask("POST", "/keys/rotation", {"uses": ["sign"]}).get_json()
    assert answer["node"]["descriptor_version"] == 3
    assert answer["node"]["key_state"]["standing"] == "rotated"
    assert answer["told"]["history"] == [doubtful.case]
    browser = signed_in(doubtful.node)
    form = {"csrf_token": csrf(browser, "/administration/keys")}
    answer = browser.post("/administration/keys/rotation", data=form)
    assert answer.status_code == HTTPStatus.SEE_OTHER
    assert api.get("/node")["descriptor_version"] == 4
    doubtful.node.note(doubtful.case, "by the newest key")


def test_the_page_asks_whether_it_was_us_and_takes_both_answers(doubtful: Doubtful) -> None:
    browser = signed_in(doubtful.node)
    assert "Was this you? 2 entries in your name" in browser.get("/").text
    mine, lie = doubtful.bundles()
    for path, bundle in (("affirming", mine), ("disowning", lie)):
        form = {
            "channel": doubtful.case,
            "bundles": [bundle],
            "csrf_token": csrf(browser, "/administration/keys"),
        }
        answer = browser.post(f"/administration/keys/{path}", data=form)
        assert answer.status_code == HTTPStatus.SEE_OTHER
    assert "Was this you?" not in browser.get("/").text
    assert "Was this you?" not in browser.get("/administration/keys").text
    channel = browser.get(f"/channels/{doubtful.case}").text
    assert "Not theirs:" in channel
    assert "a lie" not in channel
    assert "ours as well" in channel

"""Files at the edges: the console, the API and the pages take them in alike."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from hub.accounts import users
from hub.audit.records import AuditRecord
from policies.roles import PersonRole
from tests.integration.test_by_file import export, opened, outbox, replica
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

Nodes = tuple[RunningNode, RunningNode]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with running(tmp_path_factory.mktemp("nodes"), "CERT", "Grid") as (one, two):
        yield one, two


def signed_in(node: RunningNode, login: str, *roles: PersonRole) -> FlaskClient:
    with node.writing() as session:
        users.create_user(
            session, CONSOLE, login, roles=roles, password="four words in a row", now=node.now()
        )
    client = node.app.test_client()
    sent = {"name": login, "password": "four words in a row"}
    client.post("/sign-in", data=sent | {"csrf_token": token_in(client, "/sign-in")})
    return client


def token_in(client: FlaskClient, path: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return found[1]


def test_the_console_carries_a_channel_both_ways(nodes: Nodes, tmp_path: Path) -> None:
    cert, grid = (Console(node) for node in nodes)
    channel = opened(*nodes)
    cert.node.note(channel, "Relay 7.")
    grid.node.note(channel, "We look.")
    ledger, answers = tmp_path / "ledger.jsonl.gz", tmp_path / "answers.jsonl"
    cert.run("channel", "export", channel, ledger, "--for", "Grid")
    taken = grid.asks("import", ledger)
    assert (taken["what"], taken["standing"], taken["doubt"]) == ("export", "current", None)
    assert "nothing new" in grid.run("import", ledger).stdout
    assert grid.run("channel", "outbox", channel, answers).stdout.endswith("1 contributions\n")
    assert "alone prove nothing" in grid.run("verify", answers, code=1).stderr
    assert "note.added\tadmitted" in cert.run("import", "-", stdin=answers.read_bytes()).stdout
    assert "nothing of ours waits" in cert.run("channel", "outbox", channel, "-", code=1).stderr
    refused = cert.run("import", ledger, "--json", code=0)
    assert '"head"' in refused.stdout
    (tmp_path / "broken").write_bytes(ledger.read_bytes()[:-20])
    assert "malformed" in grid.run("import", tmp_path / "broken", code=1).stderr
    settle(*nodes)
    assert replica(nodes[0], channel) == replica(nodes[1], channel)


def test_the_api_takes_files_of_its_types_from_whoever_may(nodes: Nodes) -> None:
    cert, grid = nodes
    channel = opened(cert, grid)
    cert.note(channel, "By API.")
    data = export(cert, channel, grid)
    api = Api.of(grid)
    plain = {"Content-Type": "application/jsonl"}
    answer = api.ask("POST", "/channels/import", data=data, headers=plain)
    assert answer.status_code == 200
    assert (
        answer.get_json()["head"] == answer.get_json()["head"] != answer.get_json()["head_before"]
    )
    packed = {"Content-Type": "application/gzip"}
    again = api.ask("POST", "/channels/import", data=gzip.compress(data), headers=packed)
    assert again.get_json()["head_before"] == answer.get_json()["head"]
    # What it does not take: another type, too much, a file that does not hold, other people.
    assert api.ask("POST", "/channels/import", {}).status_code == 415
    large = b" " * (17 * 1024 * 1024)
    assert api.ask("POST", "/channels/import", data=large, headers=plain).status_code == 413
    broken = api.ask("POST", "/channels/import", data=data[:-9], headers=plain)
    assert (broken.status_code, broken.get_json()["field"]) == (409, "malformed")
    for role in (PersonRole.HANDLER, PersonRole.AUDITOR, PersonRole.LIAISON):
        given = Api.of(grid, role).ask("POST", "/channels/import", data=data, headers=plain)
        assert given.status_code == 403
    grid.note(channel, "And back.")
    waiting = api.ask("GET", f"/channels/{channel}/outbox")
    assert waiting.status_code == 200
    assert b'{"contribution":' in waiting.data
    taken = Api.of(cert).ask("POST", "/channels/import", data=waiting.data, headers=plain)
    (one,) = taken.get_json()["contributions"]
    assert (one["act"], one["admitted"], one["doubt"]) == ("note.added", True, None)
    settle(*nodes)
    api.get(f"/channels/{channel}/outbox", 409)
    with grid.reading() as session:
        actions = set(session.scalars(select(AuditRecord.action)))
    assert {"file.taken_in", "outbox.taken_away"} <= actions


def test_a_page_takes_a_file_in_and_gives_what_waits(nodes: Nodes) -> None:
    cert, grid = nodes
    channel = opened(cert, grid)
    cert.note(channel, "By browser.")
    grid.note(channel, "Carried by hand.")
    mara = signed_in(grid, "mara", PersonRole.COORDINATOR)
    assert "Take in a file" in mara.get("/channels").text

    def send(data: bytes) -> tuple[int, str]:
        form = {"csrf_token": token_in(mara, "/channels/import")}
        if data:
            form["file"] = (io.BytesIO(data), "ledger.jsonl")  # type: ignore[assignment]
        answer = mara.post("/channels/import", data=form, follow_redirects=True)
        return answer.status_code, answer.text

    assert send(b"")[0] == 400
    status, text = send(export(cert, channel)[:-5])
    assert status == 409
    assert "cut off" in text
    status, text = send(export(cert, channel))
    assert (status, "It was checked and taken in." in text) == (200, True)
    assert "By browser." in text
    assert "Take it to them by file" in text
    given = mara.get(f"/channels/{channel}/outbox").data
    assert given.splitlines()[1:] == outbox(grid, channel).splitlines()[1:]
    jonas = signed_in(grid, "jonas", PersonRole.HANDLER)
    assert jonas.get("/channels/import").status_code == 403
    assert "Take in a file" not in jonas.get("/channels").text
    settle(*nodes)

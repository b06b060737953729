"""Charters by `/api/v1/communities` and by `tocsin community charter`, on whole nodes.

Source: lifecycles, 7; domain, 8.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from policies.acts import ChannelKind
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.nodes import RunningNode, running, settle

Nodes = tuple[RunningNode, RunningNode]
NOWHERE = "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with running(tmp_path_factory.mktemp("charters_api"), "CERT", "Grid") as (cert, grid):
        yield cert, grid


@pytest.fixture
def community(nodes: Nodes) -> str:
    """Give the channel of a community of CERT's that Grid has joined."""
    cert, grid = nodes
    channel = cert.open(f"Circle {next(_numbers)}", kind=ChannelKind.COMMUNITY)
    cert.invite(channel, grid, "member")
    settle(*nodes)
    grid.join(channel)
    settle(*nodes)
    return channel


def says(nodes: Nodes, who: Api, path: str, body: Any = None, status: int = 201) -> Any:
    answer = who.post(f"/communities/{path}", body, status)
    settle(*nodes)
    return answer


def test_a_charter_by_the_api_from_its_proposal_to_its_end_by_vote(
    nodes: Nodes, community: str
) -> None:
    cert, grid = (Api.of(node) for node in nodes)
    terms = {
        "rules": {"start-coordination": {"by": "majority"}, "charter": {"by": "majority"}},
        "deputies": [{"organisation": nodes[1].organisation, "endorsements": 2}],
        "criteria": ["severity"],
        "reply_minutes": {"join": 120},
        "default_marking": "green",
        "widening": ["warnings"],
        "attribution": "sector",
    }
    proposed = says(nodes, cert, f"{community}/charters", {"text": "Early.", "terms": terms})
    version = f"{community}/charters/{proposed['charter']}"
    here = grid.get(f"/communities/{community}")
    one = here["charters"][0]
    assert (one["state"], one["text"], one["lacks"]) == ("proposed", "Early.", one["lacks"])
    assert "1 of 2 have accepted" in one["lacks"]
    assert one["terms"]["rules"]["charter"] == {"by": "majority", "quorum": 0}
    assert {row["name"]: row["answer"] for row in one["answers"]} == {
        "CERT": "accepted",
        "Grid": None,
    }
    assert says(nodes, grid, f"{version}/refusal", {}, 400)["field"] == "json.reason"
    says(nodes, grid, f"{version}/refusal", {"reason": "Too soon."})
    assert says(nodes, grid, f"{version}/acceptance")["state"] == "pending"
    assert says(nodes, cert, f"{version}/force")["act"] == "charter.in_force"
    opened = cert.post(
        "/cases", {"title": "Update", "text": "It calls home.", "community": community}
    )
    assert opened["basis"]["community"] == community
    assert opened["basis"]["took_over"]["criteria"] == ["severity"]
    assert [row["criterion"] for row in opened["criteria"] if row["counts"]] == ["severity"]
    ended = says(nodes, cert, f"{community}/ending", {"reason": "Shall we part?"})
    assert ended["state"] == "asked"
    asked = grid.get(f"/communities/{community}")["decisions"][0]
    decision = f"{community}/decisions/{asked['decision']}"
    for api in (cert, grid):
        says(nodes, api, f"{decision}/votes", {"option": "yes"})
    says(nodes, cert, f"{decision}/outcome", {"outcome": "yes"})
    assert grid.get(f"/communities/{community}")["charters"][0]["state"] == "ended"
    rows = grid.get("/communities")["items"]
    assert community in {row["channel"] for row in rows}


def test_strangers_and_what_is_not_there_are_not_found(nodes: Nodes, community: str) -> None:
    cert, grid = (Api.of(node) for node in nodes)
    inner = nodes[0].open("Inner circle", kind=ChannelKind.COMMUNITY)
    for place in (inner, NOWHERE):
        assert grid.get(f"/communities/{place}", 404)["status"] == 404
        says(nodes, grid, f"{place}/charters", {"text": "Ours."}, 404)
    missing = f"{community}/charters/note--{NOWHERE}"
    says(nodes, cert, f"{missing}/acceptance", status=404)
    says(nodes, cert, f"{missing}/withdrawal", {"reason": "Gone."}, 404)
    says(nodes, cert, f"{community}/ending", {"reason": "Why not."}, 409)
    case = nodes[0].open("A case is no community")
    assert cert.get(f"/communities/{case}", 404)["status"] == 404


def test_who_joins_by_the_api_accepts_with_the_same_act(nodes: Nodes) -> None:
    cert, grid = (Api.of(node) for node in nodes)
    channel = nodes[0].open(f"Circle {next(_numbers)}", kind=ChannelKind.COMMUNITY)
    proposed = says(nodes, cert, f"{channel}/charters", {"text": "Early, and without blame."})
    says(nodes, cert, f"{channel}/charters/{proposed['charter']}/force")
    nodes[0].invite(channel, nodes[1], "member")
    settle(*nodes)
    rows = grid.get("/invitations")["items"]
    invitation = next(row for row in rows if row["channel"] == channel)
    assert invitation["charter_text"] == "Early, and without blame."
    grid.post(f"/invitations/{channel}/answer", {"answer": "join", "accept_charter": True}, 201)
    settle(*nodes)
    answers = cert.get(f"/communities/{channel}")["charters"][0]["answers"]
    assert {row["name"]: row["answer"] for row in answers} == {
        "CERT": "accepted",
        "Grid": "accepted",
    }


def test_a_charter_at_the_console(nodes: Nodes, community: str, tmp_path: Path) -> None:
    cert, grid = (Console(node) for node in nodes)
    words, terms = tmp_path / "charter.txt", tmp_path / "terms.json"
    words.write_text("We tell each other early.\x1b[2J")
    terms.write_text('{"rules": {"close": {"by": "unanimity"}}}')
    proposing = ("community", "charter", "propose", community, words, "--terms")
    (tmp_path / "wrong.json").write_text('{"rules": {"close": {"by": "lot"}}}')
    assert "rules.close.by" in cert.run(*proposing, tmp_path / "wrong.json", code=1).stderr
    cert.run(*proposing, terms)
    settle(*nodes)
    name = next(row["name"] for row in grid.asks("community", "list") if row["proposed"])
    for verb, more in (("decline", ("--reason", "Too soon.")), ("accept", ())):
        line = grid.run("community", "charter", verb, name, "proposed", *more).stdout
        assert (
            line.strip()
            == f"charter.{verb}{'d' if verb == 'decline' else 'ed'} waits in the outbox"
        )
        settle(*nodes)
    cert.run("community", "charter", "put-in-force", name, "proposed")
    settle(*nodes)
    shown = grid.run("community", "charter", "show", name).stdout
    assert "in force: note--" in shown
    assert "\x1b" not in shown
    case = cert.run("case", "open", "Update", "--community", name).stdout.strip()
    basis = cert.asks("case", "show", case)["basis"]
    assert basis["took_over"] == {"rules": {"close": {"by": "unanimity"}}}
    other = cert.run("case", "open", "Ours", "--no-charter", "It is ours alone.").stdout.strip()
    assert cert.asks("case", "show", other)["basis"]["why_none"] == "It is ours alone."
    assert "no community" in cert.run("case", "open", "X", "--community", "Nobody", code=1).stderr
    ended = cert.run("community", "charter", "end", name, "--reason", "We part.").stdout
    assert ended.strip() == "the charter has ended"


def test_what_was_told_by_telephone_at_the_console(nodes: Nodes, community: str) -> None:
    cert = Console(nodes[0])
    cert.run("channel", "add-absent", community, "Water Utility", "--role", "member")
    joined = ("channel", "relay", community, "Water Utility", "member.joined")
    cert.run(*joined, "--way", "telephone")
    proposed = cert.run("community", "charter", "propose", community, "-", stdin="Early.")
    version = proposed.stdout.strip()
    told = ("community", "charter", "told", community, version, "Water Utility")
    assert "why they decline" in cert.run(*told, "declined", code=1).stderr
    cert.run(*told, "declined", "--text", "Our board has to see it.")
    answers = cert.asks("community", "charter", "show", community)["charters"][0]["answers"]
    water = next(row for row in answers if row["relayed"])
    assert (water["answer"], water["reason"]) == ("declined", "Our board has to see it.")
    cert.run("community", "charter", "withdraw", community, version, "--reason", "Not yet.")
    shown = cert.asks("community", "charter", "show", community)["charters"][0]
    assert (shown["state"], shown["reason"]) == ("withdrawn", "Not yet.")

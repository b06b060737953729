"""What a case has to do with others, by `/api/v1` and by `tocsin case`, on three nodes.

Source: lifecycles, 4; protocol, 5.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.nodes import RunningNode, running, settle

FOREIGN: Final = "incident--7d8f1c1e-0f7b-4a6f-9a51-0a3f6f0d7c11"
NOWHERE: Final = "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"
Nodes = tuple[RunningNode, RunningNode, RunningNode]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with running(tmp_path_factory.mktemp("relations"), "CERT", "Grid", "Vendor") as (a, b, c):
        yield a, b, c


def opened(nodes: Nodes, title: str, *members: RunningNode) -> str:
    channel = str(Api.of(nodes[0]).post("/cases", {"title": title, "text": "Seen."})["channel"])
    for node in members:
        nodes[0].invite(channel, node)
    settle(*nodes)
    for node in members:
        node.join(channel)
    settle(*nodes)
    return channel


def test_programs_name_merge_and_break_out(nodes: Nodes) -> None:
    cert, grid, vendor = (Api.of(node) for node in nodes)
    here, into = opened(nodes, "Small", *nodes[1:]), opened(nodes, "Zebra", nodes[1])
    cert.post(f"/cases/{here}/links", {"other": into, "relation": "duplicate"}, 201)
    cert.post(f"/cases/{here}/links", {"other": FOREIGN}, 201)
    room = cert.post(
        f"/cases/{here}/breakouts",
        {"title": "Quince", "members": [grid.node.organisation], "tlp": "amber"},
        201,
    )
    settle(*nodes)
    grid.node.join(room["channel"])
    settle(*nodes)
    seen = grid.get(f"/cases/{here}/relations")
    assert [(one["title"], one["reference"]) for one in seen["cases"]] == [
        ("Zebra", None),
        (None, FOREIGN),
    ]
    assert [one["name"] for one in seen["breakouts"]] == ["Quince"]
    assert grid.get(f"/cases/{room['channel']}/relations")["parent"] == here
    told = vendor.get(f"/cases/{here}/relations")
    assert told["breakouts"] == []
    assert [one["title"] for one in told["cases"]] == [None, None]
    assert "Zebra" not in json.dumps(told)
    plan = cert.get(f"/cases/{here}/merger", into=into)
    assert (plan["there"], [one["name"] for one in plan["guests"]]) == (["Grid"], ["Vendor"])
    cert.post(f"/cases/{here}/merger", {"into": into}, 201)
    settle(*nodes)
    assert vendor.get(f"/cases/{here}")["state"] == "merged"
    (ahead, *_) = vendor.get(f"/cases/{here}/relations")["cases"]
    assert (ahead["tie"], ahead["title"], ahead["invited"]) == ("goes-on-in", None, True)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("links", {"other": NOWHERE}, 404),
        ("links", {"other": "incident--x"}, 400),
        ("links", {"other": FOREIGN, "relation": "cousin"}, 400),
        ("merger", {"into": NOWHERE}, 404),
        ("breakouts", {"title": "No", "members": [f"identity--{NOWHERE}"]}, 404),
        ("breakouts", {"title": "No", "members": []}, 400),
    ],
)
def test_programs_are_refused_with_a_reason(
    nodes: Nodes, path: str, body: dict[str, Any], status: int
) -> None:
    cert, _, vendor = (Api.of(node) for node in nodes)
    here = opened(nodes, "One")
    assert cert.post(f"/cases/{here}/{path}", body, status)["title"]
    # Whoever has no part in the case finds none, whatever is asked.
    vendor.post(f"/cases/{here}/links", {"other": FOREIGN}, 404)


def test_strangers_find_no_relations(nodes: Nodes) -> None:
    _, _, vendor = (Api.of(node) for node in nodes)
    here = opened(nodes, "One", nodes[1])
    vendor.get(f"/cases/{here}/relations", 404)
    vendor.get(f"/cases/{here}/merger", 404, into=here)


def test_the_console_does_the_same(nodes: Nodes) -> None:
    cert, grid = Console(nodes[0]), Console(nodes[1])
    here, into = opened(nodes, "Console small", nodes[1]), opened(nodes, "Console large", nodes[1])
    cert.run("case", "link", "Console small", "Console large", "--relation", "led-to")
    cert.run("case", "link", here, FOREIGN, "--reason", "See theirs.")
    room = cert.run("case", "breakout", here, "Console inner", "--with", "Grid").stdout.strip()
    settle(*nodes)
    rows = json.loads(grid.run("case", "related", here, "--json").stdout)
    assert [(one["tie"], one["relation"]) for one in rows] == [
        ("names", "led-to"),
        ("names", "related"),
    ]
    nodes[1].join(room)
    look = cert.run("case", "merge", here, into, "--look").stdout
    assert "there already     Grid" in look
    cert.run("case", "merge", here, into, "--reason", "One incident.")
    settle(*nodes)
    rows = json.loads(grid.run("case", "related", into, "--json").stdout)
    assert {one["tie"] for one in rows} == {"takes-in", "named-by"}

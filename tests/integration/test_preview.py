"""“Who will see this?” for programs, at the console, and for forms that are played through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import func, select

from federation.ledgers.ledger_records import ContributionRecord, EntryRecord
from federation.work.records import ErrandRecord
from hub.audit.records import AuditRecord
from hub.cases import course, own_words
from hub.channels import service
from hub.channels.preview import Sight, rehearse
from hub.channels.preview_words import later_words, summary
from policies.acts import Act, ChannelKind
from policies.assessment import ResponseState
from policies.errors import ForbiddenError
from policies.preview import Inside, Reads
from policies.roles import PersonRole
from policies.tlp import TLP
from sharing.db import after_commit
from tests.integration.test_api_channels import INDICATOR, NOWHERE
from tests.kit.api import Api
from tests.kit.console import Console
from tests.kit.nodes import RunningNode, running, settle

Nodes = tuple[RunningNode, RunningNode, RunningNode]
KEPT: Final = (EntryRecord, ContributionRecord, ErrandRecord, AuditRecord)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with running(tmp_path_factory.mktemp("nodes"), "CERT", "Grid", "Vendor") as (a, b, c):
        yield a, b, c


@pytest.fixture(scope="module")
def case(nodes: Nodes) -> str:
    """Give a case in which Grid has joined, Vendor is invited and the coordinator is CERT."""
    cert, grid, vendor = nodes
    channel = str(cert.does(course.open_case, title="3CX", text="A signed client."))
    cert.invite(channel, grid)
    cert.invite(channel, vendor, "supplier")
    settle(*nodes)
    grid.join(channel)
    settle(*nodes)
    return channel


def counts(node: RunningNode) -> list[int]:
    with node.reading() as session:
        return [session.scalar(select(func.count()).select_from(kind)) or 0 for kind in KEPT]


def reads(sight: Any) -> dict[str, str]:
    return {one["name"]: one["reads"] for one in sight["readers"]}


def rehearsed(node: RunningNode, use_case: Any, *args: Any, **given: Any) -> list[Sight]:
    before = counts(node)
    with node.app.app_context():
        sights = rehearse(lambda: node.does(use_case, *args, **given))
    assert counts(node) == before
    return list(sights)


def test_a_program_asks_who_reads_and_nothing_is_written(nodes: Nodes, case: str) -> None:
    api = Api.of(nodes[0])
    before = counts(nodes[0])
    told = api.post(f"/channels/{case}/preview", {"act": "note.added", "tlp": "amber"}, 200)
    assert reads(told) == {"CERT": "all", "Grid": "all", "Vendor": "nothing"}
    assert told["sentence"] == "Goes to Grid; 1 gets it withheld."
    assert told["later_members"] == "nothing"
    (vendor,) = [one for one in told["readers"] if one["name"] == "Vendor"]
    assert vendor["reason"].startswith("invited; reads once it has joined, but not this")
    assert counts(nodes[0])[:3] == before[:3]


@pytest.mark.parametrize(
    ("asked", "later", "refused"),
    [
        ({"act": "note.added", "tlp": "green"}, "all", None),
        ({"act": "note.added", "tlp": "amber", "later_members": True}, "all", None),
        ({"act": "intel.shared", "objects": [INDICATOR]}, "all", None),
        ({"act": "note.added", "tlp": "red"}, None, "it is TLP:RED; this channel goes up to"),
    ],
)
def test_a_label_a_word_and_objects_change_who_reads(
    nodes: Nodes, case: str, asked: dict[str, Any], later: str | None, refused: str | None
) -> None:
    told = Api.of(nodes[0]).post(f"/channels/{case}/preview", asked, 200)
    assert told["later_members"] == later
    if refused is None:
        assert told["refusal"] is None
    else:
        assert refused in told["refusal"]
        assert set(reads(told).values()) == {"nothing"}


def test_objects_are_named_by_type_and_label(nodes: Nodes, case: str) -> None:
    asked = {"act": "intel.shared", "objects": [INDICATOR]}
    told = Api.of(nodes[0]).post(f"/channels/{case}/preview", asked, 200)
    assert told["contents"] == [{"type": "indicator", "tlp": "green", "count": 1}]


def test_who_may_not_know_of_a_channel_is_told_nothing_of_it(nodes: Nodes, case: str) -> None:
    api = Api.of(nodes[0])
    assert api.post(f"/channels/{NOWHERE}/preview", {"act": "note.added"}, 404)
    assert Api.of(nodes[2]).post(f"/channels/{case}/preview", {"act": "note.added"}, 404)


def test_the_console_shows_the_same(nodes: Nodes, case: str) -> None:
    cert = Console(nodes[0])
    shown = cert.run("channel", "preview", case, "--tlp", "amber").stdout
    assert "Goes to Grid; 1 gets it withheld." in shown
    assert "invited; reads once it has joined" in shown
    asked = {"act": "note.added", "tlp": "amber", "later_members": True}
    by_api = Api.of(nodes[0]).post(f"/channels/{case}/preview", asked, 200)
    assert cert.asks("channel", "preview", case, "--tlp", "amber", "--later-members") == by_api


def test_an_object_at_the_console_is_looked_at(nodes: Nodes, case: str, tmp_path: Path) -> None:
    file = tmp_path / "note.json"
    file.write_text('{"type": "note"}', "utf-8")
    refused = Console(nodes[0]).run("channel", "preview", case, "--object", file, code=1)
    assert str(file) in refused.stderr


def test_a_form_is_played_through_as_it_would_be_written(nodes: Nodes, case: str) -> None:
    cert, grid, _ = nodes
    for node in (cert, grid):
        (sight,) = rehearsed(node, service.add_note, case, text="Isolated.", tlp=TLP.GREEN)
        assert sight.channel == case
        assert dict(sight.contents) == {("note", TLP.GREEN): 1}
        assert {one.name for one in sight.readers if one.gets_it} == {"CERT", "Grid"}
        assert sight.later is Reads.ALL


def test_what_is_said_alone_is_seen_to_go_through_the_direct_channel(
    nodes: Nodes, case: str
) -> None:
    _, grid, _ = nodes
    (sight,) = rehearsed(
        grid,
        own_words.respond,
        case,
        state=ResponseState.AFFECTED,
        text="The dispatch system is down.",
        alone=True,
    )
    assert (sight.kind, sight.act) == (ChannelKind.DIRECT, Act.RESPONSE_REPORTED)
    assert sight.inside is Inside.HANDLERS
    assert {one.name for one in sight.readers} == {"CERT", "Grid"}
    assert "coordinators and handlers alone" in summary(sight)
    assert later_words(sight) == "Nobody joins here later."


def test_what_would_be_refused_is_refused_and_nothing_is_kept(nodes: Nodes, case: str) -> None:
    cert = nodes[0]
    with pytest.raises(ForbiddenError, match="TLP:RED"):
        rehearsed(cert, service.add_note, case, text="Named.", tlp=TLP.RED)
    before = counts(cert)
    with cert.app.app_context(), pytest.raises(ForbiddenError):
        rehearse(lambda: cert.does(service.add_note, case, text="No.", tlp=TLP.RED))
    assert counts(cert) == before


def test_no_hook_runs_after_what_was_only_played_through(nodes: Nodes) -> None:
    ran: list[str] = []

    def hooked() -> None:
        with nodes[0].writing() as session:
            after_commit(session, lambda: ran.append("after"))

    with nodes[0].app.app_context():
        rehearse(hooked)
        assert ran == []
        hooked()
    assert ran == ["after"]


def test_a_suspended_member_and_one_without_a_node_are_told_apart(nodes: Nodes) -> None:
    cert, grid, _ = nodes
    api = Api.of(cert, PersonRole.COORDINATOR)
    channel = str(cert.open("A node in doubt"))
    cert.invite(channel, grid)
    settle(*nodes)
    grid.join(channel)
    settle(*nodes)
    body = {"channel": channel, "organisation": grid.organisation, "reason": "Key in doubt."}
    api.post("/audience/suspensions", body)
    told = api.post(f"/channels/{channel}/preview", {"act": "note.added"}, 200)
    (one,) = [one for one in told["readers"] if one["name"] == "Grid"]
    assert one["reads"] == "nothing"
    assert one["reason"].startswith("suspended; reads again once taken back, but not this")
    assert told["sentence"] == "Nobody but you reads it so far; 1 gets it withheld."

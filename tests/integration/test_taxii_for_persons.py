"""What a person's tool reads of a channel over TAXII: as on the pages, and written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from federation.ledgers import channels
from hub.accounts import tokens, users
from hub.accounts.actor import TokenScope
from hub.audit.records import AuditRecord
from policies.acts import Act, ChannelKind
from policies.roles import PersonRole
from policies.tlp import TLP
from sharing.taxii.resources import TAXII_21
from tests.integration.test_crooked_members import direct_channel
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

Pair = tuple[RunningNode, RunningNode]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Pair]:
    with running(tmp_path, "CERT", "Grid") as (cert, grid):
        yield cert, grid


def token_of(node: RunningNode, role: PersonRole) -> dict[str, str]:
    with node.writing() as session:
        user, _ = users.create_user(
            session, CONSOLE, role.value, roles=(role,), password=None, now=node.now()
        )
        _, secret = tokens.create_token(
            session,
            CONSOLE,
            "tool",
            scopes=(TokenScope.READ,),
            now=node.now(),
            user_id=user.id,
        )
    return {"Authorization": f"Bearer {secret}", "Accept": TAXII_21}


def notes(node: RunningNode, channel: str, headers: dict[str, str]) -> list[str]:
    path = f"/taxii2/channels/collections/{channel}/objects/?match[type]=note"
    answer = node.app.test_client().get(path, headers=headers)
    assert answer.status_code == 200, answer.data
    document: dict[str, Any] = answer.get_json(force=True)
    return [one["content"] for one in document.get("objects", [])]


def test_what_is_red_is_for_coordinators_and_handlers(nodes: Pair) -> None:
    cert, grid = nodes
    channel = direct_channel(cert, cert)
    cert.note(channel, "for your eyes", TLP.RED)
    cert.note(channel, "for your people", TLP.AMBER)
    settle(*nodes)
    assert notes(grid, channel, token_of(grid, PersonRole.HANDLER)) == [
        "for your eyes",
        "for your people",
    ]
    for role in (PersonRole.LIAISON, PersonRole.AUDITOR, PersonRole.ADMINISTRATOR):
        assert notes(grid, channel, token_of(grid, role)) == ["for your people"]


def test_what_was_told_alone_is_for_coordinators_and_handlers(nodes: Pair) -> None:
    cert, grid = nodes
    channel = direct_channel(cert, grid)
    auditor, handler = (token_of(cert, role) for role in (PersonRole.AUDITOR, PersonRole.HANDLER))
    case = cert.open(kind=ChannelKind.CASE)
    path = f"/taxii2/channels/collections/{channel}/"
    answers = cert.app.test_client()
    settle(*nodes)
    assert answers.get(path, headers=auditor).status_code == 200
    with grid.writing() as session:
        desk, body = grid.office.desk(session), {"case": case, "state": "affected"}
        channels.write(
            session, desk, channel, Act.RESPONSE_REPORTED, body, (), by="kim", now=grid.now()
        )
    settle(*nodes)
    rest = ("", "manifest/", "objects/", "objects/?match[type]=signed-bundle")
    assert {answers.get(path + one, headers=auditor).status_code for one in rest} == {404}
    assert {answers.get(path + one, headers=handler).status_code for one in rest} == {200}
    listed = answers.get("/taxii2/channels/collections/", headers=auditor).get_json(force=True)
    assert channel not in {one["id"] for one in listed["collections"]}
    assert case in {one["id"] for one in listed["collections"]}
    # On the node that said it, it is no secret.
    assert (
        grid.app.test_client().get(path, headers=token_of(grid, PersonRole.AUDITOR)).status_code
        == 200
    )


def test_reading_by_a_tool_is_written_down(nodes: Pair) -> None:
    cert, grid = nodes
    channel = direct_channel(cert, cert)
    notes(cert, channel, token_of(cert, PersonRole.LIAISON))
    with cert.reading() as session:
        read = session.scalars(select(AuditRecord).where(AuditRecord.action == "channel.read"))
        assert [(row.actor_name, row.subject) for row in read] == [("liaison", channel)]
    assert grid.channel(channel).seq == 0

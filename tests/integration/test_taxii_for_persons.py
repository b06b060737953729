"""What a person's tool reads of a channel over TAXII: as on the pages, and written down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.accounts import tokens, users
from hub.accounts.actor import TokenScope
from hub.audit.records import AuditRecord
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


def test_reading_by_a_tool_is_written_down(nodes: Pair) -> None:
    cert, grid = nodes
    channel = direct_channel(cert, cert)
    notes(cert, channel, token_of(cert, PersonRole.LIAISON))
    with cert.reading() as session:
        read = session.scalars(select(AuditRecord).where(AuditRecord.action == "channel.read"))
        assert [(row.actor_name, row.subject) for row in read] == [("liaison", channel)]
    assert grid.channel(channel).seq == 0

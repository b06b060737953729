"""Several partners are invited into a case at once: all, or none.

Source: lifecycles, 1 (rule 7) and 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from hub.accounts.actor import Actor, Via
from hub.cases import course
from hub.channels import inviting
from hub.channels.member_queries import visible_members
from policies.errors import ForbiddenError, InvalidError, NotFoundError
from policies.roles import PersonRole
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

Trio = tuple[RunningNode, RunningNode, RunningNode]
HANDLER = Actor("h", "hana", frozenset({PersonRole.HANDLER}), Via.SESSION)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trio]:
    with running(tmp_path_factory.mktemp("inviting"), "CERT", "Grid", "Vendor") as (
        cert,
        grid,
        vendor,
    ):
        settle(cert, grid, vendor)
        yield cert, grid, vendor


@pytest.fixture
def case(nodes: Trio) -> str:
    cert = nodes[0]
    with cert.writing() as session:
        desk = cert.office.desk(session)
        return course.open_case(
            session, desk, CONSOLE, title="Trojanised update", text="It loads.", now=cert.now()
        )


def invite(cert: RunningNode, case: str, *organisations: str, actor: Actor = CONSOLE) -> int:
    with cert.writing() as session:
        return len(
            inviting.invite_several(
                session,
                cert.office.desk(session),
                actor,
                case,
                organisations=organisations,
                roles=["affected"],
                reason="You run the client.",
                reply_within=timedelta(hours=4),
                now=cert.now(),
            )
        )


def candidates(cert: RunningNode, case: str, actor: Actor = CONSOLE) -> list[str]:
    with cert.reading() as session:
        return [one.name for one in inviting.visible_candidates(session, actor, case)]


def states(cert: RunningNode, case: str) -> dict[str, str]:
    with cert.reading() as session:
        rows = visible_members(session, CONSOLE, case, us=cert.organisation, now=cert.now())
        return {row.organisation: row.state for row in rows}


def test_several_are_invited_with_one_reason_and_one_time(nodes: Trio, case: str) -> None:
    cert, grid, vendor = nodes
    assert candidates(cert, case) == ["Grid", "Vendor"]
    twice = grid.organisation
    assert invite(cert, case, grid.organisation, vendor.organisation, twice) == 2
    assert candidates(cert, case) == []
    assert states(cert, case)[vendor.organisation] == "invited"
    settle(*nodes)
    for node in (grid, vendor):
        node.join(case)
    settle(*nodes)
    assert set(states(cert, case).values()) == {"joined"}


def test_who_cannot_be_invited_keeps_all_from_being_invited(nodes: Trio, case: str) -> None:
    cert, grid, _ = nodes
    with pytest.raises(NotFoundError):
        invite(cert, case, grid.organisation, f"identity--{uuid4()}")
    assert candidates(cert, case) == ["Grid", "Vendor"]
    assert grid.organisation not in states(cert, case)


def test_somebody_is_invited_and_by_who_may(nodes: Trio, case: str) -> None:
    cert, grid, _ = nodes
    with pytest.raises(InvalidError, match="say who"):
        invite(cert, case)
    with pytest.raises(InvalidError, match="at once"):
        invite(cert, case, *(f"identity--{uuid4()}" for _ in range(101)))
    with pytest.raises(ForbiddenError):
        invite(cert, case, grid.organisation, actor=HANDLER)
    assert candidates(cert, case, HANDLER) == []

"""Pairing by programs: real nodes, real HTTP between them, nothing but `/api/v1/partners`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.accounts.actor import TokenScope
from hub.audit.records import AuditRecord
from policies.roles import PersonRole
from tests.kit.api import Api
from tests.kit.console import strangers
from tests.kit.nodes import settle


@pytest.fixture
def apis(tmp_path: Path) -> Iterator[tuple[Api, Api]]:
    with strangers(tmp_path, "CERT", "Grid") as (cert, grid):
        yield Api.of(cert), Api.of(grid)


def met(cert: Api, grid: Api) -> str:
    """Have an invitation answered; give where each finds the other."""
    line = cert.post("/partners/invitations", {"note": "for the grid"})["line"]
    return str(grid.post("/partners/accept", {"line": line})["organisation"])


def test_two_organisations_pair_and_part(apis: tuple[Api, Api]) -> None:
    cert, grid = apis
    assert cert.get("/partners")["items"] == []
    made = cert.post("/partners/invitations", {})
    assert made["expires_at"].startswith("2026-11-23T10:00:")
    response = grid.ask("POST", "/partners/accept", {"line": made["line"]})
    assert response.status_code == 201
    ours, theirs = f"/partners/{cert.node.organisation}", f"/partners/{grid.node.organisation}"
    assert response.headers["Location"] == f"/api/v1{ours}"
    phrase = response.get_json()["phrase"]
    assert cert.get(theirs)["phrase"] == phrase
    (given,) = cert.get("/partners/invitations")["items"]
    assert given["used_by"] == grid.node.organisation
    assert made["line"].split()[-1] not in str(given)

    first = grid.post(f"{ours}/confirmation", {"compared": True}, 200)
    assert (first["state"], first["phrase_compared"]) == ("to confirm", True)
    second = cert.post(f"{theirs}/confirmation", {"compared": False}, 200)
    assert (second["state"], second["phrase_compared"]) == ("active", False)
    settle(cert.node, grid.node)
    assert grid.get(ours)["state"] == "active"
    assert (
        "nothing to confirm" in grid.post(f"{ours}/confirmation", {"compared": True}, 409)["detail"]
    )

    assert cert.post(f"{theirs}/suspension", {"reason": "a drill"}, 200)["reason"] == "a drill"
    cert.post(f"{theirs}/suspension", {}, 409)
    assert cert.post(f"{theirs}/resumption", None, 200)["state"] == "active"
    assert cert.post(f"{theirs}/end", {}, 200)["state"] == "ended"
    assert [row["state"] for row in cert.get("/partners")["items"]] == ["ended"]
    with cert.node.reading() as session:
        done = list(session.scalars(select(AuditRecord.action).order_by(AuditRecord.id)))
    assert [action for action in done if action.startswith("partner.")] == [
        "partner.invited",
        "partner.confirmed",
        "partner.suspended",
        "partner.suspended",
        "partner.resumed",
        "partner.ended",
    ]


def test_an_invitation_is_taken_back_and_opens_nothing(apis: tuple[Api, Api]) -> None:
    cert, grid = apis
    line = cert.post("/partners/invitations", {})["line"]
    (given,) = cert.get("/partners/invitations")["items"]
    gone = cert.ask("DELETE", f"/partners/invitations/{given['id']}")
    assert gone.get_json()["withdrawn_at"] is not None
    problem = grid.post("/partners/accept", {"line": line}, 404)
    assert "used before, has expired, or was never given" in problem["detail"]
    assert cert.ask("DELETE", "/partners/invitations/nonsense").status_code == 404


def test_a_repeated_request_pairs_once(apis: tuple[Api, Api]) -> None:
    cert, grid = apis
    key = {"Idempotency-Key": "pairing-with-cert"}
    lines = {cert.post("/partners/invitations", {}, headers=key)["line"] for _ in range(2)}
    assert len(lines) == 1
    answers = [
        grid.post("/partners/accept", {"line": lines.copy().pop()}, headers=key) for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert len(cert.get("/partners/invitations")["items"]) == 1


def test_partners_come_in_pages(tmp_path: Path) -> None:
    with strangers(tmp_path, "CERT", "Grid", "Vendor", "ISAC") as (node, *others):
        cert = Api.of(node)
        for other in others:
            met(cert, Api.of(other))
        for limit in (1, 2, 3):
            names = [row["name"] for row in cert.walk("/partners", limit)]
            assert names == ["Grid", "ISAC", "Vendor"]
        ids = [row["id"] for row in cert.walk("/partners/invitations", 2)]
        assert len(set(ids)) == 3


def test_only_who_manages_partners_changes_them(apis: tuple[Api, Api]) -> None:
    cert, grid = apis
    met(cert, grid)
    path = f"/partners/{grid.node.organisation}"
    handler = Api.of(cert.node, PersonRole.HANDLER)
    without_scope = Api.of(
        cert.node, PersonRole.ADMINISTRATOR, scopes=(TokenScope.READ, TokenScope.WRITE)
    )
    for api in (handler, without_scope):
        assert api.get(path)["name"] == "Grid"
        api.post("/partners/invitations", {}, 403)
        api.post("/partners/accept", {"line": "x"}, 403)
        api.post(f"{path}/confirmation", {"compared": True}, 403)
        for act in ("suspension", "end"):
            api.post(f"{path}/{act}", {}, 403)
        api.post(f"{path}/resumption", None, 403)
    liaison = Api.of(cert.node, PersonRole.LIAISON)
    liaison.get("/partners", 403)
    liaison.get("/partners/invitations", 403)
    liaison.get(path, 404)
    liaison.get("/partners/identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0001", 404)


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/partners/invitations", {"note": "x" * 201}, 400, "json.note"),
        ("/partners/invitations", {"notes": "x"}, 400, "json.notes"),
        ("/partners/accept", {}, 400, "json.line"),
        ("/partners/accept", {"line": "nonsense"}, 400, "invitation"),
        ("/partners/accept", {"line": "x" * 1001}, 400, "json.line"),
        ("/partners/ORG/confirmation", {}, 400, "json.compared"),
        ("/partners/ORG/confirmation", {"compared": "perhaps"}, 400, "json.compared"),
        ("/partners/ORG/suspension", {"reason": "x" * 1001}, 400, "json.reason"),
        ("/partners/ORG/suspension", {}, 409, None),
        ("/partners/nobody/suspension", {}, 404, None),
        ("/partners/nobody/end", {}, 404, None),
        ("/partners/nobody/confirmation", {"compared": True}, 404, None),
    ],
)
def test_what_does_not_fit_is_refused_by_field(
    known: tuple[Api, str], path: str, body: object, status: int, field: str | None
) -> None:
    cert, organisation = known
    document = cert.post(path.replace("ORG", organisation), body, status)
    assert document.get("field") == field


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, str]]:
    """Give a node that has one partner to confirm."""
    with strangers(tmp_path_factory.mktemp("nodes"), "CERT", "Grid") as (cert, grid):
        api = Api.of(cert)
        met(api, Api.of(grid))
        yield api, grid.organisation

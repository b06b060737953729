"""Who did what is written down: acts, refusals and reads; and found again."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hub.accounts.actor import TokenScope
from hub.audit import service as audit
from hub.audit.records import AuditRecord, Outcome
from policies.roles import PersonRole
from tests.integration.hubs import CONSOLE, PASSWORD, Hub, hub, sqlite_hub
from tests.integration.test_accounts import Browser

__all__ = ["hub", "sqlite_hub"]


def trail(hub: Hub) -> list[tuple[str, str, str]]:
    """Give action, outcome and who, oldest first."""
    with hub.reading() as session:
        rows = session.scalars(select(AuditRecord).order_by(AuditRecord.id)).all()
        return [(row.action, row.outcome.value, row.actor_name) for row in rows]


def test_acts_and_reads_are_written_down_with_who_and_where(hub: Hub) -> None:
    user_id, _ = hub.add_user("root", PersonRole.ADMINISTRATOR)
    headers = hub.token(user_id)
    base = {"REMOTE_ADDR": "192.0.2.7"}
    made = hub.client().post(
        "/api/v1/users",
        json={"name": "bob", "roles": ["handler"]},
        headers=headers,
        environ_base=base,
    )
    hub.client().get("/api/v1/users", headers=headers, environ_base=base)
    hub.client().get("/api/v1/audit", headers=headers, environ_base=base)
    assert trail(hub)[2:] == [
        ("user.created", "done", "root"),
        ("users.read", "done", "root"),
        ("audit.read", "done", "root"),
    ]
    with hub.reading() as session:
        row = session.scalars(select(AuditRecord).where(AuditRecord.id == 3)).one()
        assert row.address == "192.0.2.7"
        assert row.via == "token"
        assert row.at == hub.now
        assert row.subject == made.get_json()["user"]["id"]
        assert row.request_id == made.headers["X-Request-Id"]


def test_signing_in_is_written_down_and_failing_without_what_was_typed(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    user_id, _ = hub.add_user("ada")
    Browser(hub).sign_in("ada")
    for name, subject in (("ada", user_id), (PASSWORD, None)):
        with pytest.raises(Exception, match="wrong"):
            Browser(hub).sign_in(name, "a wrong password")
        with hub.reading() as session:
            row = session.scalars(select(AuditRecord).order_by(AuditRecord.id.desc())).first()
            assert row is not None
            assert (row.action, row.outcome) == ("sign_in.begun", Outcome.REFUSED)
            assert (row.subject, row.actor_id) == (subject, None)
            assert PASSWORD not in repr(vars(row))
    Browser(hub).sign_in("ada")
    assert [action for action, outcome, _ in trail(hub) if outcome == "done"][1:] == [
        "sign_in.begun",
        "sign_in.begun",
    ]


def test_what_is_not_done_is_not_written_down_as_done(hub: Hub) -> None:
    def break_off() -> None:
        with hub.writing() as session:
            audit.record(session, CONSOLE, "thing.done", now=hub.now)
            raise RuntimeError("it broke")

    with pytest.raises(RuntimeError):
        break_off()
    assert trail(hub) == []


def test_long_texts_are_cut_and_not_refused(hub: Hub) -> None:
    with hub.writing() as session:
        audit.record(session, CONSOLE, "a" * 99, "s" * 999, reason="r" * 999, now=hub.now)
    with hub.reading() as session:
        (row,) = audit.visible_records(session, audit.AuditFilter())
        assert (len(row.action), len(row.subject or ""), len(row.reason or "")) == (60, 200, 300)


def test_the_trail_is_found_by_who_what_when_and_how_it_ended(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    aud, _ = hub.add_user("aud", PersonRole.AUDITOR)
    ada, _ = hub.add_user("ada")
    headers = hub.token(aud, TokenScope.READ)
    hub.advance(hours=1)
    refused = hub.client().get("/api/v1/users/x/y", headers=headers)
    assert refused.status_code == 404
    assert hub.client().get(f"/api/v1/users/{ada}", headers=headers).status_code == 200
    assert hub.client().get("/api/v1/users/nobody", headers=headers).status_code == 404

    def found(query: str) -> list[str]:
        document = hub.client().get(f"/api/v1/audit?{query}", headers=headers).get_json()
        return [row["action"] for row in document["items"]]

    assert found("action=user.created") == ["user.created", "user.created"]
    assert found(f"subject={ada}") == ["user.read", "user.created"]
    assert found("outcome=refused") == ["user.read"]
    assert found("until=2026-11-20T10:30:00Z&action=user.read") == []
    assert found(f"since=2026-11-20T10:30:00Z&actor_id={aud}&action=user.read") == ["user.read"] * 2
    assert set(found(f"actor_id={ada}")) == set()


def test_the_trail_comes_in_pages(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    headers = hub.token(hub.add_user("aud", PersonRole.AUDITOR)[0], TokenScope.READ)
    with hub.writing() as session:
        for number in range(25):
            audit.record(session, CONSOLE, "thing.done", str(number), now=hub.now)
    subjects: list[str] = []
    query = "limit=10&action=thing.done"
    while True:
        document = hub.client().get(f"/api/v1/audit?{query}", headers=headers).get_json()
        subjects += [row["subject"] for row in document["items"]]
        if document["next"] is None:
            break
        query = f"limit=10&action=thing.done&cursor={document['next']}"
    assert subjects == [str(number) for number in reversed(range(25))]

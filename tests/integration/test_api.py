"""The REST interface: who may ask, once only, page by page, and true to its own document."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import g
from flask.testing import FlaskClient
from openapi_spec_validator import validate
from sqlalchemy import func, select, text

from federation.identity.keystore import KeyStore
from federation.identity.node import init_node
from hub.accounts.actor import TokenScope
from hub.accounts.current import begin_sign_in
from hub.accounts.records import User
from hub.api import RESOURCES, idempotency
from hub.api.frame import PREFIX
from hub.api.records import KeptAnswer
from hub.audit.records import AuditRecord
from policies.roles import PersonRole
from tests.integration.hubs import PASSWORD, Hub, hub, problem, running_hub, sqlite_hub

__all__ = ["hub", "sqlite_hub"]

NEW_USER = {"name": "bob", "roles": ["handler"], "password": PASSWORD}


@pytest.fixture
def admin(sqlite_hub: Hub) -> dict[str, str]:
    """Give the header of an administrator's token."""
    user_id, _ = sqlite_hub.add_user("root", PersonRole.ADMINISTRATOR)
    return sqlite_hub.token(user_id)


def signed_in(hub: Hub, name: str) -> FlaskClient:
    """Give a browser that somebody has signed in with."""
    client = hub.client()
    with client, hub.app.test_request_context("/"):
        begin_sign_in(name, PASSWORD)
        client.set_cookie(f"tocsin_{hub.settings.cookie_suffix}", g.new_secret)
    return client


def count(hub: Hub, record: type[Any]) -> int:
    with hub.reading() as session:
        return session.scalar(select(func.count()).select_from(record)) or 0


def test_nobody_unknown_learns_anything(sqlite_hub: Hub) -> None:
    client = sqlite_hub.client()
    for rule in sqlite_hub.app.url_map.iter_rules():
        if not rule.rule.startswith(PREFIX) or rule.rule.endswith("openapi.json"):
            continue
        path = rule.rule.replace("<", "").replace(">", "")
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            response = client.open(path, method=method, json={})
            assert response.status_code == 401, (method, path)
            assert problem(response)["detail"]
            assert "Bearer" in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Basic YTpi",
        "Bearer tocsin_" + "x" * 43,
        "Bearer " + "x" * 5000,
    ],
)
def test_a_wrong_authorization_is_refused_and_no_cookie_helps(header: str, hub: Hub) -> None:
    hub.add_user("ada")
    client = signed_in(hub, "ada")
    assert client.get("/api/v1/me").status_code == 200
    response = client.get("/api/v1/me", headers={"Authorization": header})
    assert response.status_code == 401
    assert "x" * 43 not in response.text


def test_a_session_changes_nothing_without_the_form_token(sqlite_hub: Hub) -> None:
    sqlite_hub.add_user("root", PersonRole.ADMINISTRATOR)
    client = signed_in(sqlite_hub, "root")
    assert client.get("/api/v1/users").status_code == 200
    for headers in ({}, {"X-CSRFToken": "made up"}):
        response = client.post("/api/v1/users", json=NEW_USER, headers=headers)
        assert response.status_code == 403
        assert "X-CSRFToken" in problem(response)["detail"]
    assert count(sqlite_hub, User) == 1


def test_basic_authorization_reads_and_changes_nothing(sqlite_hub: Hub) -> None:
    user_id, _ = sqlite_hub.add_user("root", PersonRole.ADMINISTRATOR)
    secret = sqlite_hub.token(user_id)["Authorization"].removeprefix("Bearer ")
    client = sqlite_hub.client()
    assert client.get("/api/v1/users", auth=("root", secret)).status_code == 200
    refused = client.post("/api/v1/users", json=NEW_USER, auth=("root", secret))
    assert refused.status_code == 403
    assert count(sqlite_hub, User) == 1


def test_an_account_is_made_read_changed_and_shut_out(hub: Hub) -> None:
    user_id, _ = hub.add_user("root", PersonRole.ADMINISTRATOR)
    client, headers = hub.client(), hub.token(user_id)
    made = client.post("/api/v1/users", json={"name": "bob", "roles": ["handler"]}, headers=headers)
    assert made.status_code == 201
    document = made.get_json()
    assert document["user"]["must_change_password"] is True
    assert len(document["password"]) >= 12
    where = made.headers["Location"]
    read = client.get(where, headers=headers)
    assert read.get_json() == document["user"]
    assert (
        client.get(where, headers=headers | {"If-None-Match": read.headers["ETag"]}).status_code
        == 304
    )
    change = {"roles": ["coordinator", "liaison"]}
    changed = client.patch(where, json=change, headers=headers | {"If-Match": read.headers["ETag"]})
    assert changed.get_json()["roles"] == ["coordinator", "liaison"]
    late = client.patch(
        where, json={"active": False}, headers=headers | {"If-Match": read.headers["ETag"]}
    )
    assert late.status_code == 409
    assert (
        client.patch(where, json={"active": False}, headers=headers).get_json()["active"] is False
    )
    assert client.patch(where, json={"active": True}, headers=headers).get_json()["active"] is True
    new = client.put(f"{where}/password", json={}, headers=headers).get_json()
    assert new["password"] != document["password"]
    gone = client.delete(f"{where}/sessions", headers=headers)
    assert gone.get_json() == {"ended_count": 0}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "json.name"),
        ({"name": "x"}, "json.roles"),
        ({"name": "x", "roles": []}, "json.roles"),
        ({"name": "x", "roles": ["king"]}, "json.roles.0"),
        ({"name": "x", "roles": ["handler"], "admin": True}, "json.admin"),
        ({"name": "x" * 101, "roles": ["handler"]}, "json.name"),
        ({"name": "a b", "roles": ["handler"]}, "name"),
        ({"name": "x", "roles": ["handler"], "password": "short"}, "password"),
        ([], "json"),
        (7, "json"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_by_field(
    body: Any, field: str, admin: dict[str, str], sqlite_hub: Hub
) -> None:
    response = sqlite_hub.client().post("/api/v1/users", json=body, headers=admin)
    assert response.status_code == 400
    assert problem(response)["field"] == field
    assert count(sqlite_hub, User) == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"name": "\xff"}', "not UTF-8"),
        (b'{"name": "a", "name": "b"}', "twice"),
        (b"[" * 40 + b"]" * 40, "deeper"),
        (b'{"name": NaN}', "NaN"),
        (b'{"name": 99999999999999999999}', "integer"),
        (b'{"name": "a\\u0000b", "roles": ["handler"]}', "U.0000"),
        (b'{"name": "a\\ud800b", "roles": ["handler"]}', "surrogate|canonical"),
    ],
)
def test_what_is_not_strict_json_is_refused(
    data: bytes, reason: str, admin: dict[str, str], sqlite_hub: Hub
) -> None:
    response = sqlite_hub.client().post(
        "/api/v1/users", data=data, content_type="application/json", headers=admin
    )
    assert response.status_code == 400
    assert re.search(reason, problem(response)["detail"])


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b'{"name": "a\\u0000b", "roles": ["handler"]}', "name"),
        (b'{"name": "a\\ud800b", "roles": ["handler"]}', "name"),
        (b'{"name": "ada", "roles": ["handler", "a\\u0000"]}', "roles[1]"),
    ],
)
def test_where_a_text_holds_no_character_is_named(
    data: bytes, field: str, admin: dict[str, str], sqlite_hub: Hub
) -> None:
    response = sqlite_hub.client().post(
        "/api/v1/users", data=data, content_type="application/json", headers=admin
    )
    assert response.status_code == 400
    assert problem(response)["field"] == field


def test_a_body_of_another_kind_or_size_is_refused(admin: dict[str, str], sqlite_hub: Hub) -> None:
    client = sqlite_hub.client()
    form = client.post("/api/v1/users", data={"name": "x"}, headers=admin)
    assert form.status_code == 415
    assert problem(form)["detail"] == "send application/json"
    huge = b'{"name": "' + b"x" * (9 * 1024 * 1024) + b'"}'
    response = client.post(
        "/api/v1/users", data=huge, content_type="application/json", headers=admin
    )
    assert response.status_code == 413
    problem(response)


def test_a_role_that_may_not_is_told_which_may(sqlite_hub: Hub) -> None:
    user_id, _ = sqlite_hub.add_user("ada", PersonRole.HANDLER)
    client, headers = sqlite_hub.client(), sqlite_hub.token(user_id)
    for response in (
        client.post("/api/v1/users", json=NEW_USER, headers=headers),
        client.get("/api/v1/users", headers=headers),
        client.get("/api/v1/audit", headers=headers),
    ):
        assert response.status_code == 403
        assert "administrator" in problem(response)["detail"]


def test_what_somebody_may_not_know_of_is_not_there(sqlite_hub: Hub) -> None:
    ada, _ = sqlite_hub.add_user("ada")
    bob, _ = sqlite_hub.add_user("bob")
    client, headers = sqlite_hub.client(), sqlite_hub.token(ada)
    sqlite_hub.token(bob, name="bob's")
    with sqlite_hub.reading() as session:
        token_id = session.execute(
            text("SELECT id FROM api_token WHERE user_id = :user"), {"user": bob}
        ).scalar()
    for path in (f"users/{bob}", "users/nobody", f"tokens/{token_id}", "tokens/none", "nothing"):
        response = client.get(f"/api/v1/{path}", headers=headers)
        assert response.status_code == 404, path
    assert client.delete(f"/api/v1/tokens/{token_id}", headers=headers).status_code == 404
    assert client.get(f"/api/v1/users/{ada}", headers=headers).status_code == 200


def test_a_token_with_fewer_scopes_does_less(sqlite_hub: Hub) -> None:
    user_id, _ = sqlite_hub.add_user("root", PersonRole.ADMINISTRATOR)
    client = sqlite_hub.client()
    reads = sqlite_hub.token(user_id, TokenScope.READ, name="r")
    writes = sqlite_hub.token(user_id, TokenScope.READ, TokenScope.WRITE, name="w")
    refused = client.post("/api/v1/tokens", json={"name": "x", "scopes": ["read"]}, headers=reads)
    assert (refused.status_code, problem(refused)["detail"]) == (403, "this token may only read")
    more = client.post("/api/v1/tokens", json={"name": "x", "scopes": ["admin"]}, headers=writes)
    assert (more.status_code, problem(more)["field"]) == (400, "scopes")
    made = client.post("/api/v1/tokens", json={"name": "x", "scopes": ["read"]}, headers=writes)
    assert made.status_code == 201
    users = client.post("/api/v1/users", json=NEW_USER, headers=writes)
    assert (users.status_code, "admin" in problem(users)["detail"]) == (403, True)


def test_a_token_is_shown_once_and_then_known_by_its_beginning(
    admin: dict[str, str], sqlite_hub: Hub
) -> None:
    client = sqlite_hub.client()
    body = {"name": "script", "scopes": ["read"], "networks": ["127.0.0.1"]}
    made = client.post("/api/v1/tokens", json=body, headers=admin).get_json()
    secret = made["secret"]
    listed = client.get("/api/v1/tokens", headers=admin)
    assert secret not in listed.text
    shown = {item["id"]: item for item in listed.get_json()["items"]}
    assert secret.startswith(shown[made["token"]["id"]]["beginning"])
    mine = {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/me", headers=mine).get_json()["name"] == "root"
    where = f"/api/v1/tokens/{made['token']['id']}"
    assert client.delete(where, headers=admin).get_json()["revoked_at"]
    assert client.get("/api/v1/me", headers=mine).status_code == 401
    assert client.get(where, headers=admin).get_json()["networks"] == ["127.0.0.1/32"]


def walk(client: FlaskClient, path: str, headers: dict[str, str], limit: int) -> list[Any]:
    """Read a list to its end."""
    items: list[Any] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        document = client.get(path, query_string=query, headers=headers).get_json()
        items += document["items"]
        assert len(document["items"]) <= limit
        if document["next"] is None:
            return items
        query["cursor"] = document["next"]


def test_lists_come_in_pages_that_neither_skip_nor_repeat(hub: Hub) -> None:
    root, _ = hub.add_user("root", PersonRole.ADMINISTRATOR)
    headers, client = hub.token(root), hub.client()
    for number in range(7):
        hub.token(root, name=f"script {number}")
        hub.advance(microseconds=number % 2)
    for number in range(3):
        hub.add_user(f"person{number}")
    for path, total in (("/api/v1/tokens", 8), ("/api/v1/users", 4)):
        whole = [item["id"] for item in walk(client, path, headers, 200)]
        assert len(whole) == total
        for limit in (1, 3, total):
            assert [item["id"] for item in walk(client, path, headers, limit)] == whole


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "query.limit"),
        ("limit=201", "query.limit"),
        ("limit=many", "query.limit"),
        ("cursor=nonsense", "query.cursor"),
        ("cursor=" + "x" * 501, "query.cursor"),
        ("colour=red", "query.colour"),
    ],
)
def test_a_page_that_can_not_be_is_refused(
    query: str, field: str, admin: dict[str, str], sqlite_hub: Hub
) -> None:
    response = sqlite_hub.client().get(f"/api/v1/users?{query}", headers=admin)
    assert (response.status_code, problem(response)["field"]) == (400, field)


@pytest.mark.parametrize(
    "path",
    [
        "users/%00",
        "users?cursor=WyJcdTAwMDAiXQ",
        "tokens?user_id=%00",
        "audit?subject=a%00b",
        "audit?cursor=WzE4NDQ2NzQ0MDczNzA5NTUxNjE1XQ",
        "audit?since=0001-01-01T00:00:00%2B23:00",
        "audit?until=9999-12-31T23:59:59-23:00",
        "audit?since=2026-11-20T10:00:00",
    ],
)
def test_what_no_database_can_be_asked_is_refused_before(path: str, hub: Hub) -> None:
    headers = hub.token(hub.add_user("root", PersonRole.ADMINISTRATOR)[0])
    response = hub.client().get(f"/api/v1/{path}", headers=headers)
    assert response.status_code == 400
    problem(response)


def test_the_same_request_with_the_same_key_is_done_once(hub: Hub) -> None:
    root, _ = hub.add_user("root", PersonRole.ADMINISTRATOR)
    client, headers = hub.client(), hub.token(root) | {"Idempotency-Key": "a-key-of-mine"}
    body = {"name": "bob", "roles": ["handler"]}
    answers = [client.post("/api/v1/users", json=body, headers=headers) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert count(hub, User) == 2
    secret = answers[0].get_json()["password"]
    with hub.reading() as session:
        (row,) = session.scalars(select(KeptAnswer)).all()
        assert secret.encode() not in (row.sealed or b"")
        assert "a-key-of-mine" not in repr(vars(row))


def test_two_at_the_same_time_with_one_key_do_it_once(hub: Hub) -> None:
    root, _ = hub.add_user("root", PersonRole.ADMINISTRATOR)
    headers = hub.token(root) | {"Idempotency-Key": "a-key-of-mine"}
    body = {"name": "bob", "roles": ["handler"]}

    def ask(_number: int) -> tuple[int, bytes]:
        response = hub.client().post("/api/v1/users", json=body, headers=headers)
        return response.status_code, response.data

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(ask, range(4)))
    assert {status for status, _ in answers} == {201}
    assert len(answers) == 1
    assert count(hub, User) == 2


def test_a_key_is_for_one_request_of_one_person(admin: dict[str, str], sqlite_hub: Hub) -> None:
    client = sqlite_hub.client()
    key = {"Idempotency-Key": "a-key-of-mine"}
    assert client.post("/api/v1/users", json=NEW_USER, headers=admin | key).status_code == 201
    other = client.post("/api/v1/users", json=NEW_USER | {"name": "eve"}, headers=admin | key)
    assert (other.status_code, problem(other)["field"]) == (409, "Idempotency-Key")
    second = sqlite_hub.token(sqlite_hub.add_user("ada")[0], name="ada's")
    body = {"name": "x", "scopes": ["read"]}
    assert client.post("/api/v1/tokens", json=body, headers=second | key).status_code == 201


def test_what_was_refused_may_be_asked_again_with_its_key(
    admin: dict[str, str], sqlite_hub: Hub
) -> None:
    client, headers = sqlite_hub.client(), admin | {"Idempotency-Key": "a-key-of-mine"}
    sqlite_hub.add_user("bob")
    assert client.post("/api/v1/users", json=NEW_USER, headers=headers).status_code == 409
    with sqlite_hub.writing() as session:
        session.execute(text("UPDATE \"user\" SET name_key = 'x' WHERE name_key = 'bob'"))
    assert client.post("/api/v1/users", json=NEW_USER, headers=headers).status_code == 201


def test_kept_answers_are_forgotten_after_a_day(admin: dict[str, str], sqlite_hub: Hub) -> None:
    headers = admin | {"Idempotency-Key": "a-key-of-mine"}
    sqlite_hub.client().post("/api/v1/users", json=NEW_USER, headers=headers)
    sqlite_hub.advance(hours=24, seconds=1)
    with sqlite_hub.writing() as session:
        idempotency.tidy(session, now=sqlite_hub.now)
    assert count(sqlite_hub, KeptAnswer) == 0


@pytest.mark.parametrize("key", ["short", "x" * 201, "with blanks in it"])
def test_a_key_that_is_none_is_refused(key: str, admin: dict[str, str], sqlite_hub: Hub) -> None:
    headers = admin | {"Idempotency-Key": key}
    response = sqlite_hub.client().post("/api/v1/users", json=NEW_USER, headers=headers)
    assert (response.status_code, problem(response)["field"]) == (400, "Idempotency-Key")
    assert count(sqlite_hub, User) == 1


def test_the_person_who_asks_sees_and_ends_their_sessions(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    user_id, _ = hub.add_user("ada", PersonRole.HANDLER)
    first, second = signed_in(hub, "ada"), signed_in(hub, "ada")
    sessions = first.get("/api/v1/me/sessions").get_json()["items"]
    assert [one["present"] for one in sessions].count(True) == 1
    headers = hub.token(user_id)
    other = next(one for one in sessions if not one["present"])
    assert hub.client().delete(
        f"/api/v1/me/sessions/{other['id']}", headers=headers
    ).get_json() == {"ended_count": 1}
    assert second.get("/api/v1/me").status_code == 401
    body = {"present": PASSWORD, "password": "another horse battery"}
    changed = hub.client().put("/api/v1/me/password", json=body, headers=headers)
    assert changed.get_json() == {"ended_count": 1}
    assert first.get("/api/v1/me").status_code == 401


def test_who_has_to_change_the_password_changes_nothing_else(
    sqlite_hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = sqlite_hub
    hub.add_user("ada")
    client = signed_in(hub, "ada")
    with hub.writing() as session:
        session.execute(text('UPDATE "user" SET must_change_password = 1'))
    assert client.get("/api/v1/me").get_json()["must_change_password"] is True
    monkeypatch.setattr("hub.api.frame.validate_csrf", lambda _token: None)
    refused = client.post("/api/v1/tokens", json={"name": "x", "scopes": ["read"]})
    assert (refused.status_code, problem(refused)["detail"]) == (403, "change your password first")
    body = {"present": PASSWORD, "password": "another horse battery"}
    assert client.put("/api/v1/me/password", json=body).status_code == 200
    assert client.get("/api/v1/me").get_json()["must_change_password"] is False


def test_a_node_that_was_not_set_up_says_so(admin: dict[str, str], sqlite_hub: Hub) -> None:
    response = sqlite_hub.client().get("/api/v1/node", headers=admin)
    assert response.status_code == 404
    assert "tocsin node init" in problem(response)["hint"]


def test_a_node_tells_what_it_is(hub: Hub) -> None:
    headers = hub.token(hub.add_user("ada")[0])
    store = KeyStore(hub.settings.keys_folder, b"a passphrase for tests")
    with hub.writing() as session:
        init_node(session, store, organisation="CERT", base_url="http://127.0.0.1:9", now=hub.now)
    document = hub.client().get("/api/v1/node", headers=headers).get_json()
    assert document["name"] == "CERT"
    assert {key["use"] for key in document["keys"]} == {"sign", "transport"}
    assert {key["thumbprint"] for key in document["keys"]} == set(store.load())


def test_a_bug_tells_an_id_and_nothing_else(
    admin: dict[str, str], sqlite_hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any, **_more: Any) -> None:
        raise RuntimeError("secret inner matter")

    monkeypatch.setattr("hub.accounts.users.visible_users", broken)
    sqlite_hub.app.config["PROPAGATE_EXCEPTIONS"] = False
    response = sqlite_hub.client().get("/api/v1/users", headers=admin)
    document = problem(response)
    assert response.status_code == 500
    assert len(document["error_id"]) == 32
    assert "inner" not in response.text


def test_an_address_that_is_none_and_a_method_that_is_none(sqlite_hub: Hub) -> None:
    client = sqlite_hub.client()
    assert problem(client.get("/api/v1/nothing"))["status"] == 404
    response = client.delete("/api/v1/openapi.json")
    assert (response.status_code, "GET" in response.headers["Allow"]) == (405, True)


def test_every_answer_protects_its_reader(admin: dict[str, str], sqlite_hub: Hub) -> None:
    for response in (
        sqlite_hub.client().get("/api/v1/me", headers=admin),
        sqlite_hub.client().get("/api/v1/nothing"),
        sqlite_hub.client().get("/healthz"),
    ):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert response.headers["X-Frame-Options"] == "DENY"
        assert len(response.headers["X-Request-Id"]) == 32
        assert "Strict-Transport-Security" not in response.headers


def test_the_document_is_openapi_and_names_every_route(sqlite_hub: Hub) -> None:
    document = sqlite_hub.client().get("/api/v1/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    validate(document)
    described = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations
    }
    served = {
        (method, rule.rule.replace("<", "{").replace(">", "}"))
        for rule in sqlite_hub.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}
        if rule.rule.startswith(PREFIX) and not rule.rule.endswith("openapi.json")
    }
    assert described == served
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert operation["security"] == [{"token": []}, {"session": []}]
            for status, answer in operation["responses"].items():
                if status.startswith(("4", "5")):
                    assert list(answer["content"]) == ["application/problem+json"]


def test_the_document_names_nothing_twice(sqlite_hub: Hub) -> None:
    document = sqlite_hub.client().get("/api/v1/openapi.json").get_json()
    names = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert len(names) == len(set(names))
    assert len({resource.url_prefix for resource in RESOURCES}) == len(RESOURCES)
    assert "marshmallow" not in json.dumps(document).lower()


def test_readiness_names_what_is_missing(sqlite_hub: Hub) -> None:
    client = sqlite_hub.client()
    response = client.get("/readyz")
    assert response.status_code == 503
    parts = response.get_json()["parts"]
    assert (parts["database"], parts["migrations"]) == ("ok", "ok")
    assert parts["worker"] == "never seen"
    with sqlite_hub.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '20261121_2300'"))
    assert "needed" in client.get("/readyz").get_json()["parts"]["migrations"]
    assert client.get("/healthz").status_code == 200


def test_figures_are_for_this_host_or_for_a_token(sqlite_hub: Hub) -> None:
    client = sqlite_hub.client()
    assert b"tocsin_http_requests_total" in client.get("/metrics").data
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 404
    behind = client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"})
    assert behind.status_code == 404


def test_with_a_token_set_the_host_alone_is_not_enough(tmp_path: Any) -> None:
    token = "a-token-for-figures"
    with running_hub(tmp_path, f"sqlite:///{tmp_path}/t.db", metrics_token=token) as hub:
        client = hub.client()
        assert client.get("/metrics").status_code == 404
        for given, status in ((token, 200), ("another-token", 404)):
            headers = {"Authorization": f"Bearer {given}"}
            remote = {"REMOTE_ADDR": "192.0.2.1"}
            response = client.get("/metrics", headers=headers, environ_base=remote)
            assert response.status_code == status


def test_a_refusal_is_in_the_trail(sqlite_hub: Hub) -> None:
    user_id, _ = sqlite_hub.add_user("ada")
    headers = sqlite_hub.token(user_id)
    sqlite_hub.client().post("/api/v1/users", json=NEW_USER, headers=headers)
    with sqlite_hub.reading() as session:
        row = session.scalars(select(AuditRecord).order_by(AuditRecord.id.desc())).first()
        assert row is not None
        assert (row.action, row.outcome, row.actor_id) == ("user.created", "refused", user_id)
        assert "administrator" in (row.reason or "")

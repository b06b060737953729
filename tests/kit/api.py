"""The REST interface of a running node, asked by somebody with a token."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any, Final

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub.accounts import tokens, users
from hub.accounts.actor import TokenScope
from policies.roles import PersonRole
from tests.kit.nodes import CONSOLE, LocalNode, RunningNode

_numbers: Final = itertools.count(1)


def headers_of(
    node: LocalNode, *roles: PersonRole, scopes: tuple[TokenScope, ...] = ()
) -> dict[str, str]:
    """Make an account and a token for it; give the header that goes with it."""
    with node.writing() as session:
        user, _ = users.create_user(
            session,
            CONSOLE,
            f"person{next(_numbers)}",
            roles=roles or (PersonRole.ADMINISTRATOR, PersonRole.COORDINATOR),
            password="correct horse battery",
            now=node.now(),
        )
        _, secret = tokens.create_token(
            session,
            CONSOLE,
            "script",
            scopes=scopes or tuple(TokenScope),
            now=node.now(),
            user_id=user.id,
        )
    return {"Authorization": f"Bearer {secret}"}


@dataclass
class Api:
    """Asks one node as one person."""

    node: RunningNode
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, node: RunningNode, *roles: PersonRole, scopes: tuple[TokenScope, ...] = ()) -> Api:
        """Make an account and a token for it."""
        return cls(node, headers_of(node, *roles, scopes=scopes))

    def client(self) -> FlaskClient:
        return self.node.app.test_client()

    def ask(self, method: str, path: str, body: Any = None, **given: Any) -> TestResponse:
        """Send a request; paths begin below `/api/v1`."""
        headers = self.headers | given.pop("headers", {})
        if body is not None:
            given["json"] = body
        where = f"/api/v1{path}"
        return self.client().open(where, method=method, headers=headers, buffered=True, **given)

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        """Read something; give its document."""
        response = self.ask("GET", path, query_string=query)
        assert response.status_code == status, (path, response.status_code, response.text)
        return response.get_json()

    def post(self, path: str, body: Any = None, status: int = 201, **given: Any) -> Any:
        """Change something; give the answer's document."""
        response = self.ask("POST", path, body, **given)
        assert response.status_code == status, (path, response.status_code, response.text)
        return response.get_json()

    def walk(self, path: str, limit: int, **query: Any) -> list[Any]:
        """Read a list to its end, page by page."""
        items: list[Any] = []
        cursor: dict[str, Any] = {}
        while True:
            page = self.get(path, limit=limit, **query, **cursor)
            assert len(page["items"]) <= limit
            items += page["items"]
            if page["next"] is None:
                return items
            cursor = {"cursor": page["next"]}

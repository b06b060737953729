"""One whole application for tests: its own data folder and database, its people, its clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from hub import clock
from hub.accounts import tokens, users
from hub.accounts.actor import Actor, TokenScope
from hub.app import create_app
from hub.settings import Settings, load_settings
from policies.roles import PersonRole
from sharing.db import db, reading, transaction
from tests.kit.tables import give_tables

START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
CONSOLE = Actor.at_the_console("test")


class Hub:
    """An application on an empty database, and a clock that stands until it is moved."""

    def __init__(self, folder: Path, database_url: str, **settings: Any) -> None:
        self.now = START
        self.settings: Settings = load_settings(
            data=folder / "data", database_url=database_url, log_level="ERROR", **settings
        )
        self.app: Flask = create_app(self.settings)
        with self.app.app_context():
            give_tables()

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self.app.app_context(), transaction() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with self.app.app_context(), reading() as session:
            yield session

    def add_user(
        self, name: str, *roles: PersonRole, password: str | None = PASSWORD
    ) -> tuple[str, str]:
        """Make an account; give its id, and its password."""
        with self.writing() as session:
            user, made_up = users.create_user(
                session,
                CONSOLE,
                name,
                roles=roles or (PersonRole.HANDLER,),
                password=password,
                now=self.now,
            )
            return user.id, made_up or password or ""

    def actor(self, user_id: str) -> Actor:
        with self.reading() as session:
            user = users.get_user(session, user_id)
            return Actor(user.id, user.name, user.roles, CONSOLE.via)

    def token(self, user_id: str, *scopes: TokenScope, **given: Any) -> dict[str, str]:
        """Make a token; give the header that goes with it."""
        with self.writing() as session:
            _, secret = tokens.create_token(
                session,
                CONSOLE,
                given.pop("name", f"token {len(scopes)}"),
                scopes=scopes or tuple(TokenScope),
                now=self.now,
                user_id=user_id,
                **given,
            )
        return {"Authorization": f"Bearer {secret}"}

    def client(self) -> FlaskClient:
        return self.app.test_client()

    def close(self) -> None:
        with self.app.app_context():
            db.engine.dispose()


@contextmanager
def running_hub(folder: Path, database_url: str, **settings: Any) -> Iterator[Hub]:
    hub = Hub(folder, database_url, **settings)
    with clock.told_by(lambda: hub.now):
        yield hub
    hub.close()


@pytest.fixture
def hub(tmp_path: Path, node_url: str) -> Iterator[Hub]:
    """Give an application, once per kind of database."""
    with running_hub(tmp_path, node_url) as made:
        yield made


@pytest.fixture
def sqlite_hub(tmp_path: Path) -> Iterator[Hub]:
    """Give an application on SQLite, where the kind of database makes no difference."""
    with running_hub(tmp_path, f"sqlite:///{tmp_path}/tocsin.db") as made:
        yield made


def problem(response: TestResponse) -> dict[str, Any]:
    """Read a problem document, and see that it is one."""
    assert response.mimetype == "application/problem+json", response.data
    document: dict[str, Any] = response.get_json()
    assert document["status"] == response.status_code
    return document

"""A whole node of ours behind a real server on loopback, for a browser to look at."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from federation.keystore import KeyStore
from federation.node import get_node, init_node
from hub import clock
from hub.accounts import users
from hub.accounts.actor import Actor
from hub.app import create_app
from hub.settings import load_settings
from policies.roles import PersonRole
from sharing.db import db, reading, transaction
from sharing.orm import Base
from tests.conftest import load_records, take_free_port

PASSWORD: Final = "four words in a row"
PEOPLE: Final = {
    "mara": (PersonRole.ADMINISTRATOR, PersonRole.COORDINATOR),
    "jonas": (PersonRole.HANDLER,),
    "ada": (PersonRole.AUDITOR,),
}


class QuietHandler(WSGIRequestHandler):
    """Answers without writing a line for each request."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        pass


class HubNode:
    """One organisation's node with three people, on an embedded database."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.port = take_free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.settings = load_settings(
            data=folder, log_level="ERROR", log_format="text", bind=f"127.0.0.1:{self.port}"
        )
        self.app = create_app(self.settings)
        load_records()
        with self.app.app_context():
            Base.metadata.create_all(db.engine)
            store = KeyStore(
                self.settings.keys_folder, self.settings.key_passphrase.get_secret_value().encode()
            )
            with transaction() as session:
                init_node(
                    session,
                    store,
                    organisation=name,
                    base_url=self.base_url,
                    now=clock.utcnow(),
                )
        for person, roles in PEOPLE.items():
            self.add_person(person, roles)
        self._server = make_server(
            "127.0.0.1", self.port, self.app, threaded=True, request_handler=QuietHandler
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def organisation(self) -> str:
        with self.app.app_context(), reading() as session:
            return get_node(session).organisation

    def add_person(self, name: str, roles: Iterable[PersonRole]) -> None:
        with self.session() as session:
            users.create_user(
                session,
                Actor.at_the_console("tests"),
                name,
                roles=roles,
                password=PASSWORD,
                now=clock.utcnow(),
            )

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.app.app_context(), transaction() as session:
            yield session

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        with self.app.app_context():
            db.engine.dispose()

"""Small nodes for tests: our blueprint over real HTTP, each with its own database and keys."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from federation.identity.keys import PrivateKey, PublicKey
from federation.identity.keystore import KeyRing, KeyStore
from federation.identity.node import Node, get_node, init_node
from federation.identity.origins import Destination
from federation.partners.client import PartnerHttp, Timeouts
from federation.partners.gate import Gate
from federation.partners.heads import Head
from federation.partners.invitations import Invitation
from federation.partners.pairing import create_invitation
from federation.partners.partners import Partner, get_partner
from federation.partners.quotas import Rates
from federation.serving.endpoints import FederationDoors, create_federation
from federation.serving.exchanges import Exchanges, assertion_maker
from sharing.db import db, reading, transaction
from tests.conftest import make_store_app, take_free_port
from tests.kit.reach import LOOPBACK

START = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


class QuietHandler(WSGIRequestHandler):
    """Answers without writing a line per request."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        pass


class RunningNode:
    """One organisation's node on loopback."""

    def __init__(self, name: str, folder: Path, database_url: str, clock: Clock) -> None:
        self.clock = clock
        self.heads: dict[str, list[Head]] = {}
        self.heard: list[tuple[str, str]] = []
        self.activated: list[str] = []
        self.channel_keys: dict[tuple[str, str], PublicKey] = {}
        self.store = KeyStore(folder / "keys", b"a passphrase for tests")
        self.app: Flask = make_store_app(database_url)
        self.port = take_free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        doors = FederationDoors(
            ring=lambda: self.ring,
            clock=clock,
            heads_for=lambda _session, organisation: self.heads.get(organisation, []),
            hear=lambda _session, organisation, head, _now: self.heard.append(
                (organisation, head.channel)
            ),
            activated=self._activated,
            channel_keys=lambda _session, organisation, kid: self.channel_keys.get(
                (organisation, kid)
            ),
            gate=Gate(Rates(), clock=clock),
        )
        self.app.register_blueprint(create_federation(doors))
        with self.app.app_context(), transaction() as session:
            self.recovery: PrivateKey = init_node(
                session, self.store, organisation=name, base_url=self.base_url, now=clock()
            )
        self.ring: KeyRing = self.store.load()
        self.organisation = self.node.organisation
        self.http = PartnerHttp(
            assertion_maker(lambda: self.ring, clock),
            clock=clock,
            timeouts=Timeouts(connect=2, read=2, whole=4),
            reach=LOOPBACK,
        )
        self.exchanges = Exchanges(
            http=self.http, ring=lambda: self.ring, clock=clock, activated=self._activated
        )
        self._server = make_server(
            "127.0.0.1", self.port, self.app, threaded=True, request_handler=QuietHandler
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def node(self) -> Node:
        with self.app.app_context(), reading() as session:
            return get_node(session)

    @property
    def destination(self) -> Destination:
        return Destination(self.base_url)

    def invite(self) -> Invitation:
        with self.app.app_context(), transaction() as session:
            return self.invite_in(session)

    def invite_in(self, session: Session) -> Invitation:
        return create_invitation(session, get_node(session), by="anna", now=self.clock())

    def accept(self, line: str) -> Partner:
        with self.app.app_context():
            return self.exchanges.accept(line)

    def confirm(self, other: RunningNode, *, compared: bool = True) -> Partner:
        with self.app.app_context():
            return self.exchanges.confirm(other.organisation, compared=compared, by="anna")

    def partner(self, other: RunningNode) -> Partner:
        with self.app.app_context(), reading() as session:
            return get_partner(session, other.organisation)

    def token(self, other: RunningNode) -> str:
        """Ask another node for a fresh token."""
        with self.app.app_context():
            self.http.forget_token(other.destination)
            return self.http.token(other.destination)

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.app.app_context(), transaction() as session:
            yield session

    def pair_with(self, other: RunningNode) -> None:
        other.accept(self.invite().line)
        other.confirm(self)
        self.confirm(other)

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.http.close()
        with self.app.app_context():
            db.engine.dispose()

    def _activated(self, _session: Session, organisation: str, _now: datetime) -> None:
        self.activated.append(organisation)

"""A TAXII server of a test: plain collections behind our blueprint, over real HTTP."""

from __future__ import annotations

import base64
import threading
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import requests
from flask import Flask, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from policies.errors import NotFoundError, UnverifiedError
from policies.tlp import TLP
from sharing import collections
from sharing.collections import CollectionItem, Scope
from sharing.db import transaction
from sharing.objects import StixObject
from sharing.records import CollectionRow
from sharing.taxii.server import Caller, Outcome, Shelf, create_taxii

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
CERT = "identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0001"
GRID = "identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0002"
USERS = {"cert": CERT, "grid": GRID}
TAXII = "application/taxii+json;version=2.1"
MAX_CONTENT_LENGTH = 3 * 1024 * 1024


def versions_in(
    session: Session, collection_id: str, stix_ids: Collection[str]
) -> dict[tuple[str, int], list[str]]:
    """Give (STIX id, version) → hashes of what a collection has a row of, hidden or not."""
    found: dict[tuple[str, int], list[str]] = {}
    rows = session.scalars(
        select(CollectionRow).where(
            CollectionRow.collection_id == collection_id, CollectionRow.stix_id.in_(stix_ids)
        )
    )
    for row in sorted(rows, key=lambda row: row.date_added):
        found.setdefault((row.stix_id, row.version_ns), []).append(row.sha256)
    return found


@dataclass
class PlainDoors:
    """Doors to collections that everybody named may read and write; nothing is signed."""

    now: datetime = NOW
    shelves: dict[tuple[str, str], Shelf] = field(default_factory=dict)

    def caller(self, request: Request) -> Caller:
        given = request.authorization
        if given is None or given.type != "basic" or given.password != "secret":
            raise UnverifiedError("Who are you?")
        identity = USERS.get(given.username or "")
        if identity is None:
            raise UnverifiedError("Who are you?")
        return Caller(identity, "client")

    def collections(self, session: Session, caller: Caller) -> Sequence[Shelf]:
        del session
        return [shelf for (who, _), shelf in self.shelves.items() if who == caller.identity]

    def shelf(self, session: Session, caller: Caller, collection_id: str) -> Shelf:
        del session
        found = self.shelves.get((caller.identity, collection_id))
        if found is None:
            raise NotFoundError("There is no such collection.")
        return found

    def accept(self, caller: Caller, shelf: Shelf, objects: Sequence[StixObject]) -> list[Outcome]:
        del caller
        outcomes: list[Outcome] = []
        with transaction() as session:
            collections.lock(session, shelf.id)
            known = versions_in(session, shelf.id, {item.stix_id for item in objects})
            taken: list[CollectionItem] = []
            for item in objects:
                hashes = known.setdefault((item.stix_id, item.version_ns), [])
                failure = None
                if hashes and item.sha256 not in hashes:
                    failure = "conflicting_object: another content has this id and version"
                else:
                    hashes.append(item.sha256)
                    taken.append(CollectionItem(item, TLP.AMBER))
                outcomes.append(Outcome(item.stix_id, item.version, failure))
            collections.append(session, shelf.id, taken, self.now)
        return outcomes


@dataclass
class TaxiiNode:
    """The server, and what a test does with it."""

    app: Flask
    doors: PlainDoors
    base_url: str

    @property
    def root(self) -> str:
        return f"{self.base_url}/taxii2/channels/"

    def open(self, *who: str, **rights: Any) -> str:
        """Make a collection for these organisations (all, unless named)."""
        collection_id = str(uuid.uuid4())
        with self.app.app_context(), transaction() as session:
            collections.create(session, collection_id, title="A case")
        shelf = Shelf(
            id=collection_id,
            title="A case",
            description=None,
            can_read=True,
            can_write=True,
            scope=Scope.everything(),
        )
        for identity in who or (CERT, GRID):
            self.doors.shelves[identity, collection_id] = replace(shelf, **rights)
        return collection_id

    def change(self, who: str, collection_id: str, **rights: Any) -> None:
        shelf = self.doors.shelves[who, collection_id]
        self.doors.shelves[who, collection_id] = replace(shelf, **rights)

    def add(self, collection_id: str, *items: StixObject, claimed: TLP | None = None) -> list[int]:
        """Add objects behind the server's back."""
        rows = [CollectionItem(item, claimed) for item in items]
        with self.app.app_context(), transaction() as session:
            return collections.append(session, collection_id, rows, NOW)

    def ask(self, method: str, path: str, user: str = "cert", **options: Any) -> requests.Response:
        """Send a request below the API root."""
        headers = {"Accept": TAXII, **options.pop("headers", {})}
        given = {name: value for name, value in headers.items() if value is not None}
        session = requests.Session()
        session.headers.clear()
        with session:
            return session.request(
                method,
                self.root + path,
                auth=(user, "secret"),
                headers=given,
                timeout=20,
                allow_redirects=False,
                **options,
            )

    def get(self, path: str, user: str = "cert", **parameters: Any) -> requests.Response:
        return self.ask("GET", path, user, params=parameters)

    def objects(self, collection_id: str, **parameters: Any) -> list[dict[str, Any]]:
        """Read the objects of one page; `match_id` stands for `match[id]`."""
        names = {name: _parameter(name) for name in parameters}
        query = {names[name]: value for name, value in parameters.items()}
        answer = self.ask("GET", f"collections/{collection_id}/objects/", params=query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json().get("objects", [])
        return items

    def post(
        self,
        collection_id: str,
        body: Any,
        user: str = "cert",
        headers: Mapping[str, str | None] | None = None,
    ) -> requests.Response:
        """Submit a value, or bytes, or pieces of bytes (sent chunked)."""
        whole = isinstance(body, bytes) or hasattr(body, "__next__")
        return self.ask(
            "POST",
            f"collections/{collection_id}/objects/",
            user,
            data=body if whole else orjson.dumps(body),
            headers={"Content-Type": TAXII, **(headers or {})},
        )


def _parameter(name: str) -> str:
    return f"match[{name.removeprefix('match_')}]" if name.startswith("match_") else name


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def serve(app: Flask) -> Iterator[str]:
    """Serve an application on a free port of loopback; give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@contextmanager
def serve_taxii(app: Flask) -> Iterator[TaxiiNode]:
    """Serve TAXII from the store of an application."""
    doors = PlainDoors()
    blueprint = create_taxii(doors, max_content_length=MAX_CONTENT_LENGTH, utcnow=lambda: doors.now)
    app.register_blueprint(blueprint)
    with serve(app) as base_url:
        yield TaxiiNode(app, doors, base_url)


def note(number: int, *, minutes: int = 0, **more: Any) -> StixObject:
    """Make a note; the same number is the same object, later minutes a later version."""
    modified = NOW + timedelta(minutes=minutes)
    value = {
        "type": "note",
        "spec_version": "2.1",
        "id": f"note--{uuid.UUID(int=number, version=4)}",
        "created_by_ref": CERT,
        "created": "2026-11-20T10:00:00.000Z",
        "modified": f"{modified:%Y-%m-%dT%H:%M:%S}.000Z",
        "content": f"note {number}",
        "object_refs": [CERT],
        **more,
    }
    return StixObject.of({name: item for name, item in value.items() if item is not None})


def envelope(*items: StixObject | Mapping[str, Any]) -> dict[str, Any]:
    """Put objects into an envelope."""
    return {
        "objects": [
            dict(item.value) if isinstance(item, StixObject) else dict(item) for item in items
        ]
    }


def basic(user: str, password: str) -> str:
    """Write a Basic authorisation."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

"""A case of 50 organisations and 20,000 entries: its pages, the list of cases, and `rebuild`.

It is written once, into SQLite, and its rows are copied to PostgreSQL. Each page is set against a
bare page of the same number of bytes, and judging against bare signatures, in the same run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine

from federation.identity.keys import Typ, verify_detached
from federation.ledgers import rebuild
from hub import clock, collecting
from hub.accounts import users
from hub.apply import VIEWS
from policies.roles import PersonRole
from sharing.db import prepare_engine
from tests.bench.figures import HEADING, Distribution, machine
from tests.kit.api import headers_of
from tests.kit.big_case import write_big_case, write_cases
from tests.kit.copied import copy_rows
from tests.kit.ledger_kit import key_of
from tests.kit.nodes import CONSOLE, Clock, LocalNode
from tests.kit.processes import postgresql
from tests.kit.tables import migrate

pytestmark = pytest.mark.bench

ORGANISATIONS: Final = 50
ENTRIES: Final = 20_000
CASES: Final = 200
TIMES: Final = 100
WARM_UP: Final = 5
PROMISE: Final = 0.2
"""p95 of each page of `PROMISED`, in seconds."""
PROMISED: Final = ("list of cases", "room with its matrix", "case for programs", "timeline")
PASSWORD: Final = "four words in a row"
BASE: Final = "https://cert.example"


@dataclass
class Large:
    """The case as it was written, on SQLite."""

    node: LocalNode
    channel: str
    now: Clock
    headers: dict[str, str]
    """Of a program that a person has given a token."""


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Large]:
    """Write the case, once for both databases."""
    now = Clock()
    with clock.told_by(now):
        folder = tmp_path_factory.mktemp("large")
        node = LocalNode("CERT", folder, base_url=BASE, now=now)
        began, took = time.perf_counter(), time.process_time()
        channel = write_big_case(node, members=ORGANISATIONS, entries=ENTRIES)
        write_cases(node, CASES)
        wall, processor = time.perf_counter() - began, time.process_time() - took
        tell(f"\n{machine()}\nwritten in {wall:.0f} s, {processor:.0f} s of processor time")
        now.advance(seconds=timedelta(days=7).total_seconds())
        with node.writing() as session:
            roles = [PersonRole.COORDINATOR]
            users.create_user(session, CONSOLE, "mara", roles=roles, password=PASSWORD, now=now())
        yield Large(node, channel, now, headers_of(node))
        node.close()


# Writing the case takes a minute or two.
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_large_case_is_shown_and_made_again(large: Large, database: str) -> None:
    tell(f"\n{machine()}, {database}")
    with ExitStack() as stack:
        stack.enter_context(clock.told_by(large.now))
        node = large.node
        if database == "postgresql":
            cluster = stack.enter_context(postgresql())
            node = copied(large, cluster.database("cert"))
            stack.callback(node.close)
        late = [
            f"{name}: p95 {1000 * seconds:.0f} ms"
            for name, seconds in measured(node, large.channel, large.headers).items()
            if name in PROMISED and seconds >= PROMISE
        ]
        made_again(node, large.channel)
    assert not late, late


def copied(large: Large, url: str) -> LocalNode:
    """Give the same node on another database."""
    first, began = large.node, time.perf_counter()
    migrate(url)
    target = create_engine(url)
    prepare_engine(target)
    with first.reading() as session:
        count = copy_rows(session.connection(), target)
    target.dispose()
    tell(f"{count} rows copied in {time.perf_counter() - began:.0f} s")
    return LocalNode(
        first.name,
        first.settings.data.parent,
        base_url=BASE,
        database_url=url,
        now=large.now,
        recovery=first.recovery,
    )


def measured(node: LocalNode, channel: str, headers: dict[str, str]) -> dict[str, float]:
    """Tell how long each page takes at the server; give p95 of each, in seconds."""
    client, program = signed_in(node), node.app.test_client()
    collecting.settle()
    tell(HEADING)
    asked: dict[str, tuple[str, dict[str, str]]] = {
        "list of cases": ("/cases", {}),
        "room with its matrix": (f"/cases/{channel}", {}),
        "case for programs": (f"/api/v1/cases/{channel}", headers),
        "timeline": (f"/cases/{channel}/timeline", {}),
        "page of its channel": (f"/channels/{channel}", {}),
        "Today": ("/", {}),
    }
    return {
        name: measure(program if given else client, name, path, given)
        for name, (path, given) in asked.items()
    }


def signed_in(node: LocalNode) -> FlaskClient:
    """Give a browser in which a coordinator has signed in."""
    client = node.app.test_client()
    door = client.get("/sign-in").get_data(as_text=True)
    token = door.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    client.post("/sign-in", data={"name": "mara", "password": PASSWORD, "csrf_token": token})
    return client


def measure(client: FlaskClient, name: str, path: str, headers: dict[str, str]) -> float:
    """Tell how long a page takes, and a bare one of its size; give its p95 in seconds."""
    size = 0

    def ask() -> None:
        nonlocal size
        answer = client.get(path, headers=headers)
        assert answer.status_code == 200, path
        size = len(answer.data)

    p95 = show(name, ask)
    app = Flask("bare")
    content = "x" * size
    app.add_url_rule("/", view_func=lambda: content)
    other = app.test_client()
    show(f"  bare, {size} bytes", lambda: other.get("/").data)
    return p95


def show(name: str, ask: Callable[[], object]) -> float:
    """Tell how long something takes, by the clock and of the processor; give p95 by the clock."""
    for _ in range(WARM_UP):
        ask()
    walls, processor = [], []
    for _ in range(TIMES):
        began, took = time.perf_counter(), time.process_time()
        ask()
        walls.append(time.perf_counter() - began)
        processor.append(time.process_time() - took)
    for what, seconds in (("", walls), (", processor", processor)):
        taken = Distribution(f"{name}{what}", seconds)
        tell(f"{taken.line()}; p95 {1000 * taken.quantile(0.95):.1f} ms")
    return Distribution(name, walls).quantile(0.95)


def made_again(node: LocalNode, channel: str) -> None:
    """Tell how quickly `rebuild` judges and applies, and how many signatures the core checks."""
    began, took = time.perf_counter(), time.process_time()
    with node.writing() as session:
        done = rebuild.rebuild(session, node.office.desk(session), channel, VIEWS)
    wall, processor = time.perf_counter() - began, time.process_time() - took
    assert done.equal
    assert done.entries == ENTRIES
    tell(
        f"rebuild: {done.entries / wall:.0f} entries a second, "
        f"{done.entries / processor:.0f} a second of processor time"
    )
    tell(f"{bare_signatures():.0f} bare signatures a second on the same core")


def bare_signatures(times: int = 5000) -> float:
    """Tell how many signatures this core checks in a second of processor time."""
    key, payload = key_of("bench"), b"x" * 1000
    token = key.sign_detached(payload, Typ.BUNDLE)
    took = time.process_time()
    for _ in range(times):
        verify_detached(token, payload, key.public, Typ.BUNDLE)
    return times / (time.process_time() - took)

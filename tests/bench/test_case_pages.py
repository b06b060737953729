"""A case of 50 organisations and 20,000 entries: its pages, the list of cases, and `rebuild`.

Set against a bare page of the same number of bytes, and bare signatures, in the same run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from flask import Flask
from flask.testing import FlaskClient

from federation.identity.keys import Typ, verify_detached
from federation.ledgers import rebuild
from hub import clock, collecting
from hub.accounts import users
from hub.apply import VIEWS
from policies.roles import PersonRole
from tests.bench.figures import HEADING, Distribution, machine
from tests.kit.big_case import write_big_case, write_cases
from tests.kit.ledger_kit import key_of
from tests.kit.nodes import CONSOLE, Clock, LocalNode
from tests.kit.processes import postgresql

pytestmark = pytest.mark.bench

ORGANISATIONS: Final = 50
ENTRIES: Final = 20_000
CASES: Final = 200
TIMES: Final = 200
WARM_UP: Final = 10
PASSWORD: Final = "four words in a row"


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


# Writing the case takes some minutes.
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_large_case_is_shown_and_made_again(tmp_path: Path, database: str) -> None:
    tell(f"\n{machine()}, {database}")
    now = Clock()
    with ExitStack() as stack:
        stack.enter_context(clock.told_by(now))
        cluster = stack.enter_context(postgresql()) if database == "postgresql" else None
        url = cluster.database("cert") if cluster else ""
        base = "https://cert.example"
        node = LocalNode("CERT", tmp_path, base_url=base, database_url=url, now=now)
        stack.callback(node.close)
        channel = write_big_case(node, members=ORGANISATIONS, entries=ENTRIES)
        write_cases(node, CASES)
        written = node.state(channel).head_created
        now.advance(seconds=timedelta(days=7).total_seconds())
        client = signed_in(node)
        tell(HEADING)
        for path in ("/cases", f"/cases/{channel}", f"/cases/{channel}/timeline"):
            if client.get(path).status_code == 404:
                continue
            size = measure(client, path)
            bare(size)
        tell(f"rebuilt up to {written}:")
        made_again(node, channel)


def signed_in(node: LocalNode) -> FlaskClient:
    """Give a browser in which a coordinator has signed in."""
    with node.writing() as session:
        roles = [PersonRole.COORDINATOR]
        users.create_user(session, CONSOLE, "mara", roles=roles, password=PASSWORD, now=node.now())
    client = node.app.test_client()
    door = client.get("/sign-in").get_data(as_text=True)
    token = door.split('name="csrf_token"', 1)[1].split('value="', 1)[1].split('"', 1)[0]
    client.post("/sign-in", data={"name": "mara", "password": PASSWORD, "csrf_token": token})
    return client


def measure(client: FlaskClient, path: str) -> int:
    """Tell how long a page takes at the server; give its size in bytes."""
    size = 0

    def ask() -> None:
        nonlocal size
        answer = client.get(path)
        assert answer.status_code == 200
        size = len(answer.data)

    show(path[:20], ask)
    return size


def show(name: str, ask: Callable[[], object]) -> None:
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


def bare(size: int) -> None:
    """Tell what a page of so many bytes takes that asks nothing."""
    app, content = Flask("bare"), "x" * size
    app.add_url_rule("/", view_func=lambda: content)
    client = app.test_client()
    show(f"  bare, {size} bytes", lambda: client.get("/").data)


def made_again(node: LocalNode, channel: str) -> None:
    """Tell how quickly `rebuild` judges and applies, and how many signatures the core checks."""
    collecting.settle()
    began, took = time.perf_counter(), time.process_time()
    with node.writing() as session:
        done = rebuild.rebuild(session, node.office.desk(session), channel, VIEWS)
    wall, processor = time.perf_counter() - began, time.process_time() - took
    assert done.equal
    assert done.entries == ENTRIES
    tell(
        f"{done.entries / wall:.0f} entries a second, "
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

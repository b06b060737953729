"""Many writers and readers at once: nothing is missed, nothing is double, the order is one."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import text

from policies.errors import ConflictError, UnavailableError
from sharing import collections, objects
from sharing.collections import CollectionItem, Filters, Scope, Versions
from sharing.db import BusyError, after_commit, db, reading, transaction
from sharing.objects import StixObject
from tests.integration.taxii_node import note

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
ALL = Versions.all()


def make_collection(app: Flask) -> str:
    collection_id = str(uuid.uuid4())
    with app.app_context(), transaction() as session:
        collections.create(session, collection_id, title="A case")
    return collection_id


def add(collection_id: str, *items: StixObject) -> list[int]:
    with transaction() as session:
        rows = [CollectionItem(item, None) for item in items]
        return collections.append(session, collection_id, rows, datetime.now(UTC))


def read_after(collection_id: str, after: int) -> collections.Page:
    filters = Filters(after=after, versions=ALL)
    with reading() as session:
        return collections.page(session, collection_id, filters, Scope.everything(), limit=7)


def test_readers_never_miss_what_slower_writers_commit(store_app: Flask) -> None:
    shelf = make_collection(store_app)
    writers, rounds = 4, 15
    done = threading.Event()

    def write(writer: int) -> list[int]:
        dates: list[int] = []
        with store_app.app_context():
            for number in range(rounds):
                with transaction() as session:
                    item = note(writer * 1000 + number)
                    rows = [CollectionItem(item, None)]
                    dates += collections.append(session, shelf, rows, datetime.now(UTC))
                    if number % 5 == writer:
                        time.sleep(0.01)  # a slow writer, its row not yet to be seen
        return dates

    def follow() -> list[bytes]:
        seen: list[bytes] = []
        after = -1
        with store_app.app_context():
            while True:
                ended = done.is_set()
                page = read_after(shelf, after)
                seen += page.contents
                if page.last_added is not None:
                    after = page.last_added
                elif ended:
                    return seen

    with ThreadPoolExecutor(writers + 2) as pool:
        readers = [pool.submit(follow) for _ in range(2)]
        dates = [date for dates in pool.map(write, range(writers)) for date in dates]
        done.set()
        results = [reader.result(30) for reader in readers]
    assert len(set(dates)) == writers * rounds
    for seen in results:
        assert len(seen) == len(set(seen)) == writers * rounds
    assert results[0] == results[1]


def test_the_same_objects_by_many_at_once_are_there_once(store_app: Flask) -> None:
    shelf, other = make_collection(store_app), make_collection(store_app)
    items = [note(number) for number in range(30)]

    def write(turn: int) -> list[int]:
        ordered = items if turn % 2 else items[::-1]
        with store_app.app_context():
            return add(shelf if turn % 3 else other, *ordered)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(12)))
    with store_app.app_context(), reading() as session:
        for collection_id in (shelf, other):
            everything = Filters(versions=ALL)
            page = collections.page(
                session, collection_id, everything, Scope.everything(), limit=100
            )
            assert sorted(page.contents) == sorted(item.content for item in items)


def test_a_reader_sees_one_state_though_others_commit(store_app: Flask) -> None:
    shelf = make_collection(store_app)
    everything = Filters(versions=ALL)
    with store_app.app_context():
        add(shelf, note(1))
        with reading() as session:
            before = collections.page(session, shelf, everything, Scope.everything(), limit=10)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(_in_context, store_app, lambda: add(shelf, note(2))).result(10)
            after = collections.page(session, shelf, everything, Scope.everything(), limit=10)
        assert before == after
        assert len(read_after(shelf, -1).contents) == 2


def _in_context(app: Flask, call: Callable[[], object]) -> object:
    with app.app_context():
        return call()


def test_what_a_transaction_read_is_still_true_when_it_writes(store_app: Flask) -> None:
    """Counting and adding in one transaction under the lock: no two count the same."""
    shelf = make_collection(store_app)

    def count_and_add(_turn: int) -> int:
        with store_app.app_context(), transaction() as session:
            collections.lock(session, shelf)
            everything = Filters(versions=ALL)
            page = collections.page(session, shelf, everything, Scope.everything(), limit=1000)
            count = len(page.contents)
            collections.append(session, shelf, [CollectionItem(note(count), None)], NOW)
            return count

    with ThreadPoolExecutor(5) as pool:
        counts = list(pool.map(count_and_add, range(25)))
    assert sorted(counts) == list(range(25))


def test_a_reader_cannot_write(store_app: Flask) -> None:
    shelf = make_collection(store_app)
    with store_app.app_context():
        if db.engine.dialect.name == "postgresql":
            with pytest.raises(Exception, match="read-only"), reading() as session:
                collections.append(session, shelf, [CollectionItem(note(1), None)], NOW)
        else:
            with reading() as session:
                collections.append(session, shelf, [CollectionItem(note(1), None)], NOW)
        assert read_after(shelf, -1).contents == []


def test_waiting_for_a_lock_ends_and_says_so(
    store_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = make_collection(store_app)
    with store_app.app_context():
        holds, ends = threading.Event(), threading.Event()

        def hold() -> None:
            with store_app.app_context(), transaction() as session:
                collections.lock(session, shelf)
                session.execute(text("UPDATE collection SET title = 'held'"))
                holds.set()
                ends.wait(20)

        thread = threading.Thread(target=hold)
        thread.start()
        holds.wait(10)
        ran: list[int] = []
        try:
            with pytest.raises(BusyError), transaction() as session:  # noqa: PT012
                after_commit(session, lambda: ran.append(1))
                shorten = {
                    "postgresql": "SET LOCAL lock_timeout TO 100",
                    "sqlite": "PRAGMA busy_timeout = 100",
                }[db.engine.dialect.name]
                if db.engine.dialect.name == "sqlite":
                    raw = db.engine.raw_connection()
                    raw.execute(shorten)
                    raw.close()
                else:
                    session.execute(text(shorten))
                collections.lock(session, shelf)
        finally:
            ends.set()
            thread.join(10)
        assert ran == []
        with transaction() as session:
            assert collections.lock(session, shelf) == 0


def test_a_database_that_is_away_is_unavailable(tmp_path: object, free_port: int) -> None:
    for url in (
        f"postgresql+psycopg://postgres@127.0.0.1:{free_port}/nothing",
        "sqlite:////nowhere/at/all/tocsin.db",
    ):
        app = Flask("away")
        app.config["SQLALCHEMY_DATABASE_URI"] = url
        db.init_app(app)
        with app.app_context():
            for lend in (reading, transaction):
                with pytest.raises(UnavailableError) as refusal, lend() as session:
                    objects.find(session, "0" * 64)
                assert refusal.value.retry_after_seconds


def test_a_bug_is_no_outage(store_app: Flask) -> None:
    with store_app.app_context():
        for statement in ("SELECT * FROM no_such_table", "SELEC 1"):
            with (
                pytest.raises(Exception, match=r"no_such_table|SELEC") as error,
                reading() as session,
            ):
                session.execute(text(statement))
            assert not isinstance(error.value, UnavailableError | ConflictError)


def test_commits_are_durable_by_setting(store_app: Flask) -> None:
    with store_app.app_context(), transaction() as session:
        if db.engine.dialect.name == "postgresql":
            assert session.scalar(text("SHOW synchronous_commit")) == "on"
        else:
            assert session.scalar(text("PRAGMA synchronous")) == 2
            assert session.scalar(text("PRAGMA journal_mode")) == "wal"
            assert session.scalar(text("PRAGMA foreign_keys")) == 1

"""What a worker does when its database goes away under it."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from federation.work import errands, worker
from federation.work.errands import Done, Outcome
from federation.work.worker import Work
from policies.errors import UnavailableError
from sharing.db import db, reading, transaction
from tests.conftest import make_store_app

pytestmark = pytest.mark.faults


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def ask(subject: str) -> bool:
    try:
        with transaction() as session:
            errands.ask(session, "deliver", subject, now=datetime.now(UTC))
    except UnavailableError:
        return False
    return True


def nothing_waits() -> bool:
    try:
        with reading() as session:
            return errands.find_next_due(session) is None
    except UnavailableError:
        return False


def end_all_other_connections() -> None:
    with db.engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def test_a_worker_outlives_its_connections_and_settles_what_it_did(postgresql_url: str) -> None:
    app = make_store_app(postgresql_url)
    done: list[str] = []
    begun, cut = threading.Event(), threading.Event()

    def deliver(_app: Flask, subject: str, _now: datetime) -> Outcome:
        begun.set()
        cut.wait(10)
        done.append(subject)
        return Done()

    worker.equip(app, Work({"deliver": deliver}))
    with app.app_context():
        one = worker.start_in_thread(app)
        ask("a")
        assert begun.wait(60)
        end_all_other_connections()
        cut.set()
        wait_until(nothing_waits)
        wait_until(lambda: ask("b"))
        wait_until(lambda: "b" in done)
        assert one.stop(timedelta(seconds=5))
        db.engine.dispose()
    assert done == ["a", "b"]

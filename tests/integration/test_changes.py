import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from federation.work import changes, errands
from federation.work.changes import Changes
from sharing.db import db, reading, transaction

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def watch(app_context: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Changes]:
    monkeypatch.setattr(changes, "LOOK_ANYWAY_SECONDS", 3600)
    watch = Changes()
    # The first answers are a cautious yes.
    watch.seen()
    watch.seen()
    yield watch
    watch.close()


def hears(watch: Changes) -> bool:
    """Tell whether it sees something within a while: word of a commit comes a moment after it."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if watch.seen():
            return True
        time.sleep(0.01)
    return False


def ask(subject: str = "a") -> None:
    with transaction() as session:
        errands.ask(session, "deliver", subject, now=NOON)


def test_what_was_asked_for_is_seen_once(watch: Changes) -> None:
    assert not watch.seen()
    ask()
    assert hears(watch)
    assert not watch.seen()


def test_ended_waits_are_seen(watch: Changes) -> None:
    ask()
    with transaction() as session:
        (claimed,) = errands.claim(session, 1, NOON)
    with transaction() as session:
        errands.settle(session, claimed, errands.Failed("No.", "no"), now=NOON, chance=0)
    assert hears(watch)
    assert not watch.seen()
    with transaction() as session:
        errands.hasten(session, "a", now=NOON)
    assert hears(watch)


def test_reading_is_no_change(watch: Changes) -> None:
    with reading() as session:
        errands.find_next_due(session)
    assert not watch.seen()


def test_what_does_not_commit_is_no_change(watch: Changes) -> None:
    def fail() -> None:
        with transaction() as session:
            errands.ask(session, "deliver", "a", now=NOON)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not watch.seen()


def test_after_its_connection_was_lost_it_is_cautious_and_hears_again(
    watch: Changes,
) -> None:
    if db.engine.dialect.name == "postgresql":
        end_others = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with db.engine.connect() as connection:
            connection.execute(text(end_others))
        db.engine.dispose()
    else:
        watch.close()
    assert hears(watch), "it never noticed"
    # It opens a connection, and says yes to be sure; then it knows.
    watch.seen()
    watch.seen()
    assert not watch.seen()
    ask()
    assert hears(watch)


def test_nobody_is_believed_for_longer_than_a_second(
    watch: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "LOOK_ANYWAY_SECONDS", 0)
    if db.engine.dialect.name == "postgresql":
        assert watch.seen()
    else:
        assert not watch.seen(), "SQLite's own number needs no second opinion"

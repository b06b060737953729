"""The worker, in this process and in processes of its own, on both databases."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from flask import Flask

from federation.work import errands, worker
from federation.work.errands import Done, Failed, Outcome
from federation.work.worker import Handler, Handlers, Work, Worker
from policies.errors import NotFoundError, UnavailableError
from sharing.db import reading, transaction

pytestmark = pytest.mark.usefixtures("app_context")

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def utcnow() -> datetime:
    return datetime.now(UTC)


def ask(kind: str, subject: str = "a", *, lane: str | None = None) -> None:
    with transaction() as session:
        errands.ask(session, kind, subject, now=utcnow(), lane=lane)


def find(kind: str, subject: str = "a") -> errands.Waiting | None:
    with reading() as session:
        return errands.find_waiting(session, kind, subject)


def get(kind: str) -> errands.Waiting:
    one = find(kind)
    assert one is not None
    return one


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.005)


@contextmanager
def working(app: Flask, handlers: Handlers, **others: object) -> Iterator[Worker]:
    worker.equip(app, Work(handlers, **others))  # type: ignore[arg-type]
    one = worker.start_in_thread(app)
    try:
        yield one
    finally:
        one.stop(timedelta(seconds=5))


def recorder(into: list[str], outcome: Outcome | None = None) -> Handler:
    def handle(_app: Flask, subject: str, _now: datetime) -> Outcome:
        into.append(subject)
        return outcome or Done()

    return handle


def test_what_this_process_asks_for_begins_at_once(
    store_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only being woken can make it begin: the worker itself looks again after a minute.
    monkeypatch.setattr(worker, "LOOK_EVERY", timedelta(minutes=1))
    done: list[str] = []
    with working(store_app, {"deliver": recorder(done)}):
        for number in range(20):
            ask("deliver", str(number))
            wait_until(partial(done.__contains__, str(number)))
    assert done == [str(number) for number in range(20)]


def test_nothing_is_left_of_what_is_done(store_app: Flask) -> None:
    done: list[str] = []
    with working(store_app, {"deliver": recorder(done)}):
        ask("deliver")
        wait_until(lambda: done and find("deliver") is None)


def test_a_silent_partner_delays_nobody_else(store_app: Flask) -> None:
    done: list[str] = []
    silence = threading.Event()

    def hang(_app: Flask, _subject: str, _now: datetime) -> Outcome:
        silence.wait(30)
        return Failed("No answer.", "unreachable")

    with working(store_app, {"hang": hang, "deliver": recorder(done)}):
        for number in range(5):
            ask("hang", str(number), lane="silent")
        ask("deliver", "to the silent", lane="silent")
        ask("deliver", "to another", lane="another")
        wait_until(lambda: done == ["to another"], 2)
        silence.set()
        wait_until(lambda: "to the silent" in done)


def test_many_silent_partners_leave_threads_for_those_that_answer(store_app: Flask) -> None:
    done: list[str] = []
    silence = threading.Event()
    first = Counter[str]()

    def hang(_app: Flask, subject: str, _now: datetime) -> Outcome:
        first[subject] += 1
        if first[subject] > 1:
            silence.wait(30)
        return Failed("No answer.", "unreachable")

    with working(store_app, {"hang": hang, "deliver": recorder(done)}, threads=4):
        for number in range(8):
            ask("hang", str(number))
        wait_until(lambda: sum(count > 1 for count in first.values()) == 3)
        ask("deliver")
        wait_until(lambda: done, 2)
        assert sum(count > 1 for count in first.values()) == 3
        silence.set()


def test_refusals_are_kept_with_their_words_and_bugs_without_detail(store_app: Flask) -> None:
    def refuse(_app: Flask, _subject: str, _now: datetime) -> Outcome:
        raise NotFoundError("There is no such channel.")

    def busy(_app: Flask, _subject: str, _now: datetime) -> Outcome:
        raise UnavailableError("Busy for now.", retry_after_seconds=600)

    def broken(_app: Flask, _subject: str, _now: datetime) -> Outcome:
        raise RuntimeError("secret")

    with working(store_app, {"refuse": refuse, "busy": busy, "broken": broken}):
        for kind in ("refuse", "busy", "broken"):
            ask(kind)

        def failed(kind: str) -> bool:
            one = find(kind)
            return one is not None and one.attempts > 0 and not one.running

        wait_until(lambda: all(map(failed, ("refuse", "busy", "broken"))))
        refused, busied, broke = get("refuse"), get("busy"), get("broken")
    assert (refused.last_name, refused.last_reason) == ("not_found", "There is no such channel.")
    assert busied.last_name == "unavailable"
    assert busied.due_at - utcnow() > timedelta(seconds=590)
    assert broke.last_name == "internal"
    assert "secret" not in str(broke.last_reason)


def test_standing_work_comes_round_by_the_clock(store_app: Flask) -> None:
    clock = Clock()
    rounds: list[datetime] = []

    def tidy(_app: Flask, subject: str, now: datetime) -> Outcome:
        assert subject == ""
        rounds.append(now)
        return Done(again_at=now + timedelta(hours=1))

    with working(store_app, {"tidy": tidy}, standing=("tidy",), clock=clock):
        wait_until(lambda: len(rounds) == 1)
        time.sleep(0.2)
        assert len(rounds) == 1
        clock.now += timedelta(hours=1)
        wait_until(lambda: len(rounds) == 2)
    assert rounds == [NOON, NOON + timedelta(hours=1)]


def test_a_clock_that_jumps_starts_nothing_twice(store_app: Flask) -> None:
    clock = Clock()
    begun: list[str] = []
    end = threading.Event()

    def slow(_app: Flask, subject: str, _now: datetime) -> Outcome:
        begun.append(subject)
        end.wait(30)
        return Done()

    with working(store_app, {"slow": slow}, clock=clock):
        with transaction() as session:
            errands.ask(session, "slow", "a", now=NOON)
        wait_until(lambda: begun)
        for _ in range(5):
            clock.now += timedelta(hours=1)
            time.sleep(0.1)
        end.set()
        wait_until(lambda: find("slow") is None)
    assert begun == ["a"]


def test_an_errand_that_its_own_worker_took_again_ends_once_for_each(store_app: Flask) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow(_app: Flask, _subject: str, _now: datetime) -> Outcome:
        begun.set()
        go.wait(60)
        return Done()

    with working(store_app, {"slow": slow}) as one:
        ask("slow")
        wait_until(begun.is_set)
        (first,) = one._running.values()
        again = replace(first, asked=first.asked + 1)
        one._running[again.id] = again
        go.set()
        wait_until(lambda: find("slow") is None)
        wait_until(lambda: not any(t.name == "errand-slow" for t in threading.enumerate()))
        assert one._running == {again.id: again}, "the second is under way still"
        one._running.clear()


def test_a_worker_shows_that_it_lives(store_app: Flask) -> None:
    with reading() as session:
        assert worker.find_last_beat(session) is None
    clock = Clock()

    def beat() -> datetime | None:
        with reading() as session:
            return worker.find_last_beat(session)

    with working(store_app, {}, clock=clock):
        wait_until(lambda: beat() == NOON)
        clock.now += timedelta(seconds=10)
        wait_until(lambda: beat() == NOON + timedelta(seconds=10))


def test_stopping_waits_for_what_is_under_way_and_takes_nothing_new(store_app: Flask) -> None:
    begun = threading.Event()
    done: list[str] = []

    def slow(_app: Flask, subject: str, _now: datetime) -> Outcome:
        begun.set()
        time.sleep(0.3)
        done.append(subject)
        return Done()

    with working(store_app, {"slow": slow}) as one:
        ask("slow", "first", lane="p")
        ask("slow", "second", lane="p")
        assert begun.wait(60)
        assert one.stop()
        assert done == ["first"]
    assert find("slow", "first") is None
    assert find("slow", "second") is not None


def test_stopping_gives_up_on_what_does_not_end(store_app: Flask) -> None:
    begun, end = threading.Event(), threading.Event()

    def hang(_app: Flask, _subject: str, _now: datetime) -> Outcome:
        begun.set()
        end.wait(30)
        return Done()

    with working(store_app, {"hang": hang}) as one:
        ask("hang")
        assert begun.wait(60)
        assert not one.stop(timedelta(seconds=0.2))
        assert get("hang").running
        end.set()
        wait_until(lambda: find("hang") is None)


def test_two_workers_of_one_process_share_the_work(store_app: Flask) -> None:
    done: list[str] = []
    with working(store_app, {"deliver": recorder(done)}):
        other = worker.start_in_thread(store_app)
        with transaction() as session:
            for number in range(300):
                errands.ask(session, "deliver", str(number), now=utcnow(), lane=f"p{number % 20}")
        wait_until(lambda: len(done) >= 300, 60)
        other.stop()
    assert Counter(done) == Counter(str(number) for number in range(300))


# In processes of their own


def start_process(
    database_url: str, log: Path, seconds: float, *more: float
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.integration.worker_process",
            database_url,
            str(log),
            str(seconds),
            *[str(one) for one in more],
        ],
        cwd=ROOT,
    )


def read_log(log: Path) -> list[tuple[str, str, int]]:
    lines = log.read_text().splitlines() if log.exists() else []
    split = [line.split() for line in lines]
    return [(what, subject, int(process)) for what, subject, process in split]


def has_lines(log: Path, more_than: int) -> bool:
    return len(read_log(log)) > more_than


def count_waiting() -> int:
    with reading() as session:
        figures = errands.count_errands(session, utcnow())
        return figures.waiting + figures.running


@pytest.mark.faults
def test_killing_workers_loses_nothing_and_doubles_nothing(tables_url: str, tmp_path: Path) -> None:
    """Three rounds of kill -9 among two workers, then every errand was done, one at a time."""
    log = tmp_path / "log"
    asked = [f"{number % 10}-{number}" for number in range(150)]
    with transaction() as session:
        for subject in asked:
            lane = subject.partition("-")[0]
            errands.ask(session, "deliver", subject, now=utcnow(), lane=lane)
    chance = random.Random(20260301)
    killed = set()
    workers = [start_process(tables_url, log, 0.02) for _ in range(2)]
    try:
        for count in (40, 80, 120):
            wait_until(partial(has_lines, log, count), 30)
            time.sleep(chance.random() / 20)
            victim = workers.pop(chance.randrange(2))
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            killed.add(victim.pid)
            workers.append(start_process(tables_url, log, 0.02))
        wait_until(lambda: count_waiting() == 0, 60)
    finally:
        for one in workers:
            one.send_signal(signal.SIGTERM)
        codes = [one.wait(30) for one in workers]
    # One that was still starting ends by the signal itself.
    assert set(codes) <= {0, -signal.SIGTERM}
    ended = Counter(subject for what, subject, _ in read_log(log) if what == "end")
    assert set(ended) == set(asked), "nothing is lost"
    under_way: dict[str, tuple[str, int]] = {}
    for what, subject, process in read_log(log):
        lane = subject.partition("-")[0]
        if what == "begin":
            before = under_way.get(lane)
            assert before is None or before[1] in killed, "two of one lane at once"
            under_way[lane] = (subject, process)
        else:
            assert under_way.pop(lane) == (subject, process)
    # What was cut off between its end and the word of it is done again, and nothing else.
    assert sum(ended.values()) - len(asked) <= 8 * len(killed)


def test_another_process_hears_of_it_at_once_and_stops_when_told(
    tables_url: str, tmp_path: Path
) -> None:
    """It would look by itself in an hour: whatever it does before then, it was told of."""
    log = tmp_path / "log"
    process = start_process(tables_url, log, 0, 3600)
    try:
        ask("deliver", "first")
        wait_until(lambda: read_log(log))
        for number in range(10):
            wait_until(lambda: count_waiting() == 0)
            ask("deliver", f"number-{number}")
            # Each leaves two lines, and the first errand left two before.
            wait_until(partial(has_lines, log, 2 * number + 3))
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0

"""The loop that does what waits: claims errands, runs their handlers, shows that it lives.

A worker is a loop in one thread and a thread for each errand under way. Several workers share one
database; kill one at any instant, and what it held is done again when its lease ends. Handlers
are therefore written so that doing their work twice does no harm.
"""

from __future__ import annotations

import logging
import random
import re
import secrets
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from flask import Flask
from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from federation.work import errands
from federation.work.changes import Changes
from federation.work.errands import Claimed, Failed, Outcome
from federation.work.holders import Holder
from federation.work.records import WorkerRecord
from policies.errors import CoordinationError, UnavailableError
from sharing.db import reading, transaction

logger = logging.getLogger(__name__)

Handler = Callable[[Flask, str, datetime], Outcome]
Handlers = Mapping[str, Handler]

LOOK_EVERY: Final = timedelta(milliseconds=100)
"""How soon to hear of what another process asked for; this process wakes its own worker."""
BEAT_EVERY: Final = errands.LEASE / 3
GRACE: Final = timedelta(seconds=25)
"""How long what is under way may take to end when the worker is told to stop."""
FORGET_AFTER: Final = timedelta(days=1)

_EXTENSION: Final = "tocsin_work"
_THREADS: Final = 8


def _utcnow() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Work:
    """What the workers of an application do.

    Args:
        handlers: for each kind of errand, what does it, given its subject. It returns `Done` or
            `Failed`; a `CoordinationError` counts as failed, with its sentence.
        standing: kinds that are asked for whenever a worker starts, with an empty subject; their
            handlers return `Done(again_at=…)` to come round.
        clock: what time it is.
        threads: how many errands one worker has under way at most. The last quarter is kept for
            those that have not failed, so that silent partners can't take all.
    """

    handlers: Handlers
    standing: tuple[str, ...] = ()
    clock: Callable[[], datetime] = _utcnow
    threads: int = _THREADS

    @property
    def per_party(self) -> int:
        """How many threads the work for one partner takes at most."""
        return max(1, self.threads // 2 - 1)

    @property
    def kept_free(self) -> int:
        """How many threads are kept for errands that have not failed."""
        return max(1, self.threads // 4) if self.threads > 1 else 0


def equip(app: Flask, work: Work) -> None:
    """Tell an application what its workers do."""
    app.extensions[_EXTENSION] = work


def start_in_thread(app: Flask) -> Worker:
    """Start a worker in this process; it runs until its `stop` is called or the process ends."""
    worker = Worker(app)
    worker.start()
    return worker


def run(app: Flask) -> None:
    """Work until SIGTERM or SIGINT, then end what is under way, within `GRACE`.

    To be called from the main thread.
    """
    signals = {signal.SIGTERM, signal.SIGINT}
    # The signals are waited for, not handled: a handler could strike while a lock is held.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    worker = start_in_thread(app)
    signal.sigwait(signals)
    worker.stop()


def find_last_beat(session: Session) -> datetime | None:
    """Give when a worker was last known to be alive, or `None` where there never was one."""
    return session.scalar(select(func.max(WorkerRecord.beat_at)))


@dataclass
class Worker:
    """One worker of one application; see `start_in_thread` and `run`."""

    app: Flask
    _work: Work = field(init=False)
    _running: dict[int, Claimed] = field(init=False, default_factory=dict)
    _ready: threading.Event = field(init=False, default_factory=threading.Event)
    _stopping: threading.Event = field(init=False, default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)
    _holder: str = field(init=False)
    _started_at: datetime | None = field(init=False, default=None)
    _beaten_at: datetime | None = field(init=False, default=None)
    _beaten: float = field(init=False, default=0.0)
    _changes: Changes = field(init=False, default_factory=Changes)
    _next_due: datetime | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._work = self.app.extensions[_EXTENSION]
        self._holder = str(Holder.of_this_process(secrets.token_hex(8)))
        self._thread = threading.Thread(target=self._loop, name="tocsin-worker", daemon=True)

    def start(self) -> None:
        """Start the loop in a thread of its own."""
        errands.wake_on_ask(self._ready)
        self._thread.start()

    def stop(self, grace: timedelta = GRACE) -> bool:
        """Take nothing new, wait for what is under way; tell whether all of it ended in time.

        What did not end is done again by another worker when its lease has ended.
        """
        self._stopping.set()
        self._ready.set()
        self._thread.join()
        end = time.monotonic() + grace.total_seconds()
        while self._running and time.monotonic() < end:
            self._ready.wait(LOOK_EVERY.total_seconds())
            self._ready.clear()
        left = len(self._running)
        logger.info("worker stopped", extra={"left": left})
        return left == 0

    def _loop(self) -> None:
        logger.info("worker started", extra={"holder": self._holder})
        woken = True
        while not self._stopping.is_set():
            self._ready.clear()
            try:
                with self.app.app_context():
                    self._turn(woken=woken)
            except (UnavailableError, SQLAlchemyError):
                logger.warning("the worker can't reach its database", exc_info=True)
                self._changes.close()
                self._pause()
            except Exception:
                logger.exception("the worker's loop broke")
                self._pause()
            woken = self._ready.wait(LOOK_EVERY.total_seconds())
        self._changes.close()

    def _pause(self) -> None:
        self._stopping.wait(1)
        self._ready.set()

    def _turn(self, *, woken: bool) -> None:
        now = self._work.clock()
        if self._started_at is None:
            self._begin(now)
        self._beat_when_due(now)
        due = self._next_due is not None and self._next_due <= now
        if not woken and not due and not self._changes.seen():
            return
        while not self._stopping.is_set() and self._claim_and_start(now):
            pass
        with reading() as session:
            self._next_due = errands.find_next_due(session)

    def _claim_and_start(self, now: datetime) -> bool:
        """Start what is due; tell whether there may be more."""
        free = self._work.threads - len(self._running)
        if free <= 0:
            return False
        kinds, per_party = self._work.handlers.keys(), self._work.per_party
        fresh_only = free <= self._work.kept_free
        with reading() as session:
            ready = errands.is_ready(
                session, now, kinds=kinds, fresh_only=fresh_only, per_party=per_party
            )
        if not ready:
            return False
        count = free if fresh_only else free - self._work.kept_free
        with transaction() as session:
            claims = errands.claim(
                session, count, now, kinds=kinds, fresh_only=fresh_only, per_party=per_party
            )
        for claimed in claims:
            self._running[claimed.id] = claimed
            threading.Thread(
                target=self._run, args=(claimed,), name=f"errand-{claimed.kind}", daemon=True
            ).start()
        return bool(claims)

    def _begin(self, now: datetime) -> None:
        with transaction() as session:
            freed = errands.expire_dead(session, now)
            for kind in self._work.standing:
                errands.ask(session, kind, "", now=now)
        self._started_at = now
        if freed:
            logger.info("leases of dead workers ended", extra={"count": freed})

    def _beat_when_due(self, now: datetime) -> None:
        """Renew the leases and the beat, as time goes by, or as the clock we are given says."""
        every = BEAT_EVERY.total_seconds()
        recent = self._beaten_at is not None and abs(now - self._beaten_at) < BEAT_EVERY
        if recent and time.monotonic() - self._beaten < every:
            return
        running = tuple(self._running.values())
        with transaction() as session:
            held = errands.renew(session, running, now)
            session.merge(
                WorkerRecord(
                    holder=self._holder,
                    started_at=self._started_at or now,
                    beat_at=now,
                    running=len(running),
                )
            )
            session.execute(delete(WorkerRecord).where(WorkerRecord.beat_at < now - FORGET_AFTER))
        self._beaten_at, self._beaten = now, time.monotonic()
        lost = [one for one in running if one.id not in held and one.id in self._running]
        for one in lost:
            logger.warning("a lease was lost", extra={"kind": one.kind, "subject": one.subject})

    def _run(self, claimed: Claimed) -> None:
        try:
            with self.app.app_context():
                outcome = self._handle(claimed)
                self._settle(claimed, outcome)
        finally:
            # A lease that was lost may have been taken again by this very worker meanwhile.
            if self._running.get(claimed.id) is claimed:
                del self._running[claimed.id]
            self._ready.set()

    def _handle(self, claimed: Claimed) -> Outcome:
        facts = {"kind": claimed.kind, "subject": claimed.subject}
        try:
            handler = self._work.handlers[claimed.kind]
            outcome = handler(self.app, claimed.subject, self._work.clock())
        except CoordinationError as error:
            logger.info("errand refused", extra={**facts, "reason": error.message})
            outcome = _failed(error, self._work.clock())
        except Exception:
            error_id = secrets.token_hex(8)
            logger.exception("errand broke", extra={**facts, "error_id": error_id})
            outcome = Failed(f"An error in this node, kept as {error_id} in its log.", "internal")
        return outcome

    def _settle(self, claimed: Claimed, outcome: Outcome) -> None:
        """Write the outcome down; where the database is away, the lease ends by itself."""
        for pause in (0.1, 1.0, None):
            try:
                with transaction() as session:
                    errands.settle(
                        session,
                        claimed,
                        outcome,
                        now=self._work.clock(),
                        chance=random.random(),  # noqa: S311 (jitter needs no secrecy)
                    )
            except (UnavailableError, SQLAlchemyError):
                if pause is None:
                    logger.exception("an outcome could not be kept", extra={"kind": claimed.kind})
                    return
                time.sleep(pause)
            else:
                return


def _failed(error: CoordinationError, now: datetime) -> Failed:
    words = re.findall("[A-Z][a-z]*", type(error).__name__.removesuffix("Error"))
    name = "_".join(words).lower()
    seconds = error.retry_after_seconds if isinstance(error, UnavailableError) else None
    not_before = None if seconds is None else now + timedelta(seconds=seconds)
    return Failed(error.message, name, not_before)

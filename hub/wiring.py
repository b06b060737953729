"""What the lower floors are handed from above: what workers do, and how one sees that they live."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from apiflask import APIFlask
from flask import Flask

from federation import worker
from federation.errands import Done, Outcome
from federation.worker import Handlers, Work
from hub import clock, health
from hub.accounts import sign_ins
from hub.api import idempotency
from sharing.db import transaction

TIDY: Final = "hub.tidy"
TIDY_EVERY: Final = timedelta(hours=1)


def tidy(app: Flask, subject: str, now: datetime) -> Outcome:
    """Drop sessions, counts and kept answers that nobody asks about any more."""
    del app, subject
    with transaction() as session:
        sign_ins.tidy(session, now=now)
        idempotency.tidy(session, now=now)
    return Done(again_at=now + TIDY_EVERY)


HANDLERS: Final[Handlers] = {TIDY: tidy}
STANDING: Final = (TIDY,)


def register(app: APIFlask) -> None:
    """Join the floors of this application."""
    worker.equip(app, Work(HANDLERS, standing=STANDING, clock=clock.utcnow))
    health.watch_worker_with(app, worker.find_last_beat)

"""Sign-in throttling: the more often it failed, the longer the wait; counted in the database."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final

from sqlalchemy import delete
from sqlalchemy.orm import Session

from hub.accounts.records import Throttle, ThrottleKind
from policies.errors import TooManyError


@dataclass(frozen=True, slots=True)
class Patience:
    """How many failures are free, and how the wait grows after them."""

    free_count: int
    first_wait: timedelta
    longest_wait: timedelta
    forget_after: timedelta


# One account: a person who mistypes is not kept waiting, a guesser gets some 1,500 tries a day.
# One address: many people may share it, so more is free; nobody has to be let in from there.
PATIENCE: Final[Mapping[ThrottleKind, Patience]] = {
    ThrottleKind.ACCOUNT: Patience(
        5, timedelta(seconds=1), timedelta(seconds=60), timedelta(hours=1)
    ),
    ThrottleKind.ADDRESS: Patience(
        20, timedelta(seconds=2), timedelta(minutes=15), timedelta(hours=1)
    ),
}


def wait_after(failure_count: int, patience: Patience) -> timedelta:
    """Give the wait that follows so many failures."""
    beyond = failure_count - patience.free_count
    if beyond < 0:
        return timedelta(0)
    return min(patience.first_wait * (1 << min(beyond, 20)), patience.longest_wait)


def subject_of(kind: ThrottleKind, text: str) -> str:
    """Give what a name or an address is counted by: one IPv6 customer is one address."""
    if kind is ThrottleKind.ADDRESS:
        try:
            address = ip_address(text)
        except ValueError:
            pass
        else:
            if isinstance(address, IPv6Address):
                text = address.exploded[:19]
    return hashlib.sha256(f"{kind}\0{text}".encode()).hexdigest()


def check(session: Session, kind: ThrottleKind, text: str, *, now: datetime) -> None:
    """Refuse while a wait is running.

    Raises:
        TooManyError: with the seconds that are left.
    """
    row = session.get(Throttle, (kind, subject_of(kind, text)))
    if row is None or row.blocked_until is None or row.blocked_until <= now:
        return
    seconds = ceil((row.blocked_until - now).total_seconds())
    raise TooManyError(
        f"too many sign-ins failed; try again in {seconds} s", retry_after_seconds=seconds
    )


def count(session: Session, kind: ThrottleKind, text: str, *, now: datetime) -> None:
    """Count one try as failed, before it is known: so tries at once are counted each."""
    patience = PATIENCE[kind]
    key = (kind, subject_of(kind, text))
    row = session.get(Throttle, key, with_for_update=True)
    if row is None:
        row = Throttle(kind=kind, subject=key[1], failure_count=0, last_failed_at=now)
        session.add(row)
    elif row.last_failed_at + patience.forget_after <= now:
        row.failure_count = 0
    row.failure_count += 1
    row.last_failed_at = now
    wait = wait_after(row.failure_count, patience)
    row.blocked_until = now + wait if wait else None
    session.flush()


def forgive(session: Session, kind: ThrottleKind, text: str) -> None:
    """Take back what `count` counted for a try that went well.

    An account starts afresh. An address only gets its one try back, or whoever has one account
    could guess at all the others from there for ever.
    """
    row = session.get(Throttle, (kind, subject_of(kind, text)), with_for_update=True)
    if row is None:
        return
    row.failure_count = 0 if kind is ThrottleKind.ACCOUNT else max(row.failure_count - 1, 0)
    row.blocked_until = None
    session.flush()


def tidy(session: Session, *, now: datetime) -> None:
    """Drop what nobody asks about any more."""
    oldest = now - timedelta(days=1)
    session.execute(delete(Throttle).where(Throttle.last_failed_at < oldest))

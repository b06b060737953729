"""How much one partner may ask of us: token buckets, counted in each process's memory.

Nothing here is a proof or a limit of the protocol: who is refused by a quota comes again later.
Each web process counts for itself, so a look-up costs nothing, and a node of several processes
allows at most that many times as much.

Source: protocol, 14 (flooding by a partner).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FORGET_BEYOND: Final = 20_000
"""How many buckets are kept; the longest untouched is forgotten, which fills it."""
HELD_AT_MOST_SECONDS: Final = 300.0
"""After how long a request counts as over, whatever became of it."""
_MINUTE: Final = 60.0


class Quota(StrEnum):
    """What is counted."""

    REQUESTS = "requests"
    BYTES = "bytes"
    CONTRIBUTIONS = "contributions"
    AT_ONCE = "requests at once"
    STRANGERS = "strangers' requests"


@dataclass(frozen=True, slots=True)
class Rates:
    """What is allowed per minute; a bucket holds one minute's worth.

    Args:
        requests: of one partner.
        bytes: that one partner sends and is sent, bodies alone.
        contributions: of one partner into one channel.
        at_once: requests of one partner that are under way.
        strangers: requests from one address that prove nothing before they are answered.
    """

    requests: int = 3000
    bytes: int = 256 * 1024 * 1024
    contributions: int = 1200
    at_once: int = 6
    strangers: int = 1200


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class Quotas:
    """Counts. Safe to share between threads.

    Args:
        clock: seconds that never run backwards.
    """

    def __init__(self, rates: Rates, *, clock: Callable[[], float]) -> None:
        self._rates = rates
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[tuple[Quota, str], _Bucket] = OrderedDict()
        self._held: dict[str, list[float]] = {}

    def take(self, quota: Quota, subject: str, amount: float = 1, *, factor: float = 1) -> float:
        """Take from a bucket; give the seconds to wait where it does not hold enough, else 0.

        What is more than a full bucket is given when it is full, and paid for afterwards.

        Args:
            factor: times the usual quota, as an administrator allowed this partner.
        """
        per_minute = self._per_minute(quota) * factor
        with self._lock:
            bucket = self._bucket((quota, subject), per_minute)
            missing = min(amount, per_minute) - bucket.level
            if missing > 0:
                return missing / per_minute * _MINUTE
            bucket.level -= amount
            return 0.0

    def spend(self, quota: Quota, subject: str, amount: float, *, factor: float = 1) -> None:
        """Count what happened anyway: the next has to wait for it."""
        per_minute = self._per_minute(quota) * factor
        with self._lock:
            self._bucket((quota, subject), per_minute).level -= amount

    def give_back(self, quota: Quota, subject: str, amount: float, *, factor: float = 1) -> None:
        """Put back what was taken and not used; a bucket never holds more than a minute's worth."""
        per_minute = self._per_minute(quota) * factor
        with self._lock:
            bucket = self._bucket((quota, subject), per_minute)
            bucket.level = min(bucket.level + amount, per_minute)

    def hold(self, subject: str, *, factor: float = 1) -> float | None:
        """Begin a request; give what `release` is told, or `None` where too many are under way."""
        now = self._clock()
        most = int(self._rates.at_once * max(factor, 1))
        with self._lock:
            held = [one for one in self._held.get(subject, ()) if now - one < HELD_AT_MOST_SECONDS]
            if len(held) >= most:
                self._held[subject] = held
                return None
            held.append(now)
            self._held[subject] = held
            return now

    def release(self, subject: str, began: float) -> None:
        """End a request; harmless to repeat."""
        with self._lock:
            held = self._held.get(subject, [])
            if began in held:
                held.remove(began)
            if not held:
                self._held.pop(subject, None)

    def _per_minute(self, quota: Quota) -> float:
        match quota:
            case Quota.REQUESTS:
                return self._rates.requests
            case Quota.BYTES:
                return self._rates.bytes
            case Quota.CONTRIBUTIONS:
                return self._rates.contributions
            case Quota.STRANGERS:
                return self._rates.strangers
            case Quota.AT_ONCE:
                raise ValueError("what is under way is held, not taken")

    def _bucket(self, key: tuple[Quota, str], per_minute: float) -> _Bucket:
        """Give a bucket with what flowed in since it was last touched."""
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(per_minute, now)
            if len(self._buckets) > FORGET_BEYOND:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        gained = max(now - bucket.at, 0.0) * per_minute / _MINUTE
        bucket.level = min(bucket.level + gained, per_minute)
        bucket.at = now
        return bucket

"""The gate before everything that partners ask: who asks too much is told when to come again.

It stands between knowing who asks and reading what they sent. An edge: it knows the request.

Source: protocol, 14 (flooding by a partner); RFC 6585, 4.
"""

from __future__ import annotations

import io
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPMethod
from ipaddress import IPv6Address, ip_address
from typing import IO, Final

from flask import Response, after_this_request, g, request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from federation.partners.quotas import Quota, Quotas, Rates
from federation.partners.throttling import read_percents, record_refusals
from policies.errors import TooManyError, UnavailableError
from sharing.db import transaction

logger = logging.getLogger(__name__)

READ_AGAIN_SECONDS: Final = 15.0
"""How long what an administrator allowed single partners is believed."""
WRITE_AGAIN_SECONDS: Final = 5.0
"""How often at most a refusal of one partner is written down; others are counted meanwhile."""

_PERCENT: Final = 100
_REFUSED: Final = "tocsin_refused_by_quota"


@dataclass
class Gate:
    """Lets in, or refuses with how long to wait.

    Args:
        clock: what time it is.
        ticks: seconds that never run backwards.
        longest_bytes: the longest body that is read here; one of unannounced length is counted as
            this until its end is seen.
        refused: told of each refusal.
    """

    rates: Rates
    clock: Callable[[], datetime]
    ticks: Callable[[], float] = time.monotonic
    longest_bytes: int = 32 * 1024 * 1024
    refused: Callable[[Quota], object] = lambda quota: quota
    _quotas: Quotas = field(init=False)
    _percents: dict[str, int] = field(init=False, default_factory=dict)
    _read_at: float = field(init=False, default=-math.inf)
    _unwritten: dict[str, int] = field(init=False, default_factory=dict)
    _written_at: dict[str, float] = field(init=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._quotas = Quotas(self.rates, clock=self.ticks)

    def admit(self, session: Session, organisation: str, *, channel: str | None = None) -> None:
        """Count this request of an organisation that proved who it is.

        Its body is counted before it is read, as long as it may become; when the request is
        answered, what did not come is given back.

        Args:
            channel: that it wants to contribute to, where it does.

        Raises:
            TooManyError: with the seconds to wait; its body was not read.
        """
        factor = self._factor(session, organisation)
        began = self._quotas.hold(organisation, factor=factor)
        if began is None:
            self._refuse(organisation, Quota.AT_ONCE, 1)
        body = _CountedBody(request.environ["wsgi.input"])
        request.environ["wsgi.input"] = body
        taken: dict[Quota, int] = {}

        def end(response: Response) -> Response:
            came = body.count + (response.content_length or 0)
            more = came - taken.get(Quota.BYTES, 0)
            if more < 0:
                self._quotas.give_back(Quota.BYTES, organisation, -more, factor=factor)
            else:
                self._quotas.spend(Quota.BYTES, organisation, more, factor=factor)
            response.call_on_close(lambda: self._quotas.release(organisation, began or 0.0))
            return response

        after_this_request(end)
        wants = [(Quota.REQUESTS, organisation, 1), (Quota.BYTES, organisation, self._size())]
        if channel is not None and request.method == HTTPMethod.POST:
            wants.append((Quota.CONTRIBUTIONS, f"{organisation} {channel}", 1))
        for quota, subject, amount in wants:
            wait = self._quotas.take(quota, subject, amount, factor=factor)
            if wait:
                self._refuse(organisation, quota, wait)
            taken[quota] = amount

    def admit_stranger(self) -> None:
        """Count this request by its address: nobody knows yet who asks.

        Raises:
            TooManyError: with the seconds to wait.
        """
        address = _subject(request.remote_addr or "")
        wait = self._quotas.take(Quota.STRANGERS, address)
        if wait:
            self.refused(Quota.STRANGERS)
            raise _too_many(Quota.STRANGERS, wait)

    def forget(self) -> None:
        """Begin anew: every bucket is full, and what single partners are allowed is read again."""
        self._quotas = Quotas(self.rates, clock=self.ticks)
        self._read_at = -math.inf

    def _factor(self, session: Session, organisation: str) -> float:
        if self.ticks() - self._read_at >= READ_AGAIN_SECONDS:
            self._percents = read_percents(session)
            self._read_at = self.ticks()
        return self._percents.get(organisation, _PERCENT) / _PERCENT

    def _size(self) -> int:
        """Give as how long the body is counted before it is read: no more than would be read."""
        if request.content_length is not None:
            return min(request.content_length, self.longest_bytes)
        unannounced = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
        return self.longest_bytes if unannounced else 0

    def _refuse(self, organisation: str, quota: Quota, wait: float) -> None:
        self.refused(quota)
        with self._lock:
            self._unwritten[organisation] = self._unwritten.get(organisation, 0) + 1
            due = self.ticks() - self._written_at.get(organisation, -math.inf)
            count = self._unwritten[organisation] if due >= WRITE_AGAIN_SECONDS else 0
            if count:
                self._written_at[organisation] = self.ticks()
                del self._unwritten[organisation]
        if count and not g.get(_REFUSED):
            # Written once this request's own transaction is over.
            setattr(g, _REFUSED, True)
            after_this_request(lambda response: self._write(response, organisation, quota, count))
        raise _too_many(quota, wait)

    def _write(self, response: Response, organisation: str, quota: Quota, count: int) -> Response:
        logger.info(
            "a partner is throttled",
            extra={"organisation": organisation, "quota": quota.value, "refused": count},
        )
        try:
            with transaction() as session:
                record_refusals(session, organisation, quota, count, now=self.clock())
        except (SQLAlchemyError, UnavailableError):
            logger.warning("a refusal could not be written down", exc_info=True)
        return response


class _CountedBody(io.BufferedIOBase):
    """A body that knows how many of its bytes were read."""

    def __init__(self, inner: IO[bytes]) -> None:
        super().__init__()
        self._inner = inner
        self.count = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        data = self._inner.read(-1 if size is None else size)
        self.count += len(data)
        return data


def _too_many(quota: Quota, wait: float) -> TooManyError:
    seconds = max(1, math.ceil(wait))
    return TooManyError(
        f"more {quota.value} than this node takes; come again in {seconds} s",
        retry_after_seconds=seconds,
    )


def _subject(address: str) -> str:
    """Give what an address is counted by: one IPv6 customer is one address."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return found.exploded[:19] if isinstance(found, IPv6Address) else address

"""The one place where the application reads the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def _system_time() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system_time


def utcnow() -> datetime:
    """Give the present moment, aware and in UTC."""
    return _source()


@contextmanager
def told_by(source: Callable[[], datetime]) -> Iterator[None]:
    """Let another clock tell the time for a while, for tests that set it themselves."""
    global _source  # noqa: PLW0603 - one process has one clock
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before

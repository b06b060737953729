"""When something happened, as a person types it: as much of a time as is known.

Source: records, 4.0 (`occurred_at`, `precision`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from policies.errors import InvalidError
from policies.timeline import Precision
from sharing.incident.times import Moment
from sharing.incident.values import Event

MAX_CHARACTERS: Final = 40
BETWEEN: Final = "occurred-between"
"""The label of an event of ours that happened at some time from its start to its end.

The suite says how much of a time is meant, and has no word for a span of one's own; whoever does
not know the label reads a period that holds the truth.
"""
_WHEN: Final = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2})(?:h|:(\d{2})(?::(\d{2})(\.\d{1,6})?)?)?)?)?)?"
    r"(?: ?(Z|UTC|[+-]\d{2}:\d{2}))?",
    re.ASCII,
)
_NAMES: Final = ("year", "month", "day", "hour", "minute", "second")


def read_when(text: str, *, field: str) -> Moment:
    """Read `2026`, `2026-11`, `2026-11-28`, `2026-11-28 14`, `… 14:30`, `… 14:30:05`; in UTC.

    Raises:
        InvalidError: it is no time.
    """
    match = _WHEN.fullmatch(text.strip()) if len(text) <= MAX_CHARACTERS else None
    if match is None:
        raise _no_time(field)
    parts = [int(part) for part in match.groups()[:6] if part is not None]
    zone = match[8]
    if zone not in {None, "Z", "UTC"} and len(parts) <= _NAMES.index("day") + 1:
        raise _no_time(field)
    year, month, day, *clock = [*parts, *(1,) * (3 - len(parts))]
    micro = round(float(match[7]) * 1_000_000) if match[7] else 0
    try:
        at = datetime(year, month, day, *clock, tzinfo=UTC)  # type: ignore[misc,arg-type]
        at = (at + timedelta(microseconds=micro) - _offset(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _no_time(field) from None
    return Moment(at, None if match[7] else _NAMES[len(parts) - 1])


def span_of(event: Event, *, otherwise: datetime) -> tuple[datetime, datetime, Precision]:
    """Give between which instants an event lies, and how that is meant.

    Args:
        otherwise: where it says no time at all.
    """
    start, end = event.start or event.end, event.end or event.start
    if start is None or end is None:
        return otherwise, otherwise, Precision.UNKNOWN
    earliest, latest = start.earliest, max(start.earliest, end.latest)
    if BETWEEN in event.labels:
        return earliest, latest, Precision.BETWEEN
    if start != end:
        return earliest, latest, Precision.LASTING
    return earliest, latest, Precision(start.fidelity or "exact")


def _offset(zone: str | None) -> timedelta:
    if zone in {None, "Z", "UTC"}:
        return timedelta()
    sign = -1 if zone[0] == "-" else 1
    return sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))


def _no_time(field: str) -> InvalidError:
    return InvalidError(
        "this is no time",
        field=field,
        hint="As much as you know, in UTC: 2026-11, 2026-11-28, 2026-11-28 14, 2026-11-28 14:30.",
    )

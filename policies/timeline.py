"""A timeline as a drawing: uncertain times in, lanes with bars out, nothing on top of another.

The scale goes by the order of things. Between two of them lies more room the more time there is,
by its logarithm: a quiet month does not hide the minutes in which all happened.

Source: domain, 8 (*timeline*); records, 4.0 (`occurred_at`, `precision`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

GREATEST_COUNT: Final = 300
"""How many moments are drawn at once; older ones by link."""

MARK: Final = 12
"""How wide a moment without extent is, and how high every one."""
GAP: Final = 4
ROW: Final = MARK + GAP
LABEL: Final = 18
"""What the name of a lane takes above its rows."""
HEAD: Final = 28
"""What the times take above the lanes."""
RIM: Final = 8
STEP: Final = 7.0
"""How much room one doubling of time takes."""
LEAST_WIDTH: Final = 320
TICK: Final = 104
NAMES_EVERY: Final = 300


class MomentKind(StrEnum):
    """What stands on a timeline."""

    EVENT = "event"
    """Something that happened, or may have happened; the others are what the ledger tells."""
    COURSE = "course"
    CRISIS = "crisis"
    SEVERITY = "severity"
    MEMBER = "member"
    RESPONSE = "response"
    WARNING = "warning"
    DECISION = "decision"


class Precision(StrEnum):
    """How much of a time is meant."""

    EXACT = "exact"
    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    BETWEEN = "between"
    """At some time from the earliest to the latest."""
    LASTING = "lasting"
    """All the time from the earliest to the latest."""
    UNKNOWN = "unknown"
    LEDGER = "ledger"
    """When the ledger took it in."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One moment that is to be drawn.

    Args:
        lane: what it is drawn beside: an organisation.
        latest: not before the earliest.
    """

    key: str
    lane: str
    earliest: datetime
    latest: datetime


@dataclass(frozen=True, slots=True)
class Shape:
    """Where one moment is drawn."""

    key: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane: where it begins, how high it is, and where its name stands, again and again."""

    name: str
    y: float
    height: float
    names_at: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A time above the lanes.

    Args:
        new_day: it is the first one of its day (UTC).
    """

    x: float
    at: datetime
    new_day: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """A timeline, laid out."""

    width: float
    height: float
    lanes: tuple[Lane, ...]
    shapes: tuple[Shape, ...]
    ticks: tuple[Tick, ...]


def lay_out(bars: Sequence[Bar]) -> Drawing:
    """Lay moments out: one lane for each organisation, in the order in which they first appear.

    Within a lane nothing lies on another; what began earlier lies nowhere to the right of what
    began later; all of it lies inside the drawing.
    """
    ordered = sorted(bars, key=lambda one: (one.earliest, one.latest, one.key))
    places, end = _scale(ordered)
    lanes: dict[str, list[Bar]] = {}
    for bar in ordered:
        lanes.setdefault(bar.lane, []).append(bar)
    width = max(end + TICK, LEAST_WIDTH)
    names_at = tuple(float(x) for x in range(RIM, math.ceil(width) - MARK, NAMES_EVERY))
    shapes: list[Shape] = []
    drawn: list[Lane] = []
    y = float(HEAD)
    for name, members in lanes.items():
        rows = _rows(members, places)
        for bar, row in zip(members, rows, strict=True):
            x = places[bar.earliest]
            extent = places[bar.latest] - x + MARK
            shapes.append(Shape(bar.key, x, y + LABEL + row * ROW, extent, MARK))
        height = LABEL + (max(rows) + 1) * ROW + GAP
        drawn.append(Lane(name, y, height, names_at))
        y += height
    return Drawing(width, y + RIM, tuple(drawn), tuple(shapes), _ticks(ordered, places))


def _scale(bars: Sequence[Bar]) -> tuple[dict[datetime, float], float]:
    """Give each time its place: later ones further to the right, never nearer than two marks."""
    times = sorted({time for bar in bars for time in (bar.earliest, bar.latest)})
    places: dict[datetime, float] = {}
    x = float(RIM)
    for place, time in enumerate(times):
        if place:
            minutes = (time - times[place - 1]) / timedelta(minutes=1)
            x += MARK + GAP + round(STEP * math.log2(1 + minutes / 5), 1)
        places[time] = x
    return places, x


def _rows(bars: Sequence[Bar], places: dict[datetime, float]) -> list[int]:
    """Give each bar of a lane the first row that is free there."""
    ends: list[float] = []
    rows: list[int] = []
    for bar in bars:
        begin, end = places[bar.earliest], places[bar.latest] + MARK
        row = next((at for at, until in enumerate(ends) if until <= begin), len(ends))
        if row == len(ends):
            ends.append(end)
        else:
            ends[row] = end
        rows.append(row)
    return rows


def _ticks(bars: Sequence[Bar], places: dict[datetime, float]) -> tuple[Tick, ...]:
    """Write times above the lanes where something begins, as many as can be read."""
    found: list[Tick] = []
    for time in sorted({bar.earliest for bar in bars}):
        if found and places[time] - found[-1].x < TICK:
            continue
        day = time.astimezone(UTC).date()
        new_day = not found or found[-1].at.astimezone(UTC).date() != day
        found.append(Tick(places[time], time, new_day))
    return tuple(found)

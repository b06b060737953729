"""Duty hours as people write and read them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from policies.directory import DAYS, MINUTES_OF_A_DAY, Duty, Hours, Sector, WayKind, find_zone
from policies.errors import InvalidError

DUTY_WORDS: Final[Mapping[Duty, str]] = {
    Duty.PRIMARY: "Point of contact",
    Duty.DEPUTY: "Deputy",
    Duty.TECHNICAL: "Technical",
    Duty.EXECUTIVE: "Decides for the organisation",
    Duty.DATA_PROTECTION: "Data protection",
    Duty.LEGAL: "Legal",
    Duty.PRESS: "Press",
}
WAY_WORDS: Final[Mapping[WayKind, str]] = {
    WayKind.TELEPHONE: "Telephone",
    WayKind.E_MAIL: "E-mail",
    WayKind.CHAT: "Chat",
    WayKind.PHONE_BRIDGE: "Telephone conference",
    WayKind.PORTAL: "Portal",
    WayKind.NODE: "Their node",
    WayKind.COURIER: "Courier",
    WayKind.OTHER: "Another way",
}
SECTOR_WORDS: Final[Mapping[Sector, str]] = {
    Sector.ENERGY: "Energy",
    Sector.TRANSPORT: "Transport",
    Sector.BANKING: "Banking",
    Sector.FINANCIAL_MARKETS: "Financial markets",
    Sector.HEALTH: "Health",
    Sector.DRINKING_WATER: "Drinking water",
    Sector.WASTE_WATER: "Waste water",
    Sector.DIGITAL_INFRASTRUCTURE: "Digital infrastructure",
    Sector.ICT_SERVICES: "ICT services",
    Sector.PUBLIC_ADMINISTRATION: "Public administration",
    Sector.SPACE: "Space",
    Sector.POST: "Post and couriers",
    Sector.WASTE: "Waste",
    Sector.CHEMICALS: "Chemicals",
    Sector.FOOD: "Food",
    Sector.MANUFACTURING: "Manufacturing",
    Sector.DIGITAL_PROVIDERS: "Digital providers",
    Sector.RESEARCH: "Research",
    Sector.OTHER: "Another sector",
}
DAY_WORDS: Final[Mapping[str, str]] = {
    "mon": "Mon",
    "tue": "Tue",
    "wed": "Wed",
    "thu": "Thu",
    "fri": "Fri",
    "sat": "Sat",
    "sun": "Sun",
}
DEFAULT_ZONE: Final = "UTC"
_CLOCK: Final = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)", re.ASCII)
_OFFSET: Final = re.compile(r"(?:UTC)?([+-])(\d{1,2})(?::?([0-5]\d))?", re.ASCII)
_LARGEST_OFFSET: Final = 14 * 60
_FEWEST_AS_SPAN: Final = 3


def read_hours(
    days: Sequence[str], begins: str | None, ends: str | None, zone: str | None
) -> Hours | None:
    """Read duty hours as somebody typed them; `None`, always, where nothing was typed.

    Args:
        days: as in `DAYS`; every day, where none is named and a time is.
        begins: like `08:00`; midnight, where none is given.
        ends: like `18:00`; midnight at the end, where none is given.
        zone: like `Europe/Vienna` or `+01:00`; UTC, where none is given.

    Raises:
        InvalidError: that is no day, time or zone.
    """
    if not days and not begins and not ends:
        return None
    unknown = next((day for day in days if day not in DAYS), None)
    if unknown is not None:
        raise InvalidError("days are mon, tue, wed, thu, fri, sat, sun", field="days")
    first = _clock(begins or "00:00", "begins")
    if first == MINUTES_OF_A_DAY:
        raise InvalidError("a day begins at 00:00", field="begins")
    return Hours(
        days=frozenset(DAYS.index(day) for day in days or DAYS),
        begins=first,
        ends=_clock(ends or "24:00", "ends"),
        zone=_zone(zone or DEFAULT_ZONE),
    )


def hours_words(hours: Hours | None) -> str:
    """Say when somebody is on duty: `Mon–Fri 08:00–18:00 Europe/Vienna`."""
    if hours is None:
        return "always"
    times = f"{clock_words(hours.begins)}–{clock_words(hours.ends)}"
    return f"{_days(sorted(hours.days))} {times} {zone_words(hours.zone)}"


def clock_words(minute: int) -> str:
    """Write a minute of the day: `08:00`."""
    return f"{minute // 60:02}:{minute % 60:02}"


def zone_words(zone: str | int) -> str:
    """Write a time zone as it is typed."""
    if isinstance(zone, str):
        return zone
    if zone == 0:
        return DEFAULT_ZONE
    return f"{'+' if zone > 0 else '-'}{clock_words(abs(zone))}"


def _days(days: Sequence[int]) -> str:
    words = [DAY_WORDS[DAYS[day]] for day in days]
    if len(days) == len(DAYS):
        return "every day"
    if len(days) >= _FEWEST_AS_SPAN and days[-1] - days[0] == len(days) - 1:
        return f"{words[0]}–{words[-1]}"
    return ", ".join(words)


def _clock(text: str, field: str) -> int:
    match = _CLOCK.fullmatch(text.strip())
    minute = int(match[1]) * 60 + int(match[2]) if match is not None else None
    if minute is None or minute > MINUTES_OF_A_DAY:
        raise InvalidError("a time is like 08:00", field=field)
    return minute


def _zone(text: str) -> str | int:
    text = text.strip()
    if text.upper() in {"UTC", "Z"}:
        return 0
    match = _OFFSET.fullmatch(text)
    if match is not None:
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        if minutes <= _LARGEST_OFFSET:
            return minutes if match[1] == "+" else -minutes
    if match is not None or find_zone(text) is None:
        raise InvalidError(
            "this node knows no such time zone",
            field="zone",
            hint="Its name is like Europe/Vienna; an offset is like +01:00.",
        )
    return text

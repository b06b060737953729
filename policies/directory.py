"""The directory of a community: who is on duty, in which order to call, how old a statement is.

Everything here is a function of what was stated and of the instant that is asked about; nothing of
it is stored.

Source: domain, 2 (*Plan and prepare*); lifecycles, 1 (rule 2: what time brings about is derived).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar
from zoneinfo import ZoneInfo

from policies.tlp import TLP

FRESH_FOR: Final = timedelta(days=90)
"""How long a way to reach somebody counts as verified."""
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_OF_A_DAY: Final = 24 * 60
_LOOKED_AHEAD: Final = 15
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}", re.ASCII)
_TELEPHONE: Final = re.compile(r"\+?[0-9(][0-9 ()/.\-]{2,39}", re.ASCII)
_E_MAIL: Final = re.compile(
    r"[A-Za-z0-9._+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}", re.ASCII
)
_FEWEST_DIGITS: Final = 3


class Duty(StrEnum):
    """What a contact point answers for; whom an incident is told to first stands first.

    Source: records, 4.1 (*ContactPoint*).
    """

    PRIMARY = "primary"
    DEPUTY = "deputy"
    TECHNICAL = "technical"
    EXECUTIVE = "executive"
    DATA_PROTECTION = "data-protection"
    LEGAL = "legal"
    PRESS = "press"


CALLED_FIRST: Final = frozenset({Duty.PRIMARY, Duty.DEPUTY, Duty.TECHNICAL, Duty.EXECUTIVE})
"""Who is called about an incident; the others where nobody else is named."""


class WayKind(StrEnum):
    """How somebody is reached.

    Source: records, 4.1 (*Channel*).
    """

    TELEPHONE = "telephone"
    E_MAIL = "e-mail"
    CHAT = "chat"
    PHONE_BRIDGE = "phone-bridge"
    PORTAL = "portal"
    NODE = "node"
    COURIER = "courier"
    OTHER = "other"


class Sector(StrEnum):
    """The sectors of Directive (EU) 2022/2555, annexes I and II, and what is none of them."""

    ENERGY = "energy"
    TRANSPORT = "transport"
    BANKING = "banking"
    FINANCIAL_MARKETS = "financial-markets"
    HEALTH = "health"
    DRINKING_WATER = "drinking-water"
    WASTE_WATER = "waste-water"
    DIGITAL_INFRASTRUCTURE = "digital-infrastructure"
    ICT_SERVICES = "ict-services"
    PUBLIC_ADMINISTRATION = "public-administration"
    SPACE = "space"
    POST = "post"
    WASTE = "waste"
    CHEMICALS = "chemicals"
    FOOD = "food"
    MANUFACTURING = "manufacturing"
    DIGITAL_PROVIDERS = "digital-providers"
    RESEARCH = "research"
    OTHER = "other"


class OnDuty(StrEnum):
    """Whether somebody is on duty at an instant."""

    YES = "yes"
    UNKNOWN = "unknown"
    """Its hours are in a time zone that this node does not know."""
    NO = "no"


class Freshness(StrEnum):
    """How far what is stated about a contact point can be relied on."""

    FRESH = "fresh"
    OLD = "old"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Hours:
    """When somebody is on duty, week after week.

    Args:
        days: on which a turn begins; Monday is 0.
        begins: minute of the day, by the clock there.
        ends: minute of the day; at or before `begins`, it is the next day's.
        zone: name of a time zone, or the offset from UTC in minutes.
    """

    days: frozenset[int]
    begins: int
    ends: int
    zone: str | int

    @classmethod
    def read(cls, document: Any) -> Hours | None:
        """Read hours that fit the schema; `None` where they are *always*."""
        if not isinstance(document, Mapping):
            return None
        return cls(
            days=frozenset(DAYS.index(day) for day in document["days"]),
            begins=document["from"],
            ends=document["until"],
            zone=document.get("zone", document.get("offset", 0)),
        )

    def document(self) -> dict[str, Any]:
        """Write hours as a body carries them."""
        place = "zone" if isinstance(self.zone, str) else "offset"
        days = [DAYS[day] for day in sorted(self.days)]
        return {"days": days, "from": self.begins, "until": self.ends, place: self.zone}

    @property
    def overnight(self) -> bool:
        """Tell whether a turn ends on the day after the one on which it began."""
        return self.ends <= self.begins


@dataclass(frozen=True, slots=True)
class Way:
    """One way to reach a contact point; its words are in an object.

    Args:
        out_of_band: it goes on working where the organisation's own systems are down.
        ceiling: the strictest label of what may be told there, where that is said.
    """

    kind: WayKind
    out_of_band: bool
    ceiling: TLP | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Way:
        """Read a way that fits the schema."""
        label = document.get("ceiling")
        return cls(
            WayKind(document["kind"]), document["out_of_band"], TLP(label) if label else None
        )

    def document(self) -> dict[str, Any]:
        """Write a way as a body carries it."""
        found: dict[str, Any] = {"kind": self.kind.value, "out_of_band": self.out_of_band}
        return found | ({"ceiling": self.ceiling.value} if self.ceiling is not None else {})


class Point(Protocol):
    """What the rules ask of a contact point."""

    @property
    def duty(self) -> Duty:
        """What it answers for."""

    @property
    def order(self) -> int:
        """When its turn comes: 1 is called first."""

    @property
    def hours(self) -> Hours | None:
        """When it is on duty; `None` for always."""


P = TypeVar("P", bound=Point)


def find_zone(name: str | int) -> tzinfo | None:
    """Give a time zone, `None` where this node does not know its name."""
    if isinstance(name, int):
        return timezone(timedelta(minutes=name))
    if _ZONE.fullmatch(name) is None:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return None


def on_duty(hours: Hours | None, at: datetime) -> OnDuty:
    """Tell whether somebody with these hours is on duty at an instant."""
    if hours is None:
        return OnDuty.YES
    zone = find_zone(hours.zone)
    if zone is None:
        return OnDuty.UNKNOWN
    there = at.astimezone(zone)
    minute, today = there.hour * 60 + there.minute, there.weekday() in hours.days
    if not hours.overnight:
        return _yes(today and hours.begins <= minute < hours.ends)
    yesterday = (there.weekday() - 1) % 7 in hours.days
    return _yes((today and minute >= hours.begins) or (yesterday and minute < hours.ends))


def next_on_duty(hours: Hours | None, at: datetime) -> datetime | None:
    """Give when the next turn after an instant begins; `None` where none does or can be told."""
    zone = find_zone(hours.zone) if hours is not None else None
    if hours is None or zone is None:
        return None
    first = at.astimezone(zone).date()
    begins = time(*divmod(hours.begins, 60), tzinfo=zone)
    for ahead in range(_LOOKED_AHEAD):
        day = first + timedelta(days=ahead)
        if day.weekday() not in hours.days:
            continue
        start = datetime.combine(day, begins).astimezone(UTC)
        # Where clocks are put forward, a short turn may not take place at all.
        if start > at and on_duty(hours, start) is OnDuty.YES:
            return start
    return None


def in_calling_order(points: Iterable[P], at: datetime) -> list[P]:
    """Give contact points in the order in which to call them.

    Who is on duty comes first, in their own order; then whose hours can't be told; then who comes
    on duty next.
    """
    ranks = list(OnDuty)

    def place(point: P) -> tuple[int, datetime, int, int]:
        state = on_duty(point.hours, at)
        later = next_on_duty(point.hours, at) if state is OnDuty.NO else None
        latest = datetime.max.replace(tzinfo=UTC)
        waits = (later or latest) if state is OnDuty.NO else at
        return ranks.index(state), waits, point.order, list(Duty).index(point.duty)

    return sorted(points, key=place)


def to_call(points: Sequence[P], at: datetime) -> list[P]:
    """Give whom to call about an incident, in order: lawyers and press where nobody else is."""
    first = [point for point in points if point.duty in CALLED_FIRST]
    return in_calling_order(first or points, at)


def freshness_of(verified_at: datetime | None, now: datetime) -> Freshness:
    """Tell whether what is stated was verified, and lately."""
    if verified_at is None:
        return Freshness.NEVER
    return Freshness.FRESH if now - verified_at <= FRESH_FOR else Freshness.OLD


def link_of(kind: WayKind, words: str) -> str | None:
    """Give the address behind which a telephone or a mail program opens.

    Only what is a number or a mail address from its first to its last character has one.
    """
    text = words.strip()
    if kind is WayKind.TELEPHONE and _TELEPHONE.fullmatch(text) is not None:
        digits = "".join(one for one in text if one.isdigit())
        sign = "+" if text.startswith("+") else ""
        return f"tel:{sign}{digits}" if len(digits) >= _FEWEST_DIGITS else None
    if kind is WayKind.E_MAIL and _E_MAIL.fullmatch(text) is not None:
        return f"mailto:{text}"
    return None


def _yes(answer: bool) -> OnDuty:  # noqa: FBT001 - it is made into what it means
    return OnDuty.YES if answer else OnDuty.NO

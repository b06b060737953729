"""Who is on duty, in which order to call, and how old a statement is.

Source: domain, 2 (*Plan and prepare*).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from policies.directory import (
    FRESH_FOR,
    Duty,
    Freshness,
    Hours,
    OnDuty,
    Way,
    WayKind,
    freshness_of,
    in_calling_order,
    link_of,
    next_on_duty,
    on_duty,
    to_call,
)
from policies.tlp import TLP

OFFICE = Hours(frozenset(range(5)), 8 * 60, 18 * 60, "Europe/Vienna")
NIGHTS = Hours(frozenset({4}), 22 * 60, 6 * 60, 0)


@dataclass(frozen=True)
class Somebody:
    name: str
    duty: Duty = Duty.PRIMARY
    order: int = 1
    hours: Hours | None = None


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-20T06:59", OnDuty.NO),
        ("2026-11-20T07:00", OnDuty.YES),
        ("2026-11-20T16:59", OnDuty.YES),
        ("2026-11-20T17:00", OnDuty.NO),
        ("2026-11-21T09:00", OnDuty.NO),
        ("2026-07-20T06:00", OnDuty.YES),
    ],
)
def test_office_hours_go_by_the_clock_there_in_summer_and_in_winter(
    moment: str, expected: OnDuty
) -> None:
    assert on_duty(OFFICE, at(moment)) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-20T21:59", OnDuty.NO),
        ("2026-11-20T22:00", OnDuty.YES),
        ("2026-11-21T05:59", OnDuty.YES),
        ("2026-11-21T06:00", OnDuty.NO),
        ("2026-11-20T03:00", OnDuty.NO),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(moment: str, expected: OnDuty) -> None:
    assert on_duty(NIGHTS, at(moment)) is expected


def test_a_turn_that_ends_when_it_begins_lasts_a_whole_day() -> None:
    hours = Hours(frozenset({4}), 8 * 60, 8 * 60, 0)
    assert on_duty(hours, at("2026-11-20T08:00")) is OnDuty.YES
    assert on_duty(hours, at("2026-11-21T07:59")) is OnDuty.YES
    assert on_duty(hours, at("2026-11-21T08:00")) is OnDuty.NO


def test_the_next_turn_is_found_over_the_weekend() -> None:
    assert next_on_duty(OFFICE, at("2026-11-20T17:00")) == at("2026-11-23T07:00")
    assert next_on_duty(None, at("2026-11-20T17:00")) is None


def test_a_turn_that_clocks_skip_does_not_take_place() -> None:
    hours = Hours(frozenset({6}), 2 * 60 + 10, 2 * 60 + 40, "Europe/Vienna")
    assert next_on_duty(hours, at("2026-03-28T12:00")) == at("2026-04-05T00:10")


@pytest.mark.parametrize("zone", ["Mars/Olympus_Mons", "../../etc/passwd", "Europe", ""])
def test_in_an_unknown_zone_nobody_can_say(zone: str) -> None:
    hours = Hours(frozenset({0}), 0, 60, zone)
    assert on_duty(hours, at("2026-11-20T12:00")) is OnDuty.UNKNOWN
    assert next_on_duty(hours, at("2026-11-20T12:00")) is None


def test_who_is_on_duty_is_called_first_and_then_who_comes_next() -> None:
    saturday = Hours(frozenset({5}), 0, 1440, 0)
    lost = Hours(frozenset({0}), 0, 60, "Mars/Olympus_Mons")
    points = [
        Somebody("weekday office", hours=Hours(frozenset(range(5)), 480, 1080, 0)),
        Somebody("nobody knows", hours=lost),
        Somebody("second", order=2, duty=Duty.PRIMARY),
        Somebody("deputy", order=1, duty=Duty.DEPUTY),
        Somebody("first", order=1),
        Somebody("sunday", order=9, hours=Hours(frozenset({6}), 0, 1440, 0)),
        Somebody("saturday", order=9, hours=saturday),
    ]
    named = [one.name for one in in_calling_order(points, at("2026-11-21T12:00"))]
    assert named == [
        "first",
        "deputy",
        "second",
        "saturday",
        "nobody knows",
        "sunday",
        "weekday office",
    ]


def test_lawyers_and_press_are_called_about_an_incident_only_where_nobody_else_is_named() -> None:
    press, lawyer = Somebody("press", Duty.PRESS), Somebody("lawyer", Duty.LEGAL)
    technical = Somebody("technical", Duty.TECHNICAL, order=9)
    moment = at("2026-11-21T12:00")
    assert to_call([press, lawyer, technical], moment) == [technical]
    assert to_call([press, lawyer], moment) == [lawyer, press]
    assert to_call([], moment) == []


def test_what_was_verified_lately_is_fresh() -> None:
    now = at("2026-11-21T12:00")
    assert freshness_of(None, now) is Freshness.NEVER
    assert freshness_of(now - FRESH_FOR, now) is Freshness.FRESH
    assert freshness_of(now - FRESH_FOR - timedelta(seconds=1), now) is Freshness.OLD


@pytest.mark.parametrize(
    ("kind", "words", "link"),
    [
        (WayKind.TELEPHONE, "+43 (1) 234-56/7.8", "tel:+4312345678"),
        (WayKind.TELEPHONE, " 112 ", "tel:112"),
        (WayKind.TELEPHONE, "112 or ask Jo", None),
        (WayKind.TELEPHONE, "javascript:alert(1)", None),
        (WayKind.TELEPHONE, "()", None),
        (WayKind.TELEPHONE, "(- - -)", None),
        (WayKind.TELEPHONE, "\u0661\u0662\u0663\u0664", None),
        (WayKind.E_MAIL, "soc@grid.example", "mailto:soc@grid.example"),
        (WayKind.E_MAIL, "soc@grid.example?bcc=evil@example.org", None),
        (WayKind.E_MAIL, "soc@grid.example\nbcc: evil@example.org", None),
        (WayKind.E_MAIL, "soc@grid", None),
        (WayKind.CHAT, "soc@grid.example", None),
        (WayKind.OTHER, "+43 1 234", None),
    ],
)
def test_only_what_is_a_number_or_an_address_opens_a_program(
    kind: WayKind, words: str, link: str | None
) -> None:
    assert link_of(kind, words) == link


def test_hours_and_ways_are_written_as_they_are_read() -> None:
    for hours in (OFFICE, NIGHTS):
        assert Hours.read(hours.document()) == hours
    assert Hours.read("always") is None
    for way in (
        Way(WayKind.CHAT, out_of_band=True, ceiling=TLP.GREEN),
        Way(WayKind.NODE, out_of_band=False),
    ):
        assert Way.read(way.document()) == way

"""Laws of duty hours: what is said of one instant fits what is said of all others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from policies.acts import Act, read_body
from policies.directory import (
    DAYS,
    Duty,
    Hours,
    OnDuty,
    WayKind,
    in_calling_order,
    link_of,
    next_on_duty,
    on_duty,
    to_call,
)

ZONES = ("Europe/Vienna", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC")
INSTANTS = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1)).map(  # noqa: DTZ001 - below
    lambda moment: moment.replace(second=0, microsecond=0, tzinfo=UTC)
)
OFFSETS = st.integers(-840, 840)


def hours(zones: st.SearchStrategy[str | int]) -> st.SearchStrategy[Hours]:
    return st.builds(
        Hours,
        days=st.frozensets(st.integers(0, 6), min_size=1),
        begins=st.integers(0, 1439),
        ends=st.integers(0, 1440),
        zone=zones,
    )


ANY_HOURS = hours(st.one_of(st.sampled_from(ZONES), OFFSETS))


@dataclass(frozen=True)
class Somebody:
    duty: Duty
    order: int
    hours: Hours | None


POINTS = st.lists(
    st.builds(
        Somebody,
        duty=st.sampled_from(Duty),
        order=st.integers(1, 99),
        hours=st.one_of(st.none(), ANY_HOURS),
    ),
    max_size=6,
)


@given(hours(OFFSETS), INSTANTS)
def test_the_next_turn_is_the_first_minute_after_a_gap_or_a_turn(
    stated: Hours, at: datetime
) -> None:
    start = next_on_duty(stated, at)
    assert start is not None
    assert start > at
    assert on_duty(stated, start) is OnDuty.YES
    if on_duty(stated, at) is OnDuty.NO:
        minutes = int((start - at) / timedelta(minutes=1))
        step = max(1, minutes // 50)
        for minute in (*range(0, minutes, step), minutes - 1):
            assert on_duty(stated, at + timedelta(minutes=minute)) is OnDuty.NO


@given(ANY_HOURS, INSTANTS)
def test_somebody_off_duty_comes_on_duty_within_a_fortnight(stated: Hours, at: datetime) -> None:
    start = next_on_duty(stated, at)
    if start is None:
        # A turn of less than the hour that clocks skip, once a week, may not take place.
        assert not stated.overnight
        assert stated.ends - stated.begins < 60
    else:
        assert at < start <= at + timedelta(days=15)
        assert on_duty(stated, start) is OnDuty.YES


@given(hours(OFFSETS), INSTANTS)
def test_weeks_repeat(stated: Hours, at: datetime) -> None:
    assert on_duty(stated, at) is on_duty(stated, at + timedelta(days=7))


@given(POINTS, INSTANTS)
def test_the_calling_order_loses_nobody_and_begins_with_who_is_on_duty(
    points: list[Somebody], at: datetime
) -> None:
    ordered = in_calling_order(points, at)
    assert sorted(map(id, ordered)) == sorted(map(id, points))
    states = [list(OnDuty).index(on_duty(one.hours, at)) for one in ordered]
    assert states == sorted(states)
    on = [one.order for one in ordered if on_duty(one.hours, at) is OnDuty.YES]
    assert on == sorted(on)
    assert bool(to_call(points, at)) is bool(points)
    assert all(one in points for one in to_call(points, at))


@given(ANY_HOURS)
def test_hours_survive_the_body(stated: Hours) -> None:
    way = {"kind": "telephone", "out_of_band": True}
    point = {
        "ref": "identity--7f3b1c52-90d4-4a0e-8a56-2d1c9be04e11",
        "duty": "primary",
        "order": 1,
        "hours": stated.document(),
        "ways": [way],
    }
    body = read_body(Act.MEMBER_DESCRIBED, {"points": [point]})
    assert Hours.read(body["points"][0]["hours"]) == stated
    assert set(stated.document()["days"]) <= set(DAYS)


@given(st.sampled_from(WayKind), st.text())
def test_a_link_is_a_number_or_an_address_and_nothing_else(kind: WayKind, words: str) -> None:
    link = link_of(kind, words)
    if link is not None:
        scheme, _, rest = link.partition(":")
        assert scheme in {"tel", "mailto"}
        assert not set(rest) & set(" \n\r\t\"'<>?&%;,")

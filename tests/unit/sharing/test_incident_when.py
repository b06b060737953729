"""When something happened, as a person types it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from policies.errors import InvalidError
from policies.timeline import Precision
from sharing.incident.times import Moment
from sharing.incident.values import Event
from sharing.incident.when import BETWEEN, read_when, span_of

SAID = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at", "fidelity"),
    [
        ("2026", (2026, 1, 1), "year"),
        ("2026-11", (2026, 11, 1), "month"),
        ("2026-11-28", (2026, 11, 28), "day"),
        ("2026-11-28 14", (2026, 11, 28, 14), "hour"),
        ("2026-11-28 14h", (2026, 11, 28, 14), "hour"),
        ("2026-11-28T14:30", (2026, 11, 28, 14, 30), "minute"),
        ("2026-11-28 14:30 UTC", (2026, 11, 28, 14, 30), "minute"),
        ("2026-11-28T14:30:05Z", (2026, 11, 28, 14, 30, 5), "second"),
        ("2026-11-28T14:30:05.25Z", (2026, 11, 28, 14, 30, 5, 250_000), None),
        ("2026-11-28 14:30+02:00", (2026, 11, 28, 12, 30), "minute"),
        (" 2026-11-28 ", (2026, 11, 28), "day"),
    ],
)
def test_as_much_of_a_time_as_is_typed_is_meant(
    text: str, at: tuple[int, ...], fidelity: str | None
) -> None:
    assert read_when(text, field="when") == Moment(
        datetime(*at, tzinfo=UTC),  # type: ignore[misc,arg-type]
        fidelity,
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "2026-13", "2026-02-30", "2026-11-28 25", "28.11.2026"),
        *("2026-11-28+02:00", "0000", "9999-12-31 23:59-05:00", "\u0662026"),
        "2026-11-28 14:30" + " " * 40,
    ],
)
def test_what_is_no_time_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        read_when(text, field="when")
    assert refused.value.field == "when"
    assert "2026-11-28 14:30" in (refused.value.hint or "")


def event(**given: object) -> Event:
    base = {"stix_id": "event--1", "created_by": None, "created": None, "modified": None}
    return Event(**(base | {"confidence": None} | given))  # type: ignore[arg-type]


def test_an_event_lies_where_its_times_say() -> None:
    day, hour = Moment(SAID, "day"), Moment(SAID.replace(hour=5), "hour")
    assert span_of(event(), otherwise=SAID) == (SAID, SAID, Precision.UNKNOWN)
    assert span_of(event(start=day), otherwise=SAID) == (
        SAID,
        SAID.replace(day=2),
        Precision.DAY,
    )
    assert span_of(event(end=hour), otherwise=SAID)[2] is Precision.HOUR
    assert span_of(event(start=day, end=hour), otherwise=SAID) == (
        SAID,
        SAID.replace(hour=6),
        Precision.LASTING,
    )
    between = event(start=day, end=hour, labels=(BETWEEN,))
    assert span_of(between, otherwise=SAID)[2] is Precision.BETWEEN
    assert span_of(event(start=Moment(SAID)), otherwise=SAID) == (SAID, SAID, Precision.EXACT)

"""Duty hours as people write and read them; links and words of a directory's page."""

from __future__ import annotations

import pytest

from hub.community.directory_words import hours_words, read_hours
from policies.directory import Hours
from policies.errors import InvalidError

WEEK = ["mon", "tue", "wed", "thu", "fri"]


@pytest.mark.parametrize(
    ("days", "begins", "ends", "zone", "words"),
    [
        ([], None, None, None, "always"),
        ([], None, None, "Europe/Vienna", "always"),
        (WEEK, "08:00", "18:00", "Europe/Vienna", "Mon–Fri 08:00–18:00 Europe/Vienna"),
        (["sun", "mon"], "8:00", "6:00", "+01:00", "Mon, Sun 08:00–06:00 +01:00"),
        ([], "22:00", "06:00", "-3:30", "every day 22:00–06:00 -03:30"),
        (["sat", "sun"], None, None, "UTC", "Sat, Sun 00:00–24:00 UTC"),
        (["fri", "sat", "sun"], None, "12:00", "UTC+2", "Fri–Sun 00:00–12:00 +02:00"),
    ],
)
def test_what_is_typed_is_read_and_said(
    days: list[str], begins: str | None, ends: str | None, zone: str | None, words: str
) -> None:
    assert hours_words(read_hours(days, begins, ends, zone)) == words


@pytest.mark.parametrize(
    ("days", "begins", "ends", "zone", "field"),
    [
        (["someday"], None, None, None, "days"),
        ([], "24:00", "06:00", None, "begins"),
        ([], "25:00", None, None, "begins"),
        ([], "08:60", None, None, "begins"),
        ([], None, "24:01", None, "ends"),
        ([], None, "noon", None, "ends"),
        ([], None, "\u0661\u0662:00", None, "ends"),
        ([], "08:00", None, "Mars/Olympus_Mons", "zone"),
        ([], "08:00", None, "+15:00", "zone"),
        ([], "08:00", None, "../etc/passwd", "zone"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_field(
    days: list[str], begins: str | None, ends: str | None, zone: str | None, field: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        read_hours(days, begins, ends, zone)
    assert refused.value.field == field


def test_hours_that_nobody_typed_are_said_all_the_same() -> None:
    assert hours_words(Hours(frozenset({0}), 1439, 0, -840)) == "Mon 23:59–00:00 -14:00"

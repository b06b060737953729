"""How one stands to what it was asked, and how answers are measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from policies.calls import Reply, measure, minutes_of, reply_of

DUE = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
BEFORE, AFTER = DUE - timedelta(minutes=1), DUE + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("answered", "declined", "closed", "now", "reply"),
    [
        (False, False, False, BEFORE, Reply.WAITING),
        (False, False, False, DUE, Reply.WAITING),
        (False, False, False, AFTER, Reply.SILENT),
        (True, False, False, AFTER, Reply.ANSWERED),
        (True, True, False, AFTER, Reply.DECLINED),
        (True, False, True, AFTER, Reply.ANSWERED),
        (False, False, True, BEFORE, Reply.UNANSWERED),
    ],
)
def test_time_makes_silent_and_a_late_answer_ends_that(
    answered: bool, declined: bool, closed: bool, now: datetime, reply: Reply
) -> None:
    found = reply_of(answered=answered, declined=declined, closed=closed, reply_by=DUE, now=now)
    assert found is reply


def test_answers_are_counted_by_the_minutes_that_they_took() -> None:
    spans = [timedelta(minutes=n) for n in (40, 2, 5)] + [timedelta(minutes=5, seconds=1)]
    measured = measure(spans, asked=7)
    assert (measured.asked, measured.answered) == (7, 4)
    assert measured.within == ((5, 2), (15, 3), (30, 3), (60, 4))
    assert (measured.middle, measured.slowest) == (5, 40)


def test_nothing_is_measured_where_nobody_answered() -> None:
    measured = measure([], asked=2)
    assert (measured.answered, measured.middle, measured.slowest) == (0, None, None)


def test_a_minute_that_has_begun_counts_and_time_never_runs_backwards() -> None:
    assert [minutes_of(timedelta(seconds=n)) for n in (-5, 0, 1, 60, 61)] == [0, 0, 1, 1, 2]

"""What is said of something to look for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from policies.intel import (
    Said,
    Standing,
    Verdict,
    newest_words,
    standing_of,
    verdict_of,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "labels", "verdict"),
    [
        (None, (), Verdict.SEEN),
        (3, ("other",), Verdict.SEEN),
        (0, (), Verdict.NOT_FOUND),
        (None, ("false-positive",), Verdict.FALSE_POSITIVE),
        (0, ("false-positive",), Verdict.FALSE_POSITIVE),
    ],
)
def test_a_sighting_says_one_of_three_things(
    count: int | None, labels: tuple[str, ...], verdict: Verdict
) -> None:
    assert verdict_of(count, labels) is verdict


def test_the_newest_word_of_each_organisation_counts_in_whatever_order_it_comes() -> None:
    words = [
        Said("a", Verdict.NOT_FOUND, NOW, "1"),
        Said("a", Verdict.SEEN, NOW + timedelta(hours=1), "2"),
        Said("b", Verdict.SEEN, NOW, "3"),
        Said("b", Verdict.FALSE_POSITIVE, NOW, "4"),
    ]
    expected = {"a": Verdict.SEEN, "b": Verdict.FALSE_POSITIVE}
    assert newest_words(words) == newest_words(reversed(words)) == expected


@pytest.mark.parametrize(
    ("until", "revoked", "recalled", "standing"),
    [
        (None, False, False, Standing.VALID),
        (NOW + timedelta(seconds=1), False, False, Standing.VALID),
        (NOW, False, False, Standing.EXPIRED),
        (NOW, True, False, Standing.REVOKED),
        (NOW, True, True, Standing.RECALLED),
    ],
)
def test_it_is_used_until_it_has_run_out_or_was_taken_back(
    until: datetime | None, revoked: bool, recalled: bool, standing: Standing
) -> None:
    found = standing_of(valid_until=until, revoked=revoked, recalled=recalled, now=NOW)
    assert found is standing

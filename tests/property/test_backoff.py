from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from federation.work.backoff import FIRST_WAIT, LONGEST_WAIT, wait_after

attempts = st.integers(min_value=-1, max_value=10**9)
chances = st.floats(min_value=0, max_value=1, exclude_max=True)


@given(attempts, chances)
def test_a_wait_is_never_shorter_than_half_the_first_nor_longer_than_the_longest(
    count: int, chance: float
) -> None:
    assert FIRST_WAIT / 2 <= wait_after(count, chance) <= LONGEST_WAIT


@given(attempts, chances, chances)
def test_whatever_chance_says_one_more_failure_never_waits_much_less(
    count: int, chance: float, other: float
) -> None:
    assert wait_after(count + 1, chance) * 2 >= wait_after(count, other)


@given(attempts, chances, chances)
def test_jitter_takes_at_most_half_of_the_step(count: int, chance: float, other: float) -> None:
    assert wait_after(count, chance) <= wait_after(count, other) * 2 + timedelta(microseconds=1)


@given(st.integers(min_value=1, max_value=8))
def test_steps_double_until_the_ceiling(count: int) -> None:
    assert wait_after(count + 1, 0) == wait_after(count, 0) * 2


def test_the_ceiling_is_reached_and_kept() -> None:
    assert wait_after(10, 0) == wait_after(10_000, 0) == LONGEST_WAIT / 2

"""Token buckets: how much one partner may ask. Source: protocol, 14 (flooding by a partner)."""

from __future__ import annotations

import pytest

from federation.partners import quotas
from federation.partners.quotas import HELD_AT_MOST_SECONDS, Quota, Quotas, Rates


class Ticks:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_is_given_at_once_and_then_as_it_flows_in() -> None:
    ticks = Ticks()
    counted = Quotas(Rates(requests=60), clock=ticks)
    assert [counted.take(Quota.REQUESTS, "a") for _ in range(60)] == [0.0] * 60
    assert counted.take(Quota.REQUESTS, "a") == 1.0
    ticks.now += 0.5
    assert counted.take(Quota.REQUESTS, "a") == 0.5
    ticks.now += 0.5
    assert counted.take(Quota.REQUESTS, "a") == 0.0
    ticks.now += 3600
    assert sum(counted.take(Quota.REQUESTS, "a") == 0 for _ in range(100)) == 60


def test_nobody_pays_for_another() -> None:
    counted = Quotas(Rates(requests=1), clock=Ticks())
    assert counted.take(Quota.REQUESTS, "a") == 0
    assert counted.take(Quota.REQUESTS, "a") > 0
    assert counted.take(Quota.REQUESTS, "b") == 0
    assert counted.take(Quota.CONTRIBUTIONS, "a channel") == 0


def test_an_administrator_allows_more_or_less() -> None:
    counted = Quotas(Rates(requests=100), clock=Ticks())
    assert sum(counted.take(Quota.REQUESTS, "much", factor=2) == 0 for _ in range(300)) == 200
    assert sum(counted.take(Quota.REQUESTS, "little", factor=0.1) == 0 for _ in range(300)) == 10


def test_what_is_larger_than_a_bucket_is_given_once_it_is_full_and_paid_for_afterwards() -> None:
    ticks = Ticks()
    counted = Quotas(Rates(bytes=100), clock=ticks)
    assert counted.take(Quota.BYTES, "a", 250) == 0
    assert counted.take(Quota.BYTES, "a", 1) == (1 + 150) / 100 * 60
    ticks.now += 60
    assert counted.take(Quota.BYTES, "a", 1) > 0
    ticks.now += 60
    assert counted.take(Quota.BYTES, "a", 1) == 0


def test_what_was_answered_is_paid_for_by_the_next() -> None:
    counted = Quotas(Rates(bytes=100), clock=Ticks())
    counted.spend(Quota.BYTES, "a", 130)
    assert counted.take(Quota.BYTES, "a", 0) > 0


def test_what_was_not_used_is_given_back_and_fills_no_bucket_beyond_its_rim() -> None:
    ticks = Ticks()
    counted = Quotas(Rates(bytes=100), clock=ticks)
    assert counted.take(Quota.BYTES, "a", 80) == 0
    counted.give_back(Quota.BYTES, "a", 50)
    assert counted.take(Quota.BYTES, "a", 71) == 1 / 100 * 60
    assert counted.take(Quota.BYTES, "a", 70) == 0
    ticks.now += 60
    counted.give_back(Quota.BYTES, "a", 1000)
    assert counted.take(Quota.BYTES, "a", 100) == 0
    assert counted.take(Quota.BYTES, "a", 1) > 0


def test_so_many_at_once_and_no_more() -> None:
    ticks = Ticks()
    counted = Quotas(Rates(at_once=2), clock=ticks)
    first = counted.hold("a")
    ticks.now += 1
    assert counted.hold("a") is not None
    assert counted.hold("a") is None
    assert counted.hold("b") is not None
    assert first is not None
    counted.release("a", first)
    counted.release("a", first)
    assert counted.hold("a") is not None
    assert counted.hold("a") is None
    ticks.now += HELD_AT_MOST_SECONDS
    assert counted.hold("a") is not None, "a request that never ended counts as over"


def test_many_strangers_take_no_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "FORGET_BEYOND", 10)
    counted = Quotas(Rates(strangers=1), clock=Ticks())
    for number in range(100):
        assert counted.take(Quota.STRANGERS, str(number)) == 0
    assert len(counted._buckets) == 10
    assert counted.take(Quota.STRANGERS, "99") > 0

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.accounts.records import ThrottleKind
from hub.accounts.throttle import PATIENCE, subject_of, wait_after


@pytest.mark.parametrize("kind", ThrottleKind)
def test_the_wait_begins_after_what_is_free_doubles_and_ends_at_a_ceiling(
    kind: ThrottleKind,
) -> None:
    patience = PATIENCE[kind]
    waits = [wait_after(count, patience) for count in range(patience.free_count + 40)]
    assert all(wait == timedelta(0) for wait in waits[: patience.free_count])
    assert waits[patience.free_count] == patience.first_wait
    assert waits[patience.free_count + 1] == 2 * patience.first_wait
    assert waits == sorted(waits)
    assert waits[-1] == patience.longest_wait


def test_one_ipv6_customer_is_one_address() -> None:
    def one(text: str) -> str:
        return subject_of(ThrottleKind.ADDRESS, text)

    assert one("2001:db8:1:2::1") == one("2001:db8:1:2:ffff::9")
    assert one("2001:db8:1:2::1") != one("2001:db8:1:3::1")
    assert one("192.0.2.1") != one("192.0.2.2")


def test_a_name_is_not_kept_as_it_was_typed() -> None:
    assert "hunter2" not in subject_of(ThrottleKind.ACCOUNT, "hunter2")
    assert subject_of(ThrottleKind.ACCOUNT, "a") != subject_of(ThrottleKind.ADDRESS, "a")

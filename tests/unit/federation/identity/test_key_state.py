"""The state of keys in one word."""

from __future__ import annotations

from datetime import timedelta

import pytest

from federation.identity.key_state import KeyStanding, key_state_of
from sharing.canonical import read_time
from tests.kit.ledger_kit import BORN, cert, grid

LATER = BORN + timedelta(days=1)


def test_keys_are_in_order_then_rotated_then_revoked() -> None:
    one = cert()
    state = key_state_of(one.chain)
    assert state is not None
    assert (state.standing, state.since, state.version) == (KeyStanding.IN_ORDER, BORN, 1)
    one.rotate(LATER)
    rotated = key_state_of(one.chain)
    assert rotated is not None
    assert (rotated.standing, rotated.since) == (KeyStanding.ROTATED, LATER)
    one.revoke(one.key, LATER + timedelta(days=1))
    revoked = key_state_of(one.chain)
    assert revoked is not None
    assert revoked.standing is KeyStanding.REVOKED
    assert revoked.since == read_time(one.chain[-1].issued)


def test_a_fork_and_another_recovery_key_go_before_everything_else() -> None:
    one = cert()
    one.rotate(LATER)
    forked = key_state_of(one.chain, forked=True)
    other = key_state_of(one.chain, confirmed=grid().recovery.thumbprint)
    same = key_state_of(one.chain, confirmed=one.recovery.thumbprint)
    assert forked is not None
    assert other is not None
    assert same is not None
    assert forked.standing is KeyStanding.FORKED
    assert other.standing is KeyStanding.OTHER
    assert same.standing is KeyStanding.ROTATED


def test_of_an_organisation_without_descriptors_nothing_is_known() -> None:
    assert key_state_of(()) is None


@pytest.mark.parametrize("standing", KeyStanding)
def test_every_state_says_what_it_means(standing: KeyStanding) -> None:
    state = key_state_of(cert().chain)
    assert state is not None
    assert type(state)(standing, state.since, 1, "x").sentence.endswith(".")

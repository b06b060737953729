"""Observables whose ids can be guessed, and what refers to them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from policies.tlp import TLP
from sharing import stix
from sharing.objects import StixObject
from sharing.reissue import (
    hard_to_guess,
    is_guessable,
    is_observable,
    refers_to,
    reissued,
    with_moved_refs,
)
from sharing.stix import NONCE_EXTENSION
from tests.kit.ledger_kit import grid

DETERMINISTIC = "ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd"
RANDOM = "ipv4-addr--6b6a4f0f-7c0d-4f7e-8d43-0c6d3b2a0004"


def address(stix_id: str = DETERMINISTIC, **more: Any) -> StixObject:
    value = {"type": "ipv4-addr", "spec_version": "2.1", "id": stix_id, "value": "198.51.100.3"}
    return StixObject.of(value | more)


@pytest.mark.parametrize(
    ("stix", "guessable"),
    [
        (address(), True),
        (address(RANDOM), False),
        (grid().note(1), False),
        (grid().identity, False),
    ],
)
def test_an_id_made_from_content_can_be_guessed(stix: StixObject, guessable: bool) -> None:
    assert is_guessable(stix) is guessable
    assert is_observable(stix) is (stix.stix_type == "ipv4-addr")


def test_an_observable_under_another_id_says_the_same_and_something_random() -> None:
    again = reissued(address(extensions={"x-other-ext": {"a": 1}}), RANDOM, "0f" * 16)
    assert again.stix_id == RANDOM
    assert again.value["value"] == "198.51.100.3"
    assert again.value["extensions"]["x-other-ext"] == {"a": 1}
    assert again.value["extensions"][NONCE_EXTENSION]["nonce"] == "0f" * 16


@pytest.mark.parametrize("label", [*TLP, None])
def test_what_not_everybody_reads_has_something_random_in_it(label: TLP | None) -> None:
    found = stix.indicator(
        "[ipv4-addr:value = '198.51.100.3']",
        name="C2",
        created_by=grid().id,
        now=datetime(2026, 11, 20, 10, 0, tzinfo=UTC),
        marking=label,
    )
    once, again = hard_to_guess(found), hard_to_guess(found)
    if label in {TLP.CLEAR, TLP.GREEN}:
        assert once is again is found
        return
    assert len({one.sha256 for one in (found, once, again)}) == 3
    kept = {name: value for name, value in once.value.items() if name != "extensions"}
    assert kept == found.value
    # What has something random in it keeps it.
    assert hard_to_guess(once).sha256 == once.sha256


def test_references_follow_and_words_stay() -> None:
    note = grid().note(1, DETERMINISTIC, object_refs=[DETERMINISTIC, grid().id])
    moved = with_moved_refs(note, {DETERMINISTIC: RANDOM})
    assert refers_to(note, {DETERMINISTIC: RANDOM})
    assert moved.value["object_refs"] == [RANDOM, grid().id]
    assert moved.value["content"] == DETERMINISTIC
    assert with_moved_refs(note, {RANDOM: DETERMINISTIC}) is note

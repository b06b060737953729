"""Source: lifecycles, 2."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.errors import ConflictError
from policies.lifecycles import TABLES
from policies.reports import (
    LocalState,
    LocalStep,
    ReportState,
    open_steps,
    stands,
    step,
)


@given(st.sampled_from(LocalState), st.sampled_from(LocalStep))
def test_what_is_offered_is_taken_and_nothing_else(state: LocalState, taken: LocalStep) -> None:
    open_now = taken in open_steps(state)
    with nullcontext() if open_now else pytest.raises(ConflictError, match="open: "):
        step(state, taken)


def test_a_suspicion_need_not_be_assessed_before_it_is_submitted() -> None:
    assert step(LocalState.RECORDED, LocalStep.SUBMIT) is LocalState.SUBMITTED


def test_what_was_set_aside_is_taken_up_again() -> None:
    for state in (LocalState.FALSE_ALARM, LocalState.HANDLED_LOCALLY):
        assert step(state, LocalStep.REOPEN) is LocalState.RECORDED


def test_what_is_with_the_coordinator_takes_no_local_step() -> None:
    with pytest.raises(ConflictError, match="with the coordinator"):
        step(LocalState.SUBMITTED, LocalStep.DISCARD)


@pytest.mark.parametrize(
    ("own", "answer", "again", "state"),
    [
        ("submitted", None, False, ReportState.SUBMITTED),
        ("submitted", "triaged", False, ReportState.TRIAGED),
        ("submitted", "closed", False, ReportState.CLOSED),
        ("submitted", "closed", True, ReportState.ACKNOWLEDGED),
        ("submitted", "linked", True, ReportState.LINKED),
        ("withdrawn", "linked", False, ReportState.WITHDRAWN),
        ("withdrawn", None, False, ReportState.WITHDRAWN),
    ],
)
def test_two_ledgers_tell_one_state(
    own: str, answer: str | None, again: bool, state: ReportState
) -> None:
    assert stands(own, answer, asked_again=again) is state


def test_every_state_of_the_table_is_told() -> None:
    states = set(TABLES["1"].tables["report"].states) - {"none"}
    assert states == {state.value for state in ReportState}

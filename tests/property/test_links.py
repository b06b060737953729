"""Which case may be named in which: laws of the rule. Source: lifecycles, 4; protocol, 5."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policies.links import OPEN_STATES, Known, may_merge, may_name, said_under
from policies.tlp import TLP

LABELS = st.sampled_from(TLP)
MEMBERS = st.frozensets(st.sampled_from("abcd"), min_size=1)
CASES = st.builds(Known, LABELS, LABELS, MEMBERS, st.booleans())
STATES = st.sampled_from(["assessment", "response", "recovered", "declined", "closed", "merged"])


@given(CASES, CASES)
def test_what_is_said_says_no_more_than_both_labels_allow(here: Known, there: Known) -> None:
    label = said_under(here, there)
    assert label.allows(here.label)
    assert label.allows(there.label)
    if may_name(here, there):
        assert here.ceiling.allows(label)


@given(CASES, CASES)
def test_a_case_for_its_members_alone_is_named_to_nobody_else(here: Known, there: Known) -> None:
    if may_name(here, there) and (there.is_breakout or there.label is TLP.RED):
        assert here.members <= there.members


@given(CASES, CASES, st.sampled_from("abcd"))
def test_whoever_joins_the_other_case_takes_no_leave_away(
    here: Known, there: Known, who: str
) -> None:
    more = Known(there.label, there.ceiling, there.members | {who}, there.is_breakout)
    if may_name(here, there):
        assert may_name(here, more)


@given(STATES, STATES, st.booleans(), st.booleans())
def test_a_case_goes_on_in_an_open_one_of_its_own_kind(
    state: str, into: str, is_exercise: bool, into_is_exercise: bool
) -> None:
    answer = may_merge(
        state=state, into_state=into, is_exercise=is_exercise, into_is_exercise=into_is_exercise
    )
    fits = {state, into} <= OPEN_STATES and is_exercise is into_is_exercise
    assert bool(answer) is fits
    assert answer.reason

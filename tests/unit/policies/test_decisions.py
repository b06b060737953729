"""Source: lifecycles, 1 (rule 5) and 6."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.decisions import (
    ABSTAINED,
    NO,
    NONE_OF_THEM,
    YES,
    By,
    DecisionRule,
    Topic,
    count,
    read_rules,
    write_rules,
)

YES_OR_NO = (YES, NO)
THREE = ("patch", "isolate", "wait")
rules = st.builds(DecisionRule, st.sampled_from(By), st.integers(0, 5))


def votes(*cast: str | None) -> dict[str, str | None]:
    return {f"voter {number}": vote for number, vote in enumerate(cast)}


@pytest.mark.parametrize(
    ("by", "cast", "outcome"),
    [
        (By.MAJORITY, (YES, YES, NO), YES),
        (By.MAJORITY, (YES, NO), NO),
        (By.MAJORITY, (YES, ABSTAINED, None), YES),
        (By.MAJORITY, (None, None), NO),
        (By.MAJORITY, (ABSTAINED, ABSTAINED), NO),
        (By.UNANIMITY, (YES, YES, None), YES),
        (By.UNANIMITY, (YES, YES, NO), NO),
        (By.UNANIMITY, (YES, ABSTAINED), YES),
    ],
)
def test_silence_and_abstaining_are_nobodys_no(
    by: By, cast: tuple[str | None, ...], outcome: str
) -> None:
    assert count(DecisionRule(by), YES_OR_NO, votes(*cast)).outcome == outcome


def test_a_quorum_counts_who_took_part_and_not_who_was_silent() -> None:
    rule = DecisionRule(By.MAJORITY, 3)
    short = count(rule, YES_OR_NO, votes(YES, YES, None, None))
    assert (short.outcome, short.quorate) == (NO, False)
    enough = count(rule, YES_OR_NO, votes(YES, YES, ABSTAINED, None))
    assert (enough.outcome, enough.quorate) == (YES, True)
    assert (enough.votes, enough.abstained, enough.silent) == ({YES: 2, NO: 0}, 1, 1)


def test_among_several_options_none_may_have_enough() -> None:
    split = count(DecisionRule(By.MAJORITY), THREE, votes("patch", "isolate"))
    assert split.outcome == NONE_OF_THEM
    won = count(DecisionRule(By.MAJORITY), THREE, votes("patch", "isolate", "patch"))
    assert won.outcome == "patch"


def test_what_nobody_can_change_any_more_is_settled() -> None:
    rule = DecisionRule(By.MAJORITY)
    assert not count(rule, YES_OR_NO, votes(YES, None)).settled
    assert count(rule, YES_OR_NO, votes(YES, YES, None)).settled
    assert count(DecisionRule(By.UNANIMITY), YES_OR_NO, votes(YES, NO, None)).settled
    assert not count(DecisionRule(By.UNANIMITY), YES_OR_NO, votes(YES, YES, None)).settled


@given(
    rules,
    st.sampled_from([YES_OR_NO, THREE]),
    st.data(),
)
def test_settled_means_that_no_votes_to_come_change_the_outcome(
    rule: DecisionRule, options: tuple[str, ...], data: st.DataObject
) -> None:
    choices = st.sampled_from([*options, ABSTAINED, None])
    cast = data.draw(st.lists(choices, min_size=1, max_size=5))
    now = count(rule, options, votes(*cast))
    silent = [place for place, vote in enumerate(cast) if vote is None]
    ends = set()
    for more in product([*options, ABSTAINED, None], repeat=len(silent)):
        filled = list(cast)
        for place, vote in zip(silent, more, strict=True):
            filled[place] = vote
        end = count(rule, options, votes(*filled))
        ends.add((end.outcome, end.quorate))
    assert now.settled == (ends == {(now.outcome, now.quorate)})


@given(st.dictionaries(st.sampled_from([topic.value for topic in Topic]), rules))
def test_rules_are_read_as_they_are_kept(kept: dict[str, DecisionRule]) -> None:
    assert read_rules(write_rules(kept)) == kept
    for rule in kept.values():
        assert DecisionRule.parse(str(rule)) == rule
        assert str(rule.quorum or "") in rule.words


def test_nothing_kept_are_no_rules() -> None:
    assert read_rules(None) == {}
    assert write_rules({}) == ""
    assert DecisionRule.read({"by": "majority"}) == DecisionRule(By.MAJORITY)

"""Source: domain, 5; lifecycles, 4 (`case.activated`)."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from policies.assessment import Assessment, FunctionalImpact, InformationImpact
from policies.criteria import (
    CRITERIA,
    Answer,
    Criteria,
    Criterion,
    Facts,
    criteria_document,
    find_criteria,
    read_criteria,
    speaks_for_coordination,
)
from policies.errors import InvalidError
from policies.inputs import Input
from policies.matrix import Level
from policies.severity import joint_severity, override

NONE = Assessment(
    functional_impact=FunctionalImpact.NONE, information_impact=InformationImpact.NONE
)
SIGNIFICANT = Assessment(functional_impact=FunctionalImpact.SIGNIFICANT)
KNOWN_LOW = joint_severity([Input("vendor", 1, NONE)])
HALF_KNOWN = joint_severity([Input("vendor", 1, NONE), Input("grid")])
MEDIUM = joint_severity([Input("vendor", 1, SIGNIFICANT), Input("grid")])


def answer(criterion: Criterion, facts: Facts, criteria: Criteria | None = None) -> Answer:
    return next(f.answer for f in find_criteria(facts, criteria) if f.criterion is criterion)


def sentence(criterion: Criterion, facts: Facts) -> str:
    return next(f.sentence for f in find_criteria(facts) if f.criterion is criterion)


def test_each_criterion_is_found_once_and_told_in_a_sentence() -> None:
    findings = find_criteria(Facts(MEDIUM, affected=1))
    assert [finding.criterion for finding in findings] == list(Criterion) == list(CRITERIA)
    assert all(finding.sentence.endswith(".") for finding in findings)
    assert all(finding.counts for finding in findings)
    assert all(line.says for line in CRITERIA.values())


@pytest.mark.parametrize(
    ("affected", "unheard", "through", "found", "says"),
    [
        (2, 0, False, Answer.MET, "2 organisations are affected."),
        (5, 9, None, Answer.MET, "5 organisations are affected."),
        (1, 0, True, Answer.MET, "1 organisation is affected, through another."),
        (1, 3, True, Answer.MET, "1 organisation is affected, through another."),
        (1, 3, False, Answer.NOT_KNOWN, "1 organisation is affected; 3 have not said."),
        (
            0,
            3,
            False,
            Answer.NOT_KNOWN,
            "No organisation is known to be affected; 3 have not said.",
        ),
        (0, 1, False, Answer.NOT_MET, "No organisation is known to be affected."),
        (0, 1, None, Answer.NOT_KNOWN, "No organisation is known to be affected; 1 has not said."),
        (1, 0, None, Answer.NOT_KNOWN, None),
        (1, 0, False, Answer.NOT_MET, "1 organisation is affected."),
        (0, 0, None, Answer.NOT_MET, "No organisation is known to be affected."),
        (0, 0, True, Answer.NOT_MET, "No organisation is known to be affected."),
    ],
)
def test_several_are_affected_or_one_through_another(
    affected: int, unheard: int, through: bool | None, found: Answer, says: str | None
) -> None:
    facts = Facts(MEDIUM, affected, unheard, through)
    assert answer(Criterion.SEVERAL_AFFECTED, facts) is found
    if says is not None:
        assert sentence(Criterion.SEVERAL_AFFECTED, facts) == says


def test_severity_is_not_known_before_all_have_stated_their_impacts() -> None:
    assert answer(Criterion.SEVERITY, Facts(MEDIUM, 1)) is Answer.MET
    assert answer(Criterion.SEVERITY, Facts(HALF_KNOWN, 1)) is Answer.NOT_KNOWN
    assert sentence(Criterion.SEVERITY, Facts(HALF_KNOWN, 1)) == (
        "The severity is negligible so far; 1 of 2 have stated their impacts."
    )
    assert answer(Criterion.SEVERITY, Facts(KNOWN_LOW, 1)) is Answer.NOT_MET
    assert sentence(Criterion.SEVERITY, Facts(KNOWN_LOW, 1)) == (
        "The severity is negligible; it would have to be medium."
    )
    assert answer(Criterion.SEVERITY, Facts(joint_severity([]), 0)) is Answer.NOT_KNOWN
    half = joint_severity([Input("vendor", 1, Assessment(functional_impact=FunctionalImpact.NONE))])
    assert answer(Criterion.SEVERITY, Facts(half, 1)) is Answer.NOT_KNOWN


def test_a_level_that_a_person_set_is_known() -> None:
    low = override(MEDIUM, Level.LOW, "a drill")
    assert answer(Criterion.SEVERITY, Facts(low, 1)) is Answer.NOT_MET
    high = override(HALF_KNOWN, Level.HIGH, "hospitals")
    assert answer(Criterion.SEVERITY, Facts(high, 1)) is Answer.MET


@pytest.mark.parametrize(
    ("fact", "found"), [(None, Answer.NOT_KNOWN), (True, Answer.MET), (False, Answer.NOT_MET)]
)
def test_what_nobody_knows_is_told_as_not_known(fact: bool | None, found: Answer) -> None:
    facts = Facts(MEDIUM, 1, spread_likely=fact, common_cause=fact)
    assert answer(Criterion.SPREAD, facts) is found
    assert answer(Criterion.COMMON_CAUSE, facts) is found
    other = Facts(MEDIUM, 1, spread_likely=True, common_cause=fact)
    assert answer(Criterion.SPREAD, other) is Answer.MET


def test_a_member_asks() -> None:
    assert sentence(Criterion.ASKED, Facts(MEDIUM, 1)) == "No member has asked for coordination."
    assert sentence(Criterion.ASKED, Facts(MEDIUM, 1, asked_by=1)) == (
        "A member has asked for coordination."
    )
    assert sentence(Criterion.ASKED, Facts(MEDIUM, 1, asked_by=3)) == (
        "3 members have asked for coordination."
    )
    assert answer(Criterion.ASKED, Facts(MEDIUM, 1, asked_by=1)) is Answer.MET
    assert answer(Criterion.ASKED, Facts(MEDIUM, 1)) is Answer.NOT_MET


def test_a_charter_chooses_which_count_and_the_others_are_shown() -> None:
    only = Criteria(frozenset({Criterion.ASKED}))
    findings = find_criteria(Facts(MEDIUM, 5), only)
    assert [f.criterion for f in findings if f.counts] == [Criterion.ASKED]
    assert len(findings) == len(Criterion)
    assert not speaks_for_coordination(findings)
    assert speaks_for_coordination(find_criteria(Facts(MEDIUM, 5)))
    assert speaks_for_coordination(find_criteria(Facts(MEDIUM, 0, asked_by=1), only))


def test_not_known_speaks_for_nothing() -> None:
    assert not speaks_for_coordination(find_criteria(Facts(HALF_KNOWN, 1, unheard=4)))


def test_a_charter_says_how_many_are_several_and_which_level_speaks() -> None:
    strict = Criteria(organisations=3, severity=Level.HIGH)
    assert answer(Criterion.SEVERAL_AFFECTED, Facts(MEDIUM, 2), strict) is (Answer.NOT_KNOWN)
    assert (
        answer(Criterion.SEVERAL_AFFECTED, Facts(MEDIUM, 2, through_another=False), strict)
        is Answer.NOT_MET
    )
    assert answer(Criterion.SEVERITY, Facts(MEDIUM, 2), strict) is Answer.NOT_KNOWN
    assert answer(Criterion.SEVERITY, Facts(KNOWN_LOW, 2), strict) is Answer.NOT_MET


def test_knowing_more_never_turns_met_into_not_met_or_back() -> None:
    """What is answered once with yes or no stays answered when the unknown becomes known."""
    for affected, unheard, through in product(range(4), range(3), [None, False, True]):
        found = answer(Criterion.SEVERAL_AFFECTED, Facts(MEDIUM, affected, unheard, through))
        if found is Answer.NOT_KNOWN:
            continue
        for more, known in product(range(unheard + 1), [False, True]):
            if through in (None, known):
                later = Facts(MEDIUM, affected + more, 0, known)
                assert answer(Criterion.SEVERAL_AFFECTED, later) is found


def test_what_is_not_known_may_still_turn_out_either_way() -> None:
    for affected, unheard, through in product(range(4), range(3), [None, False, True]):
        facts = Facts(MEDIUM, affected, unheard, through)
        if answer(Criterion.SEVERAL_AFFECTED, facts) is not Answer.NOT_KNOWN:
            continue
        ends = {
            answer(Criterion.SEVERAL_AFFECTED, Facts(MEDIUM, affected + more, 0, known))
            for more, known in product(range(unheard + 1), [False, True])
            if through in (None, known)
        }
        assert ends == {Answer.MET, Answer.NOT_MET}


def test_what_a_charter_chose_is_data() -> None:
    assert read_criteria({}) == Criteria()
    chosen = Criteria(frozenset({Criterion.ASKED, Criterion.SPREAD}), 3, Level.HIGH)
    assert criteria_document(chosen) == {
        "counting": ["spread", "asked"],
        "organisations": 3,
        "severity": "high",
    }
    assert read_criteria(criteria_document(chosen)) == chosen


@pytest.mark.parametrize(
    ("document", "field", "says"),
    [
        ([], "criteria", "no object"),
        ({"votes": 3}, "criteria.votes", "no “votes” here"),
        ({"counting": []}, "criteria.counting", "at least one"),
        ({"counting": "asked"}, "criteria.counting", "at least one"),
        ({"counting": ["moon"]}, "criteria.counting", "“moon” is no criterion"),
        ({"counting": [7]}, "criteria.counting", "this is no criterion"),
        ({"counting": ["asked", "asked"]}, "criteria.counting", "twice"),
        ({"organisations": 0}, "criteria.organisations", "from 1 to 1000"),
        ({"organisations": True}, "criteria.organisations", "from 1 to 1000"),
        ({"organisations": "2"}, "criteria.organisations", "from 1 to 1000"),
        ({"severity": "huge"}, "criteria.severity", "no level"),
        ({"severity": ["low"]}, "criteria.severity", "no level"),
    ],
)
def test_what_can_not_be_read_is_refused_by_its_field(document: Any, field: str, says: str) -> None:
    with pytest.raises(InvalidError, match=says) as refusal:
        read_criteria(document)
    assert refusal.value.field == field

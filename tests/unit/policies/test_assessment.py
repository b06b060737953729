"""Source: domain, 2 (assess and decide); lifecycles, 5; records, 4.3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policies.assessment import (
    Assessment,
    Danger,
    Field,
    FunctionalImpact,
    InformationImpact,
    PersonalData,
    Recoverability,
    ResponseState,
    Span,
    assessment_document,
    read_assessment,
)
from policies.errors import InvalidError
from policies.ladders import Ladder

WHOLE: dict[str, Any] = {
    "functional_impact": "denial",
    "information_impact": "personal-data",
    "recoverability": "extended",
    "essential_service": True,
    "danger": "possible",
    "still_spreading": False,
    "personal_data": "yes",
    "confidence": 70,
    "counts": {
        "computers-personal": {"low": 40, "high": 60},
        "domain-controller": {"low": 2, "high": 2},
        "individual": {"low": 0, "high": 0},
    },
}


def test_an_assessment_is_read_field_by_field() -> None:
    assert read_assessment(WHOLE) == Assessment(
        functional_impact=FunctionalImpact.DENIAL,
        information_impact=InformationImpact.PERSONAL_DATA,
        recoverability=Recoverability.EXTENDED,
        essential_service=True,
        danger=Danger.POSSIBLE,
        still_spreading=False,
        personal_data=PersonalData.YES,
        confidence=70,
        counts={
            "computers-personal": Span(40, 60),
            "domain-controller": Span(2, 2),
            "individual": Span(0, 0),
        },
    )
    assert assessment_document(read_assessment(WHOLE)) == WHOLE
    json.dumps(assessment_document(read_assessment(WHOLE)))


def test_what_is_not_stated_is_another_thing_than_none() -> None:
    silent = read_assessment({})
    assert silent == Assessment()
    assert assessment_document(silent) == {}
    none = read_assessment(
        {
            "functional_impact": "none",
            "essential_service": False,
            "confidence": 0,
            "counts": {"individual": {"low": 0, "high": 0}},
        }
    )
    assert none != silent
    assert none.functional_impact is FunctionalImpact.NONE
    assert none.essential_service is False
    assert none.confidence == 0
    assert none.counts["individual"] == Span(0, 0)
    assert assessment_document(none)["essential_service"] is False


def test_a_count_is_exact_where_both_ends_are_one() -> None:
    assert Span(3, 3).exact
    assert not Span(3, 4).exact


@pytest.mark.parametrize(
    ("document", "at", "says"),
    [
        (None, "assessment", "no object"),
        ([], "assessment", "no object"),
        ({"severity": "high"}, "assessment.severity", "no field “severity”"),
        ({"response": "affected"}, "assessment.response", "no field “response”"),
        ({7: "x"}, "assessment.7", "no field “7”"),
        ({"functional_impact": "huge"}, "assessment.functional_impact", "“huge” is not one of"),
        ({"functional_impact": 3}, "assessment.functional_impact", "this is not one of none"),
        ({"danger": None}, "assessment.danger", "is empty"),
        ({"danger": True}, "assessment.danger", "not one of none, possible, confirmed"),
        ({"essential_service": "yes"}, "assessment.essential_service", "true or false"),
        ({"still_spreading": 1}, "assessment.still_spreading", "true or false"),
        ({"confidence": 101}, "assessment.confidence", "from 0 to 100"),
        ({"confidence": -1}, "assessment.confidence", "from 0 to 100"),
        ({"confidence": True}, "assessment.confidence", "no whole number"),
        ({"confidence": 50.0}, "assessment.confidence", "no whole number"),
        ({"counts": []}, "assessment.counts", "no object"),
        ({"counts": {}}, "assessment.counts", "no kind is counted"),
        ({"counts": {"A B": {"low": 1, "high": 1}}}, "assessment.counts", "“A B” is no kind"),
        ({"counts": {"x" * 41: {"low": 1, "high": 1}}}, "assessment.counts", "is no kind"),
        ({"counts": {"system\n": {"low": 1, "high": 1}}}, "assessment.counts", "is no kind"),
        ({"counts": {3: {"low": 1, "high": 1}}}, "assessment.counts", "this is no kind"),
        ({"counts": {"system": 3}}, "assessment.counts.system", "no object"),
        ({"counts": {"system": {"low": 3}}}, "assessment.counts.system", "low and high"),
        (
            {"counts": {"system": {"low": 3, "high": 3, "unit": 1}}},
            "assessment.counts.system",
            "low and high",
        ),
        (
            {"counts": {"system": {"low": 4, "high": 3}}},
            "assessment.counts.system",
            r"low \(4\) is above high \(3\)",
        ),
        (
            {"counts": {"system": {"low": -4, "high": 3}}},
            "assessment.counts.system.low",
            "no whole number",
        ),
        (
            {"counts": {"system": {"low": 4, "high": 2**53}}},
            "assessment.counts.system.high",
            "no whole number",
        ),
        (
            {"counts": {f"k{n}": {"low": 1, "high": 1} for n in range(51)}},
            "assessment.counts",
            "more than 50 kinds",
        ),
    ],
)
def test_what_can_not_be_read_is_refused_by_its_field(document: Any, at: str, says: str) -> None:
    with pytest.raises(InvalidError, match=says) as refusal:
        read_assessment(document)
    assert refusal.value.field == at


def test_a_refusal_says_where_the_assessment_stood() -> None:
    with pytest.raises(InvalidError) as refusal:
        read_assessment({"danger": "lots"}, at="body.assessment")
    assert refusal.value.field == "body.assessment.danger"


def test_every_word_is_read_by_a_person_and_the_least_stands_first() -> None:
    ladders = Ladder.__subclasses__()
    assert len(ladders) >= 5
    for ladder in ladders:
        words = list(ladder)
        assert [word.rank for word in words] == list(range(len(words)))
        assert all(word.label and word.label == word.label.strip() for word in words)
    assert Recoverability.NOT_APPLICABLE.rank < Recoverability.REGULAR.rank
    assert all(field.label for field in Field)
    assert ResponseState.NOT_AFFECTED.label == "not affected"


def test_who_has_recovered_was_affected_and_who_still_looks_is_not_known() -> None:
    assert {state: state.affected for state in ResponseState} == {
        ResponseState.UNKNOWN: None,
        ResponseState.INVESTIGATING: None,
        ResponseState.NOT_AFFECTED: False,
        ResponseState.AFFECTED: True,
        ResponseState.CONTAINED: True,
        ResponseState.ERADICATED: True,
        ResponseState.RECOVERED: True,
    }

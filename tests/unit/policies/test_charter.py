"""Source: lifecycles, 7; domain, 2 and 5; coordination protocol, 5 (*Late joiners*)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import policies
from policies.acts import Act, read_body
from policies.charter import (
    KIND_OF,
    Answering,
    Attribution,
    Clause,
    Deputy,
    Terms,
    Widened,
    carried_by_case,
    check_terms,
    differences,
    opens_later,
    read_terms,
    terms_document,
)
from policies.criteria import Criteria, Criterion
from policies.decisions import ALONE, By, DecisionRule, Topic
from policies.errors import InvalidError
from policies.matrix import Level
from policies.tlp import TLP

GRID = "identity--5d3b2a10-4f6e-4d8a-9c1b-2e3f4a5b6c7d"
FULL = Terms(
    rules={Topic.START: DecisionRule(By.MAJORITY, 3), Topic.CLOSE: DecisionRule(By.UNANIMITY)},
    delegations={Topic.START: Level.HIGH},
    deputies=(Deputy(GRID, 2),),
    criteria=frozenset({Criterion.ASKED, Criterion.SEVERITY}),
    reply_minutes={Answering.JOIN: 120, Answering.ACKNOWLEDGE: 30},
    silence_minutes=90,
    default_marking=TLP.AMBER_STRICT,
    widening=frozenset({Widened.WARNINGS}),
    attribution=Attribution.SECTOR,
)


def body_of(terms: Terms) -> dict[str, Any]:
    return {
        "charter": "note--0c6bfb0e-9d0f-4a55-8bb7-3d0b1d2f3a4b",
        "sha256": "ab" * 32,
        "accept_by": "2026-12-01T10:00:00.000Z",
        **terms_document(terms),
    }


@pytest.mark.parametrize("terms", [Terms(), FULL], ids=["nothing", "everything"])
def test_terms_are_read_as_they_were_written_and_fit_their_schema(terms: Terms) -> None:
    body = read_body(Act.CHARTER_PROPOSED, body_of(terms))
    assert read_terms(body) == terms


def test_what_has_its_default_is_not_written() -> None:
    assert terms_document(Terms(rules={Topic.START: ALONE})) == {}


def test_the_words_here_are_those_of_the_schemas() -> None:
    folder = Path(policies.__file__).parent / "schemas"
    common = json.loads((folder / "common.json").read_text())["$defs"]
    assert [one.value for one in Widened] == common["widened"]["enum"]
    assert [one.value for one in Answering] == list(common["reply_minutes"]["properties"])
    proposed = json.loads((folder / "charter.proposed.json").read_text())["properties"]
    assert [one.value for one in Attribution] == proposed["attribution"]["enum"]


def test_a_criterion_that_nobody_knows_here_is_left_out() -> None:
    assert read_terms({"criteria": ["severity", "full-moon"]}).criteria == {Criterion.SEVERITY}


def test_all_criteria_count_where_none_is_named() -> None:
    assert Terms().judged_by == Criteria()
    assert FULL.judged_by.counting == {Criterion.ASKED, Criterion.SEVERITY}


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        (Terms(rules={Topic.START: DecisionRule(By.MAJORITY, 501)}), "at most 500"),
        (Terms(delegations={Topic.START: Level.LOW}), "alone at any severity"),
        (Terms(deputies=(Deputy(GRID), Deputy(GRID, 3))), "twice"),
        (Terms(deputies=(Deputy(GRID, 1),)), "2 members at least"),
        (Terms(reply_minutes={Answering.JOIN: 0}), "at least a minute"),
        (Terms(silence_minutes=600_000), "at most a year"),
    ],
)
def test_what_nobody_could_live_by_is_refused(terms: Terms, sentence: str) -> None:
    with pytest.raises(InvalidError, match=sentence):
        check_terms(terms)


def test_a_case_takes_over_what_it_is_decided_by_and_nothing_else() -> None:
    carried = carried_by_case(terms_document(FULL))
    assert set(carried) == {"rules", "delegations", "deputies", "criteria", "silence_minutes"}
    body = {
        "incident": "incident--0c6bfb0e-9d0f-4a55-8bb7-3d0b1d2f3a4b",
        "exercise": False,
        **carried,
    }
    read_body(Act.CASE_OPENED, body)
    assert carried_by_case(terms_document(Terms())) == {}


def test_differences_name_each_clause_once_and_nothing_where_nothing_differs() -> None:
    assert differences(FULL, FULL) == []
    assert [(one.clause, one.of) for one in differences(Terms(), FULL)] == [
        (Clause.RULE, "start-coordination"),
        (Clause.RULE, "close"),
        (Clause.DELEGATION, "start-coordination"),
        (Clause.DEPUTIES, None),
        (Clause.CRITERIA, None),
        (Clause.REPLY, "acknowledge"),
        (Clause.REPLY, "join"),
        (Clause.SILENCE, None),
        (Clause.MARKING, None),
        (Clause.WIDENING, None),
        (Clause.ATTRIBUTION, None),
    ]


def test_a_default_said_aloud_is_no_difference() -> None:
    said = Terms(rules={Topic.CLOSE: ALONE}, criteria=frozenset(Criterion), silence_minutes=60)
    assert differences(Terms(), said) == []


def test_the_charter_says_what_goes_to_later_members_and_is_silent_where_it_names_nothing() -> None:
    assert opens_later(FULL, Act.WARNING_ISSUED) is True
    assert opens_later(FULL, Act.INTEL_SHARED) is False
    assert opens_later(FULL, Act.NOTE_ADDED) is None
    assert {opens_later(Terms(), act) for act in KIND_OF} == {None}

"""What the room of a case says: *not stated* differs from *none*, silence is nobody's no."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.cases.queries import OrganisationRow
from hub.web import case_words
from hub.web.models import Tone
from policies.assessment import (
    Assessment,
    Danger,
    Field,
    FunctionalImpact,
    ResponseState,
    Span,
)
from policies.decisions import Topic
from policies.inputs import Input
from policies.matrix import Level
from policies.severity import joint_severity
from tests.unit.policies.worlds import GRID, VENDOR

NOW = datetime(2026, 11, 29, tzinfo=UTC)
STATED = Assessment(
    functional_impact=FunctionalImpact.NONE,
    essential_service=False,
    confidence=70,
    counts={"system": Span(3, 12), "employee": Span(5, 5)},
)


def row(**more: object) -> OrganisationRow:
    given = {
        "organisation": GRID,
        "name": "Grid Operator",
        "roles": ("affected",),
        "is_us": False,
        "takes_part": True,
        "response": None,
        "since": None,
        "since_earliest": None,
        "responded_at": None,
        "stated": None,
        "assessed_at": None,
        "relayed": False,
    }
    return OrganisationRow(**{**given, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (Field.FUNCTIONAL_IMPACT, "no impact"),
        (Field.DANGER, case_words.NOT_STATED),
        (Field.ESSENTIAL_SERVICE, "no"),
        (Field.STILL_SPREADING, case_words.NOT_STATED),
        (Field.CONFIDENCE, "70 of 100"),
        (Field.COUNTS, "5 employee, 3 to 12 system"),
    ],
)
def test_what_is_not_stated_differs_from_none(field: Field, words: str) -> None:
    assert case_words.cell(STATED, field) == words
    assert case_words.cell(None, field) == case_words.NOT_STATED


def test_who_has_told_something_alone_is_not_silent() -> None:
    assert row().is_silent
    assert case_words.response_of(row()) is case_words.SILENT
    told = row(response_alone=ResponseState.AFFECTED)
    assert not told.is_silent
    assert case_words.response_of(told) is case_words.TOLD_ALONE
    open_word = row(response=ResponseState.AFFECTED)
    assert case_words.response_of(open_word).tone is Tone.TROUBLE
    assert not row(takes_part=False).is_silent


def test_what_would_change_it_is_told_the_gravest_first() -> None:
    severity = joint_severity([Input(GRID, 1, assessment=STATED), Input(VENDOR)])
    told = case_words.would_change(severity, {GRID: "Grid Operator"}, limit=20)
    assert told[0].endswith("critical")
    assert not any(one.endswith(severity.level.label) for one in told)
    assert len(case_words.would_change(severity, {}, limit=2)) == 2
    assert any(one.startswith("Grid Operator, danger to life") for one in told)
    assert case_words.typed_value(Assessment(danger=Danger.POSSIBLE), Field.DANGER) == "possible"
    assert case_words.typed_value(None, Field.DANGER) == ""


def test_every_topic_level_and_state_has_its_words() -> None:
    for topic in Topic:
        assert case_words.topic_words(topic.value) != topic.value
    for level in Level:
        badge = case_words.level_of(level)
        assert badge is not None
        assert level.label in badge.text
    assert case_words.level_of(None) is None
    assert set(case_words.RESPONSES) == set(ResponseState)
    assert case_words.topic_words("of a newer node") == "of a newer node"

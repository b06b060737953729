"""Source: domain, 5."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from policies.assessment import Danger, FunctionalImpact, InformationImpact, Recoverability
from policies.errors import InvalidError
from policies.matrix import DEFAULT, Level, matrix_document, read_matrix


def broken(path: str, value: Any) -> dict[str, Any]:
    """Give the default matrix with another value in one place; `...` takes it out."""
    document = copy.deepcopy(matrix_document(DEFAULT))
    *way, last = [int(name) if name.isdigit() else name for name in path.split(".")]
    place: Any = document
    for name in way:
        place = place[name]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document


def test_the_default_is_data_like_any_other() -> None:
    assert read_matrix(matrix_document(DEFAULT)) == DEFAULT


def test_the_default_gives_a_level_for_every_impact() -> None:
    for functional in FunctionalImpact:
        assert set(DEFAULT.impact[functional]) == set(InformationImpact)
    assert set(DEFAULT.recoverability) == set(Recoverability)
    assert set(DEFAULT.danger) == set(Danger)
    none = DEFAULT.impact[FunctionalImpact.NONE][InformationImpact.NONE]
    assert none is Level.NEGLIGIBLE
    worst = DEFAULT.impact[FunctionalImpact.LOSS_OF_CONTROL][InformationImpact.CRITICAL_DESTROYED]
    assert worst is Level.CRITICAL


def test_danger_is_at_least_high_and_confirmed_critical() -> None:
    assert DEFAULT.danger == {
        Danger.NONE: Level.NEGLIGIBLE,
        Danger.POSSIBLE: Level.HIGH,
        Danger.CONFIRMED: Level.CRITICAL,
    }
    assert DEFAULT.spreading == 1


@pytest.mark.parametrize(
    ("organisations", "steps"), [(0, 0), (1, 0), (2, 0), (3, 1), (19, 1), (20, 2), (500, 2)]
)
def test_more_organisations_raise_more(organisations: int, steps: int) -> None:
    assert DEFAULT.steps_for(organisations) == steps


def test_a_level_rises_to_the_top_and_no_further() -> None:
    assert Level.LOW.raised(0) is Level.LOW
    assert Level.LOW.raised(2) is Level.HIGH
    assert Level.HIGH.raised(3) is Level.CRITICAL


@pytest.mark.parametrize(
    ("path", "value", "field", "says"),
    [
        ("name", "", "matrix.name", "1 to 100 characters"),
        ("name", "x" * 101, "matrix.name", "1 to 100 characters"),
        ("name", 7, "matrix.name", "1 to 100 characters"),
        ("name", ..., "matrix.name", "“name” is missing"),
        ("weights", {}, "matrix.weights", "there is no “weights” here"),
        ("impact", [], "matrix.impact", "no object"),
        ("impact.denial", ..., "matrix.impact.denial", "“denial” is missing"),
        ("impact.denial.suspected", ..., "matrix.impact.denial.suspected", "is missing"),
        ("impact.denial.rumour", "high", "matrix.impact.denial.rumour", "no “rumour” here"),
        ("impact.denial.none", "huge", "matrix.impact.denial.none", "“huge” is no level"),
        ("impact.denial.none", 3, "matrix.impact.denial.none", "this is no level"),
        ("impact.denial.suspected", "low", "matrix.impact.denial.suspected", "lower the level"),
        ("impact.minimal.none", "high", "matrix.impact.minimal.suspected", "lower the level"),
        ("impact.none.none", "low", None, None),
        (
            "impact.loss-of-control.none",
            "low",
            "matrix.impact.loss-of-control.none",
            "“loss-of-control” is worse than “denial”",
        ),
        ("recoverability.extended", ..., "matrix.recoverability.extended", "is missing"),
        ("recoverability.extended", -1, "matrix.recoverability.extended", "from 0 to 4"),
        ("recoverability.extended", True, "matrix.recoverability.extended", "from 0 to 4"),
        ("recoverability.regular", 2, "matrix.recoverability.supplemented", "lower the level"),
        ("organisations", {}, "matrix.organisations", "no list"),
        ("organisations", [{}] * 11, "matrix.organisations", "no list of up to 10"),
        ("organisations", [], None, None),
        ("organisations.0", 3, "matrix.organisations[0]", "no object"),
        ("organisations.0.from", 0, "matrix.organisations[0].from", "from 1 to"),
        ("organisations.1.from", 3, "matrix.organisations[1].from", "do not ascend"),
        ("organisations.1.steps", 0, "matrix.organisations[1].steps", "would lower"),
        ("organisations.1.steps", 5, "matrix.organisations[1].steps", "from 0 to 4"),
        ("essential_service", "1", "matrix.essential_service", "no whole number"),
        ("danger.none", "low", "matrix.danger.none", "there is no “none” here"),
        ("danger.possible", ..., "matrix.danger.possible", "is missing"),
        ("danger.confirmed", "medium", "matrix.danger.confirmed", "would lower the level"),
        ("spreading", 1.0, "matrix.spreading", "no whole number"),
    ],
)
def test_a_broken_matrix_is_refused_by_its_field(
    path: str, value: Any, field: str | None, says: str | None
) -> None:
    document = broken(path, value)
    if field is None:
        assert matrix_document(read_matrix(document)) == document
        return
    with pytest.raises(InvalidError, match=says) as refusal:
        read_matrix(document)
    assert refusal.value.field == field


@pytest.mark.parametrize("document", [None, [], "high", 7])
def test_what_is_no_object_is_no_matrix(document: Any) -> None:
    with pytest.raises(InvalidError, match="no object") as refusal:
        read_matrix(document, at="body.matrix")
    assert refusal.value.field == "body.matrix"

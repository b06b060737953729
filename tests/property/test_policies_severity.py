"""Laws of the joint severity, under every matrix that a charter may hold.

Source: domain, 5.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from random import Random
from typing import Any, Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from policies.assessment import (
    Assessment,
    Danger,
    Field,
    FunctionalImpact,
    InformationImpact,
    Recoverability,
    ResponseState,
    assessment_document,
    read_assessment,
)
from policies.inputs import AFFECTED_FROM, CHOICES, Input, Said, newest, rank
from policies.matrix import DEFAULT, Level, Matrix, matrix_document, read_matrix
from policies.picture import Picture, Rule, levels_of
from policies.severity import (
    LEVEL_FIELDS,
    Floor,
    Overridden,
    Severity,
    joint_severity,
    override,
    severity_of,
)
from tests.property.words import (
    ORGANISATIONS,
    assessments,
    matrices,
    responses,
    said_inputs,
)

untimed = settings(deadline=None)
fields = st.sampled_from(LEVEL_FIELDS)
floors = fields.flatmap(
    lambda field: st.builds(
        Floor, st.just(field), st.sampled_from(CHOICES[field]), st.integers(1, 5)
    )
)
all_floors = st.lists(floors, max_size=3)


@untimed
@given(assessments)
def test_an_assessment_is_read_as_it_was_written(word: Assessment) -> None:
    document = assessment_document(word)
    assert read_assessment(json.loads(json.dumps(document))) == word


@untimed
@given(matrices)
def test_a_matrix_is_read_as_it_was_written(matrix: Matrix) -> None:
    assert read_matrix(json.loads(json.dumps(matrix_document(matrix)))) == matrix


@untimed
@given(said_inputs(), matrices, all_floors, st.randoms(use_true_random=False))
def test_the_order_of_words_changes_nothing(
    inputs: list[Input], matrix: Matrix, told: list[Floor], chance: Random
) -> None:
    severity = joint_severity(inputs, matrix, floors=told)
    mixed, mixed_floors = list(inputs), list(told)
    chance.shuffle(mixed)
    chance.shuffle(mixed_floors)
    assert joint_severity(mixed, matrix, floors=mixed_floors) == severity


def pictures_and_worse() -> Iterator[tuple[Picture, list[Picture]]]:
    """Give every picture, and those that are worse in one thing by one step."""
    ladders: dict[str, list[Any]] = {
        "functional": list(FunctionalImpact),
        "information": list(InformationImpact),
        "recoverability": list(Recoverability),
        "essential_service": [False, True],
        "danger": list(Danger),
        "spreading": [False, True],
        "affected": [0, 2, 3, 20],
    }
    names = list(ladders)
    for places in product(*(range(len(words)) for words in ladders.values())):
        values = {name: ladders[name][place] for name, place in zip(names, places, strict=True)}
        worse = [
            Picture(**values | {name: ladders[name][place + 1]})
            for name, place in zip(names, places, strict=True)
            if place + 1 < len(ladders[name])
        ]
        yield Picture(**values), worse


PICTURES: Final = list(pictures_and_worse())


@settings(deadline=None, max_examples=5)
@given(matrices)
@example(DEFAULT)
def test_a_matrix_gives_every_picture_a_level_and_none_that_is_worse_a_lower(
    matrix: Matrix,
) -> None:
    levels = {picture: levels_of(picture, matrix)[Rule.SPREADING] for picture, _ in PICTURES}
    for picture, worse in PICTURES:
        assert isinstance(levels[picture], Level)
        assert all(levels[other].rank >= levels[picture].rank for other in worse)


def test_no_worse_word_makes_an_organisation_count_as_not_affected() -> None:
    choices = [(None, *CHOICES[field]) for field in AFFECTED_FROM]
    for words in product(*choices):
        said = Said()
        for field, word in zip(AFFECTED_FROM, words, strict=True):
            said = said.with_word(field, word)
        for field, was in zip(AFFECTED_FROM, words, strict=True):
            for word in CHOICES[field]:
                if was is None or rank(word) >= rank(was):
                    assert said.with_word(field, word).affected >= said.affected


@untimed
@given(said_inputs(), matrices | st.just(DEFAULT), all_floors, st.data())
def test_a_worse_word_never_lowers_the_level(
    inputs: list[Input], matrix: Matrix, told: list[Floor], data: st.DataObject
) -> None:
    said = newest(inputs)
    if not said:
        return
    organisation = data.draw(st.sampled_from(sorted(said)))
    field = data.draw(fields)
    was = said[organisation].word(field)
    worse = data.draw(
        st.sampled_from([word for word in CHOICES[field] if was is None or rank(word) >= rank(was)])
    )
    other = said | {organisation: said[organisation].with_word(field, worse)}
    before = severity_of(said, matrix, floors=told)
    after = severity_of(other, matrix, floors=told)
    assert after.level.rank >= before.level.rank
    assert after.affected >= before.affected
    assert after.crisis_advised >= before.crisis_advised


@untimed
@given(said_inputs(), matrices, all_floors, floors)
def test_one_more_floor_never_lowers_the_level(
    inputs: list[Input], matrix: Matrix, told: list[Floor], more: Floor
) -> None:
    before = joint_severity(inputs, matrix, floors=told)
    after = joint_severity(inputs, matrix, floors=[*told, more])
    assert after.level.rank >= before.level.rank


@untimed
@given(said_inputs(), matrices, st.sampled_from(ORGANISATIONS))
def test_what_is_not_stated_is_as_if_it_had_not_been_asked(
    inputs: list[Input], matrix: Matrix, silent: str
) -> None:
    before = joint_severity(inputs, matrix)
    asked = joint_severity([*inputs, Input(silent, 99)], matrix)
    assert (asked.level, asked.lines) == (before.level, before.lines)
    new = silent not in newest(inputs)
    for field in Field:
        assert asked.coverage[field].stated == before.coverage[field].stated
        assert asked.coverage[field].asked == before.coverage[field].asked + new


@untimed
@given(said_inputs(), matrices, st.sampled_from(["unknown", "investigating"]))
def test_a_state_that_is_not_known_yet_is_as_none_at_all(
    inputs: list[Input], matrix: Matrix, state: str
) -> None:
    looks = [replace(word, response=word.response or ResponseState(state)) for word in inputs]
    said, other = newest(inputs), newest(looks)
    for organisation, words in said.items():
        if words.response is not None and words.response.affected is not None:
            other[organisation] = words
    assert severity_of(other, matrix) == severity_of(said, matrix)


@untimed
@given(said_inputs(), matrices, st.data())
def test_an_older_word_changes_nothing(
    inputs: list[Input], matrix: Matrix, data: st.DataObject
) -> None:
    later = [replace(word, order=word.order + 10) for word in inputs]
    said = newest(later)
    older = []
    for organisation, words in said.items():
        older.append(
            Input(
                organisation,
                3,
                None if words.assessed is None else data.draw(assessments),
                None if words.responded is None else data.draw(responses),
            )
        )
    assert joint_severity([*older, *later], matrix) == joint_severity(later, matrix)


@untimed
@given(said_inputs(), matrices, all_floors)
def test_each_line_begins_where_the_last_one_ended(
    inputs: list[Input], matrix: Matrix, told: list[Floor]
) -> None:
    severity = joint_severity(inputs, matrix, floors=told)
    level = Level.NEGLIGIBLE
    for line in severity.lines:
        assert line.before is level
        level = line.after
        assert ("nothing changes" in line.sentence) <= (line.before is line.after)
        assert not any(name in line.sentence for name in ORGANISATIONS)
        for ground in line.grounds:
            if ground.organisation is not None:
                said = newest(inputs)[ground.organisation]
                assert said.word(ground.field) == ground.word
    assert level is severity.level


@untimed
@given(said_inputs(), matrices, all_floors, st.randoms(use_true_random=False))
def test_what_would_change_is_what_does_change(
    inputs: list[Input], matrix: Matrix, told: list[Floor], chance: Random
) -> None:
    said = newest(inputs)
    severity = severity_of(said, matrix, floors=told)
    changes = severity.would_change
    for change in chance.sample(changes, k=min(4, len(changes))):
        assert said[change.organisation].word(change.field) == change.stated
        other = said | {
            change.organisation: said[change.organisation].with_word(change.field, change.word)
        }
        assert severity_of(other, matrix, floors=told).level is change.level
    places = {(change.organisation, change.field, change.word) for change in changes}
    assert len(places) == len(changes)
    for organisation, words in said.items():
        for field in LEVEL_FIELDS:
            was = words.word(field)
            others = {None, *CHOICES[field]} - {was}
            if field is Field.RESPONSE and was is not None:
                others -= {word for word in CHOICES[field] if rank(word) == rank(was)}
            assert {place[2] for place in places if place[:2] == (organisation, field)} == others


@untimed
@given(said_inputs(), st.sampled_from(Level), st.sampled_from(Level))
def test_the_derived_level_is_never_lost(inputs: list[Input], one: Level, other: Level) -> None:
    severity = joint_severity(inputs)
    stands: Severity | Overridden = severity
    for level in (one, other):
        if level is not severity.level:
            stands = override(stands, level, "because")
            assert stands == Overridden(level, "because", severity)

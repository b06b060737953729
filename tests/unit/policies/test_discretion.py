"""Source: domain, 1 (*For the coordinator alone*); lifecycles, 5 (`assessment.joined`)."""

from __future__ import annotations

from typing import Any

import pytest

from policies.assessment import (
    Assessment,
    Danger,
    Field,
    FunctionalImpact,
    Recoverability,
    ResponseState,
    Span,
)
from policies.discretion import (
    Memory,
    OwnSeverity,
    disclose,
    memory_document,
    own_severity,
    publishable_severity,
    read_memory,
    standings,
)
from policies.errors import InvalidError
from policies.figures import Figure, Topic
from policies.inputs import Input
from policies.matrix import Level
from policies.picture import Rule
from policies.severity import Coverage, Ground, joint_severity

SERVICE = Topic(Field.ESSENTIAL_SERVICE)
EVERYBODY = "abcdef"


def yes(names: str, among: str = EVERYBODY) -> list[Input]:
    """Let these tell the coordinator that an essential service is hit, and the others that not."""
    return [Input(name, 1, Assessment(essential_service=name in names)) for name in among]


def steps(*looks: list[Input]) -> list[tuple[int, int]]:
    """Give the band that stands after each look, and since which."""
    memory = Memory()
    found = []
    for position, alone in enumerate(looks):
        memory = disclose([], alone, memory, position=position)
        figure = memory.figures[0]
        found.append((figure.first, figure.as_of))
    return found


def test_with_five_there_is_a_figure_and_with_four_there_is_none() -> None:
    assert disclose([], yes("abc", "abcd"), Memory(), position=7).figures == ()
    memory = disclose([], yes("abc", "abcde"), Memory(), position=7)
    assert memory.figures == (Figure(SERVICE, 1, 1, 7),)


def test_two_that_change_their_words_change_nothing_and_three_do() -> None:
    assert steps(yes("abc"), yes("c")) == [(1, 0), (1, 0)]
    assert steps(yes("abc"), yes("")) == [(1, 0), (0, 1)]


def test_what_comes_out_the_same_stands_as_it_stood() -> None:
    assert steps(yes("abc"), yes("def")) == [(1, 0), (1, 0)]


def test_a_figure_that_came_out_the_same_is_not_changed_by_one_more_word() -> None:
    assert steps(yes("abcd"), yes("cde"), yes("de")) == [(1, 0), (1, 0), (1, 0)]


def test_a_figure_is_not_changed_by_two_words_on_a_way_round() -> None:
    # The third look differs by three from the second, but by two from the first.
    assert steps(yes("abc"), yes("bcde"), yes("b")) == [(1, 0), (1, 0), (1, 0)]


def test_whoever_withdraws_takes_no_figure_away() -> None:
    assert steps(yes("abc"), yes("", "abcd"), []) == [(1, 0), (1, 0), (1, 0)]


def test_who_comes_and_who_goes_counts_as_a_word_that_differs() -> None:
    assert steps(yes("abc", "abcde"), yes("c", "cdefg")) == [(1, 0), (0, 1)]
    assert steps(yes("abc", "abcde"), yes("c", "cdefgh")) == [(1, 0), (0, 1)]
    assert steps(yes("abc", "abcde"), yes("ab", "abdef")) == [(1, 0), (1, 0)]


def test_who_states_it_openly_is_not_among_those_who_told_it() -> None:
    openly = [Input("a", 1, Assessment(essential_service=False))]
    assert disclose(openly, yes("abc", "abcde"), Memory(), position=0).figures == ()
    other = [Input("a", 1, Assessment(danger=Danger.NONE))]
    assert len(disclose(other, yes("abc", "abcde"), Memory(), position=0).figures) == 1
    looking = [Input("a", 1, response=ResponseState.INVESTIGATING)]
    affected = [Input(name, 1, response=ResponseState.AFFECTED) for name in "abcde"]
    assert len(disclose(looking, affected, Memory(), position=0).figures) == 1


def test_each_kind_of_entity_is_a_topic_of_its_own() -> None:
    told = [
        Input(name, 1, Assessment(counts={kind: Span(20, 30)}))
        for kind, names in (("system", "abcde"), ("individual", "fghi"))
        for name in names
    ]
    assert [figure.topic for figure in disclose([], told, Memory(), position=0).figures] == [
        Topic(Field.COUNTS, "system")
    ]


def test_the_newest_word_told_alone_counts() -> None:
    older = [Input(name, 0, Assessment(essential_service=True)) for name in EVERYBODY]
    memory = disclose([], [*older, *yes("")], Memory(), position=0)
    assert memory.figures == (Figure(SERVICE, 0, 0, 0),)


def test_the_severity_for_others_is_made_of_open_words_and_figures() -> None:
    openly = [
        Input("bank", 1, Assessment(functional_impact=FunctionalImpact.MINIMAL)),
        *(Input(name) for name in EVERYBODY),
    ]
    told = [
        Input(
            name,
            1,
            Assessment(functional_impact=FunctionalImpact.LOSS_OF_CONTROL, danger=Danger.CONFIRMED),
        )
        for name in EVERYBODY
    ]
    figures = disclose(openly, told, Memory(), position=57).figures
    severity = publishable_severity(openly, figures)
    assert severity.level is Level.HIGH
    lines = {line.rule: line for line in severity.lines}
    assert lines[Rule.IMPACT].grounds == (
        Ground(None, Field.FUNCTIONAL_IMPACT, FunctionalImpact.SIGNIFICANT),
    )
    assert lines[Rule.DANGER].grounds == (Ground(None, Field.DANGER, Danger.POSSIBLE),)
    assert severity.coverage[Field.FUNCTIONAL_IMPACT] == Coverage(1, 7)
    assert severity.affected == 3
    assert own_severity(openly, told).severity.level is Level.CRITICAL


def test_a_figure_in_the_lowest_band_is_no_ground() -> None:
    figures = [Figure(SERVICE, 0, 0, 3), Figure(Topic(Field.COUNTS, "system"), 3, 3, 3)]
    assert publishable_severity([Input("bank")], figures) == joint_severity([Input("bank")])


def test_the_coordinators_own_severity_takes_the_newest_word_of_each_field() -> None:
    openly = [
        Input(
            "vendor",
            5,
            Assessment(
                functional_impact=FunctionalImpact.MINIMAL,
                recoverability=Recoverability.EXTENDED,
                counts={"system": Span(1, 1)},
            ),
            ResponseState.INVESTIGATING,
        )
    ]
    denial = Assessment(
        functional_impact=FunctionalImpact.DENIAL, counts={"individual": Span(2, 2)}
    )
    own = own_severity(openly, [Input("vendor", 6, denial, ResponseState.AFFECTED)])
    grounds = {line.rule: line.grounds for line in own.severity.lines}
    assert grounds[Rule.IMPACT] == (
        Ground("vendor", Field.FUNCTIONAL_IMPACT, FunctionalImpact.DENIAL),
    )
    assert grounds[Rule.RECOVERABILITY] == (
        Ground("vendor", Field.RECOVERABILITY, Recoverability.EXTENDED),
    )
    assert own.severity.affected == 1
    assert own.severity.coverage[Field.COUNTS] == Coverage(1, 1)
    older = own_severity(openly, [Input("vendor", 4, denial, ResponseState.AFFECTED)])
    assert older.severity.lines[0].grounds == (
        Ground("vendor", Field.FUNCTIONAL_IMPACT, FunctionalImpact.MINIMAL),
    )
    alone = own_severity([Input("vendor")], [Input("grid", 1, denial)])
    assert alone.severity.level is Level.MEDIUM
    assert alone.severity.coverage[Field.FUNCTIONAL_IMPACT] == Coverage(1, 2)


def test_what_stays_on_the_node_is_not_written_where_it_is_shown_by_mistake() -> None:
    memory = disclose([], yes("abc"), Memory(), position=0)
    own = own_severity([], yes("abc"))
    assert isinstance(own, OwnSeverity)
    assert repr(own) == "OwnSeverity()"
    assert repr(memory) == "Memory()"
    kept = memory.kept[SERVICE]
    assert "'a'" not in repr(kept)
    assert "a" in kept.made


@pytest.mark.parametrize(
    ("looks", "told", "sentence"),
    [
        (
            [yes("a", "a")],
            1,
            "1 has told it alone; others are told nothing of it before 5 have.",
        ),
        (
            [yes("a", "abcd")],
            4,
            "4 have told it alone; others are told nothing of it before 5 have.",
        ),
        ([yes("abc")], 6, "Others are told how it was at entry 0."),
        (
            [yes("abc"), yes("a")],
            6,
            (
                "Others are told how it was at entry 0; it is renewed when 3 words differ,"
                " and 2 do now."
            ),
        ),
        (
            [yes("abc"), yes("a", "abcd")],
            4,
            (
                "Others are told how it was at entry 0; 4 have told it alone,"
                " and it is renewed when 5 have."
            ),
        ),
        (
            [yes("abc"), []],
            0,
            (
                "Others are told how it was at entry 0; 0 have told it alone,"
                " and it is renewed when 5 have."
            ),
        ),
    ],
)
def test_the_coordinator_is_told_why_others_are_not(
    looks: list[list[Input]], told: int, sentence: str
) -> None:
    memory = Memory()
    for position, alone in enumerate(looks):
        memory = disclose([], alone, memory, position=position)
    (standing,) = standings([], looks[-1], memory)
    assert (standing.topic, standing.told, standing.sentence) == (SERVICE, told, sentence)


def test_memory_is_data() -> None:
    memory = disclose([], yes("abc", "abcde"), Memory(), position=7)
    document = memory_document(memory)
    words = {"a": [1, 1], "b": [1, 1], "c": [1, 1], "d": [0, 0], "e": [0, 0]}
    assert document == [
        {
            "figure": {"field": "essential_service", "as_of": 7, "at_least": True},
            "changed": words,
            "made": words,
        }
    ]
    assert read_memory(document) == memory
    assert read_memory([]) == Memory()


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "memory"),
        ([3], "memory[0]"),
        ([{"figure": 3}], "memory[0].figure[0]"),
        ([{"figure": {"field": "danger", "as_of": 1, "at_least": "none"}}], "memory[0].changed"),
        (
            [
                {
                    "figure": {"field": "danger", "as_of": 1, "at_least": "none"},
                    "changed": {"a": [1]},
                    "made": {},
                }
            ],
            "memory[0].changed",
        ),
    ],
)
def test_what_is_no_memory_is_refused(document: Any, field: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        read_memory(document)
    assert refusal.value.field == field

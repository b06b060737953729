"""Source: domain, 2 (assess and decide) and 5; lifecycles, 5."""

from __future__ import annotations

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
)
from policies.errors import InvalidError
from policies.inputs import Input, newest
from policies.matrix import DEFAULT, Level, matrix_document, read_matrix
from policies.picture import Rule
from policies.severity import Change, Coverage, Floor, Ground, Overridden, joint_severity, override

DENIAL = Assessment(functional_impact=FunctionalImpact.DENIAL)
MINIMAL = Assessment(functional_impact=FunctionalImpact.MINIMAL)


def level(*inputs: Input) -> Level:
    return joint_severity(inputs).level


def told(*inputs: Input) -> dict[Rule, str]:
    return {line.rule: line.sentence for line in joint_severity(inputs).lines}


def test_the_derivation_is_told_line_by_line() -> None:
    severity = joint_severity(
        [
            Input("vendor", 1, DENIAL, ResponseState.AFFECTED),
            Input(
                "grid",
                4,
                Assessment(
                    functional_impact=FunctionalImpact.MINIMAL,
                    recoverability=Recoverability.EXTENDED,
                    essential_service=False,
                ),
            ),
            Input("bank"),
        ]
    )
    assert [(line.before, line.after, line.sentence) for line in severity.lines] == [
        (
            Level.NEGLIGIBLE,
            Level.MEDIUM,
            (
                "Functional impact is “denial of service” and information impact is not stated:"
                " medium."
            ),
        ),
        (
            Level.MEDIUM,
            Level.HIGH,
            "Recoverability is “time not predictable”: from medium to high.",
        ),
        (Level.HIGH, Level.HIGH, "2 organisations are affected: nothing changes."),
        (Level.HIGH, Level.HIGH, "No essential service is hit: nothing changes."),
        (
            Level.HIGH,
            Level.HIGH,
            "Danger to life, health or safety systems is not stated: nothing changes.",
        ),
        (Level.HIGH, Level.HIGH, "No confirmed danger is known to spread: nothing changes."),
    ]
    assert severity.level is Level.HIGH
    assert severity.affected == 2
    grounds = {line.rule: line.grounds for line in severity.lines}
    assert grounds[Rule.IMPACT] == (
        Ground("vendor", Field.FUNCTIONAL_IMPACT, FunctionalImpact.DENIAL),
    )
    assert grounds[Rule.RECOVERABILITY] == (
        Ground("grid", Field.RECOVERABILITY, Recoverability.EXTENDED),
    )
    assert grounds[Rule.ORGANISATIONS] == (
        Ground("vendor", Field.RESPONSE, ResponseState.AFFECTED),
        Ground("grid", Field.FUNCTIONAL_IMPACT, FunctionalImpact.MINIMAL),
        Ground("vendor", Field.FUNCTIONAL_IMPACT, FunctionalImpact.DENIAL),
    )
    assert grounds[Rule.DANGER] == ()


def test_what_nobody_states_is_told_as_not_stated() -> None:
    assert told(Input("vendor"), Input("grid")) == {
        Rule.IMPACT: (
            "Functional impact is not stated and information impact is not stated: negligible."
        ),
        Rule.RECOVERABILITY: "Recoverability is not stated: nothing changes.",
        Rule.ORGANISATIONS: "No organisation is known to be affected: nothing changes.",
        Rule.ESSENTIAL_SERVICE: (
            "Whether an essential service is hit is not stated: nothing changes."
        ),
        Rule.DANGER: "Danger to life, health or safety systems is not stated: nothing changes.",
        Rule.SPREADING: "No confirmed danger is known to spread: nothing changes.",
    }
    assert joint_severity([]).level is Level.NEGLIGIBLE


def test_none_is_told_as_none() -> None:
    none = Assessment(danger=Danger.NONE, essential_service=False)
    sentences = told(Input("vendor", 1, none))
    assert sentences[Rule.DANGER] == (
        "There is no danger to life, health or safety systems: nothing changes."
    )
    assert sentences[Rule.ESSENTIAL_SERVICE] == "No essential service is hit: nothing changes."


def test_the_newest_word_of_each_kind_counts() -> None:
    assert level(Input("vendor", 1, DENIAL), Input("vendor", 2, MINIMAL)) is Level.LOW
    assert level(Input("vendor", 2, DENIAL), Input("vendor", 1, MINIMAL)) is Level.MEDIUM
    assert level(Input("vendor", 1, DENIAL), Input("vendor", 2, Assessment())) is Level.NEGLIGIBLE
    later = Input("vendor", 2, response=ResponseState.RECOVERED)
    assert level(Input("vendor", 1, DENIAL), later) is Level.MEDIUM
    said = newest([Input("vendor", 1, DENIAL), later])["vendor"]
    assert (said.assessed, said.responded) == (1, 2)


def test_two_different_words_of_one_order_are_refused() -> None:
    with pytest.raises(InvalidError, match="two different words of vendor are number 3") as refusal:
        joint_severity([Input("vendor", 3, DENIAL), Input("vendor", 3, MINIMAL)])
    assert refusal.value.field == "inputs"
    states = (ResponseState.AFFECTED, ResponseState.RECOVERED)
    with pytest.raises(InvalidError, match="two different words"):
        joint_severity([Input("vendor", 0, response=state) for state in states])


def test_one_word_that_arrives_twice_is_one_word() -> None:
    word = Input("vendor", 0, DENIAL, ResponseState.AFFECTED)
    parts = [Input("vendor", 0, DENIAL), Input("vendor", 0, response=ResponseState.AFFECTED)]
    assert joint_severity([word, word]) == joint_severity([word]) == joint_severity(parts)


def test_danger_to_life_is_at_least_high_and_confirmed_critical() -> None:
    assert level(Input("clinic", 1, Assessment(danger=Danger.POSSIBLE))) is Level.HIGH
    assert level(Input("clinic", 1, Assessment(danger=Danger.CONFIRMED))) is Level.CRITICAL
    destroyed = Assessment(
        danger=Danger.POSSIBLE,
        functional_impact=FunctionalImpact.LOSS_OF_CONTROL,
        information_impact=InformationImpact.CRITICAL_DESTROYED,
    )
    assert level(Input("clinic", 1, destroyed)) is Level.CRITICAL


def test_confirmed_danger_that_still_spreads_asks_for_a_crisis_where_no_level_is_left() -> None:
    spreading = Input("vendor", 1, Assessment(still_spreading=True))
    clinic = Input("clinic", 1, Assessment(danger=Danger.CONFIRMED))
    severity = joint_severity([spreading, clinic])
    assert severity.level is Level.CRITICAL
    assert severity.crisis_advised
    assert severity.lines[-1].sentence == (
        "Confirmed danger still spreads: there is no level above critical;"
        " a crisis should be declared."
    )
    assert not joint_severity([clinic]).crisis_advised
    possible = Input("clinic", 1, Assessment(danger=Danger.POSSIBLE))
    assert not joint_severity([spreading, possible]).crisis_advised
    assert level(spreading, possible) is Level.HIGH


def test_where_a_charter_leaves_room_spreading_danger_rises_by_its_step() -> None:
    document = matrix_document(DEFAULT)
    document["danger"] = {"possible": "medium", "confirmed": "medium"}
    words = [Input("clinic", 1, Assessment(danger=Danger.CONFIRMED, still_spreading=True))]
    severity = joint_severity(words, read_matrix(document))
    assert severity.level is Level.HIGH
    assert not severity.crisis_advised
    assert severity.lines[-1].sentence == "Confirmed danger still spreads: from medium to high."
    document["danger"] = {"possible": "high", "confirmed": "critical"}
    document["spreading"] = 0
    assert not joint_severity(words, read_matrix(document)).crisis_advised


def test_an_essential_service_and_many_organisations_raise() -> None:
    hit = Assessment(functional_impact=FunctionalImpact.MINIMAL, essential_service=True)
    assert level(Input("grid", 1, hit)) is Level.MEDIUM
    many = [Input(f"member {n}", 1, MINIMAL) for n in range(3)]
    assert level(*many) is Level.MEDIUM
    assert level(*many, Input("grid", 1, hit)) is Level.HIGH
    assert level(*(Input(f"member {n}", 1, MINIMAL) for n in range(20))) is Level.HIGH


def test_who_is_affected_is_said_by_its_state_or_by_its_impacts() -> None:
    suspected = Assessment(information_impact=InformationImpact.SUSPECTED)
    breached = Assessment(information_impact=InformationImpact.PERSONAL_DATA)
    for counts, word in [
        (1, Input("a", 1, response=ResponseState.AFFECTED)),
        (1, Input("a", 1, response=ResponseState.RECOVERED)),
        (0, Input("a", 1, response=ResponseState.NOT_AFFECTED)),
        (0, Input("a", 1, response=ResponseState.INVESTIGATING)),
        (0, Input("a", 1, suspected)),
        (1, Input("a", 1, breached)),
        (1, Input("a", 1, MINIMAL, ResponseState.NOT_AFFECTED)),
    ]:
        assert joint_severity([word]).affected == counts


def test_coverage_counts_who_has_stated_a_field_among_all_that_were_asked() -> None:
    severity = joint_severity(
        [
            Input(
                "vendor",
                1,
                Assessment(
                    functional_impact=FunctionalImpact.NONE,
                    essential_service=False,
                    confidence=0,
                    personal_data=PersonalData.NONE,
                    counts={"system": Span(0, 0)},
                ),
                ResponseState.INVESTIGATING,
            ),
            Input("grid", 1, DENIAL, ResponseState.NOT_AFFECTED),
            Input("bank"),
        ]
    )
    stated = {field: cover.stated for field, cover in severity.coverage.items()}
    assert stated == {
        Field.FUNCTIONAL_IMPACT: 2,
        Field.INFORMATION_IMPACT: 0,
        Field.RECOVERABILITY: 0,
        Field.ESSENTIAL_SERVICE: 1,
        Field.DANGER: 0,
        Field.STILL_SPREADING: 0,
        Field.PERSONAL_DATA: 1,
        Field.CONFIDENCE: 1,
        Field.COUNTS: 1,
        Field.RESPONSE: 1,
    }
    assert severity.coverage[Field.DANGER] == Coverage(0, 3)


def test_each_word_is_told_what_another_would_make_of_the_level() -> None:
    severity = joint_severity([Input("vendor", 1, DENIAL), Input("bank")])
    functional = [
        (change.organisation, change.stated, change.word, change.level)
        for change in severity.would_change
        if change.field is Field.FUNCTIONAL_IMPACT
    ]
    was = FunctionalImpact.DENIAL
    assert functional == [
        ("bank", None, FunctionalImpact.NONE, Level.MEDIUM),
        ("bank", None, FunctionalImpact.MINIMAL, Level.MEDIUM),
        ("bank", None, FunctionalImpact.SIGNIFICANT, Level.MEDIUM),
        ("bank", None, FunctionalImpact.DENIAL, Level.MEDIUM),
        ("bank", None, FunctionalImpact.LOSS_OF_CONTROL, Level.HIGH),
        ("vendor", was, None, Level.NEGLIGIBLE),
        ("vendor", was, FunctionalImpact.NONE, Level.NEGLIGIBLE),
        ("vendor", was, FunctionalImpact.MINIMAL, Level.LOW),
        ("vendor", was, FunctionalImpact.SIGNIFICANT, Level.MEDIUM),
        ("vendor", was, FunctionalImpact.LOSS_OF_CONTROL, Level.HIGH),
    ]
    danger = Change("bank", Field.DANGER, None, Danger.CONFIRMED, Level.CRITICAL)
    assert danger in severity.would_change


def test_a_floor_counts_and_names_nobody() -> None:
    floors = [
        Floor(Field.FUNCTIONAL_IMPACT, FunctionalImpact.SIGNIFICANT, 3),
        Floor(Field.DANGER, Danger.NONE, 3),
    ]
    severity = joint_severity([Input("bank")], floors=floors)
    assert severity.level is Level.HIGH
    assert severity.affected == 3
    assert severity.lines[0].grounds == (
        Ground(None, Field.FUNCTIONAL_IMPACT, FunctionalImpact.SIGNIFICANT),
    )
    assert severity.lines[2].sentence == (
        "At least 3 organisations are affected: from medium to high."
    )
    assert severity.coverage[Field.FUNCTIONAL_IMPACT] == Coverage(0, 1)
    assert {change.organisation for change in severity.would_change} == {"bank"}


def test_whoever_is_not_named_is_not_counted_twice() -> None:
    named = [Input(name, 1, response=ResponseState.AFFECTED) for name in "ab"]
    floor = Floor(Field.RESPONSE, ResponseState.AFFECTED, 3)
    assert joint_severity(named, floors=[floor]).affected == 3
    named += [Input(name, 1, response=ResponseState.AFFECTED) for name in "cd"]
    assert joint_severity(named, floors=[floor]).affected == 4
    floor = Floor(Field.RESPONSE, ResponseState.NOT_AFFECTED, 3)
    assert joint_severity([], floors=[floor]).affected == 0


def test_an_override_stands_beside_what_was_derived() -> None:
    derived = joint_severity([Input("vendor", 1, DENIAL)])
    once = override(derived, Level.HIGH, "the vendor's customers are not heard yet")
    assert once == Overridden(Level.HIGH, "the vendor's customers are not heard yet", derived)
    again = override(once, Level.CRITICAL, "they are hospitals")
    assert (again.level, again.derived) == (Level.CRITICAL, derived)


def test_an_override_says_why_and_says_another_level() -> None:
    derived = joint_severity([Input("vendor", 1, DENIAL)])
    with pytest.raises(InvalidError, match="says why") as refusal:
        override(derived, Level.HIGH, " \n")
    assert refusal.value.field == "reason"
    with pytest.raises(InvalidError, match="the derived level is medium already") as refusal:
        override(override(derived, Level.LOW, "false alarm"), Level.MEDIUM, "it was not")
    assert refusal.value.field == "level"

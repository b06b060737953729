"""Entries read as sentences that an incident handler understands, whatever their act."""

from __future__ import annotations

import pytest

from hub.channels.plain_words import describe_entry
from policies.acts import Act
from tests.unit.policies.bodies import GOOD
from tests.unit.policies.worlds import CERT, GRID

NAMES = {CERT: "National CERT", GRID: "Grid Operator"}


@pytest.mark.parametrize("act", list(Act))
def test_every_act_has_a_sentence_that_names_no_id(act: Act) -> None:
    sentence = describe_entry(act.value, GOOD[act], "National CERT", NAMES)
    assert sentence.startswith("National CERT ")
    assert "--" not in sentence
    assert "None" not in sentence


@pytest.mark.parametrize(
    ("act", "body", "sentence"),
    [
        (Act.WARNING_ISSUED, {"addressees": [GRID]}, "National CERT warned Grid Operator"),
        (
            Act.WARNING_ISSUED,
            {"addressees": [GRID, *(f"identity--{number}" for number in range(4))]},
            "National CERT warned Grid Operator, an organisation, an organisation and 2 more",
        ),
        (
            Act.WARNING_ACKNOWLEDGED,
            {"affected": "looking"},
            "National CERT read the warning, and is still looking",
        ),
        (Act.WARNING_ACKNOWLEDGED, {}, "National CERT read the warning"),
        (Act.CASE_OPENED, {"exercise": True}, "National CERT opened the case: an exercise"),
        (Act.CASE_OPENED, {"charter": {}}, "National CERT opened the case by a charter"),
        (
            Act.MEMBER_JOINED,
            {"role": "member", "charter": {}},
            "National CERT joined as member and accepted the charter",
        ),
        (
            Act.RESPONSE_REPORTED,
            {"state": "not-affected"},
            "National CERT said how far it is: not affected",
        ),
        (
            Act.DECISION_TAKEN,
            {"topic": "start-coordination", "outcome": "yes"},
            "National CERT decided start coordination: yes",
        ),
        (
            Act.CONTROL_REVIEWED,
            {"under_control": "no"},
            "National CERT said that it is not under control",
        ),
    ],
)
def test_what_is_said_is_said_with_it(act: Act, body: dict[str, object], sentence: str) -> None:
    assert describe_entry(act.value, body, "National CERT", NAMES) == sentence


def test_an_act_of_a_newer_node_is_named_as_such() -> None:
    assert "does not know" in describe_entry("plan.proposed", {}, "National CERT", NAMES)

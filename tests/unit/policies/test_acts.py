"""Source: coordination protocol, 6 (`body`); domain, 4; wire format, 3."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema.exceptions import ValidationError

from policies.acts import ACTS, Act, read_body, read_schema
from policies.acts.bodies import _first_fault
from policies.errors import InvalidError
from policies.lifecycles import TABLES
from tests.unit.policies.bodies import GOOD, HEAD
from tests.unit.policies.worlds import (
    CHANNEL_ID,
    DIGEST,
    GRID,
    THUMBPRINT,
    invitation,
    object_of,
)

VECTORS = json.loads((Path(__file__).parent / "data" / "vector-bodies.json").read_text())["bodies"]

POINT = GOOD[Act.MEMBER_DESCRIBED]["points"][0]
HOURS = POINT["hours"]


def fault(act: Act, body: dict[str, Any]) -> InvalidError:
    with pytest.raises(InvalidError) as refusal:
        read_body(act, body)
    return refusal.value


def test_each_act_has_a_line_a_schema_a_row_and_an_example() -> None:
    """Source: domain, 4 (adding an act)."""
    assert set(ACTS) == set(Act) == set(GOOD)
    rows = {act for tables in TABLES.values() for act in tables.acts}
    assert rows == set(Act)
    for act in Act:
        assert read_schema(act)["title"] == f"The body of {act}"


@pytest.mark.parametrize("name", list(VECTORS))
def test_the_bodies_of_the_vectors_are_accepted(name: str) -> None:
    """Source: wire format, 3."""
    vector = VECTORS[name]
    assert read_body(Act(vector["act"]), vector["body"]) == vector["body"]


@pytest.mark.parametrize("act", list(Act))
def test_a_fitting_body_is_given_back(act: Act) -> None:
    assert read_body(act, GOOD[act]) is GOOD[act]


@pytest.mark.parametrize("act", list(Act))
def test_an_unknown_property_is_refused_with_its_path(act: Act) -> None:
    assert fault(act, GOOD[act] | {"comment": "free text"}).field == "body.comment"


@pytest.mark.parametrize("act", list(Act))
def test_what_is_missing_is_named(act: Act) -> None:
    for name in read_schema(act).get("required", ()):
        body = {key: value for key, value in GOOD[act].items() if key != name}
        error = fault(act, body)
        assert error.field == f"body.{name}"
        assert error.message == f"body.{name} is missing"


@pytest.mark.parametrize("act", list(Act))
def test_every_body_has_room_for_whose_word_it_is(act: Act) -> None:
    """Source: lifecycles, 1, rule 6."""
    told = {"organisation": GRID, "way": "telephone", "at": "2026-11-20T03:00:00Z"}
    good = {name: GOOD[act][name] for name in GOOD[act] if act is not Act.MEMBER_JOINED}
    good |= {"role": "responder"} if act is Act.MEMBER_JOINED else {}
    read_body(act, good | {"on_behalf_of": told})
    named = fault(act, good | {"on_behalf_of": told | {"name": "Jane"}})
    assert named.field == "body.on_behalf_of.name"
    for name in told:
        short = {key: value for key, value in told.items() if key != name}
        assert fault(act, good | {"on_behalf_of": short}).field == f"body.on_behalf_of.{name}"


def test_who_joins_brings_its_keys_and_who_is_spoken_for_brings_none() -> None:
    """Source: lifecycles, 1, rule 6."""
    told = {"organisation": GRID, "way": "telephone", "at": "2026-11-20T03:00:00Z"}
    assert fault(Act.MEMBER_JOINED, {"role": "responder"}).field == "body.descriptors"
    both = GOOD[Act.MEMBER_JOINED] | {"on_behalf_of": told}
    assert fault(Act.MEMBER_JOINED, both).field == "body.descriptors"


def test_an_opening_names_keys_or_says_that_there_are_none() -> None:
    body = copy.deepcopy(GOOD[Act.CHANNEL_OPENED])
    body["members"].append({"organisation": GRID, "role": "affected"})
    assert fault(Act.CHANNEL_OPENED, body).field == "body.members[1].descriptors"
    body["members"][1]["without_node"] = True
    read_body(Act.CHANNEL_OPENED, body)
    body["members"][1]["descriptors"] = body["members"][0]["descriptors"]
    assert fault(Act.CHANNEL_OPENED, body).field == "body.members[1].descriptors"


@pytest.mark.parametrize("act", list(Act))
def test_a_body_is_an_object(act: Act) -> None:
    value: Any = ["not", "an", "object"]
    assert fault(act, value).field == "body"


def test_the_path_of_a_fault_leads_into_lists() -> None:
    body = copy.deepcopy(GOOD[Act.CHANNEL_OPENED])
    body["members"][0]["role"] = ["coordinator", "king"]
    assert fault(Act.CHANNEL_OPENED, body).field == "body.members[0].role[1]"
    body["members"][0]["role"] = "king"
    error = fault(Act.CHANNEL_OPENED, body)
    assert error.field == "body.members[0].role"
    assert "is not one of coordinator, deputy" in error.message
    body["members"][0]["role"] = "coordinator"
    body["members"][0]["name"] = "free text"
    assert fault(Act.CHANNEL_OPENED, body).field == "body.members[0].name"


@pytest.mark.parametrize(
    ("act", "change", "field"),
    [
        (Act.CHANNEL_OPENED, {"round": 1}, "body.opened_by"),
        (Act.CHANNEL_OPENED, {"opened_by": "succession", "round": -1}, "body.round"),
        (Act.CHANNEL_OPENED, {"opened_by": "succession", "round": True}, "body.round"),
        (Act.CHANNEL_OPENED, {"opened_by": "force"}, "body.opened_by"),
        (Act.CHANNEL_OPENED, {"acts": "01"}, "body.acts"),
        (Act.CHANNEL_OPENED, {"parent": f"identity--{CHANNEL_ID}"}, "body.parent"),
        (Act.CHANNEL_OPENED, {"members": []}, "body.members"),
        (Act.CHANNEL_CEILING_CHANGED, {"ceiling": "AMBER"}, "body.ceiling"),
        (Act.NODE_DESCRIBED, {"descriptors": []}, "body.descriptors"),
        (
            Act.NODE_DESCRIBED,
            {"descriptors": [{"payload": "e30=", "signatures": []}]},
            "body.descriptors[0].payload",
        ),
        (Act.NODE_DESCRIBED, {"disowned": [DIGEST, DIGEST]}, "body.disowned"),
        *(
            (Act.MEMBER_DESCRIBED, {"points": [POINT | change]}, f"body.points[0].{path}")
            for change, path in (
                ({"telephone": "+43 1 234"}, "telephone"),
                ({"duty": "janitor"}, "duty"),
                ({"order": 0}, "order"),
                ({"hours": "sometimes"}, "hours"),
                ({"hours": HOURS | {"days": ["someday"]}}, "hours.days[0]"),
                ({"hours": HOURS | {"from": 1440}}, "hours.from"),
                ({"hours": HOURS | {"zone": "../etc/passwd"}}, "hours.zone"),
                ({"hours": HOURS | {"offset": 60}}, "hours"),
                ({"ways": []}, "ways"),
                ({"ways": [{"kind": "pigeon", "out_of_band": True}]}, "ways[0].kind"),
                ({"ways": [{"kind": "chat"}]}, "ways[0].out_of_band"),
                ({"verified_at": "yesterday"}, "verified_at"),
            )
        ),
        (Act.MEMBER_DESCRIBED, {"constituency": {}}, "body.constituency.ref"),
        (
            Act.MEMBER_DESCRIBED,
            {"constituency": {"ref": GRID, "as_numbers": [0]}},
            "body.constituency.as_numbers[0]",
        ),
        (Act.MEMBER_INVITED, {"channel": CHANNEL_ID}, "body.genesis"),
        (Act.MEMBER_INVITED, {"genesis": DIGEST}, "body.channel"),
        (Act.MEMBER_INVITED, {"without_node": True}, "body.recovery_key"),
        (Act.MEMBER_INVITED, {"without_node": False}, "body.without_node"),
        (Act.MEMBER_INVITED, {"replaces": "Grid Ltd"}, "body.replaces"),
        (Act.MEMBER_INVITED, {"older": "all"}, "body.older"),
        (Act.MEMBER_INVITED, {"reply_by": "tomorrow"}, "body.reply_by"),
        (Act.MEMBER_INVITED, {"reply_by": "2026-02-30T10:00:00Z"}, "body.reply_by"),
        (Act.MEMBER_INVITED, {"reply_by": "2026-02-20T10:00:00+01:00"}, "body.reply_by"),
        (Act.MEMBER_INVITED, {"reply_by": 1795169100}, "body.reply_by"),
        (Act.MEMBER_INVITED, {"organisation": GRID.upper()}, "body.organisation"),
        (Act.MEMBER_JOINED, {"limits": {"markings": ["white"]}}, "body.limits.markings[0]"),
        (Act.MEMBER_JOINED, {"limits": {"topics": ["Free text"]}}, "body.limits.topics[0]"),
        (Act.OBJECT_RECALLED, {"objects": []}, "body.objects"),
        (Act.OBJECT_RECALLED, {"objects": ["note--1"]}, "body.objects[0]"),
        (Act.OBJECT_RECALLED, {"objects": [object_of(GRID)] * 2}, "body.objects"),
        (
            Act.OBJECT_RECALLED,
            {"objects": [object_of(GRID, n) for n in range(1001)]},
            "body.objects",
        ),
        (Act.RECALL_ANSWERED, {"answer": "lost"}, "body.answer"),
        (Act.SUCCESSION_ENDORSED, {"head": HEAD | {"seq": 2**53}}, "body.head.seq"),
        (Act.NOTE_ADDED, {"answers": "AB" * 32}, "body.answers"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(
    act: Act, change: dict[str, Any], field: str
) -> None:
    error = fault(act, GOOD[act] | change)
    assert error.field == field
    assert error.message.startswith(f"{field} ")


def test_an_organisation_without_a_node_is_invited_without_a_recovery_key() -> None:
    body = {key: value for key, value in invitation(GRID).items() if key != "recovery_key"}
    assert fault(Act.MEMBER_INVITED, body).field == "body.recovery_key"
    read_body(Act.MEMBER_INVITED, body | {"without_node": True})


@pytest.mark.parametrize("text", [GRID, DIGEST, THUMBPRINT])
def test_no_text_may_end_in_a_line_break(text: str) -> None:
    bodies = [
        (Act.MEMBER_REMOVED, {"organisation": text + "\n"}),
        (Act.MEMBER_LEFT, {"answers": text + "\n"}),
        (Act.MEMBER_INVITED, invitation(GRID, recovery_key=text + "\n")),
        (Act.MEMBER_INVITED, invitation(GRID, reply_by="2026-02-20T10:00:00Z\n")),
        (Act.MEMBER_LIMITS_CHANGED, {"limits": {"topics": ["ransomware\n"]}}),
    ]
    for act, body in bodies:
        fault(act, body)


def test_a_fault_never_repeats_long_input() -> None:
    error = fault(Act.NOTE_ADDED, {"x" * 10_000: 1})
    assert len(error.message) < 120


def test_a_fault_of_a_kind_that_has_no_words_yet_is_refused_all_the_same() -> None:
    error = ValidationError("?", validator="minProperties", path=["limits"])
    assert _first_fault(error) == (
        "body.limits",
        "does not have the form that this act asks for",
    )


def _texts(schema: Any, path: str) -> list[str]:
    """Find texts in a schema that nothing bounds, and objects that take unknown properties."""
    faults: list[str] = []
    if isinstance(schema, dict):
        kind = schema.get("type")
        if kind == "string" and not ("maxLength" in schema and {"pattern", "format"} & set(schema)):
            faults.append(f"{path}: text without bounds or form")
        if kind == "array" and "maxItems" not in schema:
            faults.append(f"{path}: list without bounds")
        if kind == "object" and schema.get("additionalProperties") is not False:
            faults.append(f"{path}: object that takes anything")
        if kind == "integer" and not {"minimum", "maximum"} <= set(schema):
            faults.append(f"{path}: number without bounds")
        for name, value in schema.items():
            if name == "if":
                continue
            faults += _texts(value, f"{path}/{name}")
    elif isinstance(schema, list):
        for value in schema:
            faults += _texts(value, path)
    return faults


@pytest.mark.parametrize("name", ["common", *Act])
def test_every_schema_is_bounded_and_leaves_no_room_for_free_text(name: str) -> None:
    """Source: coordination protocol, 12: no personal data in `body`."""
    assert _texts(read_schema(name), name) == []

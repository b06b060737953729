"""Source: coordination protocol, 6 (*Effective label*); STIX 2.1, 7.2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from policies.marking import IEP_EXTENSION, MarkingError, effective_label, own_label
from policies.pap import PAP_BY_MARKING_ID, PAP_EXTENSION
from policies.tlp import MARKINGS, TLP, TLP1_MARKING_IDS, TLP_EXTENSION

STATEMENT = "marking-definition--17d82bb2-eeeb-4898-bda5-3ddbcd2b799d"
OTHER = "marking-definition--27d82bb2-eeeb-4898-bda5-3ddbcd2b799d"
WHITE1, GREEN1, AMBER1, RED1 = TLP1_MARKING_IDS


def definition(**more: Any) -> dict[str, Any]:
    return {"type": "marking-definition", "spec_version": "2.1", "id": STATEMENT} | more


def statement() -> dict[str, Any]:
    return definition(definition_type="statement", definition={"statement": "Copyright"})


def finder(*definitions: Mapping[str, Any]) -> Any:
    return {str(one["id"]): one for one in definitions}.get


NOTHING = finder()


def note(*refs: str, granular: list[Any] | None = None) -> dict[str, Any]:
    obj: dict[str, Any] = {"type": "note", "id": "note--1", "content": "Relay 7 isolated."}
    if refs:
        obj["object_marking_refs"] = list(refs)
    if granular is not None:
        obj["granular_markings"] = granular
    return obj


def part(label: TLP) -> dict[str, Any]:
    return {"selectors": ["content"], "marking_ref": label.marking_id}


@pytest.mark.parametrize("label", list(TLP))
def test_an_objects_own_label_counts_whatever_carries_it(label: TLP) -> None:
    for carrier in (None, *TLP):
        assert effective_label(note(label.marking_id), carrier, NOTHING) is label


@pytest.mark.parametrize(
    ("marking_id", "label"),
    [(WHITE1, TLP.CLEAR), (GREEN1, TLP.GREEN), (AMBER1, TLP.AMBER), (RED1, TLP.RED)],
)
def test_tlp_1_is_read_by_its_constants(marking_id: str, label: TLP) -> None:
    """Source: STIX 2.1, 7.2.1.4."""
    assert own_label(note(marking_id), NOTHING) is label


def test_an_unlabelled_object_takes_the_label_of_the_bundle_that_covers_it() -> None:
    assert own_label(note(), NOTHING) is None
    assert effective_label(note(), TLP.AMBER, NOTHING) is TLP.AMBER


def test_with_no_label_anywhere_it_is_not_shared() -> None:
    with pytest.raises(MarkingError, match="no TLP label"):
        effective_label(note(), None, NOTHING)


def test_a_stricter_part_decides_for_the_whole() -> None:
    obj = note(TLP.GREEN.marking_id, granular=[part(TLP.RED), part(TLP.CLEAR)])
    assert effective_label(obj, None, NOTHING) is TLP.RED


def test_what_only_parts_mark_takes_the_carriers_label_for_the_rest() -> None:
    obj = note(granular=[part(TLP.GREEN)])
    assert own_label(obj, NOTHING) is TLP.GREEN
    assert effective_label(obj, TLP.AMBER, NOTHING) is TLP.AMBER
    with pytest.raises(MarkingError, match="no TLP label"):
        effective_label(obj, None, NOTHING)


def test_contradicting_labels_are_not_shared() -> None:
    obj = note(TLP.GREEN.marking_id, TLP.AMBER.marking_id)
    with pytest.raises(MarkingError, match="contradict each other: TLP:AMBER and TLP:GREEN"):
        effective_label(obj, None, NOTHING)


def test_the_same_label_in_both_spellings_does_not_contradict() -> None:
    assert own_label(note(TLP.CLEAR.marking_id, WHITE1), NOTHING) is TLP.CLEAR


def test_an_unknown_marking_is_not_shared_even_beside_a_label() -> None:
    with pytest.raises(MarkingError, match="is unknown here") as refusal:
        own_label(note(TLP.CLEAR.marking_id, STATEMENT), NOTHING)
    assert refusal.value.field == "object_marking_refs[1]"


def test_an_unknown_marking_of_a_part_is_not_shared() -> None:
    granular = [{"selectors": ["content"], "marking_ref": STATEMENT}]
    with pytest.raises(MarkingError) as refusal:
        own_label(note(TLP.CLEAR.marking_id, granular=granular), NOTHING)
    assert refusal.value.field == "granular_markings[0].marking_ref"


@pytest.mark.parametrize(
    "known",
    [
        statement(),
        definition(extensions={PAP_EXTENSION: {"pap": "amber"}}),
        definition(extensions={IEP_EXTENSION: {"tlp": "red"}}),
    ],
)
def test_statement_pap_and_iep_are_known_and_do_not_decide(known: dict[str, Any]) -> None:
    obj = note(TLP.GREEN.marking_id, STATEMENT)
    assert effective_label(obj, TLP.RED, finder(known)) is TLP.GREEN
    assert effective_label(note(STATEMENT), TLP.RED, finder(known)) is TLP.RED


def test_the_well_known_pap_markings_need_no_look_up() -> None:
    for marking_id in PAP_BY_MARKING_ID:
        assert own_label(note(marking_id), NOTHING) is None


@pytest.mark.parametrize(
    "unknown",
    [
        definition(),
        definition(definition_type="secret", definition={}),
        definition(extensions={"extension-definition--1": {}}),
        definition(extensions={PAP_EXTENSION: {}, "extension-definition--1": {}}),
        definition(extensions=["?"]),
        definition(type="note"),
        statement() | {"extensions": {"extension-definition--1": {}}},
    ],
)
def test_a_definition_that_nobody_understands_is_not_shared(unknown: dict[str, Any]) -> None:
    with pytest.raises(MarkingError):
        own_label(note(TLP.CLEAR.marking_id, STATEMENT), finder(unknown))


def test_a_definition_found_under_another_id_is_not_taken() -> None:
    with pytest.raises(MarkingError, match="another definition"):
        own_label(note(OTHER), lambda _id: statement())


@pytest.mark.parametrize(
    "claim",
    [
        {"extensions": {TLP_EXTENSION: {"tlp_2_0": "clear"}}},
        {"definition_type": "tlp", "definition": {"tlp": "white"}},
    ],
)
def test_tlp_under_an_id_of_its_own_is_not_shared(claim: dict[str, Any]) -> None:
    """Source: STIX 2.1, 7.2.1.4: no other instances of TLP may exist."""
    with pytest.raises(MarkingError, match="under an id that TLP does not use"):
        own_label(note(STATEMENT), finder(definition(**claim)))


@pytest.mark.parametrize(
    "content",
    [
        {"extensions": {TLP_EXTENSION: {"tlp_2_0": "clear"}}},
        {"extensions": {TLP_EXTENSION: {"tlp_2_0": "beige"}}},
        {"extensions": {TLP_EXTENSION: "red"}},
        {"definition_type": "tlp", "definition": {"tlp": "red"}},
        {
            "definition_type": "tlp",
            "definition": {"tlp": "red"},
            "extensions": {TLP_EXTENSION: {"tlp_2_0": "red"}},
        },
        {},
    ],
)
def test_a_tlp_id_whose_content_says_otherwise_is_not_shared(content: dict[str, Any]) -> None:
    """Source: coordination protocol, 6."""
    forged = definition(**content) | {"id": TLP.RED.marking_id}
    with pytest.raises(MarkingError, match="says otherwise"):
        own_label(note(TLP.RED.marking_id), finder(forged))
    with pytest.raises(MarkingError, match="says otherwise"):
        effective_label(forged, TLP.CLEAR, NOTHING)


def test_the_true_definitions_are_taken() -> None:
    for label, marking in MARKINGS.items():
        assert own_label(note(label.marking_id), finder(marking)) is label
        assert effective_label(marking, TLP.GREEN, NOTHING) is TLP.GREEN
    amber = definition(definition_type="tlp", definition={"tlp": "amber"}) | {"id": AMBER1}
    assert own_label(note(AMBER1), finder(amber)) is TLP.AMBER


@pytest.mark.parametrize("forged", ["green", None, 7])
def test_a_tlp_1_id_whose_content_says_otherwise_is_not_shared(forged: object) -> None:
    content = {"tlp": forged} if forged != 7 else forged
    lie = definition(definition_type="tlp", definition=content) | {"id": AMBER1}
    with pytest.raises(MarkingError, match="says otherwise"):
        own_label(note(AMBER1), finder(lie))


@pytest.mark.parametrize(
    "broken",
    [
        {"object_marking_refs": []},
        {"object_marking_refs": None},
        {"object_marking_refs": TLP.CLEAR.marking_id},
        {"object_marking_refs": [{"id": TLP.CLEAR.marking_id}]},
        {"granular_markings": {}},
        {"granular_markings": ["content"]},
        {"granular_markings": [{"selectors": ["content"]}]},
        {"granular_markings": [{"marking_ref": TLP.RED.marking_id, "lang": "en"}]},
        {"granular_markings": [{"marking_ref": 7}]},
    ],
)
def test_malformed_markings_are_not_shared(broken: dict[str, Any]) -> None:
    with pytest.raises(MarkingError):
        effective_label(note() | broken, TLP.CLEAR, NOTHING)


def test_a_granular_language_is_no_marking_of_this_kind() -> None:
    granular = [{"selectors": ["content"], "lang": "de"}]
    assert own_label(note(granular=granular), NOTHING) is None

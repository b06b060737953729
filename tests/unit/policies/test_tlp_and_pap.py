"""Source: FIRST TLP 2.0; OASIS TLP 2.0 and PAP extensions; MISP taxonomy PAP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from policies.errors import InvalidError
from policies.pap import (
    PAP,
    PAP_BY_MARKING_ID,
    PAP_EXTENSION,
    own_pap,
    read_pap,
    strictest_pap,
)
from policies.tlp import MARKINGS, TLP, TLP_BY_MARKING_ID, TLP_EXTENSION, read_tlp, strictest

BY_LEVEL = {level: marking_id for marking_id, level in PAP_BY_MARKING_ID.items()}
OWN = "marking-definition--17d82bb2-eeeb-4898-bda5-3ddbcd2b799d"


def nothing(_id: str) -> Mapping[str, Any] | None:
    return None


def test_labels_are_in_the_order_of_first() -> None:
    assert [label.label for label in sorted(TLP, key=lambda label: label.rank)] == [
        "TLP:CLEAR",
        "TLP:GREEN",
        "TLP:AMBER",
        "TLP:AMBER+STRICT",
        "TLP:RED",
    ]


def test_a_ceiling_allows_what_is_not_stricter() -> None:
    assert TLP.AMBER.allows(TLP.GREEN)
    assert TLP.AMBER.allows(TLP.AMBER)
    assert not TLP.AMBER.allows(TLP.AMBER_STRICT)


def test_each_marking_definition_says_what_its_id_means() -> None:
    for label, marking in MARKINGS.items():
        assert TLP_BY_MARKING_ID[label.marking_id] is label
        assert marking["extensions"][TLP_EXTENSION]["tlp_2_0"] == label.value
        assert marking["name"] == label.label


@pytest.mark.parametrize("text", ["amber+strict", "TLP:AMBER+STRICT", " tlp:amber+strict "])
def test_labels_are_read_as_people_write_them(text: str) -> None:
    assert read_tlp(text) is TLP.AMBER_STRICT


def test_white_is_told_what_it_is_called_today() -> None:
    with pytest.raises(InvalidError) as refusal:
        read_tlp("TLP:WHITE", field="ceiling")
    assert refusal.value.hint == "TLP 2.0 calls it CLEAR."
    assert refusal.value.field == "ceiling"


def test_an_unknown_label_is_refused_with_the_choices() -> None:
    with pytest.raises(InvalidError, match="clear, green, amber"):
        read_tlp("beige")


def test_the_strictest_of_none_is_none() -> None:
    assert strictest([]) is None
    assert strictest_pap([]) is None
    assert strictest([TLP.GREEN, TLP.RED, TLP.CLEAR]) is TLP.RED
    assert strictest_pap([PAP.GREEN, PAP.AMBER]) is PAP.AMBER


@pytest.mark.parametrize(
    ("text", "level"), [("PAP:RED", PAP.RED), ("white", PAP.CLEAR), ("clear", PAP.CLEAR)]
)
def test_pap_is_read_as_people_write_it(text: str, level: PAP) -> None:
    assert read_pap(text) is level


def test_an_unknown_level_is_refused_with_the_choices() -> None:
    with pytest.raises(InvalidError, match="clear, green, amber, red"):
        read_pap("beige")


def test_red_and_amber_warn_of_visible_action() -> None:
    assert {level for level in PAP if level.warns_of_visible_action} == {PAP.AMBER, PAP.RED}
    assert PAP.RED.label == "PAP:RED"
    assert all(level.permits for level in PAP)


def test_the_strictest_level_among_object_and_parts_counts() -> None:
    obj = {
        "object_marking_refs": [BY_LEVEL[PAP.GREEN], TLP.RED.marking_id],
        "granular_markings": [
            {"selectors": ["name"], "marking_ref": BY_LEVEL[PAP.AMBER]},
            {"selectors": ["name"], "lang": "de"},
            "broken",
        ],
    }
    assert own_pap(obj, nothing) is PAP.AMBER
    assert own_pap({"object_marking_refs": "broken"}, nothing) is None


@pytest.mark.parametrize(
    ("extension", "level"),
    [({"pap": "green"}, PAP.GREEN), ({"pap": "beige"}, PAP.RED), ("broken", PAP.RED)],
)
def test_a_level_that_cant_be_read_counts_as_red(extension: Any, level: PAP) -> None:
    found = {OWN: {"extensions": {PAP_EXTENSION: extension}}}
    assert own_pap({"object_marking_refs": [OWN]}, found.get) is level


def test_other_markings_say_nothing_of_permitted_actions() -> None:
    found: dict[str, dict[str, Any]] = {OWN: {"definition_type": "statement"}}
    assert own_pap({"object_marking_refs": [OWN]}, found.get) is None

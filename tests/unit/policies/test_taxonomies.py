"""Vocabularies, bands and categories: the data are whole, and labels read back as written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.errors import InvalidError
from policies.taxonomies import vocabularies
from policies.taxonomies.categories import (
    ISO_CATEGORIES,
    RSIT_CATEGORIES,
    RsitType,
    find_iso_category,
    find_rsit_type,
    incident_types_of,
    iso_categories_of,
    read_rsit_label,
    rsit_label,
    rsit_types_in,
)
from policies.taxonomies.vocabularies import (
    AVAILABILITY_SCALES,
    CRITICALITY_SCALES,
    EVENT_TYPE,
    FIVE_LEVEL,
    US_CERT,
    VOCABULARIES,
    WORD_CHARACTERS,
    Scale,
    Vocabulary,
    is_word,
)

SCHEMAS = Path(__file__).parents[2] / "data" / "incident-suite" / "schemas"
SCALES = [*AVAILABILITY_SCALES.values(), *CRITICALITY_SCALES.values()]
RSIT_TYPES = [one for category in RSIT_CATEGORIES for one in category.types]


def by_key(item: Vocabulary | Scale) -> str:
    return item.key


@pytest.mark.parametrize("vocabulary", VOCABULARIES.values(), ids=by_key)
def test_a_vocabulary_names_each_of_its_words_once(vocabulary: Vocabulary) -> None:
    keys = [term.key for term in vocabulary.terms]
    names = [term.name for term in vocabulary.terms]
    assert len(set(keys)) == len(keys) >= 3
    assert len(set(names)) == len(names)
    assert all(name == name.strip() and name[0].isupper() for name in names)
    assert all(vocabulary.takes(key) for key in keys)
    assert vocabulary.is_open is vocabulary.key.endswith("-ov")


@pytest.mark.parametrize(
    ("key", "count"),
    [
        ("asset-type-ov", 21),
        ("detection-methods-ov", 8),
        ("economic-impact-type-ov", 10),
        ("entity-type-ov", 22),
        ("event-type-ov", 88),
        ("external-impact-ov", 7),
        ("incident-investigation-ov", 3),
        ("information-type-ov", 11),
        ("state-change-type-ov", 6),
        ("task-type-ov", 21),
        ("event-status", 5),
        ("confidentiality-loss", 6),
        ("determination", 5),
        ("impact-category", 7),
        ("integrity-alteration", 8),
        ("physical-impact", 5),
        ("recoverability", 5),
        ("task-outcome", 6),
        ("timestamp-fidelity", 6),
        ("traceability", 4),
    ],
)
def test_a_vocabulary_has_as_many_words_as_the_specification(key: str, count: int) -> None:
    assert len(VOCABULARIES[key].terms) == count


def test_no_other_vocabularies_are_there_and_each_has_a_name_in_the_module() -> None:
    assert len(VOCABULARIES) == 20
    named = {one.key for one in vars(vocabularies).values() if isinstance(one, Vocabulary)}
    assert named == set(VOCABULARIES)


def enums(value: Any, name: str = "") -> Iterator[tuple[str, set[str]]]:
    """Give (property, its enumeration) for each in a schema."""
    if isinstance(value, dict):
        if isinstance(value.get("enum"), list):
            yield name, set(value["enum"])
        for key, item in value.items():
            yield from enums(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from enums(item, name)


@pytest.mark.parametrize(
    ("schema", "name", "key", "in_prose_only"),
    [
        ("incident-core", "determination", "determination", set()),
        ("incident-core", "Recoverability", "recoverability", set()),
        ("incident-core", "incident-investigation-ov", "incident-investigation-ov", set()),
        ("incident-core", "detection-methods-ov", "detection-methods-ov", set()),
        ("event", "status", "event-status", set()),
        ("event", "start_time_fidelity", "timestamp-fidelity", set()),
        ("impact", "recoverability", "recoverability", set()),
        ("impact", "loss_type", "confidentiality-loss", {"unknown"}),
        ("impact", "alteration", "integrity-alteration", {"unknown"}),
        ("impact", "impact_type", "physical-impact", {"unknown"}),
        ("impact", "traceability_impact", "traceability", {"unknown-accountability"}),
    ],
)
def test_lists_are_those_of_the_schemas_and_what_only_the_text_has(
    schema: str, name: str, key: str, in_prose_only: set[str]
) -> None:
    published = dict(enums(json.loads((SCHEMAS / f"{schema}.json").read_text("utf-8"))))
    ours = {term.key for term in VOCABULARIES[key].terms}
    assert ours == published[name] | in_prose_only
    assert not published[name] & in_prose_only


def test_a_closed_vocabulary_takes_its_own_words_an_open_one_words_of_the_same_form() -> None:
    assert not VOCABULARIES["determination"].takes("low-value")
    assert EVENT_TYPE.takes("c&c-server-hosting")
    assert EVENT_TYPE.takes("sim-swap-2")
    assert EVENT_TYPE.name_of("sim-swap-2") == "sim-swap-2"
    assert EVENT_TYPE.name_of("dns-rebinding") == "DNS rebinding"
    assert EVENT_TYPE.find("sim-swap-2") is None


@pytest.mark.parametrize(
    "text", ["", "-", "a-", "-a", "a--b", "A", "a b", "a_b", "a\n", "ä", "٣", "a&b", "a" * 101]
)
def test_what_is_no_word(text: str) -> None:
    assert not is_word(text)
    assert not EVENT_TYPE.takes(text)


def test_a_word_has_a_length() -> None:
    assert is_word("a" * WORD_CHARACTERS)


@pytest.mark.parametrize("scale", SCALES, ids=by_key)
def test_bands_share_out_all_numbers_and_each_is_written_within_itself(scale: Scale) -> None:
    for value in range(101):
        assert [band for band in scale.bands if band.low <= value <= band.high] == [
            scale.band_of(value)
        ]
    for band in scale.bands:
        assert scale.band_of(band.write) is band
        assert scale.find(band.label) is band
    assert [band.low for band in scale.bands] == sorted(band.low for band in scale.bands)
    assert scale.find("Sideways") is None


@pytest.mark.parametrize("value", [-1, 101])
def test_a_number_outside_is_no_band(value: int) -> None:
    with pytest.raises(InvalidError, match="between 0 and 100"):
        US_CERT.band_of(value)


def test_bands_as_the_appendices_have_them() -> None:
    assert set(AVAILABILITY_SCALES) == {"us-cert", "simple"}
    assert set(CRITICALITY_SCALES) == {
        "five-level",
        "minor-major",
        "minor-major-critical",
        "none-low-high-extreme",
        "veris",
    }
    assert US_CERT.band_of(75).label == "Significant Impact to Critical Services"
    assert [FIVE_LEVEL.band_of(value).label for value in (0, 29, 30, 89, 90)] == [
        "False Positive",
        "Low",
        "Moderate",
        "High",
        "Extreme",
    ]
    # Two published bands hold 90.
    assert CRITICALITY_SCALES["veris"].band_of(90).label == "Catastrophic"


def test_rsit_is_whole() -> None:
    assert len(RSIT_CATEGORIES) == 11
    assert len(RSIT_TYPES) == 39
    assert len({one.label for one in RSIT_TYPES}) == 39


@pytest.mark.parametrize("one", RSIT_TYPES, ids=lambda one: f"{one.category}-{one.key}")
def test_a_type_is_found_by_its_label_and_mapped_to_what_is_there(one: RsitType) -> None:
    assert rsit_label(one.category, one.key) == one.label
    assert read_rsit_label(one.label) is one
    assert rsit_types_in([one.label]) == (one,)
    assert find_rsit_type(one.category, one.key) is one
    assert all(EVENT_TYPE.find(word) is not None for word in one.incident_types)
    assert find_iso_category(one.iso_category.key) is one.iso_category
    assert one.name
    assert one.description


def test_labels_have_the_form_of_misp_tags() -> None:
    assert rsit_label("availability", "ddos") == 'rsit:availability="ddos"'


@pytest.mark.parametrize(
    ("category", "key", "reason", "hint"),
    [
        ("availability", "spam", "no type “spam” in availability", "ddos"),
        ("weather", "rain", "no category “weather”", "availability"),
    ],
)
def test_there_are_no_labels_for_what_rsit_does_not_have(
    category: str, key: str, reason: str, hint: str
) -> None:
    for refused in (
        lambda: rsit_label(category, key),
        lambda: read_rsit_label(f'rsit:{category}="{key}"'),
    ):
        with pytest.raises(InvalidError) as refusal:
            refused()
        assert reason in refusal.value.message
        assert refusal.value.field == "labels"
        assert hint in str(refusal.value.hint)
    assert find_rsit_type(category, key) is None


@pytest.mark.parametrize(
    "label", ["", "spam", "tlp:red", "rsit:availability", 'rsit:availability="ddos" and more']
)
def test_other_labels_are_no_rsit_labels(label: str) -> None:
    with pytest.raises(InvalidError, match="no RSIT label"):
        read_rsit_label(label)
    assert rsit_types_in([label]) == ()


def test_among_labels_types_are_found_the_main_one_first_each_once() -> None:
    labels = [
        "urgent",
        'rsit:malicious-code="infected-system"',
        ' RSIT:Availability="DDoS" ',
        'rsit:availability="ddos"',
        'rsit:availability="of-a-later-version"',
    ]
    found = rsit_types_in(labels)
    assert [one.key for one in found] == ["infected-system", "ddos"]
    assert [one.key for one in iso_categories_of(found)] == ["malware", "technical-attack"]
    types = incident_types_of(found)
    assert types[0] == "infected-by-known-malware"
    assert types[-1] == "denial-of-service"
    assert len(set(types)) == len(types) == 8


def test_types_that_map_to_the_same_are_mapped_once() -> None:
    twice = rsit_types_in(['rsit:vulnerable="weak-crypto"', 'rsit:vulnerable="ddos-amplifier"'])
    assert incident_types_of(twice) == ("misconfiguration",)
    assert len(iso_categories_of(twice)) == 1


def test_iso_categories_are_whole_and_in_the_order_of_the_form() -> None:
    items = [one.item for one in ISO_CATEGORIES]
    assert items == [f"8.{number}" for number in range(3, 16)]
    assert len({one.key for one in ISO_CATEGORIES}) == 13
    assert all(one.name and one.definition for one in ISO_CATEGORIES)
    unchecked = {one.item for one in ISO_CATEGORIES if not one.checked}
    assert unchecked == {"8.5", "8.6", "8.7", "8.8", "8.9", "8.14", "8.15"}
    assert find_iso_category("weather") is None


@given(st.lists(st.text(max_size=80)))
def test_any_labels_can_be_looked_through(labels: list[str]) -> None:
    assert all(one in RSIT_TYPES for one in rsit_types_in(labels))

"""Whatever a member puts beside its statement, reading it ends, and only its own words count."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.community.directory_statement import (
    LINE_CHARACTERS,
    NAME_CHARACTERS,
    StatedConstituency,
    constituency_text,
    read_constituency,
    read_statement,
)
from policies.acts import Act, read_body
from tests.unit.policies.bodies import GOOD
from tests.unit.policies.worlds import CERT, GRID

BODY = read_body(Act.MEMBER_DESCRIBED, GOOD[Act.MEMBER_DESCRIBED])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(
    st.sampled_from([CERT, GRID]),
    st.fixed_dictionaries(
        {},
        optional={
            "created_by_ref": st.sampled_from([CERT, GRID]),
            "name": JSON,
            "contact_information": JSON,
            "description": JSON,
        },
    ),
)
PART = st.text(st.characters(exclude_characters=",", exclude_categories=("C", "Z")), min_size=1)
PARTS = st.lists(PART, max_size=4, unique=True).map(tuple)


@given(OBJECTS)
def test_reading_ends_and_only_the_authors_words_count(objects: dict[str, Any]) -> None:
    said = read_statement(BODY, objects, CERT)
    assert [point.ref for point in said.points] == [one["ref"] for one in BODY["points"]]
    for point in said.points:
        assert len(point.lines) == len(point.ways)
        assert all(len(line) <= LINE_CHARACTERS for line in point.lines)
        assert point.name is None or 0 < len(point.name) <= NAME_CHARACTERS
        if objects.get(point.ref or "", {}).get("created_by_ref") != CERT:
            assert point.name is None
            assert not any(point.lines)


@given(PARTS, PARTS, PARTS)
def test_a_constituency_survives_its_words(
    domains: tuple[str, ...], ranges: tuple[str, ...], services: tuple[str, ...]
) -> None:
    stated = StatedConstituency(domains=domains, ranges=ranges, services=services, ref=GRID)
    assert read_constituency({"ref": GRID}, constituency_text(stated)) == stated

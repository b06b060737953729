"""Laws of the bodies: each is taken or refused with a path, whatever it holds.

Source: coordination protocol, 6 (`body`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.acts import Act, read_body, read_schema
from policies.errors import InvalidError
from tests.unit.policies.bodies import GOOD

acts = st.sampled_from(Act)
names = sorted({name for act in Act for name in read_schema(act)["properties"]})
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=50)
    | st.sampled_from(["coordinator", "amber", "2026-11-20T10:05:00.000Z"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(names) | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
bodies = st.dictionaries(st.sampled_from(names) | st.text(max_size=80), json_values, max_size=5)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give every place in a document, as its container and key."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from places(value[key])


def fault(act: Act, body: dict[str, Any]) -> InvalidError | None:
    """Give what is wrong with a body, `None` where it is taken."""
    try:
        assert read_body(act, body) is body
    except InvalidError as error:
        return error
    return None


@given(acts, bodies)
def test_a_body_is_given_back_or_refused_with_a_path(act: Act, body: dict[str, Any]) -> None:
    error = fault(act, body)
    if error is not None:
        assert error.field is not None
        assert error.field.startswith("body")
        assert error.message.startswith(error.field)
        assert len(error.message) < 500


@given(acts, st.text(min_size=1, max_size=20), json_values)
def test_an_unknown_property_is_always_refused(act: Act, name: str, value: Any) -> None:
    if name not in read_schema(act)["properties"]:
        error = fault(act, GOOD[act] | {name: value})
        assert error is not None
        assert error.field == f"body.{name}"


@pytest.mark.parametrize("act", list(Act))
def test_one_wrong_value_is_enough(act: Act) -> None:
    """Put an object where none belongs, everywhere in turn: every property has a type."""
    for number in range(len(list(places(GOOD[act])))):
        body = copy.deepcopy(GOOD[act])
        container, key = list(places(body))[number]
        container[key] = {"no such thing": container[key]}
        error = fault(act, body)
        assert error is not None
        assert str(key) in str(error.field)

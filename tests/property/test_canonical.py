"""The canonical form: what the fast encoder writes is what RFC 8785 says."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from sharing.canonical import (
    MAX_DEPTH,
    MAX_INTEGER,
    MalformedError,
    canonical,
    read_instant,
    read_json,
    read_time,
    write_time,
)

JCS = Path(__file__).parent.parent / "data" / "jcs"
LIMIT = 10_000_000

# Everything that JSON can say, also what the protocol refuses: lone surrogates, U+0000, numbers
# that are not finite, integers that no double holds.
TEXT = st.text(st.characters(codec=None), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-MAX_INTEGER - 2, MAX_INTEGER + 2)
    | st.floats()
    | TEXT
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=30,
)


def reference(value: Any) -> bytes | None:
    """Give what the reference package writes, where the protocol takes the value at all."""
    try:
        data = rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError):
        return None
    if any(isinstance(item, str) and "\x00" in item for item in scalars(value)):
        return None
    whole = (item for item in scalars(value) if isinstance(item, float))
    return None if any(MAX_INTEGER < abs(item) < 1e21 for item in whole) else data


def scalars(value: Any) -> Iterator[Any]:
    """Give every name and scalar of a value."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from scalars(item)
    elif isinstance(value, list):
        for item in value:
            yield from scalars(item)
    else:
        yield value


@given(VALUES)
@example({"\ue000": 1, "\U00010000": 2})
@example({"a": {"\ufb33": 1, "\U0001f600": 2}})
@example({"": 0, "a": -0.0, "b": 1e21, "c": 1e-7, "d": 5e-324, "e": 0.1})
@example([MAX_INTEGER, -MAX_INTEGER, 2**53, float("nan")])
@example({"\x7f": '\x7f\u2028\u2029\x1f\b\f\n\r\t"\\/'})
@example("\ud800")
@example({"\udfff": 1})
@example(["\x00"])
@example([1.0, 1e15, 1e21, 9007199254740991.0])
@example([9007199254740992.0])
@example([-123456789012345680000.0])
def test_the_canonical_form_is_that_of_rfc_8785(value: Any) -> None:
    expected = reference(value)
    if expected is None:
        with pytest.raises(MalformedError):
            canonical(value)
    else:
        assert canonical(value) == expected


@given(VALUES)
def test_what_was_written_is_read_back_and_written_the_same(value: Any) -> None:
    try:
        data = canonical(value)
    except MalformedError:
        return
    again = read_json(data, limit_bytes=LIMIT)
    assert canonical(again) == data


@given(VALUES)
def test_order_and_spelling_of_the_text_do_not_matter(value: Any) -> None:
    try:
        data = canonical(value)
    except MalformedError:
        return
    spelled = json.dumps(value, ensure_ascii=True, indent=3, allow_nan=False).encode()
    assert canonical(read_json(spelled, limit_bytes=LIMIT)) == data


@given(st.binary(max_size=200) | TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        canonical(read_json(data, limit_bytes=LIMIT))


@given(st.dictionaries(TEXT, SCALARS, min_size=1, max_size=4), st.data())
def test_a_name_that_stands_twice_is_refused_wherever_it_stands(
    value: dict[str, Any], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(value)))
    inner = ",".join(f"{json.dumps(item)}:1" for item in [*value, name])
    for text in (f"{{{inner}}}", f'{{"a":[{{{inner}}}]}}'):
        with pytest.raises(MalformedError):
            read_json(text.encode(), limit_bytes=LIMIT)


def nested(depth: int, *, lists: bool) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if lists else {"a": value}
    return value


@pytest.mark.parametrize("lists", [True, False])
def test_the_depth_is_counted_alike_in_text_and_value(lists: bool) -> None:
    fits, too_deep = nested(MAX_DEPTH, lists=lists), nested(MAX_DEPTH + 1, lists=lists)
    assert read_json(json.dumps(fits).encode(), limit_bytes=LIMIT) == fits
    assert canonical(fits)
    with pytest.raises(MalformedError, match="deeper"):
        read_json(json.dumps(too_deep).encode(), limit_bytes=LIMIT)
    with pytest.raises(MalformedError, match="deeper"):
        canonical(too_deep)


def test_brackets_in_text_are_not_depth() -> None:
    value = {"a": '[{"\\' * 100, "b": ["]}"] * 100}
    assert read_json(json.dumps(value).encode(), limit_bytes=LIMIT) == value


@pytest.mark.parametrize("name", sorted(path.stem for path in (JCS / "input").glob("*.json")))
def test_the_vectors_of_the_standard(name: str) -> None:
    value = read_json((JCS / "input" / f"{name}.json").read_bytes(), limit_bytes=LIMIT)
    assert canonical(value) == (JCS / "output" / f"{name}.json").read_bytes().rstrip(b"\n")
    digits = (JCS / "outhex" / f"{name}.txt").read_text("ascii")
    assert canonical(value) == bytes.fromhex(digits)


@given(st.datetimes().map(lambda moment: moment.replace(fold=0)), st.integers(0, 9))
def test_instants_are_ordered_like_their_times(moment: Any, digits: int) -> None:
    text = moment.isoformat(timespec="seconds")
    fraction = f"{moment.microsecond:06d}000"[:digits]
    written = f"{text}.{fraction}Z" if digits else f"{text}Z"
    whole = read_instant(f"{text}Z")
    assert read_instant(written) == whole + int(fraction.ljust(9, "0") or 0)


@given(st.datetimes(timezones=st.just(UTC)))
@example(datetime(1, 1, 1, tzinfo=UTC))
def test_a_time_is_read_back_as_it_was_written(moment: datetime) -> None:
    written = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert read_time(write_time(moment)) == written

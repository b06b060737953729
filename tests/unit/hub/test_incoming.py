"""Objects that people hand in: bounded before they are parsed, refused with their place."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from hub.channels.incoming import MAX_INPUT_BYTES, read_objects, read_objects_text
from policies.errors import InvalidError, TooLargeError

NOW: Final = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
NOTE: Final[dict[str, Any]] = {
    "type": "note",
    "spec_version": "2.1",
    "id": "note--5b1f7a52-7c0d-4f7e-8d43-0c6d3b2a0004",
    "created": "2026-11-20T09:00:00.000Z",
    "modified": "2026-11-20T09:00:00.000Z",
    "content": "Relay 7 isolated.",
    "object_refs": ["identity--0f5a1f0e-6b0e-4c63-9a52-3a0b4c1d0001"],
}


def text(value: object) -> bytes:
    return json.dumps(value).encode()


def nested(depth: int) -> dict[str, Any]:
    value: Any = "x"
    for _ in range(depth - 1):
        value = [value]
    return NOTE | {"x_nested": value}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"type": "\xff"}', "not UTF-8"),
        (b"[" * 100 + b"]" * 100, "deeper"),
        (b'{"type": "note", "type": "note"}', "twice"),
        (b'{"x": NaN}', "NaN"),
        (b"[]", "a STIX object is a JSON object"),
        (b"7", "a STIX object is a JSON object"),
        (b"{}", "“type” is missing"),
        (text({"type": "bundle"}), "holds no objects"),
        (text({"type": "bundle", "objects": []}), "holds no objects"),
        (text({"type": "bundle", "objects": {"a": 1}}), "holds no objects"),
        (text({"type": "bundle", "objects": [NOTE, 7]}), "objects.objects[1]: "),
        (text({"type": "bundle", "objects": [{"type": "bundle"}]}), "a container and no object"),
        (text(NOTE | {"id": "note--1"}), "“id”"),
        (text(NOTE | {"modified": "2036-01-01T00:00:00Z"}), "future"),
        (text(NOTE | {"modified": "soon"}), "not a UTC time"),
        (text(NOTE | {"labels": []}), "empty lists"),
        (text(NOTE | {"labels": None}), "no null"),
        (text(NOTE | {"severity": "high"}), "reserves"),
        (text(nested(33)), "deeper than 32"),
        (text({"type": "bundle", "objects": [nested(33)]}), "deeper than 34"),
    ],
)
def test_what_is_no_object_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidError, match=re.escape(reason)) as refused:
        read_objects_text(data, now=NOW)
    assert refused.value.field is not None


@pytest.mark.parametrize(
    "data",
    [
        b" " * (MAX_INPUT_BYTES + 1),
        text(NOTE | {"content": "x" * 300_000}),
        text(NOTE | {"x_many": ["y" * 200_000] * 6}),
        text(NOTE | {"object_refs": ["x"] * 10_001}),
    ],
    ids=["file", "text", "object", "list"],
)
def test_what_is_too_large_is_refused(data: bytes) -> None:
    with pytest.raises(TooLargeError):
        read_objects_text(data, now=NOW)


def test_more_than_a_bundle_can_cover_is_refused() -> None:
    with pytest.raises(TooLargeError, match="10000 objects"):
        read_objects((NOTE for _ in range(10_001)), now=NOW)


def test_an_object_is_read_as_it_is_and_once() -> None:
    other = NOTE | {"id": "note--5b1f7a52-7c0d-4f7e-8d43-0c6d3b2a0005", "x_own": {"a": 1.5}}
    bundle = {"type": "bundle", "id": "bundle--1", "objects": [NOTE, other, NOTE]}
    first, second = read_objects_text(text(bundle), now=NOW)
    assert (first.value, second.value) == (NOTE, other)
    assert read_objects_text(text(NOTE), now=NOW) == [first]
    assert read_objects_text(text(nested(32)), now=NOW)

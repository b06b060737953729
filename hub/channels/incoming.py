"""STIX objects as people and programs hand them in: bounded, parsed once, typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from policies.errors import InvalidError, TooLargeError
from sharing.canonical import MAX_DEPTH, read_json
from sharing.limits import read_stix_limits
from sharing.objects import StixObject

MAX_INPUT_BYTES: Final = 32 * 1024 * 1024
MAX_OBJECTS: Final = 10_000
_BUNDLE_DEPTH: Final = MAX_DEPTH + 2


def read_objects_text(data: bytes, *, field: str = "objects", now: datetime) -> list[StixObject]:
    """Read JSON text that is one STIX object, or a STIX bundle of them.

    Raises:
        TooLargeError: more than we take at once; nothing was parsed.
        InvalidError: not I-JSON, or something in it is no STIX object that can be shared.
    """
    value = read_json(data, limit_bytes=MAX_INPUT_BYTES, field=field, max_depth=_BUNDLE_DEPTH)
    if isinstance(value, Mapping) and value.get("type") == "bundle":
        listed = value.get("objects", [])
        if not isinstance(listed, list) or not listed:
            raise InvalidError("this STIX bundle holds no objects", field=field)
        return read_objects(listed, field=f"{field}.objects", now=now)
    return read_objects([value], field=field, now=now)


def read_objects(
    values: Iterable[Any], *, field: str = "objects", now: datetime
) -> list[StixObject]:
    """Take parsed values as STIX objects, each content once.

    Raises:
        TooLargeError: too many, or one of them is too large.
        InvalidError: one of them is no STIX object that can be shared; the path says which.
    """
    read: dict[str, StixObject] = {}
    for place, value in enumerate(values):
        if place >= MAX_OBJECTS:
            message = f"more than {MAX_OBJECTS} objects at once"
            raise TooLargeError(message, field=field, hint="Split them.")
        where = f"{field}[{place}]"
        stix = _read_one(value, where, now)
        read.setdefault(stix.sha256, stix)
    return list(read.values())


def _read_one(value: Any, where: str, now: datetime) -> StixObject:
    try:
        stix = StixObject.of(value)
        read_stix_limits(stix.value, now=now)
    except TooLargeError as error:
        raise TooLargeError(f"{where}: {error.message}", field=where) from None
    except InvalidError as error:
        raise InvalidError(f"{where}: {error.message}", field=where, hint=error.hint) from None
    return stix

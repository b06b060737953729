"""I-JSON in, RFC 8785 bytes and SHA-256 out: the only bytes that are hashed, signed or stored.

Source: RFC 8785; RFC 7493; wire format, 1.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NoReturn

import orjson
import rfc8785

from policies.errors import InvalidError, TooLargeError

MAX_DEPTH: Final = 32
MAX_INTEGER: Final = 2**53 - 1
MAX_DIGITS: Final = 17
OBJECT_LIMIT_BYTES: Final = 1024 * 1024
BUNDLE_LIMIT_BYTES: Final = 4 * 1024 * 1024

_NUL: Final = b"\\u0000"
_FIRST_EXPONENT: Final = 1e21  # from here on a number's canonical form has an exponent
_INSTANT: Final = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?Z", re.ASCII)


class MalformedError(InvalidError):
    """Bytes that are not I-JSON, too deep, or otherwise not canonicalisable."""


@dataclass(frozen=True, slots=True)
class Document:
    """What was read from bytes.

    Args:
        is_plain: it stood there in canonical form and holds no floats: `plain_form` writes every
            part of it.
    """

    value: Any
    is_plain: bool


def read_json(
    data: bytes, *, limit_bytes: int, field: str = "body", max_depth: int = MAX_DEPTH
) -> Any:
    """Parse I-JSON: UTF-8, unique names, finite numbers, bounded size and depth.

    Args:
        max_depth: more than the protocol's 32 for what only wraps its objects (an envelope: 34).

    Raises:
        TooLargeError: more than `limit_bytes`; nothing was parsed.
        MalformedError: not I-JSON; the sentence says what is wrong.
    """
    return read_document(data, limit_bytes=limit_bytes, field=field, max_depth=max_depth).value


def read_document(data: bytes, *, limit_bytes: int, field: str, max_depth: int) -> Document:
    """Parse I-JSON as `read_json`, and tell whether it stood there in plain canonical form."""
    if len(data) > limit_bytes:
        message = f"{len(data)} bytes are more than the {limit_bytes} allowed"
        raise TooLargeError(message, field=field)
    read = read_canonical(data, max_depth=max_depth)
    if read is not None:
        return read
    _check_depth_of_bytes(data, field, max_depth)
    try:
        text = data.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=_integer
        )
    except UnicodeDecodeError:
        raise MalformedError("not UTF-8", field=field) from None
    except RecursionError:
        raise MalformedError(f"deeper than {max_depth}", field=field) from None
    except MalformedError as error:
        raise MalformedError(error.message, field=field) from None
    except ValueError as error:
        raise MalformedError(f"not JSON: {error}", field=field) from None
    return Document(value, is_plain=False)


def read_canonical(data: bytes, *, max_depth: int = MAX_DEPTH) -> Document | None:
    """Parse what is written in canonical form; `None` where it is not.

    Most of what comes is: what is written again as it stood names nothing twice, and every number
    in it is one that we take.
    """
    with suppress(orjson.JSONDecodeError, MalformedError, RecursionError):
        value = orjson.loads(data)
        again, is_plain = _encode(value, max_depth)
        if again == data:
            return Document(value, is_plain)
    return None


def plain_form(part: Any) -> bytes:
    """Give the RFC 8785 bytes of a part of a document that is plain.

    The whole has been checked; nothing is checked again.
    """
    return orjson.dumps(part, option=orjson.OPT_SORT_KEYS)


def canonical(value: Any) -> bytes:
    """Give the RFC 8785 bytes of a value.

    Raises:
        MalformedError: deeper than 32, an integer beyond ±(2^53 − 1), a number that is not
            finite, a lone surrogate, U+0000, or a type that JSON does not have.
    """
    return _encode(value, MAX_DEPTH)[0]


def canonical_form(value: Any) -> tuple[bytes, bool]:
    """Give the RFC 8785 bytes of a value, and whether they read back as that very value.

    They do, unless it holds floats: `1.0` is written as 1.

    Raises:
        MalformedError: as `canonical`.
    """
    return _encode(value, MAX_DEPTH)


def sha256_hex(data: bytes) -> str:
    """Give SHA-256 as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_of(value: Any) -> str:
    """Give the SHA-256 of a value's canonical form."""
    return sha256_hex(canonical(value))


def read_instant(text: str, *, field: str = "time") -> int:
    """Read an RFC 3339 UTC time as nanoseconds since 1970; up to nine fractional digits.

    Raises:
        InvalidError: not such a time.
    """
    try:
        return _instant(text)
    except LookupError:
        raise InvalidError(
            f"“{text[:40]}” is not a UTC time like 2026-11-20T10:05:00.000Z", field=field
        ) from None
    except ValueError as error:
        raise InvalidError(f"“{text[:40]}” is not a time: {error}", field=field) from None


@lru_cache(maxsize=4096)
def _instant(text: str) -> int:
    """Give nanoseconds since 1970; the same few times are read again and again."""
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise LookupError
    since = datetime.fromisoformat(f"{match[1]}+00:00") - _EPOCH
    seconds = since.days * 86_400 + since.seconds
    return seconds * 1_000_000_000 + int((match[2] or "").ljust(9, "0"))


def read_time(text: str, *, field: str = "time") -> datetime:
    """Read an RFC 3339 UTC time to microseconds; finer digits are cut off."""
    return _moment(read_instant(text, field=field))


@lru_cache(maxsize=4096)
def _moment(nanoseconds: int) -> datetime:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


def write_time(moment: datetime) -> str:
    """Write a time as we always do: UTC, three fractional digits, `Z`."""
    moment = moment.astimezone(UTC)
    # `%Y` writes years before 1000 with fewer digits than anybody reads back.
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def version_text(value: Mapping[str, Any]) -> str | None:
    """Give an object's version: `modified`, else `created`, else none.

    Source: wire format, 3.
    """
    version = value.get("modified", value.get("created"))
    return version if isinstance(version, str) else None


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise MalformedError(f"the name “{name[:60]}” stands twice in one object")
            seen.add(name)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedError(f"{name} is not a JSON number")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise MalformedError(f"integer beyond ±{MAX_INTEGER}")
    value = int(digits)
    if abs(value) > MAX_INTEGER:
        raise MalformedError(f"integer beyond ±{MAX_INTEGER}")
    return value


_OPENERS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{\]}]', re.DOTALL)


def _check_depth_of_bytes(data: bytes, field: str, max_depth: int) -> None:
    depth = 0
    if data.count(b"{") + data.count(b"[") <= max_depth:
        return
    for token in _OPENERS.finditer(data):
        char = token.group()
        if char in (b"{", b"["):
            depth += 1
            if depth > max_depth:
                raise MalformedError(f"deeper than {max_depth}", field=field)
        elif char in (b"}", b"]"):
            depth -= 1


def _encode(value: Any, max_depth: int) -> tuple[bytes, bool]:
    plain = _check(value, 1, max_depth)
    try:
        if plain:
            data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
            if data.isascii() and _NUL not in data:
                return data, True
        if _check_texts(value) and plain:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS), True
        return rfc8785.dumps(value), plain
    except orjson.JSONEncodeError as error:
        _check_texts(value)
        raise MalformedError(f"no canonical form: {error}") from None
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise MalformedError(f"no canonical form: {error}") from None


def _check(value: Any, depth: int, max_depth: int) -> bool:
    """Check depth, numbers and types; tell whether the fast encoder writes every number right.

    Texts are looked at when they are written: they are most of what there is.
    """
    if isinstance(value, dict | list):
        if depth > max_depth:
            raise MalformedError(f"deeper than {max_depth}")
        plain = True
        for item in value if isinstance(value, list) else value.values():
            if type(item) is not str and not _check(item, depth + 1, max_depth):
                plain = False
        return plain
    if value is None or isinstance(value, bool | str):
        return True
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise MalformedError(f"integer beyond ±{MAX_INTEGER}")
        return True
    if isinstance(value, float):
        if not math.isfinite(value):
            raise MalformedError("a number that is not finite")
        if MAX_INTEGER < abs(value) < _FIRST_EXPONENT:
            # RFC 8785 writes it in digits alone: read again, it would be such an integer.
            raise MalformedError(f"integer beyond ±{MAX_INTEGER}")
        return False
    raise MalformedError(f"JSON has no {type(value).__name__}")


def _check_texts(value: Any) -> bool:
    """Check names and texts; tell whether code points and UTF-16 units sort all names alike."""
    alike = True
    for name in _names(value):
        if not isinstance(name, str):
            raise MalformedError("a name that is not a string")
        alike = alike and (name.isascii() or max(name) <= "\ud7ff")
    return alike


def _names(value: Any) -> Iterator[object]:
    """Give every name in a value; refuse U+0000 in names and texts alike."""
    if isinstance(value, str):
        if "\x00" in value:
            raise MalformedError("U+0000 in a string")
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from _names(name)
            yield from _names(item)

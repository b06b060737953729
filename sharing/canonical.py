"""I-JSON in, RFC 8785 bytes and SHA-256 out: the only bytes that are hashed, signed or stored.

Source: RFC 8785; RFC 7493; wire format, 1.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import orjson
import rfc8785

from policies.errors import InvalidError, TooLargeError

MAX_DEPTH: Final = 32
MAX_INTEGER: Final = 2**53 - 1
MAX_DIGITS: Final = 17
OBJECT_LIMIT_BYTES: Final = 1024 * 1024
BUNDLE_LIMIT_BYTES: Final = 4 * 1024 * 1024

_FIRST_EXPONENT: Final = 1e21  # from here on a number's canonical form has an exponent
_INSTANT: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?Z", re.ASCII
)


class MalformedError(InvalidError):
    """Bytes that are not I-JSON, too deep, or otherwise not canonicalisable."""


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
    if len(data) > limit_bytes:
        message = f"{len(data)} bytes are more than the {limit_bytes} allowed"
        raise TooLargeError(message, field=field)
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
    return value


def canonical(value: Any) -> bytes:
    """Give the RFC 8785 bytes of a value.

    Raises:
        MalformedError: deeper than 32, an integer beyond ±(2^53 − 1), a number that is not
            finite, a lone surrogate, U+0000, or a type that JSON does not have.
    """
    plain = _check(value, 1)
    try:
        if plain:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, orjson.JSONEncodeError, UnicodeError) as error:
        raise MalformedError(f"no canonical form: {error}") from None


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
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise InvalidError(
            f"“{text[:40]}” is not a UTC time like 2026-11-20T10:05:00.000Z", field=field
        )
    *parts, fraction = match.groups()
    try:
        whole = datetime(*(int(part) for part in parts), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError as error:
        raise InvalidError(f"“{text[:40]}” is not a time: {error}", field=field) from None
    seconds = int((whole - _EPOCH).total_seconds())
    return seconds * 1_000_000_000 + int((fraction or "").ljust(9, "0"))


def read_time(text: str, *, field: str = "time") -> datetime:
    """Read an RFC 3339 UTC time to microseconds; finer digits are cut off."""
    nanoseconds = read_instant(text, field=field)
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


def write_time(moment: datetime) -> str:
    """Write a time as we always do: UTC, three fractional digits, `Z`."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


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


def _check(value: Any, depth: int) -> bool:
    """Check a value; tell whether the fast encoder writes its RFC 8785 form."""
    if isinstance(value, str):
        return _check_text(value)
    if isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            raise MalformedError(f"deeper than {MAX_DEPTH}")
        items = value if isinstance(value, list) else value.values()
        plain = [_check(item, depth + 1) for item in items]
        if isinstance(value, dict):
            plain += [_check_name(name) for name in value]
        return all(plain)
    if value is None or isinstance(value, bool):
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


def _check_text(text: str) -> bool:
    if "\x00" in text:
        raise MalformedError("U+0000 in a string")
    return True


def _check_name(name: object) -> bool:
    """Check a name; tell whether code points and UTF-16 units sort it alike."""
    if not isinstance(name, str):
        raise MalformedError("a name that is not a string")
    return _check_text(name) and (name.isascii() or max(name) <= "\ud7ff")

"""What an owner refuses of objects that others write, before anybody has to look at them.

These are rules of admission, stricter than the constants of the protocol: whoever verifies a
ledger never asks them.

Source: stix-2.1-sharing, 9 (S9-01 to S9-13); STIX 2.1, 2.12 and 3.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from policies.errors import InvalidError, TooLargeError
from sharing.canonical import read_time

LIST_LENGTH: Final = 10_000
DICTIONARY_KEYS: Final = 1_000
STRING_BYTES: Final = 256 * 1024
PATTERN_BYTES: Final = 8 * 1024
REFERENCES: Final = 5_000
CLOCK_TOLERANCE: Final = timedelta(minutes=5)

_LONG_TEXT: Final = frozenset({"payload_bin", "playbook_bin"})
_RESERVED: Final = frozenset({"severity", "username", "phone_number", "action"})


def read_stix_limits(value: Mapping[str, Any], *, now: datetime) -> None:
    """Refuse an object that is larger, wider or later than we take from others.

    Raises:
        TooLargeError: a list, dictionary, text or pattern beyond its limit; the path says which.
        InvalidError: `null`, an empty list, a reserved name, or a version from the future.
    """
    for name in _RESERVED & value.keys():
        raise InvalidError(f"STIX reserves the name “{name}”", field=name)
    pattern = value.get("pattern")
    if isinstance(pattern, str) and len(pattern.encode()) > PATTERN_BYTES:
        raise TooLargeError(f"a pattern has at most {PATTERN_BYTES} bytes", field="pattern")
    _check_times(value, now)
    if _walk(value, "") > REFERENCES:
        raise TooLargeError(f"an object has at most {REFERENCES} references", field="object")


def _check_times(value: Mapping[str, Any], now: datetime) -> None:
    times = {
        name: read_time(text, field=name)
        for name in ("created", "modified")
        if isinstance(text := value.get(name), str)
    }
    for name, moment in times.items():
        if moment > now + CLOCK_TOLERANCE:
            raise InvalidError(
                f"“{name}” lies in the future",
                field=name,
                hint="Check the clock of the system that wrote it.",
            )
    if "created" in times and times.get("modified", times["created"]) < times["created"]:
        raise InvalidError("“modified” lies before “created”", field="modified")


def _walk(value: Any, path: str) -> int:
    """Check a value and all within; give the number of references in it."""
    if value is None:
        raise InvalidError("STIX has no null", field=path)
    if isinstance(value, str):
        long_text = path.rpartition(".")[2] in _LONG_TEXT
        if not long_text and len(value.encode()) > STRING_BYTES:
            raise TooLargeError(f"a text has at most {STRING_BYTES} bytes", field=path)
        return 0
    if isinstance(value, Mapping):
        return _walk_mapping(value, path)
    if isinstance(value, list):
        if not value:
            raise InvalidError("STIX has no empty lists", field=path)
        if len(value) > LIST_LENGTH:
            raise TooLargeError(f"a list has at most {LIST_LENGTH} items", field=path)
        return sum(_walk(item, f"{path}[{index}]") for index, item in enumerate(value))
    return 0


def _walk_mapping(value: Mapping[str, Any], path: str) -> int:
    if len(value) > DICTIONARY_KEYS:
        raise TooLargeError(f"a dictionary has at most {DICTIONARY_KEYS} keys", field=path)
    references = 0
    for name, item in value.items():
        if name.endswith("_refs") and isinstance(item, list):
            references += len(item)
        elif name.endswith("_ref"):
            references += 1
        references += _walk(item, f"{path}.{name}" if path else name)
    return references

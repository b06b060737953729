"""Query parameters of TAXII requests: read strictly, and `next` proven before it is believed.

Source: TAXII 2.1, 3.4.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from policies.errors import InvalidError
from sharing.canonical import MAX_INTEGER, read_instant
from sharing.collections import PAGE_LIMIT
from sharing.objects import is_stix_id
from sharing.selection import Filters, Pick, Versions

PAGING: Final = frozenset({"added_after", "limit", "next"})
OBJECTS: Final = PAGING | {"match[id]", "match[type]", "match[version]", "match[spec_version]"}
ONE_OBJECT: Final = PAGING | {"match[version]", "match[spec_version]"}
VERSIONS: Final = PAGING | {"match[spec_version]"}

VALUES_LIMIT: Final = 1000
TYPES_LIMIT: Final = 100
_CURSOR_BYTES: Final = 8
_MAC_BYTES: Final = 16  # together a multiple of three: no padding
_DIGITS: Final = re.compile(r"[0-9]{1,17}", re.ASCII)
_TYPE: Final = re.compile(r"[a-z0-9-]{1,250}", re.ASCII)
_SPEC_VERSION: Final = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Query:
    """What a request asks for.

    Args:
        filters: with `after` from `added_after` alone; `next` moves it on.
        limit: never above our own.
    """

    filters: Filters
    limit: int
    next: str | None


@dataclass(frozen=True, slots=True)
class Cursors:
    """Makes `next` and takes it back: bound to collection, caller, endpoint and filters.

    It holds nothing secret, and what may be read is judged anew for each page.
    """

    key: bytes

    def make(self, place: Sequence[str], filters: Filters, after: int) -> str:
        """Write the `next` that goes on after this `date_added`."""
        position = after.to_bytes(_CURSOR_BYTES, "big")
        data = position + self._mac(place, filters, position)
        return base64.urlsafe_b64encode(data).decode("ascii")

    def read(self, text: str, place: Sequence[str], filters: Filters) -> int:
        """Read a `next` that we made for exactly this place and these filters.

        Raises:
            InvalidError: it is none, or was made for something else.
        """
        try:
            data = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError, ValueError):
            data = b""
        position, mac = data[:_CURSOR_BYTES], data[_CURSOR_BYTES:]
        if not hmac.compare_digest(mac, self._mac(place, filters, position)):
            raise InvalidError(
                "this “next” was not made for this request",
                field="next",
                hint="Send it with the same filters, or begin again without it.",
            )
        return int.from_bytes(position, "big")

    def _mac(self, place: Sequence[str], filters: Filters, position: bytes) -> bytes:
        asked = [
            *place,
            filters.after,
            sorted(filters.ids),
            sorted(filters.types),
            sorted(filters.spec_versions),
            filters.versions.every,
            sorted(filters.versions.picks),
            sorted(filters.versions.instants),
        ]
        message = position + json.dumps(asked).encode()
        return hmac.digest(self.key, message, "sha256")[:_MAC_BYTES]


def read_query(parameters: Mapping[str, Sequence[str]], allowed: frozenset[str]) -> Query:
    """Read the parameters that an endpoint defines; others are not looked at.

    Raises:
        InvalidError: given twice, empty, or not of its form.
    """
    given: dict[str, str] = {}
    for name in sorted(allowed & parameters.keys()):
        values = parameters[name]
        if len(values) > 1:
            raise InvalidError(f"“{name}” is given more than once", field=name)
        if not values[0]:
            raise InvalidError(f"“{name}” is empty", field=name)
        given[name] = values[0]
    after = -1
    if "added_after" in given:
        after = max(-1, read_instant(given["added_after"], field="added_after") // 1000)
    filters = Filters(
        after=after,
        ids=_read_ids(given.get("match[id]")),
        types=_read_set(given.get("match[type]"), "match[type]", _TYPE, TYPES_LIMIT),
        spec_versions=_read_set(
            given.get("match[spec_version]"), "match[spec_version]", _SPEC_VERSION, TYPES_LIMIT
        ),
        versions=_read_versions(given.get("match[version]")),
    )
    return Query(filters, _read_limit(given.get("limit")), given.get("next"))


def go_on(query: Query, cursors: Cursors, place: Sequence[str]) -> Filters:
    """Give the filters from where `next` says, or from the start."""
    if query.next is None:
        return query.filters
    after = cursors.read(query.next, place, query.filters)
    return replace(query.filters, after=max(after, query.filters.after))


def _read_limit(text: str | None) -> int:
    if text is None:
        return PAGE_LIMIT
    if _DIGITS.fullmatch(text) is None or not 0 < int(text) <= MAX_INTEGER:
        raise InvalidError("“limit” is a positive integer", field="limit")
    return min(int(text), PAGE_LIMIT)


def _split(text: str, name: str, limit: int) -> list[str]:
    values = text.split(",")
    if "" in values:
        raise InvalidError(f"“{name}” has an empty value", field=name)
    if len(values) > limit:
        raise InvalidError(f"“{name}” takes at most {limit} values", field=name)
    return values


def _read_ids(text: str | None) -> frozenset[str]:
    if text is None:
        return frozenset()
    values = _split(text, "match[id]", VALUES_LIMIT)
    for value in values:
        if not is_stix_id(value):
            raise InvalidError(f"“{value[:60]}” is no STIX id", field="match[id]")
    return frozenset(values)


def _read_set(text: str | None, name: str, pattern: re.Pattern[str], limit: int) -> frozenset[str]:
    if text is None:
        return frozenset()
    values = _split(text, name, limit)
    for value in values:
        if pattern.fullmatch(value) is None:
            raise InvalidError(f"“{value[:60]}” is no value for “{name}”", field=name)
    return frozenset(values)


def _read_versions(text: str | None) -> Versions:
    if text is None:
        return Versions.last()
    values = _split(text, "match[version]", TYPES_LIMIT)
    if "all" in values:
        if len(values) > 1:
            raise InvalidError("“all” stands alone", field="match[version]")
        return Versions.all()
    picks, instants = set(), set()
    for value in values:
        if value in (Pick.FIRST, Pick.LAST):
            picks.add(Pick(value))
        else:
            instants.add(read_instant(value, field="match[version]"))
    return Versions(picks=frozenset(picks), instants=frozenset(instants))

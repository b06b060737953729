"""What patterns look for, as the rule of likeness takes it.

Source: domain, 2 (*Detect and report*); STIX 2.1, 9.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from policies.likeness import Thing
from sharing.formats.patterns import read_simple
from sharing.formats.recognised import Kind
from sharing.formats.urls import read_url
from sharing.limits import PATTERN_BYTES

HOST_CHARACTERS: Final = 255
_HOSTS: Final = frozenset({Kind.DOMAIN, Kind.IPV4, Kind.IPV6})
_EITHER_SCHEME: Final = re.compile(r"\[url:value IN \('(http://[^'\\]*)', 'https://[^'\\]*'\)\]")
_TRAFFIC: Final = re.compile(r"network-traffic:(?:dst|src)_ref\.value = '([^'\\]{1,255})'")


def sought(pattern: str) -> str | None:
    """Give what two indicators that look for the same have in common; `None` for no pattern.

    Patterns themselves are longer than an index of a database takes.
    """
    words = pattern.strip()
    return hashlib.sha256(words.encode()).hexdigest() if words else None


def thing_of(pattern: str, key: str | None = None) -> Thing | None:
    """Give what a pattern looks for; `None` for no pattern.

    Args:
        key: where that is kept already: of a long pattern, only the beginning is.
    """
    key = key or sought(pattern)
    if key is None:
        return None
    host, is_host = _host(pattern.strip())
    return Thing(key, host, is_host=is_host)


def things_of(patterns: Iterable[str]) -> frozenset[Thing]:
    """Give what patterns look for, each thing once."""
    return frozenset(one for one in map(thing_of, patterns) if one is not None)


def host_of(pattern: str) -> str | None:
    """Give the name or address that the thing lies on, or is."""
    return _host(pattern.strip())[0]


def _host(pattern: str) -> tuple[str | None, bool]:
    if len(pattern) > PATTERN_BYTES:
        return None, False
    simple = read_simple(pattern)
    if simple is not None:
        kind, value = simple
        if kind in _HOSTS:
            return _kept(value), True
        return (_host_in(value), False) if kind is Kind.URL else (None, False)
    if match := _EITHER_SCHEME.fullmatch(pattern):
        return _host_in(match[1]), False
    found = _TRAFFIC.search(pattern)
    return (_kept(found[1]), False) if found else (None, False)


def _host_in(url: str) -> str | None:
    read = read_url(url)
    return _kept(read.host.value) if read is not None and read.host is not None else None


def _kept(host: str) -> str | None:
    return host.lower() if 0 < len(host) <= HOST_CHARACTERS else None

"""STIX patterns of single things, with every value quoted; and back, where they are that simple.

Source: STIX 2.1, 9 (patterning) and 6 (observable objects).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from sharing.formats.recognised import Kind
from sharing.limits import PATTERN_BYTES

HASH_NAMES: Final[Mapping[Kind, str]] = {
    Kind.SHA512: "SHA-512",
    Kind.SHA3_512: "SHA3-512",
    Kind.SHA256: "SHA-256",
    Kind.SHA3_256: "SHA3-256",
    Kind.SHA1: "SHA-1",
    Kind.MD5: "MD5",
}
"""Those that STIX knows and that are compared for being equal, the strongest first."""

_PATHS: Final[Mapping[Kind, str]] = {
    Kind.DOMAIN: "domain-name:value",
    Kind.EMAIL: "email-addr:value",
    Kind.MAC: "mac-addr:value",
    Kind.MUTEX: "mutex:name",
    Kind.REGISTRY_KEY: "windows-registry-key:key",
    Kind.USER_AGENT: ("network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'"),
    # STIX has no wallets; this is what common software calls them.
    Kind.BITCOIN: "cryptocurrency-wallet:value",
}
_ADDRESSES: Final[Mapping[Kind, str]] = {Kind.IPV4: "ipv4-addr", Kind.IPV6: "ipv6-addr"}


def pattern_of(kind: Kind, value: str) -> str:
    """Give the pattern that matches one thing of those kinds that are a single value.

    Args:
        value: well formed for its kind.
    """
    if kind in _ADDRESSES:
        return within(comparison(*_address(kind, value)))
    if kind in HASH_NAMES:
        return of_hashes([(kind, value)])
    if kind is Kind.URL:
        return of_url(value)
    if kind is Kind.AS_NUMBER:
        return within(f"autonomous-system:number = {int(value.upper().removeprefix('AS'))}")
    if kind is Kind.FILE_NAME:
        return within(equals("file:name", value))
    if kind is Kind.FILE_PATH:
        return of_path(value)
    return within(equals(_PATHS[kind], value))


def of_hashes(hashes: Sequence[tuple[Kind, str]]) -> str:
    """Give the pattern of a file by any of its hashes, the strongest first."""
    order = list(HASH_NAMES)
    ranked = sorted(dict.fromkeys(hashes), key=lambda one: order.index(one[0]))
    comparisons = [equals(f"file:hashes.'{HASH_NAMES[kind]}'", value) for kind, value in ranked]
    return within(" OR ".join(comparisons))


def of_certificate(kind: Kind, fingerprint: str) -> str:
    """Give the pattern of a certificate by its fingerprint, which is a hash of this kind."""
    return within(equals(f"x509-certificate:hashes.'{HASH_NAMES[kind]}'", fingerprint))


def of_url(url: str) -> str:
    """Give the pattern of a URL; one that was written without scheme is sought under both."""
    if "://" in url:
        return within(equals("url:value", url))
    both = ", ".join(quote(f"{scheme}://{url}") for scheme in ("http", "https"))
    return within(f"url:value IN ({both})")


def of_path(path: str) -> str:
    """Give the pattern of a file in its directory; of Windows, where it has backslashes."""
    directory, _, name = path.rpartition("\\" if "\\" in path else "/")
    return within(
        f"{equals('file:name', name)} AND {equals('file:parent_directory_ref.path', directory)}"
    )


def of_endpoint(kind: Kind, host: str, port: int, *, side: str = "dst") -> str:
    """Give the pattern of traffic to a host and port, or with `side="src"` from one."""
    address_type = _ADDRESSES.get(kind, "domain-name")
    return within(
        f"{equals(f'network-traffic:{side}_ref.type', address_type)}"
        f" AND {equals(f'network-traffic:{side}_ref.value', host)}"
        f" AND network-traffic:{side}_port = {port}"
    )


def within(comparisons: str) -> str:
    """Make an observation of comparisons."""
    return f"[{comparisons}]"


def equals(path: str, value: str) -> str:
    """Compare the value at a path for being equal."""
    return comparison(path, "=", value)


def comparison(path: str, operator: str, value: str) -> str:
    """Compare the value at a path."""
    return f"{path} {operator} {quote(value)}"


def quote(value: str) -> str:
    """Give a value as a string of a pattern: backslashes and quotes escaped, nothing else."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _address(kind: Kind, value: str) -> tuple[str, str, str]:
    """Give path, operator and value: a network matches all its addresses."""
    return f"{_ADDRESSES[kind]}:value", "ISSUBSET" if "/" in value else "=", value


_COMPARISON: Final = re.compile(
    r"(?P<path>[a-z0-9-]{3,250}:[A-Za-z0-9_.'-]{1,250}) (?:=|ISSUBSET) "
    r"'(?P<value>(?:[^'\\]++|\\.)*+)'",
    re.DOTALL,
)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)

_KINDS: Final[Mapping[str, Kind]] = {
    **{path: kind for kind, path in _PATHS.items()},
    **{f"{name}:value": kind for kind, name in _ADDRESSES.items()},
    **{f"file:hashes.'{name}'": kind for kind, name in HASH_NAMES.items()},
    **{f"file:hashes.{name}": kind for kind, name in HASH_NAMES.items() if "-" not in name},
    "file:name": Kind.FILE_NAME,
    "url:value": Kind.URL,
}


def read_simple(pattern: str) -> tuple[Kind, str] | None:
    """Tell what a pattern is about: one thing, or one file by any of its hashes.

    Everything else is a pattern and no more; nothing is parsed that somebody could make deep.
    """
    pattern = pattern.strip()
    if len(pattern) > PATTERN_BYTES or not (pattern.startswith("[") and pattern.endswith("]")):
        return None
    inner = pattern[1:-1].strip()
    found: list[tuple[Kind, str]] = []
    position = 0
    while match := _COMPARISON.match(inner, position):
        kind = _KINDS.get(match["path"])
        if kind is None:
            return None
        found.append((kind, _ESCAPED.sub(r"\1", match["value"])))
        position = match.end()
        if position == len(inner):
            return _one_thing(found)
        if not inner.startswith(" OR ", position):
            return None
        position += len(" OR ")
    return None


def _one_thing(found: Sequence[tuple[Kind, str]]) -> tuple[Kind, str] | None:
    if len(found) == 1:
        return found[0]
    if all(kind in HASH_NAMES for kind, _ in found):
        order = list(HASH_NAMES)
        return min(found, key=lambda one: order.index(one[0]))
    return None

"""One word of a text: what it is, and why it is not taken for that.

Each word is looked at a bounded number of times, whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sharing.formats import bitcoin
from sharing.formats.files import is_file, may_be_file, read_file_name, read_unix_path
from sharing.formats.hosts import Host, read_ipv4, read_ipv6, read_name
from sharing.formats.known import EMPTY_FILE_HASHES, PRODUCTS, Reason
from sharing.formats.patterns import of_endpoint, pattern_of
from sharing.formats.recognised import ContextKind, Kind
from sharing.formats.urls import MARK, read_endpoint, read_url

_HEX: Final = re.compile(r"[0-9a-f]+", re.ASCII | re.IGNORECASE)
_HASH_LENGTHS: Final[Mapping[int, Kind]] = {
    32: Kind.MD5,
    40: Kind.SHA1,
    64: Kind.SHA256,
    128: Kind.SHA512,
}
_OTHER_HASH_LENGTHS: Final = frozenset({56, 96})
_CVE: Final = re.compile(r"CVE-\d{4}-\d{4,7}", re.ASCII | re.IGNORECASE)
_TECHNIQUE: Final = re.compile(r"T[01]\d{3}(?:\.\d{3})?", re.ASCII)
_AS_NUMBER: Final = re.compile(r"ASN?(\d{1,10})", re.ASCII)
_AS_RANGES: Final = (
    range(1, 23456),
    range(23457, 64496),
    range(131072, 4_200_000_000),
)
"""Those that somebody can have. Source: IANA, *Autonomous System (AS) Numbers*."""
_SHORT_AS_NUMBER: Final = 3
_VERSION: Final = re.compile(r"v\d{1,9}(?:\.\d{1,9}){3}", re.ASCII | re.IGNORECASE)
_LOCAL_PART: Final = re.compile(r"[\w.%+-]{1,64}")
_PACKAGE_ROOTS: Final = frozenset({"com", "net", "org"})
_BEFORE_TLD: Final = -2

Doubt = Reason | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a word is.

    Args:
        pattern: empty for what is context.
        reason: why it is not taken.
    """

    kind: Kind | ContextKind
    value: str
    pattern: str = ""
    reason: Doubt = None


def read_word(word: str, *, was_defanged: bool, follows: str) -> Seen | None:
    """Tell what a word is; `None` where it is nothing that is looked for.

    Args:
        was_defanged: its author made it harmless, and so meant it as an indicator.
        follows: the character behind it.
    """
    if "@" in word:
        return _email(word, was_defanged=was_defanged)
    if word.isalnum():
        return _hash(word) or _identifier(word) or _coin(word)
    if ":" in word:
        return _with_colons(word, was_defanged=was_defanged, follows=follows)
    if word[0] in "/~":
        path = read_unix_path(word)
        return None if path is None else _seen(Kind.FILE_PATH, *path)
    if "." in word:
        return _dotted(word, was_defanged=was_defanged, follows=follows)
    return _identifier(word)


def _seen(kind: Kind, value: str, reason: Doubt) -> Seen:
    return Seen(kind, value, "" if reason else pattern_of(kind, value), reason)


def _email(word: str, *, was_defanged: bool) -> Seen | None:
    local, _, domain = word.rpartition("@")
    host = read_name(domain)
    if host is None or _LOCAL_PART.fullmatch(local) is None:
        return None
    reason = host.reason
    if reason is Reason.WELL_KNOWN or (was_defanged and reason is Reason.REFERENCE):
        reason = None
    return _seen(Kind.EMAIL, f"{local}@{host.value}", reason)


def _hash(word: str) -> Seen | None:
    kind = _HASH_LENGTHS.get(len(word))
    if (kind is None and len(word) not in _OTHER_HASH_LENGTHS) or not _HEX.fullmatch(word):
        return None
    value = word.lower()
    if len(set(value)) == 1:
        reason: Doubt = Reason.PLACEHOLDER
    elif kind is None or value.isdigit():
        reason = Reason.OTHER_HASH
    else:
        reason = Reason.EMPTY_FILE if value in EMPTY_FILE_HASHES else None
    return _seen(kind or Kind.SHA256, value, reason)


def _identifier(word: str) -> Seen | None:
    if _CVE.fullmatch(word):
        return Seen(ContextKind.VULNERABILITY, word.upper())
    if _TECHNIQUE.fullmatch(word):
        return Seen(ContextKind.TECHNIQUE, word)
    match = _AS_NUMBER.fullmatch(word)
    if match is None or (len(match[1]) < _SHORT_AS_NUMBER and word[2] != "N"):
        return None  # AS2 is a protocol
    if word.lower() in PRODUCTS:
        return Seen(Kind.AS_NUMBER, word, reason=Reason.PRODUCT)
    return as_number(match[1])


def as_number(digits: str) -> Seen:
    """Read the number of an autonomous system."""
    number = int(digits)
    is_somebodys = any(number in numbers for numbers in _AS_RANGES)
    return _seen(Kind.AS_NUMBER, f"AS{number}", None if is_somebodys else Reason.PRIVATE_AS)


def _coin(word: str) -> Seen | None:
    if not bitcoin.looks_like_address(word):
        return None
    return _seen(Kind.BITCOIN, word, None if bitcoin.checksum_holds(word) else Reason.CHECKSUM)


def _with_colons(word: str, *, was_defanged: bool, follows: str) -> Seen | None:
    host = read_ipv6(word)
    if host is not None:
        return _seen(host.kind, host.value, host.reason)
    if "/" in word:
        return _url_without_scheme(word, was_defanged=was_defanged, follows=follows)
    endpoint = read_endpoint(word)
    if endpoint is None:
        return None
    host, port = endpoint
    reason = _doubt(host, word.partition(":")[0], was_defanged=was_defanged, follows=follows)
    if port == 0:
        reason = Reason.PORT
    if reason is Reason.UNKNOWN_TLD and not was_defanged:
        return None
    shown = f"[{host.value}]:{port}" if host.kind is Kind.IPV6 else f"{host.value}:{port}"
    if reason:
        return Seen(host.kind, word, reason=reason)
    return Seen(Kind.ENDPOINT, shown, of_endpoint(host.kind, host.value, port))


def _dotted(word: str, *, was_defanged: bool, follows: str) -> Seen | None:
    host = read_ipv4(word)
    if host is not None:
        return _seen(host.kind, host.value, host.reason)
    if "/" in word:
        return _url_without_scheme(word, was_defanged=was_defanged, follows=follows)
    if _VERSION.fullmatch(word):
        return Seen(Kind.IPV4, word, reason=Reason.VERSION)
    first, dash, last = word.partition("-")
    if dash and read_ipv4(first) and read_ipv4(last):
        return Seen(Kind.IPV4, word, reason=Reason.ADDRESS_RANGE)
    if _TECHNIQUE.fullmatch(word):
        return Seen(ContextKind.TECHNIQUE, word)
    return _name_or_file(word, was_defanged=was_defanged, follows=follows)


def _name_or_file(word: str, *, was_defanged: bool, follows: str) -> Seen | None:
    host, file = read_name(word), read_file_name(word)
    if file is not None and (
        host is None
        or host.reason is Reason.UNKNOWN_TLD
        or (is_file(host.value) and not was_defanged)
    ):
        return _seen(Kind.FILE_NAME, *file)
    if host is None or (host.reason is Reason.UNKNOWN_TLD and not was_defanged):
        return None
    reason = _doubt(host, word, was_defanged=was_defanged, follows=follows)
    return _seen(host.kind, host.value, reason)


def _url_without_scheme(word: str, *, was_defanged: bool, follows: str) -> Seen | None:
    url = None if MARK in word else read_url(word)
    if url is None or url.host is None or not url.has_path:
        return None  # or with a scheme that no URL here has: its pieces are looked at
    name = word.partition("/")[0].partition(":")[0]
    reason = _doubt(url.host, name, was_defanged=was_defanged, follows=follows)
    if reason is Reason.UNKNOWN_TLD and not was_defanged:
        return None
    if url.reason is Reason.PORT:
        reason = Reason.PORT
    elif reason is Reason.WELL_KNOWN:
        reason = None
    return _seen(Kind.URL, url.value, reason)


def _doubt(host: Host, name: str, *, was_defanged: bool, follows: str) -> Doubt:
    """Tell why a host is not taken where it stands."""
    if was_defanged:
        return None if host.reason is Reason.REFERENCE else host.reason
    if host.kind is not Kind.DOMAIN or host.reason is not None:
        return host.reason
    labels = name.split(".")
    if host.value in PRODUCTS:
        return Reason.PRODUCT
    if may_be_file(host.value):
        return Reason.FILE_OR_DOMAIN
    if follows == "(" or (labels[0].lower() in _PACKAGE_ROOTS and len(labels) > 2):  # noqa: PLR2004 - `com.name`
        return Reason.CODE
    before, last = labels[_BEFORE_TLD], labels[-1]
    return Reason.SENTENCES if last.istitle() and before[-1].islower() else None

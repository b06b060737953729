"""Who can be reached: addresses, networks and names, and why some of them are nobody's.

Names are held against the Public Suffix List as `publicsuffixlist` brings it along; nothing is
fetched.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from sharing.formats.known import REFERENCES, RESOLVERS, WELL_KNOWN, Reason
from sharing.formats.recognised import Kind

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

MAX_NAME: Final = 253
MAX_LABEL: Final = 63
_WIDEST_IPV4: Final = 8
_WIDEST_IPV6: Final = 16
_MAX_IPV6_TEXT: Final = 49
"""With a prefix length; a longer text is no address."""

_QUAD: Final = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)
_PREFIX: Final = re.compile(r"\d{1,3}", re.ASCII)
_BYTE: Final = 255
_NETWORKS: Final = {
    4: (
        (ipaddress.ip_network("10.0.0.0/8"), Reason.PRIVATE),
        (ipaddress.ip_network("100.64.0.0/10"), Reason.PRIVATE),
        (ipaddress.ip_network("172.16.0.0/12"), Reason.PRIVATE),
        (ipaddress.ip_network("192.168.0.0/16"), Reason.PRIVATE),
        (ipaddress.ip_network("192.0.2.0/24"), Reason.DOCUMENTATION),
        (ipaddress.ip_network("198.51.100.0/24"), Reason.DOCUMENTATION),
        (ipaddress.ip_network("203.0.113.0/24"), Reason.DOCUMENTATION),
    ),
    6: (
        (ipaddress.ip_network("fc00::/7"), Reason.PRIVATE),
        (ipaddress.ip_network("2001:db8::/32"), Reason.DOCUMENTATION),
        (ipaddress.ip_network("3fff::/20"), Reason.DOCUMENTATION),
    ),
}
"""Source: RFC 1918, 4193, 5737, 6598, 3849 and 9637."""

_SPECIAL_NAMES: Final = frozenset(
    {
        "alt", "arpa", "corp", "home", "internal", "invalid", "lan", "local", "localdomain",
        "localhost", "test",
    }
)  # fmt: skip
_EXAMPLE_NAMES: Final = frozenset({"example.com", "example.net", "example.org", "example"})


@dataclass(frozen=True, slots=True)
class Host:
    """An address, a network or a name that is well formed.

    Args:
        reason: why it is not taken for itself.
    """

    kind: Kind
    value: str
    reason: Reason | None = None


def read_host(text: str) -> Host | None:
    """Read an address or a name; `None` where it is neither by its form."""
    return read_ipv4(text) or read_ipv6(text) or read_name(text)


def read_ipv4(text: str) -> Host | None:
    """Read an IPv4 address or network."""
    address, slash, prefix = text.partition("/")
    quad = _QUAD.fullmatch(address)
    if quad is None or (slash and _PREFIX.fullmatch(prefix) is None):
        return None
    numbers = quad.groups()
    if any(int(number) > _BYTE for number in numbers) or (slash and int(prefix) > 32):  # noqa: PLR2004 - bits
        return Host(Kind.IPV4, text, Reason.NO_IPV4)
    if any(len(number) > 1 and number[0] == "0" for number in numbers):
        return Host(Kind.IPV4, text, Reason.LEADING_ZERO)
    reason = _reason_of(ipaddress.IPv4Address(address))
    if slash and int(prefix) < _WIDEST_IPV4:
        reason = Reason.WIDE
    return Host(Kind.IPV4, text, reason)


def read_ipv6(text: str) -> Host | None:
    """Read an IPv6 address or network; it is written as RFC 5952 has it."""
    if text.count(":") < 2 or len(text) > _MAX_IPV6_TEXT or "%" in text:  # noqa: PLR2004 - as in `::`
        return None
    address, slash, prefix = text.partition("/")
    if slash and (_PREFIX.fullmatch(prefix) is None or int(prefix) > 128):  # noqa: PLR2004 - bits
        return None
    try:
        parsed = ipaddress.IPv6Address(address)
    except ValueError:
        return None
    reason = _reason_of(parsed)
    if slash and int(prefix) < _WIDEST_IPV6:
        reason = Reason.WIDE
    return Host(Kind.IPV6, f"{parsed.compressed}{slash}{prefix}", reason)


def read_name(text: str) -> Host | None:
    """Read a domain name of at least two labels, in lower case."""
    if len(text) > MAX_NAME or "." not in text:
        return None
    name = text.lower()
    labels = name.split(".")
    if not all(_is_label(label) for label in labels) or not _may_be_tld(labels[-1]):
        return None
    if not name.isascii() and not _encodes(name):
        return None
    return Host(Kind.DOMAIN, name, _reason_of_name(name, labels))


def is_known_tld(label: str) -> bool:
    """Tell whether there is such a top-level domain."""
    return _suffix_of_tld(label.lower()) is not None


def read_port(text: str) -> int | None:
    """Read a port; `None` where it is none."""
    if not (1 <= len(text) <= 5 and text.isascii() and text.isdigit()):  # noqa: PLR2004 - digits of 65535
        return None
    port = int(text)
    return port if 0 < port <= 65535 else None  # noqa: PLR2004 - the highest port


def _reason_of(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Reason | None:
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return _reason_of(mapped)
    if address.is_loopback:
        return Reason.LOOPBACK
    for network, reason in _NETWORKS[address.version]:
        if address in network:
            return reason
    if not address.is_global or address.is_multicast or address.is_reserved:
        return Reason.SPECIAL
    return Reason.RESOLVER if address.compressed in RESOLVERS else None


def _reason_of_name(name: str, labels: list[str]) -> Reason | None:
    if ".".join(labels[-2:]) in _EXAMPLE_NAMES or labels[-1] in _EXAMPLE_NAMES:
        return Reason.DOCUMENTATION
    if labels[-1] in _SPECIAL_NAMES:
        return Reason.SPECIAL
    if not is_known_tld(labels[-1]):
        return Reason.UNKNOWN_TLD
    if any(".".join(labels[start:]) in REFERENCES for start in range(len(labels))):
        return Reason.REFERENCE
    if name.removeprefix("www.") in WELL_KNOWN:
        return Reason.WELL_KNOWN
    if _public_suffixes().privatesuffix(name) is None:
        return Reason.PUBLIC_SUFFIX
    return None


def _is_label(label: str) -> bool:
    if not 0 < len(label) <= MAX_LABEL or label[0] == "-" or label[-1] == "-":
        return False
    return label.replace("-", "").replace("_", "").isalnum()


def _may_be_tld(label: str) -> bool:
    return len(label) > 1 and (label.isalpha() or label.startswith("xn--"))


def _encodes(name: str) -> bool:
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return True


@lru_cache(maxsize=4096)
def _suffix_of_tld(label: str) -> str | None:
    return _public_suffixes().publicsuffix(label)


@cache
def _public_suffixes() -> PublicSuffixList:
    # Late: reading the list takes a while, and most of what a node does never asks.
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415

    return PublicSuffixList(accept_unknown=False)

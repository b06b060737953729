"""Base URLs: an origin without path, in its one spelling, and whether we may talk to it.

Source: protocol, 2 and 4; RFC 6454.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from policies.decision import Decision
from policies.errors import InvalidError

MAX_CHARACTERS: Final = 300

_ORIGIN: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_HIGHEST_PORT: Final = 65535
_LONGEST_NAME: Final = 253


@dataclass(frozen=True, slots=True)
class Destination:
    """An origin that we may send to; made from a partnership or an invitation, never from a URL."""

    origin: str
    organisation: str | None = None


def read_origin(text: str, *, field: str = "base_url") -> str:
    """Read a base URL: `https://host` or `https://host:port`, and nothing behind it.

    There is one spelling: lower case, ASCII, no default port, no closing slash. So origins are
    equal when their texts are.

    Raises:
        InvalidError: it has a path, a user, a query, another scheme or another spelling.
    """
    match = _ORIGIN.fullmatch(text) if len(text) <= MAX_CHARACTERS else None
    if match is None:
        message = f"“{text[:80]}” is not a base URL"
        hint = "An origin in lower case without path, user or closing slash: https://cert.example"
        raise InvalidError(message, field=field, hint=hint)
    port = match["port"]
    if port is not None and int(port) > _HIGHEST_PORT:
        raise InvalidError(f"there is no port {port}", field=field)
    if port is not None and int(port) == _DEFAULT_PORTS[match["scheme"]]:
        raise InvalidError(f"port {port} is the default and is left out", field=field)
    if not _is_host(match["host"]):
        raise InvalidError(f"“{match['host'][:80]}” is not a host", field=field)
    return text


def host_of(origin: str) -> str:
    """Give the host of an origin that was read."""
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        message = "not an origin"
        raise InvalidError(message, field="base_url")
    return match["host"]


def may_connect(origin: str, *, plain_http_hosts: frozenset[str]) -> Decision:
    """Decide whether a connection to this origin is safe enough to be made.

    Args:
        origin: as `read_origin` gave it.
        plain_http_hosts: hosts for which the administrator allowed plain HTTP by name.

    Source: protocol, 4.
    """
    if origin.startswith("https://"):
        return Decision.yes("TLS")
    host = host_of(origin)
    if is_loopback(host):
        return Decision.yes("plain HTTP on this machine")
    if host in plain_http_hosts:
        return Decision.yes("plain HTTP, allowed for this host by name")
    return Decision.no(
        f"{origin} is plain HTTP, so anyone between could read and change what is sent; "
        "use https, or allow plain HTTP for this host by name"
    )


def _is_host(host: str) -> bool:
    if host.startswith("["):
        try:
            return f"[{IPv6Address(host[1:-1])}]" == host
        except AddressValueError:
            return False
    labels = host.split(".")
    if labels[-1].isdigit() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):
        try:
            return str(IPv4Address(host)) == host
        except AddressValueError:
            return False
    return len(host) <= _LONGEST_NAME and all(_LABEL.fullmatch(label) for label in labels)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself, by its name alone."""
    if host == "localhost":
        return True
    try:
        if host.startswith("["):
            return IPv6Address(host[1:-1]).is_loopback
        return IPv4Address(host).is_loopback
    except AddressValueError:
        return False

"""Which addresses a node connects to, checked where the connection is made.

A name is resolved once, each address is judged, and the very address that was judged is connected
to: what a name means a moment later changes nothing.

Source: protocol, 4 and 14 (requests to places of the attacker's choice).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family, create_connection

from policies.decision import Decision
from policies.errors import ForbiddenError

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

_NAT64: Final = IPv6Network("64:ff9b::/96")
_TUNNELS: Final = (IPv6Network("2001::/32"), IPv6Network("2002::/16"))
_IPV4_BITS: Final = 0xFFFFFFFF


def _no() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be reached besides public addresses.

    Args:
        hosts: by name, whatever they resolve to.
        networks: by address.
        loopback: tells whether this machine itself may be; asked where it matters.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[IpNetwork, ...] = ()
    loopback: Callable[[], bool] = _no

    def may_reach(self, host: str, address: str) -> Decision:
        """Decide whether a connection to an address that a host resolved to may be made."""
        if host in self.hosts:
            return Decision.yes("allowed by name")
        found = _plain(address)
        if any(found in network for network in self.networks if network.version == found.version):
            return Decision.yes("in a network that was allowed")
        if found.is_loopback:
            if self.loopback():
                return Decision.yes("this machine, which the node itself is reached at")
            return Decision.no(f"{host} leads to {address}: this machine itself")
        if is_public(found):
            return Decision.yes("a public address")
        return Decision.no(f"{host} leads to {address}, which is not a public address")


def is_public(address: IpAddress) -> bool:
    """Tell whether an address belongs to the open internet and to one machine."""
    if isinstance(address, IPv6Address) and any(address in network for network in _TUNNELS):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _plain(address: str) -> IpAddress:
    """Read an address; one that wraps an IPv4 address is that address."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return found.ipv4_mapped
        if found in _NAT64:
            return IPv4Address(int(found) & _IPV4_BITS)
    return found


class GuardedAdapter(HTTPAdapter):
    """Sends requests over connections that are judged when they are made.

    Args:
        reach: where they may lead.
        opened: told of each socket.
    """

    def __init__(
        self,
        reach: Reach,
        *,
        opened: Callable[[socket.socket], None] | None = None,
        **options: Any,
    ) -> None:
        self._reach = reach
        self._opened = opened
        super().__init__(**options)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make pools whose connections ask before they connect."""
        super().init_poolmanager(*arguments, **options)
        reach, opened = self._reach, self._opened

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, reach)

            def connect(self) -> None:
                super().connect()
                if opened is not None:
                    opened(self.sock)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, reach)

            def connect(self) -> None:
                super().connect()
                if opened is not None:
                    opened(self.sock)

        class PlainPool(urllib3.HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(urllib3.HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def _connect(connection: HTTPConnection, reach: Reach) -> socket.socket:
    """Connect to the first address that answers, of those that may be reached.

    Raises:
        ForbiddenError: none of them may be.
    """
    host = connection.host.strip("[]")
    refused: Decision | None = None
    failure: OSError | None = None
    for address in _resolve(connection, host):
        decision = reach.may_reach(host, address)
        if not decision:
            refused = refused or decision
            continue
        try:
            return create_connection(
                (address, connection.port),
                connection.timeout,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except OSError as error:
            failure = error
    if refused is not None and failure is None:
        raise ForbiddenError(
            refused.reason,
            hint="Is it meant? Allow it: TOCSIN_PRIVATE_HOSTS or TOCSIN_PRIVATE_NETWORKS.",
        )
    if isinstance(failure, TimeoutError):
        raise urllib3.exceptions.ConnectTimeoutError(connection, f"{host} did not answer in time")
    raise NewConnectionError(connection, f"{host} can't be connected to: {failure}")


def _resolve(connection: HTTPConnection, host: str) -> list[str]:
    """Give the addresses of a host, each once, in the order of preference."""
    try:
        found = socket.getaddrinfo(host, connection.port, allowed_gai_family(), socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
        raise NameResolutionError(host, connection, reason) from error
    return list(dict.fromkeys(str(info[4][0]) for info in found))

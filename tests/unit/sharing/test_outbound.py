"""Which addresses may be connected to. Source: protocol, 4 and 14."""

from __future__ import annotations

import socket
from ipaddress import ip_network
from typing import Any

import pytest
import requests

from policies.errors import ForbiddenError
from sharing.outbound import GuardedAdapter, Reach

PUBLIC = ("192.0.43.10", "9.9.9.9", "2606:4700::1111", "64:ff9b::909:909")
NOT_PUBLIC = (
    "0.0.0.0",  # noqa: S104 - an address, bound to nothing
    "10.0.0.5",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.3.4",
    "192.0.2.7",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:10.0.0.5",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:5",
    "2001:0:1:2::3",
    "2002:a00:5::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1%eth0",
    "ff02::1",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_reached(address: str) -> None:
    assert Reach().may_reach("partner.example", address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_others_are_not_unless_they_were_allowed(address: str) -> None:
    decision = Reach().may_reach("partner.example", address)
    assert not decision
    assert decision.reason.startswith(f"partner.example leads to {address}")
    assert Reach(hosts=frozenset({"partner.example"})).may_reach("partner.example", address)
    assert not Reach(hosts=frozenset({"partner.example"})).may_reach("other.example", address)


def test_a_network_is_allowed_by_itself() -> None:
    reach = Reach(networks=(ip_network("10.0.0.0/8"), ip_network("fd00::/8")))
    assert reach.may_reach("a.example", "10.1.2.3")
    assert reach.may_reach("a.example", "::ffff:10.1.2.3")
    assert reach.may_reach("a.example", "fd12::1")
    assert not reach.may_reach("a.example", "192.168.1.1")
    assert not reach.may_reach("a.example", "127.0.0.1")


def test_this_machine_is_reached_where_the_node_itself_is_reached_there() -> None:
    assert Reach(loopback=lambda: True).may_reach("localhost", "127.0.0.1")
    assert Reach(loopback=lambda: True).may_reach("localhost", "::1")
    assert not Reach(loopback=lambda: True).may_reach("a.example", "10.0.0.1")
    assert not Reach(loopback=lambda: False).may_reach("localhost", "127.0.0.1")


class Names:
    """A name server that changes its mind with every question."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def getaddrinfo(self, host: str, port: int, *_rest: Any) -> list[Any]:
        self.asked.append(host)
        if host[0].isdigit():
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        given = self.answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in given]


def ask(monkeypatch: pytest.MonkeyPatch, names: Names, reach: Reach) -> list[str]:
    """Send a request; give the addresses that a connection was made to."""
    connected: list[str] = []

    def connect(address: tuple[str, int], *_rest: Any, **_options: Any) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    monkeypatch.setattr("sharing.outbound.create_connection", connect)
    session = requests.Session()
    session.mount("https://", GuardedAdapter(reach))
    with pytest.raises((requests.ConnectionError, ForbiddenError)) as failure:
        session.get("https://evil.example/")
    connected.append(type(failure.value).__name__)
    return connected


def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = Names(("169.254.169.254",))
    assert ask(monkeypatch, names, Reach()) == ["ForbiddenError"]


def test_of_several_addresses_only_public_ones_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(("10.0.0.5", "9.9.9.9", "127.0.0.1", "9.9.9.10"))
    assert ask(monkeypatch, names, Reach()) == ["9.9.9.9", "9.9.9.10", "ConnectionError"]


def test_what_was_judged_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is public when it is judged and private a moment later (DNS rebinding)."""
    names = Names(("9.9.9.9",), ("10.0.0.5",))
    assert ask(monkeypatch, names, Reach()) == ["9.9.9.9", "ConnectionError"]
    assert names.asked == ["evil.example"]

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from hub.edge import ProxyGuard


def seen_by_the_application(proxies: list[str], **environ: str) -> dict[str, Any]:
    """Send an environment through the guard; give what came out."""
    seen: dict[str, Any] = {}

    def application(inner: dict[str, Any], _start: Any) -> list[bytes]:
        seen.update(inner)
        return []

    guard = ProxyGuard(application, [ip_network(proxy) for proxy in proxies])
    guard({"REMOTE_ADDR": "192.0.2.1", "wsgi.url_scheme": "http", **environ}, lambda *_: None)  # type: ignore[arg-type]
    return seen


def test_nobody_is_believed_unless_named() -> None:
    seen = seen_by_the_application(
        [],
        HTTP_X_FORWARDED_FOR="203.0.113.9",
        HTTP_X_FORWARDED_PROTO="https",
        HTTP_X_SSL_CLIENT_VERIFY="SUCCESS",
    )
    assert seen["REMOTE_ADDR"] == "192.0.2.1"
    assert seen["wsgi.url_scheme"] == "http"
    assert not any(name.startswith(("HTTP_X_FORWARDED", "HTTP_X_SSL")) for name in seen)
    assert seen["tocsin.forwarded"] is True


def test_a_named_proxy_is_believed() -> None:
    seen = seen_by_the_application(
        ["192.0.2.0/24"], HTTP_X_FORWARDED_FOR="203.0.113.9", HTTP_X_FORWARDED_PROTO="https"
    )
    assert seen["REMOTE_ADDR"] == "203.0.113.9"
    assert seen["wsgi.url_scheme"] == "https"


@pytest.mark.parametrize(
    ("header", "caller"),
    [
        ("198.51.100.7, 203.0.113.9", "203.0.113.9"),
        ("198.51.100.7, 203.0.113.9, 192.0.2.5", "203.0.113.9"),
        ("192.0.2.7, 192.0.2.5", "192.0.2.7"),
        ("nonsense", "192.0.2.1"),
        ("nonsense, 203.0.113.9", "203.0.113.9"),
        ("", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_caller_is_the_last_address_that_is_no_proxy(header: str, caller: str) -> None:
    seen = seen_by_the_application(["192.0.2.0/24"], HTTP_X_FORWARDED_FOR=header)
    assert seen["REMOTE_ADDR"] == caller


def test_a_scheme_that_is_none_changes_nothing() -> None:
    seen = seen_by_the_application(["192.0.2.1/32"], HTTP_X_FORWARDED_PROTO="gopher")
    assert seen["wsgi.url_scheme"] == "http"

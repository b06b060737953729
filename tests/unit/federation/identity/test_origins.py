from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.identity.origins import host_of, may_connect, read_origin
from policies.errors import InvalidError

NOBODY: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "https://cert.example",
        "https://cert.example:8443",
        "http://127.0.0.1:5000",
        "http://localhost:5000",
        "https://[2001:db8::1]",
        "https://[::1]:8443",
        "https://xn--bcher-kva.example",
        "https://intranet",
        "https://a_b.example",
    ],
)
def test_an_origin_in_its_one_spelling_is_read(text: str) -> None:
    assert read_origin(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cert.example",
        "https://",
        "https://cert.example/",
        "https://cert.example/path",
        "https://cert.example?x",
        "https://cert.example#x",
        "https://user@cert.example",
        "https://user:word@cert.example",
        "https://Cert.example",
        "HTTPS://cert.example",
        "https://cert.example:443",
        "http://cert.example:80",
        "https://cert.example:0",
        "https://cert.example:065",
        "https://cert.example:65536",
        "https://cert.example:",
        "https://cert..example",
        "https://-cert.example",
        "https://cert.example.",
        "https://bücher.example",
        "https://cert.example\n",
        " https://cert.example",
        "https://cert.example\\@evil.example",
        "https://2130706433",
        "https://0x7f000001",
        "https://127.1",
        "https://127.0.0.01",
        "https://[::0001]",
        "https://[fe80::1%eth0]",
        "https://[::1",
        "ftp://cert.example",
        "file:///etc/passwd",
        "https://" + "a" * 64 + ".example",
        "https://" + "a." * 150 + "example",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        read_origin(text)


@given(st.text(max_size=60))
def test_whatever_is_read_is_a_scheme_a_host_and_a_port(text: str) -> None:
    try:
        origin = read_origin(text)
    except InvalidError:
        return
    assert origin == text
    assert host_of(origin) in origin


def test_plain_http_stays_on_this_machine_unless_allowed_by_name() -> None:
    for origin in (
        "http://127.0.0.1:5000",
        "http://localhost",
        "http://[::1]:1",
        "http://127.9.9.9",
    ):
        assert may_connect(origin, plain_http_hosts=NOBODY)
    for origin in ("http://cert.example", "http://10.0.0.1", "http://localhost.example"):
        decision = may_connect(origin, plain_http_hosts=NOBODY)
        assert not decision
        assert "plain HTTP" in decision.reason
        assert may_connect(origin, plain_http_hosts=frozenset({host_of(origin)}))
    assert may_connect("https://cert.example", plain_http_hosts=NOBODY)
    assert not may_connect("http://b.example", plain_http_hosts=frozenset({"a.example"}))
    with pytest.raises(InvalidError):
        host_of("https://cert.example/x")

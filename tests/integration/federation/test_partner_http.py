"""Our way out against servers that mean ill: slow, endless, redirecting, untrusted."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from federation.identity.origins import Destination
from federation.partners.client import PartnerHttp, Timeouts
from policies.errors import (
    ConflictError,
    CoordinationError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    TooManyError,
    UnavailableError,
    UnverifiedError,
)
from tests.integration.federation.nodes import Clock
from tests.kit.reach import LOOPBACK

Answer = Callable[[BaseHTTPRequestHandler], None]


class Hostile:
    """A server that answers as the test says, and remembers what it was asked."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answer: Answer = lambda _handler: None
        self.seen: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                outer.seen.append((self.path, dict(self.headers)))
                with contextlib.suppress(OSError):
                    outer.answer(self)

            do_POST = do_GET  # noqa: N815 - http.server's name

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if tls else "http"
        host = "localhost" if tls else "127.0.0.1"
        self.destination = Destination(f"{scheme}://{host}:{self._server.server_address[1]}")
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def reply(status: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


TOKEN = reply(200, b'{"access_token":"abc","token_type":"Bearer","expires_in":600}')


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    server = Hostile()
    yield server
    server.stop()


def make_client(clock: Clock, **kwargs: Any) -> PartnerHttp:
    timeouts = Timeouts(connect=1, read=0.5, whole=1)
    kwargs.setdefault("reach", LOOPBACK)
    return PartnerHttp(
        lambda audience: [f"for {audience}"], clock=clock, timeouts=timeouts, **kwargs
    )


@pytest.fixture
def client(clock: Clock) -> Iterator[PartnerHttp]:
    partners = make_client(clock)
    yield partners
    partners.close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidError),
        (401, UnverifiedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (410, NotFoundError),
        (413, TooLargeError),
        (418, InvalidError),
        (429, TooManyError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_a_refusal_keeps_its_kind_and_quotes_their_sentence_bounded(
    hostile: Hostile, client: PartnerHttp, status: int, kind: type[CoordinationError]
) -> None:
    body = b'{"detail":"no\\u0007 way' + b"!" * 2000 + b'"}'
    hostile.answer = reply(status, body, Retry_After="7")
    with pytest.raises(kind, match="no way!!!") as caught:
        client.post_bell(hostile.destination, "a.b.c")
    assert len(caught.value.message) < 500
    if isinstance(caught.value, UnavailableError):
        assert caught.value.retry_after_seconds == 7


def test_redirects_are_not_followed(hostile: Hostile, client: PartnerHttp) -> None:
    for status in (301, 302, 303, 307, 308):
        hostile.answer = reply(status, Location="http://127.0.0.1:9/elsewhere")
        with pytest.raises(InvalidError, match="redirects are not followed"):
            client.get_descriptors(hostile.destination)
    assert len(hostile.seen) == 5


def test_an_endless_answer_is_given_up_at_its_bound(hostile: Hostile, client: PartnerHttp) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" " * 65536)

    hostile.answer = endless
    with pytest.raises(TooLargeError):
        client.get_descriptors(hostile.destination)


def test_a_silent_and_a_dripping_answer_are_given_up_in_time(
    hostile: Hostile, client: PartnerHttp
) -> None:
    def silent(_handler: BaseHTTPRequestHandler) -> None:
        time.sleep(2)

    def dripping(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for _ in range(600):  # for a minute
            handler.wfile.write(b"1\r\n \r\n")
            handler.wfile.flush()
            time.sleep(0.1)

    for answer in (silent, dripping):
        hostile.answer = answer
        begin = time.monotonic()
        with pytest.raises(UnavailableError):
            client.get_descriptors(hostile.destination)
        assert time.monotonic() - begin < 20


def test_a_cut_answer_is_no_answer(hostile: Hostile, client: PartnerHttp) -> None:
    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"payload":')

    hostile.answer = cut
    with pytest.raises(UnavailableError):
        client.get_descriptors(hostile.destination)


def test_a_compressed_answer_is_refused(hostile: Hostile, client: PartnerHttp) -> None:
    hostile.answer = reply(200, b"x", Content_Encoding="gzip")
    with pytest.raises(InvalidError, match="compressed"):
        client.get_descriptors(hostile.destination)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"a":1,"a":2}',
        b'{"payload":"' + b"e30" + b'","signatures":[]}',
        b"[" * 5000,
        b'{"payload":"%%%"}',
        b'{"payload":"eyJ2ZXJzaW9uIjo5OTk5OTk5fQ"}',
    ],
)
def test_an_answer_that_is_no_descriptor_is_refused(
    hostile: Hostile, client: PartnerHttp, body: bytes
) -> None:
    hostile.answer = reply(200, body)
    with pytest.raises(InvalidError):
        client.get_descriptors(hostile.destination)
    assert len(hostile.seen) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"access_token":"","token_type":"Bearer","expires_in":600}',
        b'{"access_token":"a\\nb","token_type":"Bearer","expires_in":600}',
        b'{"access_token":"abc","token_type":"MAC","expires_in":600}',
        b'{"access_token":"abc","token_type":"Bearer","expires_in":true}',
        b'{"access_token":"abc","token_type":"Bearer","expires_in":0}',
    ],
)
def test_an_answer_that_is_no_token_is_refused(
    hostile: Hostile, client: PartnerHttp, body: bytes
) -> None:
    hostile.answer = reply(200, body)
    with pytest.raises(InvalidError):
        client.token(hostile.destination)


def test_a_token_is_kept_until_shortly_before_its_end(
    hostile: Hostile, client: PartnerHttp, clock: Clock
) -> None:
    hostile.answer = TOKEN
    for _ in range(3):
        assert client.token(hostile.destination) == "abc"
    assert len(hostile.seen) == 1
    clock.advance(seconds=571)
    client.token(hostile.destination)
    assert len(hostile.seen) == 2


def test_a_token_that_is_not_taken_any_more_is_renewed_once(
    hostile: Hostile, client: PartnerHttp
) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        (TOKEN if handler.path == "/federation/token/" else reply(401))(handler)

    hostile.answer = answer
    with pytest.raises(UnverifiedError):
        client.get_heads(hostile.destination)
    paths = [path for path, _ in hostile.seen]
    assert paths == ["/federation/token/", "/federation/heads/"] * 2


def test_a_token_goes_to_no_other_origin(hostile: Hostile, client: PartnerHttp) -> None:
    hostile.answer = TOKEN
    auth = client.auth(hostile.destination)
    near = hostile.destination.origin.replace("127.0.0.1", "127.0.0.10")
    for url in ("http://127.0.0.1:9/x", f"{near}/x"):
        request = requests.Request("GET", url).prepare()
        with pytest.raises(ForbiddenError):
            auth(request)
        assert "Authorization" not in request.headers
    request = requests.Request("GET", f"{hostile.destination.origin}/taxii2/").prepare()
    assert auth(request).headers["Authorization"] == "Bearer abc"


def test_the_environment_and_cookies_change_nothing(
    hostile: Hostile, client: PartnerHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    hostile.answer = reply(204, Set_Cookie="a=b; Path=/")
    client.post_bell(hostile.destination, "a.b.c")
    client.post_bell(hostile.destination, "a.b.c")
    assert "Cookie" not in hostile.seen[1][1]
    assert hostile.seen[1][1]["Accept-Encoding"] == "identity"


def test_plain_http_goes_out_to_loopback_and_to_hosts_allowed_by_name_alone(clock: Clock) -> None:
    client = make_client(clock, plain_http_hosts=frozenset({"lab.invalid"}))
    with pytest.raises(ForbiddenError, match="plain HTTP"):
        client.get_descriptors(Destination("http://cert.invalid"))
    with pytest.raises(UnavailableError):
        client.get_descriptors(Destination("http://lab.invalid"))


def test_nobody_at_home_is_unavailable(client: PartnerHttp) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(UnavailableError, match="does not answer"):
            client.get_descriptors(Destination(f"http://127.0.0.1:{held.getsockname()[1]}"))


def test_a_pinned_authority_is_the_only_one_trusted(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, other = trustme.CA(), trustme.CA()
    files = {"pinned": authority, "other": other}
    for name, ca in files.items():
        ca.cert_pem.write_to_path(tmp_path / name)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    server = Hostile(tls)
    server.answer = reply(204)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "pinned"))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(tmp_path / "pinned"))
    try:
        make_client(clock, ca_file=tmp_path / "pinned").post_bell(server.destination, "a.b.c")
        for client in (make_client(clock, ca_file=tmp_path / "other"), make_client(clock)):
            with pytest.raises(UnavailableError, match="certificate is not trusted"):
                client.post_bell(server.destination, "a.b.c")
    finally:
        server.stop()


def test_a_token_is_not_believed_for_longer_than_an_hour(
    hostile: Hostile, client: PartnerHttp, clock: Clock
) -> None:
    body = b'{"access_token":"abc","token_type":"bearer","expires_in":99999999}'
    hostile.answer = reply(200, body)
    client.token(hostile.destination)
    clock.now += timedelta(hours=1)
    client.token(hostile.destination)
    assert len(hostile.seen) == 2

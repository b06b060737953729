"""Our TAXII client: against our server, and against servers that mean it no good."""

from __future__ import annotations

import gzip
import threading
import time
import uuid
from collections.abc import Iterator
from itertools import repeat

import pytest
import trustme
from flask import Flask
from werkzeug.serving import make_server

from policies.errors import InvalidError, TooLargeError
from sharing.objects import StixObject
from sharing.taxii.client import (
    BadAnswerError,
    BearerAuth,
    Limits,
    NoAnswerError,
    PeerRefusalError,
    TaxiiClient,
)
from tests.integration.hostile import Raw, answering, http
from tests.integration.taxii_node import TaxiiNode, note
from tests.kit.reach import LOOPBACK

SHELF = str(uuid.UUID(int=7))
HERE = Limits(reach=LOOPBACK)
HASTE = Limits(
    reach=LOOPBACK,
    connect_seconds=1,
    read_seconds=0.5,
    total_seconds=1.5,
    answer_bytes=100_000,
    error_bytes=1_000,
)


def ours(taxii: TaxiiNode, user: str = "cert") -> TaxiiClient:
    return TaxiiClient(taxii.base_url, (user, "secret"), limits=HERE)


def pull(server: Raw) -> list[StixObject]:
    with TaxiiClient(server.base_url, BearerAuth("token"), limits=HASTE) as client:
        return [item for page in client.pages(SHELF) for item in page.objects]


def test_pages_bring_everything_in_order_and_go_on_after_the_last(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    items = [note(number) for number in range(7)]
    taxii.add(shelf, *items)
    with ours(taxii) as client:
        pages = list(client.pages(shelf, limit=3))
        assert [len(page.objects) for page in pages] == [3, 3, 1]
        assert [item for page in pages for item in page.objects] == items
        assert [page.more for page in pages] == [True, True, False]
        taxii.add(shelf, note(1, minutes=1))
        rest = list(client.pages(shelf, added_after=pages[-1].last_added))
        assert [item.content for item in rest[0].objects] == [note(1, minutes=1).content]
        nothing = list(client.pages(shelf, added_after=rest[0].last_added))
    assert [(page.objects, page.last_added) for page in nothing] == [([], None)]


def test_objects_are_asked_for_by_id_in_addresses_that_servers_take(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    items = [note(number) for number in range(150)]
    taxii.add(shelf, *items)
    ids = [item.stix_id for item in items]
    with ours(taxii) as client:
        found = [item for page in client.by_ids(shelf, ids) for item in page.objects]
        assert found == items
        assert list(client.by_ids(shelf, [])) == []


def test_what_is_posted_arrives_as_it_is_and_its_status_can_be_asked(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    with ours(taxii) as client:
        status = client.post(shelf, [note(2), note(1)])
        assert status.complete
        assert [report.object_id for report in status.successes] == [
            note(2).stix_id,
            note(1).stix_id,
        ]
        assert client.status(status.id) == status
        other = client.post(shelf, [note(1, content="other")])
        assert other.failures[0].message is not None
        assert other.failures[0].message.startswith("conflicting_object: ")
        assert [item for page in client.pages(shelf) for item in page.objects] == [note(2), note(1)]


def test_t5_13_an_envelope_above_what_the_server_takes_is_not_sent(taxii: TaxiiNode) -> None:
    shelf = taxii.open()
    large = [note(number, content="x" * 900_000) for number in range(4)]
    with ours(taxii) as client:
        assert client.post(shelf, large[:3]).complete
        with pytest.raises(TooLargeError):
            client.post(shelf, large)


def test_refusals_carry_their_status_and_words(taxii: TaxiiNode) -> None:
    with ours(taxii) as client:
        with pytest.raises(PeerRefusalError, match=r"no such collection[^.]*\.$") as refusal:
            list(client.pages(SHELF))
        assert refusal.value.status == 404
        with pytest.raises(PeerRefusalError) as refusal:
            client.post(SHELF, [note(1)])
        assert refusal.value.status == 404
    with TaxiiClient(taxii.base_url, ("cert", "wrong"), limits=HERE) as client:
        with pytest.raises(PeerRefusalError) as refusal:
            list(client.pages(SHELF))
        assert refusal.value.status == 401


def test_the_request_names_what_it_wants_and_who_asks() -> None:
    with answering(http(b"{}")) as server:
        assert pull(server) == []
        (request,) = server.requests
    head = request.decode().lower()
    assert f"/taxii2/channels/collections/{SHELF}/objects/?" in head
    assert "match%5bversion%5d=all" in head
    assert "limit=1000" in head
    assert "accept: application/taxii+json;version=2.1" in head
    assert "authorization: bearer token" in head
    assert "user-agent: tocsin" in head


def test_nobody_listening_is_no_answer(free_port: int) -> None:
    with (
        TaxiiClient(f"http://127.0.0.1:{free_port}", None, limits=HASTE) as client,
        pytest.raises(NoAnswerError),
    ):
        list(client.pages(SHELF))


# They go on for more than half a minute; whoever asks has patience for a second and a half.
DRIP_HEAD = [b"HTTP/1.1 200 OK\r\n", *[b"X-A: b\r\n", 0.4] * 95]
DRIP_BODY = [http(b"{" + b" " * 200)[:-200], *[b" ", 0.2] * 190]


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([], id="silent"),
        pytest.param([b"HTTP/1.1 200 OK\r\n"], id="silent after the status line"),
        pytest.param([http(b"{}")[:-1]], id="silent before the last byte"),
        pytest.param(DRIP_HEAD, id="one header at a time"),
        pytest.param(DRIP_BODY, id="one byte at a time"),
    ],
)
def test_a_silent_or_dripping_server_is_left_in_time(pieces: list[bytes | float]) -> None:
    with answering(*pieces, hang=True) as server:
        began = time.monotonic()
        with pytest.raises(NoAnswerError):
            pull(server)
        assert time.monotonic() - began < 20


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/taxii+json\r\nTransfer-Encoding: chunked\r\n\r\n"
)
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: application/taxii+json\r\n\r\n"
BOMB = gzip.compress(b'{"objects":[' + b" " * 50_000_000 + b"]}")


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([http(b"{" + b" " * 200_000 + b"}")], "longer than"),
        ([CHUNKED, *repeat(b"2000\r\n" + b" " * 8192 + b"\r\n", 30)], "longer than"),
        ([ENDLESS, *repeat(b" " * 8192, 30)], "longer than"),
        ([http(BOMB, headers="Content-Encoding: gzip\r\n")], "longer than"),
        ([http(b"no gzip", headers="Content-Encoding: gzip\r\n")], "decompressed"),
        ([http(b"{}", headers="Content-Encoding: br\r\n")], "did not ask"),
        ([http(b"{}", headers="Content-Encoding: gzip, gzip\r\n")], "did not ask"),
        ([http(b"{}", content_type="text/html")], "text/html"),
        ([http(b"{}", content_type="application/taxii+json;version=2.0")], "2.0"),
        ([http(b"{}", content_type="application/json")], "application/json"),
        ([http(b'{"more":false,"more":true}')], "twice"),
        ([http(b'{"objects":[{"a":1,"a":2}]}')], "twice"),
        ([http(b"{")], "not JSON"),
        ([http(b"\xff")], "UTF-8"),
        ([http(b'{"a":NaN}')], "NaN"),
        ([http(b"[" * 50_000)], "deeper"),
        ([http(b"[]")], "no JSON object"),
        ([http(b'{"objects":{}}')], "no envelope"),
        ([http(b'{"more":"yes"}')], "no envelope"),
        ([http(b'{"more":true}')], "more"),
        ([http(b'{"more":true,"next":""}')], "more"),
        ([http(b'{"more":true,"next":"a"}')], "more"),
        ([http(b"{}", headers="X-TAXII-Date-Added-Last: yesterday\r\n")], "UTC time"),
        ([http(b"", status="302 Found", headers="Location: http://evil.test/\r\n")], "evil.test"),
        ([http(b"", status="307 Go", headers="Location: /elsewhere/\r\n")], "redirect"),
    ],
)
def test_a_bad_answer_is_told_from_a_good_one_and_nothing_of_it_is_used(
    pieces: list[bytes | float], reason: str
) -> None:
    with answering(*pieces) as server, pytest.raises(BadAnswerError) as refusal:
        pull(server)
    assert reason in refusal.value.message
    assert len(refusal.value.message) < 1000


@pytest.mark.parametrize(
    "pieces",
    [
        [http(b'{"objects":[]}')[:-3]],
        [CHUNKED, b"5\r\n{\r\n"],
        [CHUNKED, b"5\r\n{    \r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Le"],
        [b"220 mail.test ESMTP\r\n"],
    ],
)
def test_a_truncated_answer_is_no_answer(pieces: list[bytes | float]) -> None:
    with answering(*pieces) as server, pytest.raises(NoAnswerError):
        pull(server)


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        ("503 Later", "Retry-After: 7\r\n", 7),
        ("429 Slow", "Retry-After: 99999999999\r\n", 86400),
        ("500 Oops", "Retry-After: soon\r\n", None),
        ("502 Bad", "", None),
    ],
)
def test_a_server_that_cannot_now_is_asked_later(
    status: str, headers: str, seconds: int | None
) -> None:
    answer = http(b"<html>", status=status, content_type="text/html", headers=headers)
    with answering(answer) as server, pytest.raises(NoAnswerError) as refusal:
        pull(server)
    assert refusal.value.retry_after_seconds == seconds


def test_a_huge_error_is_not_read() -> None:
    with (
        answering(http(b"x" * 5000, status="403 No")) as server,
        pytest.raises(BadAnswerError, match="longer"),
    ):
        pull(server)


def test_what_is_no_object_is_told_and_the_rest_is_there() -> None:
    known = note(1).stix_id
    body = b'{"objects":[5,{"id":"x"},{"type":"note","id":"%s","created":5},' % known.encode()
    body += note(2).content + b"]}"
    with answering(http(body)) as server, TaxiiClient(server.base_url, None, limits=HERE) as client:
        (page,) = client.pages(SHELF)
    assert page.objects == [note(2)]
    assert [item.claimed_id for item in page.unreadable] == [None, None, known]


def test_pages_that_repeat_themselves_end() -> None:
    body = b'{"more":true,"next":"x","objects":[' + note(1).content + b"]}"
    header = "X-TAXII-Date-Added-Last: 2026-11-20T10:00:00.000000Z\r\n"
    with (
        answering(http(body, headers=header)) as server,
        pytest.raises(BadAnswerError, match="repeat"),
    ):
        pull(server)


@pytest.fixture
def endless(free_port: int) -> Iterator[str]:
    """Give the address of a server whose pages never end and never repeat themselves."""
    app, count = Flask("endless"), iter(range(10_000))

    @app.get("/<path:_path>")
    def page(_path: str) -> tuple[bytes, dict[str, str]]:
        number = next(count)
        body = b'{"more":true,"next":"%d","objects":[%s]}' % (number, note(1).content)
        added = f"2026-11-20T10:00:00.{number:06d}Z"
        kind = "application/taxii+json;version=2.1"
        return body, {"Content-Type": kind, "X-TAXII-Date-Added-Last": added}

    server = make_server("127.0.0.1", free_port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{free_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_pages_without_end_are_left_in_time(endless: str) -> None:
    limits = Limits(reach=LOOPBACK, pages_seconds=0.3, asked_bytes=3000)
    with TaxiiClient(endless, BearerAuth("token"), limits=limits) as client:
        with pytest.raises(NoAnswerError, match="always has more"):
            for _ in client.pages(SHELF):
                pass
        found = [item for page in client.by_ids(SHELF, [note(1).stix_id]) for item in page.objects]
    assert len(b"".join(item.content for item in found)) < 4000


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"id":"x"}',
        (
            b'{"id":5,"status":"complete","total_count":0,"success_count":0,"failure_count":0,'
            b'"pending_count":0}'
        ),
        (
            b'{"id":"x","status":"done","total_count":0,"success_count":0,"failure_count":0,'
            b'"pending_count":0}'
        ),
        (
            b'{"id":"x","status":"complete","total_count":5,"success_count":0,"failure_count":0,'
            b'"pending_count":0}'
        ),
        (
            b'{"id":"x","status":"complete","total_count":1,"success_count":1,"failure_count":0,'
            b'"pending_count":0,"successes":[5]}'
        ),
        b'{"id":"x","self":1}',
        b'{"id":{"a":"../.."},"status":"complete"}',
    ],
)
def test_a_status_that_is_none_is_refused(body: bytes) -> None:
    with (
        answering(http(body, status="202 Accepted")) as server,
        TaxiiClient(server.base_url, None, limits=HASTE) as client,
        pytest.raises(BadAnswerError),
    ):
        client.post(SHELF, [note(1)])


@pytest.mark.parametrize(
    "url", ["http://partner.test", "ftp://127.0.0.1", "partner.test", "", "http://"]
)
def test_t8_06_an_address_without_tls_is_refused_unless_it_is_here(url: str) -> None:
    with pytest.raises(InvalidError):
        TaxiiClient(url, None)


def test_plain_http_to_a_host_that_was_allowed_by_name() -> None:
    allowed = Limits(plain_http_hosts=frozenset({"partner.test"}), reach=LOOPBACK)
    TaxiiClient("http://partner.test", None, limits=allowed).close()


def test_t8_08_only_the_pinned_authority_counts_whatever_the_environment_says(
    store_app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    import ssl  # noqa: PLC0415
    import threading  # noqa: PLC0415

    right, wrong = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    right.issue_cert("127.0.0.1", "localhost").configure_cert(context)

    def answer(_environ: object, start: object) -> list[bytes]:
        start("200 OK", [("Content-Type", "application/taxii+json;version=2.1")])  # type: ignore[operator]
        return [b"{}"]

    server = make_server("127.0.0.1", 0, answer, threaded=True, ssl_context=context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with right.cert_pem.tempfile() as right_file, wrong.cert_pem.tempfile() as wrong_file:
            url = f"https://127.0.0.1:{server.server_port}"
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", wrong_file)
            monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
            with TaxiiClient(url, None, ca_file=right_file, limits=HASTE) as client:
                assert [page.objects for page in client.pages(SHELF)] == [[]]
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", right_file)
            for ca_file in (wrong_file, None):
                with (
                    TaxiiClient(url, None, ca_file=ca_file, limits=HASTE) as client,
                    pytest.raises(NoAnswerError, match="certificate"),
                ):
                    list(client.pages(SHELF))
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)

"""Bodies that are malformed, huge, deep, doubled, not UTF-8 or compressed, on every path we take.

Each is refused with a clear error, before anything is parsed where it is too long, and leaves
nothing behind.

Source: protocol, 6 and 14; TAXII 2.1, 3; issue 2 (*Bad input everywhere*).
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import pytest

from sharing.taxii.resources import TAXII_21
from tests.kit.hostile_peer import PASSWORD, HostilePeer, csrf, kept, peers, signed_in
from tests.kit.nodes import RunningNode, running

MEBIBYTE = 1024 * 1024
ENVELOPE_LIMIT = 8 * MEBIBYTE
BODY_LIMIT = MEBIBYTE
FORM = "application/x-www-form-urlencoded"


@dataclass
class World:
    cert: RunningNode
    mallory: HostilePeer
    case: str
    cookies: str
    csrf: str

    def target(self, name: str) -> Target:
        target = TARGETS[name]
        return Target(target.path.format(case=self.case), target.type, target.limit)

    def send(
        self,
        target: Target,
        body: bytes | Iterable[bytes],
        *,
        length: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str, str]:
        """Send a body as it is, chunked where it is no bytes; give status, type and text.

        Args:
            length: what is announced in place of what is sent.
        """
        sent = {"Accept": f"{TAXII_21}, */*", "Content-Type": target.type, **(headers or {})}
        if target.path.startswith("/taxii2/"):
            sent["Authorization"] = f"Bearer {self.mallory.token(self.cert)}"
        elif not target.path.startswith("/federation/"):
            sent |= {"Cookie": self.cookies, "X-CSRFToken": self.csrf}
        connection = http.client.HTTPConnection("127.0.0.1", self.cert.port, timeout=20)
        try:
            if length is not None:
                connection.putrequest("POST", target.path)
                for name, text in {**sent, "Content-Length": str(length)}.items():
                    connection.putheader(name, text)
                connection.endheaders()
            else:
                chunked = not isinstance(body, bytes)
                # It may be refused before all of it was read.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.request(
                        "POST", target.path, body=body, headers=sent, encode_chunked=chunked
                    )
            answer = connection.getresponse()
            text = answer.read().decode("utf-8")
            return answer.status, answer.headers.get_content_type(), text
        finally:
            connection.close()


@dataclass(frozen=True)
class Target:
    path: str
    type: str
    limit: int


TARGETS = {
    "taxii": Target("/taxii2/channels/collections/{case}/objects/", TAXII_21, ENVELOPE_LIMIT),
    "bell": Target("/federation/bell/", "application/jose", 4096),
    "token": Target("/federation/token/", FORM, 16 * 1024),
    "pairing": Target("/federation/pairing/", "application/json", 4 * MEBIBYTE),
    "confirmed": Target("/federation/pairing/confirmed/", "application/jose", 4096),
    "api channels": Target("/api/v1/channels", "application/json", BODY_LIMIT),
    "api notes": Target("/api/v1/channels/{case}/notes", "application/json", BODY_LIMIT),
    "api acts": Target("/api/v1/channels/{case}/acts", "application/json", BODY_LIMIT),
    "api invitations": Target(
        "/api/v1/channels/{case}/invitations", "application/json", BODY_LIMIT
    ),
    "api partners": Target("/api/v1/partners/accept", "application/json", BODY_LIMIT),
    "api users": Target("/api/v1/users", "application/json", BODY_LIMIT),
    "api tokens": Target("/api/v1/tokens", "application/json", BODY_LIMIT),
    "page note": Target("/channels/{case}/notes", FORM, BODY_LIMIT),
    "page channel": Target("/channels", FORM, BODY_LIMIT),
    "page partner": Target("/partners", FORM, BODY_LIMIT),
    "page sign-in": Target("/sign-in", FORM, BODY_LIMIT),
    "page theme": Target("/appearance", FORM, BODY_LIMIT),
}
JSON_TARGETS = sorted(name for name in TARGETS if name.startswith(("api", "taxii", "pairing")))
FORM_TARGETS = sorted(name for name in TARGETS if name.startswith("page"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("bodies")
    with (
        running(folder, "CERT", max_envelope_bytes=ENVELOPE_LIMIT, max_body_bytes=BODY_LIMIT) as (
            cert,
        ),
        peers(cert.now, "Mallory") as (mallory,),
    ):
        mallory.pair(cert)
        case = cert.open("Case")
        cert.invite(case, mallory)  # type: ignore[arg-type]
        browser = signed_in(cert)
        token = csrf(browser, "/account")
        cookies = browser.get("/account").request.headers["Cookie"]
        yield World(cert, mallory, case, cookies, token)


def refused(answer: tuple[int, str, str], *statuses: HTTPStatus) -> str:
    """See that an answer is a clear refusal; give its text."""
    status, content_type, text = answer
    assert status in statuses, (status, text[:500])
    assert "Traceback" not in text
    assert 'File "' not in text
    if content_type.endswith("json"):
        document = json.loads(text)
        said = document.get("detail") or document.get("description") or document.get("error")
        assert said, document
    else:
        assert content_type == "text/html"
        assert "<h1" in text
    return text


BAD = HTTPStatus.BAD_REQUEST
UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY
UNVERIFIED = HTTPStatus.UNAUTHORIZED
LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
MEDIA = HTTPStatus.UNSUPPORTED_MEDIA_TYPE

NO_JSON = {
    "empty": b"",
    "cut": b'{"objects": [',
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "doubled": b'{"text": "a", "text": "b", "objects": [], "objects": []}',
    "not utf-8": b'{"text": "\xff\xfe"}',
    "utf-16": '{"text": "x"}'.encode("utf-16"),
    "nan": b'{"text": NaN}',
    "long integer": b'{"text": ' + b"9" * 5_000 + b"}",
    "infinite": b'{"text": 1e999}',
    "surrogate": b'{"text": "\\ud800"}',
    "nul": b'{"text": "a\\u0000b"}',
    "a list": b"[1, 2, 3]",
    "a number": b"1",
    "null": b"null",
    "a form": b"text=x&tlp=amber",
}


@pytest.mark.parametrize("name", JSON_TARGETS)
def test_what_is_no_document_is_refused_and_leaves_nothing(world: World, name: str) -> None:
    before = stored(world)
    for kind, body in NO_JSON.items():
        answer = world.send(world.target(name), body)
        text = refused(answer, BAD, UNPROCESSABLE)
        assert "xff" not in text, kind
    assert stored(world) == before


@pytest.mark.parametrize("name", ["bell", "confirmed", "token"])
def test_what_is_no_proof_is_refused_and_leaves_nothing(world: World, name: str) -> None:
    before = stored(world)
    bodies = [
        b"",
        b"\xff\xfe\xfd",
        b"a.b.c",
        b"." * 4000,
        b"e30.e30.e30",
        b"eyJhbGciOiJub25lIn0.e30.",
        b"%ff=%00&grant_type=%ff",
        b"grant_type=client_credentials&grant_type=client_credentials",
        b"&".join(b"a%d=1" % number for number in range(100)),
        b'{"protocol":"1"}',
    ]
    for body in bodies:
        refused(world.send(world.target(name), body), BAD, UNVERIFIED)
    assert stored(world) == before


@pytest.mark.parametrize("name", sorted(TARGETS))
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
def test_what_is_too_long_is_refused_before_it_is_parsed(
    world: World, name: str, announced: bool
) -> None:
    before = stored(world)
    target = world.target(name)
    if announced:
        answer = world.send(target, b"", length=target.limit + 1_000_000_000)
    else:
        answer = world.send(
            target, pieces(target.limit + 1), headers={"Transfer-Encoding": "chunked"}
        )
    text = refused(answer, LARGE)
    limit_named = str(target.limit) in text
    assert limit_named or not target.path.startswith(("/taxii2/", "/federation/"))
    assert stored(world) == before


@pytest.mark.parametrize("name", sorted(set(TARGETS) - {"page theme"}))
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
def test_what_is_compressed_is_not_unpacked(world: World, name: str, encoding: str) -> None:
    before = stored(world)
    bomb = gzip.compress(b'{"text":"' + b"0" * (2 * MEBIBYTE) + b'"}')
    target = world.target(name)
    answer = world.send(target, bomb[: target.limit], headers={"Content-Encoding": encoding})
    refused(answer, MEDIA, BAD, UNPROCESSABLE)
    assert stored(world) == before


@pytest.mark.parametrize("name", sorted(set(TARGETS) - set(FORM_TARGETS)))
@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "application/xml", ""])
def test_a_body_of_another_type_is_refused(world: World, name: str, kind: str) -> None:
    before = stored(world)
    target = world.target(name)
    answer = world.send(Target(target.path, kind, target.limit), b"{}")
    refused(answer, MEDIA, BAD)
    assert stored(world) == before


@pytest.mark.parametrize("name", sorted(set(FORM_TARGETS) - {"page theme"}))
def test_a_form_that_is_none_is_shown_again_with_what_to_mend(world: World, name: str) -> None:
    before = stored(world)
    wide = b"&".join(b"f%d=x" % number for number in range(5_000))
    bodies = [
        b"",
        b"text=%ff%fe&name=%ff&invitation=%ff&password=%ff",
        b"\xff\xfe=\xfd",
        b"text=%00&name=a%00b&invitation=%00&password=%00&tlp=amber&kind=case&ceiling=amber",
        b"text=" + b"x" * 30_000 + b"&name=" + b"y" * 30_000 + b"&invitation=" + b"z" * 30_000,
        b"tlp=purple&text=x&kind=feed&name=x&ceiling=none&invitation=x",
        b"unknown=1&text=x&tlp=amber",
        wide,
        b"=&=&=&&&&",
    ]
    for body in bodies:
        refused(world.send(world.target(name), body), BAD, UNVERIFIED, LARGE, UNPROCESSABLE)
    assert stored(world) == before


def test_a_person_is_told_the_field_and_the_limit(world: World) -> None:
    answer = world.send(world.target("page note"), b"tlp=amber&text=" + b"x" * 20_001)
    text = refused(answer, BAD)
    assert "20000 characters at most" in text
    for path in ("api notes", "api acts"):
        answer = world.send(world.target(path), b'{"text": 1, "act": "moon.landed"}')
        document = json.loads(refused(answer, BAD, UNPROCESSABLE))
        assert document["field"].startswith("json."), document


def test_a_form_without_its_token_leads_back_and_changes_nothing(world: World) -> None:
    before = stored(world)
    for name in FORM_TARGETS:
        target = world.target(name)
        connection = http.client.HTTPConnection("127.0.0.1", world.cert.port, timeout=20)
        form = f"text=x&tlp=amber&name=alice&password={PASSWORD}&kind=case&ceiling=amber"
        headers = {"Content-Type": FORM, "Cookie": world.cookies}
        connection.request("POST", target.path, body=form.encode(), headers=headers)
        answer = connection.getresponse()
        assert answer.status == HTTPStatus.SEE_OTHER, (name, answer.status)
        answer.read()
        connection.close()
    assert stored(world) == before


def test_the_node_still_works_after_all_of_this(world: World) -> None:
    world.cert.note(world.case, "still here")
    answer = world.mallory.get(world.cert, "/federation/heads/")
    assert answer.status_code == HTTPStatus.OK


def stored(world: World) -> dict[str, list[str]]:
    """Give what the node has stored, but for who was refused what and when."""
    tables = kept(world.cert)
    return {name: rows for name, rows in tables.items() if name not in TRACES}


TRACES = {"audit_record", "throttle", "sign_in"}
"""Where a refusal leaves its trace on purpose."""


def pieces(size: int) -> Iterator[bytes]:
    """Give a body that never says how long it is."""
    piece = b"0" * 65_536
    for _ in range(size // len(piece) + 1):
        yield piece

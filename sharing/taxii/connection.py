"""One connection to somebody else's TAXII server, trusting nothing that comes back.

taxii2-client speaks through it. Time-outs count for each step and for the whole; an answer is
counted while it streams, decompressed or not; no redirect is followed; the environment can
replace neither the certificate authority nor the credentials; JSON is read strictly.
"""

from __future__ import annotations

import socket
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import taxii2client.common
import urllib3
from requests.auth import AuthBase

from policies.errors import ForbiddenError, InvalidError, UnavailableError
from sharing.canonical import MAX_DEPTH, Document, read_document
from sharing.outbound import GuardedAdapter, Reach
from sharing.taxii.resources import TAXII_21, is_taxii

_PIECE_BYTES: Final = 64 * 1024
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST_WAIT_SECONDS: Final = 24 * 3600
_SHOWN: Final = 300


class NoAnswerError(UnavailableError):
    """Nobody answered in time, or the server said that it can't now. Trying later makes sense."""


class PeerRefusalError(ForbiddenError):
    """The server answered, and refused. Sending the same again gets the same."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class BadAnswerError(InvalidError):
    """The server answered with what no TAXII server answers; nothing of it was used."""


class BearerAuth(AuthBase):
    """Sends a token as `Authorization: Bearer`."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header to a request."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@dataclass(frozen=True, slots=True)
class Limits:
    """How long we wait and how much we take.

    Args:
        read_seconds: for each piece of an answer.
        total_seconds: for one request with its whole answer.
        answer_bytes: decompressed. A page of ours ends at 8 MiB, or with one object.
        pages_seconds: for all pages of one question; what is left is asked for another time.
        asked_bytes: for all objects that are asked for by id at once.
        plain_http_hosts: hosts that may be asked without TLS, besides loopback.
        reach: what may be reached besides public addresses.
    """

    connect_seconds: float = 3.0
    read_seconds: float = 10.0
    total_seconds: float = 120.0
    answer_bytes: int = 16 * 1024 * 1024
    pages_seconds: float = 900.0
    asked_bytes: int = 64 * 1024 * 1024
    error_bytes: int = 64 * 1024
    plain_http_hosts: frozenset[str] = frozenset()
    reach: Reach = field(default_factory=Reach)


class Answer(dict[str, Any]):
    """The JSON of an answer, with its headers.

    Args:
        is_plain: it came in canonical form and without floats: `plain_form` writes its parts.
    """

    def __init__(
        self, value: Mapping[str, Any], headers: Mapping[str, str], *, is_plain: bool = False
    ) -> None:
        super().__init__(value)
        self.headers = headers
        self.is_plain = is_plain


class Connection(taxii2client.common._HTTPConnection):  # type: ignore[misc]  # noqa: SLF001
    """What taxii2-client calls a connection, bounded. One thread uses it at a time.

    Args:
        origin: scheme, host and port; no request goes anywhere else.
        ca_file: the authority that this server's certificate must come from; none: the usual.

    Raises:
        InvalidError: the origin is plain HTTP on a host for which nobody allowed that.
    """

    def __init__(
        self,
        origin: str,
        auth: AuthBase | tuple[str, str] | None,
        *,
        ca_file: str | None,
        limits: Limits,
    ) -> None:
        super().__init__(
            version="2.1", verify=ca_file or True, auth=auth, user_agent="Tocsin (TAXII 2.1)"
        )
        parts = urlsplit(origin)
        plain = parts.scheme == "http"
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidError(f"“{origin[:100]}” is not the address of a server")
        if plain and parts.hostname not in _LOOPBACK | limits.plain_http_hosts:
            raise InvalidError(
                f"{parts.hostname} would be asked without encryption",
                hint="Use https, or have the administrator allow plain HTTP for this host.",
            )
        self._origin = (parts.scheme, parts.netloc)
        self._limits = limits
        self._adapter = _WatchedAdapter(limits.reach)
        self.session.trust_env = False
        self.session.mount("http://", self._adapter)
        self.session.mount("https://", self._adapter)

    def get(self, url: str, headers: Any = None, params: Any = None) -> Answer:
        """Ask for a resource."""
        return self._ask("GET", url, headers, params=params)

    def post(self, url: str, headers: Any = None, params: Any = None, **body: Any) -> Answer:
        """Submit; `data` is the body."""
        return self._ask("POST", url, headers, params=params, **body)

    def delete(self, url: str, headers: Any = None, params: Any = None, **_body: Any) -> None:
        """Refuse: nothing of ours deletes what stands elsewhere."""
        raise NotImplementedError(url, headers, params)

    def _ask(self, method: str, url: str, headers: Any, **options: Any) -> Answer:
        parts = urlsplit(url)
        if (parts.scheme, parts.netloc) != self._origin:
            raise BadAnswerError(f"This would lead to another server: {url[:_SHOWN]}")
        given = {**(headers or {}), "Accept": TAXII_21, "Accept-Encoding": "gzip"}
        limits = self._limits
        deadline = time.monotonic() + limits.total_seconds
        with _translated(url), self._adapter.cut_after(limits.total_seconds):
            response = self.session.request(
                method,
                url,
                headers=self._merge_headers(given),
                timeout=(limits.connect_seconds, limits.read_seconds),
                allow_redirects=False,
                stream=True,
                **options,
            )
            with response:
                good = response.status_code < HTTPStatus.MULTIPLE_CHOICES
                limit = limits.answer_bytes if good else limits.error_bytes
                data = _read_bounded(response, limit, deadline)
        if not good:
            raise _refusal(response, data)
        content_type = response.headers.get("Content-Type")
        if content_type is None and not data:
            raise NoAnswerError("The answer broke off.")
        if not is_taxii(content_type):
            raise BadAnswerError(f"The answer is “{content_type}”, not “{TAXII_21}”.")
        read = _read_object(data, limit)
        return Answer(read.value, response.headers, is_plain=read.is_plain)


def _read_object(data: bytes, limit_bytes: int) -> Document:
    try:
        read = read_document(data, limit_bytes=limit_bytes, field="answer", max_depth=MAX_DEPTH + 2)
    except InvalidError as error:
        raise BadAnswerError(f"The answer can't be read: {error.message}.") from None
    if not isinstance(read.value, dict):
        raise BadAnswerError("The answer is no JSON object.")
    return read


def _read_bounded(response: requests.Response, limit: int, deadline: float) -> bytes:
    """Read a body piece by piece as it comes, decompressed, up to a limit."""
    data = bytearray()
    if response.headers.get("Content-Encoding", "identity").lower() not in ("identity", "gzip"):
        raise BadAnswerError("The answer is encoded in a way that we did not ask for.")
    while piece := response.raw.read1(_PIECE_BYTES, decode_content=True):
        data += piece
        if len(data) > limit:
            raise BadAnswerError(f"The answer is longer than {limit} bytes.")
    if time.monotonic() > deadline:
        raise NoAnswerError("The answer took too long.")
    return bytes(data)


def _refusal(response: requests.Response, data: bytes) -> Exception:
    """Tell what an answer above 299 means."""
    status = response.status_code
    if status < HTTPStatus.BAD_REQUEST:
        target = response.headers.get("Location", "")[:_SHOWN]
        return BadAnswerError(f"The server redirects to “{target}”; no redirect is followed.")
    said = f"HTTP {status}"
    try:
        document = _read_object(data, len(data)).value
    except BadAnswerError:
        document = {}
    for name in ("title", "description"):
        if isinstance(text := document.get(name), str) and text.strip(" ."):
            said += f", {text[:_SHOWN].strip().rstrip('.')}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = response.headers.get("Retry-After", "")
        seconds = min(int(wait), _LONGEST_WAIT_SECONDS) if wait.isdecimal() else None
        return NoAnswerError(f"The server can't now: {said}.", retry_after_seconds=seconds)
    return PeerRefusalError(status, f"The server refuses: {said}.")


@contextmanager
def _translated(url: str) -> Iterator[None]:
    host = urlsplit(url).netloc
    try:
        yield
    except (requests.exceptions.SSLError, urllib3.exceptions.SSLError) as error:
        raise NoAnswerError(f"The certificate of {host} is not the one expected.") from error
    except urllib3.exceptions.DecodeError as error:
        raise BadAnswerError("The answer can't be decompressed.") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise NoAnswerError(f"{host} did not answer: {type(error).__name__}.") from error


class _WatchedAdapter(GuardedAdapter):
    """Knows its open sockets, so that a clock of ours can end a request that never ends.

    A time-out for each read does not: a server that sends one byte at a time, in its headers
    even, keeps within it for ever.
    """

    def __init__(self, reach: Reach) -> None:
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        super().__init__(reach, opened=self._sockets.add)

    @contextmanager
    def cut_after(self, seconds: float) -> Iterator[None]:
        """Shut every open socket when the time is over."""
        clock = threading.Timer(seconds, self._cut)
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()

    def _cut(self) -> None:
        for open_socket in list(self._sockets):
            try:
                open_socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

"""What we send to partners' nodes: bounded in size and time, to known origins alone.

Source: protocol, 4 and 14; wire format, 2.
"""

from __future__ import annotations

import http.cookiejar
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import requests
from requests.auth import AuthBase

from federation.identity.descriptor import DESCRIPTOR_LIMIT_BYTES, MAX_VERSIONS
from federation.identity.keys import SignatureError, unb64
from federation.identity.origins import Destination, may_connect
from federation.judging.receipts import ReceiptList
from federation.partners.heads import Heads, read_heads
from federation.partners.tokens import ASSERTION_TYPE
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
from sharing.canonical import canonical, read_json
from sharing.outbound import GuardedAdapter, Reach

logger = logging.getLogger(__name__)

DESCRIPTOR_ANSWER_LIMIT_BYTES: Final = 128 * 1024
PAIRING_LIMIT_BYTES: Final = 4 * 1024 * 1024
HEADS_LIMIT_BYTES: Final = 4 * 1024 * 1024
RECEIPTS_LIMIT_BYTES: Final = 4 * 1024 * 1024
TOKEN_LIMIT_BYTES: Final = 16 * 1024
PROBLEM_LIMIT_BYTES: Final = 16 * 1024

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
"""Source: RFC 6750, 2.1."""
_CHUNK_BYTES: Final = 64 * 1024
_TOKEN_MARGIN: Final = timedelta(seconds=30)
_LONGEST_TOKEN_LIFE_SECONDS: Final = 3600
_SENTENCE_CHARACTERS: Final = 300


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a partner may keep us waiting, in seconds."""

    connect: float = 3.05
    read: float = 10.0
    whole: float = 30.0


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    use_until: datetime


class BearerAuth(AuthBase):
    """Puts our token for one origin on a request to that origin, and on no other."""

    def __init__(self, partners: PartnerHttp, destination: Destination) -> None:
        self._partners = partners
        self._destination = destination

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the token on; requests calls it for each request."""
        if not (request.url or "").startswith(f"{self._destination.origin}/"):
            raise ForbiddenError("a token goes only to the origin that issued it")
        token = self._partners.token(self._destination)
        request.headers["Authorization"] = f"Bearer {token}"
        return request


class PartnerHttp:
    """The one way out to partners' nodes. Safe to share between threads.

    Args:
        assert_to: gives fresh token assertions for an audience, the first by our newest transport
            key; the next is tried where nobody knows that key yet.
        clock: gives the time, in UTC.
        plain_http_hosts: hosts for which the administrator allowed plain HTTP by name.
        ca_file: the only authorities to trust, in place of the system's.
        reach: what may be reached besides public addresses.
    """

    def __init__(
        self,
        assert_to: Callable[[str], Iterable[str]],
        *,
        clock: Callable[[], datetime],
        timeouts: Timeouts | None = None,
        plain_http_hosts: frozenset[str] = frozenset(),
        ca_file: Path | None = None,
        reach: Reach | None = None,
    ) -> None:
        self._assert_to = assert_to
        self._clock = clock
        self._timeouts = timeouts or Timeouts()
        self._plain_http_hosts = plain_http_hosts
        self._tokens: dict[str, _Token] = {}
        self._lock = threading.Lock()
        self._session = requests.Session()
        # The environment may name proxies, passwords and another CA: none of it is asked.
        self._session.trust_env = False
        self._session.verify = str(ca_file) if ca_file else True
        self._session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update({"Accept-Encoding": "identity", "User-Agent": "tocsin"})
        for scheme in ("https://", "http://"):
            adapter = GuardedAdapter(reach or Reach(), pool_connections=32, pool_maxsize=8)
            self._session.mount(scheme, adapter)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def get_descriptors(self, destination: Destination, *, known_version: int = 0) -> list[Any]:
        """Fetch a node's descriptors above a known version, oldest first; unverified.

        Raises:
            InvalidError: what it serves is no chain of descriptors.
        """
        newest = self._get_descriptor(destination, "/.well-known/coordination-node")
        version = unverified_version(newest)
        if version - known_version > MAX_VERSIONS:
            message = f"{destination.origin} claims {version} descriptors"
            raise TooLargeError(message, field="descriptors")
        older = [
            self._get_descriptor(destination, f"/federation/descriptors/{number}/")
            for number in range(known_version + 1, version)
        ]
        return [*older, newest]

    def get_descriptor(self, destination: Destination, version: int) -> Any:
        """Fetch one version of a node's descriptor; unverified."""
        return self._get_descriptor(destination, f"/federation/descriptors/{version}/")

    def post_pairing(
        self, destination: Destination, *, secret: str, descriptors: list[Any]
    ) -> list[Any]:
        """Answer an invitation; give the other side's descriptors, unverified.

        Raises:
            NotFoundError: the invitation was used, has expired or was never given.
        """
        answer = self._exchange(
            "POST",
            destination,
            "/federation/pairing/",
            body=canonical({"secret": secret, "descriptors": descriptors}),
            content_type="application/json",
            limit_bytes=PAIRING_LIMIT_BYTES,
        )
        value = _read_object(answer, PAIRING_LIMIT_BYTES)
        theirs = value.get("descriptors")
        if not isinstance(theirs, list) or not 0 < len(theirs) <= MAX_VERSIONS:
            raise InvalidError(
                "the answer to the pairing holds no descriptors", field="descriptors"
            )
        return theirs

    def post_confirmation(self, destination: Destination, jws: str) -> None:
        """Tell the other side that our administrator confirmed."""
        self._exchange(
            "POST",
            destination,
            "/federation/pairing/confirmed/",
            body=jws.encode("ascii"),
            content_type="application/jose",
            limit_bytes=PROBLEM_LIMIT_BYTES,
        )

    def get_heads(self, destination: Destination, *, etag: str | None = None) -> Heads | None:
        """Ask where a partner's channels stand; `None` where nothing moved since `etag`."""
        answer = self._exchange(
            "GET",
            destination,
            "/federation/heads/",
            headers={"If-None-Match": etag} if etag else {},
            limit_bytes=HEADS_LIMIT_BYTES,
            as_ourselves=True,
        )
        if answer.status == HTTPStatus.NOT_MODIFIED:
            return None
        value = _read_object(answer, HEADS_LIMIT_BYTES)
        return read_heads(value, etag=answer.headers.get("etag"))

    def post_bell(self, destination: Destination, jws: str) -> None:
        """Ring a member's doorbell."""
        self._exchange(
            "POST",
            destination,
            "/federation/bell/",
            body=jws.encode("ascii"),
            content_type="application/jose",
            limit_bytes=PROBLEM_LIMIT_BYTES,
        )

    def post_receipt(self, destination: Destination, channel: str, jws: str) -> None:
        """Give a channel's owner our receipt."""
        self._exchange(
            "POST",
            destination,
            f"/federation/channels/{channel}/receipts/",
            body=jws.encode("ascii"),
            content_type="application/jose",
            limit_bytes=PROBLEM_LIMIT_BYTES,
            as_ourselves=True,
        )

    def get_receipts(
        self, destination: Destination, channel: str, since: tuple[int, int]
    ) -> ReceiptList:
        """Ask a node for the receipts that it has for a place and what follows; unverified.

        Raises:
            InvalidError: it answers with something else.
        """
        epoch, seq = since
        answer = self._exchange(
            "GET",
            destination,
            f"/federation/channels/{channel}/receipts/?epoch={epoch}&since_seq={seq}",
            limit_bytes=RECEIPTS_LIMIT_BYTES,
            as_ourselves=True,
        )
        return ReceiptList.read(_read_object(answer, RECEIPTS_LIMIT_BYTES))

    def token(self, destination: Destination) -> str:
        """Give our access token for this origin, from the last ten minutes or fresh."""
        now = self._clock()
        with self._lock:
            held = self._tokens.get(destination.origin)
        if held is not None and now < held.use_until:
            return held.text
        fresh = _read_token(self._ask_token(destination), now)
        with self._lock:
            self._tokens[destination.origin] = fresh
        return fresh.text

    def _ask_token(self, destination: Destination) -> dict[str, Any]:
        """Ask for a token with each assertion in turn; the refusal of the newest key counts."""
        refusal: UnverifiedError | None = None
        for assertion in self._assert_to(destination.origin):
            form = {
                "grant_type": "client_credentials",
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": assertion,
            }
            try:
                answer = self._exchange(
                    "POST",
                    destination,
                    "/federation/token/",
                    form=form,
                    limit_bytes=TOKEN_LIMIT_BYTES,
                )
            except UnverifiedError as error:
                refusal = refusal or error
                continue
            return _read_object(answer, TOKEN_LIMIT_BYTES)
        raise refusal or UnverifiedError("we have no key to prove ourselves with")

    def forget_token(self, destination: Destination) -> None:
        """Drop the token for this origin, so that the next request asks for a new one."""
        with self._lock:
            self._tokens.pop(destination.origin, None)

    def auth(self, destination: Destination) -> BearerAuth:
        """Give what puts our token on another client's requests to this origin."""
        return BearerAuth(self, destination)

    def _get_descriptor(self, destination: Destination, path: str) -> Any:
        answer = self._exchange("GET", destination, path, limit_bytes=DESCRIPTOR_ANSWER_LIMIT_BYTES)
        return _read_object(answer, DESCRIPTOR_ANSWER_LIMIT_BYTES)

    def _exchange(  # noqa: PLR0913 - one request has this many sides
        self,
        method: str,
        destination: Destination,
        path: str,
        *,
        limit_bytes: int,
        body: bytes | None = None,
        form: Mapping[str, str] | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        as_ourselves: bool = False,
    ) -> _Answer:
        may_connect(destination.origin, plain_http_hosts=self._plain_http_hosts).enforce()
        sent = dict(headers or {})
        if content_type:
            sent["Content-Type"] = content_type
        request = requests.Request(
            method,
            destination.origin + path,
            headers=sent,
            data=form if form is not None else body,
            auth=self.auth(destination) if as_ourselves else None,
        )
        answer = self._send(request, destination, limit_bytes)
        if answer.status == HTTPStatus.UNAUTHORIZED and as_ourselves:
            # They restarted with another key, or our token ran out on their clock: once more.
            self.forget_token(destination)
            answer = self._send(request, destination, limit_bytes)
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES and (
            answer.status != HTTPStatus.NOT_MODIFIED
        ):
            raise _refusal(answer, destination.origin)
        return answer

    def _send(
        self, request: requests.Request, destination: Destination, limit_bytes: int
    ) -> _Answer:
        prepared = self._session.prepare_request(request)
        end = time.monotonic() + self._timeouts.whole
        try:
            with self._session.send(
                prepared,
                stream=True,
                allow_redirects=False,
                timeout=(self._timeouts.connect, self._timeouts.read),
                verify=self._session.verify,
            ) as response:
                body = _read_bounded(response, limit_bytes, end)
                headers = {name.lower(): text for name, text in response.headers.items()}
                return _Answer(response.status_code, headers, body)
        except requests.exceptions.SSLError as error:
            message = (
                f"{destination.origin} does not prove who it is: its certificate is not trusted"
            )
            raise UnavailableError(message) from error
        except (requests.RequestException, OSError) as error:
            message = f"{destination.origin} does not answer ({type(error).__name__})"
            raise UnavailableError(message) from error


def unverified_version(jws: Any) -> int:
    """Read the version that a descriptor claims, before anything is proven.

    Raises:
        InvalidError: it is no descriptor.
    """
    payload = jws.get("payload") if isinstance(jws, dict) else None
    try:
        value = read_json(
            unb64(payload if isinstance(payload, str) else "?"), limit_bytes=DESCRIPTOR_LIMIT_BYTES
        )
    except SignatureError:
        raise InvalidError("not a descriptor", field="descriptors") from None
    version = value.get("version") if isinstance(value, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise InvalidError("a descriptor without a version", field="descriptors")
    return version


def _read_bounded(response: requests.Response, limit_bytes: int, end: float) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise InvalidError("the answer is compressed, which we did not ask for")
    parts: list[bytes] = []
    size = 0
    for part in response.iter_content(_CHUNK_BYTES):
        size += len(part)
        if size > limit_bytes:
            raise TooLargeError(f"the answer is larger than the {limit_bytes} bytes allowed")
        if time.monotonic() > end:
            raise UnavailableError("the answer came too slowly and was given up")
        parts.append(part)
    return b"".join(parts)


def _read_object(answer: _Answer, limit_bytes: int) -> dict[str, Any]:
    value = read_json(answer.body, limit_bytes=limit_bytes, field="answer")
    if not isinstance(value, dict):
        raise InvalidError("the answer is not a JSON object", field="answer")
    return value


def _read_token(value: Mapping[str, Any], now: datetime) -> _Token:
    text, kind, life = value.get("access_token"), value.get("token_type"), value.get("expires_in")
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise InvalidError("the answer holds no access token", field="access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise InvalidError("the token is not of type Bearer", field="token_type")
    if not isinstance(life, int) or isinstance(life, bool) or life < 1:
        raise InvalidError("the token has no life", field="expires_in")
    life = min(life, _LONGEST_TOKEN_LIFE_SECONDS)
    return _Token(text, now + timedelta(seconds=life) - _TOKEN_MARGIN)


_KINDS: Final[Mapping[int, type[CoordinationError]]] = {
    HTTPStatus.UNAUTHORIZED: UnverifiedError,
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.GONE: NotFoundError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TooLargeError,
}


def _refusal(answer: _Answer, origin: str) -> CoordinationError:
    """Make our error of a partner's answer; its words are quoted as its words, and bounded."""
    sentence = _unverified_sentence(answer.body)
    message = f"{origin} answered {answer.status}" + (f": “{sentence}”" if sentence else "")
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        return InvalidError(f"{origin} wants to send us elsewhere; redirects are not followed")
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return TooManyError(message, retry_after_seconds=_retry_after(answer))
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnavailableError(message, retry_after_seconds=_retry_after(answer))
    return _KINDS.get(answer.status, InvalidError)(message)


def _unverified_sentence(body: bytes) -> str | None:
    try:
        value = read_json(body, limit_bytes=PROBLEM_LIMIT_BYTES)
    except InvalidError:
        return None
    if not isinstance(value, dict):
        return None
    sentence = value.get("detail", value.get("error_description", value.get("title")))
    if not isinstance(sentence, str):
        return None
    return "".join(char for char in sentence if char.isprintable())[:_SENTENCE_CHARACTERS] or None


def _retry_after(answer: _Answer) -> int | None:
    text = answer.headers.get("retry-after", "")
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= 6 else None  # noqa: PLR2004 - eleven days

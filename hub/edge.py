"""The rim of every request: its id, where it came from, its size, the headers of its answer."""

from __future__ import annotations

import logging
import secrets
import time
import uuid
from collections.abc import Iterable
from http import HTTPStatus
from ipaddress import ip_address
from typing import IO, TYPE_CHECKING, Any, Final, cast

import structlog
from flask import Flask, Request, Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.utils import cached_property
from werkzeug.wsgi import LimitedStream

from hub.settings import IpNetwork

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

_FORWARDED: Final = ("HTTP_X_FORWARDED_", "HTTP_X_SSL_", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
_QUIET: Final = ("/healthz", "/readyz", "/metrics", "/static/")
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_NOTHING_TO_LOAD: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"


def csp_nonce() -> str:
    """Give this request's nonce for a `<style>` of ours."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


class BoundedRequest(Request):
    """A request whose body is refused where it is too long, and never cut off in silence.

    Werkzeug ends a body of unannounced length at the limit, so that its beginning would be read
    as the whole.
    """

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body, up to the limit of the address that reads it."""
        limit = self.max_content_length
        if limit is None or self.content_length is not None:
            return super().stream
        if not self.environ.get("wsgi.input_terminated"):
            return super().stream
        return cast("IO[bytes]", _CountedStream(self.environ["wsgi.input"], limit, is_max=True))


class _CountedStream(LimitedStream):
    """Looks whether anything follows after the last byte that is allowed."""

    def readall(self) -> bytes:
        data = super().readall()
        if self.is_exhausted and self._stream.read(1):
            raise RequestEntityTooLarge
        return data


class ProxyGuard:
    """Believe what a proxy says of the caller, if it is a proxy that was named; else nobody.

    From a named proxy the last address in `X-Forwarded-For` that is not itself a named proxy
    is the caller. From anywhere else these headers are dropped before anybody reads them.
    """

    def __init__(self, inner: WSGIApplication, proxies: Iterable[IpNetwork]) -> None:
        self._inner = inner
        self._proxies = tuple(proxies)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Settle who is calling, then pass the request on."""
        told = [name for name in environ if name.startswith(_FORWARDED)]
        # Whoever treats callers on this host better must know that a proxy spoke for somebody.
        environ["tocsin.forwarded"] = bool(told)
        if self._is_proxy(environ.get("REMOTE_ADDR", "")):
            self._believe(environ)
        else:
            for name in told:
                del environ[name]
        return self._inner(environ, start_response)

    def _believe(self, environ: WSGIEnvironment) -> None:
        hops = [hop.strip() for hop in environ.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        for hop in reversed([hop for hop in hops if hop]):
            if not _is_address(hop):
                break
            environ["REMOTE_ADDR"] = hop
            if not self._is_proxy(hop):
                break
        scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").strip().lower()
        if scheme in {"http", "https"}:
            environ["wsgi.url_scheme"] = scheme

    def _is_proxy(self, text: str) -> bool:
        if not self._proxies or not _is_address(text):
            return False
        address = ip_address(text)
        return any(address in network for network in self._proxies)


def register(app: Flask, *, proxies: Iterable[IpNetwork]) -> None:
    """Give every request an id and a line in the log, and every answer its headers."""
    app.wsgi_app = ProxyGuard(app.wsgi_app, proxies)  # type: ignore[method-assign]
    app.request_class = BoundedRequest

    @app.before_request
    def _begin() -> None:
        g.began = time.monotonic()
        g.request_id = uuid.uuid4().hex
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def _finish(response: Response) -> Response:
        set_headers(response)
        _log(response)
        return response

    @app.teardown_request
    def _forget(error: BaseException | None) -> None:
        del error
        structlog.contextvars.clear_contextvars()


def set_headers(response: Response) -> None:
    """Set what protects a reader's browser; what a page set itself stands."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if "request_id" in g:
        response.headers["X-Request-Id"] = g.request_id
    is_page = response.mimetype == "text/html"
    response.headers.setdefault(
        "Content-Security-Policy", _page_policy() if is_page else _NOTHING_TO_LOAD
    )
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if request.endpoint is None or not request.endpoint.endswith("static"):
        response.headers.setdefault("Cache-Control", "no-store")


def _page_policy() -> str:
    return (
        "default-src 'none'; script-src 'self'; "
        f"style-src 'self' 'nonce-{csp_nonce()}'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _log(response: Response) -> None:
    is_fault = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    if request.path.startswith(_QUIET) and not is_fault:
        return
    facts: dict[str, Any] = {
        "method": request.method,
        "path": request.path[:300],
        "status": response.status_code,
        "size_bytes": response.content_length,
        "duration_ms": round((time.monotonic() - g.get("began", time.monotonic())) * 1000, 1),
        "address": request.remote_addr,
    }
    actor = g.get("actor")
    if actor is not None:
        facts["user_id"] = actor.user_id
    logger.info("request answered", extra=facts)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

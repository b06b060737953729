"""Refusals and faults as HTTP answers, for people and for programs.

Source: RFC 9457.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from apiflask import APIFlask, HTTPError
from flask import Flask, Response, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from policies.errors import CoordinationError, UnavailableError, UnverifiedError
from sharing.status import status_of

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
ERROR_PAGE: Final = "tocsin.error_page"
# Everything below these paths talks to programs; elsewhere people look at pages.
PROGRAM_PATHS: Final = ("/api/", "/federation/", "/taxii2/", "/metrics", "/healthz", "/readyz")


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, as a reader is told."""

    status: HTTPStatus
    detail: str
    field: str | None = None
    hint: str | None = None
    error_id: str | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def title(self) -> str:
        """The short name of this kind of problem."""
        return self.status.phrase

    def document(self) -> dict[str, Any]:
        """Give the problem as RFC 9457 writes it, with our three members more."""
        members: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": int(self.status),
            "detail": self.detail,
            "field": self.field,
            "hint": self.hint,
            "error_id": self.error_id,
        }
        return {name: value for name, value in members.items() if value is not None}


def problem_of(error: CoordinationError) -> Problem:
    """Say a refusal as a problem."""
    headers: dict[str, str] = {}
    if isinstance(error, UnverifiedError):
        headers["WWW-Authenticate"] = 'Bearer realm="tocsin"'
    if isinstance(error, UnavailableError) and error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    return Problem(
        status_of(error), error.message, field=error.field, hint=error.hint, headers=headers
    )


def problem_response(problem: Problem) -> Response:
    """Write a problem for a program."""
    response = Response(
        json.dumps(problem.document(), ensure_ascii=False),
        status=problem.status,
        content_type=MEDIA_TYPE,
    )
    response.headers.extend(problem.headers)
    return response


def answer(problem: Problem) -> Response:
    """Write a problem for whoever asked: a page for people, a document for programs."""
    page: Callable[[Problem], Response] | None = current_app.extensions.get(ERROR_PAGE)
    if page is None or request.path.startswith(PROGRAM_PATHS):
        return problem_response(problem)
    response = page(problem)
    response.status_code = problem.status
    response.headers.extend(problem.headers)
    return response


def show_errors_with(app: Flask, page: Callable[[Problem], Response]) -> None:
    """Say who draws the page of a problem."""
    app.extensions[ERROR_PAGE] = page


def register(app: APIFlask) -> None:
    """Answer every error of this application, ours and the libraries'."""

    def on_refusal(error: CoordinationError) -> Response:
        return answer(problem_of(error))

    def on_http_exception(error: HTTPException) -> ResponseReturnValue:
        if error.code is not None and error.code < HTTPStatus.BAD_REQUEST:
            return error.get_response(request.environ)
        status = HTTPStatus(error.code or 500)
        headers = {
            name: value
            for name, value in error.get_headers()
            if name.lower() in {"allow", "retry-after", "www-authenticate", "location"}
        }
        return answer(Problem(status, _http_sentence(status, error), headers=headers))

    def on_bug(error: Exception) -> Response:
        error_id = uuid.uuid4().hex
        logger.error(
            "request ended in an error of our own",
            exc_info=error,
            extra={"error_id": error_id, "endpoint": request.endpoint},
        )
        sentence = "something went wrong here, and it is not your fault"
        return answer(
            Problem(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                sentence,
                hint="Tell the administrator the error id.",
                error_id=error_id,
            )
        )

    def on_bad_fields(error: HTTPError) -> Response:
        return answer(_fields_problem(error))

    app.register_error_handler(CoordinationError, on_refusal)
    app.register_error_handler(HTTPException, on_http_exception)
    app.register_error_handler(HTTPError, on_bad_fields)
    app.register_error_handler(Exception, on_bug)


def _fields_problem(error: HTTPError) -> Problem:
    """Say what a library found wrong in an input, by the path of the first wrong field."""
    status = HTTPStatus(error.status_code)
    detail = error.detail if isinstance(error.detail, Mapping) else {}
    for location, fields in detail.items():
        if isinstance(fields, Mapping):
            for path, sentences in fields.items():
                sentence = sentences[0] if isinstance(sentences, list) and sentences else sentences
                where = location if path == "_schema" else f"{location}.{path}"
                text = str(sentence).removeprefix("Value error, ")
                return Problem(status, f"{where}: {text}", field=where)
    return Problem(status, str(error.message or status.phrase))


def _http_sentence(status: HTTPStatus, error: HTTPException) -> str:
    sentences = {
        HTTPStatus.NOT_FOUND: "there is nothing here, or you may not know of it",
        HTTPStatus.METHOD_NOT_ALLOWED: "this address does not take that method",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "that is more than this address takes",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "send application/json",
    }
    return sentences.get(status, error.description or status.phrase)

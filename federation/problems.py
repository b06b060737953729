"""Refusals as partners' nodes read them: RFC 9457 problem documents."""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import Final

from flask import Response

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

_STATUS: Final[tuple[tuple[type[CoordinationError], HTTPStatus], ...]] = (
    (TooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (InvalidError, HTTPStatus.BAD_REQUEST),
    (UnverifiedError, HTTPStatus.UNAUTHORIZED),
    (ForbiddenError, HTTPStatus.FORBIDDEN),
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (ConflictError, HTTPStatus.CONFLICT),
    (TooManyError, HTTPStatus.TOO_MANY_REQUESTS),
    (UnavailableError, HTTPStatus.SERVICE_UNAVAILABLE),
)


def status_of(error: CoordinationError) -> HTTPStatus:
    """Give the HTTP status that a kind of refusal is answered with."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def problem(error: CoordinationError, *, status: HTTPStatus | None = None) -> Response:
    """Give a refusal as a problem document: what was refused, why, and what to do."""
    status = status or status_of(error)
    document = {"title": status.phrase, "status": status.value, "detail": error.message}
    if error.field:
        document["field"] = error.field
    if error.hint:
        document["hint"] = error.hint
    response = Response(
        json.dumps(document, ensure_ascii=False),
        status=status.value,
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store"},
    )
    if status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="federation"'
    retry_after = error.retry_after_seconds if isinstance(error, UnavailableError) else None
    if retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(retry_after))
    return response

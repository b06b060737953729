"""The HTTP status of each kind of refusal: the one place where the numbers stand.

Source: RFC 9110, 15; RFC 6585, 4; TAXII 2.1, 3.6.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

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

# A kind stands before the kinds that it is a case of.
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
    """Give the HTTP status of a refusal."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return HTTPStatus.BAD_REQUEST

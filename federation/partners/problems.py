"""Refusals as partners' nodes read them: RFC 9457 problem documents."""

from __future__ import annotations

import json
import math
from http import HTTPStatus

from flask import Response

from policies.errors import CoordinationError, UnavailableError
from sharing.status import status_of


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

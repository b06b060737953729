"""Does it live, is it ready, how is it doing: for supervisors and for Prometheus."""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Final

from apiflask import APIFlask
from flask import Response, current_app, g, jsonify, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from hub import clock, schema
from hub.accounts.current import current_settings
from policies.errors import CoordinationError, NotFoundError
from sharing.db import db, reading

BEAT: Final = "tocsin.find_last_beat"
BEAT_MAX_AGE: Final = timedelta(minutes=2)
FIGURES: Final = "tocsin.figures"

FindBeat = Callable[[Session], datetime | None]

REQUESTS: Final = Counter(
    "tocsin_http_requests", "Requests answered", ("endpoint", "method", "status")
)
REFUSED: Final = Counter(
    "tocsin_refused_by_quota", "Requests of partners and strangers refused by a quota", ("quota",)
)
SECONDS: Final = Histogram("tocsin_http_seconds", "Time to answer a request", ("endpoint",))


def watch_worker_with(app: APIFlask, find_last_beat: FindBeat) -> None:
    """Say how to find out when a worker last showed that it lives."""
    app.extensions[BEAT] = find_last_beat


def register(app: APIFlask) -> None:
    """Add the three addresses, and count what is answered."""
    app.add_url_rule("/healthz", "healthz", _healthz)
    app.add_url_rule("/readyz", "readyz", _readyz)
    app.add_url_rule("/metrics", "metrics", _metrics)

    @app.after_request
    def _count(response: Response) -> Response:
        endpoint = request.endpoint or "none"
        REQUESTS.labels(endpoint, _known_method(), str(response.status_code)).inc()
        if "began" in g:
            SECONDS.labels(endpoint).observe(time.monotonic() - g.began)
        return response


def readiness(find_last_beat: FindBeat | None, *, now: datetime) -> dict[str, str]:
    """Tell what keeps this node from working: part → `ok`, or what is wrong with it.

    Needs an application context.
    """
    parts: dict[str, str] = {}
    try:
        with db.engine.connect() as connection:
            at = schema.present(connection)
        parts["database"] = "ok"
    except SQLAlchemyError:
        return {"database": "can't be reached", "migrations": "unknown", "worker": "unknown"}
    wanted = schema.head()
    parts["migrations"] = "ok" if at == wanted else f"at {at or 'nothing'}, needed {wanted}"
    parts["worker"] = _worker_state(find_last_beat, now=now) if at == wanted else "unknown"
    return parts


def _worker_state(find_last_beat: FindBeat | None, *, now: datetime) -> str:
    if find_last_beat is None:
        return "not watched"
    try:
        with reading() as session:
            beat = find_last_beat(session)
    except (SQLAlchemyError, CoordinationError):
        return "unknown"
    if beat is None:
        return "never seen"
    if beat + BEAT_MAX_AGE < now:
        return f"last seen {beat:%Y-%m-%dT%H:%M:%SZ}"
    return "ok"


def _healthz() -> Response:
    return jsonify(status="ok")


def _readyz() -> tuple[Response, int]:
    parts = readiness(current_app.extensions.get(BEAT), now=clock.utcnow())
    good = all(state in {"ok", "not watched"} for state in parts.values())
    status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
    return jsonify(status="ok" if good else "not ready", parts=parts), status


def _metrics() -> Response:
    if not _may_read_metrics():
        raise NotFoundError("there is nothing here, or you may not know of it")
    registry: Any = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read_metrics() -> bool:
    """Let in who has the token; without a token set, whoever is on this host and no proxy."""
    token = current_settings().metrics_token
    if token is not None:
        given = request.headers.get("Authorization", "")
        wanted = f"Bearer {token.get_secret_value()}"
        return hmac.compare_digest(given.encode(), wanted.encode())
    if request.environ.get("tocsin.forwarded") or not request.remote_addr:
        return False
    return ip_address(request.remote_addr).is_loopback


def _known_method() -> str:
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return request.method if request.method in known else "other"

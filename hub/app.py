"""Join the parts: settings in, application out."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from apiflask import APIFlask
from flask import Flask
from flask.json.provider import DefaultJSONProvider

from hub import api, edge, health, logs, problem, web, wiring
from hub.accounts import current
from hub.settings import Settings, load_settings
from hub.version import product_version
from sharing.canonical import MalformedError, canonical, read_json
from sharing.db import db

MAX_FORM_BYTES: Final = 1024 * 1024
MAX_FORM_PARTS: Final = 500
POOL_SIZE: Final = 16


class StrictJson(DefaultJSONProvider):
    """JSON from outside is I-JSON: UTF-8, no name twice, bounded depth and integers."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read a document; bytes come from outside, text is our own.

        Raises:
            MalformedError: not I-JSON, with the reason.
        """
        if not isinstance(s, bytes):
            return super().loads(s, **kwargs)
        value = read_json(s, limit_bytes=len(s))
        if b"\\u" in s:
            # Only an escape brings in U+0000 or half a character, and no database takes these.
            try:
                canonical(value)
            except MalformedError as error:
                raise MalformedError(error.message, field=_place_of_fault(value)) from None
        return value


def _place_of_fault(value: Any, place: str = "") -> str | None:
    """Give where in a document a text stands that no database takes, as in `members[0].name`."""
    if isinstance(value, str):
        return place if any(one == "\x00" or "\ud800" <= one <= "\udfff" for one in value) else None
    inner: Iterable[tuple[str, Any]] = ()
    if isinstance(value, dict):
        inner = ((f"{place}.{name[:60]}".lstrip("."), one) for name, one in value.items())
    elif isinstance(value, list):
        inner = ((f"{place}[{at}]", one) for at, one in enumerate(value))
    return next((found for name, one in inner if (found := _place_of_fault(one, name))), None)


def create_app(settings: Settings) -> Flask:
    """Make the application of one node.

    Args:
        settings: as `load_settings` gives them, with the secrets made.
    """
    logs.configure(settings.log_level, settings.log_format)
    app = APIFlask(
        "hub",
        title="Tocsin",
        version=product_version(),
        spec_path=None,
        docs_path=None,
        static_folder=None,  # type: ignore[arg-type]
        json_errors=False,
    )
    app.json = StrictJson(app)
    app.config.update(
        SECRET_KEY=settings.secret_key.get_secret_value(),
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES,
        MAX_FORM_PARTS=MAX_FORM_PARTS,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        OPENAPI_VERSION="3.1.0",
        AUTO_200_RESPONSE=False,
        AUTO_404_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_OPERATION_ID=True,
        AUTO_SERVERS=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        VALIDATION_ERROR_STATUS_CODE=HTTPStatus.BAD_REQUEST,
        SQLALCHEMY_DATABASE_URI=settings.database_address,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(settings),
    )
    db.init_app(app)
    problem.register(app)
    current.register(app, settings)
    edge.register(app, proxies=settings.trusted_proxies)
    health.register(app)
    api.register(app)
    web.register(app)
    wiring.register(app, settings)
    return app


def from_environment() -> Flask:
    """Make the application of the node that the environment names."""
    return create_app(load_settings())


def _engine_options(settings: Settings) -> dict[str, Any]:
    return {
        "pool_size": POOL_SIZE,
        "max_overflow": POOL_SIZE,
        "pool_pre_ping": not settings.on_sqlite,
        "hide_parameters": True,  # an error in the log tells the statement, never the values
    }

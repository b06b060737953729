"""The edge of accounts: who is asking, the cookies, signing in and out."""

from __future__ import annotations

from typing import Final

import flask
from flask import Flask, Response, current_app, g, request
from flask.sessions import SecureCookieSessionInterface

from hub import clock
from hub.accounts import sign_ins, tokens
from hub.accounts.actor import Actor
from hub.settings import Settings
from policies.errors import UnverifiedError
from sharing.db import reading, transaction

SETTINGS: Final = "tocsin.settings"
MAX_SECRET_LENGTH: Final = 200


def current_settings() -> Settings:
    """Give the settings of the application that serves this request."""
    settings: Settings = current_app.extensions[SETTINGS]
    return settings


def current_actor() -> Actor:
    """Give who is asking, by token or by session; the answer holds for the whole request.

    A request with an `Authorization` header is judged by that alone.

    Raises:
        UnverifiedError: nobody, or nobody who is known any more.
    """
    actor: Actor | None = g.get("actor")
    if actor is None:
        actor = _actor_by_token() if "Authorization" in request.headers else _actor_by_session()
        g.actor = actor
    return actor


def find_current_actor() -> Actor | None:
    """Give who is asking, or `None`; for pages that look different then."""
    try:
        return current_actor()
    except UnverifiedError:
        return None


def begin_sign_in(name: str, password: str) -> Actor:
    """Begin a session of this browser under a new secret; its old one ends.

    Raises:
        UnverifiedError: name or password is wrong.
        TooManyError: too many sign-ins failed for this name or from this address.
    """
    settings, now, address = current_settings(), clock.utcnow(), request.remote_addr
    with transaction() as session:
        attempt = sign_ins.begin(session, name, address=address, now=now)
    if not attempt.proves(password):
        with transaction() as session:
            sign_ins.refuse(session, attempt, now=now)
        raise UnverifiedError(sign_ins.WRONG)
    with transaction() as session:
        old = _present_secret()
        if old is not None:
            sign_ins.end_secret(session, old, now=now)
        row, secret = sign_ins.finish(
            session,
            attempt,
            password,
            life=settings.session_life,
            agent=request.user_agent.string or None,
            now=now,
        )
        actor = sign_ins.actor_of(row)
    flask.session.clear()  # and with it the CSRF token that a stranger might have planted
    g.actor = actor
    g.new_secret = secret
    return actor


def end_sign_in() -> None:
    """End this browser's session; without one, nothing happens."""
    secret = _present_secret()
    if secret is not None:
        with transaction() as session:
            sign_ins.end_secret(session, secret, now=clock.utcnow())
    flask.session.clear()
    g.pop("actor", None)
    g.new_secret = None


def cookie_name() -> str:
    """Give the name of the session's cookie; over TLS the browser pins it to this host."""
    name = f"tocsin_{current_settings().cookie_suffix}"
    return f"__Host-{name}" if request.is_secure else name


def may_be_forged() -> bool:
    """Tell whether a request stands on what browsers send for strangers as well.

    That is a cookie, and a name and password of HTTP Basic that a browser keeps; never Bearer.
    """
    header = request.authorization
    return header is None or header.type != "bearer"


class HostSession(SecureCookieSessionInterface):
    """Flask's signed cookie for form tokens and notices, named and flagged as ours is."""

    def get_cookie_name(self, app: Flask) -> str:
        """Give a name that no other node on this host uses."""
        del app
        return f"{cookie_name()}_form"

    def get_cookie_secure(self, app: Flask) -> bool:
        """Tell whether the cookie is for TLS alone."""
        del app
        return request.is_secure


def register(app: Flask, settings: Settings) -> None:
    """Make this application know its people."""
    app.extensions[SETTINGS] = settings
    app.session_interface = HostSession()

    @app.after_request
    def _set_cookie(response: Response) -> Response:
        if "new_secret" not in g:
            return response
        if g.new_secret is None:
            response.delete_cookie(cookie_name(), path="/", secure=request.is_secure)
        else:
            response.set_cookie(
                cookie_name(),
                g.new_secret,
                max_age=settings.session_life_seconds,
                path="/",
                secure=request.is_secure,
                httponly=True,
                samesite="Lax",
            )
        return response


def _present_secret() -> str | None:
    secret = request.cookies.get(cookie_name())
    return secret if secret and len(secret) <= MAX_SECRET_LENGTH else None


def _actor_by_session() -> Actor:
    secret = _present_secret()
    if secret is None:
        raise UnverifiedError("sign in first")
    now = clock.utcnow()
    with reading() as session:
        row = sign_ins.find(session, secret, idle=current_settings().session_idle, now=now)
        if row is None:
            raise UnverifiedError("the session has ended; sign in again")
        actor = sign_ins.actor_of(row, address=request.remote_addr)
        row_id, is_due = row.id, sign_ins.needs_touch(row, now=now)
    if is_due:
        with transaction() as session:
            sign_ins.touch(session, row_id, now=now)
    return actor


def _token_in_header() -> str:
    """Give the token of a request: as Bearer, or as the password of HTTP Basic.

    Source: TAXII 2.1, 8.2.2: clients that know nothing else speak Basic.
    """
    try:
        header = request.authorization
    except ValueError:  # other than ASCII
        header = None
    kind = header.type if header is not None else ""
    secret = ""
    if header is not None:
        secret = (header.password if kind == "basic" else header.token) or ""
    if kind not in ("bearer", "basic") or not 0 < len(secret) <= MAX_SECRET_LENGTH:
        raise UnverifiedError("send Authorization: Bearer and a token")
    return secret.strip()


def _actor_by_token() -> Actor:
    secret = _token_in_header()
    now, address = clock.utcnow(), request.remote_addr
    with reading() as session:
        token, actor = tokens.verify_token(session, secret, address=address, now=now)
        token_id, is_due = token.id, tokens.needs_touch(token, now=now)
    if is_due:
        with transaction() as session:
            tokens.touch(session, token_id, address=address, now=now)
    return actor

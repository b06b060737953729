"""One's own account: password, personal tokens, where one is signed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal

from flask import Response, flash, redirect, request, url_for
from pydantic import ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.accounts import sign_ins, tokens, users
from hub.accounts.actor import Actor, TokenScope
from hub.accounts.current import current_actor, end_sign_in
from hub.accounts.records import ApiToken
from hub.web.acting import DONE, attempt
from hub.web.agents import browser_name
from hub.web.forms import Filled, PageForm
from hub.web.frame import pages, show
from hub.web.models import State, Tone
from policies.roles import Right
from sharing.db import reading, transaction

SCOPE_WORDS = {
    TokenScope.READ: "Read",
    TokenScope.WRITE: "Write",
    TokenScope.ADMIN: "Administer",
}


class PasswordForm(PageForm):
    """The present password and another one; blanks belong to them."""

    model_config = ConfigDict(str_strip_whitespace=False)

    present: Annotated[str, StringConstraints(max_length=800)]
    password: Annotated[str, StringConstraints(max_length=800)]


class TokenForm(PageForm):
    """A token that is wished for."""

    name: Annotated[str, StringConstraints(max_length=100)]
    scopes: Annotated[list[TokenScope], Field(min_length=1, max_length=3)]
    days: Literal["30", "90", "365"]
    networks: Annotated[str, StringConstraints(max_length=1000)] = ""


@dataclass(frozen=True)
class TokenLine:
    """One token as its owner sees it."""

    id: str
    name: str
    beginning: str
    scopes: list[str]
    networks: list[str]
    last_used_at: datetime | None
    expires_at: datetime
    live: bool
    state: State


@dataclass(frozen=True)
class SessionLine:
    """One browser in which one is signed in."""

    id: str
    agent: str | None
    address: str | None
    last_seen_at: datetime
    present: bool


@pages.get("/account")
def get_account() -> Response:
    """Show one's own account."""
    return _show_account()


@pages.post("/account/password")
def post_password() -> BaseResponse:
    """Change one's own password; other browsers are signed out."""

    def act(form: PasswordForm) -> None:
        with transaction() as session:
            actor, now = current_actor(), clock.utcnow()
            users.change_own_password(
                session, actor, present=form.present, new=form.password, now=now
            )

    filled, status = attempt(PasswordForm, act)
    if status is not DONE:
        return _show_account(password_form=filled, status=status)
    flash("Your password is changed. Other browsers are signed out.", "good")
    return redirect(url_for("pages.get_today"), HTTPStatus.SEE_OTHER)


@pages.post("/account/tokens")
def post_token() -> BaseResponse:
    """Make a token and show its secret in the answer, since it is kept nowhere."""
    made: list[str] = []

    def act(form: TokenForm) -> None:
        now = clock.utcnow()
        with transaction() as session:
            _, secret = tokens.create_token(
                session,
                current_actor(),
                form.name,
                scopes=form.scopes,
                networks=form.networks.replace(",", " ").split(),
                expires_at=now + timedelta(days=int(form.days)),
                now=now,
            )
            made.append(secret)

    filled, status = attempt(TokenForm, act)
    if status is not DONE:
        return _show_account(token_form=filled, status=status)
    return _show_account(secret=made[0])


@pages.post("/account/tokens/<token_id>/end")
def post_token_end(token_id: str) -> BaseResponse:
    """Revoke a token."""
    with transaction() as session:
        token = tokens.revoke_token(session, current_actor(), token_id, now=clock.utcnow())
    flash(f"The token “{token.name}” is revoked.", "good")
    return redirect(url_for("pages.get_account"), HTTPStatus.SEE_OTHER)


@pages.post("/account/sessions/<sign_in_id>/end")
def post_session_end(sign_in_id: str) -> BaseResponse:
    """Sign another browser out."""
    with transaction() as session:
        sign_ins.end(session, current_actor(), sign_in_id, now=clock.utcnow())
    flash("That browser is signed out.", "good")
    return redirect(url_for("pages.get_account"), HTTPStatus.SEE_OTHER)


@pages.post("/account/sessions/end")
def post_sign_out_everywhere() -> BaseResponse:
    """Sign out in every browser, this one included."""
    actor = current_actor()
    with transaction() as session:
        sign_ins.end_everywhere(session, actor, actor.user_id, now=clock.utcnow())
    end_sign_in()
    flash("You are signed out everywhere.", "good")
    return redirect(url_for("pages.get_sign_in"), HTTPStatus.SEE_OTHER)


def _show_account(
    *,
    password_form: Filled[PasswordForm] | None = None,
    token_form: Filled[TokenForm] | None = None,
    secret: str | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        lines = _token_lines(session, actor, now=now)
        sessions = [
            SessionLine(
                id=row.id,
                agent=browser_name(row.agent),
                address=row.address,
                last_seen_at=row.last_seen_at,
                present=row.id == actor.sign_in_id,
            )
            for row in sign_ins.visible_sign_ins(session, actor, now=now)
        ]
    scopes = [
        (scope.value, word)
        for scope, word in SCOPE_WORDS.items()
        if scope is not TokenScope.ADMIN or actor.may(Right.MANAGE_ACCOUNTS)
    ]
    return show(
        "account.html",
        "",
        status=status,
        now=now,
        password_form=password_form,
        token_form=token_form,
        secret=secret,
        tokens=lines,
        sessions=sorted(sessions, key=lambda one: not one.present),
        scopes=scopes,
        api_address=request.host_url + "api/v1/node",
    )


def _token_lines(session: Session, actor: Actor, *, now: datetime) -> list[TokenLine]:
    if not actor.may(Right.HOLD_TOKENS):
        return []
    return [_token_line(row, now=now) for row in tokens.visible_tokens(session, actor)]


def _token_line(row: ApiToken, *, now: datetime) -> TokenLine:
    if row.revoked_at is not None:
        state = State("revoked", Tone.ENDED)
    elif row.expires_at <= now:
        state = State("run out", Tone.ENDED)
    else:
        state = State("in use", Tone.GOOD)
    return TokenLine(
        id=row.id,
        name=row.name,
        beginning=row.beginning,
        scopes=[SCOPE_WORDS[TokenScope(scope)].lower() for scope in row.scopes],
        networks=row.networks,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        live=state.tone is Tone.GOOD,
        state=state,
    )

"""The door: sign in, sign out, how pages look, and the files that pages need."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Final

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from pydantic import ConfigDict, StringConstraints
from werkzeug.wrappers import Response as BaseResponse

from hub.accounts.current import begin_sign_in, end_sign_in, find_current_actor
from hub.web import assets
from hub.web.forms import Filled, PageForm, read_form
from hub.web.frame import THEME_COOKIE, THEMES, own_name, pages, safe_back
from policies.errors import CoordinationError, TooManyError, UnverifiedError
from sharing.status import status_of

A_YEAR: Final = timedelta(days=365)


class SignInForm(PageForm):
    """What the door asks for. A password keeps its blanks, so both are read as they are."""

    model_config = ConfigDict(str_strip_whitespace=False)

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=800)]


@pages.get("/static/<path:name>")
def get_asset(name: str) -> Response:
    """Give a style sheet, a script or a drawing."""
    return assets.get_asset(name)


@pages.get("/sign-in")
def get_sign_in() -> BaseResponse:
    """Show the door; who is in already goes on."""
    back = request.args.get("back")
    if find_current_actor() is not None:
        return redirect(safe_back(back))
    return _show_door(None, back)


@pages.post("/sign-in")
def post_sign_in() -> BaseResponse:
    """Let somebody in, and on to where they wanted to go."""
    back = request.form.get("back")
    filled = read_form(SignInForm, request.form)
    status = HTTPStatus.BAD_REQUEST
    if filled.form is not None:
        try:
            begin_sign_in(filled.form.name.strip(), filled.form.password)
        except (UnverifiedError, TooManyError) as error:
            filled, status = _refused(filled, error), status_of(error)
        else:
            return redirect(safe_back(back), HTTPStatus.SEE_OTHER)
    return _show_door(filled, back, status)


@pages.post("/sign-out")
def post_sign_out() -> BaseResponse:
    """End this browser's session."""
    end_sign_in()
    flash("You are signed out.", "good")
    return redirect(url_for("pages.get_sign_in"), HTTPStatus.SEE_OTHER)


@pages.post("/appearance")
def post_theme() -> BaseResponse:
    """Remember how this browser's pages should look; it is no secret and needs no session."""
    response = redirect(safe_back(request.form.get("back")), HTTPStatus.SEE_OTHER)
    theme = request.form.get("theme", "auto")
    response.set_cookie(
        THEME_COOKIE,
        theme if theme in THEMES else "auto",
        max_age=A_YEAR,
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response


def _refused(filled: Filled[SignInForm], error: CoordinationError) -> Filled[SignInForm]:
    """Say why, and what to do, without telling which of the two was wrong."""
    refused = filled.refused(error)
    if error.hint is None and isinstance(error, UnverifiedError):
        hint = "Try again, or ask an administrator of your node for a new password."
        return Filled(values=refused.values, problem=refused.problem, hint=hint)
    return refused


def _show_door(
    filled: Filled[SignInForm] | None, back: str | None, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    page = render_template("sign_in.html", filled=filled, back=back, organisation=own_name())
    return make_response(page, status)

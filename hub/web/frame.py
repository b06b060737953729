"""The frame that every page lives in: blueprint, navigation, theme, errors, what templates know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_wtf.csrf import CSRFError, CSRFProtect
from markupsafe import escape
from werkzeug.wrappers import Response as BaseResponse

from federation.identity import node
from hub import clock
from hub.accounts.actor import Actor
from hub.accounts.current import current_actor, find_current_actor
from hub.channels import preview_words
from hub.problem import Problem, show_errors_with
from hub.web import assets, words
from hub.web.forms import as_sentence, sentences_of
from hub.web.models import Place, Tone
from hub.web.waiting import count_waiting
from policies.errors import UnverifiedError
from policies.roles import Right
from sharing.db import reading

THEME_COOKIE: Final = "tocsin_theme"
THEMES: Final = ("auto", "light", "dark")

pages = Blueprint("pages", __name__, template_folder="templates")
csrf = CSRFProtect()

# Where somebody goes who must first do something: both can be reached without having done it.
OPEN_ENDPOINTS: Final = frozenset(
    {"pages.get_asset", "pages.get_sign_in", "pages.post_sign_in", "pages.post_theme"}
)
BEFORE_NEW_PASSWORD: Final = frozenset(
    {"pages.get_account", "pages.post_password", "pages.post_sign_out"}
)

TITLES: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "That did not fit",
    HTTPStatus.UNAUTHORIZED: "Please sign in",
    HTTPStatus.FORBIDDEN: "Not open to you",
    HTTPStatus.NOT_FOUND: "Nothing here",
    HTTPStatus.METHOD_NOT_ALLOWED: "Not this way",
    HTTPStatus.CONFLICT: "Something changed meanwhile",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Too much at once",
    HTTPStatus.TOO_MANY_REQUESTS: "A moment, please",
    HTTPStatus.INTERNAL_SERVER_ERROR: "That went wrong here",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not now",
}
HINTS: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.FORBIDDEN: "If you need it, ask an administrator of your node for the role.",
    HTTPStatus.NOT_FOUND: "Start again from Today, or check the address.",
    HTTPStatus.CONFLICT: "Go back, load the page again and look at how it stands now.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Nothing is lost. Try again in a minute.",
}
CAN_RETRY: Final = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }
)


def register(app: Flask) -> None:
    """Add the pages to the application, and draw its errors for people."""
    # The edges for programs take no cookies, so only pages ask for the token (`_guard`).
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # as long as the session; a night shift is long
    app.config["WTF_CSRF_SSL_STRICT"] = False  # the policy below sends no Referer
    csrf.init_app(app)
    app.jinja_env.globals.update(
        asset_url=assets.asset_url,
        icon=assets.icon,
        Tone=Tone,
        pairs=words.pairs,
        label_pairs=words.label_pairs,
    )
    app.jinja_env.filters.update(
        ago=lambda at, now: words.time_tag(at, now=now),
        at=words.time_tag,
        contact_parts=words.contact_parts,
        count=words.count,
        short=words.short,
        tlp_meaning=words.tlp_meaning,
        day=words.day,
        sees_summary=preview_words.summary,
        sees_reader=preview_words.reader_words,
        sees_later=preview_words.later_words,
        sees_inside=preview_words.inside_words,
        date=words.date_tag,
        sentence=as_sentence,
        typed=words.typed,
    )
    app.jinja_env.finalize = words.visible
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.register_blueprint(pages)
    show_errors_with(app, draw_problem)


@pages.before_request
def _guard() -> BaseResponse | None:
    """Ask for the form's token on every change, and for a person on every page but the door."""
    if request.method not in {"GET", "HEAD", "OPTIONS"}:
        csrf.protect()
    if request.endpoint in OPEN_ENDPOINTS:
        return None
    actor = current_actor()
    if actor.must_change_password and request.endpoint not in BEFORE_NEW_PASSWORD:
        return redirect(url_for("pages.get_account"))
    return None


@pages.errorhandler(UnverifiedError)
def _to_the_door(_error: UnverifiedError) -> BaseResponse:
    """Lead somebody unknown to the door, and afterwards back to where they wanted to go."""
    if request.headers.get("HX-Request"):
        response = make_response("", HTTPStatus.NO_CONTENT)
        response.headers["HX-Redirect"] = url_for("pages.get_sign_in", back=_present_address())
        return response
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    wanted = None if back == url_for("pages.get_today") else back
    return redirect(url_for("pages.get_sign_in", back=wanted))


@pages.errorhandler(CSRFError)
def _stale_form(_error: CSRFError) -> BaseResponse:
    """Say that a form was too old, and send whoever filled it in back to a fresh one."""
    flash("This page was open for too long. Nothing was changed: please do it again.", "waiting")
    return redirect(safe_back(_present_address()), HTTPStatus.SEE_OTHER)


@pages.after_request
def _keep_private(response: Response) -> Response:
    """Let no cache and no shared disk keep a page."""
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    response.vary.add("Cookie")
    return response


@pages.app_context_processor
def _frame_values() -> dict[str, Any]:
    """Give templates what the frame shows."""
    return {
        "theme": present_theme(),
        "here": request.full_path.rstrip("?") if request.method == "GET" else "",
    }


def present_theme() -> str:
    """Give the appearance that this browser asked for; `auto` follows the device."""
    theme = request.cookies.get(THEME_COOKIE, "auto")
    return theme if theme in THEMES else "auto"


def safe_back(address: str | None, otherwise: str | None = None) -> str:
    """Give an address of ours to go back to; anything else becomes Today."""
    if address:
        parts = urlsplit(address)
        ours = not parts.scheme and not parts.netloc and address.startswith("/")
        if ours and not address.startswith(("//", "/\\")) and "\\" not in address:
            return address
    return otherwise or url_for("pages.get_today")


def _present_address() -> str | None:
    """Give the page that the browser shows: htmx says so, a form by its Referer."""
    said = request.headers.get("HX-Current-URL") or request.referrer
    if not said:
        return None
    parts = urlsplit(said)
    if parts.netloc != request.host:
        return None
    return parts.path + (f"?{parts.query}" if parts.query else "")


def show(
    template: str,
    place: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    now: datetime | None = None,
    **values: Any,
) -> Response:
    """Draw a page inside the frame.

    Args:
        place: the navigation entry that is marked as the present one.
    """
    actor, now = current_actor(), now or clock.utcnow()
    known = {
        **values,
        "actor": actor,
        "actor_roles": ", ".join(sorted(role.value for role in actor.roles)),
        "organisation": own_name(),
        "places": places_for(actor, waiting=count_waiting(actor, now=now)),
        "here_place": place,
        "now": now,
    }
    page = render_template(template, **known)
    if status >= HTTPStatus.BAD_REQUEST:
        # A form that is not offered any more has no place for its refusal; the page's head has.
        said = [said for one in (values, *values.values()) for said in sentences_of(one)]
        said = [one for one in said if escape(words.visible(one)) not in page]
        page = render_template(template, **known, unplaced=said) if said else page
    return make_response(page, status)


def own_name() -> str:
    """Give the name of the organisation that this node speaks for, or nothing before set-up."""
    with reading() as session:
        own = node.find_node(session)
        return own.name if own else ""


def places_for(actor: Actor, *, waiting: int) -> list[Place]:
    """Give the places that this person's roles open."""
    places = [Place("today", "Today", "home", url_for("pages.get_today"), count=waiting)]
    known: tuple[tuple[Right, str, str, str, Callable[[], str], str], ...] = (
        (
            Right.READ_CHANNELS,
            "channels",
            "Channels",
            "message-2",
            lambda: url_for("pages.get_channels"),
            "",
        ),
        (
            Right.READ_CHANNELS,
            "cases",
            "Cases",
            "urgent",
            lambda: url_for("pages.get_cases"),
            "",
        ),
        (
            Right.READ_CHANNELS,
            "reports",
            "Reports",
            "notes",
            lambda: url_for("pages.get_reports"),
            "",
        ),
        (
            Right.READ_CHANNELS,
            "communities",
            "Community",
            "building-community",
            lambda: url_for("pages.get_communities"),
            "Comm.",
        ),
        (
            Right.READ_PARTNERS,
            "partners",
            "Partners",
            "heart-handshake",
            lambda: url_for("pages.get_partners"),
            "",
        ),
        (
            Right.READ_AUDIT,
            "administration",
            "Administration",
            "settings",
            lambda: url_for("pages.get_administration"),
            "Admin",
        ),
    )
    places += [
        Place(name, word, drawing, href(), short)
        for right, name, word, drawing, href, short in known
        if actor.may(right)
    ]
    return places


def draw_problem(problem: Problem) -> Response:
    """Draw the page of a problem: what happened, in a sentence, and what to do."""
    title = TITLES.get(problem.status, problem.title)
    again = request.full_path.rstrip("?") if request.method == "GET" else None
    return make_response(
        render_template(
            "problem.html",
            problem=problem,
            title=title,
            sentence=as_sentence(problem.detail),
            hint=problem.hint or HINTS.get(problem.status),
            retry=again if problem.status in CAN_RETRY else None,
            organisation="",
            signed_in=find_current_actor() is not None,
        )
    )

"""Cases: a room for one incident: what organisations state, what it comes to, what is decided."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Response, flash, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.accounts.current import current_actor
from hub.audit import service as audit
from hub.cases import course, joining, queries
from hub.channels.queries import get_visible_summary, visible_pending
from hub.office import current_office
from hub.web import case_words as shown
from hub.web.acting import DONE, attempt
from hub.web.case_forms import CaseForm
from hub.web.forms import Filled
from hub.web.frame import pages, show
from policies.decisions import ABSTAINED
from policies.matrix import Level
from policies.roles import Right
from policies.tlp import TLP
from sharing.db import reading, transaction

PAGE: Final = 50
"""Cases on one page of the list."""
CAN_BE_OPENED: Final = (TLP.GREEN, TLP.AMBER, TLP.AMBER_STRICT)


@pages.get("/cases")
def get_cases() -> Response:
    """Show all cases, those that need somebody first."""
    actor, now = current_actor(), clock.utcnow()
    actor.may(Right.READ_CHANNELS).enforce()
    after = _read_place(request.args.get("after"))
    with reading() as session:
        cases = queries.visible_cases(session, actor, after=after, limit=PAGE + 1)
    cases, more = cases[:PAGE], len(cases) > PAGE
    over = {"declined", "closed", "merged"}
    return show(
        "cases/list.html",
        "cases",
        now=now,
        groups=[
            ([one for one in cases if one.state not in over], "Under way"),
            ([one for one in cases if one.state in over], "Ended"),
        ],
        any_case=bool(cases) or after is not None,
        older_page=url_for("pages.get_cases", after=_place_of(cases[-1])) if more else None,
        words=shown,
        may_open=bool(actor.may(Right.RUN_CASES)),
    )


@pages.get("/cases/new")
def get_new_case() -> Response:
    """Show the form for a case of ours."""
    current_actor().may(Right.RUN_CASES).enforce()
    return _show_new(None)


@pages.post("/cases")
def post_case() -> BaseResponse:
    """Open a case that we coordinate."""
    opened: list[str] = []

    def act(form: CaseForm) -> None:
        with transaction() as session:
            opened.append(
                course.open_case(
                    session,
                    current_office().desk(session),
                    current_actor(),
                    title=form.title,
                    text=form.text,
                    ceiling=form.ceiling,
                    exercise=form.exercise is not None,
                    now=clock.utcnow(),
                )
            )

    filled, status = attempt(CaseForm, act)
    if status is not DONE:
        return _show_new(filled, status)
    flash("The case is open. Now invite those who are needed.", "good")
    return to_case(opened[0])


@pages.get("/cases/<uuid:channel>")
def get_case(channel: UUID) -> Response:
    """Show the room of one case."""
    response = show_case(str(channel), {})
    with transaction() as session:
        audit.record(session, current_actor(), "case.read", str(channel), now=clock.utcnow())
    return response


def _place_of(case: queries.CaseSummary) -> str:
    return f"{case.changed_at.isoformat()}_{case.channel}"


def _read_place(text: str | None) -> tuple[datetime, str] | None:
    """Read after which case a page begins; what is none begins with the first."""
    moment, _, channel = (text or "").partition("_")
    try:
        found = datetime.fromisoformat(moment), str(UUID(channel))
    except ValueError:
        return None
    return found if found[0].tzinfo is not None else None


def to_case(channel: str) -> BaseResponse:
    """Lead back to the room after an act."""
    return redirect(url_for("pages.get_case", channel=channel), HTTPStatus.SEE_OTHER)


def _show_new(filled: Filled[CaseForm] | None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return show("cases/new.html", "cases", status=status, filled=filled, labels=CAN_BE_OPENED)


def show_case(channel: str, forms: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Show the room of one case, with the forms that came back."""
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        us = current_office().desk(session).organisation
        case = queries.get_visible_case(session, actor, channel)
        members = queries.visible_organisations(session, actor, channel, us=us)
        decisions = queries.visible_decisions(session, actor, channel, us=us)
        said = queries.visible_case_words(session, actor, channel)
        picture = joining.visible_picture(session, actor, channel)
        summary = get_visible_summary(session, actor, channel)
        pending = len(visible_pending(session, actor, channel, now=now))
    names = {one.organisation: one.name for one in members}
    own = next((one for one in members if one.is_us), None)
    runs = case.is_ours and bool(actor.may(Right.RUN_CASES))
    is_over = case.state in {"declined", "closed", "merged"}
    readers = [one.name for one in members if not one.is_us]
    return show(
        "cases/case.html",
        "cases",
        status=status,
        now=now,
        case=case,
        standing=summary.standing.value,
        members=members,
        silent=[one for one in members if one.is_silent and not one.is_us and not one.coordinates],
        pending=pending,
        own=own,
        readers=readers,
        decisions=decisions,
        said=[one for one in said if one.text],
        picture=picture,
        changes=shown.would_change(picture.told.would_change, names)[:20],
        knows_more=picture.knows_more,
        words=shown,
        names=names,
        levels=list(Level),
        runs=runs and not is_over,
        may_reopen=runs and case.state in {"declined", "closed"},
        states_own=own is not None
        and own.takes_part
        and not is_over
        and bool(actor.may(Right.CONTRIBUTE)),
        may_vote=not is_over and bool(actor.may(Right.VOTE)),
        abstained=ABSTAINED,
        forms=forms,
    )

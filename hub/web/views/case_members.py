"""The members of a case: invited or joined, how far each is, and how far it holds the ledger."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from flask import Response, flash, redirect, url_for
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.accounts.current import current_actor
from hub.audit import service as audit
from hub.cases import queries
from hub.cases.members import visible_case_members
from hub.channels import audience
from hub.channels.member_queries import visible_open_acts
from hub.channels.queries import get_visible_summary
from hub.office import current_office
from hub.web import case_words
from hub.web.acting import DONE, attempt
from hub.web.channel_words import audience_of
from hub.web.forms import Filled
from hub.web.frame import pages, show
from hub.web.views.audience import LimitsForm
from policies.acts import ACTS
from sharing.db import reading, transaction


@pages.get("/cases/<uuid:channel>/members")
def get_case_members(channel: UUID) -> Response:
    """Show who takes part in a case."""
    return _show_members(str(channel), None)


@pages.post("/cases/<uuid:channel>/limits")
def post_case_limits(channel: UUID) -> BaseResponse:
    """Say up to which label we take matter in a case from now on."""

    def act(form: LimitsForm) -> None:
        with transaction() as session:
            desk, actor, now = current_office().desk(session), current_actor(), clock.utcnow()
            queries.get_case_row(session, actor, str(channel))
            audience.change_limits(session, desk, actor, str(channel), takes=form.takes, now=now)

    filled, status = attempt(LimitsForm, act, shares=True)
    if status is not DONE:
        return _show_members(str(channel), filled, status)
    flash("The members read what you take from now on.", "good")
    return redirect(url_for("pages.get_case_members", channel=channel), HTTPStatus.SEE_OTHER)


def _show_members(
    channel: str, filled: Filled[LimitsForm] | None, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        desk = current_office().desk(session)
        case = queries.get_visible_case(session, actor, channel)
        members = visible_case_members(session, actor, channel, us=desk.organisation, now=now)
        summary = get_visible_summary(session, actor, channel)
        acts = visible_open_acts(session, desk, actor, channel, now=now)
    offered = frozenset(one for one in acts if actor.may(ACTS[one].right))
    response = show(
        "cases/members.html",
        "cases",
        status=status,
        now=now,
        case=case,
        case_words=case_words,
        members=members,
        audience=audience_of(summary, [one.member for one in members], offered, ()),
        filled=filled,
    )
    with transaction() as session:
        audit.record(session, actor, "case.read", channel, now=now)
    return response

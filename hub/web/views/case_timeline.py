"""The timeline of a case: drawn with its uncertainty, told as a table, added to."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Literal
from uuid import UUID

from flask import Response, flash, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from federation.ledgers.ledger import get_state
from hub import clock
from hub.accounts.current import current_actor
from hub.api.paging import read_cursor, write_cursor
from hub.audit import service as audit
from hub.cases import queries, timeline
from hub.channels.service import get_visible_channel
from hub.community.terms import terms_in
from hub.office import current_office
from hub.web import case_words, timeline_words
from hub.web.acting import DONE, attempt
from hub.web.case_forms import Text
from hub.web.channel_words import labels_under
from hub.web.forms import Filled, PageForm
from hub.web.frame import pages, show
from hub.web.seeing import seeing_of
from policies.charter import usual_label
from policies.roles import Right
from policies.timeline import GREATEST_COUNT
from policies.tlp import TLP
from sharing.db import reading, transaction


class EventForm(PageForm):
    """Something that happened."""

    text: Text
    when: str
    until: str | None = None
    lasting: Literal["yes"] | None = None
    status: Literal["occurred", "ongoing", "undetermined", "not-occurred"] = "occurred"
    tlp: TLP | None = None


@pages.get("/cases/<uuid:channel>/timeline")
def get_case_timeline(channel: UUID) -> Response:
    """Show the timeline of a case."""
    response = _show(str(channel), None)
    with transaction() as session:
        audit.record(session, current_actor(), "case.read", str(channel), now=clock.utcnow())
    return response


@pages.post("/cases/<uuid:channel>/events")
def post_case_event(channel: UUID) -> BaseResponse:
    """Add something that happened."""

    def act(form: EventForm) -> None:
        with transaction() as session:
            timeline.add_event(
                session,
                current_office().desk(session),
                current_actor(),
                str(channel),
                text=form.text,
                when=form.when,
                until=form.until,
                lasting=form.lasting is not None,
                status=form.status,
                tlp=form.tlp,
                now=clock.utcnow(),
            )

    filled, status = attempt(EventForm, act, shares=True)
    if status is not DONE:
        return _show(str(channel), filled, status)
    flash("It is on the timeline, as soon as the coordinator’s node has taken it in.", "good")
    address = url_for("pages.get_case_timeline", channel=channel)
    return redirect(address, HTTPStatus.SEE_OTHER)


def _show(
    channel: str, filled: Filled[EventForm] | None, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        # Held until the end: the session lets go of rows that nobody holds, and asks for them anew.
        record = get_visible_channel(session, actor, channel)
        case = queries.get_visible_case(session, actor, channel)
        found = timeline.visible_moments(
            session, actor, channel, before=_before(), limit=GREATEST_COUNT + 1
        )
        kept_close = timeline.keeps_some_close(session, actor, channel)
        ceiling = get_state(session, record).ceiling
        terms = terms_in(session, channel)
        seeing = seeing_of(session, actor, channel, us=current_office().desk(session).organisation)
    moments = found[:GREATEST_COUNT]
    older = None
    if len(found) > GREATEST_COUNT:
        last = moments[-1]
        cursor = write_cursor(*timeline.key_of(last))
        older = url_for("pages.get_case_timeline", channel=channel, before=cursor)
    return show(
        "cases/timeline.html",
        "cases",
        status=status,
        now=now,
        case=case,
        case_words=case_words,
        words=timeline_words,
        moments=moments,
        picture=timeline_words.draw(moments) if moments else None,
        older=older,
        newest=request.args.get("before") is None,
        kept_close=kept_close,
        may_add=case.state not in {"declined", "closed", "merged"}
        and bool(actor.may(Right.CONTRIBUTE)),
        labels=labels_under(ceiling),
        usual_label=usual_label(terms, ceiling),
        filled=filled,
        seeing=seeing,
    )


def _before() -> tuple[datetime, str] | None:
    key = read_cursor(request.args.get("before"), str, str)
    return None if key is None else timeline.read_key(*key)

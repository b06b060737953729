"""What a case has to do with others, on pages: named, merged, broken out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from flask import Response, flash, request
from pydantic import Field, StringConstraints
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.accounts.current import current_actor
from hub.cases import breakouts, from_report, queries, related
from hub.cases.course import MAX_TITLE_CHARACTERS
from hub.office import current_office
from hub.web import case_words, related_words
from hub.web.acting import DONE, attempt
from hub.web.forms import Filled, PageForm
from hub.web.frame import pages, show
from hub.web.views.cases import show_case, to_case
from policies.errors import InvalidError, NotFoundError
from policies.links import Relation
from policies.roles import Right
from policies.tlp import TLP
from sharing.db import reading, transaction

Text = Annotated[str, StringConstraints(max_length=20_000)]
Place = Annotated[str, StringConstraints(max_length=60)]


class LinkForm(PageForm):
    """Another case, and how it hangs together with this one."""

    other: Place | None = None
    reference: Place | None = None
    relation: Relation = Relation.RELATED
    reason: Text | None = None


class MergeForm(PageForm):
    """The case that this one goes on in."""

    into: Place
    reason: Text | None = None


class RoomForm(PageForm):
    """A breakout of a case, as a room of its own."""

    title: Annotated[str, StringConstraints(max_length=MAX_TITLE_CHARACTERS)]
    members: Annotated[list[Place], Field(min_length=1, max_length=200)]
    ceiling: TLP = TLP.RED
    text: Text | None = None


class PlaceForm(PageForm):
    """Where a report stands: channel and id."""

    place: Annotated[str, StringConstraints(max_length=140)]


@pages.post("/cases/<uuid:channel>/links")
def post_case_link(channel: UUID) -> BaseResponse:
    """Name another case."""

    def act(form: LinkForm) -> None:
        if bool(form.other) is bool(form.reference):
            raise InvalidError("choose a case, or name another coordinator’s incident: one of both")
        try:
            _link(str(channel), form)
        except (InvalidError, NotFoundError) as error:
            # The service knows one of both names for what was named.
            typed = "other" if form.other else "reference"
            field = typed if error.field in {None, "other"} else error.field
            raise type(error)(error.message, field=field, hint=error.hint) from None

    filled, status = attempt(LinkForm, act)
    if status is not DONE:
        return show_case(str(channel), {"link": filled}, status)
    flash("Named. Who is in both sees it on both.", "good")
    return to_case(str(channel))


def _link(channel: str, form: LinkForm) -> None:
    with transaction() as session:
        related.link(
            session,
            current_office().desk(session),
            current_actor(),
            channel,
            other=form.other or form.reference or "",
            relation=form.relation,
            reason=form.reason,
            now=clock.utcnow(),
        )


@pages.get("/cases/<uuid:channel>/merge")
def get_case_merge(channel: UUID) -> Response:
    """Show what merging would bring about."""
    return _show_merge(str(channel), request.args.get("into", "")[:60], None)


@pages.post("/cases/<uuid:channel>/merge")
def post_case_merge(channel: UUID) -> BaseResponse:
    """Let a case go on in another."""
    into: list[str] = []

    def act(form: MergeForm) -> None:
        into.append(form.into)
        with transaction() as session:
            related.merge(
                session,
                current_office().desk(session),
                current_actor(),
                str(channel),
                into=form.into,
                reason=form.reason,
                now=clock.utcnow(),
            )

    filled, status = attempt(MergeForm, act)
    if status is not DONE:
        return _show_merge(str(channel), into[0] if into else "", filled, status)
    flash("It goes on here. Everybody who was not in it is invited.", "good")
    return to_case(into[0])


@pages.post("/cases/<uuid:channel>/breakouts")
def post_case_breakout(channel: UUID) -> BaseResponse:
    """Open a breakout with some of a case's members, as a room of its own."""
    opened: list[str] = []

    def act(form: RoomForm) -> None:
        with transaction() as session:
            opened.append(
                breakouts.open_room(
                    session,
                    current_office().desk(session),
                    current_actor(),
                    str(channel),
                    title=form.title,
                    text=form.text or "",
                    ceiling=form.ceiling,
                    members=form.members,
                    now=clock.utcnow(),
                )
            )

    filled, status = attempt(RoomForm, act)
    if status is not DONE:
        return show_case(str(channel), {"breakout": filled}, status)
    flash("The breakout is open, and they are invited.", "good")
    return to_case(opened[0])


@pages.post("/cases/<uuid:channel>/reports")
def post_case_report(channel: UUID) -> BaseResponse:
    """Make a report part of a case."""

    def act(form: PlaceForm) -> None:
        there, _, report = form.place.partition("/")
        with transaction() as session:
            from_report.take_in(
                session,
                current_office().desk(session),
                current_actor(),
                str(channel),
                (there, report),
                now=clock.utcnow(),
            )

    filled, status = attempt(PlaceForm, act)
    if status is not DONE:
        return show_case(str(channel), {"likely": filled}, status)
    flash("It is part of this case. They are told which only where they have a part in it.", "good")
    return to_case(str(channel))


def _show_merge(
    channel: str, into: str, filled: Filled[MergeForm] | None, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    actor, now = current_actor(), clock.utcnow()
    actor.may(Right.RUN_CASES).enforce()
    with reading() as session:
        desk = current_office().desk(session)
        case = queries.get_visible_case(session, actor, channel)
        plan = related.get_plan(session, desk, actor, channel, into=into, now=now)
        other = queries.get_visible_case(session, actor, into)
    return show(
        "cases/merge.html",
        "cases",
        status=status,
        case=case,
        into=other,
        plan=plan,
        topics=[case_words.topic_words(topic) for topic in plan.topics],
        calls=[related_words.CALLS[kind] for kind in plan.call_kinds],
        filled=filled,
    )

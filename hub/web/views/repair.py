"""A channel that is stopped, or whose coordinator is lost: what happened, and the ways out."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from flask import Response, flash, redirect, url_for
from pydantic import Field, StringConstraints
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.accounts.current import current_actor
from hub.channels import repair
from hub.channels.queries import get_visible_summary
from hub.channels.ways_out import visible_repair
from hub.office import current_office
from hub.web import channel_words as shown
from hub.web.acting import DONE, attempt
from hub.web.forms import Filled, PageForm
from hub.web.frame import pages, show
from hub.web.views.channels import NoForm, to_channel
from policies.errors import InvalidError, NotFoundError
from sharing.db import reading, transaction

Organisation = Annotated[str, StringConstraints(max_length=60)]


class EndorseForm(PageForm):
    """Who should take over."""

    organisation: Organisation
    round: Annotated[int, Field(ge=1, le=1000)] | None = None


class ReopenForm(PageForm):
    """Whether to go on without what members hold beyond our newest entry, or an older one."""

    at: (
        Annotated[str, StringConstraints(max_length=32, pattern=r"^\s*\d{1,10}/\d{1,16}\s*$")]
        | None
    ) = None
    without_lost: Literal["yes"] | None = None


@pages.get("/channels/<uuid:channel>/repair")
def get_repair(channel: UUID) -> Response:
    """Show what is wrong with a channel, what is kept, and the ways out."""
    return show_repair(str(channel))


@pages.post("/channels/<uuid:channel>/retry")
def post_retry(channel: UUID) -> BaseResponse:
    """Have a waiting or frozen channel try again."""
    return _choose(channel, repair.retry, "It is being read again.", to_channel)


@pages.post("/channels/<uuid:channel>/take-over")
def post_take_over(channel: UUID) -> BaseResponse:
    """Take the channel over, with the endorsements of enough members."""
    said = "You coordinate it now. The others follow by themselves."
    return _choose(channel, repair.take_over, said, to_channel)


@pages.post("/channels/<uuid:channel>/reopening")
def post_reopening(channel: UUID) -> BaseResponse:
    """Open a channel of ours anew on its newest entry, or on an older one."""

    def act(form: ReopenForm) -> None:
        epoch, _, seq = (form.at or "").strip().partition("/")
        at = (int(epoch), int(seq)) if epoch else None
        without_lost = form.without_lost == "yes"
        with transaction() as session:
            desk, actor = current_office().desk(session), current_actor()
            try:
                repair.reopen(
                    *(session, desk, actor, str(channel)),
                    at=at,
                    abandon_witnessed=without_lost,
                    now=clock.utcnow(),
                )
            except NotFoundError as error:
                if error.field != "at":
                    raise
                # The channel is there; what was typed is not in it.
                raise InvalidError(error.message, field="at") from error

    filled, status = attempt(ReopenForm, act)
    if status is not DONE:
        return show_repair(str(channel), other=filled, status=status)
    flash("A new epoch is open.", "good")
    return to_channel(str(channel))


@pages.post("/channels/<uuid:channel>/leaving-now")
def post_leaving_now(channel: UUID) -> BaseResponse:
    """Leave a channel at once, even where nobody can be asked."""
    said = "You have left. The coordinator is told as soon as it can be reached."
    return _choose(channel, repair.leave, said, to_channel)


@pages.post("/channels/<uuid:channel>/endorsement")
def post_endorsement(channel: UUID) -> BaseResponse:
    """Endorse a member as the next coordinator."""

    def act(form: EndorseForm) -> None:
        with transaction() as session:
            repair.endorse(
                session,
                current_office().desk(session),
                current_actor(),
                str(channel),
                candidate=form.organisation,
                round_=form.round,
                now=clock.utcnow(),
            )

    filled, status = attempt(EndorseForm, act)
    if status is not DONE:
        return show_repair(str(channel), endorsing=filled, status=status)
    flash("Your endorsement is signed, and goes to them by itself. Call them.", "good")
    return redirect(url_for("pages.get_repair", channel=channel), HTTPStatus.SEE_OTHER)


def _choose(
    channel: UUID,
    way: Callable[..., object],
    said: str,
    then: Callable[[str], BaseResponse],
) -> BaseResponse:
    def act(_form: NoForm) -> None:
        with transaction() as session:
            desk = current_office().desk(session)
            way(session, desk, current_actor(), str(channel), now=clock.utcnow())

    filled, status = attempt(NoForm, act)
    if status is not DONE:
        return show_repair(str(channel), other=filled, status=status)
    flash(said, "good")
    return then(str(channel))


def show_repair(
    channel: str,
    *,
    endorsing: Filled[EndorseForm] | None = None,
    other: Filled[Any] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    """Show the ways out, with the form that came back."""
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        desk = current_office().desk(session)
        summary = get_visible_summary(session, actor, channel)
        seen = visible_repair(session, desk, actor, channel, now=now)
    return show(
        "channels/repair.html",
        "channels",
        status=status,
        now=now,
        channel=summary,
        repair=seen,
        state=shown.state_of(summary),
        endorsing=endorsing,
        other=other,
        options=[
            (one.organisation, f"{one.name} (you)" if one.is_us else one.name)
            for one in seen.candidates
        ],
    )

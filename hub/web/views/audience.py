"""Who reads what: older matter, the ceiling, what we take, suspension, breakouts."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from flask import flash
from pydantic import Field, StringConstraints
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.accounts.current import current_actor
from hub.channels import audience
from hub.office import current_office
from hub.web.acting import DONE, attempt
from hub.web.forms import PageForm
from hub.web.frame import pages
from hub.web.views.channels import Forms, show_channel, to_channel, write_act
from policies.tlp import TLP
from sharing.db import transaction

Reason = Annotated[str, StringConstraints(max_length=4_000)]
Organisation = Annotated[str, StringConstraints(max_length=60)]
Ref = Annotated[str, StringConstraints(max_length=288)]


class ObjectsForm(PageForm):
    """Objects of one entry."""

    objects: Annotated[list[Ref], Field(min_length=1, max_length=100)]


class CeilingForm(PageForm):
    """The strictest label that a channel takes."""

    ceiling: TLP


class LimitsForm(PageForm):
    """The strictest label that we take."""

    takes: TLP | None = None


class StandingForm(PageForm):
    """A member in doubt, and why."""

    organisation: Organisation
    reason: Reason


class BreakoutForm(PageForm):
    """A breakout of a case."""

    name: Annotated[str, StringConstraints(max_length=200)]
    ceiling: TLP
    members: Annotated[list[Organisation], Field(min_length=1, max_length=200)]


@pages.post("/channels/<uuid:channel>/releases")
def post_release(channel: UUID) -> BaseResponse:
    """Open older objects of ours to later members."""

    def act(form: ObjectsForm) -> None:
        write_act(
            lambda session, desk, actor: audience.release(
                session, desk, actor, str(channel), objects=form.objects, now=clock.utcnow()
            )
        )

    filled, status = attempt(ObjectsForm, act)
    if status is not DONE:
        return show_channel(str(channel), Forms(other=filled), status)
    flash("Opened. Who joined later reads it as soon as their node has pulled.", "good")
    return to_channel(str(channel))


@pages.post("/channels/<uuid:channel>/release-requests")
def post_release_request(channel: UUID) -> BaseResponse:
    """Ask the author of withheld objects to release them."""

    def act(form: ObjectsForm) -> None:
        write_act(
            lambda session, desk, actor: audience.ask_release(
                session, desk, actor, str(channel), objects=form.objects, now=clock.utcnow()
            )
        )

    filled, status = attempt(ObjectsForm, act)
    if status is not DONE:
        return show_channel(str(channel), Forms(other=filled), status)
    flash("Asked, in a note that all members read.", "good")
    return to_channel(str(channel))


@pages.post("/channels/<uuid:channel>/ceiling")
def post_ceiling(channel: UUID) -> BaseResponse:
    """Change the strictest label that a channel takes."""

    def act(form: CeilingForm) -> None:
        write_act(
            lambda session, desk, actor: audience.change_ceiling(
                session, desk, actor, str(channel), ceiling=form.ceiling, now=clock.utcnow()
            )
        )

    filled, status = attempt(CeilingForm, act)
    if status is not DONE:
        return show_channel(str(channel), Forms(ceiling=filled), status)
    flash("From this entry on the channel takes matter up to that label.", "good")
    return to_channel(str(channel))


@pages.post("/channels/<uuid:channel>/limits")
def post_limits(channel: UUID) -> BaseResponse:
    """Say what we take here from now on."""

    def act(form: LimitsForm) -> None:
        write_act(
            lambda session, desk, actor: audience.change_limits(
                session, desk, actor, str(channel), takes=form.takes, now=clock.utcnow()
            )
        )

    filled, status = attempt(LimitsForm, act)
    if status is not DONE:
        return show_channel(str(channel), Forms(limits=filled), status)
    flash("The members read what you take from now on.", "good")
    return to_channel(str(channel))


@pages.post("/channels/<uuid:channel>/suspensions")
def post_member_suspend(channel: UUID) -> BaseResponse:
    """Suspend a member whose node or key is in doubt."""

    def act(form: StandingForm) -> None:
        write_act(
            lambda session, desk, actor: audience.suspend(
                session,
                desk,
                actor,
                str(channel),
                organisation=form.organisation,
                reason=form.reason,
                now=clock.utcnow(),
            )
        )

    filled, status = attempt(StandingForm, act)
    if status is not DONE:
        return show_channel(str(channel), Forms(standing=filled), status)
    flash("Suspended: nothing more goes to them, and they keep what they have.", "good")
    return to_channel(str(channel))


@pages.post("/channels/<uuid:channel>/resumptions")
def post_member_resume(channel: UUID) -> BaseResponse:
    """Take a suspended member back in."""

    def act(form: StandingForm) -> None:
        write_act(
            lambda session, desk, actor: audience.resume(
                session,
                desk,
                actor,
                str(channel),
                organisation=form.organisation,
                reason=form.reason,
                now=clock.utcnow(),
            )
        )

    filled, status = attempt(StandingForm, act)
    if status is not DONE:
        return show_channel(str(channel), Forms(standing=filled), status)
    flash("They are a member again. What came meanwhile is older matter for them.", "good")
    return to_channel(str(channel))


@pages.post("/channels/<uuid:channel>/breakouts")
def post_breakout(channel: UUID) -> BaseResponse:
    """Open a breakout with some of a case's members."""
    opened: list[str] = []

    def act(form: BreakoutForm) -> None:
        with transaction() as session:
            record = audience.open_breakout(
                session,
                current_office().desk(session),
                current_actor(),
                str(channel),
                name=form.name,
                ceiling=form.ceiling,
                members=form.members,
                now=clock.utcnow(),
            )
            opened.append(record.id)

    filled, status = attempt(BreakoutForm, act)
    if status is not DONE:
        return show_channel(str(channel), Forms(breakout=filled), status)
    flash("The breakout is open, and they are invited.", "good")
    return to_channel(opened[0])

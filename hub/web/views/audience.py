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
from hub.web.views.channels import Forms, show_channel, to_channel, write_form
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
    return write_form(
        channel,
        ObjectsForm,
        "other",
        lambda form, where, now: audience.release(*where, objects=form.objects, now=now),
        "Opened. Who joined later reads it as soon as their node has pulled.",
    )


@pages.post("/channels/<uuid:channel>/release-requests")
def post_release_request(channel: UUID) -> BaseResponse:
    """Ask the author of withheld objects to release them."""
    return write_form(
        channel,
        ObjectsForm,
        "other",
        lambda form, where, now: audience.ask_release(*where, objects=form.objects, now=now),
        "Asked, in a note that all members read.",
    )


@pages.post("/channels/<uuid:channel>/ceiling")
def post_ceiling(channel: UUID) -> BaseResponse:
    """Change the strictest label that a channel takes."""
    return write_form(
        channel,
        CeilingForm,
        "ceiling",
        lambda form, where, now: audience.change_ceiling(*where, ceiling=form.ceiling, now=now),
        "From this entry on the channel takes matter up to that label.",
    )


@pages.post("/channels/<uuid:channel>/limits")
def post_limits(channel: UUID) -> BaseResponse:
    """Say what we take here from now on."""
    return write_form(
        channel,
        LimitsForm,
        "limits",
        lambda form, where, now: audience.change_limits(*where, takes=form.takes, now=now),
        "The members read what you take from now on.",
    )


@pages.post("/channels/<uuid:channel>/suspensions")
def post_member_suspend(channel: UUID) -> BaseResponse:
    """Suspend a member whose node or key is in doubt."""
    return write_form(
        channel,
        StandingForm,
        "standing",
        lambda form, where, now: audience.suspend(
            *where, organisation=form.organisation, reason=form.reason, now=now
        ),
        "Suspended: nothing more goes to them, and they keep what they have.",
    )


@pages.post("/channels/<uuid:channel>/resumptions")
def post_member_resume(channel: UUID) -> BaseResponse:
    """Take a suspended member back in."""
    return write_form(
        channel,
        StandingForm,
        "standing",
        lambda form, where, now: audience.resume(
            *where, organisation=form.organisation, reason=form.reason, now=now
        ),
        "They are a member again. What came meanwhile is older matter for them.",
    )


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

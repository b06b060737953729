"""What somebody told us: organisations without a node, and what is said in our name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from flask import flash
from pydantic import StringConstraints
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.accounts.current import current_actor
from hub.channels import relay
from hub.channels.relay import Told
from hub.office import current_office
from hub.web.acting import DONE, attempt
from hub.web.forms import PageForm
from hub.web.frame import pages
from hub.web.views.channels import Forms, NoForm, show_channel, to_channel, write_act
from policies.acts import Act
from policies.roles import Role
from sharing.db import transaction

Words = Annotated[str, StringConstraints(max_length=relay.MAX_NAME_CHARACTERS)]
Text = Annotated[str, StringConstraints(max_length=20_000)]
Organisation = Annotated[str, StringConstraints(max_length=60)]


class AbsentForm(PageForm):
    """An organisation that has no node."""

    name: Words
    role: Role
    unnamed: Literal["yes"] | None = None
    contact: Words | None = None


class RelayForm(PageForm):
    """What somebody told us."""

    organisation: Organisation
    act: Act
    text: Text | None = None
    way: Literal["telephone", "in-person", "e-mail", "message", "other"]
    at: datetime | None = None
    informant: Words | None = None


class ReleaseForm(PageForm):
    """Whose words later members shall read."""

    organisation: Organisation


@pages.post("/channels/<uuid:channel>/absent")
def post_absent(channel: UUID) -> BaseResponse:
    """Invite an organisation that has no node."""

    def act(form: AbsentForm) -> None:
        with transaction() as session:
            relay.add_absent(
                session,
                current_office().desk(session),
                current_actor(),
                str(channel),
                name=form.name,
                roles=[form.role.value],
                shown=form.unnamed is None,
                contact=form.contact,
                now=clock.utcnow(),
            )

    filled, status = attempt(AbsentForm, act)
    if status is not DONE:
        return show_channel(str(channel), Forms(absent=filled), status)
    flash("They are noted. Call them, and record what they say.", "good")
    return to_channel(str(channel))


@pages.post("/channels/<uuid:channel>/told")
def post_told(channel: UUID) -> BaseResponse:
    """Record what somebody told us, as our own statement on their behalf."""

    def act(form: RelayForm) -> None:
        now = clock.utcnow()
        at = form.at or now
        write_act(
            lambda session, desk, actor: relay.relay(
                session,
                desk,
                actor,
                str(channel),
                organisation=form.organisation,
                act=form.act,
                told=Told(form.way, at if at.tzinfo else at.replace(tzinfo=UTC), form.informant),
                text=form.text,
                now=now,
            )
        )

    filled, status = attempt(RelayForm, act)
    if status is not DONE:
        return show_channel(str(channel), Forms(told=filled), status)
    flash("Recorded as your statement, on their behalf.", "good")
    return to_channel(str(channel))


@pages.post("/channels/<uuid:channel>/told/<bundle>/confirmation")
def post_told_confirmed(channel: UUID, bundle: str) -> BaseResponse:
    """Confirm what was said in our name."""
    return _answer(channel, bundle, confirms=True)


@pages.post("/channels/<uuid:channel>/told/<bundle>/dispute")
def post_told_disputed(channel: UUID, bundle: str) -> BaseResponse:
    """Dispute what was said in our name."""
    return _answer(channel, bundle, confirms=False)


@pages.post("/channels/<uuid:channel>/told/releases")
def post_told_released(channel: UUID) -> BaseResponse:
    """Let an organisation that has a node now read what we wrote on its behalf."""

    def act(form: ReleaseForm) -> None:
        write_act(
            lambda session, desk, actor: relay.release_told(
                session,
                desk,
                actor,
                str(channel),
                organisation=form.organisation,
                now=clock.utcnow(),
            )
        )

    filled, status = attempt(ReleaseForm, act)
    if status is not DONE:
        return show_channel(str(channel), Forms(other=filled), status)
    flash("They read it as soon as their node has pulled.", "good")
    return to_channel(str(channel))


def _answer(channel: UUID, bundle: str, *, confirms: bool) -> BaseResponse:
    def act(_form: NoForm) -> None:
        write_act(
            lambda session, desk, actor: relay.answer(
                session, desk, actor, str(channel), bundle, confirms=confirms, now=clock.utcnow()
            )
        )

    filled, status = attempt(NoForm, act)
    if status is not DONE:
        return show_channel(str(channel), Forms(other=filled), status)
    flash("Confirmed." if confirms else "Disputed. Tell the others in a note what is so.", "good")
    return to_channel(str(channel))

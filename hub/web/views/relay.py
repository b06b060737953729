"""What somebody told us: organisations without a node, and what is said in our name."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints
from werkzeug.wrappers import Response as BaseResponse

from hub.channels import relay
from hub.channels.relay import Told
from hub.web.forms import PageForm, as_utc
from hub.web.frame import pages
from hub.web.views.channels import NoForm, write_form
from policies.acts import Act
from policies.roles import Role

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
    return write_form(
        channel,
        AbsentForm,
        "absent",
        lambda form, where, now: relay.add_absent(
            *where,
            name=form.name,
            roles=[form.role.value],
            shown=form.unnamed is None,
            contact=form.contact,
            now=now,
        ),
        "They are noted. Call them, and record what they say.",
    )


@pages.post("/channels/<uuid:channel>/told")
def post_told(channel: UUID) -> BaseResponse:
    """Record what somebody told us, as our own statement on their behalf."""
    return write_form(
        channel,
        RelayForm,
        "told",
        lambda form, where, now: relay.relay(
            *where,
            organisation=form.organisation,
            act=form.act,
            told=Told(form.way, as_utc(form.at) or now, form.informant),
            text=form.text,
            now=now,
        ),
        "Recorded as your statement, on their behalf.",
    )


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
    return write_form(
        channel,
        ReleaseForm,
        "other",
        lambda form, where, now: relay.release_told(
            *where, organisation=form.organisation, now=now
        ),
        "They read it as soon as their node has pulled.",
    )


def _answer(channel: UUID, bundle: str, *, confirms: bool) -> BaseResponse:
    return write_form(
        channel,
        NoForm,
        "other",
        lambda _, where, now: relay.answer(*where, bundle, confirms=confirms, now=now),
        "Confirmed." if confirms else "Disputed. Tell the others in a note what is so.",
    )

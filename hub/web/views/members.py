"""Members of channels: inviting, answering, leaving, and what the coordinator does about them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from flask import Response, flash, redirect, url_for
from pydantic import StringConstraints
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.accounts.current import current_actor
from hub.cases.queries import has_room
from hub.channels import service
from hub.channels.invitations import visible_invitations
from hub.channels.service import get_visible_channel
from hub.web import channel_words as shown
from hub.web.acting import DONE, attempt
from hub.web.forms import Filled, PageForm
from hub.web.frame import pages, show
from hub.web.views.cases import to_case
from hub.web.views.channels import NoForm, to_channel, write_act, write_form
from policies.acts import ChannelKind
from policies.errors import NotFoundError
from policies.roles import Right, Role
from policies.tlp import TLP
from sharing.db import reading

Reason = Annotated[str, StringConstraints(max_length=4_000)]
Organisation = Annotated[str, StringConstraints(max_length=60)]


class InviteForm(PageForm):
    """Somebody to invite."""

    organisation: Organisation
    role: Role
    reason: Reason | None = None
    replaces: Organisation | None = None


class MemberForm(PageForm):
    """A member that an act is about."""

    organisation: Organisation


class AnswerForm(PageForm):
    """An answer to one invitation, and what we take in that channel."""

    owner: Organisation
    takes: TLP | None = None
    accept_charter: Literal["yes"] | None = None


class DeclineForm(PageForm):
    """No to one invitation, and why, where that is said."""

    owner: Organisation
    reason: Reason | None = None


class RemoveForm(PageForm):
    """A member that is to go, and why."""

    organisation: Organisation
    reason: Reason


@pages.post("/channels/<uuid:channel>/members")
def post_invite(channel: UUID) -> BaseResponse:
    """Invite a partner."""
    return write_form(
        channel,
        InviteForm,
        "invite",
        lambda form, where, now: service.invite(
            *where,
            organisation=form.organisation,
            roles=[form.role.value],
            reason=form.reason,
            replaces=form.replaces,
            now=now,
        ),
        "Invited. They read of it in your direct channel.",
    )


@pages.post("/channels/<uuid:channel>/removals")
def post_removal(channel: UUID) -> BaseResponse:
    """Remove a member, with the reason."""
    return write_form(
        channel,
        RemoveForm,
        "remove",
        lambda form, where, now: service.remove(
            *where, organisation=form.organisation, reason=form.reason, now=now
        ),
        "Removed. From this entry on they read nothing more.",
    )


@pages.post("/channels/<uuid:channel>/withdrawals")
def post_uninvite(channel: UUID) -> BaseResponse:
    """Take an invitation back."""
    return write_form(
        channel,
        MemberForm,
        "other",
        lambda form, where, now: service.uninvite(*where, organisation=form.organisation, now=now),
        "The invitation is taken back.",
    )


@pages.post("/channels/<uuid:channel>/leaving")
def post_leaving(channel: UUID) -> BaseResponse:
    """Leave a channel."""
    return write_form(
        channel,
        NoForm,
        "other",
        lambda _, where, now: service.leave(*where, now=now),
        "You leave this channel. The coordinator is being told.",
    )


@pages.get("/invitations/<uuid:channel>")
def get_invitation(channel: UUID) -> Response:
    """Show an invitation that we received."""
    return _show_invitation(str(channel), None)


@pages.post("/invitations/<uuid:channel>/joining")
def post_joining(channel: UUID) -> BaseResponse:
    """Accept an invitation."""

    def act(form: AnswerForm) -> None:
        write_act(
            lambda session, desk, actor: service.join(
                session,
                desk,
                actor,
                str(channel),
                owner=form.owner,
                takes=form.takes,
                accept_charter=form.accept_charter is not None,
                now=clock.utcnow(),
            )
        )

    filled, status = attempt(AnswerForm, act)
    if status is not DONE:
        return _show_invitation(str(channel), filled, status)
    flash("You join. The history comes as soon as the coordinator’s node has taken it in.", "good")
    with reading() as session:
        kind = get_visible_channel(session, current_actor(), str(channel)).kind
    return to_case(str(channel)) if kind is ChannelKind.CASE else to_channel(str(channel))


@pages.post("/invitations/<uuid:channel>/declining")
def post_declining(channel: UUID) -> BaseResponse:
    """Decline an invitation."""

    def act(form: DeclineForm) -> None:
        write_act(
            lambda session, desk, actor: service.decline(
                session,
                desk,
                actor,
                str(channel),
                owner=form.owner,
                reason=form.reason,
                now=clock.utcnow(),
            )
        )

    filled, status = attempt(DeclineForm, act)
    if status is not DONE:
        return _show_invitation(str(channel), filled, status)
    flash("You declined. They are being told.", "good")
    return redirect(url_for("pages.get_channels"), HTTPStatus.SEE_OTHER)


def _show_invitation(
    channel: str,
    filled: Filled[AnswerForm] | Filled[DeclineForm] | None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        rows = visible_invitations(session, actor, now=now, open_only=False)
        room = has_room(session, channel)
    rows = [one for one in rows if one.channel == channel]
    if not rows:
        raise NotFoundError("there is no such invitation")
    return show(
        "channels/invitation.html",
        "channels",
        status=status,
        now=now,
        invitations=[shown.invitation_of(row) for row in rows],
        several=sum(row.state == "open" for row in rows) > 1,
        may_answer=bool(actor.may(Right.ANSWER_INVITATIONS)),
        older=shown.OLDER_WORDS,
        filled=filled,
        room=room,
    )

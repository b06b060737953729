"""Members of channels: inviting, answering, leaving, and what the coordinator does about them."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from flask import Response, flash, redirect, url_for
from pydantic import StringConstraints
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.accounts.current import current_actor
from hub.channels import service
from hub.channels.invitations import visible_invitations
from hub.office import current_office
from hub.web import channel_words as shown
from hub.web.acting import DONE, attempt
from hub.web.forms import Filled, PageForm
from hub.web.frame import pages, show
from hub.web.views.channels import Forms, NoForm, show_channel, to_channel, write_act
from policies.errors import NotFoundError
from policies.roles import Right, Role
from policies.tlp import TLP
from sharing.db import reading, transaction

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


class RemoveForm(PageForm):
    """A member that is to go, and why."""

    organisation: Organisation
    reason: Reason


@pages.post("/channels/<uuid:channel>/members")
def post_invite(channel: UUID) -> BaseResponse:
    """Invite a partner."""

    def act(form: InviteForm) -> None:
        with transaction() as session:
            service.invite(
                session,
                current_office().desk(session),
                current_actor(),
                str(channel),
                organisation=form.organisation,
                roles=[form.role.value],
                reason=form.reason,
                replaces=form.replaces,
                now=clock.utcnow(),
            )

    filled, status = attempt(InviteForm, act)
    if status is not DONE:
        return show_channel(str(channel), Forms(invite=filled), status)
    flash("Invited. They read of it in your direct channel.", "good")
    return to_channel(str(channel))


@pages.post("/channels/<uuid:channel>/removals")
def post_removal(channel: UUID) -> BaseResponse:
    """Remove a member, with the reason."""

    def act(form: RemoveForm) -> None:
        write_act(
            lambda session, desk, actor: service.remove(
                session,
                desk,
                actor,
                str(channel),
                organisation=form.organisation,
                reason=form.reason,
                now=clock.utcnow(),
            )
        )

    filled, status = attempt(RemoveForm, act)
    if status is not DONE:
        return show_channel(str(channel), Forms(remove=filled), status)
    flash("Removed. From this entry on they read nothing more.", "good")
    return to_channel(str(channel))


@pages.post("/channels/<uuid:channel>/withdrawals")
def post_uninvite(channel: UUID) -> BaseResponse:
    """Take an invitation back."""

    def act(form: MemberForm) -> None:
        write_act(
            lambda session, desk, actor: service.uninvite(
                session,
                desk,
                actor,
                str(channel),
                organisation=form.organisation,
                now=clock.utcnow(),
            )
        )

    return _after_member_act(channel, act, "The invitation is taken back.")


@pages.post("/channels/<uuid:channel>/leaving")
def post_leaving(channel: UUID) -> BaseResponse:
    """Leave a channel."""

    def act(_form: NoForm) -> None:
        write_act(
            lambda session, desk, actor: service.leave(
                session, desk, actor, str(channel), now=clock.utcnow()
            )
        )

    filled, status = attempt(NoForm, act)
    if status is not DONE:
        return show_channel(str(channel), Forms(other=filled), status)
    flash("You leave this channel. The coordinator is being told.", "good")
    return to_channel(str(channel))


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
                now=clock.utcnow(),
            )
        )

    filled, status = attempt(AnswerForm, act)
    if status is not DONE:
        return _show_invitation(str(channel), filled, status)
    flash("You join. The history comes as soon as the coordinator’s node has taken it in.", "good")
    return to_channel(str(channel))


@pages.post("/invitations/<uuid:channel>/declining")
def post_declining(channel: UUID) -> BaseResponse:
    """Decline an invitation."""

    def act(form: AnswerForm) -> None:
        write_act(
            lambda session, desk, actor: service.decline(
                session, desk, actor, str(channel), owner=form.owner, now=clock.utcnow()
            )
        )

    filled, status = attempt(AnswerForm, act)
    if status is not DONE:
        return _show_invitation(str(channel), filled, status)
    flash("You declined. They are being told.", "good")
    return redirect(url_for("pages.get_channels"), HTTPStatus.SEE_OTHER)


def _after_member_act(channel: UUID, act: Callable[[MemberForm], None], done: str) -> BaseResponse:
    filled, status = attempt(MemberForm, act)
    if status is not DONE:
        return show_channel(str(channel), Forms(other=filled), status)
    flash(done, "good")
    return to_channel(str(channel))


def _show_invitation(
    channel: str, filled: Filled[AnswerForm] | None, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        rows = visible_invitations(session, actor, now=now, open_only=False)
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
    )

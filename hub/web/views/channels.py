"""Channels: what they hold, how far that is proven, and what people write into them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final, Literal
from uuid import UUID

from flask import Response, flash, redirect, request, url_for
from pydantic import StringConstraints
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from federation import partners
from federation.channels import Written
from federation.desk import Desk
from hub import clock
from hub.accounts.actor import Actor
from hub.accounts.current import current_actor
from hub.channels import queries, service
from hub.office import current_office
from hub.web import channels as shown
from hub.web.acting import DONE, attempt
from hub.web.forms import Filled, PageForm, read_form
from hub.web.frame import pages, show
from policies.acts import ACTS, Act, ChannelKind
from policies.errors import NotFoundError
from policies.roles import Right, Role
from policies.tlp import TLP
from sharing.db import reading, transaction

Text = Annotated[str, StringConstraints(max_length=20_000)]
Reason = Annotated[str, StringConstraints(max_length=4_000)]
Organisation = Annotated[str, StringConstraints(max_length=60)]

CAN_BE_OPENED: Final = (TLP.CLEAR, TLP.GREEN, TLP.AMBER, TLP.AMBER_STRICT)


class ChannelForm(PageForm):
    """A channel that is to be opened."""

    name: Annotated[str, StringConstraints(max_length=200)]
    kind: Literal["case", "community"]
    ceiling: TLP


class NoteForm(PageForm):
    """Something to tell all members."""

    text: Text
    tlp: TLP


class InviteForm(PageForm):
    """Somebody to invite."""

    organisation: Organisation
    role: Role
    reason: Reason | None = None


class MemberForm(PageForm):
    """A member that an act is about."""

    organisation: Organisation


class RemoveForm(PageForm):
    """A member that is to go, and why."""

    organisation: Organisation
    reason: Reason


class NoForm(PageForm):
    """An act that needs nothing besides being done."""


class PlaceForm(PageForm):
    """Where in the history a page begins: `epoch-seq` of the entry after it."""

    before: Annotated[str, StringConstraints(pattern=r"^\d{1,9}-\d{1,15}$")] | None = None


@dataclass(frozen=True)
class Forms:
    """The forms of a channel's page that came back with something to mend."""

    note: Filled[NoteForm] | None = None
    invite: Filled[InviteForm] | None = None
    remove: Filled[RemoveForm] | None = None
    other: Filled[NoForm] | Filled[MemberForm] | None = None


@pages.get("/channels")
def get_channels() -> Response:
    """Show the invitations that wait, then all channels by their kind."""
    actor, now = current_actor(), clock.utcnow()
    actor.may(Right.READ_CHANNELS).enforce()
    with reading() as session:
        summaries = queries.visible_channels(session, actor)
        invitations = queries.visible_invitations(session, actor, now=now)
    groups = [
        ([one for one in summaries if one.kind is kind], title) for kind, title in shown.GROUPS
    ]
    return show(
        "channels/list.html",
        "channels",
        now=now,
        invitations=invitations,
        groups=[(group, title) for group, title in groups if group],
        state_of=shown.state_of,
        sentence_of=shown.sentence_of,
        may_open=bool(actor.may(Right.OPEN_CHANNELS)),
    )


@pages.get("/channels/new")
def get_new_channel() -> Response:
    """Show the form for a channel of ours."""
    current_actor().may(Right.OPEN_CHANNELS).enforce()
    return _show_new(None)


@pages.post("/channels")
def post_channel() -> BaseResponse:
    """Open a community or a case."""
    opened: list[str] = []

    def act(form: ChannelForm) -> None:
        with transaction() as session:
            record = service.open_channel(
                session,
                current_office().desk(session),
                current_actor(),
                kind=ChannelKind(form.kind),
                name=form.name,
                ceiling=form.ceiling,
                now=clock.utcnow(),
            )
            opened.append(record.id)

    filled, status = attempt(ChannelForm, act)
    if status is not DONE:
        return _show_new(filled, status)
    flash("The channel is open. Now invite the others.", "good")
    return _to(opened[0])


@pages.get("/channels/<uuid:channel>")
def get_channel(channel: UUID) -> Response:
    """Show one channel."""
    return _show_channel(str(channel), Forms())


@pages.post("/channels/<uuid:channel>/notes")
def post_note(channel: UUID) -> BaseResponse:
    """Write a note to all members."""
    results: list[Written] = []

    def act(form: NoteForm) -> None:
        results.append(
            _write(
                lambda session, desk, actor: service.add_note(
                    session,
                    desk,
                    actor,
                    str(channel),
                    text=form.text,
                    tlp=form.tlp,
                    now=clock.utcnow(),
                )
            )
        )

    filled, status = attempt(NoteForm, act)
    if status is not DONE:
        return _show_channel(str(channel), Forms(note=filled), status)
    if results[0].entry is not None:
        flash("Your note stands in the history.", "good")
    else:
        flash("Your note is on its way to the coordinator.", "good")
    return _to(str(channel))


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
                now=clock.utcnow(),
            )

    filled, status = attempt(InviteForm, act)
    if status is not DONE:
        return _show_channel(str(channel), Forms(invite=filled), status)
    flash("Invited. They read of it in your direct channel.", "good")
    return _to(str(channel))


@pages.post("/channels/<uuid:channel>/removals")
def post_removal(channel: UUID) -> BaseResponse:
    """Remove a member, with the reason."""

    def act(form: RemoveForm) -> None:
        _write(
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
        return _show_channel(str(channel), Forms(remove=filled), status)
    flash("Removed. From this entry on they read nothing more.", "good")
    return _to(str(channel))


@pages.post("/channels/<uuid:channel>/withdrawals")
def post_uninvite(channel: UUID) -> BaseResponse:
    """Take an invitation back."""

    def act(form: MemberForm) -> None:
        _write(
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


@pages.post("/channels/<uuid:channel>/suspensions")
def post_member_suspend(channel: UUID) -> BaseResponse:
    """Suspend a member whose node or key is in doubt."""
    return _member_act(channel, Act.MEMBER_SUSPENDED, "Suspended: nothing more goes to them.")


@pages.post("/channels/<uuid:channel>/resumptions")
def post_member_resume(channel: UUID) -> BaseResponse:
    """Take a suspended member back in."""
    return _member_act(channel, Act.MEMBER_RESUMED, "They are a member again.")


@pages.post("/channels/<uuid:channel>/leaving")
def post_leaving(channel: UUID) -> BaseResponse:
    """Leave a channel."""

    def act(_form: NoForm) -> None:
        _write(
            lambda session, desk, actor: service.leave(
                session, desk, actor, str(channel), now=clock.utcnow()
            )
        )

    filled, status = attempt(NoForm, act)
    if status is not DONE:
        return _show_channel(str(channel), Forms(other=filled), status)
    flash("You leave this channel. The coordinator is being told.", "good")
    return _to(str(channel))


@pages.post("/channels/<uuid:channel>/retry")
def post_retry(channel: UUID) -> BaseResponse:
    """Have a waiting or frozen channel try again."""

    def act(_form: NoForm) -> None:
        with transaction() as session:
            service.retry(session, current_actor(), str(channel), now=clock.utcnow())

    filled, status = attempt(NoForm, act)
    if status is not DONE:
        return _show_channel(str(channel), Forms(other=filled), status)
    flash("It is being read again.", "good")
    return _to(str(channel))


@pages.post("/channels/<uuid:channel>/refusals/<sha256>/seen")
def post_refusal_seen(channel: UUID, sha256: str) -> BaseResponse:
    """Take note of a refusal; it then waits for nobody any more."""
    with transaction() as session:
        service.take_note_of_refusal(session, current_actor(), sha256, now=clock.utcnow())
    return _to(str(channel))


@pages.get("/invitations/<uuid:channel>")
def get_invitation(channel: UUID) -> Response:
    """Show an invitation that we received."""
    return _show_invitation(str(channel), None)


@pages.post("/invitations/<uuid:channel>/joining")
def post_joining(channel: UUID) -> BaseResponse:
    """Accept an invitation."""

    def act(_form: NoForm) -> None:
        _write(
            lambda session, desk, actor: service.join(
                session, desk, actor, str(channel), now=clock.utcnow()
            )
        )

    filled, status = attempt(NoForm, act)
    if status is not DONE:
        return _show_invitation(str(channel), filled, status)
    flash("You join. The history comes as soon as the coordinator’s node has taken it in.", "good")
    return _to(str(channel))


@pages.post("/invitations/<uuid:channel>/declining")
def post_declining(channel: UUID) -> BaseResponse:
    """Decline an invitation."""

    def act(_form: NoForm) -> None:
        _write(
            lambda session, desk, actor: service.decline(
                session, desk, actor, str(channel), now=clock.utcnow()
            )
        )

    filled, status = attempt(NoForm, act)
    if status is not DONE:
        return _show_invitation(str(channel), filled, status)
    flash("You declined. They are being told.", "good")
    return redirect(url_for("pages.get_channels"), HTTPStatus.SEE_OTHER)


def _write(act: Callable[[Session, Desk, Actor], Written]) -> Written:
    with transaction() as session:
        return act(session, current_office().desk(session), current_actor())


def _member_act(channel: UUID, act: Act, done: str) -> BaseResponse:
    def write(form: MemberForm) -> None:
        body = {"organisation": form.organisation}
        _write(
            lambda session, desk, actor: service.write(
                session, desk, actor, str(channel), act, body, (), now=clock.utcnow()
            )
        )

    return _after_member_act(channel, write, done)


def _after_member_act(channel: UUID, act: Callable[[MemberForm], None], done: str) -> BaseResponse:
    filled, status = attempt(MemberForm, act)
    if status is not DONE:
        return _show_channel(str(channel), Forms(other=filled), status)
    flash(done, "good")
    return _to(str(channel))


def _to(channel: str) -> BaseResponse:
    return redirect(url_for("pages.get_channel", channel=channel), HTTPStatus.SEE_OTHER)


def _show_new(filled: Filled[ChannelForm] | None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return show("channels/new.html", "channels", status=status, filled=filled, labels=CAN_BE_OPENED)


def _show_invitation(
    channel: str, filled: Filled[NoForm] | None, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        rows = queries.visible_invitations(session, actor, now=now, open_only=False)
    row = next((one for one in rows if one.channel == channel), None)
    if row is None:
        raise NotFoundError("there is no such invitation")
    return show(
        "channels/invitation.html",
        "channels",
        status=status,
        now=now,
        invitation=row,
        kind=shown.KIND_WORDS[row.kind],
        older=shown.OLDER_WORDS.get(row.older, row.older),
        may_answer=row.state == "open" and bool(actor.may(Right.ANSWER_INVITATIONS)),
        filled=filled,
    )


def _show_channel(channel: str, forms: Forms, status: HTTPStatus = HTTPStatus.OK) -> Response:
    actor, now = current_actor(), clock.utcnow()
    place = read_form(PlaceForm, request.args).form
    before = place.before if place is not None else None
    with reading() as session:
        desk = current_office().desk(session)
        summary = queries.get_visible_summary(session, actor, channel)
        entries = queries.visible_entries(
            session, actor, channel, before=_read_place(before), limit=queries.PAGE
        )
        rows = queries.visible_members(session, actor, channel, us=desk.organisation, now=now)
        verification = queries.visible_verification(session, actor, channel)
        pending = [
            shown.contribution_of(session, row)
            for row in queries.visible_pending(session, actor, channel, now=now)
        ]
        open_acts = queries.visible_open_acts(session, desk, actor, channel, now=now)
        candidates = _candidates(session, {row.organisation for row in rows if _counts(row)})
    offered = frozenset(act for act in open_acts if actor.may(ACTS[act].right))
    coordinates = summary.is_ours and summary.kind is not ChannelKind.DIRECT
    ceiling = summary.ceiling or TLP.RED
    is_case = summary.kind is ChannelKind.CASE
    roles = shown.CASE_ROLES if is_case else shown.COMMUNITY_ROLES
    return show(
        "channels/channel.html",
        "channels",
        status=status,
        now=now,
        channel=summary,
        kind=shown.KIND_WORDS[summary.kind],
        state=shown.state_of(summary),
        sentence=shown.sentence_of(summary),
        alarm=shown.alarm_of(verification),
        may_retry=bool(actor.may(Right.SETTLE_FREEZES)),
        verification=verification,
        kept=shown.kept_sentence(verification),
        entries=entries,
        drawings=shown.DRAWINGS,
        is_newest=before is None,
        older=_older(channel, entries),
        contributions=pending,
        members=[shown.member_of(row, offered, coordinates=coordinates) for row in rows],
        readers=shown.readers_sentence(rows, summary.kind),
        labels=shown.labels_under(ceiling),
        usual_label=shown.usual_label(ceiling),
        may_note=Act.NOTE_ADDED in offered,
        may_invite=coordinates and bool(actor.may(Right.MANAGE_MEMBERS)),
        may_leave=Act.MEMBER_LEFT in offered and not summary.is_ours,
        candidates=candidates,
        roles=[(role.value, shown.ROLE_WORDS[role]) for role in roles],
        forms=forms,
    )


def _candidates(session: Session, present: set[str]) -> list[tuple[str, str]]:
    return [
        (one.organisation, one.name)
        for one in partners.partners(session)
        if one.active and one.organisation not in present
    ]


def _counts(row: queries.MemberRow) -> bool:
    return row.state in {"joined", "invited", "suspended"}


def _read_place(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    epoch, _, seq = text.partition("-")
    return int(epoch), int(seq)


def _older(channel: str, entries: list[queries.Entry]) -> str | None:
    if len(entries) < queries.PAGE:
        return None
    last = entries[-1]
    place = f"{last.epoch}-{last.seq}"
    return url_for("pages.get_channel", channel=channel, before=place, _anchor="history")

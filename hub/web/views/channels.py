"""Channels: what they hold, how far that is proven, and what people write into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar
from uuid import UUID

from flask import Response, flash, redirect, request, stream_with_context, url_for
from pydantic import StringConstraints
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger_records import Standing
from hub import clock
from hub.accounts.actor import Actor
from hub.accounts.current import current_actor
from hub.audit import service as audit
from hub.cases.queries import has_room
from hub.channels import history, holders, inviting, proofs, queries, service
from hub.channels.invitations import visible_invitations
from hub.channels.kept_words import get_kept_words, kept_words_of
from hub.channels.member_queries import visible_acts_about, visible_members, visible_open_acts
from hub.channels.ways_out import visible_repair
from hub.community.terms import terms_in
from hub.office import current_office
from hub.web import call_words
from hub.web import channel_words as shown
from hub.web.acting import DONE, attempt
from hub.web.forms import Filled, PageForm, read_form
from hub.web.frame import pages, show
from hub.web.holding_words import holding_part, sheet_of
from hub.web.relay_words import relay_part
from hub.web.seeing import seeing_of
from policies.acts import ACTS, Act, ChannelKind
from policies.charter import usual_label
from policies.errors import NotFoundError
from policies.roles import Right
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
    later: Literal["yes"] | None = None


class NoForm(PageForm):
    """An act that needs nothing besides being done."""


class PlaceForm(PageForm):
    """Where in the history a page begins: `epoch-seq` of the entry after it."""

    before: Annotated[str, StringConstraints(pattern=r"^\d{1,9}-\d{1,15}$")] | None = None
    ended: Annotated[str, StringConstraints(max_length=140)] | None = None
    """After which warning, check or request the page of those begins that have ended."""


F = TypeVar("F", bound=PageForm)

Where: TypeAlias = tuple[Session, Desk, Actor, str]
"""What every service of a channel begins with; the last is the channel's id."""


@dataclass(frozen=True)
class Forms:
    """The forms of a channel's page that came back with something to mend."""

    note: Filled[NoteForm] | None = None
    invite: Filled[Any] | None = None
    remove: Filled[Any] | None = None
    absent: Filled[Any] | None = None
    told: Filled[Any] | None = None
    ceiling: Filled[Any] | None = None
    limits: Filled[Any] | None = None
    standing: Filled[Any] | None = None
    breakout: Filled[Any] | None = None
    warn: Filled[Any] | None = None
    check: Filled[Any] | None = None
    ask: Filled[Any] | None = None
    other: Filled[Any] | None = None


@pages.get("/channels")
def get_channels() -> Response:
    """Show the invitations that wait, then all channels by their kind."""
    actor, now = current_actor(), clock.utcnow()
    actor.may(Right.READ_CHANNELS).enforce()
    with reading() as session:
        summaries = queries.visible_channels(session, actor)
        invitations = visible_invitations(session, actor, now=now)
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
        may_import=bool(actor.may(Right.TAKE_IN_FILES)),
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
    return to_channel(opened[0])


@pages.get("/channels/<uuid:channel>")
def get_channel(channel: UUID) -> Response:
    """Show one channel; who read it is written down, once for each time that they came."""
    response = show_channel(str(channel), Forms())
    if "HX-Request" not in request.headers:
        with transaction() as session:
            audit.record(session, current_actor(), "channel.read", str(channel), now=clock.utcnow())
    return response


@pages.post("/channels/<uuid:channel>/notes")
def post_note(channel: UUID) -> BaseResponse:
    """Write a note to all members."""
    results: list[Written] = []

    def act(form: NoteForm) -> None:
        results.append(
            write_act(
                lambda session, desk, actor: service.add_note(
                    session,
                    desk,
                    actor,
                    str(channel),
                    text=form.text,
                    tlp=form.tlp,
                    later_members=form.later is not None,
                    now=clock.utcnow(),
                )
            )
        )

    filled, status = attempt(NoteForm, act, shares=True)
    if status is not DONE:
        return show_channel(str(channel), Forms(note=filled), status)
    if results[0].entry is not None:
        flash("Your note stands in the history.", "good")
    else:
        flash("Your note is on its way to the coordinator.", "good")
    return to_channel(str(channel))


@pages.post("/channels/<uuid:channel>/refusals/<sha256>/seen")
def post_refusal_seen(channel: UUID, sha256: str) -> BaseResponse:
    """Take note of a refusal; it then waits for nobody any more."""
    with transaction() as session:
        service.take_note_of_refusal(session, current_actor(), sha256, now=clock.utcnow())
    return to_channel(str(channel))


@pages.get("/channels/<uuid:channel>/refusals/<sha256>/note")
def get_refused_as_note(channel: UUID, sha256: str) -> Response:
    """Offer what was refused as a note: the form of a note with the words filled in."""
    with reading() as session:
        kept = get_kept_words(session, current_actor(), str(channel), sha256)
    if not kept.refused or kept.text is None:
        raise NotFoundError("nothing of this was refused that you may read")
    values = {"text": kept.text} | ({"tlp": kept.tlp.value} if kept.tlp else {})
    return show_channel(str(channel), Forms(note=Filled(values=values)))


@pages.get("/channels/<uuid:channel>/export")
def get_export(channel: UUID) -> Response:
    """Give the whole ledger as one file that proves itself."""
    actor, now = current_actor(), clock.utcnow()
    with transaction() as session:
        us = current_office().desk(session).organisation
        export = proofs.get_export(session, actor, str(channel), us=us, now=now)
        proofs.record_export(session, actor, export, now=now)

    def lines() -> Iterator[bytes]:
        with reading() as session:
            yield from export.lines(session)

    response = Response(stream_with_context(lines()), mimetype="application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=export.name)
    return response


@pages.post("/channels/<uuid:channel>/verification")
def post_verification(channel: UUID) -> BaseResponse:
    """Check all that is here once more, as anybody can check the export."""
    with reading() as session:
        us = current_office().desk(session).organisation
        report = proofs.verify_channel(
            session, current_actor(), str(channel), us=us, now=clock.utcnow()
        )
    flash(*shown.verdict_of(report))
    return to_channel(str(channel))


@pages.get("/channels/<uuid:channel>/holders/<ref>")
def get_holders(channel: UUID, ref: str) -> Response:
    """Show who has held an object, or an entry and what it covers, since when."""
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        summary = queries.get_visible_summary(session, actor, str(channel))
        found = holders.visible_holdings(session, actor, str(channel), ref)
    with transaction() as session:
        audit.record(session, actor, "channel.read", str(channel), now=now)
    return show(
        "channels/holders.html",
        "channels",
        now=now,
        channel=summary,
        back=url_for("pages.get_channel", channel=summary.id, _anchor="history"),
        sheets=[sheet_of(one) for one in found],
        asked=ref.replace("-", "/") if ref[:1].isdigit() else ref,
    )


def write_act(act: Callable[[Session, Desk, Actor], Written]) -> Written:
    """Write an act in a transaction of its own."""
    with transaction() as session:
        return act(session, current_office().desk(session), current_actor())


def write_form(
    channel: UUID,
    model: type[F],
    slot: str,
    write: Callable[[F, Where, datetime], object],
    done: str,
) -> BaseResponse:
    """Write what a form of a channel's page says; where that can't be, show the page again.

    Args:
        slot: the member of `Forms` that the form comes back in.
        write: the service to call, with where to write as its first four arguments.
        done: what is said once it is written.
    """

    def act(form: F) -> None:
        with transaction() as session:
            where = (session, current_office().desk(session), current_actor(), str(channel))
            write(form, where, clock.utcnow())

    filled, status = attempt(model, act, shares=True)
    if status is not DONE:
        forms: dict[str, Any] = {slot: filled}
        return show_channel(str(channel), Forms(**forms), status)
    flash(done, "good")
    return to_channel(str(channel))


def to_channel(channel: str) -> BaseResponse:
    """Lead back to a channel after an act."""
    return redirect(url_for("pages.get_channel", channel=channel), HTTPStatus.SEE_OTHER)


def _show_new(filled: Filled[ChannelForm] | None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return show("channels/new.html", "channels", status=status, filled=filled, labels=CAN_BE_OPENED)


def show_channel(channel: str, forms: Forms, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Show one channel, with the forms that came back."""
    actor, now = current_actor(), clock.utcnow()
    place = read_form(PlaceForm, request.args).form
    before = place.before if place is not None else None
    with reading() as session:
        desk = current_office().desk(session)
        # Held until the end: the session lets go of rows that nobody holds, and asks for them anew.
        record = service.get_visible_channel(session, actor, channel)
        summary = queries.get_visible_summary(session, actor, record.id)
        entries = history.visible_entries(
            session, actor, channel, before=_read_place(before), limit=history.PAGE
        )
        rows = visible_members(session, actor, channel, us=desk.organisation, now=now)
        verification = queries.visible_verification(session, actor, channel)
        waiting = queries.visible_pending(session, actor, channel, now=now)
        kept = kept_words_of(session, actor, waiting)
        pending = [
            shown.contribution_of(session, row, place=summary.name, kept=kept.get(row.sha256))
            for row in waiting
        ]
        open_acts = visible_open_acts(session, desk, actor, channel, now=now)
        mending = visible_repair(session, desk, actor, channel, now=now)
        coordinates = summary.is_ours and summary.kind is not ChannelKind.DIRECT
        about = visible_acts_about(
            session,
            desk,
            actor,
            channel,
            [row.organisation for row in rows if coordinates and not row.is_us],
            among=shown.ABOUT_MEMBERS,
            now=now,
        )
        held = holders.visible_holders(session, actor, channel, us=desk.organisation, now=now)
        breakouts = queries.visible_breakouts(session, actor, channel)
        relayed = relay_part(session, actor, summary, rows, now=now)
        calls = call_words.calls_part(
            session,
            actor,
            summary,
            rows,
            open_acts,
            us=desk.organisation,
            now=now,
            ended_after=call_words.read_place(place.ended if place is not None else None),
        )
        candidates = inviting.visible_candidates(session, actor, channel)
        room = has_room(session, channel)
        seeing = seeing_of(session, actor, channel, us=desk.organisation)
        terms = terms_in(session, channel)
    offered = _permitted(actor, open_acts)
    ceiling = summary.ceiling or TLP.RED
    is_case = summary.kind is ChannelKind.CASE
    roles = shown.CASE_ROLES if is_case else shown.COMMUNITY_ROLES
    return show(
        "channels/channel.html",
        "channels",
        status=status,
        now=now,
        channel=summary,
        us=desk.organisation,
        kind=shown.KIND_WORDS[summary.kind],
        state=shown.state_of(summary),
        sentence=shown.sentence_of(summary),
        alarm=shown.alarm_of(verification, mending.wrong),
        repair=mending,
        verification=verification,
        kept=shown.kept_sentence(verification),
        entries=entries,
        drawings=shown.DRAWINGS,
        is_newest=before is None,
        older=_older(channel, entries),
        contributions=pending,
        members=[
            shown.member_of(row, _permitted(actor, about.get(row.organisation, frozenset())))
            for row in rows
        ],
        seeing=seeing,
        labels=shown.labels_under(ceiling),
        usual_label=usual_label(terms, ceiling),
        may_carry=not summary.is_ours and bool(actor.may(Right.CONTRIBUTE)),
        may_note=Act.NOTE_ADDED in offered,
        may_export=bool(summary.head_sha256) and bool(actor.may(Right.VERIFY_LEDGERS)),
        may_invite=coordinates and bool(actor.may(Right.MANAGE_MEMBERS)),
        may_leave=Act.MEMBER_LEFT in offered and not summary.is_ours,
        candidates=[(one.organisation, one.name) for one in candidates],
        room=room,
        relay=relayed,
        calls=calls,
        call_words=call_words,
        audience=shown.audience_of(summary, rows, offered, breakouts),
        may_release=Act.OBJECT_RELEASED in offered,
        may_break_out=is_case
        and summary.standing is Standing.CURRENT
        and bool(actor.may(Right.OPEN_CHANNELS) and actor.may(Right.MANAGE_MEMBERS)),
        holding=holding_part(held),
        roles=[(role.value, shown.ROLE_WORDS[role]) for role in roles],
        forms=forms,
    )


def _permitted(actor: Actor, acts: frozenset[Act]) -> frozenset[Act]:
    return frozenset(act for act in acts if actor.may(ACTS[act].right))


def _read_place(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    epoch, _, seq = text.partition("-")
    return int(epoch), int(seq)


def _older(channel: str, entries: list[history.Entry]) -> str | None:
    if len(entries) < history.PAGE:
        return None
    last = entries[-1]
    place = f"{last.epoch}-{last.seq}"
    return url_for("pages.get_channel", channel=channel, before=place, _anchor="history")

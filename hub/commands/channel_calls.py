"""What `tocsin channel` does for warnings, checks of the communication and requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click
from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from hub import clock
from hub.accounts.actor import Actor
from hub.api.call_models import call_document, details_document, issued_document
from hub.calls import calling, queries
from hub.calls.calling import Issued
from hub.calls.values import Call
from hub.commands import frame
from hub.commands.channel_acts import FILES, read_files, write_act
from hub.commands.names import get_call_named, get_channel_named, get_member_named
from hub.office import current_office
from policies.acts import Act
from policies.calls import AnswersTo, CallKind, RequestOutcome
from policies.tlp import TLP, read_tlp
from sharing.canonical import read_time
from sharing.db import reading, transaction

Done = tuple[str, Act, Written]
Writing = Callable[[Session, Desk, Actor, str, datetime], Issued]

CALL_COLUMNS: Final = {
    "kind": "kind",
    "text": "what",
    "author_name": "from",
    "issued_at": "since",
    "answered": "answered",
    "silent": "silent",
    "ref": "id",
}
ASKED_COLUMNS: Final = {
    "name": "name",
    "reply": "reply",
    "affected": "affected",
    "result": "result",
    "minutes": "minutes",
    "late": "late",
    "way": "way",
    "contact": "contact",
    "text": "words",
}
_TO: Final = click.option(
    "--to", "names", metavar="NAME", multiple=True, help="Repeatable; all others if not given."
)
_LABEL: Final = click.option(
    "--tlp", metavar="LEVEL", help="Its label; the channel's ceiling if not given."
)


@click.command("warn")
@click.argument("channel")
@click.argument("text")
@_TO
@click.option("--reply-by", metavar="TIME", help="RFC 3339, UTC; in one hour if not given.")
@click.option("--next-update", metavar="TIME", help="When they hear more.")
@_LABEL
@FILES
@frame.as_json
@frame.refusing
def warn(
    channel: str,
    text: str,
    names: tuple[str, ...],
    reply_by: str | None,
    next_update: str | None,
    tlp: str | None,
    files: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Warn the members of a channel of ours: TEXT says what threatens, and what to do."""
    objects, label = read_files(files, clock.utcnow()), _label(tlp)
    until, more = _time(reply_by, "reply_by"), _time(next_update, "next_update")

    def write(session: Session, desk: Desk, actor: Actor, found: str, now: datetime) -> Issued:
        return calling.warn(
            session,
            desk,
            actor,
            found,
            text=text,
            addressees=_members(session, desk, actor, found, names, now),
            reply_by=until,
            next_update=more,
            objects=objects,
            tlp=label,
            now=now,
        )

    _issue(channel, write, as_json=as_json)


@click.command("check")
@click.argument("channel")
@click.option("--text", help="What is asked; a sentence of ours if not given.")
@_TO
@click.option("--reply-by", metavar="TIME", help="RFC 3339, UTC; in one hour if not given.")
@_LABEL
@frame.as_json
@frame.refusing
def check(
    channel: str,
    text: str | None,
    names: tuple[str, ...],
    reply_by: str | None,
    tlp: str | None,
    *,
    as_json: bool,
) -> None:
    """Ask the members of a channel of ours to answer, and measure how long it takes."""
    until, label = _time(reply_by, "reply_by"), _label(tlp)

    def write(session: Session, desk: Desk, actor: Actor, found: str, now: datetime) -> Issued:
        return calling.check(
            session,
            desk,
            actor,
            found,
            text=text,
            addressees=_members(session, desk, actor, found, names, now),
            reply_by=until,
            tlp=label,
            now=now,
        )

    _issue(channel, write, as_json=as_json)


@click.command("ask")
@click.argument("channel")
@click.argument("text")
@_TO
@click.option("--needed-by", metavar="TIME", help="RFC 3339, UTC; in a day if not given.")
@click.option("--answers-to-us", is_flag=True, help="Nobody else reads the answers.")
@_LABEL
@FILES
@frame.as_json
@frame.refusing
def ask(
    channel: str,
    text: str,
    names: tuple[str, ...],
    needed_by: str | None,
    tlp: str | None,
    files: tuple[Path, ...],
    *,
    answers_to_us: bool,
    as_json: bool,
) -> None:
    """Ask members for information or aid: TEXT says what is needed, and why."""
    objects, label = read_files(files, clock.utcnow()), _label(tlp)
    until = _time(needed_by, "needed_by")

    def write(session: Session, desk: Desk, actor: Actor, found: str, now: datetime) -> Issued:
        return calling.ask(
            session,
            desk,
            actor,
            found,
            text=text,
            addressees=_members(session, desk, actor, found, names, now),
            needed_by=until,
            answers_to=AnswersTo.ASKER if answers_to_us else AnswersTo.ALL,
            objects=objects,
            tlp=label,
            now=now,
        )

    _issue(channel, write, as_json=as_json)


@click.command("add-to-warning")
@click.argument("channel")
@click.argument("ref", metavar="ID")
@click.argument("text")
@click.option("--again", is_flag=True, help="Ask all to acknowledge again.")
@click.option("--reply-by", metavar="TIME", help="RFC 3339, UTC.")
@click.option("--next-update", metavar="TIME", help="When they hear more.")
@FILES
@frame.as_json
@frame.refusing
def add_to_warning(
    channel: str,
    ref: str,
    text: str,
    reply_by: str | None,
    next_update: str | None,
    files: tuple[Path, ...],
    *,
    again: bool,
    as_json: bool,
) -> None:
    """Add TEXT to a warning of ours; ID is the id that it was given, or how that begins."""
    objects = read_files(files, clock.utcnow())
    until, more = _time(reply_by, "reply_by"), _time(next_update, "next_update")

    def write(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        call = get_call(session, desk, actor, channel, ref, now)
        written = calling.add(
            session,
            desk,
            actor,
            call.channel,
            call.ref,
            text=text,
            again=again,
            reply_by=until,
            next_update=more,
            objects=objects,
            now=now,
        )
        return call.channel, Act.WARNING_UPDATED, written

    write_act(write, as_json=as_json)


@click.command("ask-newcomers")
@click.argument("channel")
@click.argument("ref", metavar="ID")
@frame.as_json
@frame.refusing
def ask_newcomers(channel: str, ref: str, *, as_json: bool) -> None:
    """Ask those who have joined since to acknowledge the warning ID of ours, too."""

    def write(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        call = get_call(session, desk, actor, channel, ref, now)
        written = calling.ask_the_new(session, desk, actor, call.channel, call.ref, now=now)
        return call.channel, Act.WARNING_ISSUED, written

    write_act(write, as_json=as_json)


@click.command("end-call")
@click.argument("channel")
@click.argument("ref", metavar="ID")
@click.option("--text", help="What all are told with it.")
@click.option("--outcome", type=click.Choice([one.value for one in RequestOutcome]))
@frame.as_json
@frame.refusing
def end_call(
    channel: str, ref: str, text: str | None, outcome: str | None, *, as_json: bool
) -> None:
    """End the warning or check ID of ours, or close a request of ours."""

    def write(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        call = get_call(session, desk, actor, channel, ref, now)
        became = RequestOutcome(outcome) if outcome is not None else None
        written = calling.end(
            session, desk, actor, call.channel, call.ref, text=text, outcome=became, now=now
        )
        acts = {CallKind.WARNING: Act.WARNING_ENDED, CallKind.CHECK: Act.CHECK_CLOSED}
        return call.channel, acts.get(call.kind, Act.REQUEST_CLOSED), written

    write_act(write, as_json=as_json)


@click.command("calls")
@click.argument("channel")
@click.option("--all", "show_all", is_flag=True, help="Also those that have ended.")
@frame.as_json
@frame.refusing
def calls(channel: str, *, show_all: bool, as_json: bool) -> None:
    """List the warnings, checks and requests of CHANNEL, with how many are silent."""
    with frame.node(), reading() as session:
        actor, desk = frame.console_actor(), current_office().desk(session)
        found = queries.visible_calls(
            session,
            actor,
            get_channel_named(session, actor, channel),
            us=desk.organisation,
            now=clock.utcnow(),
            is_open=None if show_all else True,
            limit=None,
        )
        rows = [call_document(one).model_dump(mode="json") for one in found]
    if not as_json:
        rows = [row | _counted(row) for row in rows]
    frame.show_table(rows, CALL_COLUMNS, as_json=as_json, nothing="nobody is asked anything")


@click.command("show-call")
@click.argument("channel")
@click.argument("ref", metavar="ID")
@frame.as_json
@frame.refusing
def show_call(channel: str, ref: str, *, as_json: bool) -> None:
    """Show one warning, check or request: who is silent, and who answered how quickly."""
    with frame.node(), reading() as session:
        actor, desk = frame.console_actor(), current_office().desk(session)
        call = get_call(session, desk, actor, channel, ref, clock.utcnow())
        document = details_document(
            call,
            queries.visible_updates(session, actor, call),
            queries.visible_indicators(session, actor, call),
        ).model_dump(mode="json")
    if as_json:
        frame.show(document, as_json=True)
        return
    shown = document["call"]
    measured = shown["measured"]
    lines = [
        f"{shown['kind']} from {shown['author_name']}, {shown['issued_at']}: {shown['text']}",
        *(f"to look for   {one['name']}: {one['pattern']}" for one in document["indicators"]),
        *(f"since then    {one['text'] or one['act']}" for one in document["updates"]),
        f"answered      {measured['answered']} of {measured['asked']}",
    ]
    frame.show(None, as_json=False, line="\n".join(frame.printable(line) for line in lines))
    frame.show_table(shown["addressees"], ASKED_COLUMNS, as_json=False, nothing="nobody is asked")


COMMANDS: Final = (
    warn,
    check,
    ask,
    add_to_warning,
    ask_newcomers,
    end_call,
    calls,
    show_call,
)


def _issue(channel: str, write: Writing, *, as_json: bool) -> None:
    """Call something out, and say under which id it is known."""
    with frame.node():
        with transaction() as session:
            actor, now = frame.console_actor(), clock.utcnow()
            found = get_channel_named(session, actor, channel)
            issued = write(session, current_office().desk(session), actor, found, now)
        document = issued_document(found, issued)
        frame.show(document.model_dump(mode="json"), as_json=as_json, line=document.ref)


def get_call(
    session: Session, desk: Desk, actor: Actor, channel: str, ref: str, now: datetime
) -> Call:
    """Give the call of a channel, both as somebody names them."""
    found = get_channel_named(session, actor, channel)
    return get_call_named(session, actor, found, ref, us=desk.organisation, now=now)


def get_member(
    session: Session, desk: Desk, actor: Actor, channel: str, name: str, now: datetime
) -> str:
    """Give the member of a channel, as somebody names it."""
    return get_member_named(session, actor, channel, name, us=desk.organisation, now=now)


def _members(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    names: tuple[str, ...],
    now: datetime,
) -> list[str]:
    return [get_member(session, desk, actor, channel, name, now) for name in names]


def _counted(row: dict[str, Any]) -> dict[str, Any]:
    measured = row["measured"]
    silent = sum(1 for one in row["addressees"] if one["reply"] in {"silent", "waiting"})
    return {"answered": f"{measured['answered']} of {measured['asked']}", "silent": silent}


def _label(text: str | None) -> TLP | None:
    return read_tlp(text) if text is not None else None


def _time(text: str | None, field: str) -> datetime | None:
    return read_time(text, field=field) if text is not None else None

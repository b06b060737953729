"""What `tocsin channel` writes: each act becomes an entry of ours, or waits in the outbox."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import click
from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from hub import clock
from hub.accounts.actor import Actor
from hub.api.channel_documents import channel_document, written_document
from hub.channels import queries, repair, service
from hub.channels.incoming import MAX_INPUT_BYTES, read_objects_text
from hub.commands import frame
from hub.commands.names import (
    get_channel_named,
    get_invitation_named,
    get_member_named,
    get_partner_named,
)
from hub.office import current_office
from policies.acts import Act
from policies.errors import InvalidError
from policies.roles import Role
from policies.tlp import read_tlp
from sharing.canonical import BUNDLE_LIMIT_BYTES, read_json, read_time
from sharing.db import reading, transaction
from sharing.objects import StixObject

ACTS: Final = click.Choice([act.value for act in Act])
ROLES: Final = click.Choice([role.value for role in Role])
FILES: Final = click.option(
    "--object",
    "files",
    metavar="FILE",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="A STIX object, or a STIX bundle of them; a dash is standard input. Repeatable.",
)
LATER: Final = click.option(
    "--later-members/--no-later-members",
    default=None,
    help="Whether members who join later read it, whatever its label.",
)
FROM: Final = click.option(
    "--from", "owner", metavar="NAME", help="Who invites, where several name the same channel."
)
Writing = Callable[[Session, Desk, Actor, datetime], tuple[str, Act, Written]]


@click.command("invite")
@click.argument("channel")
@click.argument("organisation", metavar="NAME")
@click.option("--role", "roles", multiple=True, required=True, type=ROLES, help="Repeatable.")
@click.option("--reason", help="What they read beside the invitation.")
@click.option("--reply-by", metavar="TIME", help="RFC 3339, UTC; in 24 hours if not given.")
@click.option("--replaces", metavar="MEMBER", help="As whom it took part without a node so far.")
@frame.as_json
@frame.refusing
def invite(
    channel: str,
    organisation: str,
    roles: tuple[str, ...],
    reason: str | None,
    reply_by: str | None,
    replaces: str | None,
    *,
    as_json: bool,
) -> None:
    """Invite the partner NAME into a channel of ours."""
    until = read_time(reply_by, field="reply_by") if reply_by is not None else None

    def act(session: Session, desk: Desk, actor: Actor, now: datetime) -> tuple[str, Act, Written]:
        found = get_channel_named(session, actor, channel)
        place = replaces and get_member_named(
            session, actor, found, replaces, us=desk.organisation, now=now
        )
        entry = service.invite(
            session,
            desk,
            actor,
            found,
            organisation=get_partner_named(session, organisation).organisation,
            roles=roles,
            reason=reason,
            reply_by=until,
            replaces=place,
            now=now,
        )
        return found, Act.MEMBER_INVITED, Written(entry=entry)

    write_act(act, as_json=as_json)


@click.command("uninvite")
@click.argument("channel")
@click.argument("organisation", metavar="NAME")
@frame.as_json
@frame.refusing
def uninvite(channel: str, organisation: str, *, as_json: bool) -> None:
    """Take the invitation of NAME back."""

    def act(session: Session, desk: Desk, actor: Actor, now: datetime) -> tuple[str, Act, Written]:
        found = get_channel_named(session, actor, channel)
        member = get_member_named(
            session, actor, found, organisation, us=desk.organisation, now=now
        )
        written = service.uninvite(session, desk, actor, found, organisation=member, now=now)
        return found, Act.MEMBER_UNINVITED, written

    write_act(act, as_json=as_json)


@click.command("join")
@click.argument("channel")
@FROM
@click.option("--accept-charter", is_flag=True, help="Accept the charter that is in force there.")
@frame.as_json
@frame.refusing
def join(channel: str, owner: str | None, *, accept_charter: bool, as_json: bool) -> None:
    """Accept the invitation to CHANNEL, in the role that it offers."""

    def act(session: Session, desk: Desk, actor: Actor, now: datetime) -> tuple[str, Act, Written]:
        found, by = get_invitation_named(session, actor, channel, owner, now=now)
        written = service.join(
            session, desk, actor, found, owner=by, accept_charter=accept_charter, now=now
        )
        return found, Act.MEMBER_JOINED, written

    write_act(act, as_json=as_json)


@click.command("decline")
@click.argument("channel")
@FROM
@click.option("--reason", help="Why; all members read it. It may be left out.")
@frame.as_json
@frame.refusing
def decline(channel: str, owner: str | None, reason: str | None, *, as_json: bool) -> None:
    """Decline the invitation to CHANNEL."""

    def act(session: Session, desk: Desk, actor: Actor, now: datetime) -> tuple[str, Act, Written]:
        found, by = get_invitation_named(session, actor, channel, owner, now=now)
        written = service.decline(session, desk, actor, found, owner=by, reason=reason, now=now)
        return found, Act.MEMBER_DECLINED, written

    write_act(act, as_json=as_json)


@click.command("leave")
@click.argument("channel")
@frame.as_json
@frame.refusing
def leave(channel: str, *, as_json: bool) -> None:
    """Leave CHANNEL; what was received stays here."""

    def act(session: Session, desk: Desk, actor: Actor, now: datetime) -> tuple[str, Act, Written]:
        found = get_channel_named(session, actor, channel)
        return found, Act.MEMBER_LEFT, service.leave(session, desk, actor, found, now=now)

    write_act(act, as_json=as_json)


@click.command("remove")
@click.argument("channel")
@click.argument("organisation", metavar="NAME")
@click.option("--reason", required=True, help="All members read it.")
@frame.as_json
@frame.refusing
def remove(channel: str, organisation: str, reason: str, *, as_json: bool) -> None:
    """Remove the member NAME from a channel of ours."""

    def act(session: Session, desk: Desk, actor: Actor, now: datetime) -> tuple[str, Act, Written]:
        found = get_channel_named(session, actor, channel)
        member = get_member_named(
            session, actor, found, organisation, us=desk.organisation, now=now
        )
        written = service.remove(
            session, desk, actor, found, organisation=member, reason=reason, now=now
        )
        return found, Act.MEMBER_REMOVED, written

    write_act(act, as_json=as_json)


@click.command("note")
@click.argument("channel")
@click.argument("text")
@click.option("--tlp", metavar="LEVEL", help="Its label; the channel's ceiling if not given.")
@LATER
@frame.as_json
@frame.refusing
def note(
    channel: str, text: str, tlp: str | None, *, later_members: bool | None, as_json: bool
) -> None:
    """Write a note to all members; a dash reads TEXT from standard input."""
    label = read_tlp(tlp) if tlp is not None else None
    if text == "-":
        text = _read(sys.stdin.buffer).decode("utf-8", errors="replace")

    def act(session: Session, desk: Desk, actor: Actor, now: datetime) -> tuple[str, Act, Written]:
        found = get_channel_named(session, actor, channel)
        written = service.add_note(
            session,
            desk,
            actor,
            found,
            text=text,
            tlp=label,
            later_members=later_members,
            now=now,
        )
        return found, Act.NOTE_ADDED, written

    write_act(act, as_json=as_json)


@click.command("write")
@click.argument("channel")
@click.argument("act", metavar="ACT", type=ACTS)
@click.option("--body", metavar="JSON", help="What the act needs: docs/acts.md.")
@FILES
@LATER
@frame.as_json
@frame.refusing
def write(
    channel: str,
    act: str,
    body: str | None,
    files: tuple[Path, ...],
    *,
    later_members: bool | None,
    as_json: bool,
) -> None:
    """Write any ACT into CHANNEL."""
    meant, now = Act(act), clock.utcnow()
    document = _read_body(body)
    objects = read_files(files, now)

    def acting(
        session: Session, desk: Desk, actor: Actor, now: datetime
    ) -> tuple[str, Act, Written]:
        found = get_channel_named(session, actor, channel)
        written = service.write(
            session,
            desk,
            actor,
            found,
            meant,
            document,
            objects,
            later_members=later_members,
            now=now,
        )
        return found, meant, written

    write_act(acting, as_json=as_json)


@click.command("retry")
@click.argument("channel")
@frame.as_json
@frame.refusing
def retry(channel: str, *, as_json: bool) -> None:
    """Have CHANNEL read again, where it waits or is frozen."""
    with frame.node():
        actor = frame.console_actor()
        with transaction() as session:
            found = get_channel_named(session, actor, channel)
            desk = current_office().desk(session)
            repair.retry(session, desk, actor, found, now=clock.utcnow())
        with reading() as session:
            document = channel_document(queries.get_visible_summary(session, actor, found))
        frame.show(
            document.model_dump(mode="json"), as_json=as_json, line="the worker reads it again"
        )


COMMANDS: Final = (invite, uninvite, join, decline, leave, remove, note, write, retry)


def write_act(act: Writing, *, as_json: bool) -> None:
    """Write in one transaction, and say what became of it."""
    with frame.node():
        with transaction() as session:
            desk = current_office().desk(session)
            channel, what, written = act(session, desk, frame.console_actor(), clock.utcnow())
        document = written_document(channel, what, written)
        if document.state == "history":
            line = f"{what} is entry {document.epoch}/{document.seq}"
        else:
            line = f"{what} waits in the outbox"
        frame.show(document.model_dump(mode="json"), as_json=as_json, line=line)


def _read_body(text: str | None) -> Mapping[str, Any]:
    if text is None:
        return {}
    body = read_json(text.encode("utf-8", "surrogateescape"), limit_bytes=BUNDLE_LIMIT_BYTES)
    if not isinstance(body, dict):
        raise InvalidError("a body is a JSON object", field="body")
    return body


def read_files(files: Iterable[Path], now: datetime) -> list[StixObject]:
    """Read STIX objects from files, each content once."""
    read = {stix.sha256: stix for file in files for stix in _read_objects(file, now)}
    return list(read.values())


def _read_objects(file: Path, now: datetime) -> list[StixObject]:
    if str(file) == "-":
        return read_objects_text(_read(sys.stdin.buffer), field="standard input", now=now)
    try:
        with file.open("rb") as stream:
            data = _read(stream)
    except OSError as error:
        raise InvalidError(f"{file}: {error.strerror}", field="object") from None
    return read_objects_text(data, field=str(file), now=now)


def _read(stream: IO[bytes]) -> bytes:
    """Read no more than can be meant; one byte beyond it is refused by whoever parses."""
    return stream.read(MAX_INPUT_BYTES + 1)

"""What `tocsin channel` settles about who reads what."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import click
from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from hub import clock
from hub.accounts.actor import Actor
from hub.api.channel_documents import channel_document
from hub.channels import audience, queries
from hub.commands import frame
from hub.commands.channel_acts import write_act
from hub.commands.names import get_channel_named, get_member_named
from hub.office import current_office
from policies.acts import Act
from policies.tlp import read_tlp
from sharing.db import transaction

Done = tuple[str, Act, Written]


@click.command("release")
@click.argument("channel")
@click.argument("objects", metavar="OBJECT...", nargs=-1, required=True)
@frame.as_json
@frame.refusing
def release(channel: str, objects: tuple[str, ...], *, as_json: bool) -> None:
    """Open each older OBJECT of ours, a STIX id, to later members."""

    def act(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        found = get_channel_named(session, actor, channel)
        written = audience.release(session, desk, actor, found, objects=objects, now=now)
        return found, Act.OBJECT_RELEASED, written

    write_act(act, as_json=as_json)


@click.command("ask-release")
@click.argument("channel")
@click.argument("objects", metavar="OBJECT...", nargs=-1, required=True)
@click.option("--text", help="What to say; a plain request, if not given.")
@frame.as_json
@frame.refusing
def ask_release(channel: str, objects: tuple[str, ...], text: str | None, *, as_json: bool) -> None:
    """Ask the author of each withheld OBJECT, a STIX id, to release it."""

    def act(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        found = get_channel_named(session, actor, channel)
        written = audience.ask_release(
            session, desk, actor, found, objects=objects, text=text, now=now
        )
        return found, Act.NOTE_ADDED, written

    write_act(act, as_json=as_json)


@click.command("ceiling")
@click.argument("channel")
@click.argument("level")
@frame.as_json
@frame.refusing
def ceiling(channel: str, level: str, *, as_json: bool) -> None:
    """Change the strictest label that a channel of ours takes to LEVEL."""
    label = read_tlp(level)

    def act(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        found = get_channel_named(session, actor, channel)
        written = audience.change_ceiling(session, desk, actor, found, ceiling=label, now=now)
        return found, Act.CHANNEL_CEILING_CHANGED, written

    write_act(act, as_json=as_json)


@click.command("limits")
@click.argument("channel")
@click.option("--takes", metavar="LEVEL", help="The strictest label; anything if not given.")
@click.option("--topic", "topics", multiple=True, help="Any if not given. Repeatable.")
@frame.as_json
@frame.refusing
def limits(channel: str, takes: str | None, topics: tuple[str, ...], *, as_json: bool) -> None:
    """Say what we take in CHANNEL from now on; what was received stays here."""
    label = read_tlp(takes) if takes is not None else None

    def act(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        found = get_channel_named(session, actor, channel)
        written = audience.change_limits(
            session, desk, actor, found, takes=label, topics=topics, now=now
        )
        return found, Act.MEMBER_LIMITS_CHANGED, written

    write_act(act, as_json=as_json)


@click.command("suspend")
@click.argument("channel")
@click.argument("organisation", metavar="NAME")
@click.option("--reason", required=True, help="All members read it.")
@frame.as_json
@frame.refusing
def suspend(channel: str, organisation: str, reason: str, *, as_json: bool) -> None:
    """Keep the member NAME out for now: its node or its key is in doubt."""

    def act(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        found = get_channel_named(session, actor, channel)
        us = desk.organisation
        member = get_member_named(session, actor, found, organisation, us=us, now=now)
        written = audience.suspend(
            session, desk, actor, found, organisation=member, reason=reason, now=now
        )
        return found, Act.MEMBER_SUSPENDED, written

    write_act(act, as_json=as_json)


@click.command("resume")
@click.argument("channel")
@click.argument("organisation", metavar="NAME")
@click.option("--reason", required=True, help="How its keys were checked. All members read it.")
@frame.as_json
@frame.refusing
def resume(channel: str, organisation: str, reason: str, *, as_json: bool) -> None:
    """Take the suspended member NAME back in, its keys checked anew with a person."""

    def act(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        found = get_channel_named(session, actor, channel)
        us = desk.organisation
        member = get_member_named(session, actor, found, organisation, us=us, now=now)
        written = audience.resume(
            session, desk, actor, found, organisation=member, reason=reason, now=now
        )
        return found, Act.MEMBER_RESUMED, written

    write_act(act, as_json=as_json)


@click.command("breakout")
@click.argument("channel")
@click.argument("members", metavar="NAME...", nargs=-1, required=True)
@click.option("--name", required=True)
@click.option("--tlp", default="red", show_default=True, metavar="LEVEL")
@click.option("--reason", help="What they read beside the invitation.")
@frame.as_json
@frame.refusing
def breakout(
    channel: str,
    members: tuple[str, ...],
    name: str,
    tlp: str,
    reason: str | None,
    *,
    as_json: bool,
) -> None:
    """Open a breakout of the case CHANNEL with its members NAME... and invite them."""
    label = read_tlp(tlp)
    with frame.node():
        with transaction() as session:
            actor, now = frame.console_actor(), clock.utcnow()
            desk = current_office().desk(session)
            found = get_channel_named(session, actor, channel)
            us = desk.organisation
            asked = [
                get_member_named(session, actor, found, one, us=us, now=now) for one in members
            ]
            record = audience.open_breakout(
                session,
                desk,
                actor,
                found,
                name=name,
                ceiling=label,
                members=asked,
                reason=reason,
                now=now,
            )
            document = channel_document(queries.get_visible_summary(session, actor, record.id))
        frame.show(document.model_dump(mode="json"), as_json=as_json, line=document.id)


COMMANDS: Final = (release, ask_release, ceiling, limits, suspend, resume, breakout)

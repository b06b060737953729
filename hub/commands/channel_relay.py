"""What `tocsin channel` does for organisations without a node, and they once they have one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

import click
from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from hub import clock
from hub.accounts.actor import Actor
from hub.channels import relay as relaying
from hub.channels.relay import RELAYED, WAYS, Told
from hub.commands import frame
from hub.commands.channel_acts import FILES, ROLES, read_files, write_act
from hub.commands.names import get_channel_named, get_member_named, get_statement_named
from hub.office import current_office
from policies.acts import Act
from policies.tlp import read_tlp
from sharing.canonical import read_time
from sharing.db import transaction

Done = tuple[str, Act, Written]


@click.command("add-absent")
@click.argument("channel")
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, type=ROLES, help="Repeatable.")
@click.option("--unnamed", is_flag=True, help="The members read a number; the name stays here.")
@click.option("--contact", help="How to reach it; stays here.")
@frame.as_json
@frame.refusing
def add_absent(
    channel: str,
    name: str,
    roles: tuple[str, ...],
    contact: str | None,
    *,
    unnamed: bool,
    as_json: bool,
) -> None:
    """Invite the organisation NAME, which has no node, into a channel of ours."""
    with frame.node():
        with transaction() as session:
            actor = frame.console_actor()
            found = get_channel_named(session, actor, channel)
            organisation = relaying.add_absent(
                session,
                current_office().desk(session),
                actor,
                found,
                name=name,
                roles=roles,
                shown=not unnamed,
                contact=contact,
                now=clock.utcnow(),
            )
        document = {"channel": found, "organisation": organisation}
        line = f"{organisation} is invited; record its answer with: tocsin channel relay"
        frame.show(document, as_json=as_json, line=line)


@click.command("relay")
@click.argument("channel")
@click.argument("organisation", metavar="NAME")
@click.argument("act", metavar="ACT", type=click.Choice([act.value for act in RELAYED]))
@click.option("--way", type=click.Choice(WAYS), default=WAYS[0], show_default=True)
@click.option("--at", metavar="TIME", help="When it was said: RFC 3339, UTC; now, if not given.")
@click.option("--informant", help="Who told it.")
@click.option("--text", help="What they said.")
@click.option("--tlp", metavar="LEVEL", help="Its label; the channel's ceiling if not given.")
@FILES
@frame.as_json
@frame.refusing
def relay(  # noqa: PLR0913, PLR0917 - one argument for each option
    channel: str,
    organisation: str,
    act: str,
    way: str,
    at: str | None,
    informant: str | None,
    text: str | None,
    tlp: str | None,
    files: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Write ACT on behalf of NAME, which can't write now: our own statement, shown as such."""
    objects = read_files(files, clock.utcnow())
    label = read_tlp(tlp) if tlp is not None else None
    said_at = read_time(at, field="at") if at is not None else None

    def write(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        found = get_channel_named(session, actor, channel)
        whom = get_member_named(session, actor, found, organisation, us=desk.organisation, now=now)
        written = relaying.relay(
            session,
            desk,
            actor,
            found,
            organisation=whom,
            act=Act(act),
            told=Told(way, said_at or now, informant),
            text=text,
            objects=objects,
            tlp=label,
            now=now,
        )
        return found, Act(act), written

    write_act(write, as_json=as_json)


@click.command("confirm-relayed")
@click.argument("channel")
@click.argument("entry")
@click.option("--why", help="All members read it.")
@frame.as_json
@frame.refusing
def confirm_relayed(channel: str, entry: str, why: str | None, *, as_json: bool) -> None:
    """Confirm what was said in our name in ENTRY: its place, as in 1/17, or its hash."""
    _answer(channel, entry, why, confirms=True, as_json=as_json)


@click.command("dispute-relayed")
@click.argument("channel")
@click.argument("entry")
@click.option("--why", help="All members read it.")
@frame.as_json
@frame.refusing
def dispute_relayed(channel: str, entry: str, why: str | None, *, as_json: bool) -> None:
    """Dispute what was said in our name in ENTRY: its place, as in 1/17, or its hash."""
    _answer(channel, entry, why, confirms=False, as_json=as_json)


@click.command("release-relayed")
@click.argument("channel")
@click.argument("organisation", metavar="NAME")
@frame.as_json
@frame.refusing
def release_relayed(channel: str, organisation: str, *, as_json: bool) -> None:
    """Let later members read what we wrote on behalf of NAME: itself among them."""

    def write(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        found = get_channel_named(session, actor, channel)
        whom = get_member_named(session, actor, found, organisation, us=desk.organisation, now=now)
        written = relaying.release_told(session, desk, actor, found, organisation=whom, now=now)
        return found, Act.OBJECT_RELEASED, written

    write_act(write, as_json=as_json)


COMMANDS: Final = (add_absent, relay, confirm_relayed, dispute_relayed, release_relayed)


def _answer(channel: str, entry: str, why: str | None, *, confirms: bool, as_json: bool) -> None:
    def write(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        found = get_channel_named(session, actor, channel)
        bundle = get_statement_named(session, found, entry)
        written = relaying.answer(
            session, desk, actor, found, bundle, confirms=confirms, why=why, now=now
        )
        return found, Act.OPINION_GIVEN, written

    write_act(write, as_json=as_json)

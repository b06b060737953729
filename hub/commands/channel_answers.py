"""What `tocsin channel` answers to warnings, checks and requests: for us, or as we were told."""

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
from hub.calls import answering
from hub.channels.relay import WAYS, Told
from hub.commands import frame
from hub.commands.channel_acts import FILES, read_files, write_act
from hub.commands.channel_calls import get_call, get_member
from policies.acts import Act
from policies.calls import Affected, CallKind, DeclineReason, RequestResult

Done = tuple[str, Act, Written]

_FOR: Final = click.option(
    "--for", "behalf", metavar="NAME", help="Who told us, where it can't write itself."
)
_WAY: Final = click.option(
    "--way",
    type=click.Choice(WAYS),
    default=WAYS[0],
    show_default=True,
    help="How they told us; with --for.",
)
_INFORMANT: Final = click.option("--informant", help="Who told it; with --for.")


@click.command("acknowledge")
@click.argument("channel")
@click.argument("ref", metavar="ID")
@click.option("--affected", type=click.Choice([one.value for one in Affected]))
@click.option("--text", help="All members read it.")
@_FOR
@_WAY
@_INFORMANT
@frame.as_json
@frame.refusing
def acknowledge(
    channel: str,
    ref: str,
    affected: str | None,
    text: str | None,
    behalf: str | None,
    way: str,
    informant: str | None,
    *,
    as_json: bool,
) -> None:
    """Acknowledge the warning or check ID, or record that somebody did by telephone."""
    said = Affected(affected) if affected is not None else None

    def write(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        call = get_call(session, desk, actor, channel, ref, now)
        given = (session, desk, actor, call.channel, call.ref)
        if behalf is None:
            written = answering.acknowledge(*given, affected=said, text=text, now=now)
        else:
            written = answering.acknowledge_for(
                *given,
                organisation=get_member(session, desk, actor, call.channel, behalf, now),
                told=Told(way, now, informant),
                affected=said,
                text=text,
                now=now,
            )
        is_check = call.kind is CallKind.CHECK
        return (
            call.channel,
            Act.CHECK_ACKNOWLEDGED if is_check else Act.WARNING_ACKNOWLEDGED,
            written,
        )

    write_act(write, as_json=as_json)


@click.command("answer-request")
@click.argument("channel")
@click.argument("ref", metavar="ID")
@click.argument("text", required=False)
@click.option(
    "--result",
    type=click.Choice([one.value for one in RequestResult]),
    default=RequestResult.ANSWERED.value,
    show_default=True,
)
@_FOR
@_WAY
@_INFORMANT
@FILES
@frame.as_json
@frame.refusing
def answer_request(  # noqa: PLR0913 - one argument for each option
    channel: str,
    ref: str,
    text: str | None,
    result: str,
    behalf: str | None,
    way: str,
    informant: str | None,
    files: tuple[Path, ...],
    *,
    as_json: bool,
) -> None:
    """Answer the request ID, or record what somebody answered by telephone."""
    objects = read_files(files, clock.utcnow())

    def write(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        call = get_call(session, desk, actor, channel, ref, now)
        given = (session, desk, actor, call.channel, call.ref)
        if behalf is None:
            where, written = answering.answer(
                *given, result=RequestResult(result), text=text, objects=objects, now=now
            )
            return where, Act.REQUEST_ANSWERED, written
        written = answering.answer_for(
            *given,
            organisation=get_member(session, desk, actor, call.channel, behalf, now),
            told=Told(way, now, informant),
            result=RequestResult(result),
            text=text,
            now=now,
        )
        return call.channel, Act.REQUEST_ANSWERED, written

    write_act(write, as_json=as_json)


@click.command("decline-request")
@click.argument("channel")
@click.argument("ref", metavar="ID")
@click.option("--reason", type=click.Choice([one.value for one in DeclineReason]))
@click.option("--text", help="What they are told with it.")
@_FOR
@_WAY
@_INFORMANT
@frame.as_json
@frame.refusing
def decline_request(
    channel: str,
    ref: str,
    reason: str | None,
    text: str | None,
    behalf: str | None,
    way: str,
    informant: str | None,
    *,
    as_json: bool,
) -> None:
    """Decline to answer the request ID, or record that somebody did by telephone."""
    why = DeclineReason(reason) if reason is not None else None

    def write(session: Session, desk: Desk, actor: Actor, now: datetime) -> Done:
        call = get_call(session, desk, actor, channel, ref, now)
        given = (session, desk, actor, call.channel, call.ref)
        if behalf is None:
            where, written = answering.decline(*given, reason=why, text=text, now=now)
            return where, Act.REQUEST_DECLINED, written
        written = answering.answer_for(
            *given,
            organisation=get_member(session, desk, actor, call.channel, behalf, now),
            told=Told(way, now, informant),
            result=None,
            reason=why,
            text=text,
            now=now,
        )
        return call.channel, Act.REQUEST_DECLINED, written

    write_act(write, as_json=as_json)


COMMANDS: Final = (acknowledge, answer_request, decline_request)

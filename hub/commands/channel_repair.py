"""`tocsin channel repair`: what is wrong with a channel, and the ways out."""

from __future__ import annotations

from typing import Any, Final

import click
from sqlalchemy.orm import Session

from federation.ledgers.desk import Desk
from hub import clock
from hub.accounts.actor import Actor
from hub.api.repair import repair_document
from hub.channels import repair as repairing
from hub.channels.ways_out import visible_repair
from hub.commands import frame
from hub.commands.names import get_channel_named, get_member_named
from hub.office import current_office
from policies.errors import ConflictError, InvalidError
from sharing.db import reading, transaction

DONE: Final = {
    "retry": "the worker reads it again, from the coordinator and from the other members",
    "endorse": "endorsed; it goes to them by itself",
    "take_over": "the channel is ours now; the others follow by themselves",
    "reopen": "a new epoch is open; the others follow by themselves",
    "leave": "we have left; the coordinator is told as soon as it can be reached",
}


@click.command("repair")
@click.argument("channel")
@click.option("--retry", "way", flag_value="retry", help="Read it again, from all who have it.")
@click.option("--endorse", metavar="ORGANISATION", help="Who should take over.")
@click.option("--round", "round_", type=click.IntRange(1, 1000), help="With --endorse: the round.")
@click.option("--take-over", "way", flag_value="take_over", help="Take over: enough endorse us.")
@click.option("--reopen", "way", flag_value="reopen", help="Open a channel of ours anew.")
@click.option("--at", metavar="EPOCH/SEQ", help="With --reopen: on this entry.")
@click.option(
    "--abandon-witnessed", is_flag=True, help="With --reopen: even what others say they hold."
)
@click.option("--leave", "way", flag_value="leave", help="Leave, even if nobody can be asked.")
@frame.as_json
@frame.refusing
def repair(
    channel: str,
    way: str | None,
    endorse: str | None,
    round_: int | None,
    at: str | None,
    *,
    abandon_witnessed: bool,
    as_json: bool,
) -> None:
    """Say what is wrong with CHANNEL and what can be done; with an option, do it.

    Without an option, the exit code is 1 where something is wrong.
    """
    if endorse is not None and way is not None:
        raise InvalidError("choose one way out", field="option")
    place = _read_place(at)
    with frame.node():
        actor = frame.console_actor()
        chosen = "endorse" if endorse is not None else way
        if chosen is not None:
            with transaction() as session:
                desk = current_office().desk(session)
                found = get_channel_named(session, actor, channel)
                _choose(
                    session,
                    desk,
                    actor,
                    found,
                    chosen,
                    endorse=endorse,
                    round_=round_,
                    at=place,
                    abandon_witnessed=abandon_witnessed,
                )
        with reading() as session:
            found = get_channel_named(session, actor, channel)
            desk = current_office().desk(session)
            seen = visible_repair(session, desk, actor, found, now=clock.utcnow())
    document = repair_document(seen).model_dump(mode="json")
    if chosen is not None:
        frame.show(document, as_json=as_json, line=DONE[chosen])
        return
    if as_json:
        frame.show(document, as_json=True)
    else:
        _show(document)
    if document["wrong"]:
        raise ConflictError(document["wrong"][0], hint="See the ways out above.")


def _choose(
    session: Session, desk: Desk, actor: Actor, channel: str, way: str, **given: Any
) -> None:
    now = clock.utcnow()
    if way == "retry":
        repairing.retry(session, desk, actor, channel, now=now)
    elif way == "endorse":
        candidate = get_member_named(
            session, actor, channel, given["endorse"], us=desk.organisation, now=now
        )
        repairing.endorse(
            session, desk, actor, channel, candidate=candidate, round_=given["round_"], now=now
        )
    elif way == "take_over":
        repairing.take_over(session, desk, actor, channel, now=now)
    elif way == "reopen":
        repairing.reopen(
            session,
            desk,
            actor,
            channel,
            at=given["at"],
            abandon_witnessed=given["abandon_witnessed"],
            now=now,
        )
    else:
        repairing.leave(session, desk, actor, channel, now=now)


def _read_place(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    epoch, _, seq = text.partition("/")
    if not (epoch.isdecimal() and seq.isdecimal()):
        raise click.BadParameter("an entry is EPOCH/SEQ, as in 1/17", param_hint="--at")
    return int(epoch), int(seq)


def _show(document: dict[str, Any]) -> None:
    heard = document["owner_heard_at"] or "never"
    lines = [
        f"{document['name']}: {document['standing']}",
        f"coordinator   {document['owner_name']}, heard of {heard}",
    ]
    lines += [f"wrong         {sentence}" for sentence in document["wrong"] or ["nothing"]]
    lines += [
        f"evidence      {one['name']}: {one['sentence']} ({one['sha256'][:16]}…)"
        for one in document["evidence"]
    ]
    lines += [
        f"abandoned     {one['epoch']}/{one['seq']} {one['act']} by {one['author_name']}:"
        f" {one['fate']}"
        for one in document["abandoned"]
    ]
    lines += [
        f"successor     {one['name']}: {len(one['given'])} of {one['needed']} endorsements"
        f" in round {one['round']}"
        for one in document["candidates"]
        if one["given"] or one["by_us"]
    ]
    if document["call"]:
        lines.append(f"call          {', '.join(document['call'])}")
    lines.append(f"ways out      {', '.join(f'--{way}' for way in document['ways']) or '–'}")
    if document["not_yet"]:
        lines.append(f"no successor  {document['not_yet']}")
    frame.show(None, as_json=False, line="\n".join(frame.printable(line) for line in lines))


COMMANDS: Final = (repair,)

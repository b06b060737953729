"""`tocsin channel`: what is coordinated with others, and how far that is proven."""

from __future__ import annotations

from typing import Any, Final

import click

from hub import clock
from hub.api.channel_documents import (
    channel_document,
    entry_document,
    invitation_document,
    member_document,
    pending_document,
    verification_document,
)
from hub.channels import history, queries, service
from hub.channels.invitations import visible_invitations
from hub.channels.kept_words import kept_words_of
from hub.channels.member_queries import visible_members, visible_open_acts
from hub.commands import (
    channel_acts,
    channel_answers,
    channel_audience,
    channel_calls,
    channel_holders,
    channel_preview,
    channel_proofs,
    channel_relay,
    channel_repair,
    frame,
)
from hub.commands.names import get_channel_named
from hub.office import current_office
from policies.acts import ACTS, ChannelKind
from policies.tlp import read_tlp
from sharing.db import reading, transaction

CHANNEL_COLUMNS: Final = {
    "kind": "kind",
    "name": "name",
    "ceiling": "up to TLP",
    "owner_name": "coordinated by",
    "standing": "standing",
    "head": "head",
    "pending_count": "pending",
    "id": "id",
}
INVITATION_COLUMNS: Final = {
    "name": "name",
    "kind": "kind",
    "roles": "as",
    "owner_name": "from",
    "reply_by": "answer by",
    "state": "state",
    "channel": "channel",
}
LOG_COLUMNS: Final = {
    "place": "entry",
    "at": "time",
    "sentence": "what",
    "tlp": "TLP",
    "standing": "standing",
}
MEMBER_COLUMNS: Final = {"name": "name", "roles": "roles", "state": "state", "since": "since"}
_KINDS: Final = click.Choice([ChannelKind.COMMUNITY.value, ChannelKind.CASE.value])


@click.group("channel")
def command() -> None:
    """Open, read and write channels: communities, cases, direct channels.

    CHANNEL is its name, where only one has it, or its id, or enough of the beginning of that.
    """


@command.command("open")
@click.option("--kind", required=True, type=_KINDS)
@click.option("--name", required=True)
@click.option("--tlp", required=True, metavar="LEVEL", help="The strictest label that it takes.")
@click.option("--parent", metavar="CHANNEL", help="The case that this is a breakout of.")
@frame.as_json
@frame.refusing
def open_channel(kind: str, name: str, tlp: str, parent: str | None, *, as_json: bool) -> None:
    """Open a community or a case that we coordinate.

    Each time, a new one: unlike other commands, this one does something when it is repeated.
    """
    ceiling = read_tlp(tlp)
    with frame.node():
        actor = frame.console_actor()
        with transaction() as session:
            record = service.open_channel(
                session,
                current_office().desk(session),
                actor,
                kind=ChannelKind(kind),
                name=name,
                ceiling=ceiling,
                parent=get_channel_named(session, actor, parent) if parent is not None else None,
                now=clock.utcnow(),
            )
            document = channel_document(queries.get_visible_summary(session, actor, record.id))
        frame.show(document.model_dump(mode="json"), as_json=as_json, line=document.id)


@command.command("list")
@frame.as_json
@frame.refusing
def list_channels(*, as_json: bool) -> None:
    """List the channels, the newest word first."""
    with frame.node(), reading() as session:
        actor = frame.console_actor()
        rows = [
            channel_document(row).model_dump(mode="json")
            for row in queries.visible_channels(session, actor)
        ]
    if not as_json:
        rows = [row | {"head": _place(row)} for row in rows]
    frame.show_table(rows, CHANNEL_COLUMNS, as_json=as_json, nothing="no channels yet")


@command.command("show")
@click.argument("channel")
@frame.as_json
@frame.refusing
def show(channel: str, *, as_json: bool) -> None:
    """Show one channel: members, how far it is proven, what waits, what is open to us."""
    with frame.node(), reading() as session:
        actor, now = frame.console_actor(), clock.utcnow()
        desk = current_office().desk(session)
        channel = get_channel_named(session, actor, channel)
        summary = channel_document(queries.get_visible_summary(session, actor, channel))
        members = [
            member_document(row).model_dump(mode="json")
            for row in visible_members(session, actor, channel, us=desk.organisation, now=now)
        ]
        waiting = queries.visible_pending(session, actor, channel, now=now)
        kept = kept_words_of(session, actor, waiting)
        pending = [pending_document(row, kept).model_dump(mode="json") for row in waiting]
        proven = verification_document(queries.visible_verification(session, actor, channel))
        acts = visible_open_acts(session, desk, actor, channel, now=now)
        document = summary.model_dump(mode="json") | {
            "members": members,
            "pending": pending,
            "verification": proven.model_dump(mode="json"),
            "open_acts": sorted(act.value for act in acts if actor.may(ACTS[act].right)),
        }
    if as_json:
        frame.show(document, as_json=True)
        return
    _show_summary(document)
    frame.show_table(members, MEMBER_COLUMNS, as_json=False, nothing="nobody is known yet")
    for row in pending:
        reason = f": {row['sentence']}" if row["sentence"] else ""
        click.echo(frame.printable(f"{row['act']} {row['state']}{reason}"))
        for line in (row["text"] or "").splitlines():
            click.echo(frame.printable(f"  {line}".rstrip()))


@command.command("log")
@click.argument("channel")
@click.option("--limit", default=history.PAGE, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--before", metavar="EPOCH/SEQ", help="Only what came before this entry.")
@click.option("--full", is_flag=True, help="With the words of what each entry covers.")
@frame.as_json
@frame.refusing
def log(channel: str, limit: int, before: str | None, *, full: bool, as_json: bool) -> None:
    """Show the history in plain words, newest first."""
    start = _read_place(before)
    with frame.node():
        rows = _read_log(channel, limit, start)
    if as_json:
        frame.show(rows, as_json=True)
        return
    for row in rows:
        items = row["items"]
        row["place"] = _place(row)
        row["tlp"] = sorted({item["tlp"] for item in items if item["tlp"]})
        row["standing"] = _standing(row)
        if full:
            row["sentence"] = "; ".join([row["sentence"], *_words(items)])
    frame.show_table(rows, LOG_COLUMNS, as_json=False, nothing="nothing before that")


@command.command("invitations")
@click.option("--all", "show_all", is_flag=True, help="Also those that are answered or gone.")
@frame.as_json
@frame.refusing
def invitations(*, show_all: bool, as_json: bool) -> None:
    """List the invitations that we received."""
    with frame.node(), reading() as session:
        rows = [
            invitation_document(row).model_dump(mode="json")
            for row in visible_invitations(
                session, frame.console_actor(), now=clock.utcnow(), open_only=not show_all
            )
        ]
    nothing = "no invitation waits for an answer"
    frame.show_table(rows, INVITATION_COLUMNS, as_json=as_json, nothing=nothing)


for _command in (
    *channel_audience.COMMANDS,
    *channel_preview.COMMANDS,
    *channel_acts.COMMANDS,
    *channel_relay.COMMANDS,
    *channel_calls.COMMANDS,
    *channel_answers.COMMANDS,
    *channel_holders.COMMANDS,
    *channel_proofs.COMMANDS,
    *channel_repair.COMMANDS,
):
    command.add_command(_command)


def _read_log(channel: str, limit: int, before: tuple[int, int] | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with reading() as session:
        actor = frame.console_actor()
        channel = get_channel_named(session, actor, channel)
        while len(rows) < limit:
            page = history.visible_entries(
                session,
                actor,
                channel,
                before=before,
                limit=min(limit - len(rows), history.MAX_PAGE),
            )
            if not page:
                break
            rows += [entry_document(row).model_dump(mode="json") for row in page]
            before = page[-1].epoch, page[-1].seq
    return rows


def _read_place(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    epoch, _, seq = text.partition("/")
    if not (epoch.isdecimal() and seq.isdecimal()):
        raise click.BadParameter("an entry is EPOCH/SEQ, as in 1/17", param_hint="--before")
    return int(epoch), int(seq)


def _place(row: dict[str, Any]) -> str:
    return f"{row['epoch']}/{row['seq']}" if row["seq"] is not None else "–"


def _standing(row: dict[str, Any]) -> str:
    admission = row["doubtful_admission"]
    also = f"; time and order doubtful: {admission}" if admission is not None else ""
    if row["disowned"]:
        return f"disowned by its author{also}"
    if row["doubtful"] is not None:
        return f"doubtful: {row['doubtful']}{also}"
    if row["void"] is not None:
        return f"without effect: {row['void']}: {row['void_sentence']}"
    return ("in effect" if row["known"] else "kept, and not known to this release") + also


def _words(items: list[dict[str, Any]]) -> list[str]:
    return [
        f"{item['type']} “{item['title']}”"
        + (f": {' '.join(item['text'].split())}" if item["text"] else "")
        for item in items
    ]


def _show_summary(document: dict[str, Any]) -> None:
    """Print what stands above the members."""
    proven = document["verification"]
    counted = (
        f"{proven['entries']} entries, {proven['voids']} without effect,"
        f" {proven['withheld']} objects withheld or gone"
    )
    lines = [
        f"{document['name']}: {document['kind']}, up to TLP {document['ceiling'] or '–'}",
        f"channel       {document['id']}",
        f"coordinator   {document['owner_name'] or document['owner']}",
        f"head          {_place(document)}  {document['head_sha256'] or '–'}",
        f"here          {proven['standing']}, {counted}",
    ]
    if proven["doubt"] is not None:
        lines.append(f"doubt         {proven['doubt']}: {proven['sentence']}")
        lines.append(f"way out       {proven['way_out']}")
    lines.append(f"open to us    {', '.join(document['open_acts']) or '–'}")
    frame.show(None, as_json=False, line="\n".join(frame.printable(line) for line in lines))

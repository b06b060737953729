"""`tocsin report`: what was noticed here, what came to us, and how far it is answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click
from sqlalchemy.orm import Session

from hub import clock
from hub.accounts.actor import Actor
from hub.api.report_models import local_line, travelled_line
from hub.api.reports import local_with_channel
from hub.api.travelled import travelled_with_words
from hub.commands import frame, report_exchange
from hub.commands.report_names import get_report_named
from hub.commands.words import PASTED, TEXT, TEXT_FILE, read_pasted, read_words
from hub.office import current_office
from hub.reports import queries, recorded, recording
from hub.reports.named import Side
from hub.reports.recorded import Local
from hub.reports.recording import Said
from policies.reports import Certainty, LocalStep, ReportKind
from policies.tlp import TLP, read_tlp
from sharing.canonical import read_time
from sharing.db import reading, transaction

COLUMNS: Final = {
    "side": "where",
    "reference": "reference",
    "state": "state",
    "kind": "kind",
    "title": "title",
    "with": "from or to",
    "tlp": "TLP",
    "at": "since",
    "place": "report",
}
KINDS: Final = click.Choice([kind.value for kind in ReportKind])
CERTAINTIES: Final = click.Choice([one.value for one in Certainty])
MAX_LISTED: Final = 10_000
Step = Callable[[Session, Actor, str, datetime], None]


@click.group("report")
def command() -> None:
    """Record what was noticed, report it to a coordinator, and answer what came to us.

    REPORT is its reference, as in CERT-2026-40782, its id, enough of the beginning of that, or its
    title, where only one has it.
    """


@command.command("record")
@click.argument("title")
@TEXT
@TEXT_FILE
@PASTED
@click.option("--kind", type=KINDS, default=ReportKind.EVENT.value, show_default=True)
@click.option("--certainty", type=CERTAINTIES, default=Certainty.SUSPECTED.value, show_default=True)
@click.option("--category", help="A type of the Reference Security Incident Taxonomy.")
@click.option("--tlp", metavar="LEVEL", default=TLP.AMBER.value, show_default=True)
@click.option("--occurred-at", metavar="TIME", help="RFC 3339, UTC.")
@click.option("--discovered-at", metavar="TIME", help="RFC 3339, UTC.")
@frame.as_json
@frame.refusing
def record(  # noqa: PLR0913, PLR0917 - one argument for each option
    title: str,
    text: str | None,
    file: Path | None,
    pasted: Path | None,
    kind: str,
    certainty: str,
    category: str | None,
    tlp: str,
    occurred_at: str | None,
    discovered_at: str | None,
    *,
    as_json: bool,
) -> None:
    """Record a report on this node; nobody else hears of it.

    Each time, a new one: unlike other commands, this one does something when it is repeated.
    """
    beside = read_pasted(pasted, text)
    words = read_words(text, file)
    if words is None:
        raise click.UsageError("a report needs --text or --file")
    said = Said(
        kind=ReportKind(kind),
        title=title,
        text=words,
        certainty=Certainty(certainty),
        category=category,
        tlp=read_tlp(tlp),
        occurred_at=_time(occurred_at, "occurred_at"),
        discovered_at=_time(discovered_at, "discovered_at"),
        pasted=beside,
    )
    with frame.node():
        actor = frame.console_actor()
        with transaction() as session:
            us = current_office().desk(session).organisation
            row = recording.record(session, actor, said, now=clock.utcnow())
            document = local_with_channel(session, actor, row.id, us=us)
        frame.show(document.model_dump(mode="json"), as_json=as_json, line=document.id)


@command.command("change")
@click.argument("report")
@click.option("--title")
@TEXT
@TEXT_FILE
@PASTED
@click.option("--kind", type=KINDS)
@click.option("--certainty", type=CERTAINTIES)
@click.option("--category", help="A type of the Reference Security Incident Taxonomy.")
@click.option("--tlp", metavar="LEVEL")
@click.option("--occurred-at", metavar="TIME", help="RFC 3339, UTC.")
@click.option("--discovered-at", metavar="TIME", help="RFC 3339, UTC.")
@frame.as_json
@frame.refusing
def change(  # noqa: PLR0913, PLR0917 - one argument for each option
    report: str,
    title: str | None,
    text: str | None,
    file: Path | None,
    pasted: Path | None,
    kind: str | None,
    certainty: str | None,
    category: str | None,
    tlp: str | None,
    occurred_at: str | None,
    discovered_at: str | None,
    *,
    as_json: bool,
) -> None:
    """Say otherwise what was recorded, as long as it was neither submitted nor set aside.

    What no option names stays as it is.
    """
    beside = read_pasted(pasted, text)
    words = read_words(text, file)
    label = read_tlp(tlp) if tlp is not None else None
    occurred = _time(occurred_at, "occurred_at")
    discovered = _time(discovered_at, "discovered_at")

    def changing(session: Session, actor: Actor, found: str, now: datetime) -> None:
        known: Local = recorded.local_of(recorded.get_local(session, actor, found))
        said = Said(
            kind=ReportKind(kind) if kind is not None else known.kind,
            title=title if title is not None else known.title,
            text=words if words is not None else known.text,
            certainty=Certainty(certainty) if certainty is not None else known.certainty,
            category=category if category is not None else known.category,
            tlp=label or known.tlp,
            occurred_at=occurred or known.occurred_at,
            discovered_at=discovered or known.discovered_at,
            pasted=beside if beside is not None else known.pasted,
        )
        recording.change(session, actor, found, said, now=now)

    _take(report, changing, as_json=as_json)


@command.command("list")
@click.option("--recorded", is_flag=True, help="Those that were recorded here alone.")
@click.option("--incoming", is_flag=True, help="Those that came to us alone.")
@click.option("--outgoing", is_flag=True, help="Those that we have submitted alone.")
@click.option(
    "--limit",
    default=queries.PAGE,
    show_default=True,
    type=click.IntRange(1, MAX_LISTED),
    help="How many of each, at most.",
)
@frame.as_json
@frame.refusing
def list_reports(
    limit: int, *, recorded: bool, incoming: bool, outgoing: bool, as_json: bool
) -> None:
    """List the reports, the newest first; with no option, all of them."""
    asked = {Side.RECORDED: recorded, Side.INCOMING: incoming, Side.OUTGOING: outgoing}
    with frame.node(), reading() as session:
        document = {
            side.value: _listed(session, side, limit)
            for side in Side
            if asked[side] or not any(asked.values())
        }
    if as_json:
        frame.show(document, as_json=True)
        return
    rows = [_row(side, one) for side, listed in document.items() for one in listed]
    frame.show_table(rows, COLUMNS, as_json=False, nothing="no reports yet")


@command.command("show")
@click.argument("report")
@frame.as_json
@frame.refusing
def show(report: str, *, as_json: bool) -> None:
    """Show one report, with what was said of it and what names the same to look for."""
    with frame.node(), reading() as session:
        actor = frame.console_actor()
        us = current_office().desk(session).organisation
        found = get_report_named(session, actor, report, *Side, us=us)
        if found.channel is None:
            local = local_with_channel(session, actor, found.report, us=us)
            document, lines = local.model_dump(mode="json"), _local_lines
        else:
            place = (found.channel, found.report)
            travelled = travelled_with_words(session, actor, *place, us=us)
            document, lines = travelled.model_dump(mode="json"), _travelled_lines
    if as_json:
        frame.show(document, as_json=True)
        return
    frame.show(
        None, as_json=False, line="\n".join(frame.printable(line) for line in lines(document))
    )


@command.command("assess")
@click.argument("report")
@click.argument("kind", metavar="KIND", type=KINDS)
@click.option("--certainty", type=CERTAINTIES, required=True)
@click.option("--category", help="A type of the Reference Security Incident Taxonomy.")
@frame.as_json
@frame.refusing
def assess(report: str, kind: str, certainty: str, category: str | None, *, as_json: bool) -> None:
    """Say what it is: event, incident, vulnerability or near-miss; actual or suspected."""

    def assessing(session: Session, actor: Actor, found: str, now: datetime) -> None:
        recording.assess(
            session,
            actor,
            found,
            kind=ReportKind(kind),
            certainty=Certainty(certainty),
            category=category,
            now=now,
        )

    _take(report, assessing, as_json=as_json)


@command.command("discard")
@click.argument("report")
@click.option("--reason", required=True, help="Why it is a false alarm.")
@frame.as_json
@frame.refusing
def discard(report: str, reason: str, *, as_json: bool) -> None:
    """Set it aside as a false alarm."""
    _set_aside(report, LocalStep.DISCARD, reason, as_json=as_json)


@command.command("handle")
@click.argument("report")
@click.option("--reason", help="What was done.")
@frame.as_json
@frame.refusing
def handle(report: str, reason: str | None, *, as_json: bool) -> None:
    """Handle it here alone, once it was assessed."""
    _set_aside(report, LocalStep.HANDLE, reason, as_json=as_json)


for _command in report_exchange.COMMANDS:
    command.add_command(_command)


def _listed(session: Session, side: Side, limit: int) -> list[dict[str, Any]]:
    actor = frame.console_actor()
    us = current_office().desk(session).organisation
    if side is Side.RECORDED:
        rows = recorded.visible_recorded(session, actor, limit=limit)
        return [local_line(one).model_dump(mode="json") for one in rows]
    visible = queries.visible_incoming if side is Side.INCOMING else queries.visible_outgoing
    travelled = visible(session, actor, us=us, limit=limit)
    return [travelled_line(one).model_dump(mode="json") for one in travelled]


def _row(side: str, document: dict[str, Any]) -> dict[str, Any]:
    """Give what a table shows of a report."""
    if side == Side.RECORDED:
        more = {"at": document["recorded_at"], "place": document["id"]}
    else:
        other = "addressee_name" if document["is_ours"] else "reporter_name"
        more = {
            "at": document["received_at"],
            "place": f"{document['channel']}/{document['report']}",
            "with": document[other],
        }
    return document | more | {"side": side}


def _set_aside(report: str, taken: LocalStep, reason: str | None, *, as_json: bool) -> None:
    def setting_aside(session: Session, actor: Actor, found: str, now: datetime) -> None:
        recording.set_aside(session, actor, found, taken, reason=reason, now=now)

    _take(report, setting_aside, as_json=as_json)


def _take(report: str, step: Step, *, as_json: bool) -> None:
    """Take a step with what was recorded here, and say where it stands then."""
    with frame.node():
        actor = frame.console_actor()
        with transaction() as session:
            us = current_office().desk(session).organisation
            found = get_report_named(session, actor, report, Side.RECORDED, us=us)
            step(session, actor, found.report, clock.utcnow())
            document = local_with_channel(session, actor, found.report, us=us)
        line = frame.printable(f"“{document.title}” is {document.state}")
        frame.show(document.model_dump(mode="json"), as_json=as_json, line=line)


def _time(text: str | None, field: str) -> datetime | None:
    return read_time(text, field=field) if text is not None else None


def _one_line(text: str | None) -> str:
    return " ".join((text or "–").split())


def _local_lines(document: dict[str, Any]) -> list[str]:
    lines = [
        f"{document['title']}: {document['kind']}, {document['state']}",
        f"report        {document['id']}",
        f"recorded      {document['recorded_at']} by {document['recorded_by']}",
        f"certainty     {document['certainty']}",
        f"category      {document['category'] or '–'}",
        f"TLP           {document['tlp']}",
        f"occurred      {document['occurred_at'] or '–'}",
        f"discovered    {document['discovered_at'] or '–'}",
    ]
    if document["reason"]:
        lines.append(f"reason        {_one_line(document['reason'])}")
    if document["channel"]:
        lines.append(f"submitted as  {document['channel']}/{document['report']}")
    lines += [
        f"open steps    {', '.join(document['open_steps']) or '–'}",
        f"text          {_one_line(document['text'])}",
    ]
    if document["pasted"]:
        lines.append(f"pasted        {_one_line(document['pasted'])}")
    return lines


def _travelled_lines(document: dict[str, Any]) -> list[str]:
    taken_for = " ".join(
        str(one) for one in (document["triaged_as"], document["false_alarm"]) if one
    )
    lines = [
        f"{document['title']}: {document['kind']}, {document['state']}",
        f"report        {document['channel']}/{document['report']}",
        f"reference     {document['reference'] or '–'}",
        f"from          {document['reporter_name']}, told as {document['attribution']}",
        f"to            {document['addressee_name']}",
        f"certainty     {document['certainty']}",
        f"category      {document['category'] or '–'}",
        f"TLP           {document['tlp']}",
        f"submitted     {document['submitted_at']}, received {document['received_at']}",
        f"next contact  {document['next_contact'] or '–'}",
        f"taken for     {taken_for or '–'}",
        f"case          {document['case'] or '–'}",
        f"outcome       {document['outcome'] or '–'}",
        f"asks for help {'yes' if document['help_wanted'] else 'no'}",
        f"text          {_one_line(document['text'])}",
    ]
    lines += [
        f"said          {one['at']} {one['author_name']}, {one['act']}: {_one_line(one['text'])}"
        for one in document["words"]
    ]
    lines += [
        f"look for      {_one_line(one['pattern'])} ({_one_line(one['name'] or None)})"
        for one in document["indicators"]
    ]
    lines += [
        f"alike         “{one['title']}” from {one['reporter_name']}, {one['same_count']} the"
        f" same, {one['same_host_count']} on the same host: {one['channel']}/{one['report']}"
        for one in document["alike"]
    ]
    return lines

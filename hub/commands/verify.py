"""`tocsin verify`: check a file with nothing but the file. No node, no database, no network."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import IO, Final

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from federation.archive.report import Presence, Report, What
from federation.archive.verifying import verify_file
from federation.judging.holding import Holding
from hub.commands import frame

SHOWN_FAILURES: Final = 20
WIDE: Final = 400
"""Columns where no terminal is: one entry stays one line."""
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def _thumbprints(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> frozenset[str]:
    """Refuse what is the thumbprint of no key."""
    for value in values:
        if _THUMBPRINT.fullmatch(value) is None:
            message = "a thumbprint has 43 letters, digits, “-” and “_”"
            raise click.BadParameter(message, ctx=ctx, param=param)
    return frozenset(values)


@click.command("verify")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
)
@click.option(
    "--pin",
    "pins",
    multiple=True,
    metavar="THUMBPRINT",
    callback=_thumbprints,
    help="A recovery key that somebody vouches for. May be repeated.",
)
@click.option(
    "--holders",
    "ref",
    metavar="REF",
    help="STIX id of an object, or EPOCH/SEQ: who has held it since when, and who vouches for it.",
)
@frame.as_json
@frame.refusing
def command(file: Path, pins: frozenset[str], ref: str | None, *, as_json: bool) -> None:
    """Check an export of a channel, and show its history.

    Ends with 0 where everything holds. Otherwise with 1, the first failure in one line on standard
    error. A dash reads standard input.
    """
    source: Path | IO[bytes] = sys.stdin.buffer if str(file) == "-" else file
    show_report(verify_file(source, pins=pins, holders_of=ref), as_json=as_json, asked=ref)


def show_report(report: Report, *, as_json: bool, asked: str | None = None) -> None:
    """Print what a check found, and end the command with 1 where something does not hold.

    Args:
        asked: STIX id of the object whose holders were asked for.
    """
    if as_json:
        frame.show(report.document(), as_json=True)
    else:
        console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else WIDE)
        _show(report, console)
        if asked is not None and not report.holdings:
            console.print(f"The ledger covers nothing called {_safe(asked)}.")
    if not report.holds:
        click.echo(f"tocsin: {frame.printable(report.failures[0].text)}", err=True)
        raise SystemExit(frame.REFUSED)


def _safe(text: str) -> str:
    return escape(frame.printable(text))


def _show(report: Report, console: Console) -> None:
    if report.what is What.EXPORT:
        _show_head(report, console)
        _show_history(report, console)
        _show_objects(report, console)
        _show_receipts(report, console)
        for holding in report.holdings:
            show_holding(holding, console)
        _show_beside(report, console)
    _show_verdict(report, console)


def _show_head(report: Report, console: Console) -> None:
    header = report.header
    if header is None:
        return
    names = {member.organisation: member.name for member in report.members}
    console.print(f"[bold]Channel[/bold] {_safe(header['channel'])}")
    if report.kind is not None:
        owner = _safe(report.owner_name or "")
        console.print(f"  {report.kind}, up to {report.ceiling}, coordinated by {owner}")
    for role, word in (("by", "exported by"), ("for", "judged for")):
        organisation = header[role]
        known = names.get(organisation)
        shown = _safe(known) if known is not None else f"{_safe(organisation)}, no member"
        at = f" at {_safe(header['at'])}" if role == "by" else ""
        console.print(f"  {word} {shown}{at}")
    for member in report.members:
        pinned = ", recovery key vouched for" if member.pinned else ""
        roles = ", ".join(member.roles) or "no role"
        key = f", recovery key {member.recovery_key}" if member.recovery_key else ""
        console.print(f"  {_safe(member.name)}: {member.state}, {roles}{key}{pinned}")


def _show_history(report: Report, console: Console) -> None:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("entry", "time", "who", "what", "standing"):
        table.add_column(heading, overflow="fold")
    for line in report.history:
        who = line.author_name
        if line.admitted_by is not None and line.admitted_by != who:
            who += f" (admitted by {line.admitted_by})"
        if line.on_behalf_of is not None:
            who += f" (on behalf of {line.on_behalf_of}, which has not signed it)"
        place = f"{line.position.epoch}/{line.position.seq}"
        standing = line.standing
        if line.doubtful_admission is not None:
            standing += f"; time and order doubtful: {line.doubtful_admission}"
        table.add_row(place, line.time, _safe(who), _safe(line.words), _safe(standing))
    console.print(table)
    if report.unchecked:
        console.print(f"{report.unchecked} more entries follow and could not be checked")


def _show_objects(report: Report, console: Console) -> None:
    counts = ", ".join(f"{count} {name}" for name, count in report.counts.items())
    console.print(f"[bold]Objects[/bold] {counts}")
    for one in report.objects:
        if one.presence is not Presence.PRESENT:
            place = f"{one.epoch}/{one.seq}"
            console.print(f"  {one.presence.value}: {_safe(one.ref)} (entry {place})")


def _show_receipts(report: Report, console: Console) -> None:
    console.print(f"[bold]Receipts[/bold] {len(report.receipts)}")
    for one in report.newest_receipts:
        place = f"{one.position.epoch}/{one.position.seq}"
        console.print(f"  {_safe(one.name)} holds it up to {place} since {one.at}, {one.standing}")
    for one in report.contradictions:
        place = f"{one.position.epoch}/{one.position.seq}"
        console.print(
            f"  [bold yellow]signed contradiction:[/bold yellow] {_safe(one.name)} signed that it"
            f" was shown another entry {place}; ask it for its own export and compare"
        )


def show_holding(holding: Holding, console: Console) -> None:
    """Print who has held one content of an object since when."""
    one = holding.covered
    version = f", version {one.version}" if one.version else ""
    console.print(f"[bold]Who has held[/bold] {_safe(one.ref)}{_safe(version)}")
    console.print(f"  written {one.authored_at}, in the ledger at {one.place[0]}/{one.place[1]}")
    for holder in holding.holders:
        console.print(f"  {_safe(holder.name)}: {_safe(holder.words)}")


def _show_beside(report: Report, console: Console) -> None:
    for word, lines in (("abandoned", report.abandoned), ("evidence", report.evidence)):
        for one in lines:
            place = f"{one.position.epoch}/{one.position.seq}"
            console.print(f"  {word}: entry {place} by {_safe(one.name)}, {_safe(one.act)}")


def _show_verdict(report: Report, console: Console) -> None:
    if report.holds:
        console.print(f"[bold green]Everything in this {report.what.value} holds.[/bold green]")
        return
    console.print("[bold red]This does not hold:[/bold red]")
    for failure in report.failures[:SHOWN_FAILURES]:
        console.print(f"  {_safe(failure.text)}")
    more = len(report.failures) - SHOWN_FAILURES
    if more > 0:
        console.print(f"  and {more} more; --json lists them all")

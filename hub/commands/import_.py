"""`tocsin import`: what came by file, where networks are down."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

import click

from federation.archive.file_intake import Admitted, TakenIn
from hub import clock
from hub.api.channel_documents import file_document
from hub.channels import files
from hub.commands import frame
from hub.office import current_office


@click.command("import")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
)
@frame.as_json
@frame.refusing
def command(file: Path, *, as_json: bool) -> None:
    """Take in FILE: an export of a channel, or contributions to one of ours.

    It is checked as a whole first, and judged as if it had come over the network. Ends with 1
    where nothing was taken in, or a contribution was refused. A dash reads standard input.
    """
    source: Path | IO[bytes] = sys.stdin.buffer if str(file) == "-" else file
    with frame.node():
        actor, now = frame.console_actor(), clock.utcnow()
        result = files.take_in(current_office().files, actor, source, now=now)
    line = _words_admitted(result) if isinstance(result, Admitted) else _words_taken(result)
    document = file_document(result).model_dump(mode="json")
    frame.show(document, as_json=as_json, line=line)
    refused = result.decided if isinstance(result, Admitted) else ()
    for one in refused:
        if one.failure is not None:
            text = f"{one.failure.value}: contribution {one.nth}: {one.sentence}"
            click.echo(f"tocsin: {frame.printable(text)}", err=True)
            raise SystemExit(frame.REFUSED)


def _words_taken(result: TakenIn) -> str:
    after = f"{result.after.epoch}/{result.after.seq}" if result.after is not None else "nothing"
    if result.before == result.after:
        line = f"{result.channel}: nothing new, our copy ends at {after}"
    else:
        line = f"{result.channel}: our copy ends at {after} now"
    if result.doubt is not None:
        line += f"\n{result.standing}: {frame.printable(result.doubt.answer)}"
    return line


def _words_admitted(result: Admitted) -> str:
    lines = []
    for one in result.decided:
        answer = f"refused, {one.failure.value}: {one.sentence}" if one.failure else "admitted"
        lines.append("\t".join(map(frame.printable, (str(one.nth), one.act, answer))))
    return "\n".join(lines) or "the file holds no contributions"

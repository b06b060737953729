"""What proves a channel: `tocsin channel export`, `verify`, `rebuild`."""

from __future__ import annotations

import gzip
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, cast

import click
from rich.console import Console
from rich.progress import Progress

from hub import clock
from hub.channels import files, proofs
from hub.commands import frame
from hub.commands.names import get_channel_named, get_member_named
from hub.commands.verify import show_report
from hub.office import current_office
from policies.errors import InvalidError
from sharing.db import reading, transaction

GZIP_SUFFIX: Final = ".gz"


@click.command("export")
@click.argument("channel")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--for",
    "organisation",
    metavar="NAME",
    help="A member, present or past: what it is not due is left out.",
)
@frame.as_json
@frame.refusing
def export(channel: str, file: Path, organisation: str | None, *, as_json: bool) -> None:
    """Write CHANNEL into FILE, which anybody can check: tocsin verify FILE.

    A FILE that ends in .gz is compressed; a dash is standard output. A file that is there is
    replaced, whole or not at all.
    """
    with frame.node():
        actor, now = frame.console_actor(), clock.utcnow()
        with reading() as session:
            us = current_office().desk(session).organisation
            found = get_channel_named(session, actor, channel)
            reader = None
            if organisation is not None:
                reader = get_member_named(session, actor, found, organisation, us=us, now=now)
            made = proofs.get_export(session, actor, found, us=us, for_=reader, now=now)
            with _writing(file) as target:
                size = proofs.write_export(session, made, target)
        with transaction() as session:
            proofs.record_export(session, actor, made, now=now)
        document = {
            "channel": made.channel,
            **made.head.document(),
            "by": made.by,
            "for": made.for_,
            "file": file,
            "size_bytes": size,
        }
        if str(file) != "-":
            line = f"{file}: up to entry {made.head.epoch}/{made.head.seq}"
            frame.show(document, as_json=as_json, line=line)


@click.command("outbox")
@click.argument("channel")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@frame.as_json
@frame.refusing
def outbox(channel: str, file: Path, *, as_json: bool) -> None:
    """Write what of ours waits for CHANNEL into FILE, for its owner: tocsin import FILE.

    What is delivered both ways is admitted once. A FILE that ends in .gz is compressed; a dash is
    standard output.
    """
    with frame.node():
        actor, now = frame.console_actor(), clock.utcnow()
        with reading() as session:
            us = current_office().desk(session).organisation
            found = get_channel_named(session, actor, channel)
            made = files.get_outbox(session, actor, found, us=us, now=now)
            with _writing(file) as target:
                size = proofs.write_export(session, made, target)
        with transaction() as session:
            files.record_outbox(session, actor, made, now=now)
        document = {
            "channel": made.channel,
            "for": made.for_,
            "count": made.count,
            "file": file,
            "size_bytes": size,
        }
        if str(file) != "-":
            frame.show(document, as_json=as_json, line=f"{file}: {made.count} contributions")


@click.command("verify")
@click.argument("channel")
@frame.as_json
@frame.refusing
def verify(channel: str, *, as_json: bool) -> None:
    """Check all that is here of CHANNEL, as anybody can check its export.

    Ends with 0 where everything holds. Otherwise with 1, the first failure in one line on standard
    error.
    """
    with frame.node(), _busy("checking"), reading() as session:
        actor = frame.console_actor()
        us = current_office().desk(session).organisation
        found = get_channel_named(session, actor, channel)
        report = proofs.verify_channel(session, actor, found, us=us, now=clock.utcnow())
    show_report(report, as_json=as_json)


@click.command("rebuild")
@click.argument("channel")
@frame.as_json
@frame.refusing
def rebuild(channel: str, *, as_json: bool) -> None:
    """Make the state and the views of CHANNEL again from its ledger.

    Ends with 1 where something was otherwise before; it is right from then on.
    """
    with frame.node(), _busy("judging every entry anew"), transaction() as session:
        actor = frame.console_actor()
        desk = current_office().desk(session)
        found = get_channel_named(session, actor, channel)
        rebuilt = proofs.rebuild(session, desk, actor, found, now=clock.utcnow())
    document = {
        "channel": found,
        "entries": rebuilt.entries,
        "equal": rebuilt.equal,
        "differences": list(rebuilt.differences),
    }
    line = f"{rebuilt.entries} entries judged anew; nothing was otherwise" if rebuilt.equal else ""
    frame.show(document, as_json=as_json, line=line)
    if not rebuilt.equal:
        listed = ", ".join(rebuilt.differences)
        click.echo(frame.printable(f"tocsin: otherwise before, and made again: {listed}"), err=True)
        raise SystemExit(frame.REFUSED)


COMMANDS: Final = (export, outbox, verify, rebuild)


@contextmanager
def _busy(words: str) -> Iterator[None]:
    """Show on a terminal that something goes on."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with Progress(console=console, transient=True) as progress:
        progress.add_task(words, total=None)
        yield


@contextmanager
def _writing(file: Path) -> Iterator[IO[bytes]]:
    """Lend a stream into a file that appears under its name only when it is whole."""
    if str(file) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as plain:
                if file.suffix == GZIP_SUFFIX:
                    with gzip.GzipFile(fileobj=plain, mode="wb", mtime=0) as packed:
                        yield cast("IO[bytes]", packed)
                else:
                    yield plain
                plain.flush()
                os.fsync(plain.fileno())
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidError(f"{file} can't be written: {error.strerror}", field="file") from None

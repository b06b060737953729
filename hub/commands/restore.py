"""`tocsin restore`: a node from a backup."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from hub import archive, clock
from hub.commands import frame
from hub.settings import read_settings


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--force", is_flag=True, help="Take the place of a node that is not empty.")
@frame.as_json
@frame.refusing
def command(file: Path, *, force: bool, as_json: bool) -> None:
    """Make this node what FILE holds. Stop the node first.

    Once it runs, it asks the members of its channels what they hold before it writes anything.
    """
    settings, actor = read_settings(), frame.console_actor()
    manifest, aside = archive.read_backup(
        settings, file, actor=actor, force=force, now=clock.utcnow()
    )
    lines = [f"this node is as it was at {manifest.created_at}"]
    if aside is not None:
        lines.append(f"what was here before lies in {aside}")
    lines.append("its channels take nothing new before their members were asked: start it")
    document = asdict(manifest) | {"old_files": aside}
    frame.show(document, as_json=as_json, line="\n".join(lines))

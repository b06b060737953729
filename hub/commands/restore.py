"""`tocsin restore`: a node from a backup."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from hub import archive, clock, schema
from hub.commands import frame
from hub.settings import read_settings


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--force", is_flag=True, help="Take the place of a node that is not empty.")
@frame.as_json
@frame.refusing
def command(file: Path, *, force: bool, as_json: bool) -> None:
    """Make this node what FILE holds. Stop the node first."""
    settings = read_settings()
    manifest, aside = archive.read_backup(settings, file, force=force, now=clock.utcnow())
    lines = [f"this node is as it was at {manifest.created_at}"]
    if aside is not None:
        lines.append(f"what was here before lies in {aside}")
    if manifest.revision != schema.head():
        lines.append("run: tocsin upgrade")
    document = asdict(manifest) | {"old_files": aside}
    frame.show(document, as_json=as_json, line="\n".join(lines))

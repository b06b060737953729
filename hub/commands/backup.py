"""`tocsin backup`: the whole node in one file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from hub import archive, clock
from hub.commands import frame
from hub.settings import PASSPHRASE_FILE, read_settings


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@frame.as_json
@frame.refusing
def command(file: Path, *, as_json: bool) -> None:
    """Write database, keys and settings into FILE, while the node runs on.

    The file is as secret as the node: with it, anybody can be this node.
    """
    manifest = archive.write_backup(read_settings(), file.absolute(), now=clock.utcnow())
    size = file.stat().st_size
    line = f"{file}: {size} bytes, {len(manifest.files)} files beside the database"
    if PASSPHRASE_FILE not in manifest.files:
        line += "\nThe passphrase of the keys comes from the environment and is not in it."
    frame.show(asdict(manifest) | {"file": file, "size_bytes": size}, as_json=as_json, line=line)

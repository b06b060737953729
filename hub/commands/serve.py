"""`tocsin serve`: all of a node in one."""

from __future__ import annotations

import click

from hub.commands import frame
from hub.commands.serving import become_server, bind_option


@click.command("serve")
@bind_option
@frame.as_json
@frame.refusing
def command(bind: str | None, *, as_json: bool) -> None:
    """Serve requests and do what waits, until told to stop."""
    become_server(bind, with_worker=True, as_json=as_json)

"""`tocsin web`: serve pages, API and federation; a worker runs apart."""

from __future__ import annotations

import click

from hub.commands import frame
from hub.commands.serving import become_server, bind_option


@click.command("web")
@bind_option
@frame.as_json
@frame.refusing
def command(bind: str | None, *, as_json: bool) -> None:
    """Serve requests until told to stop; run `tocsin worker` beside it."""
    become_server(bind, with_worker=False, as_json=as_json)

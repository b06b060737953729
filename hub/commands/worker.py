"""`tocsin worker`: do what waits."""

from __future__ import annotations

import click

from federation.work import worker
from hub import collecting
from hub.commands import frame


@click.command("worker")
@frame.as_json
@frame.refusing
def command(*, as_json: bool) -> None:
    """Deliver, fetch and tidy until told to stop; any number may run."""
    with frame.node(serving=True) as (app, _):
        frame.show({"working": True}, as_json=as_json, line="working")
        collecting.settle()
        worker.run(app)

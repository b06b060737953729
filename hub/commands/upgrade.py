"""`tocsin upgrade`: bring the database up to this release."""

from __future__ import annotations

import click

from hub import schema
from hub.commands import frame
from policies.errors import ConflictError
from sharing.db import db


@click.command("upgrade")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@frame.as_json
@frame.refusing
def command(*, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Run the migrations that are missing, after saying which; all of them or none."""
    with frame.node(any_schema=True):
        with db.engine.connect() as connection:
            steps = schema.missing_steps(connection)
        document = {
            "steps": [{"revision": step.revision, "title": step.title} for step in steps],
            "done": False,
        }
        if not steps or dry_run:
            line = "the database is up to date" if not steps else say(steps)
            frame.show(document | {"done": not steps}, as_json=as_json, line=line)
            return
        if not as_json:
            click.echo(say(steps))
        if not yes and not as_json and not click.confirm("Is there a backup? Go on?"):
            raise ConflictError("nothing was changed")
        schema.upgrade()
        frame.show(document | {"done": True}, as_json=as_json, line="the database is up to date")


def say(steps: list[schema.Step]) -> str:
    """Say what is going to be done."""
    lines = [f"  {step.revision}  {step.title}" for step in steps]
    return "\n".join(["this will change the database:", *lines])

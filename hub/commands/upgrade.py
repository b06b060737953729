"""`tocsin upgrade`: bring the database up to this release, and with it the views of ledgers."""

from __future__ import annotations

from typing import Any

import click

from federation.identity import node as own_node
from hub import clock, schema
from hub.channels import old_views
from hub.commands import frame
from hub.office import current_office
from policies.errors import ConflictError, CoordinationError
from sharing.db import db, reading, transaction

UP_TO_DATE = "the database is up to date"


@click.command("upgrade")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@frame.as_json
@frame.refusing
def command(*, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Run the migrations that are missing, after saying which; all of them or none.

    Then the views of those channels are made again of which a migration says that they are old:
    one channel after the other, so that it can be broken off and run again. Ends with 1 where
    the ledger of one of them is damaged; the others are done.
    """
    with frame.node(any_schema=True):
        with db.engine.connect() as connection:
            steps = schema.missing_steps(connection)
        document: dict[str, Any] = {
            "steps": [{"revision": step.revision, "title": step.title} for step in steps],
            "done": False,
            "views": [],
        }
        if dry_run:
            old = [] if steps else _find_old()
            line = say(steps) if steps else _say_old(len(old)) if old else UP_TO_DATE
            named = [{"channel": channel, "name": name, "problem": None} for channel, name in old]
            done = {"done": not steps and not old, "views": named}
            frame.show(document | done, as_json=as_json, line=line)
            return
        if steps:
            if not as_json:
                click.echo(say(steps))
            if not yes and not as_json and not click.confirm("Is there a backup? Go on?"):
                raise ConflictError("nothing was changed")
            schema.upgrade()
        views = _make_again(as_json=as_json)
        failed = [one for one in views if one["problem"] is not None]
        line = f"{UP_TO_DATE}; some views are not" if failed else UP_TO_DATE
        frame.show(document | {"done": not failed, "views": views}, as_json=as_json, line=line)
        if failed:
            raise SystemExit(frame.REFUSED)


def say(steps: list[schema.Step]) -> str:
    """Say what is going to be done."""
    lines = [f"  {step.revision}  {step.title}" for step in steps]
    return "\n".join(["this will change the database:", *lines])


def _say_old(count: int) -> str:
    channels = "one channel" if count == 1 else f"{count} channels"
    return f"this will make the views of {channels} again"


def _find_old() -> list[tuple[str, str]]:
    with reading() as session:
        return old_views.find_old(session) if own_node.find_node(session) is not None else []


def _make_again(*, as_json: bool) -> list[dict[str, Any]]:
    """Make again what is old; give each channel, and what is wrong with it."""
    old, made = _find_old(), []
    if old and not as_json:
        click.echo(_say_old(len(old)))
    for channel, name in old:
        problem = None
        try:
            with transaction() as session:
                desk = current_office().desk(session)
                actor, now = frame.console_actor(), clock.utcnow()
                found = old_views.make_again(session, desk, actor, channel, now=now)
        except CoordinationError as error:
            problem = frame.reason_of(error)
        else:
            problem = f"otherwise before, and made again: {', '.join(found)}" if found else None
        if problem is not None:
            click.echo(frame.printable(f"tocsin: {name} ({channel}): {problem}"), err=True)
        made.append({"channel": channel, "name": name, "problem": problem})
    return made

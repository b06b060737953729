"""Who will see this: `tocsin channel preview`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from hub import clock
from hub.api.preview_models import preview_document
from hub.channels.preview import get_preview
from hub.commands import frame
from hub.commands.channel_acts import read_files
from hub.commands.names import get_channel_named
from hub.office import current_office
from policies.acts import Act
from policies.tlp import read_tlp
from sharing.db import reading

COLUMNS: Final = {"name": "organisation", "reads": "reads", "reason": "why", "later": "later"}
_ACTS: Final = click.Choice([act.value for act in Act])


@click.command("preview")
@click.argument("channel")
@click.option("--act", default=Act.NOTE_ADDED.value, show_default=True, type=_ACTS, metavar="ACT")
@click.option("--tlp", metavar="LEVEL", help="Label of the words; the usual one if not given.")
@click.option(
    "--later-members/--no-later-members",
    default=None,
    help="Whether who joins later reads it, whatever its label; as the act has it if not given.",
)
@click.option(
    "--object",
    "files",
    metavar="FILE",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="Instead of words: a STIX object or a STIX bundle; a dash is standard input. Repeatable.",
)
@frame.as_json
@frame.refusing
def preview(
    channel: str,
    act: str,
    tlp: str | None,
    files: tuple[Path, ...],
    *,
    later_members: bool | None,
    as_json: bool,
) -> None:
    """Show who would read what is written into CHANNEL, and why; nothing is written."""
    with frame.node(), reading() as session:
        actor, now = frame.console_actor(), clock.utcnow()
        us = current_office().desk(session).organisation
        found = get_channel_named(session, actor, channel)
        sight = get_preview(
            session,
            actor,
            found,
            us=us,
            act=Act(act),
            label=read_tlp(tlp) if tlp is not None else None,
            later_members=later_members,
            covered=read_files(files, now),
        )
        document = preview_document(sight).model_dump(mode="json")
    if as_json:
        frame.show(document, as_json=True)
        return
    click.echo(frame.printable(document["sentence"]))
    frame.show_table(document["readers"], COLUMNS, as_json=False, nothing="nobody")
    click.echo(frame.printable(document["inside_sentence"]))
    click.echo(frame.printable(document["later_sentence"]))


COMMANDS: Final = (preview,)

"""`tocsin community`: those that we have a part in, their charters, and how to reach whom."""

from __future__ import annotations

from typing import Final

import click

from hub.api.community_documents import community_line
from hub.commands import community_charter, community_directory, frame
from hub.community import queries
from sharing.db import reading

COLUMNS: Final = {
    "name": "name",
    "owner_name": "coordinated by",
    "members": "members",
    "in_force_at": "charter in force since",
    "proposed": "proposed",
    "channel": "id",
}


@click.group("community")
def command() -> None:
    """Read communities, agree on the charter that they live by, keep their directory.

    CHANNEL is its name, where only one has it, or its id, or enough of the beginning of that.
    """


@command.command("list")
@frame.as_json
@frame.refusing
def list_communities(*, as_json: bool) -> None:
    """List the communities that we have a part in."""
    with frame.node(), reading() as session:
        rows = [
            community_line(row).model_dump(mode="json")
            for row in queries.visible_communities(session, frame.console_actor())
        ]
    frame.show_table(rows, COLUMNS, as_json=as_json, nothing="no communities yet")


command.add_command(community_charter.charter)
for one in community_directory.COMMANDS:
    command.add_command(one)

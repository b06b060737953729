"""`tocsin community`: who is on duty now, and how to reach whom."""

from __future__ import annotations

import click

from hub.commands import community_directory


@click.group("community")
def command() -> None:
    """Read and keep the directory of a community or a case.

    CHANNEL is its name, where only one has it, or its id, or enough of the beginning of that.
    """


for one in community_directory.COMMANDS:
    command.add_command(one)

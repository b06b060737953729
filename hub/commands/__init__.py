"""The command line `tocsin`: one module for each noun.

A command ends with 0 when it is done, with 1 and one line on standard error when it is refused,
with 2 when it was used wrongly. Doing it twice does no harm.
"""

from __future__ import annotations

import importlib
import os
from typing import Final

import click

from hub import collecting

# Noun → module that defines a `click` command of that name. Loaded when it is asked for.
NOUNS: Final = {
    "backup": "hub.commands.backup",
    "case": "hub.commands.case",
    "channel": "hub.commands.channel",
    "check": "hub.commands.check",
    "community": "hub.commands.community",
    "import": "hub.commands.import_",
    "node": "hub.commands.node",
    "partner": "hub.commands.partner",
    "report": "hub.commands.report",
    "restore": "hub.commands.restore",
    "serve": "hub.commands.serve",
    "token": "hub.commands.token",
    "upgrade": "hub.commands.upgrade",
    "user": "hub.commands.user",
    "verify": "hub.commands.verify",
    "web": "hub.commands.web",
    "worker": "hub.commands.worker",
}


class Nouns(click.Group):
    """The nouns, each loaded when it is needed, so that a short command stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the nouns."""
        del ctx
        return sorted(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one noun."""
        del ctx
        module_name = NOUNS.get(cmd_name)
        if module_name is None:
            return None
        command: click.Command = importlib.import_module(module_name).command
        return command


@click.command(cls=Nouns, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tocsin", prog_name="tocsin")
def main() -> None:
    """Coordinate information security incidents with partners.

    TOCSIN_DATA names the data folder of the node that is meant.
    """
    collecting.seldom()
    os.umask(0o077)  # what a node writes is for its own account alone

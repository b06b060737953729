"""The docs that are drawn from commands and interface say what these say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import click

from hub.api.drawing import api_page
from hub.commands import NOUNS, main
from hub.commands.drawing import cli_page
from tests.integration.hubs import Hub, sqlite_hub

__all__ = ["sqlite_hub"]

DOCS: Final = Path(__file__).parents[2] / "docs"


def test_the_page_of_commands_is_current() -> None:
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == cli_page(), "run docs/draw.py"


def test_every_command_and_option_is_on_its_page() -> None:
    page, context = cli_page(), click.Context(main)
    for noun in NOUNS:
        command = main.get_command(context, noun)
        assert command is not None
        assert f"## tocsin {noun}\n" in page
        inner = command.commands if isinstance(command, click.Group) else {noun: command}
        for name, one in inner.items():
            assert f"tocsin {noun}{'' if name == noun else ' ' + name} " in page
            assert one.help, f"tocsin {noun} {name} does not say what it does"


def test_the_page_of_the_interface_is_current(sqlite_hub: Hub) -> None:
    document = sqlite_hub.client().get("/api/v1/openapi.json").get_json()
    page = api_page(document)
    assert (DOCS / "api.md").read_text(encoding="utf-8") == page, "run docs/draw.py"
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path.removeprefix('/api/v1')}`" in page
    anchors = {heading.lower() for heading in re.findall(r"^### (\w+)$", page, re.MULTILINE)}
    assert set(re.findall(r"\]\(#(\w+)\)", page)) <= anchors

"""What every command does alike: read the settings, refuse in one line, print for both readers."""

from __future__ import annotations

import functools
import getpass
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, ParamSpec

import click
from flask import Flask

from federation.judging.doubt import DoubtError
from hub import schema
from hub.accounts.actor import Actor
from hub.settings import Settings, load_settings
from policies.errors import CoordinationError
from sharing.canonical import write_time
from sharing.db import db

REFUSED: Final = 1
_UNPRINTABLE: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069]"
)
"""What moves a terminal's cursor or turns the direction of writing has no place in an answer."""
P = ParamSpec("P")

as_json = click.option("--json", "as_json", is_flag=True, help="Answer for a machine.")


def refusing(function: Callable[P, None]) -> Callable[P, None]:
    """End a refused command with exit code 1 and its reason in one line on standard error."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except CoordinationError as error:
            click.echo(f"tocsin: {reason_of(error)}", err=True)
            raise SystemExit(REFUSED) from None

    return wrapper


@contextmanager
def node(*, any_schema: bool = False, serving: bool = False) -> Iterator[tuple[Flask, Settings]]:
    """Lend the application of the node that `TOCSIN_DATA` names, inside its context.

    Args:
        any_schema: whether the command works on a database that is not up to date.
        serving: whether it runs on and logs as the settings say; others log warnings as text.

    Raises:
        UnavailableError: the database is away, or its schema is not the one of this release.
    """
    from hub.app import create_app  # noqa: PLC0415 - takes a second; `--help` does without

    quiet = {} if serving else {"log_level": "WARNING", "log_format": "text"}
    settings = load_settings(**quiet)
    app = create_app(settings)
    with app.app_context():
        try:
            if not any_schema:
                schema.require_current()
            yield app, settings
        finally:
            db.engine.dispose()


def console_actor() -> Actor:
    """Give who runs this command."""
    try:
        login = getpass.getuser()
    except (KeyError, OSError):
        login = "somebody"
    return Actor.at_the_console(f"{login} at the console")


def reason_of(error: CoordinationError) -> str:
    """Give a refusal in one line, a failure of the protocol by its name."""
    if isinstance(error, DoubtError):
        return printable(error.answer)
    hint = f" ({error.hint})" if error.hint else ""
    return printable(" ".join(f"{error.message}{hint}".split()))


def printable(text: str) -> str:
    """Give a text in one line that can't play tricks on a terminal."""
    return _UNPRINTABLE.sub("\ufffd", text)


def as_json_text(document: Any) -> str:
    """Write a document for a machine that may be read on a terminal: nothing in it acts there."""
    text = json.dumps(document, default=_plain, ensure_ascii=False, indent=2)
    return _UNPRINTABLE.sub(_escaped, text)


def show(document: Any, *, as_json: bool, line: str = "") -> None:
    """Print an answer: the document for a machine, else the line for a person."""
    if as_json:
        click.echo(as_json_text(document))
    elif line:
        click.echo(line)


def show_table(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, as_json: bool, nothing: str
) -> None:
    """Print rows: a list for a machine, a drawn table on a terminal, tabs anywhere else.

    Args:
        columns: key in a row → heading, in the order in which they are shown.
        nothing: the line for a person where there are no rows.
    """
    if as_json:
        show(list(rows), as_json=True)
    elif not rows:
        click.echo(nothing)
    elif sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
        from rich.markup import escape  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415

        table = Table(*columns.values(), box=None, header_style="bold")
        for row in rows:
            table.add_row(*(escape(_cell(row.get(key))) for key in columns))
        Console().print(table)
    else:
        for row in rows:
            click.echo("\t".join(_cell(row.get(key)) for key in columns))


def read_secret_line(stream_is_stdin: bool, prompt: str) -> str:  # noqa: FBT001 - a flag of click
    """Read a secret: from the first line of standard input, or asked for twice on a terminal."""
    if stream_is_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    secret: str = click.prompt(prompt, hide_input=True, confirmation_prompt=True)
    return secret


def _escaped(found: re.Match[str]) -> str:
    """Give a character as JSON escapes it; a line break is one between values."""
    return found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}"


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, list | tuple | frozenset | set):
        return printable(", ".join(sorted(str(item) for item in value))) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(str(_plain(value) if isinstance(value, datetime) else value))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return write_time(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")

"""`docs/cli.md`, drawn from the commands, so that it can't say anything else."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Final

import click

from hub.commands import main

_DRAWN: Final = "<!-- Drawn from `hub/commands/` by `python docs/draw.py`; edit those instead. -->"
_INTRODUCTION: Final = """\
`tocsin` works on the node whose data folder `TOCSIN_DATA` names. Whoever may run it there may do
what an administrator and a coordinator may do; the audit log says who it was.

- It ends with **0** when it is done, with **1** when it is refused, the reason in one line on
  standard error, and with **2** when it was used wrongly. A failure of the protocol stands there by
  its name: `not_permitted: …`.
- `--json` answers for a machine, with the same documents as the [REST interface](api.md). Without
  it, tables are drawn on a terminal and are separated by tabs anywhere else.
- Doing something twice does no harm: what is done already is done. Where a command makes
  something new each time, its help says so.
- Only `partner accept` and `partner confirm` talk to another node themselves. What is written into
  a channel of ours is history at once; what is written into somebody else's **waits in the outbox**
  until the worker has delivered it and the owner has admitted it.

Two organisations pair, and work on one case:

```sh
cert$ tocsin partner invite                      # one line; give it to the other side
grid$ tocsin partner accept 'coordination-invitation/1 https://cert.example …'
grid$ tocsin partner confirm CERT --compared     # after the call: both read the same eight words
cert$ tocsin partner confirm Grid --compared
cert$ tocsin channel open --kind case --name 3CX --tlp amber
cert$ tocsin channel invite 3CX Grid --role affected --reason 'Relay 7 is yours.'
grid$ tocsin channel join 3CX
grid$ tocsin channel write 3CX intel.shared --object indicators.json
grid$ tocsin channel log 3CX
grid$ tocsin channel export 3CX 3CX.coordination.jsonl
anywhere$ tocsin verify 3CX.coordination.jsonl --pin 71fI5vnDA6ilFwHHle44_JBjsh0jz1PI1IZzE1XYQcU
```"""


def cli_page() -> str:
    """Give `docs/cli.md`: every command, what it does, what it takes."""
    lines = ["# Command line", "", _DRAWN, "", *_INTRODUCTION.splitlines(), ""]
    context = click.Context(main, info_name="tocsin")
    for noun in main.list_commands(context):
        command = main.get_command(context, noun)
        if command is not None:
            lines += _section(command, context, noun)
    return "\n".join(lines).rstrip("\n") + "\n"


def _section(command: click.Command, parent: click.Context, noun: str) -> Iterator[str]:
    context = click.Context(command, info_name=noun, parent=parent)
    yield f"## tocsin {noun}"
    yield ""
    if not isinstance(command, click.Group):
        yield from _command(command, context)
        return
    yield from _help(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        if inner is not None:
            yield f"### {noun} {name}"
            yield ""
            yield from _command(inner, click.Context(inner, info_name=name, parent=context))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield "```"
    yield usage
    yield "```"
    yield ""
    yield from _help(command)
    options = [_option(param, context) for param in command.params]
    shown = [record for record in options if record is not None]
    if shown:
        yield "| option | |"
        yield "|---|---|"
        for names, words in shown:
            yield f"| `{names}` | {words} |"
        yield ""


def _help(command: click.Command) -> Iterator[str]:
    yield from inspect.cleandoc(command.help or "").splitlines()
    yield ""


def _option(param: click.Parameter, context: click.Context) -> tuple[str, str] | None:
    """Give an option as it is written, and what it does; `--json` is everywhere."""
    if not isinstance(param, click.Option) or param.name == "as_json":
        return None
    names, words = param.get_help_record(context) or ("", "")
    if isinstance(param.type, click.Choice):
        choices = ", ".join(str(choice) for choice in param.type.choices)
        names = ", ".join(param.opts)
        words = f"One of {choices}. {words}"
    return names, " ".join(words.split())

"""Words that a command is given: as an option, from a file, or on standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, Final

import click

from policies.errors import InvalidError

MAX_INPUT_BYTES: Final = 1024 * 1024

TEXT: Final = click.option("--text", help="Some words; a dash reads them from standard input.")
TEXT_FILE: Final = click.option(
    "--file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Instead of --text: a file that holds the words.",
)
PASTED: Final = click.option(
    "--pasted",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="A MISP event, STIX, or any text: what it names to look for goes along. A dash is "
    "standard input.",
)


def read_words(text: str | None, file: Path | None = None) -> str | None:
    """Give the words that are meant, or `None` where nothing was given.

    Raises:
        InvalidError: the file can't be read, or more was given than anybody reads.
    """
    if text is not None and file is not None:
        raise click.UsageError("give --text or --file, not both")
    if text == "-":
        return _decode(sys.stdin.buffer)
    return _read(file) if file is not None else text


def read_pasted(file: Path | None, text: str | None) -> str | None:
    """Give what was pasted beside the words, or `None` where nothing was.

    Args:
        text: of the words, which may be read from standard input as well.

    Raises:
        InvalidError: the file can't be read, or more was given than anybody reads.
    """
    if file is None:
        return None
    if str(file) != "-":
        return _read(file)
    if text == "-":
        raise click.UsageError("standard input is read once: give --text or --pasted another way")
    return _decode(sys.stdin.buffer)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return _decode(stream)
    except OSError as error:
        raise InvalidError(f"{file}: {error.strerror}", field="file") from None


def _decode(stream: IO[bytes]) -> str:
    data = stream.read(MAX_INPUT_BYTES + 1)
    if len(data) > MAX_INPUT_BYTES:
        raise InvalidError(f"more than {MAX_INPUT_BYTES} bytes of text", field="text")
    return data.decode("utf-8", errors="replace")

"""`make demo`: tell the story, and leave the nodes up unless told otherwise."""

from __future__ import annotations

import fcntl
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Final

import click
from rich.console import Console

from hub.demo.cast import BREAKING_OFF, Cast, ended_at_last, gather
from hub.demo.errors import StoryError
from hub.demo.processes import COMPILED
from hub.demo.scene import Scene
from hub.demo.story import tell
from hub.demo.telling import Telling

DEFAULT_FOLDER: Final = Path("var") / "demo"
BROKEN_OFF: Final = 130
WIDTH: Final = 110
"""Columns where no terminal is."""
_MARK: Final = ".tocsin-demo"
_LEAD: Final = (
    "A national CERT, a grid operator and a software vendor handle one supply-chain attack.\n"
    "Each runs a node of its own. Everything below happens on this machine while you read."
)


@click.command()
@click.option("--exit", "ends", is_flag=True, help="End the nodes after the story.")
@click.option("--port-base", type=click.IntRange(1024, 65533), help="First of three ports.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_FOLDER,
    show_default=True,
    help="For the data of the nodes and what comes of the story; emptied first.",
)
def main(*, ends: bool, port_base: int | None, folder: Path) -> None:
    """Three organisations handle one incident together, on this machine."""
    telling = Telling(Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH))
    try:
        with _able_to_break_off(), _own_folder(folder.absolute()) as own:
            cast = gather(own, port_base=port_base)
            with ended_at_last(cast):
                code = _tell(telling, cast, own)
                if code == 0 and not ends:
                    _stay(telling)
            if code == 0:
                telling.line("The nodes have ended.")
    except StoryError as error:
        telling.trouble(str(error))
        code = 1
    except KeyboardInterrupt:
        telling.line("\nBroken off; the nodes have ended.")
        code = BROKEN_OFF
    sys.exit(code)


def _tell(telling: Telling, cast: Cast, folder: Path) -> int:
    scene = Scene(telling, cast, folder)
    telling.title("Tocsin", _LEAD)
    try:
        tell(scene)
        _sum_up(scene)
    except StoryError as error:
        telling.trouble(str(error))
        for person in cast.all:
            telling.log(person.node.log, person.node.last_words())
        telling.line(f"All of it is kept in {folder}")
        return 1
    return 0


def _sum_up(scene: Scene) -> None:
    telling = scene.telling
    rows = []
    for person in scene.cast.all:
        shown = person.channel(scene.case)
        entries = str(shown["seq"] + 1)
        head = shown["head_sha256"][:12]
        rows.append(
            (person.name, person.node.base_url, person.login, person.password, entries, head)
        )
    headings = ("organisation", "address", "login", "password", "entries", "head")
    telling.table("The case, at each of the three", headings, rows)
    telling.side(scene.delay_sentence())
    telling.line(f"The whole story took {telling.seconds:.0f} s, and every step held.")


def _stay(telling: Telling) -> None:
    telling.line("\nThe nodes are up: sign in and look around. Ctrl-C ends everything.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        telling.line("\nEnding the nodes …")


@contextmanager
def _own_folder(folder: Path) -> Iterator[Path]:
    """Lend the folder, empty, to one story at a time.

    Raises:
        StoryError: another story has it, or it holds what is none of ours.
    """
    mark = folder / _MARK
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise StoryError(f"{folder} holds something that is not the demo's; --folder names another")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with mark.open("w") as stream:
        _lock(stream, folder)
        for path in folder.iterdir():
            if path.is_dir() and path.name != COMPILED:
                shutil.rmtree(path)
            elif path.is_file() and path != mark:
                path.unlink()
        yield folder


def _lock(stream: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise StoryError(f"another demo is running in {folder}; --folder names another") from None


@contextmanager
def _able_to_break_off() -> Iterator[None]:
    """Have both signals end the story in order, even where a shell had us ignore the first."""

    def break_off(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = [(number, signal.signal(number, break_off)) for number in BREAKING_OFF]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


if __name__ == "__main__":
    main()

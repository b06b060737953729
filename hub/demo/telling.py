"""How the story is told: numbered steps, plain sentences, a tick and the time that each took."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table

_INDENT: Final = 4


@dataclass
class Telling:
    """Tells one story to one console; what went wrong is told as well."""

    console: Console
    _number: int = field(default=0, init=False)
    _began: float = field(default_factory=time.monotonic, init=False)

    @property
    def seconds(self) -> float:
        """How long the story has taken so far."""
        return time.monotonic() - self._began

    def title(self, text: str, lead: str) -> None:
        """Say what this is about."""
        self.console.print(Panel(escape(lead), title=f"[bold]{escape(text)}[/bold]", expand=False))

    @contextmanager
    def step(self, sentence: str) -> Iterator[None]:
        """Tell one step while it is done; end it with a tick, or with a cross if it broke off."""
        self._number += 1
        self.console.print(f"\n[bold cyan]{self._number:>2}[/bold cyan]  {escape(sentence)}")
        began = time.monotonic()
        try:
            with self.console.status("working …", spinner="dots"):
                yield
        except BaseException:
            self._end("[bold red]✗[/bold red]", began)
            raise
        self._end("[bold green]✓[/bold green]", began)

    def say(self, sentence: str) -> None:
        """Add a sentence to the step that is being done."""
        self.console.print(Padding(escape(sentence), (0, 0, 0, _INDENT), expand=False))

    def quote(self, text: str) -> None:
        """Show what a person reads or types."""
        self.console.print(
            Padding(f"[italic]{escape(text)}[/italic]", (0, 0, 0, _INDENT + 2), expand=False)
        )

    def side(self, sentence: str) -> None:
        """Add what is good to know besides."""
        self.console.print(
            Padding(f"[dim]{escape(sentence)}[/dim]", (0, 0, 0, _INDENT), expand=False)
        )

    def table(self, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show rows under their headings."""
        table = Table(*headings, title=title, title_justify="left", header_style="bold")
        for row in rows:
            table.add_row(*(escape(cell) for cell in row))
        self.console.print()
        self.console.print(table)

    def line(self, sentence: str) -> None:
        """Say something outside the steps."""
        self.console.print(escape(sentence))

    def trouble(self, sentence: str) -> None:
        """Say what did not hold."""
        self.console.print(f"\n[bold red]This did not hold:[/bold red] {escape(sentence)}")

    def log(self, path: Path, lines: Sequence[str]) -> None:
        """Show the end of a node's log."""
        if lines:
            self.console.print(f"\n[dim]The end of {escape(str(path))}:[/dim]")
            for line in lines:
                self.console.print(f"[dim]{escape(line)}[/dim]", soft_wrap=True)

    def _end(self, mark: str, began: float) -> None:
        self.console.print(f"{' ' * _INDENT}{mark} [dim]{time.monotonic() - began:.1f} s[/dim]")

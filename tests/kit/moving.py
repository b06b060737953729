"""A clock of processes in earnest that a test moves on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

HOOK: Final = Path(__file__).with_name("moved_clock")
"""The folder that has to be on the path of such a process."""


class MovedClock:
    """The system's clock, and so many seconds more, for whoever is given its file."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "clock"
        self._ahead = timedelta()
        self.advance()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, **span: float) -> None:
        """Move it on, for all at once."""
        self._ahead += timedelta(**span)
        new = self.file.with_suffix(".new")
        new.write_text(str(self._ahead.total_seconds()), "ascii")
        new.replace(self.file)

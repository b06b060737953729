"""Who holds a lease: a process of a machine, and whether that process is no more."""

from __future__ import annotations

import functools
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Holder:
    """A process, written as `<machine>/<process id>/<claim>`."""

    machine: str
    process_id: int
    claim: str

    @classmethod
    def of_this_process(cls, claim: str) -> Self:
        """Name this process, for one claim."""
        return cls(_machine(), os.getpid(), claim)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `str` wrote."""
        machine, process_id, claim = text.split("/")
        return cls(machine, int(process_id), claim)

    def __str__(self) -> str:
        """Write it as the database keeps it."""
        return f"{self.machine}/{self.process_id}/{self.claim}"

    def is_dead(self) -> bool:
        """Tell whether it surely is no more; no where that can't be known from here."""
        return self.machine == _machine() and not _runs(self.process_id)


@functools.cache
def _machine() -> str:
    """Name the running system and its space of process ids; nobody else's name, where unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return secrets.token_hex(8)
    return hashlib.sha256(f"{boot}{space}".encode()).hexdigest()[:16]


def _runs(process_id: int) -> bool:
    try:
        facts = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    # Behind the name, which stands in brackets: Z is dead and not yet buried.
    return facts.rpartition(")")[2].split()[0] not in {"Z", "X"}

"""Nodes that know each other already: they pair once in a process, and others are copies of them.

A copy has the keys, the partners and the addresses of the first; only one plays at a time.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from weakref import finalize

from federation.identity.keys import PrivateKey


class Paired:
    """Nodes of some names, and what they had on their disks when they had paired.

    Args:
        names: theirs, which are those of their folders too.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.ports = tuple(self._hold_a_port() for _ in names)
        self.recoveries: tuple[PrivateKey, ...] = ()
        self.at: datetime | None = None
        self.plays = False
        self._folder = Path(tempfile.mkdtemp(prefix="tocsin-paired-"))
        finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def keep(self, folder: Path, recoveries: Sequence[PrivateKey], *, at: datetime) -> None:
        """Remember the data of these nodes; none has its database open.

        Args:
            folder: where the folders of the nodes are.
            recoveries: their recovery keys, which they do not have themselves.
            at: what time it is.
        """
        for name in self.names:
            shutil.copytree(folder / name, self._folder / name)
        self.recoveries, self.at = tuple(recoveries), at

    def lay_out(self, folder: Path) -> None:
        """Put the data of these nodes into a folder."""
        for name in self.names:
            shutil.copytree(self._folder / name, folder / name)

    def _hold_a_port(self) -> int:
        """Keep everybody else away from a port; a server that asks for it by number may have it."""
        held = socket.socket()
        finalize(self, held.close)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


_ALL: list[Paired] = []


@contextmanager
def borrow(names: Sequence[str]) -> Iterator[Paired]:
    """Lend nodes of these names with which nobody plays; new ones have yet to pair."""
    for paired in _ALL:
        if paired.names == tuple(names) and not paired.plays:
            break
    else:
        paired = Paired(names)
        _ALL.append(paired)
    paired.plays = True
    try:
        yield paired
    finally:
        paired.plays = False

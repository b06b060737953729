"""Python imports this when a process starts that has this folder on its path.

Such a process reads the time from the system and adds the seconds that stand in a file. It calls
others from an address of its own on loopback, so that one way can be cut and another left open.
"""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hub import clock

_FILE = os.environ.get("TOCSIN_TEST_CLOCK")
_ADDRESS = os.environ.get("TOCSIN_TEST_CALLS_FROM")


def _moved() -> datetime:
    assert _FILE is not None
    return datetime.now(UTC) + timedelta(seconds=float(Path(_FILE).read_text("ascii")))


class _Calling(socket.socket):
    def connect(self, address: Any) -> None:
        if self.family == socket.AF_INET and self.type == socket.SOCK_STREAM:
            self.bind((_ADDRESS, 0))
        super().connect(address)


if _FILE is not None:
    clock._source = _moved
if _ADDRESS is not None:
    socket.socket = _Calling  # type: ignore[misc]

"""Distributions, the machine they were measured on, and the floor beneath them."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests

from sharing.db import _SQLITE_PRAGMAS
from tests.conftest import take_free_port

_SERVER: Final = """
import sqlite3, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
path, pragmas = sys.argv[2], sys.argv[3].split(",")
class Bare(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        connection = sqlite3.connect(path, isolation_level=None)
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("INSERT INTO kept (content) VALUES (?)", (data,))
        connection.close()
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Bare).serve_forever()
"""


@dataclass(frozen=True)
class Distribution:
    """How long something took, in seconds, each time."""

    name: str
    seconds: Sequence[float]

    def quantile(self, share: float) -> float:
        """Give the time that this share of all did not exceed."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]

    @property
    def p50(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p99(self) -> float:
        return self.quantile(0.99)

    def line(self) -> str:
        figures = (min(self.seconds), self.p50, self.quantile(0.9), self.p99, max(self.seconds))
        columns = "".join(f"{1000 * one:9.1f}" for one in figures)
        return f"{self.name:<44}{columns}   ms, {len(self.seconds)} times"


HEADING: Final = f"{'':<44}{'min':>9}{'p50':>9}{'p90':>9}{'p99':>9}{'max':>9}"


def machine() -> str:
    """Tell in one line what this was measured on."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, load before {load}"
    )


@contextmanager
def bare_server(folder: Path) -> Iterator[str]:
    """Run the least that could keep what it is sent: HTTP, one durable insert, an empty answer."""
    path, port = folder / "bare.sqlite", take_free_port()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=wal")
    connection.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY, content BLOB)")
    connection.close()
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(port), str(path), ",".join(_SQLITE_PRAGMAS)]
    )
    try:
        url = f"http://127.0.0.1:{port}/"
        for _ in range(200):
            try:
                requests.post(url, data=b"x", timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()

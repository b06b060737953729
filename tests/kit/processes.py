"""Nodes as they run in earnest: processes of their own, to be killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
import requests

import hub
from tests.conftest import _postgresql_bin, take_free_port
from tests.kit.moving import HOOK, MovedClock
from tests.kit.nodes import LocalNode

READY_SECONDS: Final = 180
_BUGS: Final = (
    "errand broke",
    "loop broke",
    "hook after commit failed",
    "error of our own",
    "a TAXII request failed",
)
_ROOT: Final = Path(hub.__file__).resolve().parents[1]
_SCRIPT: Final = Path(sys.executable).with_name("tocsin")
# A checkout that was not installed has no script.
TOCSIN: Final = [str(_SCRIPT)] if _SCRIPT.exists() else [sys.executable, "-m", "hub.commands"]


def utcnow() -> datetime:
    """Give the time of the processes, which is the system's."""
    return datetime.now(UTC)


def wait_until(
    true: Callable[[], bool], what: Callable[[], str] | str, *, seconds: float, step: float = 0.02
) -> None:
    """Wait until something is so; fail with what it was if it takes too long."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            said = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {seconds} s: {said}")
        time.sleep(step)


@dataclass
class Process:
    """One process of a node and all that it has begot: `tocsin web`, `worker` or `serve`."""

    kind: str
    environment: dict[str, str]
    log: Path
    _running: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def is_running(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def start(self) -> None:
        assert not self.is_running, f"{self.kind} runs already"
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                [*TOCSIN, self.kind],
                cwd=_ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it, and whatever it has begot, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as a supervisor does; insist after a while."""
        self._end(signal.SIGTERM)

    def kill_a_child(self, place: int = 0) -> bool:
        """Kill one of the processes that the first one has begot, which will replace it."""
        if self._running is None:
            return False
        path = Path(f"/proc/{self._running.pid}/task/{self._running.pid}/children")
        try:
            children = [int(pid) for pid in path.read_text().split()]
            if not children:
                return False
            os.kill(children[place % len(children)], signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            return False
        return True

    def _end(self, how: signal.Signals) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(running.pid, how)
        try:
            running.wait(35)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait(10)


class NodeProcesses(LocalNode):
    """One organisation's node, served by processes; what people do is done from here.

    Args:
        serve: the processes that it runs as: `("serve",)`, or `("web", "worker")` and more.
        base_url: where partners reach it, if that is not its own port.
        clock: what its processes read the time from, if that is not the system's.
        calls_from: the address on loopback that its processes call others from.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        database_url: str = "",
        serve: Iterable[str] = ("serve",),
        port: int = 0,
        base_url: str = "",
        clock: MovedClock | None = None,
        calls_from: str = "",
        **settings: Any,
    ) -> None:
        self.port = port or take_free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        super().__init__(
            name,
            folder,
            base_url=base_url or self.address,
            database_url=database_url,
            now=clock or utcnow,
            **settings,
        )
        self.log = folder / f"{name}.log"
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "TOCSIN_DATA": str(self.settings.data),
            "TOCSIN_BIND": f"127.0.0.1:{self.port}",
            "TOCSIN_LOG_LEVEL": "INFO",
            "TOCSIN_LOG_FORMAT": "text",
            "TMPDIR": str(folder),
            "PYTHONPATH": str(_ROOT),
        }
        if database_url:
            environment["TOCSIN_DATABASE_URL"] = database_url
        if clock is not None:
            environment["TOCSIN_TEST_CLOCK"] = str(clock.file)
        if calls_from:
            environment["TOCSIN_TEST_CALLS_FROM"] = calls_from
        if clock is not None or calls_from:
            environment["PYTHONPATH"] = f"{HOOK}{os.pathsep}{_ROOT}"
        environment |= {f"TOCSIN_{key.upper()}": str(value) for key, value in settings.items()}
        self.processes = [Process(kind, environment, self.log) for kind in serve]

    def process(self, kind: str) -> Process:
        return next(one for one in self.processes if one.kind == kind)

    def start(self) -> None:
        """Start what does not run; do not wait."""
        for process in self.processes:
            if not process.is_running:
                process.start()

    def wait_ready(self) -> None:
        wait_until(self.is_ready, self.last_words, seconds=READY_SECONDS, step=0.1)

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.address}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def kill(self) -> None:
        for process in self.processes:
            process.kill()

    def close(self) -> None:
        for process in self.processes:
            process.kill()
        super().close()

    def last_words(self) -> str:
        """Give the end of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"{self.name}: {text[-3000:]}"

    def bugs(self) -> list[str]:
        """Give what its log tells of errors that are nobody's but ours."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return [line for line in text.splitlines() if any(mark in line for mark in _BUGS)]


class Postgresql:
    """A PostgreSQL of a test's own, durable as in earnest, that can be killed."""

    def __init__(self) -> None:
        bin_dir = _postgresql_bin()
        assert bin_dir is not None, "PostgreSQL is not installed (Debian package `postgresql`)"
        self._bin, self.port = bin_dir, take_free_port()
        self._as_postgres = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        # The folder of a test is not open to the user postgres.
        self._folder = Path(tempfile.mkdtemp(prefix="tocsin-pg-"))
        if self._as_postgres:
            shutil.chown(self._folder, "postgres")
        self._run(
            "initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8",
            "--locale=C.UTF-8",
        )  # fmt: skip
        self._options = (
            f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self._folder} -c fsync=on "
            "-c synchronous_commit=on -c full_page_writes=on -c max_connections=300"
        )

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def start(self) -> None:
        """Start it; after a kill, as a supervisor does: again, until the last backend is gone."""
        wait_until(self._starts, self._last_words, seconds=READY_SECONDS, step=0.2)

    def _starts(self) -> bool:
        log = str(self._folder / "log")
        try:
            self._run(
                "pg_ctl", "-D", str(self._data), "-w", "-t", "60", "-l", log, "-o", self._options,
                "start",
            )  # fmt: skip
        except subprocess.CalledProcessError:
            return False
        return True

    def _last_words(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-2000:]

    def kill(self) -> None:
        """Kill the postmaster; what it has begot notices and ends without writing anything."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self._children_of(pid), "backends end", seconds=30)

    def start_standby(self) -> None:
        """Have an asynchronous standby hear all that is committed here, as soon as it can."""
        shutil.rmtree(self._copy, ignore_errors=True)
        self._run(
            "pg_basebackup", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres",
            "-D", str(self._copy), "-R", "-c", "fast",
        )  # fmt: skip
        log = str(self._folder / "standby-log")
        options = f"-c listen_addresses= -p {self.port} -k {self._copy} -c max_connections=300"
        self._run("pg_ctl", "-D", str(self._copy), "-w", "-l", log, "-o", options, "start")

    def lose_sight_of_standby(self) -> None:
        """Let the standby hear everything up to now, and nothing after it."""
        with psycopg.connect(self._server, autocommit=True) as connection:
            at = connection.execute("SELECT pg_current_wal_lsn()").fetchone()
            query = "SELECT sync_state FROM pg_stat_replication WHERE replay_lsn >= %s::pg_lsn"
            wait_until(
                lambda: connection.execute(query, at).fetchall() == [("async",)],
                self._last_words,
                seconds=READY_SECONDS,
            )
        self._run("pg_ctl", "-D", str(self._copy), "-m", "fast", "-w", "stop")

    def promote_standby(self) -> None:
        """Lose the server; the standby takes its place under the same address."""
        self.kill()
        shutil.rmtree(self._data)
        self._copy.rename(self._data)
        self.start()
        self._run("pg_ctl", "-D", str(self._data), "-w", "promote")

    @property
    def _copy(self) -> Path:
        return self._folder / "standby"

    def database(self, name: str) -> str:
        """Make a database; give its URL."""
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def close(self) -> None:
        with suppress(subprocess.CalledProcessError):  # it may have been killed before
            self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _server(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def _run(self, command: str, *argv: str) -> None:
        subprocess.run(
            [*self._as_postgres, str(self._bin / command), *argv],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            timeout=120,
        )

    def _children_of(self, postmaster: int) -> list[int]:
        """Give the processes that still work on this cluster's data."""
        found = []
        for link in Path("/proc").glob("[0-9]*/cwd"):
            try:
                if link.readlink() == self._data:
                    found.append(int(link.parent.name))
            except OSError:
                continue
        return [pid for pid in found if pid != postmaster and not _is_buried(pid)]


def _is_buried(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return True
    return text.rpartition(")")[2].split()[0] in {"Z", "X"}


@contextmanager
def postgresql() -> Iterator[Postgresql]:
    """Run a PostgreSQL of one's own for the length of a block."""
    cluster = Postgresql()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()

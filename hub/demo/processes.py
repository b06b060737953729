"""Nodes as processes: commands run for them, start, stop, kill, readiness, and what they cost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar

import requests

import hub
from hub.demo.errors import StoryError

HOST: Final = "127.0.0.1"
READY_SECONDS: Final = 180
END_SECONDS: Final = 40
COMMAND_SECONDS: Final = 240
LOOK_SECONDS: Final = 0.02
LOG_LINES: Final = 15
COMPILED: Final = "compiled"

_ROOT: Final = Path(hub.__file__).resolve().parents[1]
_PROC: Final = Path("/proc")
_ANSWERED: Final = '"event": "request answered"'
T = TypeVar("T")


@dataclass
class NodeProcess:
    """One organisation's node: a folder, a port, and a process while it runs.

    Args:
        name: of the organisation.
        folder: for its data and its log; nobody else's.
    """

    name: str
    folder: Path
    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def base_url(self) -> str:
        """The origin at which it answers."""
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        """The file that its process writes to."""
        return self.folder / "node.log"

    @property
    def pid(self) -> int | None:
        """The process that leads it, while it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its process: its own settings, and nobody else's."""
        return plain_environment(self.folder.parent) | {
            "TOCSIN_DATA": str(self.folder / "data"),
            "TOCSIN_BIND": f"{HOST}:{self.port}",
            "TMPDIR": str(self._made("tmp")),
        }

    def command(self, *arguments: str, given: str | None = None) -> Any:
        """Run `tocsin …` for this node; give its answer, read from JSON.

        Args:
            given: what the command reads from standard input.

        Raises:
            StoryError: it was refused; the sentence is the command's own.
        """
        done = run_tocsin([*arguments, "--json"], environment=self.environment, given=given)
        if done.returncode != 0:
            words = " ".join(arguments[:2])
            raise StoryError(f"{self.name}: tocsin {words}: {_last_line(done.stderr)}")
        return json.loads(done.stdout)

    def start(self) -> None:
        """Start `tocsin serve`, and wait until the node says that it is ready.

        Raises:
            StoryError: it ended, or was not ready in time.
        """
        self._made("tmp")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves, with our arguments
                tocsin("serve"),
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which then ends its nodes
            )
        wait_until(self._is_ready, f"{self.name} is ready", seconds=READY_SECONDS, every=0.1)

    def stop(self) -> None:
        """End it as a supervisor would: ask, wait, and only then insist."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill everything of it at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def cpu_seconds(self) -> float | None:
        """Give the processor time that its processes took so far; `None` where nobody counts."""
        if self._process is None or not _PROC.is_dir():
            return None
        ticks = 0
        for stat in _PROC.glob("[0-9]*/stat"):
            with suppress(OSError):
                # The name in the second field may hold spaces; what follows its bracket does not.
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[2]) == self._process.pid:
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def last_words(self) -> list[str]:
        """Give the last lines of its log; requests that were answered are left out."""
        if not self.log.exists():
            return []
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if _ANSWERED not in line][-LOG_LINES:]

    def _made(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def _is_ready(self) -> bool:
        assert self._process is not None  # noqa: S101 - it was started just now
        code = self._process.poll()
        if code is not None:
            raise StoryError(f"{self.name} ended with code {code} instead of getting ready")
        with suppress(requests.RequestException):
            answer = requests.get(f"{self.base_url}/readyz", timeout=5)
            return answer.status_code == HTTPStatus.OK
        return False

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            if how is signal.SIGKILL:
                os.killpg(process.pid, how)
            else:
                process.send_signal(how)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def tocsin(*arguments: str) -> list[str]:
    """Give the command line of `tocsin …` in this installation."""
    return [sys.executable, "-m", "hub.commands", *arguments]


def run_tocsin(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    given: str | None = None,
    before: Sequence[str] = (),
    folder: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `tocsin …` to its end.

    Args:
        given: what it reads from standard input.
        before: a command that runs it, `unshare --net` for instance.
        folder: where it runs.

    Raises:
        StoryError: it did not come to an end.
    """
    words = " ".join(arguments[:2])
    try:
        return subprocess.run(  # noqa: S603 - ourselves, with our arguments
            [*before, *tocsin(*arguments)],
            env=dict(environment),
            cwd=folder,
            input=given or "",
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise StoryError(f"tocsin {words} did not end within {COMMAND_SECONDS} s") from None


def plain_environment(folder: Path) -> dict[str, str]:
    """Give an environment that holds no setting of any node.

    Args:
        folder: where compiled code is kept, if it may be kept nowhere else: a dozen short commands
            would compile everything each time.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TOCSIN_", "_TOCSIN_", "PROMETHEUS_", "GUNICORN_"))
        and not name.lower().endswith("_proxy")
        and name != "PYTHONDONTWRITEBYTECODE"
    }
    kept["PYTHONPATH"] = str(_ROOT)
    if sys.dont_write_bytecode:
        kept["PYTHONPYCACHEPREFIX"] = str(folder / COMPILED)
    return kept


def free_ports(count: int) -> list[int]:
    """Ask the kernel for ports on loopback that nobody uses."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]


def require_free(port: int) -> None:
    """Refuse a port at which somebody answers.

    Raises:
        StoryError: somebody does.
    """
    with socket.socket() as probe:
        # As servers do: what ended a moment ago does not hold its port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise StoryError(f"port {port} is in use; --port-base names others") from None


def wait_until(
    look: Callable[[], T | None], what: str, *, seconds: float, every: float = LOOK_SECONDS
) -> T:
    """Look again and again until there is something to see; give it.

    Args:
        look: gives what it sees; nothing, zero and `False` mean not yet.
        what: what is waited for, for the refusal.
        seconds: how long it may take.

    Raises:
        StoryError: it did not come in time.
    """
    for _ in _looks(seconds, every):
        seen = look()
        if seen:
            return seen
    raise StoryError(f"waited {seconds:g} s in vain until {what}")


def _looks(seconds: float, every: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while True:
        yield
        if time.monotonic() >= end:
            return
        time.sleep(every)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason was given"

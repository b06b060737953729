"""A way between two nodes that can be made bad while they talk."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.conftest import take_free_port

_PIECE_BYTES: Final = 4096


class Mode(StrEnum):
    """What becomes of requests, and what their client sees."""

    PASS = "pass"
    REFUSE = "refuse"
    """Reset at once; the server hears nothing."""
    BLACKHOLE = "blackhole"
    """Taken and never answered; the server hears nothing."""
    LATENCY = "latency"
    """Each piece waits so many seconds."""
    ONEWAY = "oneway"
    """The server acts, and its answer is lost: the client sees a reset."""
    TRUNCATE = "truncate"
    """So many bytes of the answer, then the end; the server has acted."""
    RESET_AFTER = "reset_after"
    """So many bytes of the answer, then a reset; the server has acted."""


@dataclass(frozen=True)
class Fault:
    """How the way is bad: a mode, its number of seconds or bytes, and for whom.

    Args:
        callers: the addresses that it strikes; none: everybody's.
    """

    mode: Mode = Mode.PASS
    amount: float = 0
    callers: frozenset[str] = frozenset()


_NONE: Final = Fault()


class FaultyProxy:
    """Passes connections on to one port on loopback, as well as its `fault` allows.

    A fault set while connections are open strikes them too, because nodes keep theirs.
    """

    def __init__(self, target_port: int) -> None:
        self.port = take_free_port()
        self.fault = Fault()
        self.struck = 0
        """How many connections met the fault, so that a test knows that it did something."""
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faulty-proxy", daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def suffer(self, mode: Mode, amount: float = 0, callers: Iterable[str] = ()) -> None:
        """Let the way be bad from now on, for everybody or for some."""
        self.fault = Fault(mode, amount, frozenset(callers))

    def heal(self) -> None:
        """Let the way be good again."""
        self.fault = Fault()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", self.port)
        )
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._fault_of(writer).mode is Mode.REFUSE:
            self._reset(writer)
            return
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            _reset(writer)
            return
        asking = asyncio.create_task(self._ask(reader, up_writer, writer))
        answering = asyncio.create_task(self._answer(up_reader, writer))
        try:
            # Whoever ends first ends both: a connection of HTTP is not half open.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({asking, answering}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (asking, answering):
                task.cancel()
            with contextlib.suppress(OSError):
                up_writer.close()
                writer.close()

    async def _ask(
        self,
        reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_PIECE_BYTES):
                fault = self._fault_of(writer)
                if fault.mode is Mode.REFUSE:
                    self._reset(writer)
                    return
                if fault.mode is Mode.BLACKHOLE:
                    self.struck += 1
                    await asyncio.sleep(3600)
                if fault.mode is Mode.LATENCY:
                    self.struck += 1
                    await asyncio.sleep(fault.amount)
                up_writer.write(data)
                await up_writer.drain()

    async def _answer(self, up_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met, sent = self._fault_of(writer), 0
        with contextlib.suppress(OSError):
            while data := await up_reader.read(_PIECE_BYTES):
                fault = self._fault_of(writer)
                if fault is not met:
                    met, sent = fault, 0
                if fault.mode is Mode.ONEWAY:
                    self._reset(writer)
                    return
                if fault.mode is Mode.LATENCY:
                    await asyncio.sleep(fault.amount)
                if fault.mode in (Mode.TRUNCATE, Mode.RESET_AFTER):
                    left, sent = int(fault.amount) - sent, sent + len(data)
                    if len(data) >= left:
                        writer.write(data[: max(left, 0)])
                        await writer.drain()
                        if fault.mode is Mode.RESET_AFTER:
                            self._reset(writer)
                        else:
                            self.struck += 1
                        return
                writer.write(data)
                await writer.drain()

    def _fault_of(self, writer: asyncio.StreamWriter) -> Fault:
        """Give what strikes this connection."""
        fault = self.fault
        if fault.callers and writer.get_extra_info("peername")[0] not in fault.callers:
            return _NONE
        return fault

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        self.struck += 1
        _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close by RST, not by FIN."""
    with contextlib.suppress(OSError):
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()

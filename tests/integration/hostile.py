"""A server of a test that answers with whatever bytes the test wants, piece by piece."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Raw:
    """Answers each request with the same pieces; remembers what was asked."""

    def __init__(self, pieces: Iterable[bytes | float], *, hang: bool = False) -> None:
        self._pieces = list(pieces)
        self._hang = hang
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.requests: list[bytes] = []
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            peer.settimeout(10)
            data = b""
            while b"\r\n\r\n" not in data:
                data += peer.recv(65536)
            self.requests.append(data)
            for piece in self._pieces:
                if isinstance(piece, float):
                    time.sleep(piece)
                else:
                    peer.sendall(piece)
                if self._ended.is_set():
                    return
            if self._hang:
                self._ended.wait(60)

    def stop(self) -> None:
        self._ended.set()
        self._listener.close()


@contextmanager
def answering(*pieces: bytes | float, hang: bool = False) -> Iterator[Raw]:
    """Run a server that answers with these pieces; a number is a pause in seconds."""
    server = Raw(pieces, hang=hang)
    try:
        yield server
    finally:
        server.stop()


def http(
    body: bytes,
    *,
    status: str = "200 OK",
    content_type: str = "application/taxii+json;version=2.1",
    headers: str = "",
) -> bytes:
    """Write a whole answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n"
    head += f"Content-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode("latin-1") + body

"""Reading an export line by line, within bounds, whatever it is.

Source: wire format, 7.
"""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Final, cast

from federation.judging.doubt import Doubt, DoubtError
from policies.errors import InvalidError
from sharing.canonical import MAX_DEPTH, canonical, read_canonical, read_json

FORMAT: Final = "coordination-export/1"
OUTBOX_FORMAT: Final = "coordination-outbox/1"
LINE_LIMIT_BYTES: Final = 5 * 1024 * 1024
EXPANDED_LIMIT_BYTES: Final = 2 * 1024 * 1024 * 1024
"""How much a compressed file or a pipe may bring; a plain file is as large as it is."""

_GZIP: Final = b"\x1f\x8b"
_CHUNK: Final = 64 * 1024
_IN_MEMORY: Final = 8 * 1024 * 1024


class Kind(StrEnum):
    """What a line holds."""

    HEADER = "header"
    OBJECT = "object"
    CONTRIBUTION = "contribution"
    ENTRY = "entry"
    RECEIPT = "receipt"
    ABANDONED = "abandoned"
    EVIDENCE = "evidence"


LAST: Final = frozenset({Kind.RECEIPT, Kind.ABANDONED, Kind.EVIDENCE})
"""Kinds that follow the ledger."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is well formed.

    Args:
        number: from 1.
        offset: where it begins, in bytes.
        length: in bytes, without its end.
        value: what it holds, parsed.
        written: what it holds, in the canonical bytes that stand there.
    """

    number: int
    offset: int
    length: int
    kind: Kind
    value: Any = field(repr=False)
    written: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class BadLine:
    """One line that is not."""

    number: int
    sentence: str


@contextmanager
def open_archive(
    source: Path | IO[bytes], *, limit_bytes: int | None = None
) -> Iterator[IO[bytes]]:
    """Lend the plain bytes of a file in a stream that can be read again.

    Args:
        limit_bytes: how much a compressed file or a pipe may bring, if less than usual.

    Raises:
        DoubtError: `malformed`: it is not what gzip wrote, or holds too much.
    """
    if isinstance(source, Path):
        with source.open("rb") as stream, open_archive(stream, limit_bytes=limit_bytes) as archive:
            yield archive
        return
    head = source.read(len(_GZIP))
    if head != _GZIP and source.seekable():
        source.seek(-len(head), 1)
        yield source
        return
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
        chunks = _read_chunks(source, head)
        plain = _inflate(chunks) if head == _GZIP else chunks
        _keep(plain, cast("IO[bytes]", spool), limit_bytes or EXPANDED_LIMIT_BYTES)
        spool.seek(0)
        yield cast("IO[bytes]", spool)


def read_lines(archive: IO[bytes]) -> Iterator[Line | BadLine]:
    """Read a stream from where it stands; what follows a line beyond the limit is not read.

    Offsets count from there. Whoever reads elsewhere in between goes back.
    """
    number = offset = 0
    while raw := archive.readline(LINE_LIMIT_BYTES + 1):
        number += 1
        if not raw.endswith(b"\n"):
            if len(raw) > LINE_LIMIT_BYTES:
                yield BadLine(number, f"it is longer than {LINE_LIMIT_BYTES} bytes")
            else:
                yield BadLine(number, "it has no end: the file is cut off")
            return
        yield _read_line(number, offset, raw[:-1])
        offset += len(raw)


def _read_line(number: int, offset: int, raw: bytes) -> Line | BadLine:
    read = read_canonical(raw, max_depth=MAX_DEPTH + 1)
    if read is not None and isinstance(read.value, Mapping) and len(read.value) == 1:
        name, held = next(iter(read.value.items()))
        if name in tuple(Kind):
            written = raw[len(name) + len('{"":') : -1]
            return Line(number, offset, len(raw), Kind(name), held, written)
    return BadLine(number, _fault_of(raw))


def _fault_of(raw: bytes) -> str:
    """Say what is wrong with a line."""
    try:
        value = read_json(raw, limit_bytes=LINE_LIMIT_BYTES, field="line", max_depth=MAX_DEPTH + 1)
        if not isinstance(value, Mapping) or len(value) != 1:
            return "a line is {kind: value}"
        name, held = next(iter(value.items()))
        if name not in tuple(Kind):
            return f"“{name[:40]}” is no kind of line"
        canonical(held)
    except InvalidError as error:
        return error.message
    return "it is not in canonical form"


def _read_chunks(source: IO[bytes], head: bytes) -> Iterator[bytes]:
    yield head
    while chunk := source.read(_CHUNK):
        yield chunk


def _inflate(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Expand one gzip member, a bounded piece at a time."""
    inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        for chunk in chunks:
            if inflater.eof:
                raise _malformed("something follows the compressed file")
            rest = chunk
            while rest and not inflater.eof:
                yield inflater.decompress(rest, _CHUNK)
                rest = inflater.unconsumed_tail
    except zlib.error:
        raise _malformed("it is damaged: gzip can't read it") from None
    if not inflater.eof:
        raise _malformed("the compressed file is cut off")
    if inflater.unused_data:
        raise _malformed("something follows the compressed file")


def _keep(chunks: Iterator[bytes], spool: IO[bytes], limit_bytes: int) -> None:
    """Write chunks down until they break a limit."""
    total = run = 0
    for chunk in chunks:
        total += len(chunk)
        last = chunk.rfind(b"\n")
        run = run + len(chunk) if last < 0 else len(chunk) - last - 1
        if total > limit_bytes:
            raise _malformed(f"it holds more than {limit_bytes} bytes")
        if run > LINE_LIMIT_BYTES + _CHUNK:
            raise _malformed(f"a line is longer than {LINE_LIMIT_BYTES} bytes")
        spool.write(chunk)


def _malformed(sentence: str) -> DoubtError:
    return DoubtError(Doubt.MALFORMED, sentence)

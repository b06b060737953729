"""Checking an export with nothing but the file: no node, no network, no clock, no configuration.

Source: protocol, 7 and 10 (`export`, `verify`); wire format, 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Final

from federation.archive.bare import verify_bare
from federation.archive.ledger import LedgerReader
from federation.archive.lines import (
    FORMAT,
    OUTBOX_FORMAT,
    BadLine,
    Kind,
    Line,
    open_archive,
    read_lines,
)
from federation.archive.outbox import verify_outbox
from federation.archive.report import Failure, Report, What
from federation.judging.bundles import Position
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.reader import Reader
from policies.acts import Act
from policies.errors import InvalidError
from sharing.canonical import read_instant
from sharing.objects import is_stix_id

_HEADER_START: Final = b'{"header":'
_MEMBERS: Final = frozenset({"format", "channel", "epoch", "seq", "sha256", "by", "for", "at"})
_RECALLING: Final = (f'"act":"{Act.OBJECT_RECALLED.value}"'.encode(), b'"disowned":[')
"""What recalls or disowns; where a file holds neither, nothing in it may be absent for that."""


def verify_file(
    source: Path | IO[bytes],
    *,
    pins: frozenset[str] = frozenset(),
    holders_of: str | None = None,
) -> Report:
    """Check a file; what it says about itself is believed only where it is proven.

    Args:
        source: an export, plain or compressed by gzip; or one bundle, descriptor or signature. A
            stream is read from its beginning.
        pins: thumbprints of recovery keys that somebody vouches for: each must be that of an
            organisation in the ledger.
        holders_of: STIX id of an object, or the place of an entry as `EPOCH/SEQ`: the report tells
            who has held it since when.
    """
    try:
        with open_archive(source) as archive:
            if archive.read(len(_HEADER_START)) != _HEADER_START:
                return verify_bare(archive, pins=pins)
            try:
                header = read_header(archive)
            except DoubtError as error:
                return Report(what=What.EXPORT, failures=(Failure(error.doubt, error.message, 1),))
            if header["format"] == OUTBOX_FORMAT:
                return verify_outbox(archive, header)
            ledger = check_export(archive, header, pins=pins, holders_of=holders_of)
            return ledger.report(pins)
    except DoubtError as error:
        return Report(what=What.UNKNOWN, failures=(Failure(error.doubt, error.message),))


def check_export(
    archive: IO[bytes],
    header: Mapping[str, Any],
    *,
    pins: frozenset[str] = frozenset(),
    holders_of: str | None = None,
) -> LedgerReader:
    """Check an export whose header was read; give the reader that has taken in all of it."""
    # 1. What a later entry recalls may be absent: look ahead along the proven chain.
    recalled = _recalled_ahead(archive, header)
    # 2. Judge every entry in ledger order, then what follows the ledger.
    reader = Reader(organisation=header["for"], recalled_ahead=recalled)
    ledger = LedgerReader(archive, header, reader, holders_of=holders_of)
    _feed(archive, ledger)
    if ledger.lacks_any and ledger.ends_for(header["for"]):
        # Whom the ledger sends away is not shown what was recalled after that.
        ledger = LedgerReader(archive, header, replace(reader, gone=True))
        _feed(archive, ledger)
    # 3. The ledger ends where the header says, with the organisations that somebody vouches for.
    ledger.finish(Position(header["epoch"], header["seq"], header["sha256"]), pins)
    return ledger


def _feed(archive: IO[bytes], ledger: LedgerReader) -> None:
    archive.seek(0)
    for line in read_lines(archive):
        if isinstance(line, BadLine):
            ledger.fail(Doubt.MALFORMED, line.sentence, line.number)
        elif line.number > 1:
            ledger.take(line)


def _recalled_ahead(archive: IO[bytes], header: Mapping[str, Any]) -> frozenset[str]:
    """Give the hashes of everything that some entry of the chain recalls."""
    archive.seek(0)
    tail = b""
    while chunk := archive.read(1 << 20):
        if any(mark in tail + chunk for mark in _RECALLING):
            break
        tail = chunk[-max(map(len, _RECALLING)) :]
    else:
        return frozenset()
    ahead = LedgerReader(archive, header, Reader(lenient=True))
    archive.seek(0)
    for line in read_lines(archive):
        if isinstance(line, Line) and line.kind in (Kind.OBJECT, Kind.CONTRIBUTION, Kind.ENTRY):
            ahead.take(line)
    return frozenset(ahead.facts.recalled)


def read_header(archive: IO[bytes]) -> Mapping[str, Any]:
    """Read the first line: of an export, or of contributions on their way.

    Raises:
        DoubtError: `malformed`.
    """
    archive.seek(0)
    line = next(read_lines(archive), None)
    if not isinstance(line, Line):
        raise DoubtError(Doubt.MALFORMED, line.sentence if line is not None else "it is empty")
    header = line.value
    if line.kind is not Kind.HEADER or not isinstance(header, Mapping):
        raise DoubtError(Doubt.MALFORMED, "the first line is the header")
    if header.get("format") not in (FORMAT, OUTBOX_FORMAT):
        raise DoubtError(Doubt.MALFORMED, f"the format is {FORMAT} or {OUTBOX_FORMAT}")
    if set(header) != _MEMBERS:
        raise DoubtError(Doubt.MALFORMED, f"the header holds exactly {', '.join(sorted(_MEMBERS))}")
    for name in ("by", "for"):
        value = header[name]
        if not isinstance(value, str) or not value.startswith("identity--"):
            raise DoubtError(Doubt.MALFORMED, f"“{name}” is the id of an organisation")
        if not is_stix_id(value):
            raise DoubtError(Doubt.MALFORMED, f"“{name}” is the id of an organisation")
    Position.read({name: header[name] for name in ("epoch", "seq", "sha256")})
    if not isinstance(header["channel"], str) or not isinstance(header["at"], str):
        raise DoubtError(Doubt.MALFORMED, "channel and at are texts")
    try:
        read_instant(header["at"], field="at")
    except InvalidError as error:
        raise DoubtError(Doubt.MALFORMED, error.message) from None
    return header

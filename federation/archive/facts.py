"""Facts of the ledger in a file: objects stay in the file and are read again when asked for."""

from __future__ import annotations

from typing import IO

from federation.archive.lines import Line, read_lines
from federation.judging.bundles import Item
from federation.judging.facts import MemoryFacts, in_order
from sharing.objects import SIGNED_BUNDLE, StixObject


class FileFacts(MemoryFacts):
    """The past of the ledger that a file tells.

    Memory holds what came since the last entry; of the rest, where in the file it lies.
    """

    def __init__(self, archive: IO[bytes]) -> None:
        super().__init__()
        self._archive = archive
        self._lines: dict[str, tuple[int, int]] = {}
        self._bundles: dict[str, tuple[str, ...]] = {}

    def add_line(self, line: Line, stix: StixObject) -> None:
        """Take in the object that a line brings."""
        self._lines[stix.sha256] = line.offset, line.length
        self.add_object(stix)

    def has_line(self, sha256: str) -> bool:
        """Tell whether some line brought these bytes before."""
        return sha256 in self._lines

    def holds(self, item: Item) -> bool:
        """Tell whether the file brings what a bundle covers."""
        if item.ref.startswith(f"{SIGNED_BUNDLE}--"):
            return item.sha256 in self._bundles
        return item.sha256 in self._lines

    def settle(self) -> None:
        """Let go of what came with the last entry."""
        for sha256, copies in self.bundles.items():
            known = self._bundles.get(sha256, ())
            self._bundles[sha256] = (*known, *(stix.sha256 for stix in copies))
        self.pool.clear()
        self.bundles.clear()

    def find_object(self, sha256: str) -> StixObject | None:
        """Give an object by its hash."""
        return self.pool.get(sha256) or self._read_again(sha256)

    def find_bundles(self, ref: str, sha256: str) -> tuple[StixObject, ...]:
        """Give every copy of a bundle."""
        near = super().find_bundles(ref, sha256)
        read = (self._read_again(key) for key in self._bundles.get(sha256, ()))
        far = (stix for stix in read if stix is not None and stix.stix_id == ref)
        return in_order((*near, *far))

    def _read_again(self, sha256: str) -> StixObject | None:
        if sha256 not in self._lines:
            return None
        offset, length = self._lines[sha256]
        here = self._archive.tell()
        self._archive.seek(offset)
        line = next(read_lines(self._archive), None)
        self._archive.seek(here)
        if not isinstance(line, Line) or line.length != length:
            return None
        stix = StixObject.of(line.value, written=line.written)
        return stix if stix.sha256 == sha256 else None

"""Who has held one object, by a file alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from federation.archive.chain import Chain
from federation.archive.report import ReceiptLine
from federation.judging.holding import CoveredObject, Holding, Vouched, Words, find_holders
from federation.judging.judged import Judged
from federation.judging.receipt_rules import Held


class HoldersReader:
    """Remembers of a ledger what is asked of one object, or of one entry.

    Args:
        ref: its STIX id, or the place of an entry as `EPOCH/SEQ`; nothing is remembered where it
            is `None`.
    """

    def __init__(self, chain: Chain, ref: str | None) -> None:
        self._chain = chain
        self._ref = ref
        self._covered: dict[str, CoveredObject] = {}
        self._entries: dict[str, list[Vouched]] = {}

    def take(self, judged: Judged) -> None:
        """Take in an entry that holds."""
        if self._ref is None:
            return
        entry, acting = judged.entry, judged.acting
        if self._ref == f"{entry.epoch}/{entry.seq}":
            self._covered[entry.sha256] = CoveredObject(
                ref=entry.bundle_id,
                version=entry.created,
                sha256=entry.sha256,
                place=entry.place,
                at=entry.created,
                entry=entry.sha256,
                author=acting.author,
                authored_at=acting.created,
                bundle=acting.sha256,
            )
        for one in judged.covered:
            if one.item.ref == self._ref:
                bundle = acting if one.author == acting.author else entry
                first = CoveredObject(
                    ref=one.item.ref,
                    version=one.item.version,
                    sha256=one.item.sha256,
                    place=entry.place,
                    at=entry.created,
                    entry=entry.sha256,
                    author=one.author,
                    authored_at=bundle.created,
                    bundle=bundle.sha256,
                    claimed=one.withheld_by,
                )
                self._covered.setdefault(one.item.sha256, first)
        if self._ref in judged.released:
            for sha256, known in self._covered.items():
                self._covered[sha256] = replace(known, released=known.released or entry.place)
        if self._ref in judged.recalled:
            for sha256, known in self._covered.items():
                self._covered[sha256] = replace(known, recalled=known.recalled or entry.place)
        if self._covered:
            word = Vouched(entry.place, entry.created, entry.sha256)
            self._entries.setdefault(entry.author, []).append(word)

    def find(self, receipts: Iterable[ReceiptLine]) -> tuple[Holding, ...]:
        """Give who has held each of its contents."""
        state = self._chain.state
        if state is None:
            return ()
        said: dict[str, list[Vouched]] = {}
        for one in receipts:
            if one.standing is Held.ON_CHAIN:
                place = one.position.epoch, one.position.seq
                word = Vouched(place, one.at, one.position.sha256, one.jws)
                said.setdefault(one.author, []).append(word)
        words = Words(said, self._entries, self._chain.name)
        return tuple(find_holders(state, one, words) for one in self._covered.values())

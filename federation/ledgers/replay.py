"""Judging the entries of a ledger anew, in order, from what this node has kept of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.judging.bundles import Item, SignedBundle
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.facts import MemoryFacts
from federation.judging.judge import judge_entry
from federation.judging.judged import Judged
from federation.judging.reader import Reader
from federation.judging.state import ChannelState
from federation.ledgers.ledger_records import EntryRecord
from policies.errors import ConflictError, InvalidError
from sharing import collections, objects
from sharing.objects import SIGNED_BUNDLE, StixObject, chunks

PAGE: Final = 100
"""Entries whose bytes are fetched together: so few that each bundle of them is read once."""
_LENIENT: Final = Reader(lenient=True)
_CHANGED: Final = "The database was changed from outside. Restore a backup."


def entries_of(session: Session, channel: str) -> list[EntryRecord]:
    """Give the entries of a ledger, first to last."""
    query = select(EntryRecord).where(EntryRecord.channel == channel)
    return list(session.scalars(query.order_by(EntryRecord.epoch, EntryRecord.seq)))


def replay(
    session: Session, rows: Sequence[EntryRecord], facts: MemoryFacts
) -> Iterator[tuple[EntryRecord, Judged]]:
    """Judge entries anew, from the very first on.

    The last signature alone is checked once more. It is over the hash of the entry before, and so
    over everything down to the first: what was proven when it came is what stands here.

    Args:
        rows: entries of a ledger without a gap, from the very first on.
        facts: empty; it holds the past of each entry when that is judged.

    Raises:
        ConflictError: the store lacks an entry, or an entry no longer stands: restore a backup.
    """
    state: ChannelState | None = None
    for page in chunks(rows, PAGE):
        kept = _Kept(session, page)
        for row in page:
            if row is not rows[-1]:
                kept.take_as_proven(row)
            judged = _judge_again(state, row, facts, kept)
            facts.record(judged)
            state = judged.state
            yield row, judged


class _Kept:
    """What this node has kept of some entries of one ledger, each table asked once."""

    def __init__(self, session: Session, rows: Sequence[EntryRecord]) -> None:
        hashes = {row.object_sha256 for row in rows}
        hashes |= {row.contribution_object for row in rows if row.contribution_object is not None}
        self._objects = _read_kept(objects.find_contents(session, hashes))
        self.bundles = {row.sha256: self._bundles_of(row) for row in rows}
        items = [
            item
            for bundles in self.bundles.values()
            for bundle in bundles
            for item in bundle.contents
        ]
        channel = rows[0].channel
        asked = {item.sha256 for item in items} - self._objects.keys()
        found = _read_kept(collections.find_contents(session, channel, asked))
        self._contents = {**self._objects, **found}
        refs = {item.ref for item in items if _is_bundle(item)}
        copies = collections.find_named(session, channel, refs) if refs else {}
        others = {sha256: copies[sha256] for sha256 in copies if sha256 not in self._objects}
        known = [self._objects[sha256] for sha256 in copies if sha256 in self._objects]
        self._copies: dict[str, list[SignedBundle]] = {}
        for stix in (*known, *_read_kept(others).values()):
            self._copies.setdefault(stix.stix_id, []).append(SignedBundle.read(stix))

    def take_as_proven(self, row: EntryRecord) -> None:
        """Check no signature again of an entry, and of what it admits where that is here once."""
        for bundle in self.bundles[row.sha256]:
            copies = [
                one for one in self._copies.get(bundle.bundle_id, ()) if one.sha256 == bundle.sha256
            ]
            if len(copies) <= 1:
                bundle.take_as_proven()

    def objects_of(self, bundles: Sequence[SignedBundle]) -> Iterator[StixObject]:
        """Give what these bundles cover, then the bundles, each with its copies."""
        items = [item for bundle in bundles for item in bundle.contents]
        for sha256 in dict.fromkeys(item.sha256 for item in items):
            if sha256 in self._contents:
                yield self._contents[sha256]
        for bundle in bundles:
            yield bundle.stix
            for item in filter(_is_bundle, bundle.contents):
                for copy in self._copies.get(item.ref, ()):
                    if copy.sha256 == item.sha256:
                        yield copy.stix

    def _bundles_of(self, row: EntryRecord) -> list[SignedBundle]:
        hashes = filter(None, (row.object_sha256, row.contribution_object))
        return [SignedBundle.read(self._stored(sha256, row)) for sha256 in hashes]

    def _stored(self, sha256: str, row: EntryRecord) -> StixObject:
        stix = self._objects.get(sha256)
        if stix is None:
            raise ConflictError(
                f"the bytes of entry {row.epoch}/{row.seq} are missing", hint="Restore a backup."
            )
        return stix


def _read_kept(contents: Mapping[str, bytes]) -> dict[str, StixObject]:
    try:
        return {sha256: StixObject.kept(sha256, content) for sha256, content in contents.items()}
    except InvalidError as error:
        raise ConflictError(error.message, hint=_CHANGED) from None


def _is_bundle(item: Item) -> bool:
    return item.ref.startswith(f"{SIGNED_BUNDLE}--")


def _judge_again(
    state: ChannelState | None, row: EntryRecord, facts: MemoryFacts, kept: _Kept
) -> Judged:
    bundles = kept.bundles[row.sha256]
    entry = bundles[0]
    for stix in kept.objects_of(bundles):
        facts.add_object(stix)
    try:
        judged = judge_entry(state, entry, facts, _LENIENT)
    except DoubtError as error:
        raise ConflictError(
            f"entry {row.epoch}/{row.seq} no longer stands: {error.answer}",
            hint=_CHANGED,
        ) from error
    if row.void is not None and judged.void is None:
        # What was void for its objects' sake can't be seen again: they were not kept.
        before = state if state is not None else judged.state
        after = replace(before, head=entry.position, head_created=entry.created)
        void = DoubtError(Doubt(row.void), row.sentence or "")
        judged = Judged(entry, judged.contribution, judged.act, after, void=void)
    return judged

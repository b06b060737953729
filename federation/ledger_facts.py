"""The past of one ledger, answered from the database.

What an entry covers is looked up for all its items at once, so that an entry with ten thousand
items costs a few statements and not ten thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.bundles import Item, SignedBundle
from federation.facts import Facts, MemoryFacts
from federation.ledger_records import CoveredRecord, EntryRecord
from sharing import objects
from sharing.objects import SIGNED_BUNDLE, StixObject, chunks

_CHUNK = 500


@dataclass
class LedgerFacts:
    """Facts of one channel.

    Args:
        session: of the caller.
        channel: its UUID.
        arrived: objects that came with this request or lie in the stage.
    """

    session: Session
    channel: str
    arrived: MemoryFacts = field(default_factory=MemoryFacts)
    _stored: dict[str, StixObject | None] = field(default_factory=dict)
    _versions: dict[str, list[CoveredRecord]] = field(default_factory=dict)

    def prepare(self, bundles: Iterable[SignedBundle]) -> None:
        """Look up at once what judging these bundles will ask for."""
        items = [item for bundle in bundles for item in bundle.contents]
        self._load_versions({item.ref for item in items} - set(self._versions))
        wanted = {item.sha256 for item in items if self._is_plain(item)}
        wanted -= set(self.arrived.pool) | set(self._stored)
        found = objects.find_contents(self.session, wanted)
        for sha256 in wanted:
            content = found.get(sha256)
            self._stored[sha256] = None if content is None else StixObject.read(content)

    def find_object(self, sha256: str) -> StixObject | None:
        """Give an object by its hash."""
        stix = self.arrived.find_object(sha256)
        if stix is not None:
            return stix
        if sha256 not in self._stored:
            self._stored[sha256] = objects.find(self.session, sha256)
        return self._stored[sha256]

    def find_bundle(self, ref: str, sha256: str) -> StixObject | None:
        """Give a bundle by id and bundle hash."""
        stix = self.arrived.find_bundle(ref, sha256)
        if stix is not None:
            return stix
        stored = self.session.scalar(
            select(EntryRecord.contribution_object).where(
                EntryRecord.channel == self.channel, EntryRecord.contribution_sha256 == sha256
            )
        )
        return None if stored is None else objects.find(self.session, stored)

    def has_version(self, ref: str, version_ns: int) -> bool:
        """Tell whether some content of this version is here."""
        return self.arrived.has_version(ref, version_ns) or (
            self.first_content(ref, version_ns) is not None
        )

    def first_content(self, ref: str, version_ns: int) -> str | None:
        """Give the hash of what was first covered as this version."""
        rows = (row for row in self._rows(ref) if row.version_ns == str(version_ns))
        first = next(rows, None)
        return None if first is None else first.sha256

    def first_author(self, ref: str) -> str | None:
        """Give the author of the bundle that first covered an object."""
        rows = self._rows(ref)
        return rows[0].author if rows else None

    def is_covered_by(self, sha256: str, author: str) -> bool:
        """Tell whether a bundle by this author covered this content before."""
        query = select(CoveredRecord.seq).where(
            CoveredRecord.channel == self.channel,
            CoveredRecord.sha256 == sha256,
            CoveredRecord.author == author,
        )
        return self.session.execute(query.limit(1)).first() is not None

    def covered_contents(self, ref: str) -> frozenset[str]:
        """Give the hashes of every content of an object that was covered."""
        return frozenset(row.sha256 for row in self._rows(ref))

    def is_recalled(self, sha256: str) -> bool:
        """Tell whether this content was recalled."""
        for rows in self._versions.values():
            for row in rows:
                if row.sha256 == sha256:
                    return row.recalled
        query = select(CoveredRecord.recalled).where(
            CoveredRecord.channel == self.channel, CoveredRecord.sha256 == sha256
        )
        return bool(self.session.scalar(query.limit(1)))

    def is_admitted(self, sha256: str) -> bool:
        """Tell whether a contribution with this bundle hash is history."""
        query = select(EntryRecord.seq).where(
            EntryRecord.channel == self.channel, EntryRecord.contribution_sha256 == sha256
        )
        return self.session.execute(query).first() is not None

    def hash_at(self, epoch: int, seq: int) -> str | None:
        """Give the hash of the entry at a position."""
        record = self.session.get(EntryRecord, (self.channel, epoch, seq))
        return None if record is None else record.sha256

    def find_marking(self, ref: str) -> Mapping[str, Any] | None:
        """Give a marking definition that this ledger covers."""
        rows = self._rows(ref)
        stix = self.find_object(rows[0].sha256) if rows else None
        return None if stix is None else stix.value

    def _rows(self, ref: str) -> list[CoveredRecord]:
        if ref not in self._versions:
            self._load_versions({ref})
        return self._versions[ref]

    def _load_versions(self, refs: Iterable[str]) -> None:
        for chunk in chunks(sorted(refs), _CHUNK):
            self._versions.update({ref: [] for ref in chunk})
            query = (
                select(CoveredRecord)
                .where(CoveredRecord.channel == self.channel, CoveredRecord.ref.in_(chunk))
                .order_by(CoveredRecord.epoch, CoveredRecord.seq, CoveredRecord.place)
            )
            for row in self.session.scalars(query):
                self._versions[row.ref].append(row)

    @staticmethod
    def _is_plain(item: Item) -> bool:
        return not item.ref.startswith(f"{SIGNED_BUNDLE}--")


@dataclass
class FactsAhead:
    """Facts of a ledger with entries on top that were looked at and not applied.

    Args:
        ahead: what those entries say.
        behind: the ledger as it stands.
    """

    ahead: MemoryFacts
    behind: Facts

    def find_object(self, sha256: str) -> StixObject | None:
        """Give an object by its hash."""
        return self.ahead.find_object(sha256) or self.behind.find_object(sha256)

    def find_bundle(self, ref: str, sha256: str) -> StixObject | None:
        """Give a bundle by id and bundle hash."""
        return self.ahead.find_bundle(ref, sha256) or self.behind.find_bundle(ref, sha256)

    def has_version(self, ref: str, version_ns: int) -> bool:
        """Tell whether some content of this version is here."""
        return self.ahead.has_version(ref, version_ns) or self.behind.has_version(ref, version_ns)

    def first_content(self, ref: str, version_ns: int) -> str | None:
        """Give the hash of what was first covered as this version."""
        behind = self.behind.first_content(ref, version_ns)
        return behind or self.ahead.first_content(ref, version_ns)

    def first_author(self, ref: str) -> str | None:
        """Give the author of the bundle that first covered an object."""
        return self.behind.first_author(ref) or self.ahead.first_author(ref)

    def is_covered_by(self, sha256: str, author: str) -> bool:
        """Tell whether a bundle by this author covered this content before."""
        return any(facts.is_covered_by(sha256, author) for facts in (self.ahead, self.behind))

    def covered_contents(self, ref: str) -> frozenset[str]:
        """Give the hashes of every content of an object that was covered."""
        return self.ahead.covered_contents(ref) | self.behind.covered_contents(ref)

    def is_recalled(self, sha256: str) -> bool:
        """Tell whether this content was recalled."""
        return self.ahead.is_recalled(sha256) or self.behind.is_recalled(sha256)

    def is_admitted(self, sha256: str) -> bool:
        """Tell whether a contribution with this bundle hash is history."""
        return self.ahead.is_admitted(sha256) or self.behind.is_admitted(sha256)

    def hash_at(self, epoch: int, seq: int) -> str | None:
        """Give the hash of the entry at a position."""
        return self.ahead.hash_at(epoch, seq) or self.behind.hash_at(epoch, seq)

    def find_marking(self, ref: str) -> Mapping[str, Any] | None:
        """Give a marking definition that this ledger covers."""
        return self.behind.find_marking(ref) or self.ahead.find_marking(ref)

"""The past of one ledger, answered from the database.

What an entry covers is looked up for all its items at once, so that an entry with ten thousand
items costs a few statements and not ten thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from federation.judging.bundles import Item, SignedBundle
from federation.judging.facts import Facts, MemoryFacts, in_order
from federation.judging.judged import Past, can_be_hidden
from federation.ledgers.ledger_records import CoveredRecord, EntryRecord
from policies.tlp import TLP
from sharing import collections
from sharing.bulk import among
from sharing.objects import SIGNED_BUNDLE, StixObject


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
    _recalled: dict[str, bool] = field(default_factory=dict)
    _authors: dict[str, set[str]] = field(default_factory=dict)

    def prepare(self, bundles: Iterable[SignedBundle]) -> None:
        """Look up at once what judging these bundles will ask for."""
        items = [item for bundle in bundles for item in bundle.contents]
        self._load_versions({item.ref for item in items} - set(self._versions))
        hashes = {item.sha256 for item in items}
        self._load_contents(hashes)
        wanted = {item.sha256 for item in items if self._is_plain(item)}
        wanted -= set(self.arrived.pool) | set(self._stored)
        found = collections.find_contents(self.session, self.channel, wanted)
        for sha256 in wanted:
            content = found.get(sha256)
            self._stored[sha256] = None if content is None else StixObject.read(content)

    def find_object(self, sha256: str) -> StixObject | None:
        """Give an object by its hash."""
        stix = self.arrived.find_object(sha256)
        if stix is not None:
            return stix
        if sha256 not in self._stored:
            # An object that only another channel holds is not here: who names a hash here would
            # otherwise be served what nobody told this channel.
            found = collections.find_contents(self.session, self.channel, (sha256,))
            content = found.get(sha256)
            self._stored[sha256] = None if content is None else StixObject.read(content)
        return self._stored[sha256]

    def find_bundles(self, ref: str, sha256: str) -> tuple[StixObject, ...]:
        """Give every copy of a bundle, arrived or in the collection."""
        arrived = self.arrived.find_bundles(ref, sha256)
        stored = find_stored_bundles(self.session, self.channel, ref, sha256)
        return in_order((*arrived, *stored))

    def has_version(self, ref: str, version_ns: int) -> bool:
        """Tell whether some content of this version is here."""
        return self.arrived.has_version(ref, version_ns) or (
            self.first_content(ref, version_ns) is not None
        )

    def first_content(self, ref: str, version_ns: int) -> str | None:
        """Give the hash of what was first covered as this version."""
        first = self._first(ref, version_ns)
        return None if first is None else first.sha256

    def first_label(self, ref: str, version_ns: int) -> TLP | None:
        """Give the label that was stated when this version was first covered."""
        first = self._first(ref, version_ns)
        return None if first is None else first.claimed

    def first_author(self, ref: str) -> str | None:
        """Give the author of the bundle that first covered an object."""
        rows = self._rows(ref)
        return rows[0].author if rows else None

    def is_covered_by(self, sha256: str, author: str) -> bool:
        """Tell whether a bundle by this author covered this content before."""
        if sha256 not in self._authors:
            self._load_contents({sha256})
        return author in self._authors[sha256]

    def covered_contents(self, ref: str) -> frozenset[str]:
        """Give the hashes of every content of an object that was covered."""
        return frozenset(row.sha256 for row in self._rows(ref))

    def is_recalled(self, sha256: str) -> bool:
        """Tell whether this content was recalled."""
        known = self._recalled.get(sha256)
        if known is not None:
            return known
        query = select(CoveredRecord.sha256).where(
            CoveredRecord.channel == self.channel,
            CoveredRecord.sha256 == sha256,
            CoveredRecord.recalled | CoveredRecord.disowned,
        )
        self._recalled[sha256] = self.session.execute(query.limit(1)).first() is not None
        return self._recalled[sha256]

    def is_admitted(self, sha256: str) -> bool:
        """Tell whether a contribution with this bundle hash is history."""
        query = select(EntryRecord.seq).where(
            EntryRecord.channel == self.channel, EntryRecord.contribution_sha256 == sha256
        )
        return self.session.execute(query).first() is not None

    def find_past(self, sha256: str) -> Past | None:
        """Give a bundle that is history and has effect."""
        row = self.session.scalars(
            select(EntryRecord).where(
                EntryRecord.channel == self.channel,
                or_(
                    EntryRecord.contribution_sha256 == sha256,
                    (EntryRecord.sha256 == sha256) & EntryRecord.contribution_sha256.is_(None),
                ),
                EntryRecord.void.is_(None),
            )
        ).one_or_none()
        if row is None:
            return None
        covered = self.session.execute(
            select(CoveredRecord.ref, CoveredRecord.sha256).where(
                CoveredRecord.channel == self.channel,
                CoveredRecord.epoch == row.epoch,
                CoveredRecord.seq == row.seq,
                CoveredRecord.author == row.author,
            )
        )
        return Past(
            sha256=sha256,
            author=row.author,
            act=row.act,
            kid=row.kid,
            created_ns=row.created_ns,
            contents=tuple(one.sha256 for one in covered if can_be_hidden(one.ref)),
            disowned=row.disowned,
        )

    def coverings(self, sha256: str) -> int:
        """Count the bundles that cover this content and were not disowned."""
        entry, covered = EntryRecord, CoveredRecord
        rows = self.session.execute(
            select(covered.epoch, covered.seq, covered.author)
            .join(
                entry,
                (entry.channel == covered.channel)
                & (entry.epoch == covered.epoch)
                & (entry.seq == covered.seq),
            )
            .where(
                covered.channel == self.channel,
                covered.sha256 == sha256,
                ~(entry.disowned & (entry.author == covered.author)),
            )
            .distinct()
        )
        return len(rows.all())

    def hash_at(self, epoch: int, seq: int) -> str | None:
        """Give the hash of the entry at a position."""
        record = self.session.get(EntryRecord, (self.channel, epoch, seq))
        return None if record is None else record.sha256

    def find_marking(self, ref: str) -> Mapping[str, Any] | None:
        """Give a marking definition that this ledger covers."""
        rows = self._rows(ref)
        stix = self.find_object(rows[0].sha256) if rows else None
        return None if stix is None else stix.value

    def _first(self, ref: str, version_ns: int) -> CoveredRecord | None:
        rows = self._rows(ref)
        if not rows:
            return None
        version = str(version_ns)
        return next((row for row in rows if row.version_ns == version), None)

    def _rows(self, ref: str) -> list[CoveredRecord]:
        if ref not in self._versions:
            self._load_versions({ref})
        return self._versions[ref]

    def _load_versions(self, refs: Iterable[str]) -> None:
        asked = set(refs)
        self._versions.update({ref: [] for ref in asked})
        if not asked:
            return
        query = (
            select(CoveredRecord)
            .where(
                CoveredRecord.channel == self.channel,
                among(self.session, CoveredRecord.ref, asked),
            )
            .order_by(CoveredRecord.epoch, CoveredRecord.seq, CoveredRecord.place)
        )
        for row in self.session.scalars(query):
            self._versions[row.ref].append(row)

    def _load_contents(self, hashes: Iterable[str]) -> None:
        """Look up who covered these contents, and whether they are gone."""
        asked = set(hashes)
        self._authors.update({sha256: set() for sha256 in asked})
        self._recalled.update(dict.fromkeys(asked, False))
        if not asked:
            return
        query = (
            select(
                CoveredRecord.sha256,
                CoveredRecord.author,
                CoveredRecord.recalled | CoveredRecord.disowned,
            )
            .where(
                CoveredRecord.channel == self.channel,
                among(self.session, CoveredRecord.sha256, asked),
            )
            .distinct()
        )
        for sha256, author, gone in self.session.execute(query):
            self._authors[sha256].add(author)
            self._recalled[sha256] = self._recalled[sha256] or bool(gone)

    @staticmethod
    def _is_plain(item: Item) -> bool:
        return not item.ref.startswith(f"{SIGNED_BUNDLE}--")


def find_stored_bundles(
    session: Session, channel: str, ref: str, sha256: str
) -> tuple[StixObject, ...]:
    """Give every copy of a bundle that a channel's collection holds."""
    copies = find_bundle_copies(session, channel, [ref]).get(ref, ())
    return tuple(stix for stix in copies if SignedBundle.read(stix).sha256 == sha256)


def find_bundle_copies(
    session: Session, channel: str, refs: Iterable[str]
) -> dict[str, list[StixObject]]:
    """Give id → everything that a channel's collection holds under it, for bundles."""
    found: dict[str, list[StixObject]] = {}
    for content in collections.find_named(session, channel, refs).values():
        stix = StixObject.read(content)
        found.setdefault(stix.stix_id, []).append(stix)
    return found


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

    def find_bundles(self, ref: str, sha256: str) -> tuple[StixObject, ...]:
        """Give every copy of a bundle."""
        sides = (self.ahead, self.behind)
        return in_order(stix for facts in sides for stix in facts.find_bundles(ref, sha256))

    def has_version(self, ref: str, version_ns: int) -> bool:
        """Tell whether some content of this version is here."""
        return self.ahead.has_version(ref, version_ns) or self.behind.has_version(ref, version_ns)

    def first_content(self, ref: str, version_ns: int) -> str | None:
        """Give the hash of what was first covered as this version."""
        behind = self.behind.first_content(ref, version_ns)
        return behind or self.ahead.first_content(ref, version_ns)

    def first_label(self, ref: str, version_ns: int) -> TLP | None:
        """Give the label that was stated when this version was first covered."""
        known = self.behind.first_content(ref, version_ns) is not None
        return (self.behind if known else self.ahead).first_label(ref, version_ns)

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

    def find_past(self, sha256: str) -> Past | None:
        """Give a bundle that is history and has effect."""
        past = self.ahead.find_past(sha256) or self.behind.find_past(sha256)
        if past is None or sha256 not in self.ahead.disowned:
            return past
        return replace(past, disowned=True)

    def coverings(self, sha256: str) -> int:
        """Count the bundles that cover this content and were not disowned."""
        return self.ahead.coverings(sha256) + self.behind.coverings(sha256)

    def hash_at(self, epoch: int, seq: int) -> str | None:
        """Give the hash of the entry at a position."""
        return self.ahead.hash_at(epoch, seq) or self.behind.hash_at(epoch, seq)

    def find_marking(self, ref: str) -> Mapping[str, Any] | None:
        """Give a marking definition that this ledger covers."""
        return self.behind.find_marking(ref) or self.ahead.find_marking(ref)

"""What judging an entry asks of the ledger behind it, and an answer kept in memory.

The node answers from its database, `verify` from the file that it reads: the rules are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from federation.judging.bundles import SignedBundle
from federation.judging.judged import Judged, Past, can_be_hidden
from policies.errors import InvalidError
from policies.tlp import TLP
from sharing.objects import SIGNED_BUNDLE, StixObject


class Facts(Protocol):
    """The past of one ledger, as far as judging asks for it."""

    def find_object(self, sha256: str) -> StixObject | None:
        """Give an object by its hash, arrived or already history; `None` where it is not here."""

    def find_bundles(self, ref: str, sha256: str) -> tuple[StixObject, ...]:
        """Give every copy of a bundle, by id and bundle hash, in the order of their own hashes.

        The bundle hash leaves the signature out, so copies may differ in it, and anybody can make
        one that proves nothing.
        """

    def has_version(self, ref: str, version_ns: int) -> bool:
        """Tell whether some content of this version of an object is here, covered or not."""

    def first_content(self, ref: str, version_ns: int) -> str | None:
        """Give the hash of what was first covered as this version."""

    def first_label(self, ref: str, version_ns: int) -> TLP | None:
        """Give the label that was stated when this version was first covered.

        `None` for what is withheld from no member, and for what nothing has covered.
        """

    def first_author(self, ref: str) -> str | None:
        """Give the author of the bundle that first covered an object, any version."""

    def is_covered_by(self, sha256: str, author: str) -> bool:
        """Tell whether a bundle by this author covered this content before."""

    def covered_contents(self, ref: str) -> frozenset[str]:
        """Give the hashes of every content of an object that was covered."""

    def is_recalled(self, sha256: str) -> bool:
        """Tell whether this content was recalled."""

    def is_admitted(self, sha256: str) -> bool:
        """Tell whether a contribution with this bundle hash is history."""

    def find_past(self, sha256: str) -> Past | None:
        """Give a bundle that is history and has effect, by its hash."""

    def coverings(self, sha256: str) -> int:
        """Count the bundles that cover this content and were not disowned."""

    def hash_at(self, epoch: int, seq: int) -> str | None:
        """Give the hash of the entry at a position of this chain."""

    def find_marking(self, ref: str) -> Mapping[str, Any] | None:
        """Give a marking definition that this ledger covers."""


@dataclass
class MemoryFacts:
    """Facts of one ledger in memory."""

    pool: dict[str, StixObject] = field(default_factory=dict)
    bundles: dict[str, tuple[StixObject, ...]] = field(default_factory=dict)
    versions: set[tuple[str, int]] = field(default_factory=set)
    contents: dict[tuple[str, int], str] = field(default_factory=dict)
    labels: dict[tuple[str, int], TLP | None] = field(default_factory=dict)
    authors: dict[str, str] = field(default_factory=dict)
    authorship: set[tuple[str, str]] = field(default_factory=set)
    recalled: set[str] = field(default_factory=set)
    admitted: set[str] = field(default_factory=set)
    hashes: dict[tuple[int, int], str] = field(default_factory=dict)
    markings: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    by_ref: dict[str, set[str]] = field(default_factory=dict)
    past: dict[str, Past] = field(default_factory=dict)
    covering: dict[str, int] = field(default_factory=dict)
    disowned: set[str] = field(default_factory=set)

    def add_object(self, stix: StixObject) -> None:
        """Take in an object that arrived."""
        self.pool[stix.sha256] = stix
        self.versions.add((stix.stix_id, stix.version_ns))
        if stix.stix_type == SIGNED_BUNDLE:
            try:
                key = SignedBundle.read(stix).sha256
            except InvalidError:
                return
            self.bundles[key] = in_order((*self.bundles.get(key, ()), stix))

    def find_object(self, sha256: str) -> StixObject | None:
        """Give an object by its hash."""
        return self.pool.get(sha256)

    def find_bundles(self, ref: str, sha256: str) -> tuple[StixObject, ...]:
        """Give every copy of a bundle."""
        return tuple(stix for stix in self.bundles.get(sha256, ()) if stix.stix_id == ref)

    def has_version(self, ref: str, version_ns: int) -> bool:
        """Tell whether some content of this version is here."""
        return (ref, version_ns) in self.versions

    def first_content(self, ref: str, version_ns: int) -> str | None:
        """Give the hash of what was first covered as this version."""
        return self.contents.get((ref, version_ns))

    def first_label(self, ref: str, version_ns: int) -> TLP | None:
        """Give the label that was stated when this version was first covered."""
        return self.labels.get((ref, version_ns))

    def first_author(self, ref: str) -> str | None:
        """Give the author of the bundle that first covered an object."""
        return self.authors.get(ref)

    def is_covered_by(self, sha256: str, author: str) -> bool:
        """Tell whether a bundle by this author covered this content before."""
        return (sha256, author) in self.authorship

    def covered_contents(self, ref: str) -> frozenset[str]:
        """Give the hashes of every content of an object that was covered."""
        return frozenset(self.by_ref.get(ref, ()))

    def is_recalled(self, sha256: str) -> bool:
        """Tell whether this content was recalled."""
        return sha256 in self.recalled

    def is_admitted(self, sha256: str) -> bool:
        """Tell whether a contribution with this bundle hash is history."""
        return sha256 in self.admitted

    def find_past(self, sha256: str) -> Past | None:
        """Give a bundle that is history and has effect."""
        past = self.past.get(sha256)
        if past is None or sha256 not in self.disowned:
            return past
        return replace(past, disowned=True)

    def coverings(self, sha256: str) -> int:
        """Count the bundles that cover this content and were not disowned."""
        return self.covering.get(sha256, 0)

    def hash_at(self, epoch: int, seq: int) -> str | None:
        """Give the hash of the entry at a position."""
        return self.hashes.get((epoch, seq))

    def find_marking(self, ref: str) -> Mapping[str, Any] | None:
        """Give a marking definition that this ledger covers."""
        return self.markings.get(ref)

    def record(self, judged: Judged) -> None:
        """Take a judged entry into the past."""
        entry = judged.entry
        place = entry.position
        self.hashes[place.epoch, place.seq] = place.sha256
        if judged.contribution is not None:
            # Void or not: a bundle is admitted once.
            self.admitted.add(judged.contribution.sha256)
        if judged.void is not None:
            return
        for covered in judged.covered:
            item = covered.item
            self.contents.setdefault((item.ref, item.version_ns), item.sha256)
            self.labels.setdefault((item.ref, item.version_ns), covered.claimed)
            self.authors.setdefault(item.ref, covered.author)
            self.authorship.add((item.sha256, covered.author))
            self.by_ref.setdefault(item.ref, set()).add(item.sha256)
            self.covering[item.sha256] = self.covering.get(item.sha256, 0) + 1
            if covered.stix is not None and covered.stix.stix_type == "marking-definition":
                self.markings.setdefault(item.ref, covered.stix.value)
        for ref in judged.recalled:
            self.recalled |= self.by_ref.get(ref, set())
        self._keep_past(judged)

    def _keep_past(self, judged: Judged) -> None:
        acting = judged.acting
        contents = tuple(
            one.item.sha256
            for one in judged.covered
            if one.author == acting.author and can_be_hidden(one.item.ref)
        )
        self.past[acting.sha256] = Past(
            sha256=acting.sha256,
            author=acting.author,
            act=acting.act,
            kid=acting.kid,
            created_ns=judged.entry.created_ns,
            contents=contents,
        )
        self.disowned.update(judged.disowned.bundles)
        for content in judged.disowned.dropped:
            # What lies behind these facts counts there; here it is taken off.
            self.covering[content] = self.covering.get(content, 0) - 1
        self.recalled.update(judged.disowned.hidden)


def in_order(copies: Iterable[StixObject]) -> tuple[StixObject, ...]:
    """Give copies of one bundle, each once, in the order of their own hashes."""
    listed = {stix.sha256: stix for stix in copies}
    return tuple(listed[sha256] for sha256 in sorted(listed))

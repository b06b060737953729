"""Making a channel's state and views again from its ledger, and telling whether they differ.

Source: architecture (*Views*); lifecycles, 1, rule 2: `rebuild` gives the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.bundles import SignedBundle
from federation.desk import Desk
from federation.doubt import Doubt, DoubtError
from federation.facts import MemoryFacts
from federation.judge import Judged, Reader, judge_entry
from federation.ledger import load_state, lock_channel
from federation.ledger_facts import find_stored_bundles
from federation.ledger_records import CoveredRecord, EntryRecord
from federation.state import ChannelState
from policies.errors import ConflictError
from sharing import collections, objects
from sharing.objects import SIGNED_BUNDLE, StixObject

_LENIENT = Reader(lenient=True)


@dataclass(frozen=True)
class Views:
    """The views of the floor above.

    Args:
        clear: throws away what entries of one channel have filled.
        snapshot: gives what they hold for one channel: name of a row → its content.
    """

    clear: Callable[[Session, str], object]
    snapshot: Callable[[Session, str], Mapping[str, Any]]


@dataclass(frozen=True)
class Rebuilt:
    """What came of it.

    Args:
        entries: how many were judged anew.
        differences: what was otherwise before, in plain words; empty where nothing was.
    """

    entries: int
    differences: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Tell whether what was made again is what was there."""
        return not self.differences


def rebuild(session: Session, desk: Desk, channel: str, views: Views) -> Rebuilt:
    """Judge every entry of a ledger anew and make its state and views again.

    Raises:
        NotFoundError: there is no such channel here.
        ConflictError: the store lacks an entry, or an entry no longer stands: restore a backup.
    """
    record = lock_channel(session, channel)
    before_state = load_state(session, record)
    before_views = views.snapshot(session, channel)
    views.clear(session, channel)
    facts, state, differences = MemoryFacts(), None, []
    rows = list(
        session.scalars(
            select(EntryRecord)
            .where(EntryRecord.channel == channel)
            .order_by(EntryRecord.epoch, EntryRecord.seq)
        )
    )
    for row in rows:
        judged = _judge_again(session, state, row, facts)
        facts.record(judged)
        state = judged.state
        differences += _compare_entry(session, row, judged)
        desk.apply(session, judged, row.applied_at)
    session.flush()
    if state != before_state:
        differences.append("the channel's state")
    if state is not None:
        record.state = state.document()
    differences += _compare(before_views, views.snapshot(session, channel))
    return Rebuilt(len(rows), tuple(differences))


def _judge_again(
    session: Session, state: ChannelState | None, row: EntryRecord, facts: MemoryFacts
) -> Judged:
    entry = SignedBundle.read(_stored(session, row.object_sha256, row))
    bundles = [entry]
    if row.contribution_object is not None:
        bundles.append(SignedBundle.read(_stored(session, row.contribution_object, row)))
    wanted = [item.sha256 for bundle in bundles for item in bundle.contents]
    for content in collections.find_contents(session, row.channel, wanted).values():
        facts.add_object(StixObject.read(content))
    for bundle in bundles:
        facts.add_object(bundle.stix)
        for item in bundle.contents:
            if item.ref.startswith(f"{SIGNED_BUNDLE}--"):
                for stix in find_stored_bundles(session, row.channel, item.ref, item.sha256):
                    facts.add_object(stix)
    try:
        judged = judge_entry(state, entry, facts, _LENIENT)
    except DoubtError as error:
        raise ConflictError(
            f"entry {row.epoch}/{row.seq} no longer stands: {error.answer}",
            hint="The database was changed from outside. Restore a backup.",
        ) from error
    if row.void is not None and judged.void is None:
        # What was void for its objects' sake can't be seen again: they were not kept.
        kept = state if state is not None else judged.state
        after = replace(kept, head=entry.position, head_created=entry.created)
        void = DoubtError(Doubt(row.void), row.sentence or "")
        judged = Judged(entry, judged.contribution, judged.act, after, void=void)
    return judged


def _stored(session: Session, sha256: str, row: EntryRecord) -> StixObject:
    stix = objects.find(session, sha256)
    if stix is None:
        raise ConflictError(
            f"the bytes of entry {row.epoch}/{row.seq} are missing", hint="Restore a backup."
        )
    return stix


def _compare_entry(session: Session, row: EntryRecord, judged: Judged) -> list[str]:
    place = f"entry {row.epoch}/{row.seq}"
    void = judged.void.doubt.value if judged.void is not None else None
    said = (judged.entry.sha256, judged.acting.act, judged.acting.author, void)
    if said != (row.sha256, row.act, row.author, row.void):
        return [place]
    kept = session.execute(
        select(CoveredRecord.ref, CoveredRecord.sha256, CoveredRecord.author, CoveredRecord.claimed)
        .where(
            CoveredRecord.channel == row.channel,
            CoveredRecord.epoch == row.epoch,
            CoveredRecord.seq == row.seq,
        )
        .order_by(CoveredRecord.place)
    )
    covered = [(one.item.ref, one.item.sha256, one.author, one.claimed) for one in judged.covered]
    return [] if [tuple(one) for one in kept] == covered else [f"what {place} covers"]


def _compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    names = sorted(set(before) | set(after))
    return [f"view {name}" for name in names if before.get(name) != after.get(name)]

"""Judging the entries of a ledger anew, in order, from what this node has kept of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.judging.bundles import SignedBundle
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.facts import MemoryFacts
from federation.judging.judge import judge_entry
from federation.judging.judged import Judged
from federation.judging.reader import Reader
from federation.judging.state import ChannelState
from federation.ledgers.ledger_facts import find_stored_bundles
from federation.ledgers.ledger_records import EntryRecord
from policies.errors import ConflictError
from sharing import collections, objects
from sharing.objects import SIGNED_BUNDLE, StixObject

_LENIENT = Reader(lenient=True)


def entries_of(session: Session, channel: str) -> list[EntryRecord]:
    """Give the entries of a ledger, first to last."""
    query = select(EntryRecord).where(EntryRecord.channel == channel)
    return list(session.scalars(query.order_by(EntryRecord.epoch, EntryRecord.seq)))


def replay(
    session: Session, rows: Iterable[EntryRecord], facts: MemoryFacts
) -> Iterator[tuple[EntryRecord, Judged]]:
    """Judge entries anew, from the very first on.

    Args:
        facts: empty; it holds the past of each entry when that is judged.

    Raises:
        ConflictError: the store lacks an entry, or an entry no longer stands: restore a backup.
    """
    state: ChannelState | None = None
    for row in rows:
        judged = _judge_again(session, state, row, facts)
        facts.record(judged)
        state = judged.state
        yield row, judged


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

"""The stage: what pages brought and no entry has covered yet. Stored, shown to nobody.

Source: protocol, 7.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from federation.bundles import SignedBundle
from federation.doubt import DoubtError
from federation.facts import MemoryFacts
from federation.ledger_records import EntryRecord, StagedRecord
from federation.state import ChannelState, Place
from policies.acts import Act
from policies.errors import InvalidError
from sharing.objects import SIGNED_BUNDLE, StixObject, chunks
from sharing.records import CollectionRow

STAGE_LIMIT_BYTES: Final = 64 * 1024 * 1024
STAGE_AGE: Final = timedelta(hours=24)
_CHUNK: Final = 500


def put(
    session: Session, channel: str, values: Iterable[Mapping[str, Any]], now: datetime
) -> list[DoubtError]:
    """Stage what a page brought; what is here already is passed over.

    Gives the doubts about entries that have no form at all; other objects without form are
    dropped, and an entry that covers one will wait for it.
    """
    staged: dict[str, StagedRecord] = {}
    doubts: list[DoubtError] = []
    for value in values:
        try:
            stix = StixObject.of(value)
            bundle = SignedBundle.read(stix) if stix.stix_type == SIGNED_BUNDLE else None
        except DoubtError as error:
            if "epoch" in value:
                doubts.append(error)
            continue
        except InvalidError:
            continue
        staged[stix.sha256] = StagedRecord(
            channel=channel,
            sha256=stix.sha256,
            stix_id=stix.stix_id,
            version_ns=str(stix.version_ns),
            bundle_sha256=bundle and bundle.sha256,
            epoch=bundle and bundle.epoch,
            seq=bundle and bundle.seq,
            content=stix.content,
            staged_at=now,
        )
    for known in _known(session, channel, staged):
        del staged[known]
    session.add_all(staged.values())
    session.flush()
    return doubts


def entries_at(session: Session, channel: str, place: Place) -> list[SignedBundle]:
    """Give the entries that are staged for one position."""
    rows = session.scalars(
        select(StagedRecord.content).where(
            StagedRecord.channel == channel,
            StagedRecord.epoch == place[0],
            StagedRecord.seq == place[1],
        )
    )
    return [SignedBundle.read(StixObject.read(content)) for content in rows]


def entries_up_to(session: Session, channel: str, state: ChannelState) -> list[SignedBundle]:
    """Give staged entries that stand at or before the head: doubles, or proof of a fork."""
    head = state.head
    rows = session.scalars(
        select(StagedRecord.content).where(
            StagedRecord.channel == channel,
            (StagedRecord.epoch < head.epoch)
            | ((StagedRecord.epoch == head.epoch) & (StagedRecord.seq <= head.seq)),
        )
    )
    return [SignedBundle.read(StixObject.read(content)) for content in rows]


def has_entries(session: Session, channel: str) -> bool:
    """Tell whether any entry is staged."""
    query = select(StagedRecord.seq).where(
        StagedRecord.channel == channel, StagedRecord.epoch.is_not(None)
    )
    return session.execute(query.limit(1)).first() is not None


def arrived_for(session: Session, channel: str, bundle: SignedBundle) -> MemoryFacts:
    """Give what is staged of what an entry covers, through its contribution too."""
    facts = MemoryFacts()
    refs = [item.ref for item in bundle.contents]
    for stix in _staged(session, channel, refs):
        facts.add_object(stix)
    inner = _released(bundle)
    for stix in facts.bundles.values():
        contribution = SignedBundle.read(stix)
        inner += [item.ref for item in contribution.contents] + _released(contribution)
    for stix in _staged(session, channel, inner):
        facts.add_object(stix)
    return facts


def clear(session: Session, channel: str, hashes: Iterable[str]) -> None:
    """Take objects off the stage."""
    for chunk in chunks(hashes, _CHUNK):
        session.execute(
            delete(StagedRecord).where(
                StagedRecord.channel == channel, StagedRecord.sha256.in_(chunk)
            )
        )


def clear_refs(session: Session, channel: str, refs: Iterable[str]) -> None:
    """Take every version of objects off the stage, because they are not what was signed."""
    for chunk in chunks(refs, _CHUNK):
        session.execute(
            delete(StagedRecord).where(
                StagedRecord.channel == channel, StagedRecord.stix_id.in_(chunk)
            )
        )


def tidy(session: Session, channel: str, now: datetime) -> int:
    """Drop what no entry covered in time, or what lies beyond the limit; give how many.

    Source: protocol, 7: after 24 h, or beyond 64 MiB per channel.
    """
    old = delete(StagedRecord).where(
        StagedRecord.channel == channel, StagedRecord.staged_at < now - STAGE_AGE
    )
    dropped = len(list(session.scalars(old.returning(StagedRecord.sha256))))
    rows = session.execute(
        select(StagedRecord.sha256, func.length(StagedRecord.content))
        .where(StagedRecord.channel == channel)
        .order_by(StagedRecord.staged_at, StagedRecord.sha256)
    )
    total, beyond = 0, []
    for sha256, size in rows:
        total += size
        if total > STAGE_LIMIT_BYTES:
            beyond.append(sha256)
    clear(session, channel, beyond)
    return dropped + len(beyond)


def _released(bundle: SignedBundle) -> list[str]:
    """Give what a bundle makes due without covering it."""
    if bundle.act != Act.OBJECT_RELEASED:
        return []
    return [str(ref) for ref in bundle.body.get("objects", ())]


def _staged(session: Session, channel: str, refs: Iterable[str]) -> Iterable[StixObject]:
    for chunk in chunks(refs, _CHUNK):
        rows = session.scalars(
            select(StagedRecord.content).where(
                StagedRecord.channel == channel, StagedRecord.stix_id.in_(chunk)
            )
        )
        yield from (StixObject.read(content) for content in rows)


def _known(session: Session, channel: str, hashes: Iterable[str]) -> set[str]:
    """Give those of the hashes that are staged or stand in the channel already."""
    known: set[str] = set()
    for chunk in chunks(hashes, _CHUNK):
        staged = select(StagedRecord.sha256).where(
            StagedRecord.channel == channel, StagedRecord.sha256.in_(chunk)
        )
        kept = select(CollectionRow.sha256).where(
            CollectionRow.collection_id == channel, CollectionRow.sha256.in_(chunk)
        )
        entries = select(EntryRecord.object_sha256).where(
            EntryRecord.channel == channel, EntryRecord.object_sha256.in_(chunk)
        )
        for query in (staged, kept, entries):
            known.update(session.scalars(query))
    return known

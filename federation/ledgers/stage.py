"""The stage: what pages brought and no entry has covered yet. Stored, shown to nobody.

Source: protocol, 7.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from federation.judging.bundles import Position, SignedBundle
from federation.judging.contents import is_proven, released_refs
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.facts import MemoryFacts
from federation.judging.state import ChannelState, Place
from federation.ledgers.ledger_records import EntryRecord, StagedRecord
from policies.acts import Act
from policies.errors import InvalidError, TooLargeError
from sharing.canonical import canonical
from sharing.objects import SIGNED_BUNDLE, StixObject, chunks
from sharing.records import CollectionRow

STAGE_LIMIT_BYTES: Final = 64 * 1024 * 1024
STAGE_AGE: Final = timedelta(hours=24)
_CHUNK: Final = 500
_HAND: Final = "tocsin_staged"
"""Where a session keeps what it has staged itself, parsed."""


def put(
    session: Session,
    channel: str,
    values: Iterable[Mapping[str, Any]],
    now: datetime,
    *,
    owner: str,
) -> list[tuple[DoubtError, bytes]]:
    """Stage what a page brought; what is here already is passed over.

    An entry of another channel is carried along as a proof, unless this channel's owner signed
    it: that may be one that it calls ours.

    Gives the doubts about entries that have no form at all, with what they are; other objects
    without form are dropped, and an entry that covers one will wait for it.
    """
    staged: dict[str, dict[str, Any]] = {}
    hand: dict[str, StixObject] = session.info.setdefault(_HAND, {})
    doubts: list[tuple[DoubtError, bytes]] = []
    for value in values:
        try:
            stix = StixObject.of(value)
            bundle = SignedBundle.read(stix) if stix.stix_type == SIGNED_BUNDLE else None
        except (DoubtError, InvalidError) as error:
            if value.get("type") == SIGNED_BUNDLE and "epoch" in value:
                doubts.append((_doubt_of(error), _as_it_came(value)))
            continue
        place = bundle if bundle is not None and _may_be_ours(bundle, channel, owner) else None
        hand[stix.sha256] = stix
        staged[stix.sha256] = {
            "channel": channel,
            "sha256": stix.sha256,
            "stix_id": stix.stix_id,
            "version_ns": str(stix.version_ns),
            "bundle_sha256": bundle and bundle.sha256,
            "epoch": place and place.epoch,
            "seq": place and place.seq,
            "content": stix.content,
            "staged_at": now,
        }
    for known in _known(session, channel, staged):
        del staged[known]
    if staged:
        session.flush()
        session.connection().execute(insert(StagedRecord), list(staged.values()))
    return doubts


def unknown(
    session: Session, channel: str, values: Iterable[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Give those objects of a page that are neither staged nor in the channel already."""
    found: dict[str, Mapping[str, Any]] = {}
    for value in values:
        try:
            found[StixObject.of(value).sha256] = value
        except (DoubtError, InvalidError):
            continue
    for known in _known(session, channel, found):
        del found[known]
    return list(found.values())


def entries_at(
    session: Session, channel: str, place: Place, state: ChannelState | None
) -> list[SignedBundle]:
    """Give the entries that are staged for one position.

    One of another channel counts only if it is signed to follow this channel's head.
    """
    rows = session.scalars(
        select(StagedRecord.content).where(
            StagedRecord.channel == channel,
            StagedRecord.epoch == place[0],
            StagedRecord.seq == place[1],
        )
    )
    entries = [SignedBundle.read(StixObject.read(content)) for content in rows]
    return [one for one in entries if one.channel == channel or _follows(one, state)]


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
    entries = [SignedBundle.read(StixObject.read(content)) for content in rows]
    return [one for one in entries if one.channel == channel]


def openings(session: Session, channel: str, *, up_to: int) -> list[SignedBundle]:
    """Give the staged openings of later epochs than the first, up to this one, eldest first."""
    rows = session.scalars(
        select(StagedRecord.content)
        .where(
            StagedRecord.channel == channel,
            StagedRecord.epoch > 1,
            StagedRecord.epoch <= up_to,
            StagedRecord.seq == 0,
        )
        .order_by(StagedRecord.epoch, StagedRecord.sha256)
    )
    entries = (SignedBundle.read(StixObject.read(content)) for content in rows)
    return [
        one for one in entries if one.channel == channel and one.act == Act.CHANNEL_OPENED.value
    ]


def find_entry(session: Session, channel: str, at: Position) -> SignedBundle | None:
    """Find the staged entry that stands at a position, by its hash."""
    content = session.scalar(
        select(StagedRecord.content)
        .where(
            StagedRecord.channel == channel,
            StagedRecord.bundle_sha256 == at.sha256,
            StagedRecord.epoch == at.epoch,
            StagedRecord.seq == at.seq,
        )
        .limit(1)
    )
    return None if content is None else SignedBundle.read(StixObject.read(content))


def clear_entries(session: Session, channel: str, *, but_by: str, since: int) -> None:
    """Take the entries of branches that were left off the stage.

    Args:
        but_by, since: what this organisation wrote in this epoch or later stays.
    """
    rows = session.execute(
        select(StagedRecord.sha256, StagedRecord.content).where(
            StagedRecord.channel == channel, StagedRecord.epoch.is_not(None)
        )
    )
    left = []
    for sha256, content in rows:
        entry = SignedBundle.read(StixObject.read(content))
        if entry.author != but_by or entry.place < (since, 0):
            left.append(sha256)
    clear(session, channel, left)


def put_back(session: Session, channel: str, given: Iterable[StixObject], now: datetime) -> None:
    """Stage objects that left the collection: their authors may bring them in anew."""
    listed = {stix.sha256: stix for stix in given}
    for known in _known(session, channel, listed):
        del listed[known]
    for stix in listed.values():
        is_bundle = stix.stix_type == SIGNED_BUNDLE
        session.add(
            StagedRecord(
                channel=channel,
                sha256=stix.sha256,
                stix_id=stix.stix_id,
                version_ns=str(stix.version_ns),
                bundle_sha256=SignedBundle.read(stix).sha256 if is_bundle else None,
                epoch=None,
                seq=None,
                content=stix.content,
                staged_at=now,
            )
        )
    session.flush()


def holds_any(session: Session, channel: str) -> bool:
    """Tell whether anything is staged."""
    query = select(StagedRecord.sha256).where(StagedRecord.channel == channel)
    return session.execute(query.limit(1)).first() is not None


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
    inner = list(released_refs(bundle))
    for copies in facts.bundles.values():
        contribution = SignedBundle.read(copies[0])
        inner += [item.ref for item in contribution.contents]
        inner += released_refs(contribution)
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


def empty(session: Session, channel: str) -> None:
    """Take everything of a channel off the stage."""
    session.execute(delete(StagedRecord).where(StagedRecord.channel == channel))


def clear_refs(session: Session, channel: str, refs: Iterable[str]) -> None:
    """Take every version of objects off the stage, because they are not what was signed."""
    for chunk in chunks(refs, _CHUNK):
        session.execute(
            delete(StagedRecord).where(
                StagedRecord.channel == channel, StagedRecord.stix_id.in_(chunk)
            )
        )


def tidy(session: Session, channel: str, now: datetime) -> bool:
    """Drop what no entry covered in time, or what lies beyond the limit.

    Tells whether an entry was among it: it is found only by pulling from the beginning again,
    while what entries cover is asked for by its id.

    Source: protocol, 7: after 24 h, or beyond 64 MiB per channel.
    """
    old = delete(StagedRecord).where(
        StagedRecord.channel == channel, StagedRecord.staged_at < now - STAGE_AGE
    )
    dropped = list(session.scalars(old.returning(StagedRecord.epoch)))
    rows = session.execute(
        select(StagedRecord.sha256, StagedRecord.epoch, func.length(StagedRecord.content))
        .where(StagedRecord.channel == channel)
        .order_by(StagedRecord.staged_at, StagedRecord.sha256)
    )
    total, beyond = 0, []
    for sha256, epoch, size in rows:
        total += size
        if total > STAGE_LIMIT_BYTES:
            beyond.append(sha256)
            dropped.append(epoch)
    clear(session, channel, beyond)
    return any(epoch is not None for epoch in dropped)


def _may_be_ours(bundle: SignedBundle, channel: str, owner: str) -> bool:
    return bundle.is_entry and (bundle.channel == channel or bundle.author == owner)


def _follows(entry: SignedBundle, state: ChannelState | None) -> bool:
    """Tell whether an entry of another channel is signed by the owner to follow our head.

    An honest owner never signs such a one, and nobody else can: so nothing that a member has
    carried along is mistaken for a step of the ledger.
    """
    if state is None or entry.author != state.owner or entry.seen != state.head:
        return False
    return is_proven(entry, state.chains)


def _doubt_of(error: DoubtError | InvalidError) -> DoubtError:
    """Give the failure of an entry that could not even be read."""
    if isinstance(error, DoubtError):
        return error
    doubt = Doubt.TOO_LARGE if isinstance(error, TooLargeError) else Doubt.MALFORMED
    return DoubtError(doubt, error.message)


def _as_it_came(value: Mapping[str, Any]) -> bytes:
    """Give what is kept as evidence: its canonical bytes, else all that it says as JSON."""
    try:
        return canonical(value)
    except InvalidError:
        return json.dumps(value).encode()


def _staged(session: Session, channel: str, refs: Iterable[str]) -> Iterable[StixObject]:
    """Give what is staged under these ids; what this transaction has put there is at hand."""
    hand: Mapping[str, StixObject] = session.info.get(_HAND, {})
    for chunk in chunks(refs, _CHUNK):
        named = (StagedRecord.channel == channel, StagedRecord.stix_id.in_(chunk))
        hashes = list(session.scalars(select(StagedRecord.sha256).where(*named)))
        yield from (_as_kept(hand[sha256]) for sha256 in hashes if sha256 in hand)
        far = [sha256 for sha256 in hashes if sha256 not in hand]
        if far:
            rows = session.scalars(
                select(StagedRecord.content).where(
                    StagedRecord.channel == channel, StagedRecord.sha256.in_(far)
                )
            )
            yield from (StixObject.read(content) for content in rows)


def _as_kept(stix: StixObject) -> StixObject:
    """Give an object as it is read from its stored bytes: what came as `1.0` is 1 there."""
    return replace(stix, value=orjson.loads(stix.content))


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

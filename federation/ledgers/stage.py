"""The stage: what pages brought and no entry has covered yet. Stored, shown to nobody.

Source: protocol, 7.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from federation.judging.bundles import Position, SignedBundle
from federation.judging.contents import is_proven, released_refs
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.facts import MemoryFacts
from federation.judging.state import ChannelState, Place
from federation.ledgers.hand import Hand, Held, find_hand, hand_of
from federation.ledgers.ledger_records import EntryRecord, StagedRecord
from policies.acts import Act
from policies.errors import InvalidError, TooLargeError
from sharing.bulk import among
from sharing.canonical import canonical
from sharing.objects import SIGNED_BUNDLE, StixObject
from sharing.records import CollectionRow

STAGE_LIMIT_BYTES: Final = 64 * 1024 * 1024
STAGE_AGE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Brought:
    """What was brought for a channel: read, nothing of it proven.

    Args:
        objects: in the order in which they came.
        unreadable: what is no object of ours, as parsed; it may still be meant as an entry.
    """

    objects: list[StixObject]
    unreadable: list[Any]

    @classmethod
    def read(cls, values: Iterable[Any]) -> Brought:
        """Read values as they were parsed."""
        brought = cls([], [])
        for value in values:
            try:
                brought.objects.append(StixObject.of(value))
            except InvalidError:
                brought.unreadable.append(value)
        return brought

    def __bool__(self) -> bool:
        return bool(self.objects or self.unreadable)


def put(
    session: Session, channel: str, brought: Brought, now: datetime, *, owner: str
) -> list[tuple[DoubtError, bytes]]:
    """Stage what a page brought; what is here already is passed over.

    An entry of another channel is carried along as a proof, unless this channel's owner signed
    it: that may be one that it calls ours.

    Gives the doubts about entries that have no form at all, with what they are; other objects
    without form are dropped, and an entry that covers one will wait for it.
    """
    doubts = [doubt for value in brought.unreadable if (doubt := _meant_as_entry(value))]
    found: dict[str, Held] = {}
    for stix in brought.objects:
        try:
            bundle = SignedBundle.read(stix) if stix.stix_type == SIGNED_BUNDLE else None
        except (DoubtError, InvalidError) as error:
            if "epoch" in stix.value:
                doubts.append((_doubt_of(error), stix.content))
            continue
        ours = bundle is not None and _may_be_ours(bundle, channel, owner)
        place = bundle.place if bundle is not None and ours else None
        found[stix.sha256] = Held(stix, bundle, place, now)
    hand = hand_of(session, channel)
    known = _known(session, channel, [held.stix for held in found.values()])
    for sha256, held in found.items():
        if sha256 not in known:
            hand.take(held)
    return doubts


def unknown(session: Session, channel: str, objects: Iterable[StixObject]) -> list[StixObject]:
    """Give those objects of a page that are neither staged nor in the channel already."""
    found = {stix.sha256: stix for stix in objects}
    known = _known(session, channel, found.values())
    return [stix for sha256, stix in found.items() if sha256 not in known]


def entries_at(
    session: Session, channel: str, place: Place, state: ChannelState | None
) -> list[SignedBundle]:
    """Give the entries that are staged for one position.

    One of another channel counts only if it is signed to follow this channel's head.
    """
    entries = find_hand(session, channel).at(place)
    entries += _laid_down(
        session, channel, StagedRecord.epoch == place[0], StagedRecord.seq == place[1]
    )
    return [one for one in entries if one.channel == channel or _follows(one, state)]


def entries_up_to(session: Session, channel: str, state: ChannelState) -> list[SignedBundle]:
    """Give staged entries that stand at or before the head: doubles, or proof of a fork."""
    head = state.head
    entries = find_hand(session, channel).entries()
    up_to = [one for one in entries if one.place <= (head.epoch, head.seq)]
    up_to += _laid_down(
        session,
        channel,
        (StagedRecord.epoch < head.epoch)
        | ((StagedRecord.epoch == head.epoch) & (StagedRecord.seq <= head.seq)),
    )
    return [one for one in up_to if one.channel == channel]


def openings(session: Session, channel: str, *, up_to: int) -> list[SignedBundle]:
    """Give the staged openings of later epochs than the first, up to this one, eldest first."""
    entries = [
        entry
        for entry in find_hand(session, channel).entries()
        if 1 < entry.place[0] <= up_to and entry.place[1] == 0
    ]
    entries += _laid_down(
        session,
        channel,
        StagedRecord.epoch > 1,
        StagedRecord.epoch <= up_to,
        StagedRecord.seq == 0,
    )
    ours = [
        one for one in entries if one.channel == channel and one.act == Act.CHANNEL_OPENED.value
    ]
    return sorted(ours, key=lambda one: (one.place[0], one.stix.sha256))


def find_entry(session: Session, channel: str, at: Position) -> SignedBundle | None:
    """Find the staged entry that stands at a position, by its hash."""
    place = (at.epoch, at.seq)
    entries = find_hand(session, channel).at(place)
    entries += _laid_down(
        session,
        channel,
        StagedRecord.bundle_sha256 == at.sha256,
        StagedRecord.epoch == at.epoch,
        StagedRecord.seq == at.seq,
    )
    return next((one for one in entries if one.sha256 == at.sha256), None)


def clear_entries(session: Session, channel: str, *, but_by: str, since: int) -> None:
    """Take the entries of branches that were left off the stage.

    Args:
        but_by, since: what this organisation wrote in this epoch or later stays.
    """
    entries = find_hand(session, channel).entries()
    entries += _laid_down(session, channel, StagedRecord.epoch.is_not(None))
    left = [one for one in entries if one.author != but_by or one.place < (since, 0)]
    clear(session, channel, [one.stix.sha256 for one in left])


def put_back(session: Session, channel: str, given: Iterable[StixObject], now: datetime) -> None:
    """Stage objects that left the collection: their authors may bring them in anew."""
    listed = {stix.sha256: stix for stix in given}
    hand = hand_of(session, channel)
    known = _known(session, channel, listed.values())
    for sha256, stix in listed.items():
        if sha256 not in known:
            bundle = SignedBundle.read(stix) if stix.stix_type == SIGNED_BUNDLE else None
            hand.take(Held(stix, bundle, None, now))


def holds_any(session: Session, channel: str) -> bool:
    """Tell whether anything is staged."""
    hand = find_hand(session, channel)
    if hand.objects or hand.is_all:
        return bool(hand.objects)
    query = select(StagedRecord.sha256).where(StagedRecord.channel == channel)
    return session.execute(query.limit(1)).first() is not None


def has_entries(session: Session, channel: str) -> bool:
    """Tell whether any entry is staged."""
    hand = find_hand(session, channel)
    if hand.entries() or hand.is_all:
        return bool(hand.entries())
    query = select(StagedRecord.seq).where(
        StagedRecord.channel == channel, StagedRecord.epoch.is_not(None)
    )
    return session.execute(query.limit(1)).first() is not None


def arrived_for(session: Session, channel: str, bundle: SignedBundle) -> MemoryFacts:
    """Give what is staged of what an entry covers, through its contribution too."""
    facts = MemoryFacts()
    hand = find_hand(session, channel)
    refs = [item.ref for item in bundle.contents]
    for stix in _staged(session, hand, refs):
        facts.add_object(stix)
    inner = list(released_refs(bundle))
    for copies in facts.bundles.values():
        contribution = SignedBundle.read(copies[0])
        inner += [item.ref for item in contribution.contents]
        inner += released_refs(contribution)
    for stix in _staged(session, hand, inner):
        facts.add_object(stix)
    return facts


def clear(session: Session, channel: str, hashes: Iterable[str]) -> None:
    """Take objects off the stage."""
    others = find_hand(session, channel).drop(hashes)
    if others:
        _delete(session, channel, among(session, StagedRecord.sha256, others))


def empty(session: Session, channel: str) -> None:
    """Take everything of a channel off the stage."""
    hand = find_hand(session, channel)
    hand.drop(list(hand.objects))
    _delete(session, channel)


def clear_refs(session: Session, channel: str, refs: Iterable[str]) -> None:
    """Take every version of objects off the stage, because they are not what was signed."""
    listed = list(refs)
    find_hand(session, channel).drop_refs(listed)
    if listed:
        _delete(session, channel, among(session, StagedRecord.stix_id, listed))


def tidy(session: Session, channel: str, now: datetime) -> bool:
    """Drop what no entry covered in time, or what lies beyond the limit.

    Tells whether an entry was among it: it is found only by pulling from the beginning again,
    while what entries cover is asked for by its id.

    Source: protocol, 7: after 24 h, or beyond 64 MiB per channel.
    """
    hand = find_hand(session, channel)
    hand.lay_down(session)
    if hand.is_all:
        return False
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


def _meant_as_entry(value: Any) -> tuple[DoubtError, bytes] | None:
    """Give the doubt about what is no object at all, if it is meant as an entry."""
    if not isinstance(value, Mapping) or value.get("type") != SIGNED_BUNDLE:
        return None
    if "epoch" not in value:
        return None
    try:
        StixObject.of(value)
    except InvalidError as error:
        return _doubt_of(error), _as_it_came(value)
    return None


def _laid_down(session: Session, channel: str, *where: ColumnElement[bool]) -> list[SignedBundle]:
    """Give bundles from the stage's table."""
    if find_hand(session, channel).is_all:
        return []
    query = select(StagedRecord.content).where(StagedRecord.channel == channel, *where)
    return [SignedBundle.read(StixObject.read(content)) for content in session.scalars(query)]


def _delete(session: Session, channel: str, *where: ColumnElement[bool]) -> None:
    if find_hand(session, channel).is_all:
        return
    session.execute(
        delete(StagedRecord)
        .where(StagedRecord.channel == channel, *where)
        .execution_options(synchronize_session=False)
    )


def _staged(session: Session, hand: Hand, refs: Iterable[str]) -> Iterable[StixObject]:
    """Give what is staged under these ids."""
    listed = list(refs)
    if not listed:
        return
    for ref in listed:
        yield from hand.named(ref)
    if hand.is_all:
        return
    query = select(StagedRecord.content).where(
        StagedRecord.channel == hand.channel, among(session, StagedRecord.stix_id, listed)
    )
    for content in session.scalars(query):
        yield StixObject.read(content)


def _known(session: Session, channel: str, given: Iterable[StixObject]) -> set[str]:
    """Give the hashes of those that are staged or stand in the channel already."""
    given = list(given)
    listed = [stix.sha256 for stix in given]
    bundles = [stix.sha256 for stix in given if stix.stix_type == SIGNED_BUNDLE]
    hand = find_hand(session, channel)
    known = set(hand.objects)
    staged = select(StagedRecord.sha256).where(
        StagedRecord.channel == channel, among(session, StagedRecord.sha256, listed)
    )
    kept = select(CollectionRow.sha256).where(
        CollectionRow.collection_id == channel, among(session, CollectionRow.sha256, listed)
    )
    entries = select(EntryRecord.object_sha256).where(
        EntryRecord.channel == channel, among(session, EntryRecord.object_sha256, bundles)
    )
    for query in (kept, entries) if hand.is_all else (staged, kept, entries):
        known.update(session.scalars(query))
    return known

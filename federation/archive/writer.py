"""Writing an export: one channel as one file that anybody can check with nothing but the file.

Source: protocol, 10 (`export`); wire format, 7.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from federation.archive.lines import FORMAT, Kind
from federation.identity.descriptor import Descriptor, KeyUse
from federation.judging.bundles import Item, Position, SignedBundle
from federation.judging.contents import is_proven
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.state import ChannelState, Member
from federation.ledgers import stage
from federation.ledgers.branch_records import AbandonedRecord
from federation.ledgers.ledger import get_channel, get_state, head_of
from federation.ledgers.ledger_facts import find_stored_bundles
from federation.ledgers.ledger_records import (
    ChannelRecord,
    CoveredRecord,
    EntryRecord,
    EvidenceRecord,
    Standing,
)
from federation.serving.access import scope_of
from federation.witnesses.witnesses import provable_receipts
from policies.acts import Act
from policies.errors import ConflictError, InvalidError, NotFoundError
from sharing import objects
from sharing.canonical import canonical, write_time
from sharing.objects import SIGNED_BUNDLE, StixObject, chunks
from sharing.records import CollectionRow
from sharing.selection import Scope

SUFFIX: Final = ".coordination.jsonl"
_ENTRIES_AT_ONCE: Final = 50
_OBJECTS_AT_ONCE: Final = 200
_EXPORTED_EVIDENCE: Final = (Doubt.FORK.value, Doubt.STALE_EPOCH.value)


@dataclass(frozen=True)
class Export:
    """An export that is ready to be written.

    Args:
        channel: its UUID.
        head: the last entry in it.
        for_: the organisation that "withheld" is judged for.
    """

    channel: str
    head: Position
    by: str
    for_: str
    at: datetime
    _scope: Scope = field(repr=False)

    @property
    def name(self) -> str:
        """What the file is best called."""
        return f"{self.channel}-{self.head.epoch}-{self.head.seq}{SUFFIX}"

    def lines(self, session: Session) -> Iterator[bytes]:
        """Give the file line by line; a line's end is part of it.

        Args:
            session: one that sees one state of the database until the last line.
        """
        header = {
            "format": FORMAT,
            "channel": self.channel,
            **self.head.document(),
            "by": self.by,
            "for": self.for_,
            "at": write_time(self.at),
        }
        yield line_of(Kind.HEADER, canonical(header))
        written: set[str] = set()
        for entries in chunks(_entries(session, self.channel, self.head), _ENTRIES_AT_ONCE):
            bundles = objects.find_contents(session, _bundle_hashes(entries))
            for entry in entries:
                yield from self._objects(session, entry, written)
                if entry.contribution_object is not None:
                    content = _stored(bundles, entry.contribution_object, entry)
                    yield line_of(Kind.CONTRIBUTION, content)
                yield line_of(Kind.ENTRY, _stored(bundles, entry.object_sha256, entry))
        for jws in provable_receipts(session, self.channel, self.head):
            yield line_of(Kind.RECEIPT, canonical(jws))
        for content in _abandoned(session, self.channel, self.head):
            yield line_of(Kind.ABANDONED, content)
        for content in _evidence(session, self.channel, self.head):
            yield line_of(Kind.EVIDENCE, content)
        for content in _betrayal(session, self.channel, self.head):
            yield line_of(Kind.EVIDENCE, content)

    def _objects(self, session: Session, entry: EntryRecord, written: set[str]) -> Iterator[bytes]:
        """Give the objects that come with an entry and that its reader is due."""
        covered = session.execute(
            select(CoveredRecord.ref, CoveredRecord.sha256)
            .where(
                CoveredRecord.channel == entry.channel,
                CoveredRecord.epoch == entry.epoch,
                CoveredRecord.seq == entry.seq,
            )
            .order_by(CoveredRecord.place)
        ).all()
        for chunk in chunks(covered, _OBJECTS_AT_ONCE):
            wanted = []
            for ref, sha256 in chunk:
                if ref.startswith(f"{SIGNED_BUNDLE}--"):
                    wanted += _carried(session, entry.channel, ref, sha256)
                else:
                    wanted.append(sha256)
            shown = self._shown(session, wanted)
            contents = objects.find_contents(session, shown - written)
            for sha256 in dict.fromkeys(wanted):
                if sha256 in contents and sha256 not in written:
                    written.add(sha256)
                    yield line_of(Kind.OBJECT, contents[sha256])

    def _shown(self, session: Session, hashes: Iterable[str]) -> set[str]:
        """Give those of the objects that our TAXII server would serve to this reader."""
        rows = session.execute(
            select(
                CollectionRow.sha256,
                CollectionRow.date_added,
                CollectionRow.claimed,
                CollectionRow.released_from,
            ).where(
                CollectionRow.collection_id == self.channel,
                CollectionRow.sha256.in_(list(hashes)),
                ~CollectionRow.hidden,
            )
        )
        return {
            sha256
            for sha256, date_added, claimed, released_from in rows
            if self._scope.shows(date_added, claimed, released_from=released_from)
        }


def prepare_export(
    session: Session, channel: str, *, by: str, for_: str | None = None, now: datetime
) -> Export:
    """Prepare an export: of all that is here, or of what one member is due.

    Args:
        by: our organisation.
        for_: a member, present or past; one that is gone gets it up to the entry that ended it.

    Raises:
        NotFoundError: there is no such channel here, or no such member in it.
        ConflictError: nothing of it has been read yet.
    """
    record = get_channel(session, channel)
    state = get_state(session, record)
    head = head_of(record)
    if head is None:
        raise ConflictError("nothing of this channel has been read yet")
    scope = Scope.everything()
    if for_ is not None and for_ != by:
        member = _find_reader(state, for_)
        scope = scope_of(session, record, member)
        head = _end_for(session, record, member) or head
    return Export(channel=channel, head=head, by=by, for_=for_ or by, at=now, _scope=scope)


def _find_reader(state: ChannelState, organisation: str) -> Member:
    member = state.members.get(organisation)
    if member is None or not member.stays:
        raise NotFoundError(
            "this organisation never was a member of the channel",
            field="for",
            hint="An export goes to those who have been in its audience.",
        )
    return member


def _end_for(session: Session, record: ChannelRecord, member: Member) -> Position | None:
    """Give the last entry that is due to somebody who is gone."""
    ended = member.stays[-1].ended
    if ended is None:
        return None
    entry = session.get(EntryRecord, (record.id, *ended))
    return Position(*ended, entry.sha256) if entry is not None else None


def _entries(session: Session, channel: str, head: Position) -> Iterator[EntryRecord]:
    query = (
        select(EntryRecord)
        .where(
            EntryRecord.channel == channel,
            or_(
                EntryRecord.epoch < head.epoch,
                and_(EntryRecord.epoch == head.epoch, EntryRecord.seq <= head.seq),
            ),
        )
        .order_by(EntryRecord.epoch, EntryRecord.seq)
        .execution_options(yield_per=_ENTRIES_AT_ONCE)
    )
    yield from session.scalars(query)


def _bundle_hashes(entries: Iterable[EntryRecord]) -> list[str]:
    hashes = []
    for entry in entries:
        hashes.append(entry.object_sha256)
        if entry.contribution_object is not None:
            hashes.append(entry.contribution_object)
    return hashes


def _stored(bundles: dict[str, bytes], sha256: str, entry: EntryRecord) -> bytes:
    try:
        return bundles[sha256]
    except KeyError:
        place = f"{entry.epoch}/{entry.seq}"
        raise ConflictError(
            f"the bytes of entry {place} are missing", hint="Restore a backup."
        ) from None


def _carried(session: Session, channel: str, ref: str, sha256: str) -> list[str]:
    """Give the object hash of a bundle that was carried along, known by its bundle hash."""
    rows = session.scalars(
        select(CollectionRow.sha256).where(
            CollectionRow.collection_id == channel, CollectionRow.stix_id == ref
        )
    )
    contents = objects.find_contents(session, rows)
    return [
        key
        for key, content in contents.items()
        if SignedBundle.read(StixObject.read(content)).sha256 == sha256
    ]


def _abandoned(session: Session, channel: str, head: Position) -> Iterator[bytes]:
    """Give the entries of branches that were left, each after the one that it follows.

    One under a key that only such a branch described can't be proven by this ledger; it and what
    follows it are left out.
    """
    query = (
        select(AbandonedRecord.content)
        .where(AbandonedRecord.channel == channel, AbandonedRecord.epoch <= head.epoch)
        .order_by(AbandonedRecord.epoch, AbandonedRecord.seq, AbandonedRecord.sha256)
    )
    contents = session.scalars(query).all()
    chains = get_state(session, get_channel(session, channel)).chains if contents else {}
    written: set[Position] = set()
    for content in contents:
        entry = SignedBundle.read(StixObject.read(content))
        seen = entry.seen
        if seen is None or not is_proven(entry, chains):
            continue
        before = session.get(EntryRecord, (channel, seen.epoch, seen.seq))
        if seen in written or (before is not None and before.sha256 == seen.sha256):
            written.add(entry.position)
            yield content


def _evidence(session: Session, channel: str, head: Position) -> Iterator[bytes]:
    """Give the entries beside the chain that prove what their owner did."""
    query = (
        select(EvidenceRecord.content)
        .where(
            EvidenceRecord.channel == channel,
            EvidenceRecord.doubt.in_(_EXPORTED_EVIDENCE),
        )
        .order_by(EvidenceRecord.id)
    )
    for content in session.scalars(query):
        try:
            entry = SignedBundle.read(StixObject.read(content))
        except (InvalidError, DoubtError):
            continue
        if not entry.is_entry or entry.channel != channel or entry.place > (head.epoch, head.seq):
            continue
        known = session.get(EntryRecord, (channel, *entry.place))
        opening = session.get(EntryRecord, (channel, entry.place[0], 0))
        # What somebody signed who never owned that epoch proves nothing about its owner.
        if opening is None or opening.author != entry.author:
            continue
        if known is not None and known.sha256 != entry.sha256:
            yield entry.stix.content


def _betrayal(session: Session, channel: str, head: Position) -> Iterator[bytes]:
    """Give the entry that a frozen channel is frozen for, with the contribution that it admits.

    Only what follows the head and is proven by a key of the ledger: what nobody signed proves
    nothing to anybody else.
    """
    record = get_channel(session, channel)
    if record.standing is not Standing.FROZEN or head_of(record) != head:
        return
    chains = get_state(session, record).chains
    rows = session.scalars(
        select(EvidenceRecord.content)
        .where(EvidenceRecord.channel == channel, EvidenceRecord.doubt == record.doubt)
        .order_by(EvidenceRecord.id.desc())
    )
    for content in rows:
        try:
            entry = SignedBundle.read(StixObject.read(content))
        except (InvalidError, DoubtError):
            continue
        seen = entry.seen
        if not entry.is_entry or entry.channel != channel or seen is None:
            continue
        if (seen.epoch, seen.seq) != (head.epoch, head.seq) or not _is_signed(entry, chains):
            continue
        bundles = [one for one in entry.contents if one.ref.startswith(f"{SIGNED_BUNDLE}--")]
        admits = entry.act == Act.ADMITTED and bundles
        admitted = _copies_of(session, entry, bundles[0]) if admits else []
        if admitted or not admits:
            yield from (stix.content for stix in admitted[:1])
            yield entry.stix.content
            return


def _is_signed(entry: SignedBundle, chains: Mapping[str, Sequence[Descriptor]]) -> bool:
    """Tell whether a key of its author's signed an entry, in use or not."""
    chain = chains.get(entry.author, ())
    key = chain[-1].find_key(entry.kid, KeyUse.SIGN) if chain else None
    if key is None:
        return False
    try:
        entry.prove(key.key)
    except DoubtError:
        return False
    return True


def _copies_of(session: Session, entry: SignedBundle, item: Item) -> list[StixObject]:
    """Give the copies of a bundle that an entry covers, staged or in the ledger."""
    arrived = stage.arrived_for(session, entry.channel, entry)
    stored = find_stored_bundles(session, entry.channel, item.ref, item.sha256)
    return [*arrived.find_bundles(item.ref, item.sha256), *stored]


def line_of(kind: Kind, content: bytes) -> bytes:
    """Give one line of a file; its end is part of it."""
    return b'{"' + kind.value.encode() + b'":' + content + b"}\n"

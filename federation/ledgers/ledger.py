"""Keeping a ledger: state and entries in the database, appended under the channel's lock.

Own appends, admissions and replicas end in the same `record`: whatever changes a shared view was
judged first and is written here.

Source: protocol, 5 to 7.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from federation.identity.descriptor import DESCRIPTOR_LIMIT_BYTES, Descriptor, read_descriptor
from federation.judging.bundles import Position, SignedBundle, items_of, make_bundle
from federation.judging.facts import MemoryFacts
from federation.judging.judge import judge_entry
from federation.judging.judged import Disowned, Judged
from federation.judging.reader import OWNER
from federation.judging.state import MEMBERSHIP, ChannelState
from federation.ledgers import recalls
from federation.ledgers.desk import Desk
from federation.ledgers.ledger_facts import LedgerFacts
from federation.ledgers.ledger_records import (
    ChannelRecord,
    CoveredRecord,
    DescribedRecord,
    EntryRecord,
    Standing,
)
from federation.ledgers.whole import require_whole
from federation.partners.partner_keys import hear_chain
from federation.work.errands import ask
from policies.acts import Act
from policies.errors import ConflictError, NotFoundError
from policies.marking import Labels
from policies.tlp import TLP
from sharing import collections, objects
from sharing.bulk import among, insert_rows
from sharing.canonical import canonical, read_instant, read_json, read_time
from sharing.collections import CollectionItem
from sharing.db import once
from sharing.objects import SIGNED_BUNDLE, StixObject

NAME_LIMIT_CHARACTERS: Final = 200
_DESCRIBING: Final = frozenset(
    {Act.CHANNEL_OPENED, Act.MEMBER_JOINED, Act.MEMBER_DECLINED, Act.NODE_DESCRIBED}
)
"""Acts that bring descriptors along."""
RING_BELL: Final = "bell"
"""Errand: ring one member's doorbell. Subject: channel, space, organisation."""


def find_channel(session: Session, channel: str) -> ChannelRecord | None:
    """Give a channel's row, or `None`."""
    return session.get(ChannelRecord, channel)


def get_channel(session: Session, channel: str) -> ChannelRecord:
    """Give a channel's row.

    Raises:
        NotFoundError: there is no such channel here.
    """
    record = find_channel(session, channel)
    if record is None:
        raise NotFoundError("there is no such channel")
    return record


def lock_channel(session: Session, channel: str) -> ChannelRecord:
    """Give a channel's row and keep others from writing to its ledger until the commit.

    Raises:
        NotFoundError: there is no such channel here.
    """
    query = (
        select(ChannelRecord)
        .where(ChannelRecord.id == channel)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    record = session.scalars(query).one_or_none()
    if record is None:
        raise NotFoundError("there is no such channel")
    return record


def load_state(session: Session, record: ChannelRecord) -> ChannelState | None:
    """Give what the ledger says at its head; `None` before its first entry."""
    document = record.state
    if document is None:
        return None
    return once(
        session,
        ("state", record.id),
        lambda: ChannelState.read(document, load_chains(session, record.id)),
    )


def load_chains(session: Session, channel: str) -> Mapping[str, tuple[Descriptor, ...]]:
    """Give what the ledger says of each organisation's keys: organisation → its descriptors."""
    return once(
        session,
        ("chains", channel),
        lambda: load_chains_in(session, [channel]).get(channel, {}),
    )


def load_chains_in(
    session: Session, channels: Collection[str], organisations: Collection[str] | None = None
) -> Mapping[str, Mapping[str, tuple[Descriptor, ...]]]:
    """Give the same of several ledgers, by channel.

    Args:
        organisations: of these alone, where any are given.
    """
    query = (
        select(DescribedRecord.channel, DescribedRecord.organisation, DescribedRecord.jws)
        .where(DescribedRecord.channel.in_(channels))
        .order_by(DescribedRecord.organisation, DescribedRecord.version)
    )
    if organisations is not None:
        query = query.where(DescribedRecord.organisation.in_(organisations))
    found: dict[str, dict[str, tuple[Descriptor, ...]]] = {}
    for channel, organisation, jws in session.execute(query):
        chains = found.setdefault(channel, {})
        chains[organisation] = (*chains.get(organisation, ()), _descriptor(jws))
    return found


def get_state(session: Session, record: ChannelRecord) -> ChannelState:
    """Give what the ledger says at its head.

    Raises:
        ConflictError: nothing of it has been read yet.
    """
    state = load_state(session, record)
    if state is None:
        raise ConflictError(
            "nothing of this channel has been read yet", hint="It comes as soon as we are admitted."
        )
    return state


def append(  # noqa: PLR0913 - an entry has that many sides
    session: Session,
    desk: Desk,
    channel: str,
    act: Act,
    body: Mapping[str, Any],
    new: Sequence[StixObject],
    *,
    now: datetime,
    contribution: SignedBundle | None = None,
    arrived: Iterable[StixObject] = (),
) -> Judged:
    """Append an entry to a ledger of ours, after every check that replicas will make.

    Args:
        new: objects of ours that the entry covers.
        contribution: what it admits; `act` is `admitted` then.
        arrived: objects that came with the contribution.

    Raises:
        NotFoundError: there is no such channel here.
        DoubtError: what a replica would doubt is refused; nothing was written.
    """
    record = lock_channel(session, channel)
    if not record.is_ours:
        raise ConflictError("this channel is another organisation's", hint="Contribute to it.")
    require_whole(session, record)
    state = get_state(session, record)
    facts = LedgerFacts(session, channel)
    for stix in (*arrived, *new):
        facts.arrived.add_object(stix)
    moment = ledger_time(state, now)
    label = metadata_label(state.ceiling)
    contents = items_of(new, labels_of(new, label, facts))
    if contribution is not None:
        facts.arrived.add_object(contribution.stix)
        contents = (contribution.item, *contents)
    entry = make_bundle(
        key=desk.key,
        author=desk.organisation,
        channel=channel,
        act=act.value,
        body=body,
        contents=contents,
        label=label,
        now=moment,
        position=state.next_place,
        seen=state.head,
    )
    facts.prepare(filter(None, (entry, contribution)))
    judged = judge_entry(state, entry, facts, OWNER)
    keep(session, desk, record, judged, now=now)
    return judged


def metadata_label(ceiling: TLP) -> TLP:
    """Give the label of a bundle's own metadata: the ceiling, where it is not RED.

    RED is for named readers; that something was written is for every member. What is meant to be
    RED says so itself.
    """
    return TLP.AMBER_STRICT if ceiling is TLP.RED else ceiling


def labels_of(
    new: Iterable[StixObject], carrier: TLP | None, facts: LedgerFacts | MemoryFacts
) -> dict[str, TLP]:
    """Give the effective label of each object by its hash, to be stated in the bundle.

    Raises:
        MarkingError: an object can't be shared.
    """
    listed = list(new)
    own = {stix.stix_id: stix.value for stix in listed if stix.stix_type == "marking-definition"}

    def find_definition(ref: str) -> Mapping[str, Any] | None:
        return own.get(ref) or facts.find_marking(ref)

    labels = Labels(find_definition)
    return {
        stix.sha256: labels.effective(stix.value, carrier)
        for stix in listed
        if stix.stix_type not in (SIGNED_BUNDLE, "marking-definition", "extension-definition")
    }


def keep(
    session: Session, desk: Desk, record: ChannelRecord, judged: Judged, *, now: datetime
) -> None:
    """Write a judged entry down, tell the views, and have the members told.

    New objects first, then the contribution, then the entry: their `date_added` follows that
    order, which is the order of the ledger.

    Source: protocol, 7.
    """
    entry, state = judged.entry, judged.state
    dates = collections.append(session, record.id, items_kept(judged), now)
    session.add(entry_record(judged, dates[-1], now))
    session.flush()
    insert_rows(session, CoveredRecord, COVERED, covered_rows(judged))
    if judged.act in _DESCRIBING:
        keep_descriptors(session, record, state)
        author = judged.acting.author
        hear_chain(session, author, state.chains.get(author, ()), now=now)
    _forget_recalled(session, record.id, judged)
    if record.epoch is not None and max(record.epoch, entry.epoch or 0) > 1:
        # What a branch that we left had recalled does not come back with this one.
        recalls.carry_out(session, record.id, (one.item.ref for one in judged.covered))
    keep_disowned(session, record.id, judged.disowned)
    for ref in judged.released:
        collections.release(session, record.id, ref, by=dates[-1])
    stand_at(record, judged, desk.organisation, now)
    session.flush()
    collections.rename(session, record.id, record.name)
    desk.apply(session, judged, now)
    session.flush()
    if record.is_ours:
        ring(session, record.id, judged, desk.organisation, now=now)


def stand_at(record: ChannelRecord, judged: Judged, organisation: str, now: datetime) -> None:
    """Let a channel's row say what its ledger says at this entry."""
    entry, state = judged.entry, judged.state
    record.state = state.document()
    record.genesis = state.genesis
    record.owner, record.is_ours = state.owner, state.owner == organisation
    record.kind, record.name = state.kind, name_of(record, judged)
    record.epoch, record.seq = entry.place
    record.head_sha256, record.head_at = entry.sha256, read_time(entry.created)
    record.applied_at = now
    record.standing = _standing(state, organisation)
    record.doubt = record.sentence = record.doubted_at = None


def items_kept(judged: Judged) -> list[CollectionItem]:
    """Give what a judged entry brings into the collection, in the order of its `date_added`.

    What was covered before keeps the place that it had: who was not due it then is not now. Of
    bundles that are carried along another copy may be the one that proves.
    """
    items = [
        CollectionItem(covered.stix, covered.claimed, released=covered.later)
        for covered in judged.covered
        if covered.stix is not None
        and (covered.is_first or covered.stix.stix_type == SIGNED_BUNDLE)
    ]
    items += [CollectionItem(due.stix, due.claimed, released=True) for due in judged.due]
    bundles = [bundle for bundle in (judged.contribution, judged.entry) if bundle is not None]
    return [*items, *(CollectionItem(bundle.stix, None) for bundle in bundles)]


def ring(
    session: Session, channel: str, judged: Judged, organisation: str, *, now: datetime
) -> None:
    """Have the doorbell rung of every other member, and of whoever this entry made one no more.

    Source: protocol, 9.
    """
    told = set(judged.state.joined)
    for change in judged.changes:
        member = judged.state.members.get(change.subject)
        if change.thing == MEMBERSHIP and member is not None and member.stays:
            told.add(change.subject)
    for member_id in sorted(told - {organisation}):
        ask(session, RING_BELL, f"{channel} {member_id}", now=now, lane=f"{RING_BELL} {member_id}")


def head_of(record: ChannelRecord) -> Position | None:
    """Give the newest entry's position, `None` before the first."""
    if record.head_sha256 is None or record.epoch is None or record.seq is None:
        return None
    return Position(record.epoch, record.seq, record.head_sha256)


def name_of(record: ChannelRecord, judged: Judged) -> str:
    """Give the channel's name, by the newest version of its own identity."""
    for covered in judged.covered:
        if covered.stix is not None and covered.item.ref == judged.state.identity:
            return str(covered.stix.value.get("name", ""))[:NAME_LIMIT_CHARACTERS]
    return record.name


def _standing(state: ChannelState, organisation: str) -> Standing:
    """Tell how our copy stands: it ends with the entry that ends our stay.

    What comes to us after that entry comes because we are a member again further on.
    """
    member = state.members.get(organisation)
    if member is None or member.state not in ("left", "removed") or not member.stays:
        return Standing.CURRENT
    is_last = member.stays[-1].ended == (state.head.epoch, state.head.seq)
    return Standing.ENDED if is_last else Standing.CURRENT


def ledger_time(state: ChannelState, now: datetime) -> datetime:
    """Give now, or the time of the head where our clock is behind it. Source: protocol, 7."""
    head = read_instant(state.head_created)
    before = read_time(state.head_created)
    if head % 1_000_000:
        before += timedelta(milliseconds=1)
    return max(now, before)


COVERED: Final = (
    "channel",
    "epoch",
    "seq",
    "place",
    "ref",
    "version_ns",
    "sha256",
    "author",
    "claimed",
    "recalled",
    "disowned",
)


"""The columns of what `covered_rows` gives."""


def entry_record(judged: Judged, date_added: int, now: datetime) -> EntryRecord:
    """Give the row that keeps a judged entry."""
    entry, contribution, acting = judged.entry, judged.contribution, judged.acting
    epoch, seq = entry.place
    return EntryRecord(
        channel=entry.channel,
        epoch=epoch,
        seq=seq,
        sha256=entry.sha256,
        object_sha256=entry.stix.sha256,
        act=acting.act,
        author=acting.author,
        contribution_sha256=contribution and contribution.sha256,
        contribution_object=contribution and contribution.stix.sha256,
        created_at=read_time(entry.created),
        applied_at=now,
        date_added=date_added,
        void=judged.void and judged.void.doubt.value,
        sentence=judged.void and judged.void.message,
        known=judged.act is not None,
        kid=acting.kid,
        admitted_by=entry.author if contribution is not None else None,
        admitted_kid=entry.kid if contribution is not None else None,
        created_text=entry.created,
    )


def covered_rows(judged: Judged) -> list[tuple[Any, ...]]:
    """Give the rows that say what a judged entry covers, in the order of `COVERED`."""
    entry = judged.entry
    epoch, seq = entry.place
    return [
        (
            entry.channel,
            epoch,
            seq,
            place,
            covered.item.ref,
            str(covered.item.version_ns),
            covered.item.sha256,
            covered.author,
            covered.claimed,
            False,
            False,
        )
        for place, covered in enumerate(judged.covered)
    ]


def keep_descriptors(session: Session, record: ChannelRecord, state: ChannelState) -> None:
    """Keep the chains as they stand: a branch that the recovery key has signed replaces."""
    known = {
        (row.organisation, row.version): row
        for row in session.scalars(
            select(DescribedRecord).where(DescribedRecord.channel == record.id)
        )
    }
    for organisation, chain in state.chains.items():
        for descriptor in chain:
            row = known.pop((organisation, descriptor.version), None)
            if row is None:
                session.add(
                    DescribedRecord(
                        channel=record.id,
                        organisation=organisation,
                        version=descriptor.version,
                        jws=canonical(dict(descriptor.jws)),
                    )
                )
            elif _descriptor(row.jws).sha256 != descriptor.sha256:
                row.jws = canonical(dict(descriptor.jws))
    for row in known.values():
        session.delete(row)


def _forget_recalled(session: Session, channel: str, judged: Judged) -> None:
    """Stop serving what was recalled; delete the bytes where its author said so.

    Source: protocol, 12.
    """
    gone: list[str] = []
    for ref in judged.recalled:
        hidden = collections.hide(session, channel, ref)
        if ref in judged.erased:
            gone += hidden
        session.execute(
            update(CoveredRecord)
            .where(CoveredRecord.channel == channel, CoveredRecord.ref == ref)
            .values(recalled=True)
            .execution_options(synchronize_session=False)
        )
    if gone:
        objects.delete_content(session, gone)


def keep_disowned(session: Session, channel: str, disowned: Disowned) -> None:
    """Mark what its author disowned, and stop serving what nobody else has covered.

    The bytes stay where they are: they are evidence of what a thief wrote.
    """
    if not disowned.bundles:
        return
    session.execute(
        update(EntryRecord)
        .where(
            EntryRecord.channel == channel,
            or_(
                among(session, EntryRecord.contribution_sha256, disowned.bundles),
                among(session, EntryRecord.sha256, disowned.bundles),
            ),
        )
        .values(disowned=True)
        .execution_options(synchronize_session="fetch")
    )
    session.execute(
        update(CoveredRecord)
        .where(
            CoveredRecord.channel == channel,
            among(session, CoveredRecord.sha256, disowned.hidden),
        )
        .values(disowned=True)
        .execution_options(synchronize_session=False)
    )
    collections.hide_contents(session, channel, disowned.hidden)


@lru_cache(maxsize=4096)
def _descriptor(jws: bytes) -> Descriptor:
    return read_descriptor(read_json(jws, limit_bytes=2 * DESCRIPTOR_LIMIT_BYTES))

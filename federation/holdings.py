"""What this node knows of who holds its channels: per member and per object.

Source: protocol, 10 (*Receipts*).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from federation.bundles import Position, SignedBundle
from federation.holding import CoveredObject, Holding, Vouched, Words, find_holders
from federation.ledger import get_state, head_of
from federation.ledger_records import ChannelRecord, CoveredRecord, EntryRecord
from federation.receipt_records import ReceiptRecord, WitnessRecord
from federation.sources import source_of
from federation.state import Member, Place
from federation.vouching import RECEIPT_AT_LEAST_EVERY
from federation.witnesses import find_contradictions
from policies.acts import LATER_MEMBERS, Act
from policies.errors import NotFoundError
from sharing import objects
from sharing.canonical import write_time
from sharing.objects import SIGNED_BUNDLE, StixObject

SILENT_AFTER: Final = RECEIPT_AT_LEAST_EVERY + timedelta(hours=1)
"""Whose last receipt is older than this is shown as silent: it gives one a day at least."""
HIDDEN_AFTER: Final = timedelta(minutes=10)
"""How long the owner may take to pass on a receipt before that is shown."""


@dataclass(frozen=True, slots=True)
class MemberHolding:
    """How far one member holds a channel, by its own signed word.

    Args:
        voucher: `owner`: its entries are its word; `receipt`; `None`: it gave none yet.
        head: the newest place that it vouched for on our chain.
        at: when, it says.
        kept_at: when its word came here.
        behind: how many entries of our chain it has not vouched for.
        behind_since: ledger time of the first of them.
        silent: it gave no receipt for longer than a day.
        hidden_since: since when the owner has not passed on what it says.
        contradicts: places where it names another entry than ours.
        asked_at, answered_at, sentence: how our own questions went.
        jws: its newest receipt.
    """

    organisation: str
    without_node: bool
    voucher: str | None
    head: Position | None
    at: datetime | None
    kept_at: datetime | None
    behind: int
    behind_since: datetime | None
    silent: bool
    hidden_since: datetime | None
    contradicts: tuple[Place, ...]
    asked_at: datetime | None
    answered_at: datetime | None
    sentence: str | None
    jws: str | None

    @property
    def holds_all(self) -> bool:
        """Tell whether it holds all that is here."""
        return self.head is not None and self.behind == 0


def find_members(session: Session, record: ChannelRecord, *, now: datetime) -> list[MemberHolding]:
    """Give how far each present member holds a channel, in the order of the ledger's members."""
    state = get_state(session, record)
    head = head_of(record)
    newest = _newest_receipts(session, record.id)
    witnesses = {
        row.organisation: row
        for row in session.scalars(select(WitnessRecord).where(WitnessRecord.channel == record.id))
    }
    contradictions = _contradictions(session, record.id)
    taken_over = witnesses.get(source_of(record))
    found = []
    for member in state.members.values():
        if not member.is_joined:
            continue
        who = member.organisation
        if who == state.owner:
            found.append(_owner(member, head, record, witnesses.get(who)))
            continue
        held = newest.get(who)
        behind, since = _behind(session, record.id, head, held, member)
        witness = witnesses.get(who)
        found.append(
            MemberHolding(
                organisation=who,
                without_node=member.without_node,
                voucher="receipt" if held is not None else None,
                head=Position(held.epoch, held.seq, held.sha256) if held is not None else None,
                at=held.at if held is not None else None,
                kept_at=held.kept_at if held is not None else None,
                behind=behind,
                behind_since=since,
                silent=_is_silent(session, record, member, now),
                hidden_since=_hidden_since(session, record, who, taken_over),
                contradicts=tuple(contradictions.get(who, ())),
                asked_at=witness.asked_at if witness is not None else None,
                answered_at=witness.answered_at if witness is not None else None,
                sentence=witness.sentence if witness is not None else None,
                jws=held.jws if held is not None else None,
            )
        )
    return found


def find_holdings(
    session: Session, record: ChannelRecord, ref: str, name: Callable[[str], str]
) -> list[Holding]:
    """Give who has held each content of an object, in the ledger's order.

    Args:
        name: gives an organisation's name.

    Raises:
        NotFoundError: the ledger covers no such object.
    """
    state = get_state(session, record)
    covered = _covered_objects(session, record, ref)
    if not covered:
        raise NotFoundError("this channel's ledger covers no such object", field="object")
    first = min(one.place for one in covered)
    words = Words(
        _receipts(session, record.id, first), _owners_entries(session, record.id, covered), name
    )
    return [find_holders(state, one, words) for one in covered]


def find_entry_holding(
    session: Session, record: ChannelRecord, place: Place, name: Callable[[str], str]
) -> tuple[Holding, list[str]]:
    """Give who has held an entry, and the ids of the objects that it covers.

    Raises:
        NotFoundError: the ledger has no such entry.
    """
    state = get_state(session, record)
    row = session.get(EntryRecord, (record.id, *place))
    if row is None:
        raise NotFoundError("this channel's ledger has no such entry", field="entry")
    entry = _bundle(session, row.object_sha256)
    acting = _acting(session, row, entry)
    one = CoveredObject(
        ref=entry.bundle_id,
        version=entry.created,
        sha256=entry.sha256,
        place=place,
        at=entry.created,
        entry=entry.sha256,
        author=acting.author,
        authored_at=acting.created,
        bundle=acting.sha256,
    )
    words = Words(
        _receipts(session, record.id, place), _owners_entries(session, record.id, [one]), name
    )
    refs = session.scalars(
        select(CoveredRecord.ref)
        .where(
            CoveredRecord.channel == record.id,
            CoveredRecord.epoch == place[0],
            CoveredRecord.seq == place[1],
            CoveredRecord.ref.not_like(f"{SIGNED_BUNDLE}--%"),
        )
        .order_by(CoveredRecord.place)
    )
    return find_holders(state, one, words), list(dict.fromkeys(refs))


def receipts_on_chain(
    session: Session, channel: str, since: Place = (0, 0)
) -> Sequence[ReceiptRecord]:
    """Give the receipts that name entries of our chain, in its order."""
    return session.scalars(
        select(ReceiptRecord)
        .join(EntryRecord, _on_chain())
        .where(
            ReceiptRecord.channel == channel,
            or_(
                ReceiptRecord.epoch > since[0],
                and_(ReceiptRecord.epoch == since[0], ReceiptRecord.seq >= since[1]),
            ),
        )
        .order_by(ReceiptRecord.epoch, ReceiptRecord.seq, ReceiptRecord.author, ReceiptRecord.at)
    ).all()


def _owner(
    member: Member, head: Position | None, record: ChannelRecord, witness: WitnessRecord | None
) -> MemberHolding:
    return MemberHolding(
        organisation=member.organisation,
        without_node=member.without_node,
        voucher="owner",
        head=head,
        at=record.head_at,
        kept_at=record.applied_at,
        behind=0,
        behind_since=None,
        silent=False,
        hidden_since=None,
        contradicts=(),
        asked_at=witness.asked_at if witness is not None else None,
        answered_at=witness.answered_at if witness is not None else None,
        sentence=witness.sentence if witness is not None else None,
        jws=None,
    )


def _newest_receipts(session: Session, channel: str) -> dict[str, ReceiptRecord]:
    """Give each author's receipt for the furthest entry of our chain, the newest of them."""
    rank = (
        func.row_number()
        .over(
            partition_by=ReceiptRecord.author,
            order_by=(
                ReceiptRecord.epoch.desc(),
                ReceiptRecord.seq.desc(),
                ReceiptRecord.id.desc(),
            ),
        )
        .label("rank")
    )
    ranked = (
        select(ReceiptRecord.id, rank)
        .join(EntryRecord, _on_chain())
        .where(ReceiptRecord.channel == channel)
        .subquery()
    )
    rows = session.scalars(
        select(ReceiptRecord).where(
            ReceiptRecord.id.in_(select(ranked.c.id).where(ranked.c.rank == 1))
        )
    )
    return {row.author: row for row in rows}


def _contradictions(session: Session, channel: str) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for row in find_contradictions(session, channel):
        places = found.setdefault(row.author, [])
        if (row.epoch, row.seq) not in places:
            places.append((row.epoch, row.seq))
    return found


def _behind(
    session: Session,
    channel: str,
    head: Position | None,
    held: ReceiptRecord | None,
    member: Member,
) -> tuple[int, datetime | None]:
    """Count the entries that a member has not vouched for, and give the time of the first."""
    if head is None or (held is not None and (held.epoch, held.seq) == (head.epoch, head.seq)):
        return 0, None
    if held is not None:
        beyond = or_(
            EntryRecord.epoch > held.epoch,
            and_(EntryRecord.epoch == held.epoch, EntryRecord.seq > held.seq),
        )
    else:
        epoch, seq = member.stays[-1].joined
        beyond = or_(
            EntryRecord.epoch > epoch, and_(EntryRecord.epoch == epoch, EntryRecord.seq >= seq)
        )
    query = select(func.count(), func.min(EntryRecord.created_at))
    count, since = session.execute(query.where(EntryRecord.channel == channel, beyond)).one()
    return count, since


def _is_silent(session: Session, record: ChannelRecord, member: Member, now: datetime) -> bool:
    if member.without_node:
        return False
    last = session.scalar(
        select(func.max(ReceiptRecord.kept_at)).where(
            ReceiptRecord.channel == record.id, ReceiptRecord.author == member.organisation
        )
    )
    if last is None:
        joined = session.get(EntryRecord, (record.id, *member.stays[-1].joined))
        last = joined.applied_at if joined is not None else now
    return now - last > SILENT_AFTER


def _hidden_since(
    session: Session, record: ChannelRecord, organisation: str, owner: WitnessRecord | None
) -> datetime | None:
    """Give since when the owner has not passed on what a member says, though it answered us."""
    if record.is_ours or owner is None or owner.answered_at is None:
        return None
    shown = session.scalar(
        select(func.max(ReceiptRecord.id)).where(
            ReceiptRecord.channel == record.id,
            ReceiptRecord.author == organisation,
            ReceiptRecord.shown_by_owner,
        )
    )
    first = session.scalar(
        select(func.min(ReceiptRecord.kept_at)).where(
            ReceiptRecord.channel == record.id,
            ReceiptRecord.author == organisation,
            ReceiptRecord.id > (shown or 0),
        )
    )
    return first if first is not None and owner.answered_at - first > HIDDEN_AFTER else None


def _receipts(session: Session, channel: str, since: Place) -> dict[str, list[Vouched]]:
    said: dict[str, list[Vouched]] = {}
    for row in receipts_on_chain(session, channel, since):
        word = Vouched((row.epoch, row.seq), write_time(row.at), row.sha256, row.jws)
        said.setdefault(row.author, []).append(word)
    return said


def _owners_entries(
    session: Session, channel: str, covered: Iterable[CoveredObject]
) -> dict[str, list[Vouched]]:
    """Give of each epoch the owner's first entry at or behind each place that is asked about."""
    places = {one.place for one in covered}
    places |= {place for one in covered for place in (one.recalled, one.released) if place}
    found: dict[str, list[Vouched]] = {}
    openings = session.scalars(
        select(EntryRecord).where(
            EntryRecord.channel == channel,
            EntryRecord.seq == 0,
            EntryRecord.act == Act.CHANNEL_OPENED.value,
        )
    ).all()
    for opening in openings:
        starts = {
            (opening.epoch, max(place[1] if place[0] == opening.epoch else 0, 0))
            for place in places
            if place[0] <= opening.epoch
        }
        for place in sorted(starts):
            entry = session.get(EntryRecord, (channel, *place))
            if entry is not None:
                word = Vouched(place, write_time(entry.created_at), entry.sha256)
                found.setdefault(opening.author, []).append(word)
    return found


def _covered_objects(session: Session, record: ChannelRecord, ref: str) -> list[CoveredObject]:
    rows = session.scalars(
        select(CoveredRecord)
        .where(CoveredRecord.channel == record.id, CoveredRecord.ref == ref)
        .order_by(CoveredRecord.epoch, CoveredRecord.seq, CoveredRecord.place)
    ).all()
    first: dict[str, CoveredRecord] = {}
    for row in rows:
        first.setdefault(row.sha256, row)
    if not first:
        return []
    released = _places_of(session, record.id, Act.OBJECT_RELEASED, ref)
    recalled = _places_of(session, record.id, Act.OBJECT_RECALLED, ref)
    return [_covered(session, row, released, recalled) for row in first.values()]


def _covered(
    session: Session, row: CoveredRecord, released: list[Place], recalled: list[Place]
) -> CoveredObject:
    place = (row.epoch, row.seq)
    entry_row = session.get_one(EntryRecord, (row.channel, *place))
    entry = _bundle(session, entry_row.object_sha256)
    acting = _acting(session, entry_row, entry)
    bundle = acting if acting.author == row.author else entry
    version = next((one.version for one in bundle.contents if one.sha256 == row.sha256), None)
    return CoveredObject(
        ref=row.ref,
        version=version,
        sha256=row.sha256,
        place=place,
        at=entry.created,
        entry=entry.sha256,
        author=row.author,
        authored_at=bundle.created,
        bundle=bundle.sha256,
        claimed=None if bundle.body.get(LATER_MEMBERS) is True else row.claimed,
        released=min((one for one in released if one >= place), default=None),
        recalled=min((one for one in recalled if one >= place), default=None),
    )


def _places_of(session: Session, channel: str, act: Act, ref: str) -> list[Place]:
    """Give the places of the entries in effect by which an act was done to an object."""
    rows = session.scalars(
        select(EntryRecord).where(
            EntryRecord.channel == channel,
            EntryRecord.act == act.value,
            EntryRecord.void.is_(None),
        )
    )
    found = []
    for row in rows:
        body: dict[str, Any] = dict(
            _bundle(session, row.contribution_object or row.object_sha256).body
        )
        if ref in body.get("objects", ()):
            found.append((row.epoch, row.seq))
    return found


def _acting(session: Session, row: EntryRecord, entry: SignedBundle) -> SignedBundle:
    """Give the bundle whose act an entry is: the contribution where it admits one."""
    if row.contribution_object is None:
        return entry
    return _bundle(session, row.contribution_object)


def _bundle(session: Session, sha256: str) -> SignedBundle:
    contents = objects.find_contents(session, [sha256])
    return SignedBundle.read(StixObject.read(contents[sha256]))


def _on_chain() -> Any:
    return and_(
        EntryRecord.channel == ReceiptRecord.channel,
        EntryRecord.epoch == ReceiptRecord.epoch,
        EntryRecord.seq == ReceiptRecord.seq,
        EntryRecord.sha256 == ReceiptRecord.sha256,
    )

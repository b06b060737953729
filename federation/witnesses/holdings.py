"""Who has held an object or an entry of a channel, by what this node keeps.

Source: protocol, 10 (*Receipts*).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from federation.judging.bundles import SignedBundle
from federation.judging.holding import CoveredObject, Holding, Vouched, Words, find_holders
from federation.judging.state import Place
from federation.ledgers.ledger import get_state
from federation.ledgers.ledger_records import ChannelRecord, CoveredRecord, EntryRecord
from federation.ledgers.receipt_records import ReceiptRecord
from federation.witnesses.witnesses import is_on_chain
from policies.acts import LATER_MEMBERS, Act
from policies.errors import NotFoundError
from sharing import objects
from sharing.canonical import write_time
from sharing.objects import SIGNED_BUNDLE, StixObject


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
        .join(EntryRecord, is_on_chain())
        .where(
            ReceiptRecord.channel == channel,
            or_(
                ReceiptRecord.epoch > since[0],
                and_(ReceiptRecord.epoch == since[0], ReceiptRecord.seq >= since[1]),
            ),
        )
        .order_by(ReceiptRecord.epoch, ReceiptRecord.seq, ReceiptRecord.author, ReceiptRecord.at)
    ).all()


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

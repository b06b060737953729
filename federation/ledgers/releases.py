"""What travels with a release: an owner that joined late lacks what it is asked to serve.

Source: protocol, 5 (*Late joiners*) and 8.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.judging.bundles import SignedBundle
from federation.judging.contents import is_withheld, released_refs
from federation.ledgers.ledger import get_state
from federation.ledgers.ledger_records import ChannelRecord, CoveredRecord
from sharing import collections
from sharing.bulk import among
from sharing.objects import StixObject


def lacking_there(session: Session, record: ChannelRecord, bundle: bytes) -> list[bytes]:
    """Give the bytes that a contribution releases and that its owner was never due.

    The ledger tells which these are; whatever else it tells, the author of a release has them.
    """
    released = SignedBundle.read(StixObject.read(bundle))
    refs = released_refs(released)
    if not refs:
        return []
    state = get_state(session, record)
    wanted = []
    for row in _covered(session, record.id, refs):
        place = (row.epoch, row.seq)
        if not row.recalled and is_withheld(state, record.owner, place, row.claimed):
            wanted.append(row.sha256)
    found = collections.find_contents(session, record.id, wanted)
    return [found[sha256] for sha256 in dict.fromkeys(wanted) if sha256 in found]


def _covered(session: Session, channel: str, refs: Iterable[str]) -> Iterable[CoveredRecord]:
    """Give where each content of these objects was covered, oldest first."""
    return session.scalars(
        select(CoveredRecord)
        .where(CoveredRecord.channel == channel, among(session, CoveredRecord.ref, refs))
        .order_by(CoveredRecord.epoch, CoveredRecord.seq, CoveredRecord.place)
    )

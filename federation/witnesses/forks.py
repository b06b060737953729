"""Proofs of a fork: two entries for one place, both signed by the owner.

What a member names and nobody shows proves nothing: it may be its own invention.

Source: protocol, 10 and 14 (*split view*).
"""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.judging.bundles import Position, SignedBundle
from federation.judging.contents import is_proven
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.state import ChannelState
from federation.ledgers.ledger import get_state
from federation.ledgers.ledger_records import ChannelRecord, EntryRecord, EvidenceRecord
from federation.ledgers.stops import freeze, keep_evidence
from federation.witnesses.witnesses import find_contradictions
from policies.errors import InvalidError
from sharing import objects
from sharing.objects import StixObject

logger = logging.getLogger(__name__)


def find_suspicions(
    session: Session, channel: str, organisation: str, head: Position | None
) -> list[Position]:
    """Give the entries that a member names in place of ours and that we have not seen.

    Args:
        head: what it says, unsigned, where it stands.
    """
    named = {
        Position(row.epoch, row.seq, row.sha256)
        for row in find_contradictions(session, channel)
        if row.author == organisation
    }
    if head is not None:
        ours = session.get(EntryRecord, (channel, head.epoch, head.seq))
        if ours is not None and ours.sha256 != head.sha256:
            named.add(head)
    seen = {entry.position for entry in _shown(session, channel)} if named else set()
    return sorted(named - seen, key=lambda place: (place.epoch, place.seq, place.sha256))


def settle_suspicion(
    session: Session,
    record: ChannelRecord,
    theirs: SignedBundle,
    *,
    shown_by: str,
    now: datetime,
) -> bool:
    """Freeze where an entry that a member shows proves that the owner signed two for one place.

    Of an epoch that was left behind it is kept as evidence and stops nothing any more.

    Args:
        record: the channel's, locked.
        theirs: as the member shows it; nothing about it is believed.
        shown_by: the member.
    """
    state = get_state(session, record)
    ours = _find_ours(session, record.id, theirs)
    if ours is None or theirs.channel != record.id or ours.sha256 == theirs.sha256:
        return False
    if theirs.author != ours.author or not is_proven(theirs, state.chains):
        logger.info("an entry beside our chain proves nothing", extra={"channel": record.id})
        return False
    error = DoubtError(Doubt.FORK, _words(state, theirs, shown_by))
    keep_evidence(session, record, error, ours.stix.content, now)
    if theirs.epoch == state.head.epoch:
        freeze(session, record, error, theirs.stix.content, now=now)
    else:
        keep_evidence(session, record, error, theirs.stix.content, now)
    return True


def _words(state: ChannelState, theirs: SignedBundle, shown_by: str) -> str:
    def name(organisation: str) -> str:
        descriptor = state.descriptor(organisation)
        return descriptor.name if descriptor is not None else organisation

    epoch, seq = theirs.place
    return (
        f"{name(theirs.author)} signed two different entries {epoch}/{seq}: "
        f"the one here, and the one that {name(shown_by)} was shown"
    )


def _find_ours(session: Session, channel: str, theirs: SignedBundle) -> SignedBundle | None:
    if not theirs.is_entry:
        return None
    entry = session.get(EntryRecord, (channel, *theirs.place))
    if entry is None:
        return None
    stix = objects.find(session, entry.object_sha256)
    return SignedBundle.read(stix) if stix is not None else None


def _shown(session: Session, channel: str) -> list[SignedBundle]:
    """Give the entries that we hold as evidence of a fork."""
    query = select(EvidenceRecord.content).where(
        EvidenceRecord.channel == channel, EvidenceRecord.doubt == Doubt.FORK.value
    )
    found = []
    for content in session.scalars(query):
        try:
            bundle = SignedBundle.read(StixObject.read(content))
        except (DoubtError, InvalidError):
            continue
        if bundle.is_entry:
            found.append(bundle)
    return found

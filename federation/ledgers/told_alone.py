"""What a partner told us alone: words for a coordinator, in the partner's direct channel.

Source: domain, 1 (*For the coordinator alone*); decision 21.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from federation.judging.state import Place
from federation.ledgers.ledger_records import ChannelRecord, EntryRecord
from policies.acts import TOLD_ALONE, ChannelKind


def can_tell_alone(record: ChannelRecord) -> bool:
    """Tell whether words in a channel can be for us alone: in a partner's direct channel."""
    return record.kind is ChannelKind.DIRECT and not record.is_ours


def entries_told_alone(session: Session, record: ChannelRecord) -> frozenset[Place]:
    """Give where in a channel the entries stand that were told us alone."""
    if not can_tell_alone(record):
        return frozenset()
    query = select(EntryRecord.epoch, EntryRecord.seq).where(*_told_alone_in(record))
    return frozenset((epoch, seq) for epoch, seq in session.execute(query))


def was_told_alone(session: Session, record: ChannelRecord) -> bool:
    """Tell whether a channel holds such words, which go to coordinators and handlers only."""
    if not can_tell_alone(record):
        return False
    query = select(EntryRecord.seq).where(*_told_alone_in(record))
    return session.execute(query.limit(1)).first() is not None


def _told_alone_in(record: ChannelRecord) -> tuple[ColumnElement[bool], ...]:
    acts = [act.value for act in TOLD_ALONE]
    return EntryRecord.channel == record.id, EntryRecord.act.in_(acts)

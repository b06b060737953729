"""What a partner told us alone: words for a coordinator, in the partner's direct channel.

Source: domain, 1 (*For the coordinator alone*); decision 21.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.ledgers.ledger_records import ChannelRecord, EntryRecord
from policies.acts import TOLD_ALONE, ChannelKind


def can_tell_alone(record: ChannelRecord) -> bool:
    """Tell whether words in a channel can be for us alone: in a partner's direct channel."""
    return record.kind is ChannelKind.DIRECT and not record.is_ours


def was_told_alone(session: Session, record: ChannelRecord) -> bool:
    """Tell whether a channel holds such words, which go to coordinators and handlers only."""
    if not can_tell_alone(record):
        return False
    acts = [act.value for act in TOLD_ALONE]
    query = select(EntryRecord.seq).where(
        EntryRecord.channel == record.id, EntryRecord.act.in_(acts)
    )
    return session.execute(query.limit(1)).first() is not None

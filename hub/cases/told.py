"""Which words in a case are the coordinator's, on behalf of an organisation that could not write.

Each word has a mark of its own: what an organisation signed later is its own, and what was told
by telephone before stays the coordinator's word beside it.

Source: lifecycles, 1, rule 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.channels.relay_records import RelayAnswer, RelayedView
from sharing.db import once


@dataclass(frozen=True)
class Mark:
    """How a word came to the coordinator, and what the organisation itself says of it."""

    bundle: str
    organisation: str
    way: str
    at: datetime
    answer: RelayAnswer


def marks_in(session: Session, channel: str) -> Mapping[str, Mark]:
    """Give hash of a statement → how it came, for all that was told in a channel."""
    return once(session, ("marks", channel), lambda: _marks_in(session, channel))


def _marks_in(session: Session, channel: str) -> Mapping[str, Mark]:
    rows = session.scalars(select(RelayedView).where(RelayedView.channel == channel))
    return {
        row.bundle: Mark(row.bundle, row.organisation, row.way, row.told_at, row.answer)
        for row in rows
    }

"""Whether the database has lost its newest commits without a word: a promoted standby.

PostgreSQL begins a new timeline when a standby is promoted, or a server is recovered up to some
earlier moment. Commits that were not copied in time are gone then, and nothing in the data says
so. On an embedded database there is no such thing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from federation.ledgers.timeline_records import ONE, TimelineRecord

_NOW_ON: Final = text("SELECT left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)")


def has_turned(session: Session) -> bool:
    """Tell whether the database goes on from an earlier moment than we have worked on."""
    present = _find_present(session)
    if present is None:
        return False
    known = session.get(TimelineRecord, ONE)
    return known is not None and known.timeline != present


def note_timeline(session: Session, *, now: datetime) -> None:
    """Note the timeline that we work on from now on."""
    present = _find_present(session)
    if present is None:
        return
    known = session.get(TimelineRecord, ONE)
    if known is None:
        session.add(TimelineRecord(id=ONE, timeline=present, noted_at=now))
    elif known.timeline != present:
        known.timeline, known.noted_at = present, now


def _find_present(session: Session) -> str | None:
    if session.get_bind().dialect.name != "postgresql":
        return None
    return str(session.execute(_NOW_ON).scalar_one())

"""Quotas of single partners: what they are allowed, and who is throttled since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.partners.quota_records import QuotaRecord
from federation.partners.quotas import Quota
from policies.errors import InvalidError

USUAL_PERCENT: Final = 100
LEAST_PERCENT: Final = 1
MOST_PERCENT: Final = 10_000
PAUSE: Final = timedelta(minutes=2)
"""A partner that was refused nothing for so long is not throttled any more."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """That a partner asks for more than it may, as people are told.

    Args:
        what: the quota that was used up.
        refused_count: requests refused since then.
    """

    since: datetime
    at: datetime
    what: str
    refused_count: int


def read_percents(session: Session) -> dict[str, int]:
    """Give organisation → percent of the usual quota, where it is another."""
    rows = session.scalars(select(QuotaRecord).where(QuotaRecord.percent != USUAL_PERCENT))
    return {row.organisation: row.percent for row in rows}


def percent_of(session: Session, organisation: str) -> int:
    """Give what an organisation is allowed, in percent of the usual quota."""
    row = session.get(QuotaRecord, organisation)
    return row.percent if row is not None else USUAL_PERCENT


def set_percent(session: Session, organisation: str, percent: int) -> None:
    """Allow an organisation more or less than usual.

    Raises:
        InvalidError: less than nothing, or more than a hundred times as much.
    """
    if not LEAST_PERCENT <= percent <= MOST_PERCENT:
        raise InvalidError(f"from {LEAST_PERCENT} to {MOST_PERCENT} percent", field="percent")
    _row(session, organisation).percent = percent
    session.flush()


def find_throttled(session: Session, organisation: str, *, now: datetime) -> Throttled | None:
    """Give since when a partner is throttled, `None` where it is not."""
    row = session.get(QuotaRecord, organisation)
    if row is None or row.throttled_since is None or row.throttled_at is None:
        return None
    if now - row.throttled_at > PAUSE:
        return None
    return Throttled(row.throttled_since, row.throttled_at, row.what or "", row.refused_count)


def record_refusals(
    session: Session, organisation: str, quota: Quota, count: int, *, now: datetime
) -> None:
    """Remember that requests were refused."""
    row = _row(session, organisation)
    if row.throttled_at is None or now - row.throttled_at > PAUSE:
        row.throttled_since, row.refused_count = now, 0
    row.throttled_at, row.what = now, quota.value
    row.refused_count += count
    session.flush()


def _row(session: Session, organisation: str) -> QuotaRecord:
    row = session.get(QuotaRecord, organisation, with_for_update=True)
    if row is None:
        row = QuotaRecord(organisation=organisation, percent=USUAL_PERCENT, refused_count=0)
        session.add(row)
    return row

"""Recalls that stay in force in every branch of a ledger.

Source: protocol, 11: a recall once verified stays in force in every branch.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from federation.ledgers import stage
from federation.ledgers.branch_records import RecallInForceRecord
from federation.ledgers.ledger_records import CoveredRecord, StagedRecord
from sharing import collections, objects


def keep_in_force(session: Session, channel: str, recalled: Iterable[str], *, erased: bool) -> None:
    """Keep up what entries recalled that are about to be abandoned."""
    for ref in recalled:
        row = session.get(RecallInForceRecord, (channel, ref))
        if row is None:
            session.add(RecallInForceRecord(channel=channel, ref=ref, erased=erased))
        else:
            row.erased = row.erased or erased
    session.flush()


def in_force(session: Session, channel: str) -> dict[str, bool]:
    """Give what branches that we left had recalled: STIX id → whether its bytes go."""
    rows = session.execute(
        select(RecallInForceRecord.ref, RecallInForceRecord.erased).where(
            RecallInForceRecord.channel == channel
        )
    )
    return {row.ref: row.erased for row in rows}


def carry_out(session: Session, channel: str, refs: Iterable[str]) -> None:
    """Stop serving what comes back although a branch that we left had recalled it."""
    kept = in_force(session, channel)
    for ref in {ref for ref in refs if ref in kept}:
        hidden = collections.hide(session, channel, ref)
        if kept[ref]:
            objects.delete_content(session, hidden)


def forget_staged(session: Session, channel: str) -> None:
    """Drop what is staged although it stands in our ledger and was recalled, here or on a branch.

    Another member may show it that has not read the recall, or has left the branch that had it.
    """
    again = select(CoveredRecord.sha256).where(
        CoveredRecord.channel == channel,
        or_(CoveredRecord.recalled, CoveredRecord.ref.in_(in_force(session, channel))),
    )
    staged = select(StagedRecord.sha256).where(
        StagedRecord.channel == channel, StagedRecord.sha256.in_(again)
    )
    stage.clear(session, channel, session.scalars(staged).all())

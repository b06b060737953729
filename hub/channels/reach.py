"""Whose node can write now itself: for these, nobody else speaks.

Source: lifecycles, 1, rule 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from federation.judging.state import Member
from federation.ledgers.ledger_records import ChannelRecord, EntryRecord
from federation.partners.partners import partners

SILENT_AFTER: Final = timedelta(minutes=10)
"""How long a node has to be silent before anybody else speaks for its organisation."""


def heard_lately(
    session: Session, record: ChannelRecord, members: Iterable[Member], *, now: datetime
) -> Mapping[str, datetime]:
    """Give when the nodes of joined members were last heard from, where they could write now.

    What the ledger tells (no node, suspended) decides for everybody; whether a node is silent,
    this side alone can know: it is asked before writing, and lets no replica refuse.
    """
    able = {one.organisation for one in members if one.is_joined and not one.without_node}
    if not able:
        return {}
    since = now - SILENT_AFTER
    wrote = session.execute(
        select(EntryRecord.author, func.max(EntryRecord.applied_at))
        .where(
            *_applied_since(session, record.id, since),
            EntryRecord.contribution_sha256.is_not(None),
        )
        .group_by(EntryRecord.author)
    )
    signs = [(who, at) for who, at in wrote if who in able]
    signs += [
        (one.organisation, one.heard_at)
        for one in partners(session)
        if one.active and one.organisation in able and one.heard_at is not None
    ]
    heard: dict[str, datetime] = {}
    for who, at in signs:
        if at >= since:
            heard[who] = max(at, heard.get(who, at))
    return heard


def _applied_since(
    session: Session, channel: str, since: datetime
) -> tuple[ColumnElement[bool], ...]:
    """Give which entries were applied since then: those behind the last one from before.

    They are applied in their order, so that one is found from the end, and the rest is not read.
    """
    before = session.execute(
        select(EntryRecord.epoch, EntryRecord.seq)
        .where(EntryRecord.channel == channel, EntryRecord.applied_at < since)
        .order_by(EntryRecord.epoch.desc(), EntryRecord.seq.desc())
        .limit(1)
    ).one_or_none()
    here = EntryRecord.channel == channel
    if before is None:
        return (here,)
    epoch, seq = before
    later = and_(EntryRecord.epoch == epoch, EntryRecord.seq > seq)
    return here, or_(later, EntryRecord.epoch > epoch)

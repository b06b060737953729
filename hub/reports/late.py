"""By when reports are to be acknowledged: as a charter has it that both organisations are under.

Source: domain, 2 (*Plan and prepare*: reply times); lifecycles, 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from hub.accounts.actor import Actor
from hub.community.terms import reply_among
from hub.reports.queries import Travelled, visible_unacknowledged
from policies.charter import Answering
from policies.reports import ReportState
from policies.roles import Right


def answer_by(
    session: Session, reports: Sequence[Travelled], *, us: str
) -> dict[tuple[str, str], datetime]:
    """Give by when each of these is to be acknowledged: channel and id → when.

    What is acknowledged already, and what no charter has a time for, is left out.
    """
    waiting = [one for one in reports if one.state is ReportState.SUBMITTED]
    others = {one.addressee if one.is_ours else one.reporter for one in waiting}
    within = reply_among(session, Answering.REPORT, others, us=us)
    return {
        # What came to us counts from when it was here, whatever time its reporter claims.
        (one.channel, one.report): (one.submitted_at if one.is_ours else one.received_at)
        + within[other]
        for one in waiting
        if (other := one.addressee if one.is_ours else one.reporter) in within
    }


def visible_late_reports(
    session: Session, actor: Actor, *, us: str, now: datetime
) -> list[tuple[Travelled, datetime]]:
    """Give the reports of ours that are not acknowledged in time, and by when they were to be."""
    if not actor.may(Right.CONTRIBUTE):
        return []
    sent = visible_unacknowledged(session, actor, us=us)
    until = answer_by(session, sent, us=us)
    places = [(one, until.get((one.channel, one.report))) for one in sent]
    late = [(one, at) for one, at in places if at is not None and at < now]
    return sorted(late, key=lambda pair: pair[1])

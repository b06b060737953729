"""Decide and do it, in one step: start, decline, close; and what follows from votes.

Source: lifecycles, 1 (rule 5) and 4.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from hub.accounts.actor import Actor
from hub.cases import course, deciding
from hub.cases.queries import get_case_row, get_decision_row
from policies.decisions import YES, Topic


def start(
    session: Session, desk: Desk, actor: Actor, channel: str, *, reason: str, now: datetime
) -> Written:
    """Decide to coordinate, and start."""
    get_case_row(session, actor, channel)
    decision = deciding.decide(
        session, desk, actor, channel, topic=Topic.START, rationale=reason, now=now
    )
    return course.start(session, desk, actor, channel, decision=decision, now=now)


def decline(
    session: Session, desk: Desk, actor: Actor, channel: str, *, reason: str, now: datetime
) -> Written:
    """Decide not to coordinate."""
    get_case_row(session, actor, channel)
    decision = deciding.decide(
        session, desk, actor, channel, topic=Topic.DECLINE, rationale=reason, now=now
    )
    return course.decline(session, desk, actor, channel, decision=decision, now=now)


def close(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    reason: str,
    early: str | None = None,
    now: datetime,
) -> Written:
    """Decide to close, and close; before recovery it says why."""
    get_case_row(session, actor, channel)
    decision = deciding.decide(
        session, desk, actor, channel, topic=Topic.CLOSE, rationale=reason, now=now
    )
    return course.close(session, desk, actor, channel, decision=decision, early=early, now=now)


def take(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    decision: str,
    *,
    outcome: str,
    now: datetime,
) -> Written:
    """Say what the votes have come to; where coordination is started or declined by it, do so."""
    written = deciding.take(session, desk, actor, channel, decision, outcome=outcome, now=now)
    topic = get_decision_row(session, channel, decision).topic
    undecided = get_case_row(session, actor, channel).state == "assessment"
    if undecided and outcome == YES and topic == Topic.START:
        course.start(session, desk, actor, channel, decision=decision, now=now)
    if undecided and outcome == YES and topic == Topic.DECLINE:
        course.decline(session, desk, actor, channel, decision=decision, now=now)
    return written

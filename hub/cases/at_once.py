"""Decide and do it, in one step: start, decline, close, a crisis; and what follows from votes.

Source: lifecycles, 1 (rule 5) and 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_state
from hub.accounts.actor import Actor
from hub.calls import calling
from hub.calls.calling import Issued
from hub.cases import course, deciding
from hub.cases.decision_queries import find_vote_to_close, get_decision_row
from hub.cases.queries import get_case_row
from hub.channels.service import get_visible_channel
from policies.decisions import YES, By, DecisionRule, Topic

CRISIS_WORDS: Final = "A crisis is declared."
CRISIS_ASKS: Final = "Say that you are here, and how you are hit."


@dataclass(frozen=True)
class Declared:
    """A crisis that was declared, and the call that went out with it.

    Args:
        call: `None` where nobody else has joined the case so far.
    """

    written: Written
    call: Issued | None


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


def start_or_ask(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    topic: Topic,
    reason: str,
    now: datetime,
) -> Written | None:
    """Start or decline in one click where the coordinator decides that alone; else ask the members.

    Args:
        topic: to start coordination, or to decline it.

    Returns:
        What was written; `None` where the question was put to the vote.
    """
    record = get_visible_channel(session, actor, channel)
    get_case_row(session, actor, channel)
    if deciding.decides_alone(session, desk, record, topic, now=now):
        act = start if topic is Topic.START else decline
        return act(session, desk, actor, channel, reason=reason, now=now)
    given = (session, desk, actor, channel)
    rule = DecisionRule(By.MAJORITY)
    deciding.ask(*given, topic=topic, question=reason, rule=rule, now=now)
    return None


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
    """Decide to close, and close; before recovery it says why.

    Where the charter asks for a vote, one that said yes since the case was opened last is what is
    closed by.
    """
    get_case_row(session, actor, channel)
    decision = find_vote_to_close(session, actor, channel) or deciding.decide(
        session, desk, actor, channel, topic=Topic.CLOSE, rationale=reason, now=now
    )
    return course.close(session, desk, actor, channel, decision=decision, early=early, now=now)


def declare_crisis(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    reason: str | None = None,
    topics: Sequence[Topic] = (),
    until: datetime | None = None,
    now: datetime,
) -> Declared:
    """Declare a crisis, and call all who have joined: who does not answer is seen at once."""
    given = (session, desk, actor, channel)
    get_case_row(session, actor, channel)
    state = get_state(session, get_visible_channel(session, actor, channel))
    called = sorted(one for one in state.joined if one != desk.organisation)
    written = course.declare_crisis(
        *given, reason=reason, topics=topics, until=until, called=called, now=now
    )
    if not called:
        return Declared(written, None)
    words = f"{CRISIS_WORDS} {(reason or '').strip() or CRISIS_ASKS}"
    return Declared(written, calling.warn(*given, text=words, addressees=called, now=now))


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

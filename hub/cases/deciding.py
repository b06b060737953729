"""Decisions: one click where the coordinator decides alone, votes where the charter says so.

Source: lifecycles, 1 (rule 5) and 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.judging.judge import situation_of
from federation.ledgers import channels
from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_state
from federation.ledgers.ledger_facts import LedgerFacts
from federation.ledgers.ledger_records import ChannelRecord
from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.cases.decision_queries import get_decision_row
from hub.cases.records import DecisionView, VoteView
from hub.channels.names import names_in
from hub.channels.service import get_visible_channel, note_of
from policies.acts import Act
from policies.decisions import NO, YES, DecisionRule, Topic, read_rules
from policies.errors import ConflictError, InvalidError
from policies.lifecycles import CHANNEL
from policies.lifecycles.guards.deciding import may_decide_alone
from policies.roles import Right, takes_part
from policies.tlp import TLP
from sharing.canonical import write_time
from sharing.objects import StixObject

VOTE_WITHIN: Final = timedelta(hours=4)
STOLEN_QUESTION: Final = "this question was the word of a stolen key"


def decide(  # noqa: PLR0913 - what is decided, and why
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    topic: Topic,
    subject: str | None = None,
    outcome: str = YES,
    rationale: str,
    replaces: str | None = None,
    review_at: datetime | None = None,
    now: datetime,
) -> str:
    """Decide what the coordinator decides alone; give the decision's id.

    Args:
        subject: what it is about, where that is not the channel.

    Raises:
        ForbiddenError: the actor may not.
        InvalidError: there is no rationale.
        ConflictError: the charter asks for a vote on this topic.
    """
    actor.may(Right.RUN_CASES).enforce()
    record = get_visible_channel(session, actor, channel)
    state = get_state(session, record)
    note = _note(desk, rationale, [state.identity], state.ceiling, now)
    alone = topic.value not in _ruled(state.state_of("rules", CHANNEL))
    body: dict[str, Any] = {
        "decision": note.stix_id,
        "topic": topic.value,
        "outcome": outcome,
        "authority": "coordinator" if alone else "delegation",
        "facts": state.head.document(),
    }
    body |= {"subject": subject} if subject else {}
    body |= {"replaces": replaces} if replaces else {}
    body |= {"review_at": write_time(review_at)} if review_at else {}
    _write(session, desk, actor, channel, Act.DECISION_TAKEN, body, [note], now=now)
    return note.stix_id


def ask(  # noqa: PLR0913 - what is asked, how it is counted and until when
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    topic: Topic,
    subject: str | None = None,
    question: str,
    rule: DecisionRule,
    options: Sequence[str] = (YES, NO),
    vote_until: datetime | None = None,
    now: datetime,
) -> str:
    """Put a question to the vote of all members that are neither observer nor authority."""
    actor.may(Right.RUN_CASES).enforce()
    record = get_visible_channel(session, actor, channel)
    state = get_state(session, record)
    agreed = _ruled(state.state_of("rules", CHANNEL)).get(topic.value, rule)
    note = _note(desk, question, [state.identity], state.ceiling, now)
    until = vote_until or now + VOTE_WITHIN
    if until <= now:
        raise InvalidError("this has passed", field="vote_until")
    body = {
        "decision": note.stix_id,
        "topic": topic.value,
        "options": list(options),
        "rule": _rule_document(agreed),
        "voters": sorted(who for who, roles in state.joined.items() if takes_part(roles)),
        "vote_until": write_time(until),
        "facts": state.head.document(),
    }
    body |= {"subject": subject} if subject else {}
    _write(session, desk, actor, channel, Act.DECISION_OPENED, body, [note], now=now)
    return note.stix_id


def vote(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    decision: str,
    *,
    option: str,
    dissent: str | None = None,
    now: datetime,
) -> Written:
    """Vote for our organisation; the newest vote before the taking counts."""
    actor.may(Right.VOTE).enforce()
    record = get_visible_channel(session, actor, channel)
    if get_decision_row(session, channel, decision).disowned:
        raise ConflictError(STOLEN_QUESTION)
    ceiling = get_state(session, record).ceiling
    words = note_of(desk, dissent, about=[decision], marking=ceiling, now=now)
    body = {"decision": decision, "option": option}
    return _write(session, desk, actor, channel, Act.DECISION_VOTED, body, words, now=now)


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
    """Say what the votes have come to."""
    actor.may(Right.RUN_CASES).enforce()
    get_visible_channel(session, actor, channel)
    _ensure_own_words(session, get_decision_row(session, channel, decision))
    body = {"decision": decision, "outcome": outcome, "authority": "vote"}
    return _write(session, desk, actor, channel, Act.DECISION_TAKEN, body, (), now=now)


def withdraw(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    decision: str,
    *,
    reason: str | None = None,
    lapsed: bool = False,
    now: datetime,
) -> Written:
    """Take a question back, or say that too few have voted."""
    actor.may(Right.RUN_CASES).enforce()
    record = get_visible_channel(session, actor, channel)
    get_decision_row(session, channel, decision)
    ceiling = get_state(session, record).ceiling
    words = note_of(desk, reason, about=[decision], marking=ceiling, now=now)
    act = Act.DECISION_LAPSED if lapsed else Act.DECISION_WITHDRAWN
    return _write(session, desk, actor, channel, act, {"decision": decision}, words, now=now)


def decides_alone(
    session: Session, desk: Desk, record: ChannelRecord, topic: Topic, *, now: datetime
) -> bool:
    """Tell whether one click of the coordinator decides a topic: by the charter, or a delegation.

    Source: lifecycles, 1, rule 5.
    """
    facts = LedgerFacts(session, record.id)
    state = get_state(session, record)
    situation = situation_of(state, desk.organisation, {}, facts, write_time(now))
    return may_decide_alone(situation, topic)


def _ruled(kept: str | None) -> Mapping[str, DecisionRule]:
    """Give the topics that the charter has a rule for, other than the coordinator alone."""
    rules = read_rules(None if kept == "none" else kept)
    return {topic: rule for topic, rule in rules.items() if rule.by.value != "coordinator"}


def _rule_document(rule: DecisionRule) -> dict[str, Any]:
    return {"by": rule.by.value} | ({"quorum": rule.quorum} if rule.quorum else {})


def _ensure_own_words(session: Session, row: DecisionView) -> None:
    """Refuse to say what votes have come to of which one is a stolen key's.

    Raises:
        ConflictError: the question or a vote is disowned.
    """
    if row.disowned:
        raise ConflictError(STOLEN_QUESTION, hint="Take it back, and ask again.")
    stolen = session.scalars(
        select(VoteView.voter)
        .where(
            VoteView.channel == row.channel,
            VoteView.decision == row.decision,
            VoteView.disowned,
        )
        .order_by(VoteView.voter)
    ).all()
    if stolen:
        names = names_in(session, row.channel)
        whose = ", ".join(names.get(who, who) for who in stolen)
        raise ConflictError(
            f"a stolen key has voted for {whose}, and the ledger counts that until it votes again",
            hint="Ask it to vote again, or take the question back and ask anew.",
        )


def _note(desk: Desk, text: str, about: Sequence[str], marking: TLP, now: datetime) -> StixObject:
    words = note_of(desk, text, about=about, marking=marking, now=now)
    if not words:
        raise InvalidError("say why, in a few words", field="text")
    return words[0]


def _write(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    act: Act,
    body: Mapping[str, Any],
    objects: Sequence[StixObject],
    *,
    now: datetime,
) -> Written:
    written = channels.write(session, desk, channel, act, body, objects, by=actor.name, now=now)
    audit.record(session, actor, act.value, channel, now=now)
    return written

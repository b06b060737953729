"""Charters: proposed, accepted or declined, put in force, taken back, ended.

The words stand in a note; whoever accepts signs over its hash. What is left out of the terms has
its default, so that a few words are a charter.

Source: lifecycles, 7; domain, 2 (*Plan and prepare*).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from federation.ledgers import channels
from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_state
from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.cases import deciding
from hub.cases.decision_queries import get_decision_row
from hub.channels import relay
from hub.channels.relay import Told
from hub.channels.service import note_of
from hub.community.queries import get_charter_row, get_community
from hub.community.records import CharterView
from hub.community.terms import find_in_force
from policies.acts import ACTS, Act
from policies.charter import Terms, check_terms, terms_document
from policies.decisions import YES, By, DecisionRule, Topic
from policies.errors import ConflictError, InvalidError
from policies.roles import Right
from sharing.canonical import write_time
from sharing.objects import StixObject

ACCEPT_WITHIN: Final = timedelta(days=14)
"""How long members have for an answer, where nobody says."""
NEITHER: Final = "this version of the charter is neither proposed nor in force"


def propose(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    text: str,
    terms: Terms | None = None,
    accept_by: datetime | None = None,
    now: datetime,
) -> str:
    """Propose a version of the charter, and accept it by that; give its id.

    Args:
        text: its words, all of them; the terms are what programs go by.

    Raises:
        ForbiddenError: the actor may not.
        NotFoundError: there is no such community.
        InvalidError: it has no words, or terms that nobody could live by.
        ConflictError: we do not coordinate this community.
    """
    actor.may(Right.MANAGE_MEMBERS).enforce()
    record = get_community(session, actor, channel)
    state = get_state(session, record)
    agreed = terms or Terms()
    check_terms(agreed)
    strangers = [
        one.organisation for one in agreed.deputies if not state.is_member(one.organisation)
    ]
    if strangers:
        raise InvalidError(
            "a deputy is a member of this community", field="deputies", hint=strangers[0]
        )
    if agreed.default_marking is not None and not state.ceiling.allows(agreed.default_marking):
        raise InvalidError(
            f"this community goes up to {state.ceiling.label}", field="default_marking"
        )
    until = accept_by or now + ACCEPT_WITHIN
    if until <= now:
        raise InvalidError("this has passed", field="accept_by")
    notes = note_of(desk, text, about=[state.identity], marking=state.ceiling, now=now)
    if not notes:
        raise InvalidError("a charter needs words", field="text")
    words, before = notes[0], find_in_force(session, channel)
    body: dict[str, Any] = {
        "charter": words.stix_id,
        "sha256": words.sha256,
        "accept_by": write_time(until),
        **terms_document(agreed),
    }
    body |= {"replaces": before.charter} if before is not None else {}
    _write(session, desk, actor, channel, Act.CHARTER_PROPOSED, body, [words], now=now)
    return words.stix_id


def accept(
    session: Session, desk: Desk, actor: Actor, channel: str, charter: str, *, now: datetime
) -> Written:
    """Accept a version for our organisation: signed over the hash of its words.

    Raises:
        ConflictError: its words are not here, or are not those that were proposed.
    """
    row = _standing(session, actor, channel, charter)
    _ensure_words(row)
    body = {"charter": charter, "sha256": row.sha256}
    return _write(session, desk, actor, channel, Act.CHARTER_ACCEPTED, body, (), now=now)


def decline(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    charter: str,
    *,
    reason: str,
    now: datetime,
) -> Written:
    """Decline a version for our organisation, and say why.

    Raises:
        InvalidError: there is no reason.
    """
    row = _standing(session, actor, channel, charter)
    words = note_of(desk, reason, about=[charter], marking=row.tlp, now=now)
    if not words:
        raise InvalidError("say why, in a few words", field="reason")
    body = {"charter": charter}
    return _write(session, desk, actor, channel, Act.CHARTER_DECLINED, body, words, now=now)


def relay_answer(  # noqa: PLR0913 - who said what to which version, how and when
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    charter: str,
    *,
    organisation: str,
    accepts: bool,
    told: Told,
    text: str | None = None,
    now: datetime,
) -> Written:
    """Record what an organisation that can't write says to a version.

    Raises:
        InvalidError: it declines, and nobody says why.
        NotFoundError, ConflictError: as when anything else is relayed.
    """
    row = _standing(session, actor, channel, charter)
    if not accepts and not (text or "").strip():
        raise InvalidError("say why they decline, in a few words", field="text")
    if accepts:
        _ensure_words(row)
    act = Act.CHARTER_ACCEPTED if accepts else Act.CHARTER_DECLINED
    body = {"charter": charter} | ({"sha256": row.sha256} if accepts else {})
    return relay.relay(
        session,
        desk,
        actor,
        channel,
        organisation=organisation,
        act=act,
        told=told,
        text=text,
        body=body,
        now=now,
    )


def put_in_force(
    session: Session, desk: Desk, actor: Actor, channel: str, charter: str, *, now: datetime
) -> Written:
    """Let a version bind from now on, in place of the one before."""
    actor.may(Right.MANAGE_MEMBERS).enforce()
    get_charter_row(session, actor, channel, charter)
    body = {"charter": charter}
    return _write(session, desk, actor, channel, Act.CHARTER_IN_FORCE, body, (), now=now)


def withdraw(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    charter: str,
    *,
    reason: str,
    now: datetime,
) -> Written:
    """Take a proposed version back, and say why.

    Raises:
        InvalidError: there is no reason.
    """
    actor.may(Right.MANAGE_MEMBERS).enforce()
    row = get_charter_row(session, actor, channel, charter)
    words = note_of(desk, reason, about=[charter], marking=row.tlp, now=now)
    if not words:
        raise InvalidError("say why, in a few words", field="reason")
    body = {"charter": charter}
    return _write(session, desk, actor, channel, Act.CHARTER_WITHDRAWN, body, words, now=now)


def end(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    reason: str,
    vote_until: datetime | None = None,
    now: datetime,
) -> Written | None:
    """End the charter in force: at once where the coordinator decides that alone, else by a vote.

    Args:
        vote_until: where it takes a vote.

    Returns:
        What was written; `None` where the question was put to the vote.

    Raises:
        ConflictError: no charter is in force.
        InvalidError: there is no reason.
    """
    actor.may(Right.MANAGE_MEMBERS).enforce()
    record = get_community(session, actor, channel)
    row = find_in_force(session, channel)
    if row is None:
        raise ConflictError("no charter is in force here")
    charter = row.charter
    if deciding.decides_alone(session, desk, record, Topic.CHARTER, now=now):
        decision = deciding.decide(
            session,
            desk,
            actor,
            channel,
            topic=Topic.CHARTER,
            subject=charter,
            rationale=reason,
            now=now,
        )
        return _end(session, desk, actor, channel, charter, decision, now=now)
    deciding.ask(
        session,
        desk,
        actor,
        channel,
        topic=Topic.CHARTER,
        subject=charter,
        question=reason,
        rule=DecisionRule(By.MAJORITY),
        vote_until=vote_until,
        now=now,
    )
    return None


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
    """Say what the votes have come to; a charter that is ended by it, ends."""
    get_community(session, actor, channel)
    written = deciding.take(session, desk, actor, channel, decision, outcome=outcome, now=now)
    row, in_force = get_decision_row(session, channel, decision), find_in_force(session, channel)
    ends = row.topic == Topic.CHARTER and outcome == YES
    if ends and in_force is not None and in_force.charter == row.subject:
        _end(session, desk, actor, channel, in_force.charter, decision, now=now)
    return written


def _end(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    charter: str,
    decision: str,
    *,
    now: datetime,
) -> Written:
    body = {"charter": charter, "decision": decision}
    return _write(session, desk, actor, channel, Act.CHARTER_ENDED, body, (), now=now)


def _standing(session: Session, actor: Actor, channel: str, charter: str) -> CharterView:
    row = get_charter_row(session, actor, channel, charter)
    if row.state not in ("proposed", "in force"):
        raise ConflictError(NEITHER)
    return row


def _ensure_words(row: CharterView) -> None:
    """Refuse to accept what can't be read, or is not its proposer's own.

    Raises:
        ConflictError: its words are not here, or are not those that were proposed.
    """
    if row.disowned and row.text is None:
        raise ConflictError(
            "this version was the word of a stolen key: its proposer disowns it",
            hint="Wait for another one from the coordinator.",
        )
    if row.words_sha256 != row.sha256 or row.text is None:
        raise ConflictError(
            "the words of this version are not here, or are not those that were proposed",
            hint="Ask the coordinator; nobody accepts what it can't read.",
        )


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
    actor.may(ACTS[act].right).enforce()
    written = channels.write(session, desk, channel, act, body, objects, by=actor.name, now=now)
    audit.record(session, actor, act.value, f"{channel} {body['charter']}", now=now)
    return written

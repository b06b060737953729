"""How our organisation is hit and how far it is: told to the case, or to the coordinator alone.

Source: lifecycles, 5; domain, 1 (*For the coordinator alone*).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from federation.branches import openings
from federation.judging.state import ChannelState
from federation.ledgers import channels
from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_state
from federation.ledgers.ledger_records import ChannelRecord
from federation.partners.partner_keys import get_chain
from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.cases.course import ensure_open
from hub.cases.impacts import impacts_of
from hub.cases.records import CaseView
from hub.channels.service import get_visible_channel, note_of
from policies.acts import Act, ChannelKind
from policies.assessment import Assessment, ResponseState, assessment_document
from policies.errors import ConflictError, InvalidError
from policies.roles import Right, takes_part
from policies.tlp import TLP
from sharing.canonical import write_time
from sharing.objects import StixObject


def respond(  # noqa: PLR0913 - how far it is, since when, and for whom
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    state: ResponseState,
    since: datetime | None = None,
    since_earliest: datetime | None = None,
    text: str | None = None,
    alone: bool = False,
    now: datetime,
) -> Written:
    """Say how far our organisation is.

    Args:
        since: since when, at the latest; with `since_earliest`, where that is uncertain.
        alone: for the coordinator alone, through our direct channel to it.

    Raises:
        InvalidError: the times are in the future, or the wrong way round.
    """
    body = response_body(state, since, since_earliest, now)
    act = Act.RESPONSE_REPORTED
    return _say(session, desk, actor, channel, act, body, text, alone=alone, now=now)


def assess(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    assessment: Assessment,
    text: str | None = None,
    alone: bool = False,
    now: datetime,
) -> Written:
    """State how our organisation is hit; what is left out is not stated.

    Raises:
        InvalidError: nothing is stated.
    """
    body = assessment_body(assessment, text)
    act = Act.ASSESSMENT_SUBMITTED
    return _say(
        session, desk, actor, channel, act, body, text, alone=alone, now=now, stated=assessment
    )


def response_body(
    state: ResponseState, since: datetime | None, since_earliest: datetime | None, now: datetime
) -> dict[str, Any]:
    """Give what an act says of how far an organisation is.

    Raises:
        InvalidError: the times are in the future, or the wrong way round.
    """
    if since is not None and since > now:
        raise InvalidError("this is in the future", field="since")
    if since_earliest is not None and (since is None or since_earliest > since):
        raise InvalidError("the earliest time is before the latest", field="since_earliest")
    body: dict[str, Any] = {"state": state.value}
    body |= {"since": write_time(since)} if since else {}
    body |= {"since_earliest": write_time(since_earliest)} if since_earliest else {}
    return body


def assessment_body(assessment: Assessment, text: str | None) -> dict[str, Any]:
    """Give what an act says of how an organisation is hit.

    Raises:
        InvalidError: nothing is stated.
    """
    document = assessment_document(assessment)
    if not document and not (text or "").strip():
        raise InvalidError("state at least one thing, or say something", field="assessment")
    return {"assessment": document}


def _say(  # noqa: PLR0913 - who says what, to whom and when
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    act: Act,
    body: Mapping[str, Any],
    text: str | None,
    *,
    alone: bool,
    now: datetime,
    stated: Assessment | None = None,
) -> Written:
    actor.may(Right.CONTRIBUTE).enforce()
    record = get_visible_channel(session, actor, channel)
    if record.kind is not ChannelKind.CASE:
        raise ConflictError("this is no case")
    state = get_state(session, record)
    marking, target = state.ceiling, channel
    if alone:
        _ensure_heard(session, state, desk.organisation)
        marking = TLP.RED
        target = _direct_to_coordinator(session, desk, record, now=now)
        body = {**body, "case": channel}
    objects: Sequence[StixObject] = note_of(
        desk, text, about=[desk.organisation], marking=marking, now=now
    )
    if stated is not None:
        impacts = impacts_of(desk.organisation, stated, marking, now)
        body = {**body, "impacts": [one.stix_id for one in impacts]} if impacts else body
        objects = [*impacts, *objects]
    written = channels.write(session, desk, target, act, body, objects, by=actor.name, now=now)
    audit.record(session, actor, act.value, target, now=now)
    return written


def _ensure_heard(session: Session, state: ChannelState, us: str) -> None:
    """Refuse what the coordinator would not count: a direct channel takes it whatever the case.

    Raises:
        ConflictError: we have no part in the case, or it is over.
    """
    if us != state.owner and not takes_part(state.joined.get(us, ())):
        raise ConflictError("you have no part in this case", field="alone")
    row = session.get(CaseView, state.channel)
    if row is not None:
        ensure_open(row)


def _direct_to_coordinator(
    session: Session, desk: Desk, record: ChannelRecord, *, now: datetime
) -> str:
    if record.is_ours:
        raise ConflictError("you coordinate this case: say it to all, or keep it", field="alone")
    chain = get_chain(session, get_state(session, record).owner)
    return openings.ensure_direct(session, desk, chain, now=now).id

"""What a case has to do with others: linked to another, or going on in another.

What each side's members may know is asked on the own node, before anything is written: a replica
does not know the other case. Source: lifecycles, 4 (`case.linked`, `case.merged`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.ledgers import channels
from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_channel, get_state
from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.calls import calling
from hub.cases import deciding
from hub.cases.incident import next_incident
from hub.cases.merging import Plan, find_plan
from hub.cases.neighbours import known_of
from hub.cases.queries import get_case_row
from hub.cases.records import CaseLink, CaseView
from hub.channels import relay, service
from hub.channels.service import note_of
from policies.acts import Act
from policies.errors import ConflictError, InvalidError
from policies.links import Relation, may_merge, may_name, said_under
from policies.roles import Right
from policies.tlp import TLP
from sharing import stix
from sharing.objects import StixObject

REFERENCE: Final = re.compile(
    r"incident--[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)
GOES_ON: Final = "The case goes on in another."
_TYPES: Final = {Relation.DUPLICATE: "duplicate-of"}
"""Relation → type of the STIX relationship; else they are `related-to`. STIX 2.1, 3.7."""


def link(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    other: str,
    relation: Relation,
    reason: str | None = None,
    now: datetime,
) -> Written:
    """Name another case in one of ours.

    Args:
        other: the channel of a case that this node knows, or the STIX id of another coordinator's
            incident.
        reason: what there is to say of it; the members of this case read it.

    Raises:
        NotFoundError: there is no such case, or the actor may not know of it.
        InvalidError: it is no case and no incident's id.
        ForbiddenError: the members of this case may not know of the other.
        ConflictError: it is named already, or it is this one.
    """
    actor.may(Right.RUN_CASES).enforce()
    row = get_case_row(session, actor, channel)
    there = _find_other(session, actor, other.strip())
    if there is not None and there.channel == channel:
        raise ConflictError("a case has nothing to do with itself", field="other")
    body, target, label = _named(session, desk, row, there, other.strip(), relation)
    known = session.get(CaseLink, (channel, body.get("case") or body["reference"]))
    if known is not None and known.relation is relation:
        raise ConflictError("this case names it already", field="other")
    about = [row.incident]
    tie = stix.relationship(
        _TYPES.get(relation, "related-to"),
        row.incident,
        target,
        created_by=desk.organisation,
        now=now,
        marking=label,
    )
    words = note_of(desk, reason, about=about, marking=label, now=now)
    return _write(session, desk, actor, channel, Act.CASE_LINKED, body, [tie, *words], now=now)


def merge(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    into: str,
    reason: str | None = None,
    now: datetime,
) -> Written:
    """Let a case of ours go on in another of ours, and invite there who is not in it yet.

    What it still asks of others is taken back. Nothing else goes along: its history stays with
    its members.

    Raises:
        NotFoundError: there is no such case, or the actor may not know of it.
        ForbiddenError: the actor may not, or one of the two does not go on.
        ConflictError: somebody can't be invited there, or we do not coordinate both.
    """
    actor.may(Right.RUN_CASES).enforce()
    actor.may(Right.MANAGE_MEMBERS).enforce()
    row = get_case_row(session, actor, channel)
    plan = get_plan(session, desk, actor, channel, into=into, now=now)
    if plan.left_out:
        names = ", ".join(f"{one.name} ({one.reason})" for one in plan.left_out)
        raise ConflictError(
            f"these can’t be invited to the other case: {names}",
            field="into",
            hint="Pair with them again, or remove them from this case, with the reason.",
        )
    for guest in plan.guests:
        if guest.absent is None:
            service.invite(
                session,
                desk,
                actor,
                into,
                organisation=guest.organisation,
                roles=guest.roles,
                reason=GOES_ON,
                now=now,
            )
        else:
            relay.add_absent(
                session,
                desk,
                actor,
                into,
                name=guest.absent.name,
                roles=guest.roles,
                shown=guest.shown,
                contact=guest.absent.contact,
                now=now,
            )
    for question in plan.questions:
        deciding.withdraw(session, desk, actor, channel, question, reason=GOES_ON, now=now)
    for call in plan.calls:
        calling.end(session, desk, actor, channel, call, text=GOES_ON, now=now)
    version = next_incident(session, row, now, investigation_status="closed")
    words = note_of(desk, reason, about=[row.incident], marking=row.tlp, now=now)
    body = {"into": into}
    objects = [*version, *words]
    return _write(session, desk, actor, channel, Act.CASE_MERGED, body, objects, now=now)


def get_plan(
    session: Session, desk: Desk, actor: Actor, channel: str, *, into: str, now: datetime
) -> Plan:
    """Give what merging would bring about.

    Raises:
        NotFoundError: there is no such case, or the actor may not know of it.
        ForbiddenError: one of the two does not go on.
        ConflictError: we do not coordinate both, or they are one.
    """
    row, there = get_case_row(session, actor, channel), get_case_row(session, actor, into)
    actor.may(Right.RUN_CASES).enforce()
    if channel == into:
        raise ConflictError("a case does not go on in itself", field="into")
    if not (get_channel(session, channel).is_ours and get_channel(session, into).is_ours):
        raise ConflictError("a case goes on in another of the same coordinator", field="into")
    may_merge(
        state=row.state,
        into_state=there.state,
        is_exercise=row.exercise,
        into_is_exercise=there.exercise,
    ).enforce()
    return find_plan(session, desk, actor, row, there, now=now)


def _find_other(session: Session, actor: Actor, other: str) -> CaseView | None:
    """Give the case that is meant, where this node has it."""
    if not REFERENCE.fullmatch(other):
        if other.partition("--")[0] in {"incident", "identity"}:
            raise InvalidError("this is no incident’s id", field="other")
        return get_case_row(session, actor, other)
    return session.scalars(select(CaseView).where(CaseView.incident == other).limit(1)).first()


def _named(
    session: Session,
    desk: Desk,
    row: CaseView,
    there: CaseView | None,
    reference: str,
    relation: Relation,
) -> tuple[dict[str, Any], str, TLP]:
    """Give the body, the incident that is named, and the label of what is said."""
    body: dict[str, Any] = {"relation": relation.value}
    if there is None:
        return body | {"reference": reference}, reference, row.tlp
    here, other = (get_state(session, get_channel(session, one.channel)) for one in (row, there))
    both = (known_of(here, row), known_of(other, there))
    may_name(*both).enforce()
    label = said_under(*both)
    if other.owner == desk.organisation:
        return body | {"case": there.channel}, there.incident, label
    return body | {"reference": there.incident}, there.incident, label


def _write(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    act: Act,
    body: dict[str, Any],
    objects: Sequence[StixObject],
    *,
    now: datetime,
) -> Written:
    written = channels.write(session, desk, channel, act, body, objects, by=actor.name, now=now)
    audit.record(session, actor, act.value, channel, now=now)
    return written

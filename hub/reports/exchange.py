"""Reports between two organisations: submitted, answered, closed.

Each side writes into its own direct channel, which is its own ledger: what is written here stands
in the history at once.

Source: lifecycles, 2; domain, 2 (*Detect and report*).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from federation.branches import openings
from federation.ledgers import channels
from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_state
from federation.partners.partner_keys import get_chain
from federation.partners.partners import get_partner
from hub.accounts.actor import Actor
from hub.audit import service as audit
from hub.channels.service import get_visible_channel, note_of
from hub.reports.carrier import carrier_of
from hub.reports.queries import Travelled, get_travelled
from hub.reports.recording import MAX_TEXT_CHARACTERS, at_hand, check_words, touch
from hub.reports.records import ReportAnswer
from policies.acts import Act
from policies.errors import ConflictError, InvalidError
from policies.reports import Attribution, FalseAlarm, LocalStep, ReportOutcome, Triage, step
from policies.roles import Right
from policies.tlp import TLP
from sharing.canonical import write_time
from sharing.objects import StixObject

_PREFIX_CHARACTERS: Final = 8
_NOT_IN_REFERENCES: Final = re.compile(r"[^A-Z0-9]")


def submit(  # noqa: PLR0913 - what is told, to whom and in which form
    session: Session,
    desk: Desk,
    actor: Actor,
    report: str,
    *,
    to: str,
    attribution: Attribution = Attribution.NAMED,
    text: str | None = None,
    tlp: TLP | None = None,
    help_wanted: bool = False,
    now: datetime,
) -> Written:
    """Submit a report to a partner that coordinates, through our direct channel to it.

    Args:
        to: the organisation.
        text: what is said instead of the recorded text, where not all is meant to leave.
        tlp: another label than the recorded one.

    Raises:
        NotFoundError: there is no such report or partner.
        ConflictError: the partnership is not active, or the report was submitted before.
    """
    row = at_hand(session, actor, report)
    state = step(row.state, LocalStep.SUBMIT)
    partner = get_partner(session, to)
    if not partner.active:
        raise ConflictError(
            f"the partnership with {partner.name} is {partner.state}",
            field="to",
            hint="Confirm it on both sides first.",
        )
    if text is not None:
        check_words(text, "text", MAX_TEXT_CHARACTERS)
    direct = openings.ensure_direct(session, desk, get_chain(session, to), now=now)
    # Who sends other words than the recorded ones sends nothing that was pasted beside those.
    pasted = row.pasted if text is None else None
    objects = carrier_of(
        desk, row, text=text or row.text, pasted=pasted, tlp=tlp or row.tlp, now=now
    )
    stix_id = objects[0].stix_id
    body: dict[str, Any] = {
        "report": stix_id,
        "kind": row.kind.value,
        "state": row.certainty.value,
        "attribution": attribution.value,
    }
    body |= {"category": row.category} if row.category else {}
    body |= {"redacted": True} if text is not None else {}
    body |= {"help_wanted": True} if help_wanted else {}
    written = channels.write(
        session, desk, direct.id, Act.REPORT_SUBMITTED, body, objects, by=actor.name, now=now
    )
    row.state, row.submitted_to, row.report = state, to, stix_id
    touch(session, actor, row, Act.REPORT_SUBMITTED.value, now)
    return written


def add(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    report: str,
    *,
    text: str,
    now: datetime,
) -> Written:
    """Add something to a report of ours."""
    found = _ours(session, actor, desk, channel, report)
    note = _words_about(desk, found.report, text, found.tlp, now)
    body = {"report": report}
    return _write(session, desk, actor, channel, Act.REPORT_UPDATED, body, note, now)


def withdraw(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    report: str,
    *,
    reason: str | None = None,
    now: datetime,
) -> Written:
    """Withdraw a report of ours; its words go by recalling them."""
    found = _ours(session, actor, desk, channel, report)
    note = note_of(desk, reason, about=[report], marking=found.tlp, now=now)
    body = {"report": report}
    return _write(session, desk, actor, channel, Act.REPORT_WITHDRAWN, body, note, now)


def ask_again(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    report: str,
    *,
    text: str,
    now: datetime,
) -> Written:
    """Not leave it at how a report of ours was closed."""
    found = _ours(session, actor, desk, channel, report)
    if found.closing is None:
        raise ConflictError("it was not closed", hint="Add what is new to it.")
    note = _words_about(desk, report, text, found.tlp, now)
    body = {"report": report, "answers": found.closing}
    return _write(session, desk, actor, channel, Act.REPORT_REOPENED, body, note, now)


def acknowledge(  # noqa: PLR0913 - what is answered, and when more is heard
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    report: str,
    *,
    reference: str | None = None,
    next_contact: datetime | None = None,
    text: str | None = None,
    now: datetime,
) -> Written:
    """Say that a report has arrived; a reference is made up where none is given."""
    found, direct = _theirs(session, desk, actor, channel, report, now=now)
    body = _answering(found, reference=reference or next_reference(session, desk, now))
    body |= {"next_contact": write_time(next_contact)} if next_contact else {}
    note = note_of(desk, text, about=[report], marking=found.tlp, now=now)
    return _write(session, desk, actor, direct, Act.REPORT_ACKNOWLEDGED, body, note, now)


def triage(  # noqa: PLR0913 - what it is taken for, and why
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    report: str,
    *,
    taken_for: Triage,
    false_alarm: FalseAlarm | None = None,
    text: str | None = None,
    now: datetime,
) -> Written:
    """Say what a report is taken for.

    Raises:
        InvalidError: a false alarm needs one of the reasons, and nothing else has one.
    """
    found, direct = _theirs(session, desk, actor, channel, report, now=now)
    if (taken_for is Triage.FALSE_ALARM) != (false_alarm is not None):
        raise InvalidError("a false alarm, and nothing else, says why", field="false_alarm")
    body = _answering(found, **{"as": taken_for.value})
    body |= {"reason": false_alarm.value} if false_alarm is not None else {}
    note = note_of(desk, text, about=[report], marking=found.tlp, now=now)
    return _write(session, desk, actor, direct, Act.REPORT_TRIAGED, body, note, now)


def link(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    report: str,
    *,
    case: str,
    now: datetime,
) -> Written:
    """Say that a report has become part of a case of ours.

    The reporter is told which only where it has a part in it, or is invited to one.
    """
    found, direct = _theirs(session, desk, actor, channel, report, now=now)
    record = get_visible_channel(session, actor, case)
    if not record.is_ours:
        raise ConflictError("a report is linked to a case that we coordinate", field="case")
    member = get_state(session, record).members.get(found.reporter)
    knows = member is not None and member.state in {"joined", "invited"}
    body = _answering(found, **({"case": case} if knows else {}))
    return _write(session, desk, actor, direct, Act.REPORT_LINKED, body, [], now)


def close(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    report: str,
    *,
    outcome: ReportOutcome,
    text: str | None = None,
    now: datetime,
) -> Written:
    """Close a report, with what became of it."""
    found, direct = _theirs(session, desk, actor, channel, report, now=now)
    note = note_of(desk, text, about=[report], marking=found.tlp, now=now)
    body = _answering(found, outcome=outcome.value)
    return _write(session, desk, actor, direct, Act.REPORT_CLOSED, body, note, now)


def reopen(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    report: str,
    *,
    text: str,
    now: datetime,
) -> Written:
    """Take up again what was closed."""
    found, direct = _theirs(session, desk, actor, channel, report, now=now)
    note = _words_about(desk, report, text, found.tlp, now)
    body = _answering(found)
    return _write(session, desk, actor, direct, Act.REPORT_REOPENED, body, note, now)


def next_reference(session: Session, desk: Desk, now: datetime) -> str:
    """Give a reference that no answer of this year bears, as in CERT-2026-0042."""
    letters = _NOT_IN_REFERENCES.sub("", desk.node.name.upper())[:_PREFIX_CHARACTERS]
    prefix = f"{letters or 'R'}-{now.year}-"
    query = select(func.count()).where(
        ReportAnswer.author == desk.organisation, ReportAnswer.reference.startswith(prefix)
    )
    return f"{prefix}{(session.scalar(query) or 0) + 1:04d}"


def _ours(session: Session, actor: Actor, desk: Desk, channel: str, report: str) -> Travelled:
    found = get_travelled(session, actor, channel, report, us=desk.organisation)
    if not found.is_ours:
        raise ConflictError("this report is another organisation’s")
    actor.may(Right.CONTRIBUTE).enforce()
    return found


def _theirs(
    session: Session, desk: Desk, actor: Actor, channel: str, report: str, *, now: datetime
) -> tuple[Travelled, str]:
    """Give a report that came to us, and our direct channel to whom it came from."""
    found = get_travelled(session, actor, channel, report, us=desk.organisation)
    if found.is_ours:
        raise ConflictError("this report is our own: the other side answers it")
    actor.may(Right.RUN_CASES).enforce()
    chain = get_chain(session, found.reporter)
    return found, openings.ensure_direct(session, desk, chain, now=now).id


def _answering(found: Travelled, **more: str) -> dict[str, Any]:
    """Give the body of an answer: what it is about, and which bundle it answers."""
    return {"report": found.report, "answers": found.bundle, **more}


def _write(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    act: Act,
    body: Mapping[str, Any],
    objects: Sequence[StixObject],
    now: datetime,
) -> Written:
    written = channels.write(session, desk, channel, act, body, objects, by=actor.name, now=now)
    audit.record(session, actor, act.value, f"{channel} {body['report']}", now=now)
    return written


def _words_about(desk: Desk, report: str, text: str, tlp: TLP, now: datetime) -> list[StixObject]:
    words = note_of(desk, text, about=[report], marking=tlp, now=now)
    if not words:
        raise InvalidError("say it in some words", field="text")
    return words

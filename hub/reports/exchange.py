"""Reports between two organisations: submitted, answered, closed.

Each side writes into its own direct channel, which is its own ledger: what is written here stands
in the history at once.

Source: lifecycles, 2; domain, 2 (*Detect and report*).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from federation.branches import openings
from federation.identity.node import lock_node
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
from hub.reports.recording import at_hand, check_title, check_words, touch
from hub.reports.records import LinkedReport, ReportAnswer
from policies.acts import Act, ChannelKind
from policies.errors import ConflictError, InvalidError
from policies.reports import (
    Attribution,
    FalseAlarm,
    LocalStep,
    ReportOutcome,
    ReportState,
    Triage,
    step,
)
from policies.roles import Right
from policies.tlp import TLP
from sharing.canonical import write_time
from sharing.objects import StixObject

_PREFIX_CHARACTERS: Final = 8
_NOT_IN_REFERENCES: Final = re.compile(r"[^A-Z0-9]")
_DIGITS: Final = 5


def submit(  # noqa: PLR0913 - what is told, to whom and in which form
    session: Session,
    desk: Desk,
    actor: Actor,
    report: str,
    *,
    to: str,
    attribution: Attribution = Attribution.NAMED,
    title: str | None = None,
    text: str | None = None,
    tlp: TLP | None = None,
    help_wanted: bool = False,
    observed_too: bool = False,
    now: datetime,
) -> Written:
    """Submit a report to a partner that coordinates, through our direct channel to it.

    Args:
        to: the organisation.
        title: what is said instead of the recorded title, where not all is meant to leave.
        text: the same for the text.
        tlp: another label than the recorded one.
        observed_too: what was pasted and is not meant for detection goes along as indicators.

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
    if title is not None:
        check_title(title)
    if text is not None:
        check_words(text)
    direct = openings.ensure_direct(session, desk, get_chain(session, to), now=now)
    # Who sends other words than the recorded ones sends nothing that was pasted beside those.
    objects = carrier_of(
        desk,
        row,
        title=(title or row.title).strip(),
        text=(text or row.text).strip(),
        pasted=row.pasted if text is None else None,
        observed_too=observed_too,
        tlp=tlp or row.tlp,
        now=now,
    )
    stix_id = objects[0].stix_id
    body: dict[str, Any] = {
        "report": stix_id,
        "kind": row.kind.value,
        "state": row.certainty.value,
        "attribution": attribution.value,
    }
    body |= {"category": row.category} if row.category else {}
    body |= {"redacted": True} if title is not None or text is not None else {}
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
    """Add something to a report of ours that is still open."""
    found = _open_of_ours(session, actor, desk, channel, report)
    note = _words_about(desk, found.report, text, found.tlp, now)
    body = {"report": report}
    return _write(session, desk, actor, found, channel, Act.REPORT_UPDATED, body, note, now)


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
    """Withdraw a report of ours that is still open; its words go by recalling them."""
    found = _open_of_ours(session, actor, desk, channel, report)
    note = note_of(desk, reason, about=[report], marking=found.tlp, now=now)
    body = {"report": report}
    return _write(session, desk, actor, found, channel, Act.REPORT_WITHDRAWN, body, note, now)


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
    return _write(session, desk, actor, found, channel, Act.REPORT_REOPENED, body, note, now)


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
    """Say that a report has arrived, under a reference that no other report has.

    Args:
        reference: that it is to have; the one that it has, or else one made up, where none is
            given.

    Raises:
        InvalidError: the next contact lies in the past.
        ConflictError: another report has this reference.
    """
    found, direct = _theirs(session, desk, actor, channel, report, now=now)
    if next_contact is not None and next_contact <= now:
        raise InvalidError("the next contact lies ahead", field="next_contact")
    body = _answering(
        found, reference=_reference(session, desk, direct, report, wanted=reference, now=now)
    )
    body |= {"next_contact": write_time(next_contact)} if next_contact else {}
    note = note_of(desk, text, about=[report], marking=found.tlp, now=now)
    return _write(session, desk, actor, found, direct, Act.REPORT_ACKNOWLEDGED, body, note, now)


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
    return _write(session, desk, actor, found, direct, Act.REPORT_TRIAGED, body, note, now)


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
    if not record.is_ours or record.kind is not ChannelKind.CASE:
        raise ConflictError("a report is linked to a case that we coordinate", field="case")
    member = get_state(session, record).members.get(found.reporter)
    knows = member is not None and member.state in {"joined", "invited"}
    body = _answering(found, **({"case": case} if knows else {}))
    written = _write(session, desk, actor, found, direct, Act.REPORT_LINKED, body, [], now)
    session.merge(
        LinkedReport(channel=channel, report=report, case=case, linked_by=actor.name, linked_at=now)
    )
    session.flush()
    return written


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
    return _write(session, desk, actor, found, direct, Act.REPORT_CLOSED, body, note, now)


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
    return _write(session, desk, actor, found, direct, Act.REPORT_REOPENED, body, note, now)


def next_reference(session: Session, desk: Desk, now: datetime) -> str:
    """Give a reference that no report has that we have answered, as in CERT-2026-40782.

    Its number is made up: one that counted would tell each reporter how many others there are.
    """
    letters = _NOT_IN_REFERENCES.sub("", desk.node.name.upper())[:_PREFIX_CHARACTERS]
    prefix = f"{letters or 'R'}-{now.year}-"
    query = select(ReportAnswer.reference).where(
        ReportAnswer.author == desk.organisation, ReportAnswer.reference.startswith(prefix)
    )
    taken = set(session.scalars(query))
    digits = max(_DIGITS, len(str(len(taken))) + 1)
    while (reference := f"{prefix}{secrets.randbelow(10**digits):0{digits}d}") in taken:
        pass
    return reference


def _reference(
    session: Session, desk: Desk, direct: str, report: str, *, wanted: str | None, now: datetime
) -> str:
    """Give the reference that a report has, or is to have; one person at a time."""
    lock_node(session)
    here = and_(ReportAnswer.channel == direct, ReportAnswer.report == report)
    known = session.scalar(select(ReportAnswer.reference).where(here))
    if wanted is None:
        return known or next_reference(session, desk, now)
    query = select(ReportAnswer.report).where(
        ReportAnswer.author == desk.organisation, ReportAnswer.reference == wanted, ~here
    )
    if session.scalars(query.limit(1)).first() is not None:
        raise ConflictError(
            f"{wanted} is the reference of another report",
            field="reference",
            hint="Leave it out to have one made up.",
        )
    return wanted


def _ours(session: Session, actor: Actor, desk: Desk, channel: str, report: str) -> Travelled:
    found = get_travelled(session, actor, channel, report, us=desk.organisation)
    if not found.is_ours:
        raise ConflictError("this report is another organisation’s")
    actor.may(Right.CONTRIBUTE).enforce()
    return found


def _open_of_ours(
    session: Session, actor: Actor, desk: Desk, channel: str, report: str
) -> Travelled:
    """Give a report of ours that was not closed: that alone the other side's ledger knows."""
    found = _ours(session, actor, desk, channel, report)
    if found.state is ReportState.CLOSED:
        raise ConflictError(
            "this report was closed", hint="Ask again, if that is not to be left at that."
        )
    return found


def _theirs(
    session: Session, desk: Desk, actor: Actor, channel: str, report: str, *, now: datetime
) -> tuple[Travelled, str]:
    """Give a report that came to us, and our direct channel to whom it came from."""
    found = get_travelled(session, actor, channel, report, us=desk.organisation)
    if found.is_ours:
        raise ConflictError("this report is our own: the other side answers it")
    actor.may(Right.RUN_CASES).enforce()
    if found.state is ReportState.WITHDRAWN:
        raise ConflictError(f"{found.reporter_name} has withdrawn this report")
    chain = get_chain(session, found.reporter)
    return found, openings.ensure_direct(session, desk, chain, now=now).id


def _answering(found: Travelled, **more: str) -> dict[str, Any]:
    """Give the body of an answer: what it is about, and which bundle it answers."""
    return {"report": found.report, "answers": found.bundle, **more}


def _write(  # noqa: PLR0913, PLR0917 - who writes what about which report, and where
    session: Session,
    desk: Desk,
    actor: Actor,
    found: Travelled,
    channel: str,
    act: Act,
    body: Mapping[str, Any],
    objects: Sequence[StixObject],
    now: datetime,
) -> Written:
    written = channels.write(session, desk, channel, act, body, objects, by=actor.name, now=now)
    # The trail names a report by where it stands, whichever side's channel is written into.
    audit.record(session, actor, act.value, f"{found.channel}/{found.report}", now=now)
    return written


def _words_about(desk: Desk, report: str, text: str, tlp: TLP, now: datetime) -> list[StixObject]:
    words = note_of(desk, text, about=[report], marking=tlp, now=now)
    if not words:
        raise InvalidError("say it in some words", field="text")
    return words

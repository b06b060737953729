"""Reports as a person may see them: recorded here, sent by us, come to us.

Source: lifecycles, 2 and 14 (*pending* stands beside a state, never as the state).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from hub.accounts.actor import Actor
from hub.channels.history import READERS_OF_RED
from hub.channels.records import MemberView
from hub.reports.records import (
    LocalReport,
    ReportAnswer,
    ReportIndicator,
    ReportWords,
    SentReport,
)
from policies.acts import Act
from policies.errors import NotFoundError
from policies.reports import (
    Attribution,
    Certainty,
    FalseAlarm,
    LocalState,
    ReportKind,
    ReportOutcome,
    ReportState,
    Triage,
    stands,
)
from policies.roles import Right
from policies.tlp import TLP

PAGE: Final = 50
ALIKE: Final = 20
KEPT_CLOSE: Final = "for coordinators and handlers"
TAKEN_BACK: Final = "taken back"


@dataclass(frozen=True)
class Words:
    """What was said with one act about a report.

    Args:
        text: `None` where nothing was said, or it is not to be read here.
    """

    author: str
    author_name: str
    act: Act
    text: str | None
    tlp: TLP
    at: datetime


@dataclass(frozen=True)
class Indicator:
    """Something to look for that a report names."""

    name: str
    pattern: str
    tlp: TLP


@dataclass(frozen=True)
class Travelled:
    """A report between two organisations.

    Args:
        is_ours: we have sent it; else it came to us.
        channel: the reporter's direct channel.
        bundle: hash of the bundle that submitted it.
        title: *for coordinators and handlers* where this person may not read it.
        text: `None` where it is not to be read here.
        closing: hash of the closing that stands, which asking again names.
        asked_again: the reporter does not leave it at that closing.
        reference: that the addressee gave it.
    """

    is_ours: bool
    channel: str
    report: str
    bundle: str
    reporter: str
    reporter_name: str
    addressee: str
    addressee_name: str
    kind: ReportKind
    certainty: Certainty
    attribution: Attribution
    category: str | None
    help_wanted: bool
    redacted: bool
    title: str
    text: str | None
    tlp: TLP
    state: ReportState
    submitted_at: datetime
    changed_at: datetime
    reference: str | None
    next_contact: datetime | None
    triaged_as: Triage | None
    false_alarm: FalseAlarm | None
    outcome: ReportOutcome | None
    case: str | None
    closing: str | None
    asked_again: bool = False


@dataclass(frozen=True)
class Local:
    """A report on this node, before and after it was submitted."""

    id: str
    kind: ReportKind
    certainty: Certainty
    state: LocalState
    title: str
    text: str
    pasted: str | None
    category: str | None
    tlp: TLP
    occurred_at: datetime | None
    discovered_at: datetime | None
    reason: str | None
    recorded_by: str
    recorded_at: datetime
    changed_at: datetime
    submitted_to: str | None
    report: str | None


def get_local(session: Session, actor: Actor, report: str) -> LocalReport:
    """Give a report that was recorded here.

    Raises:
        NotFoundError: there is none, or this actor may not know of it.
    """
    row = session.get(LocalReport, report)
    if row is None or not _may_read(actor, row.tlp):
        raise NotFoundError("there is no such report")
    return row


def visible_locals(session: Session, actor: Actor, *, limit: int = PAGE) -> list[Local]:
    """Give what was recorded here and was not submitted, newest first."""
    if not actor.may(Right.READ_CHANNELS):
        return []
    rows = session.scalars(
        select(LocalReport)
        .where(LocalReport.state != LocalState.SUBMITTED)
        .order_by(LocalReport.recorded_at.desc(), LocalReport.id)
        .limit(limit)
    )
    return [local_of(row) for row in rows if _may_read(actor, row.tlp)]


def local_of(row: LocalReport) -> Local:
    """Give a recorded report as a value."""
    return Local(**{one.name: getattr(row, one.name) for one in fields(Local)})


def visible_incoming(
    session: Session, actor: Actor, *, us: str, limit: int = PAGE
) -> list[Travelled]:
    """Give the reports that came to us, newest first."""
    return _travelled(session, actor, SentReport.addressee == us, us=us, limit=limit)


def visible_outgoing(
    session: Session, actor: Actor, *, us: str, limit: int = PAGE
) -> list[Travelled]:
    """Give the reports that we have submitted, newest first."""
    return _travelled(session, actor, SentReport.reporter == us, us=us, limit=limit)


def get_travelled(
    session: Session, actor: Actor, channel: str, report: str, *, us: str
) -> Travelled:
    """Give a report of ours that was submitted, or one that came to us.

    Raises:
        NotFoundError: there is none, or this actor may not know of it.
    """
    place = and_(SentReport.channel == channel, SentReport.report == report)
    found = _travelled(session, actor, place, us=us, limit=1)
    if not found or us not in {found[0].reporter, found[0].addressee}:
        raise NotFoundError("there is no such report")
    return found[0]


def visible_words(session: Session, actor: Actor, found: Travelled) -> list[Words]:
    """Give what both sides have said of a report, in the order in which it was said."""
    answering = select(ReportAnswer.channel).where(
        ReportAnswer.report == found.report,
        ReportAnswer.author == found.addressee,
        ReportAnswer.reporter == found.reporter,
    )
    rows = session.scalars(
        select(ReportWords)
        .where(
            ReportWords.report == found.report,
            or_(ReportWords.channel == found.channel, ReportWords.channel.in_(answering)),
        )
        .order_by(ReportWords.said_at, ReportWords.bundle)
    )
    names = {found.reporter: found.reporter_name, found.addressee: found.addressee_name}
    return [
        Words(
            author=row.author,
            author_name=names.get(row.author, row.author),
            act=Act(row.act),
            text=row.text if _may_read_words(actor, row.tlp) else KEPT_CLOSE,
            tlp=row.tlp,
            at=row.said_at,
        )
        for row in rows
    ]


def visible_indicators(session: Session, actor: Actor, found: Travelled) -> list[Indicator]:
    """Give what a report names to look for."""
    rows = session.scalars(
        select(ReportIndicator)
        .where(ReportIndicator.channel == found.channel, ReportIndicator.report == found.report)
        .order_by(ReportIndicator.name, ReportIndicator.ref)
    )
    return [
        Indicator(row.name, row.pattern, row.tlp) for row in rows if _may_read_words(actor, row.tlp)
    ]


def visible_alike(
    session: Session, actor: Actor, found: Travelled, *, us: str
) -> list[tuple[Travelled, int]]:
    """Give other reports that came to us and name the same things to look for, with how many."""
    same = aliased(ReportIndicator)
    rows = session.execute(
        select(same.channel, same.report, func.count(same.pattern.distinct()))
        .join(ReportIndicator, ReportIndicator.pattern == same.pattern)
        .where(
            ReportIndicator.channel == found.channel,
            ReportIndicator.report == found.report,
            ~and_(same.channel == found.channel, same.report == found.report),
        )
        .group_by(same.channel, same.report)
        .order_by(func.count(same.pattern.distinct()).desc(), same.report)
        .limit(ALIKE)
    ).all()
    alike = []
    for channel, report, count in rows:
        place = and_(SentReport.channel == channel, SentReport.report == report)
        others = _travelled(session, actor, and_(place, SentReport.addressee == us), us=us, limit=1)
        alike += [(one, int(count)) for one in others]
    return alike


def waits(report: Travelled) -> bool:
    """Tell whether a report that came to us waits for an answer of ours."""
    return not report.is_ours and (report.state is ReportState.SUBMITTED or report.asked_again)


def visible_unanswered(
    session: Session, actor: Actor, *, us: str, limit: int = PAGE
) -> list[Travelled]:
    """Give the reports that came to us and wait for an answer of ours, newest first."""
    unanswered = or_(
        ReportAnswer.report.is_(None),
        and_(ReportAnswer.state == "closed", ReportAnswer.closing == SentReport.asked_again),
    )
    mine = and_(SentReport.addressee == us, SentReport.state == "submitted", unanswered)
    return _travelled(session, actor, mine, us=us, limit=limit)


def _travelled(
    session: Session, actor: Actor, which: ColumnElement[bool], *, us: str, limit: int
) -> list[Travelled]:
    if not actor.may(Right.READ_CHANNELS):
        return []
    rows = session.execute(
        select(SentReport, ReportAnswer)
        .outerjoin(
            ReportAnswer,
            and_(
                ReportAnswer.report == SentReport.report,
                ReportAnswer.author == SentReport.addressee,
                ReportAnswer.reporter == SentReport.reporter,
            ),
        )
        .where(which)
        .order_by(SentReport.submitted_at.desc(), SentReport.report)
        .limit(limit)
    )
    found = rows.all()
    names = _names(session, {sent.channel for sent, _ in found})
    return [_between(actor, sent, answer, us, names) for sent, answer in found]


def _names(session: Session, channels: set[str]) -> Mapping[tuple[str, str], str]:
    """Give (channel, organisation) → name, as the channel tells it."""
    rows = session.execute(
        select(MemberView.channel, MemberView.organisation, MemberView.name).where(
            MemberView.channel.in_(channels)
        )
    )
    return {(channel, organisation): name or organisation for channel, organisation, name in rows}


def _between(
    actor: Actor,
    sent: SentReport,
    answer: ReportAnswer | None,
    us: str,
    names: Mapping[tuple[str, str], str],
) -> Travelled:
    may_read = _may_read_words(actor, sent.tlp)
    closing = answer.closing if answer is not None else None
    again = closing is not None and sent.asked_again == closing
    return Travelled(
        is_ours=sent.reporter == us,
        channel=sent.channel,
        report=sent.report,
        bundle=sent.bundle,
        reporter=sent.reporter,
        reporter_name=names.get((sent.channel, sent.reporter), sent.reporter),
        addressee=sent.addressee,
        addressee_name=names.get((sent.channel, sent.addressee), sent.addressee),
        kind=sent.kind,
        certainty=sent.certainty,
        attribution=sent.attribution,
        category=sent.category,
        help_wanted=sent.help_wanted,
        redacted=sent.redacted,
        title=(sent.title or TAKEN_BACK) if may_read else KEPT_CLOSE,
        text=sent.text if may_read else None,
        tlp=sent.tlp,
        state=stands(sent.state, answer.state if answer else None, asked_again=again),
        submitted_at=sent.submitted_at,
        changed_at=max(sent.changed_at, answer.changed_at) if answer else sent.changed_at,
        reference=answer.reference if answer else None,
        next_contact=answer.next_contact if answer else None,
        triaged_as=answer.triaged_as if answer else None,
        false_alarm=answer.false_alarm if answer else None,
        outcome=answer.outcome if answer and not again else None,
        case=answer.case if answer else None,
        closing=closing,
        asked_again=again,
    )


def _may_read(actor: Actor, tlp: TLP) -> bool:
    return bool(actor.may(Right.READ_CHANNELS)) and _may_read_words(actor, tlp)


def _may_read_words(actor: Actor, tlp: TLP) -> bool:
    return tlp is not TLP.RED or bool(actor.roles & READERS_OF_RED)

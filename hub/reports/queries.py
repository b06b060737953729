"""Reports as a person may see them: recorded here, sent by us, come to us.

Source: lifecycles, 2 and 14 (*pending* stands beside a state, never as the state).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, or_, select, true
from sqlalchemy.orm import Session

from hub.accounts.actor import Actor
from hub.channels.history import READERS_OF_RED
from hub.channels.records import MemberView
from hub.reports.records import (
    LinkedReport,
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
    ReportKind,
    ReportOutcome,
    ReportState,
    Triage,
    stands,
)
from policies.roles import Right
from policies.tlp import TLP

PAGE: Final = 50
WORDS_SHOWN: Final = 200
INDICATORS_SHOWN: Final = 200
KEPT_CLOSE: Final = "for coordinators and handlers"
TAKEN_BACK: Final = "taken back"
UNTITLED: Final = "without a title"
Place = tuple[datetime, str, str]
"""Where a list goes on: when the last one came in, its channel, its id."""


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
        submitted_at: ledger time, as the reporter claims it.
        received_at: when this node took it in.
        closing: hash of the closing that stands, which asking again names.
        asked_again: the reporter does not leave it at that closing.
        reference: that the addressee gave it.
        case: which it has become part of; known to the addressee's own people, and to a reporter
            that is told.
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
    received_at: datetime
    reference: str | None
    next_contact: datetime | None
    triaged_as: Triage | None
    false_alarm: FalseAlarm | None
    outcome: ReportOutcome | None
    case: str | None
    closing: str | None
    asked_again: bool = False


def visible_incoming(
    session: Session,
    actor: Actor,
    *,
    us: str,
    before: Place | None = None,
    limit: int = PAGE,
) -> list[Travelled]:
    """Give the reports that came to us, newest first: by when they came.

    Args:
        before: only what follows in this order after the report at this place.
    """
    which = and_(SentReport.addressee == us, _follows(before))
    return travelled_where(session, actor, which, us=us, limit=limit)


def visible_outgoing(
    session: Session,
    actor: Actor,
    *,
    us: str,
    before: Place | None = None,
    limit: int = PAGE,
) -> list[Travelled]:
    """Give the reports that we have submitted, newest first.

    Args:
        before: only what follows in this order after the report at this place.
    """
    which = and_(SentReport.reporter == us, _follows(before))
    return travelled_where(session, actor, which, us=us, limit=limit)


def _follows(before: Place | None) -> ColumnElement[bool]:
    if before is None:
        return true()
    at, channel, report = before
    later = or_(
        SentReport.channel > channel,
        and_(SentReport.channel == channel, SentReport.report > report),
    )
    return or_(SentReport.received_at < at, and_(SentReport.received_at == at, later))


def get_travelled(
    session: Session, actor: Actor, channel: str, report: str, *, us: str
) -> Travelled:
    """Give a report of ours that was submitted, or one that came to us.

    Raises:
        NotFoundError: there is none, or this actor may not know of it.
    """
    found = travelled_where(session, actor, is_at(channel, report), us=us, limit=1)
    if not found or us not in {found[0].reporter, found[0].addressee}:
        raise NotFoundError("there is no such report")
    return found[0]


def visible_words(
    session: Session, actor: Actor, found: Travelled, *, limit: int = WORDS_SHOWN
) -> list[Words]:
    """Give what both sides have said of a report, in the order in which it was said.

    Args:
        limit: how many at most; the newest are given.
    """
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
        .order_by(ReportWords.said_at.desc(), ReportWords.bundle.desc())
        .limit(limit)
    )
    names = {found.reporter: found.reporter_name, found.addressee: found.addressee_name}
    return [
        Words(
            author=row.author,
            author_name=names.get(row.author, row.author),
            act=Act(row.act),
            text=row.text if may_read_words(actor, row.tlp) else KEPT_CLOSE,
            tlp=row.tlp,
            at=row.said_at,
        )
        for row in reversed(rows.all())
    ]


def visible_indicators(
    session: Session, actor: Actor, found: Travelled, *, limit: int = INDICATORS_SHOWN
) -> list[Indicator]:
    """Give what a report names to look for, each thing once."""
    rows = session.execute(
        select(ReportIndicator.name, ReportIndicator.pattern, ReportIndicator.tlp)
        .where(*named_by(found.channel, found.report), readable(actor))
        .distinct()
        .order_by(ReportIndicator.name, ReportIndicator.pattern, ReportIndicator.tlp)
        .limit(limit)
    )
    return [Indicator(name, pattern, tlp) for name, pattern, tlp in rows]


def is_at(channel: str, report: str) -> ColumnElement[bool]:
    """Tell whether a row of `sent_report` is this report."""
    return and_(SentReport.channel == channel, SentReport.report == report)


def named_by(channel: str, report: str) -> tuple[ColumnElement[bool], ...]:
    """Tell whether a row of `report_indicator` is of this report."""
    return ReportIndicator.channel == channel, ReportIndicator.report == report


def readable(actor: Actor) -> ColumnElement[bool]:
    """Tell whether a person reads a row of `report_indicator`."""
    return true() if may_read_words(actor, TLP.RED) else ReportIndicator.tlp != TLP.RED


def waits(report: Travelled) -> bool:
    """Tell whether a report that came to us waits for an answer of ours."""
    return not report.is_ours and (report.state is ReportState.SUBMITTED or report.asked_again)


def visible_unanswered(
    session: Session, actor: Actor, *, us: str, limit: int = PAGE
) -> list[Travelled]:
    """Give the reports that came to us and wait for an answer of ours, newest first."""
    theirs = and_(
        ReportAnswer.report == SentReport.report,
        ReportAnswer.author == SentReport.addressee,
        ReportAnswer.reporter == SentReport.reporter,
    )
    left = and_(ReportAnswer.state == "closed", ReportAnswer.closing == SentReport.asked_again)
    unanswered = or_(~exists().where(theirs), exists().where(theirs, left))
    mine = and_(SentReport.addressee == us, SentReport.state == "submitted", unanswered)
    return travelled_where(session, actor, mine, us=us, limit=limit)


def visible_unacknowledged(
    session: Session, actor: Actor, *, us: str, limit: int = PAGE
) -> list[Travelled]:
    """Give the reports of ours that nobody has answered, newest first."""
    theirs = and_(
        ReportAnswer.report == SentReport.report,
        ReportAnswer.author == SentReport.addressee,
        ReportAnswer.reporter == SentReport.reporter,
    )
    sent = and_(SentReport.reporter == us, SentReport.state == "submitted", ~exists().where(theirs))
    return travelled_where(session, actor, sent, us=us, limit=limit)


def has_unlinked(session: Session, *, us: str) -> bool:
    """Tell whether any report that came to us, and was not taken back, is part of no case here."""
    linked = exists().where(
        LinkedReport.channel == SentReport.channel, LinkedReport.report == SentReport.report
    )
    theirs = exists().where(
        SentReport.addressee == us, SentReport.state == ReportState.SUBMITTED.value, ~linked
    )
    return bool(session.scalar(select(theirs)))


def travelled_where(
    session: Session, actor: Actor, which: ColumnElement[bool], *, us: str, limit: int
) -> list[Travelled]:
    """Give the reports between organisations of which something holds, the newest first."""
    if not actor.may(Right.READ_CHANNELS):
        return []
    rows = session.scalars(
        select(SentReport)
        .where(which)
        .order_by(SentReport.received_at.desc(), SentReport.channel, SentReport.report)
        .limit(limit)
    ).all()
    if not rows:
        return []
    answers = _answers(session, rows)
    cases = _own_cases(session, rows)
    names = _names(session, {row.channel for row in rows})
    return [
        _between(
            actor,
            row,
            answers.get((row.report, row.addressee, row.reporter)),
            names=names[row.channel],
            us=us,
            case=cases.get((row.channel, row.report)),
        )
        for row in rows
    ]


def _answers(
    session: Session, rows: Sequence[SentReport]
) -> Mapping[tuple[str, str, str], ReportAnswer]:
    """Give (report, author, reporter) → the answer of whom it was submitted to.

    Who has opened several direct channels may have answered in each: the newest word counts.
    """
    found = session.scalars(
        select(ReportAnswer)
        .where(ReportAnswer.report.in_({row.report for row in rows}))
        .order_by(ReportAnswer.changed_at, ReportAnswer.channel)
    )
    return {(one.report, one.author, one.reporter): one for one in found}


def _own_cases(session: Session, rows: Sequence[SentReport]) -> Mapping[tuple[str, str], str]:
    found = session.scalars(
        select(LinkedReport).where(
            LinkedReport.channel.in_({row.channel for row in rows}),
            LinkedReport.report.in_({row.report for row in rows}),
        )
    )
    return {(one.channel, one.report): one.case for one in found}


def _names(session: Session, channels: Collection[str]) -> Mapping[str, Mapping[str, str]]:
    """Give channel → organisation → name, as the channel tells it."""
    rows = session.execute(
        select(MemberView.channel, MemberView.organisation, MemberView.name).where(
            MemberView.channel.in_(channels)
        )
    )
    found: dict[str, dict[str, str]] = {channel: {} for channel in channels}
    for channel, organisation, name in rows:
        found[channel][organisation] = name or organisation
    return found


def _between(
    actor: Actor,
    sent: SentReport,
    answer: ReportAnswer | None,
    *,
    names: Mapping[str, str],
    us: str,
    case: str | None,
) -> Travelled:
    may_read = may_read_words(actor, sent.tlp)
    closing = answer.closing if answer is not None else None
    again = closing is not None and sent.asked_again == closing
    title = TAKEN_BACK if sent.title is None else sent.title or UNTITLED
    return Travelled(
        is_ours=sent.reporter == us,
        channel=sent.channel,
        report=sent.report,
        bundle=sent.bundle,
        reporter=sent.reporter,
        reporter_name=names.get(sent.reporter, sent.reporter),
        addressee=sent.addressee,
        addressee_name=names.get(sent.addressee, sent.addressee),
        kind=sent.kind,
        certainty=sent.certainty,
        attribution=sent.attribution,
        category=sent.category,
        help_wanted=sent.help_wanted,
        redacted=sent.redacted,
        title=title if may_read else KEPT_CLOSE,
        text=sent.text if may_read else None,
        tlp=sent.tlp,
        state=stands(sent.state, answer.state if answer else None, asked_again=again),
        submitted_at=sent.submitted_at,
        changed_at=max(sent.changed_at, answer.changed_at) if answer else sent.changed_at,
        received_at=sent.received_at,
        reference=answer.reference if answer else None,
        next_contact=answer.next_contact if answer else None,
        triaged_as=answer.triaged_as if answer else None,
        false_alarm=answer.false_alarm if answer else None,
        outcome=answer.outcome if answer and not again else None,
        case=case or (answer.case if answer else None),
        closing=closing,
        asked_again=again,
    )


def may_read_words(actor: Actor, tlp: TLP) -> bool:
    """Tell whether this person reads what carries the label."""
    return tlp is not TLP.RED or bool(actor.roles & READERS_OF_RED)

"""What people call reports by: their reference, their id, their title.

Titles are what partners wrote: a title never stands before a reference or an id.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.accounts.actor import Actor
from hub.channels.history import READERS_OF_RED
from hub.reports.records import LocalReport, ReportAnswer, SentReport
from policies.roles import Right
from policies.tlp import TLP


class Side(StrEnum):
    """Where a report stands, seen from this node."""

    RECORDED = "recorded"
    INCOMING = "incoming"
    OUTGOING = "outgoing"


@dataclass(frozen=True)
class Called:
    """A report, and what it may be called by.

    Args:
        channel: the reporter's direct channel; `None` for what is recorded here.
        report: its STIX id, or its id on this node.
        title: empty where this person may not read it.
        sent_as: STIX id under which it was submitted, where it was.
    """

    side: Side
    channel: str | None
    report: str
    reference: str | None
    title: str
    sent_as: str | None = None

    @property
    def place(self) -> str:
        """What names it and no other."""
        return f"{self.channel}/{self.report}" if self.channel is not None else self.report

    def is_exactly(self, name: str) -> bool:
        """Tell whether this is its reference, its id or its place."""
        return name in {self.report, self.place} or name.upper() == self.reference

    def is_like(self, name: str) -> bool:
        """Tell whether this is its title, in any case, or how its id begins."""
        begins = (self.report, self.report.rpartition("--")[2])
        text = name.lower()
        return bool(name) and (
            self.title.casefold() == name.casefold() or any(one.startswith(text) for one in begins)
        )


def visible_called(
    session: Session, actor: Actor, name: str, *, sides: Collection[Side], us: str
) -> list[Called]:
    """Give the reports that a name may mean: those that bear it exactly, else those like it.

    What was recorded here and has been submitted is one report, not two.
    """
    if not actor.may(Right.READ_CHANNELS):
        return []
    text = name.strip()
    rows = [one for one in _called(session, actor, us) if one.side in sides]
    for is_meant in (Called.is_exactly, Called.is_like):
        found = [one for one in rows if is_meant(one, text)]
        sent = {one.report for one in found if one.side is Side.OUTGOING}
        if found:
            return [one for one in found if one.sent_as not in sent]
    return []


def _called(session: Session, actor: Actor, us: str) -> Sequence[Called]:
    reads_red = bool(actor.roles & READERS_OF_RED)
    recorded = select(LocalReport.id, LocalReport.title, LocalReport.report)
    if not reads_red:
        recorded = recorded.where(LocalReport.tlp != TLP.RED)
    called = [
        Called(Side.RECORDED, None, report, None, title, sent_as)
        for report, title, sent_as in session.execute(recorded)
    ]
    answers = session.execute(
        select(
            ReportAnswer.report, ReportAnswer.author, ReportAnswer.reporter, ReportAnswer.reference
        ).order_by(ReportAnswer.changed_at, ReportAnswer.channel)
    )
    references = {(report, by, to): reference for report, by, to, reference in answers}
    sent = session.execute(
        select(
            SentReport.channel,
            SentReport.report,
            SentReport.reporter,
            SentReport.addressee,
            SentReport.title,
            SentReport.tlp,
        ).where(or_(SentReport.reporter == us, SentReport.addressee == us))
    )
    for row in sent:
        readable = reads_red or row.tlp is not TLP.RED
        called.append(
            Called(
                side=Side.OUTGOING if row.reporter == us else Side.INCOMING,
                channel=row.channel,
                report=row.report,
                reference=references.get((row.report, row.addressee, row.reporter)),
                title=(row.title or "") if readable else "",
            )
        )
    return called

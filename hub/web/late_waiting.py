"""What Today says of answers that are later than a charter has them: whom to call about what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

from federation.identity import node
from hub.accounts.actor import Actor
from hub.cases.expected import visible_late
from hub.reports.late import visible_late_reports
from hub.web.models import Tone, Waiting


def late_answers(session: Session, actor: Actor, *, now: datetime) -> Iterator[Waiting]:
    """Give the cases of ours in which somebody is late, and reports of ours that nobody answers."""
    own = node.find_node(session)
    if own is None:
        return
    for case in visible_late(session, actor, us=own.organisation, now=now):
        yield Waiting(
            title=case.title,
            sentence=f"Later than the charter has it, and silent on how they are hit: "
            f"{', '.join(case.names)}. Call them.",
            href=url_for("pages.get_case", channel=case.channel, _anchor="matrix"),
            act="Look whom to call",
            drawing="phone",
            due=case.since,
            tlp=case.tlp,
        )
    for report, until in visible_late_reports(session, actor, us=own.organisation, now=now):
        yield Waiting(
            title=report.title,
            sentence=f"{report.addressee_name} has not acknowledged your report, and is later than"
            " the charter has it. Call them.",
            href=url_for("pages.get_report", channel=report.channel, report=report.report),
            act="Look whom to call",
            drawing="phone",
            tone=Tone.TROUBLE if report.help_wanted else Tone.WAITING,
            due=until,
            tlp=report.tlp,
        )

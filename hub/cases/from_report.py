"""A case and the reports that it is made of: opened from one, or taking one in.

Source: domain, 2 (*Assess and decide*); lifecycles, 2 (`report.linked`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_channel
from hub.accounts.actor import Actor
from hub.cases import course, intel
from hub.cases.queries import get_case_row, get_visible_case
from hub.reports import exchange
from hub.reports.alike import things_named, visible_like
from hub.reports.intel import find_intel
from hub.reports.queries import (
    Travelled,
    get_travelled,
    has_unlinked,
)
from hub.reports.records import LinkedReport
from hub.reports.things import things_of
from policies.errors import ConflictError
from policies.likeness import Likeness, Thing
from policies.reports import ReportKind, ReportState, Triage
from policies.roles import Right
from policies.tlp import TLP

TAKEN_FOR: Final[Mapping[ReportKind, Triage]] = {
    ReportKind.EVENT: Triage.INCIDENT,
    ReportKind.INCIDENT: Triage.INCIDENT,
    ReportKind.VULNERABILITY: Triage.VULNERABILITY,
    ReportKind.NEAR_MISS: Triage.NEAR_MISS,
}
"""What a report is taken for when it becomes part of a case before anybody has said so."""
_LINKABLE: Final = frozenset({ReportState.SUBMITTED, ReportState.ACKNOWLEDGED, ReportState.TRIAGED})
_COMPARED: Final = 20


def open_from_report(  # noqa: PLR0913 - what is opened, from which report
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    report: str,
    *,
    title: str | None = None,
    text: str | None = None,
    ceiling: TLP = TLP.AMBER,
    exercise: bool = False,
    community: str | None = None,
    no_charter: str | None = None,
    now: datetime,
) -> str:
    """Open a case from a report that came to us, and make that part of it; give its channel.

    The reporter is told which case only where it is invited to it.

    Args:
        title: another than the report's.
        text: other words than the report's.
        community: whose charter it goes by; the only one in force, where nobody says.
        no_charter: why it goes by none.

    Raises:
        ConflictError: the report's words are stricter than the case takes, and nobody has said it
            in others; or it is part of a case, or closed.
    """
    found = get_travelled(session, actor, channel, report, us=desk.organisation)
    actor.may(Right.RUN_CASES).enforce()
    if (title is None or text is None) and not ceiling.allows(found.tlp):
        raise ConflictError(
            f"the report is {found.tlp.label}: its words do not go into this case",
            field="text",
            hint="Say it in your own words, or let the case take stricter matter.",
        )
    case = course.open_case(
        session,
        desk,
        actor,
        title=title if title is not None else found.title[: course.MAX_TITLE_CHARACTERS],
        text=text if text is not None else found.text or "",
        ceiling=ceiling,
        exercise=exercise,
        community=community,
        no_charter=no_charter,
        now=now,
    )
    take_in(session, desk, actor, case, (channel, report), now=now)
    return case


def take_in(
    session: Session,
    desk: Desk,
    actor: Actor,
    case: str,
    place: tuple[str, str],
    *,
    now: datetime,
) -> Written:
    """Make a report part of a case of ours, in one step; what it is taken for is said with it.

    Args:
        place: channel and id of the report.

    Raises:
        NotFoundError: there is no such case or report, or the actor may not know of it.
        ConflictError: the case is over, or the report is part of one, or closed.
    """
    channel, report = place
    course.ensure_open(get_case_row(session, actor, case))
    found = get_travelled(session, actor, channel, report, us=desk.organisation)
    if found.state not in _LINKABLE:
        raise ConflictError(f"this report is {found.state}", field="report")
    if found.state is not ReportState.TRIAGED:
        taken_for = TAKEN_FOR[found.kind]
        exchange.triage(session, desk, actor, channel, report, taken_for=taken_for, now=now)
    return exchange.link(session, desk, actor, channel, report, case=case, now=now)


def visible_likely(
    session: Session, actor: Actor, case: str, *, us: str, now: datetime
) -> list[tuple[Travelled, Likeness]]:
    """Give the reports that may belong to a case of ours, and are part of none.

    They name what its words name, what is shared in it to look for and still holds, or what a
    report names that is part of it.

    Raises:
        NotFoundError: there is no such case, or the actor may not know of it.
    """
    found = get_visible_case(session, actor, case)
    if not get_channel(session, case).is_ours or not has_unlinked(session, us=us):
        return []
    linked = session.execute(
        select(LinkedReport.channel, LinkedReport.report)
        .where(LinkedReport.case == case)
        .order_by(LinkedReport.linked_at.desc(), LinkedReport.channel, LinkedReport.report)
        .limit(_COMPARED)
    ).all()
    words = f"{found.title}\n{found.text or ''}"
    things: set[Thing] = set(things_of(one.pattern for one in find_intel(words).findings))
    things |= things_of(intel.visible_patterns(session, actor, case, now=now))
    for channel, report in linked:
        things |= things_named(session, actor, channel, report)
    return [
        (one, how)
        for one, how in visible_like(session, actor, things, us=us)
        if one.case is None and one.state in _LINKABLE
    ]

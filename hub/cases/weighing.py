"""What speaks for coordinating a case: each criterion of its charter, met, not met or not known.

It advises whoever decides; the decision is a person's, with the reason in words.

Source: domain, 5; lifecycles, 4 (`case.activated`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from federation.judging.state import ChannelState
from federation.ledgers.ledger import get_channel, get_state
from hub.accounts.actor import Actor
from hub.cases.heard import Heard, heard_openly
from hub.cases.joining import find_picture
from hub.cases.queries import get_case_row
from hub.cases.records import CaseView
from hub.reports.records import LinkedReport, SentReport
from policies.assessment import ResponseState
from policies.charter import read_terms
from policies.criteria import Facts, Finding, find_criteria
from policies.roles import Right, Role, takes_part
from policies.severity import Overridden, Severity

_HIT: Final = frozenset(
    {
        ResponseState.AFFECTED,
        ResponseState.CONTAINED,
        ResponseState.ERADICATED,
        ResponseState.RECOVERED,
    }
)
_SEVERAL: Final = 2


def visible_findings(
    session: Session, actor: Actor, channel: str, told: Severity | None = None
) -> tuple[Finding, ...]:
    """Give the criteria of a case of ours to who runs it; none to anybody else.

    Args:
        told: what `joining.find_picture` gives, where the caller has it.

    Raises:
        NotFoundError: there is no such case, or the actor may not know of it.
    """
    row = get_case_row(session, actor, channel)
    record = get_channel(session, channel)
    if not record.is_ours or not actor.may(Right.RUN_CASES):
        return ()
    state = get_state(session, record)
    if told is None:
        told = find_picture(session, row).told
    severity: Severity | Overridden = told
    if row.severity is not None and row.severity is not told.level and row.derived:
        severity = Overridden(row.severity, "as all were told", told)
    facts = facts_of(
        severity,
        state,
        heard_openly(session, state),
        asked_by=_asking(session, row, state),
    )
    return find_criteria(facts, read_terms(row.terms or {}).judged_by)


def facts_of(
    severity: Severity | Overridden,
    state: ChannelState,
    words: Sequence[Heard],
    *,
    asked_by: int,
) -> Facts:
    """Give what is known of a case from what its members say openly, and their roles in it."""
    asked = {who for who, roles in state.joined.items() if takes_part(roles) and who != state.owner}
    heard = {one.organisation: one for one in words}
    hit = {who for who, one in heard.items() if one.response in _HIT}
    clear = {who for who, one in heard.items() if one.response is ResponseState.NOT_AFFECTED}
    spreading = [one.stated.still_spreading for one in words if one.stated is not None]
    told = [one for one in spreading if one is not None]
    suppliers = {who for who, roles in state.joined.items() if Role.SUPPLIER in roles}
    through = bool(hit & suppliers and hit - suppliers)
    common = bool(suppliers and len(hit - suppliers) >= _SEVERAL)
    return Facts(
        severity=severity,
        affected=len(hit),
        unheard=len(asked - hit - clear),
        through_another=True if through else None,
        spread_likely=any(told) if told else None,
        common_cause=True if common else None,
        asked_by=asked_by,
    )


def _asking(session: Session, row: CaseView, state: ChannelState) -> int:
    """Count the members whose report asks for help and was made part of this case."""
    count = session.scalar(
        select(func.count(SentReport.reporter.distinct()))
        .join(
            LinkedReport,
            (LinkedReport.channel == SentReport.channel)
            & (LinkedReport.report == SentReport.report),
        )
        .where(
            LinkedReport.case == row.channel,
            SentReport.help_wanted,
            SentReport.reporter.in_(list(state.joined)),
        )
    )
    return count or 0

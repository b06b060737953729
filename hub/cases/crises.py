"""Cases of ours in which a crisis should be declared, and none is.

Source: domain, 5; lifecycles, 4.
"""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from federation.ledgers.ledger_records import ChannelRecord
from hub.accounts.actor import Actor
from hub.cases import joining
from hub.cases.queries import WAITING, CaseSummary, get_visible_case
from hub.cases.records import CaseView, OwnWordView
from policies.assessment import Danger, Field
from policies.roles import Right


def visible_advised(session: Session, actor: Actor, *, us: str) -> list[CaseSummary]:
    """Give the cases that we coordinate and in which a crisis is advised, oldest first.

    What somebody told us alone counts as well: it is the coordinator that reads this.
    """
    if not actor.may(Right.RUN_CASES):
        return []
    in_danger = exists().where(
        OwnWordView.case == CaseView.channel,
        OwnWordView.assessment[Field.DANGER.value].as_string() == Danger.CONFIRMED.value,
    )
    channels = session.scalars(
        select(CaseView.channel)
        .join(ChannelRecord, ChannelRecord.id == CaseView.channel)
        .where(
            ChannelRecord.owner == us,
            CaseView.state.in_(("assessment", "response")),
            ~CaseView.crisis,
            in_danger,
        )
        .order_by(CaseView.opened_at)
        .limit(WAITING)
    ).all()
    return [
        get_visible_case(session, actor, channel)
        for channel in channels
        if joining.visible_picture(session, actor, channel).crisis_advised
    ]

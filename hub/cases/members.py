"""Who takes part in a case: invited or joined, how far it is, and how far it holds the ledger.

Source: domain, 8 (*members and their sync state*).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from hub.accounts.actor import Actor
from hub.cases.queries import OrganisationRow, get_case_row, visible_organisations
from hub.channels.holders import HolderRow, visible_holders
from hub.channels.member_queries import MemberRow, visible_members


@dataclass(frozen=True)
class CaseMember:
    """One organisation of a case.

    Args:
        said: what it states of itself; `None` where it has not joined.
        held: how far it holds the ledger; `None` where it has not joined.
    """

    member: MemberRow
    said: OrganisationRow | None
    held: HolderRow | None


def visible_case_members(
    session: Session, actor: Actor, channel: str, *, us: str, now: datetime
) -> list[CaseMember]:
    """Give who takes part in a case, and who was asked to, the joined first.

    Raises:
        NotFoundError: there is no such case, or the actor may not know of it.
    """
    get_case_row(session, actor, channel)
    said = {one.organisation: one for one in visible_organisations(session, actor, channel, us=us)}
    held = {
        one.holding.organisation: one
        for one in visible_holders(session, actor, channel, us=us, now=now).rows
    }
    return [
        CaseMember(one, said.get(one.organisation), held.get(one.organisation))
        for one in visible_members(session, actor, channel, us=us, now=now)
    ]

"""The members of a case as the API and `--json` show them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from hub.api.holding_models import MemberHoldingOut, member_document
from hub.api.models import Document
from hub.cases.members import CaseMember
from policies.assessment import ResponseState
from policies.tlp import TLP


class CaseMemberOut(Document):
    """One organisation of a case."""

    organisation: str
    name: str
    roles: list[str]
    state: str
    since: datetime
    reply_by: datetime | None
    late: Annotated[bool, Field(description="It is invited, and has not answered in time.")]
    is_us: bool
    without_node: bool
    takes: Annotated[
        TLP | None, Field(description="The strictest label that it takes, where it said so.")
    ]
    response: ResponseState | None
    responded_at: datetime | None
    is_silent: Annotated[bool, Field(description="It has joined, and nothing was heard of it.")]
    holding: MemberHoldingOut | None


class CaseMembersOut(Document):
    """The members of a case, the joined first."""

    items: list[CaseMemberOut]


def case_member_document(one: CaseMember) -> CaseMemberOut:
    """Give a member as the API shows it."""
    member, said = one.member, one.said
    return CaseMemberOut(
        organisation=member.organisation,
        name=member.name,
        roles=list(member.roles),
        state=member.state,
        since=member.since,
        reply_by=member.reply_by,
        late=member.late,
        is_us=member.is_us,
        without_node=member.without_node,
        takes=member.takes,
        response=said.response if said is not None else None,
        responded_at=said.responded_at if said is not None else None,
        is_silent=said is not None and said.is_silent,
        holding=member_document(one.held) if one.held is not None else None,
    )

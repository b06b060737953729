"""The members of a case: invited or joined, how far each is, and how far it holds the ledger."""

from __future__ import annotations

from uuid import UUID

from flask import Response

from hub import clock
from hub.accounts.current import current_actor
from hub.audit import service as audit
from hub.cases import queries
from hub.cases.members import visible_case_members
from hub.office import current_office
from hub.web import case_words
from hub.web.frame import pages, show
from sharing.db import reading, transaction


@pages.get("/cases/<uuid:channel>/members")
def get_case_members(channel: UUID) -> Response:
    """Show who takes part in a case."""
    actor, now = current_actor(), clock.utcnow()
    with reading() as session:
        us = current_office().desk(session).organisation
        case = queries.get_visible_case(session, actor, str(channel))
        members = visible_case_members(session, actor, str(channel), us=us, now=now)
    response = show(
        "cases/members.html", "cases", now=now, case=case, case_words=case_words, members=members
    )
    with transaction() as session:
        audit.record(session, actor, "case.read", str(channel), now=now)
    return response

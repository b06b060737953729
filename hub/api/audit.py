"""`/api/v1/audit`: who did what."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hub.api.frame import Call, Resource
from hub.api.models import Document, Moment
from hub.api.paging import PageQuery, cut, read_cursor, write_cursor
from hub.audit import service as audit
from hub.audit.records import AuditRecord, Outcome
from policies.roles import Right

resource = Resource("audit")


class AuditQuery(PageQuery):
    """What to look for; all that is given must hold."""

    actor_id: Annotated[str | None, Field(max_length=100)] = None
    action: Annotated[str | None, Field(max_length=60)] = None
    subject: Annotated[str | None, Field(max_length=200)] = None
    outcome: Outcome | None = None
    since: Moment | None = None
    until: Moment | None = None


class AuditOut(Document):
    """One line of the trail."""

    id: int
    at: Moment
    actor_id: str | None
    actor_name: str
    via: str
    action: str
    subject: str | None
    outcome: Outcome
    reason: str | None
    address: str | None
    request_id: str | None


class AuditsOut(Document):
    """A page of the trail, newest first."""

    items: list[AuditOut]
    next: str | None


@resource.reads("", gives=AuditsOut, query=AuditQuery, audited="audit.read")
def get_audit(call: Call, query: AuditQuery) -> AuditsOut:
    """Give the trail, newest first."""
    call.actor.may(Right.READ_AUDIT).enforce()
    wanted = audit.AuditFilter(
        actor_id=query.actor_id,
        action=query.action,
        subject=query.subject,
        outcome=query.outcome,
        since=query.since,
        until=query.until,
    )
    before = read_cursor(query.cursor, int)
    rows, more = cut(
        audit.visible_records(
            call.session, wanted, before=before[0] if before else None, limit=query.limit + 1
        ),
        query.limit,
    )
    return AuditsOut(
        items=[audit_document(row) for row in rows],
        next=write_cursor(rows[-1].id) if more else None,
    )


def audit_document(row: AuditRecord) -> AuditOut:
    """Give a line of the trail as the API shows it."""
    return AuditOut(
        id=row.id,
        at=row.at,
        actor_id=row.actor_id,
        actor_name=row.actor_name,
        via=row.via,
        action=row.action,
        subject=row.subject,
        outcome=row.outcome,
        reason=row.reason,
        address=row.address,
        request_id=row.request_id,
    )

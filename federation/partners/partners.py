"""Partnerships as everybody sees them, and the states that one side alone decides.

Source: protocol, 3.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from federation.identity.origins import Destination
from federation.partners.partner_records import (
    PartnerDescriptorRecord,
    PartnerRecord,
    PartnerState,
    StopReason,
)
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from sharing.db import once

logger = logging.getLogger(__name__)

MAX_REASON_CHARACTERS: Final = 1000
_FAILURE_CHARACTERS: Final = 500


@dataclass(frozen=True, slots=True)
class Partner:
    """A partnership as pages, commands and other rooms see it."""

    organisation: str
    name: str
    base_url: str
    recovery_thumbprint: str
    state: PartnerState
    stopped_by: StopReason | None
    reason: str | None
    we_invited: bool
    paired_at: datetime
    changed_at: datetime
    confirmed_at: datetime | None
    confirmed_by: str | None
    phrase_compared: bool | None
    delivered_at: datetime | None
    they_confirmed_at: datetime | None
    heard_at: datetime | None
    failed_at: datetime | None
    failure: str | None
    descriptor_version: int

    @property
    def active(self) -> bool:
        """Tell whether anything but the pairing itself is exchanged."""
        return self.state is PartnerState.ACTIVE

    @property
    def destination(self) -> Destination:
        """Where its node is; `get_destination` says whether we may send there."""
        return Destination(self.base_url, self.organisation)


def find_partner(session: Session, organisation: str) -> Partner | None:
    """Find a partnership by the organisation's STIX id, in whatever state."""
    row = session.get(PartnerRecord, organisation)
    return None if row is None else partner_of(session, row)


def get_partner(session: Session, organisation: str) -> Partner:
    """Give a partnership by the organisation's STIX id, in whatever state.

    Raises:
        NotFoundError: there is none.
    """
    partner = find_partner(session, organisation)
    if partner is None:
        raise NotFoundError("there is no such partner")
    return partner


def partners(session: Session) -> Sequence[Partner]:
    """Give all partnerships, by name."""
    return once(session, "partners", lambda: _partners(session))


def _partners(session: Session) -> Sequence[Partner]:
    rows = session.scalars(
        select(PartnerRecord).order_by(PartnerRecord.name, PartnerRecord.organisation)
    )
    versions = _newest_versions(session)
    return [_partner(row, versions.get(row.organisation, 0)) for row in rows]


def get_destination(session: Session, organisation: str) -> Destination:
    """Give where an active partner's node is: to it alone, and only now, we may send.

    Raises:
        NotFoundError: there is no such partner.
        ForbiddenError: the partnership is not active.
    """
    partner = get_partner(session, organisation)
    if not partner.active:
        message = f"nothing is sent to {partner.name}: the partnership is {partner.state}"
        raise ForbiddenError(message)
    return partner.destination


def suspend_partner(
    session: Session, organisation: str, *, by: str, reason: str | None = None, now: datetime
) -> Partner:
    """Stop all exchange at once. Nothing is deleted, and verification stays as it is.

    Raises:
        NotFoundError: there is no such partner.
        ConflictError: it is not active.
    """
    row = get_record(session, organisation)
    if row.state is not PartnerState.ACTIVE:
        raise ConflictError(f"{row.name} is {row.state}; only an active partner can be suspended")
    return _move(session, row, PartnerState.SUSPENDED, by=by, reason=reason, now=now)


def resume_partner(session: Session, organisation: str, *, by: str, now: datetime) -> Partner:
    """Take up the exchange again.

    Raises:
        NotFoundError: there is no such partner.
        ConflictError: it is not suspended, or a fork of its descriptors still stands.
    """
    row = get_record(session, organisation)
    if row.state is not PartnerState.SUSPENDED:
        raise ConflictError(f"{row.name} is {row.state}; only a suspended partner can be resumed")
    if row.stopped_by is not None:
        message = f"{row.name} showed two descriptors of one version; that still stands"
        hint = (
            "It publishes a descriptor signed by its recovery key; fetch that, or end the "
            "partnership and pair anew."
        )
        raise ConflictError(message, hint=hint)
    return _move(session, row, PartnerState.ACTIVE, by=by, reason=None, now=now)


def end_partner(
    session: Session, organisation: str, *, by: str, reason: str | None = None, now: datetime
) -> Partner:
    """End a partnership, from whatever state; a new invitation can begin another.

    Raises:
        NotFoundError: there is no such partner.
        ConflictError: it ended before.
    """
    row = get_record(session, organisation)
    if row.state is PartnerState.ENDED:
        raise ConflictError(f"the partnership with {row.name} has ended before")
    return _move(session, row, PartnerState.ENDED, by=by, reason=reason, now=now)


def record_contact(
    session: Session, organisation: str, *, now: datetime, failure: str | None = None
) -> None:
    """Remember that a partner's node was heard from, or why it was not; does nothing for others."""
    # No row version is counted up: many requests do this at once, and none of them decides.
    values: dict[str, object] = {"heard_at": now, "failure": None}
    if failure is not None:
        values = {"failed_at": now, "failure": failure[:_FAILURE_CHARACTERS]}
    session.execute(
        update(PartnerRecord).where(PartnerRecord.organisation == organisation).values(values)
    )


def get_record(session: Session, organisation: str) -> PartnerRecord:
    """Give the row of a partnership, locked until the transaction ends; for this floor's services.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(PartnerRecord, organisation, with_for_update=True)
    if row is None:
        raise NotFoundError("there is no such partner")
    return row


def partner_of(session: Session, row: PartnerRecord) -> Partner:
    """Give a row as everybody sees it."""
    version = session.scalar(
        select(func.max(PartnerDescriptorRecord.version)).where(
            PartnerDescriptorRecord.organisation == row.organisation,
            PartnerDescriptorRecord.evidence.is_(False),
        )
    )
    return _partner(row, version or 0)


def _newest_versions(session: Session) -> dict[str, int]:
    """Give organisation → the version of its newest descriptor, for all in one look-up."""
    query = (
        select(
            PartnerDescriptorRecord.organisation,
            func.max(PartnerDescriptorRecord.version).label("version"),
        )
        .where(PartnerDescriptorRecord.evidence.is_(False))
        .group_by(PartnerDescriptorRecord.organisation)
    )
    return {row.organisation: row.version for row in session.execute(query)}


def _partner(row: PartnerRecord, version: int) -> Partner:
    return Partner(
        organisation=row.organisation,
        name=row.name,
        base_url=row.base_url,
        recovery_thumbprint=row.recovery_thumbprint,
        state=row.state,
        stopped_by=row.stopped_by,
        reason=row.reason,
        we_invited=row.we_invited,
        paired_at=row.paired_at,
        changed_at=row.changed_at,
        confirmed_at=row.confirmed_at,
        confirmed_by=row.confirmed_by,
        phrase_compared=row.phrase_compared,
        delivered_at=row.delivered_at,
        they_confirmed_at=row.their_confirmation_at,
        heard_at=row.heard_at,
        failed_at=row.failed_at,
        failure=row.failure,
        descriptor_version=version,
    )


def _move(
    session: Session,
    row: PartnerRecord,
    state: PartnerState,
    *,
    by: str,
    reason: str | None,
    now: datetime,
) -> Partner:
    if reason is not None and len(reason) > MAX_REASON_CHARACTERS:
        raise InvalidError(f"a reason of up to {MAX_REASON_CHARACTERS} characters", field="reason")
    before = row.state
    row.state, row.reason, row.changed_at = state, reason, now
    session.flush()
    facts = {"organisation": row.organisation, "before": before, "after": state, "by": by}
    logger.info("partnership changed", extra=facts)
    return partner_of(session, row)

"""Pairing two nodes, seen from either side: invitation, answer, phrase.

Nothing here talks to the network: `federation.serving.exchanges` sends what is prepared here.

Source: protocol, 3; wire format, 5.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.identity.descriptor import Descriptor
from federation.identity.descriptor_chain import read_chain
from federation.identity.node import Node
from federation.identity.origins import may_connect, read_origin
from federation.partners.invitations import (
    LIFE,
    SECRET_BYTES,
    Invitation,
    read_secret,
    secret_sha256,
)
from federation.partners.partner_keys import forget_chain, keep_chain, record_descriptors
from federation.partners.partner_records import InvitationRecord, PartnerRecord, PartnerState
from federation.partners.partners import Partner, get_record, partner_of
from federation.partners.phrase import phrase_of
from policies.errors import ConflictError, InvalidError, NotFoundError

logger = logging.getLogger(__name__)

MAX_NOTE_CHARACTERS: Final = 200
_MEETING: Final = frozenset({PartnerState.INVITED, PartnerState.TO_CONFIRM})


class InvitationGoneError(NotFoundError):
    """The secret was used, has expired, was withdrawn or never was: one answer for all of them."""

    def __init__(self) -> None:
        super().__init__(
            "this invitation was used before, has expired, or was never given",
            hint="Ask the other side's administrator for a new one.",
        )


@dataclass(frozen=True, slots=True)
class GivenInvitation:
    """An invitation that we gave out, without its secret, which nobody here knows any more."""

    id: UUID
    note: str | None
    created_at: datetime
    created_by: str
    expires_at: datetime
    used_at: datetime | None
    used_by: str | None
    withdrawn_at: datetime | None

    def open_at(self, now: datetime) -> bool:
        """Tell whether it can still be answered."""
        return self.used_at is None and self.withdrawn_at is None and now < self.expires_at


def create_invitation(
    session: Session, node: Node, *, by: str, note: str | None = None, now: datetime
) -> Invitation:
    """Make an invitation: one use, 72 hours. Its secret is in what is given and nowhere else."""
    if note is not None and len(note) > MAX_NOTE_CHARACTERS:
        raise InvalidError(f"a note of up to {MAX_NOTE_CHARACTERS} characters", field="note")
    secret = secrets.token_bytes(SECRET_BYTES)
    session.add(
        InvitationRecord(
            id=uuid4(),
            secret_sha256=secret_sha256(secret),
            note=note,
            created_at=now,
            created_by=by,
            expires_at=now + LIFE,
        )
    )
    session.flush()
    return Invitation(node.base_url, node.recovery_thumbprint, secret)


def invitations(session: Session) -> list[GivenInvitation]:
    """Give the invitations that we gave out, newest first."""
    rows = session.scalars(
        select(InvitationRecord).order_by(InvitationRecord.created_at.desc(), InvitationRecord.id)
    )
    return [
        GivenInvitation(
            id=row.id,
            note=row.note,
            created_at=row.created_at,
            created_by=row.created_by,
            expires_at=row.expires_at,
            used_at=row.used_at,
            used_by=row.used_by,
            withdrawn_at=row.withdrawn_at,
        )
        for row in rows
    ]


def withdraw_invitation(session: Session, invitation_id: UUID, *, now: datetime) -> None:
    """Take an invitation back before it is used.

    Raises:
        NotFoundError: there is none.
        ConflictError: it was used.
    """
    row = session.get(InvitationRecord, invitation_id, with_for_update=True)
    if row is None:
        raise NotFoundError("there is no such invitation")
    if row.used_at is not None:
        raise ConflictError("the invitation was used", hint="End the partnership instead.")
    row.withdrawn_at = row.withdrawn_at or now
    session.flush()


def take_pairing(
    session: Session,
    node: Node,
    value: object,
    *,
    plain_http_hosts: frozenset[str],
    now: datetime,
) -> Partner:
    """Take the answer to one of our invitations: its secret and the other side's descriptors.

    Raises:
        InvalidError: the form is not that of a pairing, or the descriptors prove nothing.
        InvitationGoneError: the secret opens nothing (any more).
        ConflictError: the organisation or its address belongs to another partnership.
    """
    if not isinstance(value, Mapping) or set(value) != {"secret", "descriptors"}:
        raise InvalidError("a pairing is {secret, descriptors}", field="body")
    text = value["secret"]
    secret = read_secret(text if isinstance(text, str) else "", field="secret")
    row = session.scalars(
        select(InvitationRecord)
        .where(InvitationRecord.secret_sha256 == secret_sha256(secret))
        .with_for_update()
    ).one_or_none()
    if row is None or row.used_at or row.withdrawn_at or now >= row.expires_at:
        raise InvitationGoneError
    chain = read_chain(value["descriptors"])
    partner = _meet(session, node, chain, plain_http_hosts=plain_http_hosts, now=now)
    if partner.state in _MEETING:
        partner.state, partner.we_invited = PartnerState.TO_CONFIRM, True
    row.used_at, row.used_by = now, partner.organisation
    session.flush()
    logger.info("invitation used", extra={"organisation": partner.organisation})
    return partner_of(session, partner)


def record_invited(
    session: Session,
    node: Node,
    invitation: Invitation,
    descriptors: Sequence[object],
    *,
    plain_http_hosts: frozenset[str],
    now: datetime,
) -> Partner:
    """Remember whose invitation we hold, before we answer it.

    Args:
        session: the caller's transaction.
        node: ourselves.
        invitation: as pasted.
        descriptors: what the inviting node serves, version 1 first; unverified.
        plain_http_hosts: hosts for which the administrator allowed plain HTTP by name.
        now: the time.

    Raises:
        InvalidError: the descriptors prove nothing, or aren't those that the invitation names.
        ConflictError: the organisation or its address belongs to another partnership.
    """
    chain = read_chain(descriptors, recovery_thumbprint=invitation.recovery_thumbprint)
    if chain[-1].base_url != invitation.base_url:
        message = f"the node at {invitation.base_url} says that it is at {chain[-1].base_url}"
        raise InvalidError(message, field="invitation")
    partner = _meet(session, node, chain, plain_http_hosts=plain_http_hosts, now=now)
    return partner_of(session, partner)


def record_paired(
    session: Session, organisation: str, descriptors: Sequence[object], *, now: datetime
) -> Partner:
    """Remember that the inviting node took our answer.

    Raises:
        NotFoundError: we hold no invitation of this organisation.
        InvalidError: what it answered proves nothing, or describes another.
    """
    row = get_record(session, organisation)
    chain = read_chain(descriptors, recovery_thumbprint=row.recovery_thumbprint)
    if chain[-1].organisation_id != organisation:
        raise InvalidError("the answer describes another organisation", field="descriptors")
    record_descriptors(session, organisation, descriptors, now=now)
    if row.state is PartnerState.INVITED:
        row.state, row.changed_at = PartnerState.TO_CONFIRM, now
    session.flush()
    return partner_of(session, row)


def verification_phrase(node: Node, partner: Partner) -> tuple[str, ...]:
    """Give the eight words that both administrators see."""
    return phrase_of(node.recovery_thumbprint, partner.recovery_thumbprint)


def _meet(
    session: Session,
    node: Node,
    chain: Sequence[Descriptor],
    *,
    plain_http_hosts: frozenset[str],
    now: datetime,
) -> PartnerRecord:
    """Find or begin the partnership with whom a proven chain describes."""
    newest = chain[-1]
    organisation, thumbprint = newest.organisation_id, chain[0].recovery.thumbprint
    if organisation == node.organisation or thumbprint == node.recovery_thumbprint:
        raise InvalidError("a node can't pair with itself", field="descriptors")
    origin = read_origin(newest.base_url)
    decision = may_connect(origin, plain_http_hosts=plain_http_hosts)
    if not decision:
        raise InvalidError(decision.reason, field="base_url")
    _check_address_is_free(session, node, organisation, origin)
    row = session.get(PartnerRecord, organisation, with_for_update=True)
    if row is None:
        row = _begin(organisation, newest, thumbprint, now)
        session.add(row)
        session.flush()
        keep_chain(session, row, chain, now=now)
    elif row.state is PartnerState.ENDED:
        _begin_anew(session, row, thumbprint, now)
        keep_chain(session, row, chain, now=now)
    elif row.recovery_thumbprint != thumbprint:
        message = f"{row.name} is known here by another recovery key"
        hint = "If that is right, end the present partnership first, then pair anew."
        raise ConflictError(message, hint=hint)
    else:
        # They may have lost what we told them before: it is delivered again.
        row.delivered_at = None
        # A chain that says otherwise than the one we know stops the partnership here as well.
        record_descriptors(session, organisation, [one.jws for one in chain], now=now)
    return row


def _check_address_is_free(session: Session, node: Node, organisation: str, origin: str) -> None:
    taken = session.scalar(
        select(PartnerRecord.organisation).where(
            PartnerRecord.base_url == origin,
            PartnerRecord.organisation != organisation,
            PartnerRecord.state != PartnerState.ENDED,
        )
    )
    if taken is not None or origin == node.base_url:
        raise ConflictError(f"{origin} is the address of another node", field="base_url")


def _begin(organisation: str, newest: Descriptor, thumbprint: str, now: datetime) -> PartnerRecord:
    return PartnerRecord(
        organisation=organisation,
        name=newest.name,
        base_url=newest.base_url,
        recovery_thumbprint=thumbprint,
        state=PartnerState.INVITED,
        we_invited=False,
        paired_at=now,
        changed_at=now,
    )


def _begin_anew(session: Session, row: PartnerRecord, thumbprint: str, now: datetime) -> None:
    forget_chain(session, row.organisation)
    row.recovery_thumbprint = thumbprint
    row.state, row.we_invited = PartnerState.INVITED, False
    row.stopped_by = row.reason = row.failure = row.failed_at = row.heard_at = None
    row.phrase_compared = row.confirmed_at = row.confirmed_by = row.our_confirmation = None
    row.delivered_at = row.their_confirmation = row.their_confirmation_at = None
    row.paired_at = row.changed_at = now

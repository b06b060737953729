"""Confirmation of a partnership by both administrators: signed, exchanged, and only then active.

Source: protocol, 3; wire format, 5.
"""

from __future__ import annotations

import hmac
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.identity.descriptor import KeyUse
from federation.identity.keys import SignatureError, Typ, key_id, split, unb64, verify
from federation.identity.keystore import KeyRing
from federation.identity.node import Node
from federation.partners.partner_keys import newest_descriptor
from federation.partners.partner_records import PartnerRecord, PartnerState
from federation.partners.partners import Partner, get_record, partner_of
from federation.partners.phrase import phrase_digest
from policies.errors import ConflictError, InvalidError, NotFoundError, UnverifiedError
from sharing.canonical import canonical, read_json, read_time, write_time

logger = logging.getLogger(__name__)

CONFIRMATION_LIMIT_BYTES: Final = 4096

_CONFIRMATION_MEMBERS: Final = frozenset({"protocol", "from", "to", "phrase_sha256", "at"})


def confirm_partner(
    session: Session,
    node: Node,
    ring: KeyRing,
    organisation: str,
    *,
    compared: bool,
    by: str,
    now: datetime,
) -> Partner:
    """Confirm a partner: our administrator says that it is the organisation it claims to be.

    What was signed is delivered by `federation.serving.exchanges`. The partnership is active as
    soon as both sides have confirmed.

    Args:
        session: the caller's transaction.
        node: ourselves.
        ring: our private keys.
        organisation: the partner's STIX id.
        compared: whether the phrase was compared over another way; logged as unverified if not.
        by: who confirms.
        now: the time.

    Raises:
        NotFoundError: there is no such partner.
        ConflictError: there is nothing to confirm.
    """
    row = get_record(session, organisation)
    if row.state is not PartnerState.TO_CONFIRM:
        raise ConflictError(f"there is nothing to confirm: {row.name} is {row.state}")
    if row.stopped_by is not None:
        raise ConflictError(f"{row.name} showed two descriptors of one version; end it, pair anew")
    if row.confirmed_at is not None:
        message = f"you have confirmed {row.name}; its administrator has yet to confirm you"
        raise ConflictError(message)
    row.our_confirmation = build_confirmation(
        node, ring, organisation, row.recovery_thumbprint, now=now
    )
    row.confirmed_at, row.confirmed_by, row.phrase_compared = now, by, compared
    facts = {"organisation": organisation, "by": by}
    if compared:
        logger.info("partner confirmed, phrase compared", extra=facts)
    else:
        logger.warning("partner confirmed unverified, phrase not compared", extra=facts)
    _activate_when_both_confirmed(row, now)
    session.flush()
    return partner_of(session, row)


def build_confirmation(
    node: Node, ring: KeyRing, organisation: str, recovery_thumbprint: str, *, now: datetime
) -> str:
    """Sign that we confirm this organisation under this recovery key."""
    payload: dict[str, Any] = {
        "protocol": "1",
        "from": node.organisation,
        "to": organisation,
        "phrase_sha256": phrase_digest(node.recovery_thumbprint, recovery_thumbprint).hex(),
        "at": write_time(now),
    }
    return node.signing_key(ring).sign(canonical(payload), Typ.PAIRING)


def take_confirmation(session: Session, node: Node, jws: str, *, now: datetime) -> Partner:
    """Take the other side's confirmation. Taking it again changes nothing.

    Raises:
        InvalidError: the form is not that of a confirmation.
        NotFoundError: nobody of that name is pairing with us.
        UnverifiedError: it was not signed by that organisation, or not for us.
    """
    try:
        claimed = _read_confirmation(unb64(split(jws)[1]))
        row = _known_sender(session, claimed["from"])
        key = newest_descriptor(session, row.organisation).find_key(key_id(jws), KeyUse.SIGN)
        if key is None or not key.in_use:
            raise UnverifiedError("the confirmation is signed by a key that is not in use")
        payload = _read_confirmation(verify(jws, key.key, Typ.PAIRING))
    except SignatureError as error:
        raise UnverifiedError(f"the confirmation proves nothing: {error.message}") from None
    expected = phrase_digest(node.recovery_thumbprint, row.recovery_thumbprint).hex()
    same_phrase = hmac.compare_digest(payload["phrase_sha256"].encode(), expected.encode())
    if payload["to"] != node.organisation or not same_phrase:
        raise UnverifiedError("the confirmation is not for this node")
    if row.state is PartnerState.INVITED:
        # Their answer to our answer was lost; this proves that they took it.
        row.state, row.changed_at = PartnerState.TO_CONFIRM, now
    if row.their_confirmation is None:
        row.their_confirmation, row.their_confirmation_at = jws, now
        logger.info("partner has confirmed us", extra={"organisation": row.organisation})
        _activate_when_both_confirmed(row, now)
    row.heard_at = now
    session.flush()
    return partner_of(session, row)


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A confirmation of ours that the other side has not taken yet."""

    partner: Partner
    jws: str


def undelivered_confirmations(session: Session) -> list[Undelivered]:
    """Give what is still to be delivered, oldest first; a worker tries until it is taken."""
    rows = session.scalars(
        select(PartnerRecord)
        .where(
            PartnerRecord.our_confirmation.is_not(None),
            PartnerRecord.delivered_at.is_(None),
            PartnerRecord.state.in_([PartnerState.TO_CONFIRM, PartnerState.ACTIVE]),
        )
        .order_by(PartnerRecord.confirmed_at, PartnerRecord.organisation)
    )
    return [Undelivered(partner_of(session, row), str(row.our_confirmation)) for row in rows]


def record_delivered(session: Session, organisation: str, *, now: datetime) -> None:
    """Remember that the other side took our confirmation."""
    row = get_record(session, organisation)
    row.delivered_at = row.delivered_at or now
    row.heard_at, row.failure = now, None
    session.flush()


def _activate_when_both_confirmed(row: PartnerRecord, now: datetime) -> None:
    confirmed = row.confirmed_at is not None and row.their_confirmation is not None
    if confirmed and row.state is PartnerState.TO_CONFIRM and row.stopped_by is None:
        row.state, row.changed_at = PartnerState.ACTIVE, now
        logger.info("partnership active", extra={"organisation": row.organisation})


def _known_sender(session: Session, organisation: str) -> PartnerRecord:
    row = session.get(PartnerRecord, organisation, with_for_update=True)
    if row is None or row.state is PartnerState.ENDED:
        raise NotFoundError("nobody of that name is pairing with this node")
    return row


def _read_confirmation(payload: bytes) -> dict[str, str]:
    value = read_json(payload, limit_bytes=CONFIRMATION_LIMIT_BYTES, field="confirmation")
    if not isinstance(value, dict) or set(value) != _CONFIRMATION_MEMBERS:
        members = ", ".join(sorted(_CONFIRMATION_MEMBERS))
        raise InvalidError(f"a confirmation holds exactly {members}", field="confirmation")
    if not all(isinstance(part, str) for part in value.values()) or value["protocol"] != "1":
        raise InvalidError("a confirmation holds texts, and protocol 1", field="confirmation")
    read_time(value["at"], field="confirmation.at")
    return value

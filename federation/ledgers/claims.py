"""Whose word that we have lost entries of ours is waited for, and whose is not any more.

A receipt beyond our head stops our writing until its author has shown what it names. Who is asked
and shows nothing that our own key has signed has named what is not so: it stays on record, and from
then on nobody waits for what this member alone says. So no member stops a channel by itself.

Source: protocol, 10 (*Rollback*); decision 16.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from federation.identity.descriptor import DESCRIPTOR_LIMIT_BYTES, KeyUse, read_descriptor
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.state import JOINED, Place
from federation.ledgers.ledger_records import ChannelRecord, DescribedRecord
from federation.ledgers.receipt_records import ReceiptRecord, WitnessRecord
from federation.ledgers.stops import keep_evidence, tell
from sharing.canonical import read_json

logger = logging.getLogger(__name__)


def believed_beyond(session: Session, record: ChannelRecord) -> dict[str, Place]:
    """Give the furthest place beyond our head that each member has signed to have seen.

    Whose part has ended, whose key has been revoked since, and who named what is not so is left
    out.
    """
    head = _head(record)
    found: dict[str, Place] = {}
    for row in _receipts_beyond(session, record.id, head):
        place = row.epoch, row.seq
        if place > found.get(row.author, head) and not _is_revoked(session, row):
            found[row.author] = place
    silent = set()
    for witness in session.scalars(select(WitnessRecord).where(_is_about(record.id))):
        if witness.disbelieved_at is not None:
            silent.add(witness.organisation)
        elif witness.claimed_epoch is not None and witness.claimed_seq is not None:
            place = witness.claimed_epoch, witness.claimed_seq
            found[witness.organisation] = max(found.get(witness.organisation, head), place)
    counted = _joined(record) - silent
    return {who: place for who, place in sorted(found.items()) if place > head and who in counted}


def is_believed(session: Session, channel: str, organisation: str) -> bool:
    """Tell whether we wait for what a member says that it has seen beyond our head."""
    witness = session.get(WitnessRecord, (channel, organisation))
    return witness is None or witness.disbelieved_at is None


def note_claim(
    session: Session, channel: str, organisation: str, place: Place, *, now: datetime
) -> None:
    """Keep the furthest place that a member's contribution has named as seen."""
    witness = _witness(session, channel, organisation, now)
    known = witness.claimed_epoch, witness.claimed_seq
    if None in known or place > known:
        witness.claimed_epoch, witness.claimed_seq = place
    session.flush()


def disbelieve(
    session: Session, record: ChannelRecord, organisation: str, *, now: datetime
) -> None:
    """Wait no more for what this member alone says that it has seen of our ledger.

    What it has signed is kept as evidence; a restore makes everybody believed again.
    """
    for row in _receipts_beyond(session, record.id, _head(record)):
        if row.author == organisation:
            sentence = f"a receipt for entry {row.epoch}/{row.seq}, which nobody has shown"
            said = DoubtError(Doubt.GAP, sentence)
            keep_evidence(session, record, said, row.jws.encode(), now)
            session.delete(row)
    witness = _witness(session, record.id, organisation, now)
    witness.disbelieved_at = now
    witness.claimed_epoch = witness.claimed_seq = None
    session.flush()
    sentence = f"{organisation} names entries that nobody shows; its word on that counts no more"
    tell(session, "channel.claim_not_shown", record.id, sentence, now=now)
    facts = {"channel": record.id, "organisation": organisation}
    logger.warning("a member names entries of ours that nobody shows", extra=facts)


def disbelieve_claims(session: Session, record: ChannelRecord, *, now: datetime) -> None:
    """Let nobody who says that it holds more of our ledger than we do stop it any more.

    That is for an administrator who has asked around and opens the channel anew: whoever signed
    what nobody shows could stop it again and again.

    Args:
        record: a channel of ours, locked.
    """
    for organisation in believed_beyond(session, record):
        disbelieve(session, record, organisation, now=now)
    record.lost_epoch = record.lost_seq = None


def _head(record: ChannelRecord) -> Place:
    return record.epoch or 0, record.seq if record.seq is not None else -1


def _is_about(channel: str) -> ColumnElement[bool]:
    return WitnessRecord.channel == channel


def _witness(session: Session, channel: str, organisation: str, now: datetime) -> WitnessRecord:
    witness = session.get(WitnessRecord, (channel, organisation))
    if witness is None:
        witness = WitnessRecord(channel=channel, organisation=organisation, asked_at=now)
        session.add(witness)
    return witness


def _receipts_beyond(session: Session, channel: str, head: Place) -> Sequence[ReceiptRecord]:
    after = or_(
        ReceiptRecord.epoch > head[0],
        and_(ReceiptRecord.epoch == head[0], ReceiptRecord.seq > head[1]),
    )
    query = select(ReceiptRecord).where(ReceiptRecord.channel == channel, after)
    return session.scalars(query.order_by(ReceiptRecord.id)).all()


def _joined(record: ChannelRecord) -> set[str]:
    members = (record.state or {}).get("members", ())
    return {str(one["organisation"]) for one in members if one["state"] == JOINED}


def _is_revoked(session: Session, row: ReceiptRecord) -> bool:
    jws = session.scalar(
        select(DescribedRecord.jws)
        .where(DescribedRecord.channel == row.channel, DescribedRecord.organisation == row.author)
        .order_by(DescribedRecord.version.desc())
        .limit(1)
    )
    if jws is None:
        return True
    newest = read_descriptor(read_json(jws, limit_bytes=2 * DESCRIPTOR_LIMIT_BYTES))
    key = newest.find_key(row.kid, KeyUse.SIGN)
    return key is None or key.revoked_at is not None

"""What partners say of their keys: chains that were walked, forks, and who may hold a token.

Source: protocol, 2 to 4.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from federation.identity.descriptor import (
    Descriptor,
    DescriptorError,
    DescriptorForkError,
    KeyUse,
    read_descriptor,
)
from federation.identity.descriptor_chain import merge_chain, read_chain, settled_version
from federation.identity.key_state import KeyState, key_state_of
from federation.identity.keys import PublicKey
from federation.identity.node import DESCRIPTOR_ROW_LIMIT_BYTES
from federation.identity.origins import read_origin
from federation.partners.partner_records import (
    PartnerDescriptorRecord,
    PartnerRecord,
    PartnerState,
    StopReason,
)
from federation.partners.partners import get_record
from policies.decision import Decision
from policies.errors import InvalidError
from sharing.canonical import canonical, read_json

logger = logging.getLogger(__name__)

ChannelKeys: TypeAlias = Callable[[Session, str, str], PublicKey | None]
"""(session, organisation, key id) → a transport key in use, by a ledger that both of us keep."""


def no_channel_keys(_session: Session, _organisation: str, _kid: str) -> None:
    """Know no keys but those of partners."""


def find_transport_key(
    session: Session, organisation: str, kid: str, *, channel_keys: ChannelKeys = no_channel_keys
) -> PublicKey | None:
    """Find a transport key in use: the partner's own word first, a shared channel's ledger else.

    For a suspended partner there is none: no token, no bell.
    """
    row = session.get(PartnerRecord, organisation)
    if row is not None and row.state is PartnerState.SUSPENDED:
        return None
    if row is not None and row.state is PartnerState.ACTIVE:
        entry = newest_descriptor(session, organisation).find_key(kid, KeyUse.TRANSPORT)
        if entry is not None:
            return entry.key if entry.in_use else None
    return channel_keys(session, organisation, kid)


def may_hold_token(session: Session, organisation: str, issued_at: datetime) -> Decision:
    """Decide whether an access token that we issued then is still good for its organisation."""
    row = session.get(PartnerRecord, organisation)
    if row is None:
        return Decision.yes()
    if row.state is PartnerState.ACTIVE:
        return _since_its_keys_changed(session, organisation, issued_at)
    if row.state is PartnerState.SUSPENDED:
        return Decision.no("the partnership is suspended")
    if issued_at <= row.changed_at:
        return Decision.no(f"the partnership is {row.state}")
    return Decision.yes("by the keys of a shared channel")


def _since_its_keys_changed(session: Session, organisation: str, issued_at: datetime) -> Decision:
    """Refuse a token from before we heard of the newest keys: a stolen one may have asked for it.

    Tokens count in seconds.
    """
    row = session.execute(
        select(PartnerDescriptorRecord.version, PartnerDescriptorRecord.seen_at)
        .where(
            PartnerDescriptorRecord.organisation == organisation,
            PartnerDescriptorRecord.evidence.is_(False),
        )
        .order_by(PartnerDescriptorRecord.version.desc())
        .limit(1)
    ).one_or_none()
    if row is not None and row.version > 1 and issued_at < row.seen_at.replace(microsecond=0):
        return Decision.no("the organisation has changed its keys since")
    return Decision.yes()


def get_chain(session: Session, organisation: str) -> tuple[Descriptor, ...]:
    """Give a partner's descriptors as they were proven, version 1 first; empty where unknown."""
    rows = session.scalars(
        select(PartnerDescriptorRecord.jws)
        .where(
            PartnerDescriptorRecord.organisation == organisation,
            PartnerDescriptorRecord.evidence.is_(False),
        )
        .order_by(PartnerDescriptorRecord.version)
    )
    return tuple(
        read_descriptor(read_json(row, limit_bytes=DESCRIPTOR_ROW_LIMIT_BYTES)) for row in rows
    )


def find_key_state(session: Session, organisation: str) -> KeyState | None:
    """Give the state of a partner's keys; `None` where it is no partner."""
    row = session.get(PartnerRecord, organisation)
    if row is None:
        return None
    return key_state_of(get_chain(session, organisation), forked=row.stopped_by is not None)


def confirmed_recovery_keys(session: Session) -> dict[str, str]:
    """Give what administrators confirmed: organisation → thumbprint of its first recovery key."""
    rows = session.execute(
        select(PartnerRecord.organisation, PartnerRecord.recovery_thumbprint).where(
            PartnerRecord.state.in_((PartnerState.ACTIVE, PartnerState.SUSPENDED))
        )
    )
    return {row.organisation: row.recovery_thumbprint for row in rows}


def stopped_partners(session: Session) -> frozenset[str]:
    """Give the partners whose descriptors forked, and nothing has ended that."""
    query = select(PartnerRecord.organisation).where(PartnerRecord.stopped_by.is_not(None))
    return frozenset(session.scalars(query))


def newest_descriptor(session: Session, organisation: str) -> Descriptor:
    """Give the newest proven descriptor of a partner.

    Raises:
        DescriptorError: none is known.
    """
    row = session.scalar(
        select(PartnerDescriptorRecord.jws)
        .where(
            PartnerDescriptorRecord.organisation == organisation,
            PartnerDescriptorRecord.evidence.is_(False),
        )
        .order_by(PartnerDescriptorRecord.version.desc())
        .limit(1)
    )
    if row is None:
        raise DescriptorError("no descriptor of this organisation is known")
    return read_descriptor(read_json(row, limit_bytes=DESCRIPTOR_ROW_LIMIT_BYTES))


def record_descriptors(
    session: Session, organisation: str, documents: Sequence[object], *, now: datetime
) -> bool:
    """Take newer descriptors of a partner, oldest first; tell whether they were good.

    A fork stops the partnership and is kept as evidence: then the answer is false. It is not an
    error, because the stop has to be committed. A descriptor signed by the recovery key, which may
    branch off any earlier version, ends a fork; an administrator then resumes.

    Raises:
        NotFoundError: there is no such partner.
        DescriptorError: they prove nothing; nothing is changed.
    """
    row = get_record(session, organisation)
    known = get_chain(session, organisation)
    try:
        chain = merge_chain(known, documents) if known else read_chain(documents)
    except DescriptorForkError:
        _stop(session, row, known, [read_descriptor(document) for document in documents], now)
        return False
    if row.stopped_by is not None:
        if settled_version(chain) <= settled_version(known):
            # Only the recovery key ends a fork, and it has said nothing new.
            return False
        row.stopped_by = None
        logger.warning("descriptor fork ended", extra={"organisation": organisation})
    keep_chain(session, row, chain, now=now)
    return True


def hear_chain(
    session: Session, organisation: str, chain: Sequence[Descriptor], *, now: datetime
) -> None:
    """Take what a ledger says of a partner's keys: it may be news, or proof of a fork.

    A ledger that begins with another version 1 proves nothing about our partner.
    """
    row = session.get(PartnerRecord, organisation)
    if row is None or row.state not in (PartnerState.ACTIVE, PartnerState.SUSPENDED):
        return
    known = get_chain(session, organisation)
    if not known or not chain or known[0].sha256 != chain[0].sha256 or known[-1] == chain[-1]:
        return
    try:
        with session.begin_nested():
            record_descriptors(session, organisation, [one.jws for one in chain], now=now)
    except InvalidError as error:
        facts = {"organisation": organisation, "reason": error.message}
        logger.warning("descriptors of a ledger not taken", extra=facts)


def keep_chain(
    session: Session, row: PartnerRecord, chain: Sequence[Descriptor], *, now: datetime
) -> None:
    """Store a proven chain as the one that is walked; what stood elsewhere becomes evidence."""
    kept = {descriptor.sha256: descriptor for descriptor in chain}
    stored: dict[str, PartnerDescriptorRecord] = {
        record.sha256: record
        for record in session.scalars(
            select(PartnerDescriptorRecord).where(
                PartnerDescriptorRecord.organisation == row.organisation
            )
        )
    }
    for sha256, record in stored.items():
        record.evidence = sha256 not in kept
    for sha256, descriptor in kept.items():
        if sha256 not in stored:
            session.add(_record(row.organisation, descriptor, now, evidence=False))
    newest = chain[-1]
    row.name = newest.name
    row.base_url = read_origin(newest.base_url)
    session.flush()


def forget_chain(session: Session, organisation: str) -> None:
    """Forget all descriptors of an organisation, before a partnership begins anew."""
    session.execute(
        delete(PartnerDescriptorRecord).where(PartnerDescriptorRecord.organisation == organisation)
    )


def fork_evidence(session: Session, organisation: str) -> list[object]:
    """Give the descriptors that stand beside the chain: proof of a fork, for export."""
    rows = session.scalars(
        select(PartnerDescriptorRecord.jws)
        .where(
            PartnerDescriptorRecord.organisation == organisation,
            PartnerDescriptorRecord.evidence.is_(True),
        )
        .order_by(PartnerDescriptorRecord.version, PartnerDescriptorRecord.sha256)
    )
    return [read_json(row, limit_bytes=DESCRIPTOR_ROW_LIMIT_BYTES) for row in rows]


def _stop(
    session: Session,
    row: PartnerRecord,
    known: Sequence[Descriptor],
    news: Sequence[Descriptor],
    now: datetime,
) -> None:
    """Stop a partnership on proof: a second descriptor under the partner's own keys."""
    own_keys = {one.recovery for one in known} | {
        entry.key for one in known for entry in one.keys if entry.use is KeyUse.SIGN
    }
    walked = {one.sha256 for one in known}
    forks = [one for one in news if one.sha256 not in walked and _signed_by_any([one], own_keys)]
    if not forks:
        raise DescriptorError("a descriptor that its organisation has not signed")
    stored = set(
        session.scalars(
            select(PartnerDescriptorRecord.sha256).where(
                PartnerDescriptorRecord.organisation == row.organisation
            )
        )
    )
    for fork in forks:
        if fork.sha256 not in stored:
            session.add(_record(row.organisation, fork, now, evidence=True))
            stored.add(fork.sha256)
    row.stopped_by, row.changed_at = StopReason.DESCRIPTOR_FORK, now
    if row.state is PartnerState.ACTIVE:
        row.state = PartnerState.SUSPENDED
    session.flush()
    logger.error("descriptor_fork: partnership stopped", extra={"organisation": row.organisation})


def _signed_by_any(descriptors: Iterable[Descriptor], keys: Collection[PublicKey]) -> bool:
    return any(descriptor.is_signed_by(key) for descriptor in descriptors for key in keys)


def _record(
    organisation: str, descriptor: Descriptor, now: datetime, *, evidence: bool
) -> PartnerDescriptorRecord:
    return PartnerDescriptorRecord(
        organisation=organisation,
        sha256=descriptor.sha256,
        version=descriptor.version,
        jws=canonical(descriptor.jws),
        evidence=evidence,
        seen_at=now,
    )

"""What partners say of their keys: chains that were walked, forks, and who may hold a token.

Source: protocol, 2 to 4.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import TypeAlias

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from federation.descriptor import (
    Descriptor,
    DescriptorError,
    DescriptorForkError,
    KeyUse,
    extend_chain,
    read_chain,
    read_descriptor,
)
from federation.keys import PublicKey, SignatureError, Typ, unb64, verify_parts
from federation.node import DESCRIPTOR_ROW_LIMIT_BYTES
from federation.origins import read_origin
from federation.partner_records import (
    PartnerDescriptorRecord,
    PartnerRecord,
    PartnerState,
    StopReason,
)
from federation.partners import get_record
from policies.decision import Decision
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
    if row is None or row.state is PartnerState.ACTIVE:
        return Decision.yes()
    if row.state is PartnerState.SUSPENDED:
        return Decision.no("the partnership is suspended")
    if issued_at <= row.changed_at:
        return Decision.no(f"the partnership is {row.state}")
    return Decision.yes("by the keys of a shared channel")


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
    settled = _settled_version(known)
    news = [read_descriptor(document) for document in documents]
    # What the recovery key has settled is not asked again, unless it contradicts itself.
    news = [
        one
        for one in news
        if one.version > settled
        or (one.version == settled and _signed_by_any([one], {each.recovery for each in known}))
    ]
    if not news:
        return row.stopped_by is None
    try:
        chain = extend_chain(known, [one.jws for one in news])
    except DescriptorForkError:
        branch = _branch_by_recovery(known, news, settled)
        if branch is None:
            _stop(session, row, known, news, now)
            return False
        chain = branch
    else:
        if row.stopped_by is not None and not _signed_by_any(
            chain[len(known) :], {known[-1].recovery}
        ):
            return False
    if row.stopped_by is not None:
        row.stopped_by = None
        logger.warning("descriptor fork ended", extra={"organisation": organisation})
    keep_chain(session, row, chain, now=now)
    return True


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


def _settled_version(known: Sequence[Descriptor]) -> int:
    """Give the newest version that the recovery key has signed since version 1, or 0."""
    settled = [
        after.version for before, after in pairwise(known) if _signed_by(after, before.recovery)
    ]
    return max(settled, default=0)


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


def _branch_by_recovery(
    known: Sequence[Descriptor], news: Sequence[Descriptor], settled: int
) -> tuple[Descriptor, ...] | None:
    """Find the chain that leaves the known one by a descriptor of the recovery key, if any."""
    walked = {one.sha256 for one in known}
    news = [one for one in news if one.sha256 not in walked]
    for start, descriptor in enumerate(news):
        trunk = known[: descriptor.version - 1]
        if descriptor.version <= settled or not trunk or len(trunk) != descriptor.version - 1:
            continue
        if not _signed_by(descriptor, trunk[-1].recovery):
            continue
        try:
            return read_chain([one.jws for one in (*trunk, *news[start:])])
        except DescriptorError:
            continue
    return None


def _signed_by_any(descriptors: Iterable[Descriptor], keys: Collection[PublicKey]) -> bool:
    return any(_signed_by(descriptor, key) for descriptor in descriptors for key in keys)


def _signed_by(descriptor: Descriptor, key: PublicKey) -> bool:
    payload = unb64(descriptor.jws["payload"])
    for item in descriptor.jws["signatures"]:
        try:
            verify_parts(item["protected"], payload, item["signature"], key, Typ.DESCRIPTOR)
        except SignatureError:
            continue
        return True
    return False


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

"""The outbox: contributions on their way to the owner of their channel.

In order per channel, one under way at a time; sending twice is harmless, because a bundle is
signed once and admitted once.

Source: protocol, 8; wire format, 3 (*Submitting*).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from federation.judging.doubt import PLAIN_WORDS, RETRIED, Doubt
from federation.ledgers.ledger import get_channel
from federation.ledgers.ledger_records import ChannelRecord, ContributionRecord, Delivery
from federation.ledgers.releases import lacking_there
from federation.ledgers.sources import ask_pull
from federation.work.errands import Done, Failed, Outcome
from policies.errors import NotFoundError
from sharing import objects
from sharing.db import once, reading, transaction
from sharing.records import CollectionRow

logger = logging.getLogger(__name__)

ALARM_AFTER: Final = timedelta(minutes=10)
"""How long an admitted contribution may stay away from the ledger before people are told."""

_AGAIN: Final = RETRIED | {Doubt.STALE_EPOCH}


@dataclass(frozen=True, slots=True)
class Posted:
    """What a server said to a submission.

    Args:
        failure: `<name>: <sentence>`, `None` where all of it was taken.
    """

    failure: str | None


class Submitting(Protocol):
    """A node's TAXII server, as far as the outbox asks it."""

    def post(self, channel: str, contents: Sequence[bytes]) -> Posted:
        """Submit objects in one envelope, the bundle last."""


@dataclass(frozen=True, slots=True)
class _Next:
    sha256: str
    owner: str
    contents: list[bytes]


@dataclass(frozen=True)
class Outbox:
    """What delivering needs.

    Args:
        connect: gives the server of an organisation, as (organisation, channel).
        clock: what time it is.
    """

    connect: Callable[[str, str], Submitting]
    clock: Callable[[], datetime]

    def deliver(self, channel: str) -> Outcome:
        """Send what waits for one channel, oldest first, until all is answered.

        Raises:
            UnavailableError: the owner can't be reached now; the errand is tried again.
        """
        while True:
            with reading() as session:
                waiting = _find_next(session, channel)
            if waiting is None:
                return Done()
            posted = self.connect(waiting.owner, channel).post(channel, waiting.contents)
            with transaction() as session:
                failed = _record(session, waiting.sha256, posted, now=self.clock())
            if failed is not None:
                return failed


_IS_PENDING: Final = ContributionRecord.state.in_((Delivery.PENDING, Delivery.ADMITTED)) | (
    (ContributionRecord.state == Delivery.REFUSED) & ContributionRecord.seen_at.is_(None)
)


def pending(session: Session, channel: str | None = None) -> Sequence[ContributionRecord]:
    """Give what is not history yet, and refusals that nobody has taken note of; oldest first."""
    return once(session, ("pending", channel), lambda: _pending(session, channel))


def _pending(session: Session, channel: str | None) -> Sequence[ContributionRecord]:
    query = select(ContributionRecord).where(_IS_PENDING)
    if channel is not None:
        query = query.where(ContributionRecord.channel == channel)
    return list(session.scalars(query.order_by(ContributionRecord.written_at)))


def count_pending(session: Session) -> Mapping[str, int]:
    """Give channel → how much of ours is not history yet or was refused, where there is any."""
    return once(session, "counted", lambda: _count_pending(session))


def _count_pending(session: Session) -> Mapping[str, int]:
    query = select(ContributionRecord.channel, func.count().label("pending")).where(_IS_PENDING)
    counted = session.execute(query.group_by(ContributionRecord.channel))
    return {row.channel: row.pending for row in counted}


def is_withheld_by_owner(contribution: ContributionRecord, now: datetime) -> bool:
    """Tell whether the owner said success and has not shown it since. Source: protocol, 8."""
    return (
        contribution.state is Delivery.ADMITTED
        and contribution.answered_at is not None
        and now - contribution.answered_at > ALARM_AFTER
    )


def take_note(session: Session, sha256: str, *, now: datetime) -> None:
    """Note that a person has seen a refusal.

    Raises:
        NotFoundError: there is no such contribution.
    """
    contribution = session.get(ContributionRecord, sha256)
    if contribution is None:
        raise NotFoundError("there is no such contribution")
    contribution.seen_at = now


def missing_objects(session: Session, row: ContributionRecord) -> list[str]:
    """Give the hashes of what a contribution covers and the ledger does not hold yet."""
    there = set(
        session.scalars(
            select(CollectionRow.sha256).where(
                CollectionRow.collection_id == row.channel, CollectionRow.sha256.in_(row.objects)
            )
        )
    )
    return [sha256 for sha256 in row.objects if sha256 not in there]


def _find_next(session: Session, channel: str) -> _Next | None:
    row = session.scalars(
        select(ContributionRecord)
        .where(ContributionRecord.channel == channel, ContributionRecord.state == Delivery.PENDING)
        .order_by(ContributionRecord.nth)
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    record: ChannelRecord = get_channel(session, channel)
    missing = missing_objects(session, row)
    found = objects.find_contents(session, missing)
    contents = [found[sha256] for sha256 in missing if sha256 in found]
    contents += lacking_there(session, record, row.bundle)
    return _Next(row.sha256, record.owner, [*contents, row.bundle])


def _record(session: Session, sha256: str, posted: Posted, *, now: datetime) -> Failed | None:
    """Write an answer down; give the failure that makes the errand come again."""
    row = session.get(ContributionRecord, sha256, with_for_update=True)
    if row is None or row.state is not Delivery.PENDING:
        return None
    row.attempts += 1
    # Whatever it says, the ledger may have moved: our copy is not the newest.
    ask_pull(session, get_channel(session, row.channel), now=now)
    if posted.failure is None:
        row.state, row.answered_at = Delivery.ADMITTED, now
        row.doubt = row.sentence = None
        return None
    name, _, sentence = posted.failure.partition(":")
    sentence = sentence.strip()[:1000]
    if name in tuple(Doubt):
        doubt = Doubt(name)
        sentence = sentence or PLAIN_WORDS[doubt]
        if doubt in _AGAIN:
            row.doubt, row.sentence = name, sentence
            return Failed(sentence, name)
    else:
        name, sentence = "refused", posted.failure[:1000]
    row.state, row.answered_at = Delivery.REFUSED, now
    row.doubt, row.sentence = name, sentence
    logger.info("contribution refused by the owner", extra={"doubt": name, "bundle": sha256})
    return None

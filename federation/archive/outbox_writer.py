"""Writing what waits in the outbox into a file that its owner takes in where networks are down.

Source: protocol, 8 and 10; wire format, 7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.archive.lines import OUTBOX_FORMAT, Kind
from federation.archive.writer import SUFFIX, line_of
from federation.judging.bundles import Position, SignedBundle
from federation.ledgers.ledger import get_channel, head_of
from federation.ledgers.ledger_records import ContributionRecord, Delivery
from federation.ledgers.outbox import missing_objects
from federation.ledgers.releases import lacking_there
from federation.ledgers.sources import source_of
from policies.errors import ConflictError
from sharing import objects
from sharing.canonical import canonical, write_time
from sharing.objects import StixObject

_WAITING: Final = (Delivery.PENDING, Delivery.ADMITTED)


@dataclass(frozen=True)
class OutboxFile:
    """Contributions of ours that are ready to be written.

    Args:
        head: what we have verified of the ledger, or the invitation's where that is nothing yet.
        count: how many contributions.
    """

    channel: str
    head: Position
    by: str
    for_: str
    at: datetime
    _waiting: tuple[str, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """What the file is best called."""
        return f"{self.channel}-outbox{SUFFIX}"

    @property
    def count(self) -> int:
        """How many contributions are in it."""
        return len(self._waiting)

    def lines(self, session: Session) -> Iterator[bytes]:
        """Give the file line by line; a line's end is part of it."""
        header = {
            "format": OUTBOX_FORMAT,
            "channel": self.channel,
            **self.head.document(),
            "by": self.by,
            "for": self.for_,
            "at": write_time(self.at),
        }
        yield line_of(Kind.HEADER, canonical(header))
        for sha256 in self._waiting:
            row = session.get_one(ContributionRecord, sha256)
            found = objects.find_contents(session, missing_objects(session, row))
            for one in row.objects:
                if one in found:
                    yield line_of(Kind.OBJECT, found[one])
            for content in lacking_there(session, get_channel(session, self.channel), row.bundle):
                yield line_of(Kind.OBJECT, content)
            yield line_of(Kind.CONTRIBUTION, row.bundle)


def prepare_outbox(session: Session, channel: str, *, by: str, now: datetime) -> OutboxFile:
    """Prepare what of ours is not history yet in a channel: sending it twice is harmless.

    Args:
        by: our organisation.

    Raises:
        NotFoundError: there is no such channel here.
        ConflictError: nothing waits.
    """
    record = get_channel(session, channel)
    waiting = list(
        session.scalars(
            select(ContributionRecord)
            .where(ContributionRecord.channel == channel, ContributionRecord.state.in_(_WAITING))
            .order_by(ContributionRecord.nth)
        )
    )
    if not waiting:
        raise ConflictError("nothing of ours waits for this channel")
    head = head_of(record) or SignedBundle.read(StixObject.read(waiting[0].bundle)).seen
    if head is None:
        raise ConflictError("nothing of this channel has been read yet")
    return OutboxFile(
        channel, head, by, source_of(record), now, tuple(one.sha256 for one in waiting)
    )

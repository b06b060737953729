"""A ledger that a node keeps while a test writes it: real signatures, really judged.

Entries are signed and judged in memory, each behind the one before, and kept as every entry is;
only the look-ups of the past come from memory and not from the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate

from sqlalchemy.orm import Session

from federation.judging.bundles import SignedBundle
from federation.judging.facts import MemoryFacts
from federation.judging.judged import Judged
from federation.judging.reader import OWNER, Reader
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import (
    COVERED,
    covered_rows,
    entry_record,
    get_channel,
    get_state,
    items_kept,
    keep,
    keep_descriptors,
    ring,
    stand_at,
)
from federation.ledgers.ledger_records import ChannelRecord, CoveredRecord
from federation.ledgers.replay import entries_of, replay
from federation.partners.partner_keys import hear_chain
from sharing import collections
from sharing.bulk import insert_rows
from sharing.objects import StixObject
from tests.kit.ledger_kit import LedgerKit, Organisation


@dataclass
class Ourselves(Organisation):
    """The node's own organisation, with its own keys."""

    desk: Desk | None = None

    def __post_init__(self) -> None:
        assert self.desk is not None
        self.keys, self.chain = [self.desk.key], list(self.desk.node.descriptors)

    @property
    def id(self) -> str:
        assert self.desk is not None
        return self.desk.organisation

    @property
    def identity(self) -> StixObject:
        return StixObject.of(self.chain[-1].organisation)


def ourselves(desk: Desk) -> Ourselves:
    return Ourselves("ours", 0, desk.node.name, desk=desk)


def organisations(count: int, first: int = 100) -> list[Organisation]:
    """Give organisations that run nodes of their own elsewhere."""
    numbers = range(first, first + count)
    return [Organisation(f"org-{number}", number, f"Utility {number}") for number in numbers]


@dataclass
class KeptLedger(LedgerKit):
    """A ledger that a node keeps while it is written."""

    session: Session | None = None
    desk: Desk | None = None
    record: ChannelRecord | None = None
    together: bool = False
    """Entries wait for `keep_together`, which is some three times as fast as one by one."""
    unkept: list[Judged] = field(default_factory=list)

    def judge(self, entry: SignedBundle, reader: Reader | None = None) -> Judged:
        return super().judge(entry, reader or (OWNER if self.record_is_ours else None))

    @property
    def record_is_ours(self) -> bool:
        return self.record is not None and self.record.is_ours

    def append(
        self,
        entry: SignedBundle,
        objects: Iterable[StixObject] = (),
        *,
        admits: SignedBundle | None = None,
        reader: Reader | None = None,
    ) -> Judged:
        judged = super().append(entry, objects, admits=admits, reader=reader)
        assert self.session is not None
        assert self.desk is not None
        assert self.record is not None
        assert judged.void is None, judged.void
        if self.together:
            self.unkept.append(judged)
        else:
            keep(self.session, self.desk, self.record, judged, now=self.now)
        self.steps.clear()
        return judged

    def keep_together(self) -> None:
        """Keep what has been written since the last time, as `ledger.keep` would one by one.

        Its tables get the same rows, a statement for each kind of row. Nothing is recalled,
        disowned or released here: that looks at what was kept before.
        """
        if not self.unkept:
            return
        session, desk, record = self.session, self.desk, self.record
        assert session is not None
        assert desk is not None
        assert record is not None
        brought = [items_kept(one) for one in self.unkept]
        dates = collections.append(
            session, record.id, [item for items in brought for item in items], self.now
        )
        ends = accumulate(map(len, brought))
        session.add_all(
            entry_record(one, dates[end - 1], self.now)
            for one, end in zip(self.unkept, ends, strict=True)
        )
        rows = [row for one in self.unkept for row in covered_rows(one)]
        insert_rows(session, CoveredRecord, COVERED, rows)
        last = self.unkept[-1]
        keep_descriptors(session, record, last.state)
        for author, chain in last.state.chains.items():
            hear_chain(session, author, chain, now=self.now)
        stand_at(record, last, desk.organisation, self.now)
        session.flush()
        for one in self.unkept:
            assert not any((one.recalled, one.disowned.bundles, one.released))
            desk.apply(session, one, self.now)
        ring(session, record.id, last, desk.organisation, now=self.now)
        self.unkept.clear()


def continued(
    session: Session, desk: Desk, channel: str, others: Iterable[Organisation], number: int
) -> KeptLedger:
    """Go on writing a channel of ours from where it stands.

    Args:
        number: of this ledger among those that are written in bulk; ids are made from it.
    """
    record = get_channel(session, channel)
    facts, rows = MemoryFacts(), entries_of(session, channel)
    for _row, _judged in replay(session, rows, facts):
        pass
    state = get_state(session, record)
    return KeptLedger(
        ourselves(desk),
        tuple(others),
        ceiling=state.ceiling,
        channel=channel,
        state=state,
        facts=facts,
        now=rows[-1].created_at,
        bundle_count=number * 1_000_000,
        session=session,
        desk=desk,
        record=record,
    )

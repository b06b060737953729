"""Replicas: pull, stage, verify, apply; wait, void or freeze.

Source: protocol, 7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy.orm import Session

from federation.judging.doubt import Consequence, DoubtError, consequence
from federation.ledgers import stage
from federation.ledgers.desk import Desk
from federation.ledgers.fellows import fellows, shown_by
from federation.ledgers.ledger import (
    find_channel,
    get_channel,
    lock_channel,
)
from federation.ledgers.ledger_records import (
    Standing,
)
from federation.ledgers.sources import pulls_from, source_of
from federation.ledgers.stage import Brought
from federation.ledgers.stops import freeze
from federation.replicas.applying import ENTRIES_PER_TRANSACTION, apply_staged
from federation.replicas.pulled import PulledPage, whole_entries
from federation.witnesses.vouching import ask_receipt
from federation.witnesses.witness_rounds import ask_round
from policies.errors import NotFoundError
from sharing.db import reading, transaction
from sharing.objects import StixObject

HAND_OVERS: Final = 5
"""How many new owners one pull follows."""
ROUNDS: Final = 20
"""How often one pull asks for what is missing before it waits."""

_STOPPED: Final = frozenset({Standing.FROZEN, Standing.ENDED})


PAGES_PER_ERRAND: Final = 20
"""How many pages one errand pulls before others have their turn."""


@dataclass
class Budget:
    """How much one pull may do, and what became of it.

    Args:
        pages: that it may still ask for; any number, where nothing is said.
        is_spent: it did all that it may; there may be more: pull again, and go on from there.
        is_overfull: more was staged than is kept; the next pull begins at the beginning.
    """

    pages: int | None = None
    is_spent: bool = False
    is_overfull: bool = False

    def count_page(self) -> None:
        """Count a page that was taken in."""
        if self.pages is not None:
            self.pages -= 1
            self.is_spent = self.pages <= 0


class ChannelServer(Protocol):
    """A node's TAXII server, as far as a replica asks it."""

    def pages(self, channel: str, added_after: str | None) -> Iterator[PulledPage]:
        """Give every version of every object, oldest first."""

    def by_ids(self, channel: str, refs: Iterable[str]) -> list[StixObject]:
        """Give every version of these objects."""


@dataclass(frozen=True)
class Replicas:
    """What keeping replicas needs.

    Args:
        desk: gives the desk of this node.
        connect: gives the server of an organisation, as (organisation, channel).
        clock: what time it is.
        witness_every: how soon after news the other members are asked what they hold.
    """

    desk: Callable[[Session], Desk]
    connect: Callable[[str, str], ChannelServer]
    clock: Callable[[], datetime]
    witness_every: timedelta = timedelta(seconds=30)

    def pull(self, channel: str, budget: Budget | None = None) -> DoubtError | None:
        """Bring one replica up to date; give what it waits for, if it waits.

        Args:
            budget: how much it may do; what it could not is told there.

        Raises:
            NotFoundError: there is no such channel here.
            UnavailableError: its owner can't be reached now.
        """
        source, doubt = self._source(channel), None
        budget = budget or Budget()
        for _ in range(HAND_OVERS):
            if source is None or budget.is_spent:
                break
            doubt = self._pull_from(source, channel, budget)
            before, source = source, self._source(channel)
            if source == before:
                break
        if doubt is None:
            self._note_compared(channel)
        return doubt

    def _note_compared(self, channel: str) -> None:
        """Note that a replica from a backup has come up to what its owner shows."""
        with reading() as session:
            record = get_channel(session, channel)
            noted = record.restored_at is None or record.standing is Standing.BEHIND
        if noted:
            return
        with transaction() as session:
            record = lock_channel(session, channel)
            if record.standing is not Standing.BEHIND:
                record.restored_at = None

    def _source(self, channel: str) -> str | None:
        """Give whom to pull from; nobody where we write the ledger ourselves, or nothing comes."""
        with reading() as session:
            record = find_channel(session, channel)
            if record is None:
                raise NotFoundError("there is no such channel")
            organisation = self.desk(session).organisation
            source = pulls_from(record, organisation)
            ours = source == organisation
            return None if ours or record.standing in _STOPPED else source

    def _pull_from(self, source: str, channel: str, budget: Budget) -> DoubtError | None:
        with reading() as session:
            record = get_channel(session, channel)
            cursor = record.cursor if record.cursor_server == source else None
            left = record.standing is Standing.WAITING or stage.holds_any(session, channel)
        server = self.connect(source, channel)
        doubt: DoubtError | None = None
        for page in whole_entries(_counted(server.pages(channel, cursor), budget)):
            if left or page.brought:
                doubt, whole = self._take(channel, source, page)
                if not whole:
                    budget.is_overfull = True
                    return doubt
        if budget.is_spent:
            return doubt
        asked: set[str] = set()
        for _ in range(ROUNDS):
            if doubt is None or not doubt.refs or consequence(doubt.doubt) is not Consequence.WAIT:
                break
            before, whole = doubt, True
            for found in self._find(channel, source, server, before.refs):
                doubt, whole = self._take(channel, source, PulledPage(Brought(found, []), None))
                if not whole or not _is_same(doubt, before):
                    break
            if not whole:
                break
            if _is_same(doubt, before):
                # Nobody shows it. What ends our own part may have been followed by its recall.
                asked.update(before.refs)
                doubt = self.apply(channel, asked=frozenset(asked))
            if _is_same(doubt, before):
                break
        return doubt

    def _find(
        self, channel: str, source: str, server: ChannelServer, refs: Iterable[str]
    ) -> Iterator[list[StixObject]]:
        """Ask for objects by their ids: the source, then members that read here before it.

        An owner that joined late was never due what it is asked for here.
        """
        listed = list(refs)
        found = server.by_ids(channel, listed)
        if found:
            yield found
        with reading() as session:
            others = fellows(get_channel(session, channel), self.desk(session).organisation)
        others = [one for one in others if one != source]
        yield from shown_by(others, lambda one: self.connect(one, channel).by_ids(channel, listed))

    def fetch_back(self, channel: str, member: str) -> DoubtError | None:
        """Pull what we have lost of a channel of ours from a member, as if the member owned it.

        Gives what is still missing, or what froze it.

        Raises:
            CoordinationError: the member can't be reached, or does not serve it.
        """
        return self._pull_from(member, channel, Budget())

    def take_in(self, channel: str, values: Iterable[Any]) -> DoubtError | None:
        """Take in what came by another way than a pull; the cursor stays where it is.

        Gives what the replica waits for, or what froze it.
        """
        return self._take(channel, "", PulledPage(Brought.read(values), None))[0]

    def apply(self, channel: str, *, asked: frozenset[str] = frozenset()) -> DoubtError | None:
        """Apply what is staged, as far as it goes; give what it waits for, if it waits.

        Args:
            asked: ids of objects that nobody shows us.
        """
        while True:
            with transaction() as session:
                applied, doubt = self._apply(session, channel, asked)
            if doubt is not None or applied < ENTRIES_PER_TRANSACTION:
                return doubt

    def _apply(
        self, session: Session, channel: str, asked: frozenset[str] = frozenset()
    ) -> tuple[int, DoubtError | None]:
        desk, now = self.desk(session), self.clock()
        applied, doubt = apply_staged(session, desk, channel, now=now, asked=asked)
        if applied:
            ask_receipt(session, desk, get_channel(session, channel), now=now)
            ask_round(session, channel, now=now, due=now + self.witness_every)
        return applied, doubt

    def _take(self, channel: str, source: str, page: PulledPage) -> tuple[DoubtError | None, bool]:
        """Keep a page and apply what it completes; the cursor moves with it, in one commit.

        Gives what it waits for, and whether every entry was kept.
        """
        with transaction() as session:
            self._stage(session, channel, source, page)
            applied, doubt = self._apply(session, channel)
            if doubt is not None or applied < ENTRIES_PER_TRANSACTION:
                return doubt, self._tidy(session, channel)
        doubt = self.apply(channel)
        with transaction() as session:
            return doubt, self._tidy(session, channel)

    def _stage(self, session: Session, channel: str, source: str, page: PulledPage) -> None:
        record = lock_channel(session, channel)
        now = self.clock()
        owner = source_of(record)
        doubts = stage.put(session, channel, page.brought, now, owner=owner)
        if page.last_added is not None:
            record.cursor, record.cursor_server = page.last_added, source
        if doubts and record.standing not in (*_STOPPED, Standing.BEHIND):
            doubt, evidence = doubts[0]
            freeze(session, record, doubt, evidence, now=now)

    def _tidy(self, session: Session, channel: str) -> bool:
        """Drop what lies in the stage too long or beyond its limit.

        Tells whether every entry was kept. Where not, the next pull begins at the beginning: the
        cursor has passed what was dropped.
        """
        record = lock_channel(session, channel)
        if not stage.tidy(session, channel, self.clock()):
            return True
        record.cursor = None
        return False


def _counted(pages: Iterator[PulledPage], budget: Budget) -> Iterator[PulledPage]:
    """Give as many pages as the budget has."""
    for page in pages:
        budget.count_page()
        yield page
        if budget.is_spent:
            return


def _is_same(doubt: DoubtError | None, before: DoubtError) -> bool:
    return doubt is not None and doubt.refs == before.refs and doubt.doubt is before.doubt

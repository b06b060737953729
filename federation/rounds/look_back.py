"""Looking back: asking the members what they hold of channels that are behind, and fetching it.

Source: protocol, 10 (*Rollback*).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.branches.openings import OpenedBy, open_epoch
from federation.branches.returns import offer_again
from federation.judging.doubt import Doubt, DoubtError
from federation.ledgers import stage
from federation.ledgers.claims import believed_beyond, disbelieve
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import find_channel, get_channel, get_state, lock_channel
from federation.ledgers.ledger_records import ChannelRecord, EntryRecord, Standing
from federation.ledgers.sources import source_of
from federation.ledgers.timelines import has_turned, note_timeline
from federation.ledgers.whole import LOST, TURNED
from federation.partners.client import PartnerHttp
from federation.partners.heads import Head
from federation.partners.partner_records import PartnerRecord, PartnerState
from federation.replicas.replica import Replicas
from federation.rounds.rounds import destination_of
from federation.witnesses.rollback import fall_behind, find_lost, mark_restored, others_in, settle
from federation.work.errands import Done, Failed, Outcome
from policies.errors import CoordinationError, UnverifiedError
from sharing.db import reading, transaction

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = timedelta(hours=1)
WATCH_EVERY: Final = timedelta(seconds=30)

Answers = Mapping[str, Mapping[str, Head] | None]
"""Organisation → its heads by channel; `None` where it does not tell them."""


@dataclass(frozen=True)
class LookBack:
    """The errand, and what it needs."""

    http: PartnerHttp
    replicas: Replicas
    desk: Callable[[Session], Desk]
    clock: Callable[[], datetime]

    def look(self, now: datetime) -> Outcome:
        """Ask everybody who may know, each once; fetch what is missing; settle what is whole."""
        with transaction() as session:
            _find_behind(session, now=now)
        with reading() as session:
            us = self.desk(session).organisation
            behind = {
                record.id: others_in(record, us)
                for record in session.scalars(select(ChannelRecord).where(_IS_BEHIND))
            }
            partners = list(session.scalars(select(PartnerRecord.organisation).where(_IS_ACTIVE)))
        if not behind:
            return Done(again_at=now + LOOK_EVERY)
        asked = dict.fromkeys([*partners, *(one for others in behind.values() for one in others)])
        refused: set[str] = set()
        answers = {one: self._ask(one, behind, refused) for one in asked}
        left = [
            channel
            for channel, others in behind.items()
            if not self._mend(channel, others or partners, answers, refused)
        ]
        if not left:
            return Done(again_at=now + LOOK_EVERY)
        with reading() as session:
            record = find_channel(session, left[0])
            reason = (record.sentence if record is not None else None) or LOST
        return Failed(reason, Standing.BEHIND.value)

    def watch(self, now: datetime) -> Outcome:
        """See whether the database goes on from an earlier moment; if so, ask the members."""
        with transaction() as session:
            if has_turned(session):
                logger.warning("the database goes on from an earlier moment")
                us = self.desk(session).organisation
                mark_restored(session, us, sentence=TURNED, now=now)
            note_timeline(session, now=now)
        return Done(again_at=now + WATCH_EVERY)

    def _ask(
        self, organisation: str, behind: Mapping[str, list[str]], refused: set[str]
    ) -> Mapping[str, Head] | None:
        """Ask an organisation for its heads, by the partnership or a channel that we share.

        Args:
            refused: takes those who do not believe that it is us.
        """
        shared = [channel for channel, others in behind.items() if organisation in others]
        try:
            with reading() as session:
                record = get_channel(session, (shared or list(behind))[0])
                destination = destination_of(session, organisation, record)
            heads = self.http.get_heads(destination)
        except CoordinationError as error:
            facts = {"organisation": organisation, "reason": error.message}
            logger.info("a member does not tell what it holds", extra=facts)
            if isinstance(error, UnverifiedError):
                refused.add(organisation)
            return None
        channels = heads.channels if heads is not None else ()
        return {head.channel: head for head in channels}

    def _mend(
        self, channel: str, others: list[str], answers: Answers, refused: Collection[str]
    ) -> bool:
        """Fetch what is missing of one channel; tell whether it is whole.

        Args:
            others: who would know.
            refused: those of them who do not believe that it is us.
        """
        reason: str | None = None
        unclear: set[str] = set()
        for organisation in [*others, *(one for one in answers if one not in others)]:
            if not self._lacks(channel, answers.get(organisation)):
                continue
            try:
                doubt = self._fetch_back(channel, organisation)
            except CoordinationError as error:
                reason = error.message
                unclear.add(organisation)
            else:
                if doubt is not None:
                    reason = doubt.message
                    unclear.add(organisation)
        self._disbelieve(channel, {one for one in answers if answers[one] is not None} - unclear)
        missing = any(self._lacks(channel, answers[one]) for one in unclear)
        answered = not others or any(answers.get(one) is not None for one in others)
        with transaction() as session:
            desk, record = self.desk(session), lock_channel(session, channel)
            unfinished = reason if missing else None
            whole = settle(
                session,
                record,
                answered=answered,
                unknown=not answered and any(one in refused for one in others),
                unfinished=unfinished,
                now=self.clock(),
            )
            if whole and record.standing is Standing.CURRENT:
                self._go_on(session, desk, record)
            return whole

    def _fetch_back(self, channel: str, organisation: str) -> DoubtError | None:
        """Fetch what a member shows of our own entries; give what of these is missing still.

        What it shows besides leads nowhere, and is forgotten.
        """
        doubt = self.replicas.fetch_back(channel, organisation)
        if doubt is None or doubt.doubt is not Doubt.GAP:
            return doubt
        with transaction() as session:
            lock_channel(session, channel).cursor = None
            stage.empty(session, channel)
        return None

    def _disbelieve(self, channel: str, answered: Collection[str]) -> None:
        """Wait no more for those who were asked, and do not show what they have signed to hold."""
        with transaction() as session:
            record = lock_channel(session, channel)
            for who in believed_beyond(session, record):
                if who in answered:
                    disbelieve(session, record, who, now=self.clock())

    def _lacks(self, channel: str, told: Mapping[str, Head] | None) -> bool:
        """Tell whether our chain does not hold the entry that a member calls its head."""
        head = told.get(channel) if told is not None else None
        if head is None:
            return False
        with reading() as session:
            record = get_channel(session, channel)
            entry = session.get(EntryRecord, (channel, head.epoch, head.seq))
            if record.standing is not Standing.BEHIND:
                return False
            return entry is None or entry.sha256 != head.sha256

    def _go_on(self, session: Session, desk: Desk, record: ChannelRecord) -> None:
        """Do what waited for the channel to be whole.

        That is opening the epoch that was handed over to us, now that nobody knows of an older
        opening of it, and offering what a new epoch of ours does not hold.
        """
        now = self.clock()
        if source_of(record) == desk.organisation and get_state(session, record).ended:
            open_epoch(session, desk, record, opened_by=OpenedBy.HAND_OVER, now=now)
        if record.is_ours and record.epoch != 1:
            offer_again(session, desk, record, now=now)


_IS_BEHIND: Final = ChannelRecord.standing == Standing.BEHIND
_IS_ACTIVE: Final = PartnerRecord.state == PartnerState.ACTIVE


def _find_behind(session: Session, *, now: datetime) -> None:
    """Find channels of ours that receipts in our own hands show to be behind."""
    query = select(ChannelRecord.id).where(
        ChannelRecord.is_ours, ChannelRecord.standing == Standing.CURRENT
    )
    for channel in list(session.scalars(query)):
        record = get_channel(session, channel)
        lost = find_lost(session, record)
        if lost is not None:
            fall_behind(session, lock_channel(session, channel), LOST, lost=lost, now=now)

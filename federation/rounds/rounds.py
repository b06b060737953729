"""What the worker does for the federation: deliver, pull, ring, poll, confirm, tidy.

Each is an errand: asked for with its cause, harmless to repeat, one lane per partner and purpose,
so that a silent partner delays nobody else.

Source: protocol, 7 to 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from federation.branches.endorsements import ENDORSE
from federation.branches.openings import ensure_direct
from federation.identity.keystore import KeyRing
from federation.identity.node import find_node, get_node
from federation.identity.origins import Destination
from federation.judging.doubt import RETRIED, Consequence, consequence
from federation.ledgers import describing
from federation.ledgers.branch_records import EndorsementRecord
from federation.ledgers.describing import DESCRIBE, DESCRIBE_ALL, DESCRIBE_EVERY
from federation.ledgers.ledger import RING_BELL, find_channel, load_state
from federation.ledgers.ledger_records import ChannelRecord, Standing
from federation.ledgers.outbox import Outbox
from federation.ledgers.sources import DELIVER, LOOK, PULL, ask_pull, expect_direct, pulls_from
from federation.partners.bells import build_bell
from federation.partners.client import PartnerHttp
from federation.partners.heads import Head
from federation.partners.partner_keys import get_chain
from federation.partners.partner_records import PartnerRecord, PartnerState, UsedAssertionRecord
from federation.partners.partners import find_partner, get_destination
from federation.partners.poll_records import PollRecord
from federation.replicas.looks import Looks, weigh_claim
from federation.replicas.replica import PAGES_PER_ERRAND, Budget, Replicas
from federation.serving.exchanges import Exchanges
from federation.witnesses.rollback import hasten_look
from federation.witnesses.vouching import RECEIPT, Vouching
from federation.witnesses.witness_rounds import (
    COMPARE,
    WITNESS,
    WITNESS_ALL,
    WitnessRounds,
    hear_head,
)
from federation.work.errands import Done, Failed, Outcome, ask, hasten, hasten_lane
from federation.work.values import STAGE_FULL
from policies.errors import (
    CoordinationError,
    NotFoundError,
    UnavailableError,
    UnverifiedError,
)
from sharing.db import reading, transaction

if TYPE_CHECKING:
    from flask import Flask

    from federation.ledgers.desk import Desk

POLL: Final = "poll"
"""Errand: ask a partner for its heads. Subject: the organisation."""
POLL_ALL: Final = "poll-all"
"""Standing errand: see to it that every active partner is polled."""
CONFIRMATIONS: Final = "confirmations"
"""Standing errand: deliver confirmations of pairings."""
TIDY: Final = "tidy"
"""Standing errand: forget what is past its time."""

UNREAD_AT_MOST: Final = 10
"""How many channels that nobody invited us to, and that we could not read, a partner may name."""
TIDY_EVERY: Final = timedelta(hours=1)
_SETTLED: Final = frozenset({Standing.FROZEN, Standing.ENDED})


@dataclass(frozen=True)
class Rounds:
    """The handlers of the federation's errands.

    Args:
        desk: gives the desk of this node in a transaction.
        ring: gives our private keys.
        poll_every, poll_at_most: how often a partner is polled when busy, and when quiet.
    """

    http: PartnerHttp
    exchanges: Exchanges
    replicas: Replicas
    outbox: Outbox
    vouching: Vouching
    witnesses: WitnessRounds
    desk: Callable[[Session], Desk]
    ring: Callable[[], KeyRing]
    clock: Callable[[], datetime]
    poll_every: timedelta = timedelta(seconds=30)
    poll_at_most: timedelta = timedelta(minutes=5)

    def deliver(self, _app: Flask, channel: str, _now: datetime) -> Outcome:
        """Send what waits in the outbox for a channel."""
        return self.outbox.deliver(channel)

    def pull(self, _app: Flask, channel: str, now: datetime) -> Outcome:
        """Bring a replica up to date; where it waits, come again.

        A ledger without end is read bit by bit, so that others have their turn.
        """
        budget = Budget(PAGES_PER_ERRAND)
        try:
            doubt = self.replicas.pull(channel, budget)
        except NotFoundError as error:
            # A channel that we were not admitted to yet looks as if it were not there.
            return Failed(error.message, "not_found")
        if budget.is_overfull:
            reason = "More came at once than fits here; it is read again from the beginning."
            return Failed(reason, STAGE_FULL)
        if budget.is_spent:
            return Done(again_at=now)
        if doubt is None or consequence(doubt.doubt) is not Consequence.WAIT:
            return Done()
        return Failed(doubt.message, doubt.doubt.value)

    def receipt(self, _app: Flask, channel: str, _now: datetime) -> Outcome:
        """Say to a channel's owner how far we hold its ledger."""
        return self.vouching.post(channel)

    def witness(self, _app: Flask, channel: str, _now: datetime) -> Outcome:
        """Go one round among the witnesses of a channel."""
        return self.witnesses.go_round(channel)

    def compare(self, _app: Flask, subject: str, _now: datetime) -> Outcome:
        """Ask one member what it holds."""
        channel, _, organisation = subject.partition(" ")
        return self.witnesses.compare(channel, organisation)

    def witness_all(self, _app: Flask, _subject: str, _now: datetime) -> Outcome:
        """See to it that every channel has its rounds."""
        return self.witnesses.begin_all()

    def look(self, _app: Flask, subject: str, _now: datetime) -> Outcome:
        """Look at what another member holds of a channel."""
        channel, _, organisation = subject.partition(" ")
        try:
            Looks(self.replicas).look(channel, organisation)
        except UnavailableError as error:
            return Failed(error.message, "unavailable")
        return Done()

    def endorse(self, _app: Flask, subject: str, now: datetime) -> Outcome:
        """Post an endorsement of ours to the candidate."""
        channel, epoch, round_ = subject.split(" ")
        with reading() as session:
            us = get_node(session).organisation
            key = (channel, int(epoch), int(round_), us)
            row = session.get(EndorsementRecord, key)
            record = find_channel(session, channel)
            if row is None or row.delivered_at is not None or record is None:
                return Done()
            if record.epoch is None or record.epoch >= row.epoch:
                return Done()
            candidate, content = row.candidate, row.content
        posted = self.outbox.connect(candidate, channel).post(channel, [content])
        name, _, sentence = (posted.failure or "").partition(":")
        if name in RETRIED:
            return Failed(sentence.strip()[:500] or name, name)
        with transaction() as session:
            kept = session.get_one(EndorsementRecord, key)
            if posted.failure is None:
                kept.delivered_at = now
            else:
                kept.refused = (sentence.strip() or name)[:1000]
        return Done()

    def ring_bell(self, _app: Flask, subject: str, now: datetime) -> Outcome:
        """Ring one member's doorbell; where nobody hears, again with growing waits."""
        channel, _, organisation = subject.partition(" ")
        with reading() as session:
            record = find_channel(session, channel)
            if record is None or record.head_sha256 is None:
                return Done()
            head = Head(channel, record.epoch or 0, record.seq or 0, record.head_sha256)
            node = get_node(session)
            try:
                destination = destination_of(session, organisation, record)
            except CoordinationError:
                return Done()
        reason = "no key to ring with"
        for key in node.transport_keys(self.ring()):
            jws = build_bell(
                key, organisation=node.organisation, member=organisation, head=head, now=now
            )
            try:
                self.http.post_bell(destination, jws)
            except UnverifiedError as error:
                # They know us by an older key, and hear of the new one when they pull.
                reason = error.message
            except CoordinationError as error:
                return Failed(error.message, "unheard")
            else:
                return Done()
        return Failed(reason, "unheard")

    def poll(self, _app: Flask, organisation: str, now: datetime) -> Outcome:
        """Ask a partner where its channels stand, and pull what moved."""
        with reading() as session:
            partner = find_partner(session, organisation)
            row = session.get(PollRecord, organisation)
            etag = row.etag if row is not None else None
        if partner is None or not partner.active:
            return Done()
        try:
            heads = self.exchanges.ask_heads(organisation, etag=etag)
        except UnavailableError as error:
            return Failed(error.message, "unavailable")
        with transaction() as session:
            news = 0
            for head in heads.channels if heads is not None else ():
                news += self._compare(session, organisation, head, now)
            row = session.get(PollRecord, organisation)
            if row is None:
                row = PollRecord(organisation=organisation, polled_at=now, quiet=0)
                session.add(row)
            row.polled_at = now
            row.quiet = 0 if news else min(row.quiet + 1, 10)
            if heads is not None:
                row.etag = None if news else heads.etag
            hasten_partner(session, organisation, now=now)
            wait = min(self.poll_every * 2 ** max(row.quiet - 3, 0), self.poll_at_most)
        return Done(again_at=now + wait)

    def poll_all(self, _app: Flask, _subject: str, now: datetime) -> Outcome:
        """See to it that every active partner is polled, and has our direct channel."""
        with reading() as session:
            active = list(_active(session))
            stopped = list(_stopped(session))
        for organisation in active:
            with transaction() as session:
                ask(session, POLL, organisation, now=now, lane=f"poll {organisation}")
                self.welcome(session, organisation, now)
        for organisation in stopped:
            # Only its recovery key ends the fork, and what that has signed is public.
            with suppress(CoordinationError):
                self.exchanges.recheck(organisation)
        return Done(again_at=now + self.poll_at_most)

    def confirmations(self, _app: Flask, _subject: str, now: datetime) -> Outcome:
        """Deliver confirmations that partners have not taken yet."""
        self.exchanges.deliver_confirmations()
        return Done(again_at=now + self.poll_every)

    def describe(self, _app: Flask, channel: str, now: datetime) -> Outcome:
        """Write a description of ours that a channel's ledger lacks."""
        with transaction() as session:
            return describing.describe(session, self.desk(session), channel, now=now)

    def describe_all(self, _app: Flask, _subject: str, now: datetime) -> Outcome:
        """Look at every channel for a description of ours that is out of date."""
        with transaction() as session:
            if find_node(session) is not None:
                describing.describe_all(session, self.desk(session), now=now)
        return Done(again_at=now + DESCRIBE_EVERY)

    def tidy(self, _app: Flask, _subject: str, now: datetime) -> Outcome:
        """Forget assertions that can't come back."""
        with transaction() as session:
            session.execute(delete(UsedAssertionRecord).where(UsedAssertionRecord.forget_at < now))
        return Done(again_at=now + TIDY_EVERY)

    def welcome(self, session: Session, organisation: str, now: datetime) -> None:
        """Open our direct channel to a partner that became active, and look at its channels.

        Source: protocol, 3, step 4.
        """
        ensure_direct(session, self.desk(session), get_chain(session, organisation), now=now)
        ask(session, POLL, organisation, now=now, lane=f"poll {organisation}")

    def hear(self, session: Session, organisation: str, head: Head, now: datetime) -> None:
        """Take a bell: pull at once, unless we stand there already. Source: protocol, 9."""
        record = find_channel(session, head.channel)
        if record is None:
            ask(session, POLL, organisation, now=now, lane=f"poll {organisation}")
        elif record.standing not in _SETTLED and not (
            record.standing is Standing.CURRENT and _is_head(record, head)
        ):
            # Who rings without being the source may be the next owner: look at the source first.
            ask_pull(session, record, now=now)
            source = pulls_from(record, get_node(session).organisation)
            if organisation != source:
                hear_head(session, organisation, head, now=now)
                weigh_claim(session, record, organisation, head, now=now)
            else:
                # It may have failed in the lane of somebody who had named the channel first.
                hasten(session, head.channel, now=now)
        elif record.standing in _SETTLED:
            # Frozen, or our part has ended: what another shows may lead on, or undo that.
            weigh_claim(session, record, organisation, head, now=now)
        hasten_partner(session, organisation, now=now)

    def _compare(self, session: Session, organisation: str, head: Head, now: datetime) -> int:
        """Ask for a pull where a partner's head is not ours; tell whether it is news."""
        record = find_channel(session, head.channel)
        if record is None:
            if _count_unread(session, organisation) >= UNREAD_AT_MOST:
                return 0
            record = expect_direct(session, organisation, head.channel, now=now)
        elif _is_head(record, head):
            return 0
        elif record.standing is Standing.ENDED:
            return int(weigh_claim(session, record, organisation, head, now=now))
        elif pulls_from(record, get_node(session).organisation) != organisation:
            hear_head(session, organisation, head, now=now)
            return int(weigh_claim(session, record, organisation, head, now=now))
        elif record.standing in _SETTLED:
            return 0
        ask_pull(session, record, now=now)
        return 1


def destination_of(session: Session, organisation: str, record: ChannelRecord) -> Destination:
    """Give where an organisation's node is: a partner's, else by the channel that we share.

    Raises:
        ForbiddenError: it is a partner, and the partnership is not active.
        NotFoundError: nobody told us of its node.
    """
    if find_partner(session, organisation) is not None:
        return get_destination(session, organisation)
    state = load_state(session, record)
    member = state.members.get(organisation) if state is not None else None
    descriptor = state.descriptor(organisation) if state is not None else None
    if member is None or descriptor is None or not member.is_joined:
        raise NotFoundError("nobody told us where this organisation's node is")
    return Destination(descriptor.base_url, organisation)


def hasten_partner(session: Session, organisation: str, *, now: datetime) -> None:
    """End the waits for a partner that was heard from. Source: protocol, 8."""
    for kind in (DELIVER, PULL, LOOK, ENDORSE, RING_BELL, RECEIPT):
        hasten_lane(session, f"{kind} {organisation}", now=now)
    hasten_look(session, now=now)


def handlers(rounds: Rounds) -> dict[str, Callable[[Flask, str, datetime], Outcome]]:
    """Give what does each kind of errand."""
    return {
        DELIVER: rounds.deliver,
        PULL: rounds.pull,
        RECEIPT: rounds.receipt,
        WITNESS: rounds.witness,
        COMPARE: rounds.compare,
        WITNESS_ALL: rounds.witness_all,
        LOOK: rounds.look,
        ENDORSE: rounds.endorse,
        RING_BELL: rounds.ring_bell,
        POLL: rounds.poll,
        POLL_ALL: rounds.poll_all,
        CONFIRMATIONS: rounds.confirmations,
        DESCRIBE: rounds.describe,
        DESCRIBE_ALL: rounds.describe_all,
        TIDY: rounds.tidy,
    }


STANDING: Final = (POLL_ALL, CONFIRMATIONS, DESCRIBE_ALL, TIDY, WITNESS_ALL)


def _is_head(record: ChannelRecord, head: Head) -> bool:
    ours = (record.epoch, record.seq, record.head_sha256)
    return ours == (head.epoch, head.seq, head.sha256)


def _active(session: Session) -> Iterable[str]:
    query = select(PartnerRecord.organisation).where(PartnerRecord.state == PartnerState.ACTIVE)
    return session.scalars(query.order_by(PartnerRecord.organisation))


def _stopped(session: Session) -> Iterable[str]:
    query = select(PartnerRecord.organisation).where(
        PartnerRecord.stopped_by.is_not(None), PartnerRecord.state == PartnerState.SUSPENDED
    )
    return session.scalars(query.order_by(PartnerRecord.organisation))


def _count_unread(session: Session, organisation: str) -> int:
    query = select(func.count()).where(
        ChannelRecord.owner == organisation,
        ChannelRecord.genesis.is_(None),
        ChannelRecord.state.is_(None),
    )
    return session.scalar(query) or 0

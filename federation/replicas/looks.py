"""Looking at what another member holds of a channel: a new owner's epoch, or what we lack.

Nothing of what is found is kept unless it leads our ledger on by the rules that every entry is
judged by: whoever is looked at can't stop, wait or freeze our replica.

Source: protocol, 9 to 11.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from federation.identity.node import get_node
from federation.judging.doubt import Consequence, DoubtError, consequence
from federation.judging.state import JOINED
from federation.ledgers import stage
from federation.ledgers.branch_records import HeadClaimRecord
from federation.ledgers.ledger import find_channel, get_channel, head_of, lock_channel
from federation.ledgers.ledger_records import ChannelRecord, EntryRecord, Standing
from federation.ledgers.sources import ask_look, ask_pull, source_of
from federation.ledgers.stage import Brought
from federation.ledgers.stops import tell
from federation.partners.heads import Head
from federation.replicas.applying import ENTRIES_PER_TRANSACTION, apply_staged
from federation.replicas.replica import ROUNDS, Replicas
from sharing.db import reading, transaction
from sharing.objects import StixObject

logger = logging.getLogger(__name__)

PATIENCE: Final = timedelta(minutes=2)
"""How long another member may be ahead of us before we ask it instead of our source."""
LONGEST_PATIENCE: Final = timedelta(hours=1)
"""How long at most whoever has led us nowhere waits for being looked at again."""
_LOOKS_AT_ONCE: Final = 10
BACK: Final = "A new epoch opened on an entry before our part ended: we are a member again."
_GONE: Final = ("left", "removed")
_LOOKED_AT: Final = frozenset({Standing.CURRENT, Standing.WAITING, Standing.FROZEN})


class _NothingNewError(Exception):
    """What was found leads nowhere: all of it is forgotten.

    Args:
        refs: STIX ids of what would have to be here to tell.
    """

    def __init__(self, refs: tuple[str, ...]) -> None:
        super().__init__("nothing new")
        self.refs = refs


@dataclass(frozen=True)
class Looks:
    """Looks at other members, with what keeping replicas needs."""

    replicas: Replicas

    def look(self, channel: str, organisation: str) -> bool:
        """Look at what a member holds; tell whether our ledger was led on by it.

        Raises:
            UnavailableError, ForbiddenError, NotFoundError: it can't be asked now.
        """
        with reading() as session:
            record = find_channel(session, channel)
            if record is None or record.state is None:
                return False
            if record.standing not in _LOOKED_AT and not _may_come_back(session, record):
                return False
        led_on = self._look(channel, organisation)
        with transaction() as session:
            claim = session.get(HeadClaimRecord, (channel, organisation))
            if claim is not None:
                claim.looked_at = self.replicas.clock()
                claim.in_vain = 0 if led_on else claim.in_vain + 1
        return led_on

    def _look(self, channel: str, organisation: str) -> bool:
        found = self._collect(channel, organisation)
        server = self.replicas.connect(organisation, channel)
        for _ in range(ROUNDS):
            try:
                self._try(channel, organisation, found)
            except _NothingNewError as error:
                more = list(server.by_ids(channel, error.refs)) if error.refs else []
                if not more:
                    return False
                found += more
            else:
                return True
        return False

    def _collect(self, channel: str, organisation: str) -> list[StixObject]:
        """Give what a member shows and we do not hold, up to what a stage takes."""
        found: list[StixObject] = []
        size = 0
        for page in self.replicas.connect(organisation, channel).pages(channel, None):
            with reading() as session:
                news = stage.unknown(session, channel, page.brought.objects)
            found += news
            size += sum(len(stix.content) for stix in news)
            if size > stage.STAGE_LIMIT_BYTES:
                break
        return found

    def _try(self, channel: str, organisation: str, found: list[StixObject]) -> None:
        """Apply what was found in one transaction, and keep it where it leads on.

        Raises:
            _NothingNewError: it does not; nothing was kept.
        """
        now = self.replicas.clock()
        with transaction() as session:
            record = lock_channel(session, channel)
            before, epoch, owner = head_of(record), record.epoch, record.owner
            was_frozen = record.standing is Standing.FROZEN
            was_ended = record.standing is Standing.ENDED
            desk = self.replicas.desk(session)
            stage.put(session, channel, Brought(found, []), now, owner=source_of(record))
            record.standing = Standing.CURRENT
            doubt: DoubtError | None = None
            applied = ENTRIES_PER_TRANSACTION
            while applied >= ENTRIES_PER_TRANSACTION and doubt is None:
                applied, doubt = apply_staged(session, desk, channel, now=now, learning=True)
            frozen = doubt is not None and consequence(doubt.doubt) is Consequence.FREEZE
            follows = (record.epoch, record.owner) != (epoch, owner)
            # More by an owner on whom an administrator has to decide leads nowhere.
            if head_of(record) == before or ((frozen or was_frozen) and not follows):
                raise _NothingNewError(doubt.refs if doubt is not None and not frozen else ())
            # Whose part has ended reads on only where that is undone.
            joined = _is_joined(record, desk.organisation)
            if was_ended and not (follows and (joined or record.standing is Standing.ENDED)):
                raise _NothingNewError(())
            if was_ended and joined:
                tell(session, "channel.part_goes_on", record.id, BACK, now=now)
            logger.info(
                "led on by another member", extra={"channel": channel, "organisation": organisation}
            )
            if not record.is_ours:
                ask_pull(session, record, now=now)


def weigh_claim(
    session: Session, record: ChannelRecord, organisation: str, head: Head, *, now: datetime
) -> bool:
    """Take note of where another member says that a channel stands; tell whether to come again.

    A later epoch, or another entry in a place that we hold, is looked at once. Who is merely
    ahead of us is looked at only when our own source has not brought us there in a while. Whoever
    was looked at in vain waits longer each time: a look costs us more than naming a head costs.

    Where our part has ended, nothing but a later epoch is looked at: it may have opened on an
    entry before that, and then we are a member again.
    """
    ended = record.standing is Standing.ENDED
    if not (_may_come_back(session, record) if ended else record.standing in _LOOKED_AT):
        return False
    if record.epoch is None or head.epoch < record.epoch + ended:
        return False
    if not _is_joined(record, organisation):
        return False
    ours = session.get(EntryRecord, (record.id, head.epoch, head.seq))
    if ours is not None and ours.sha256 == head.sha256:
        return False
    claim = session.get(HeadClaimRecord, (record.id, organisation))
    if claim is None:
        claim = HeadClaimRecord(
            channel=record.id, organisation=organisation, looked=False, in_vain=0
        )
        session.add(claim)
    if claim.sha256 != head.sha256:
        claim.epoch, claim.seq, claim.sha256 = head.epoch, head.seq, head.sha256
        claim.heard_at, claim.looked = now, False
    if claim.looked:
        return False
    if claim.looked_at is not None and now - claim.looked_at < _patience(claim.in_vain):
        session.flush()
        return False
    if head.epoch > record.epoch or ours is not None or now - claim.heard_at >= PATIENCE:
        claim.looked = True
        ask_look(session, record, organisation, now=now)
    session.flush()
    return True


def ask_looks(session: Session, channel: str, *, us: str, now: datetime) -> int:
    """Have a look at every other member; give how many."""
    record = get_channel(session, channel)
    members = [
        member["organisation"]
        for member in (record.state or {}).get("members", ())
        if member["state"] == JOINED and member["organisation"] not in (us, record.owner)
    ]
    for organisation in members[:_LOOKS_AT_ONCE]:
        ask_look(session, record, organisation, now=now)
    return len(members[:_LOOKS_AT_ONCE])


def _patience(in_vain: int) -> timedelta:
    """Give how long we wait after so many looks that led nowhere."""
    return min(PATIENCE * (1 << min(in_vain, 10)) - PATIENCE, LONGEST_PATIENCE)


def _may_come_back(session: Session, record: ChannelRecord) -> bool:
    """Tell whether our part has ended by an entry of the ledger, which may be abandoned.

    Where it ended by our own will alone, whatever the ledger says of us so far, nothing is asked.
    """
    if record.standing is not Standing.ENDED:
        return False
    us = get_node(session).organisation
    members = (record.state or {}).get("members", ())
    return any(one["organisation"] == us and one["state"] in _GONE for one in members)


def _is_joined(record: ChannelRecord, organisation: str) -> bool:
    return any(
        member["organisation"] == organisation and member["state"] == JOINED
        for member in (record.state or {}).get("members", ())
    )

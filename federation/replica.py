"""Replicas: pull, stage, verify, apply; wait, void or freeze.

Source: protocol, 7.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import update
from sqlalchemy.orm import Session

from federation import stage
from federation.branch_choice import Branch, find_branch
from federation.branches import go_back, reinstate
from federation.bundles import SignedBundle
from federation.channels import end_outbox
from federation.contents import is_proven
from federation.describing import DESCRIBE, check_own_keys, describes_us
from federation.desk import Desk
from federation.doubt import Consequence, Doubt, DoubtError, consequence
from federation.endorsements import compare_endorsements
from federation.errands import ask
from federation.fellows import fellows, shown_by
from federation.judge import Judged, Reader, judge_entry
from federation.ledger import (
    find_channel,
    get_channel,
    get_state,
    keep,
    load_state,
    lock_channel,
)
from federation.ledger_facts import LedgerFacts
from federation.ledger_records import (
    ChannelRecord,
    ContributionRecord,
    Delivery,
    Standing,
)
from federation.openings import OpenedBy, open_epoch
from federation.returns import offer_again
from federation.rollback import (
    LOST_CHANNEL,
    RESTORED,
    Behind,
    fall_behind,
    stay_behind,
)
from federation.sources import pulls_from, source_of
from federation.staged_chain import Ahead, next_entry
from federation.state import ChannelState
from federation.stops import freeze, keep_evidence, stop, tell
from federation.vouching import ask_receipt
from federation.witness_rounds import ask_round
from policies.acts import Act, ChannelKind
from policies.errors import ForbiddenError, NotFoundError
from sharing.db import reading, transaction

logger = logging.getLogger(__name__)

ENTRIES_PER_TRANSACTION: Final = 100
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


@dataclass(frozen=True, slots=True)
class PulledPage:
    """A page as a server gave it: parsed, nothing proven.

    Args:
        values: the STIX objects as parsed.
        last_added: where the next page goes on, in the server's words.
    """

    values: list[Mapping[str, Any]]
    last_added: str | None


class ChannelServer(Protocol):
    """A node's TAXII server, as far as a replica asks it."""

    def pages(self, channel: str, added_after: str | None) -> Iterator[PulledPage]:
        """Give every version of every object, oldest first."""

    def by_ids(self, channel: str, refs: Iterable[str]) -> list[Mapping[str, Any]]:
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
        for page in server.pages(channel, cursor):
            if left or page.values:
                doubt, whole = self._take(channel, source, page)
                if not whole:
                    budget.is_overfull = True
                    return doubt
            budget.count_page()
            if budget.is_spent:
                return doubt
        asked: set[str] = set()
        for _ in range(ROUNDS):
            if doubt is None or not doubt.refs or consequence(doubt.doubt) is not Consequence.WAIT:
                break
            before, whole = doubt, True
            for found in self._find(channel, source, server, before.refs):
                doubt, whole = self._take(channel, source, PulledPage(found, None))
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
    ) -> Iterator[list[Mapping[str, Any]]]:
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

    def take_in(self, channel: str, values: list[Mapping[str, Any]]) -> DoubtError | None:
        """Take in what came by another way than a pull; the cursor stays where it is.

        Gives what the replica waits for, or what froze it.
        """
        return self._take(channel, "", PulledPage(values, None))[0]

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
        doubts = stage.put(session, channel, page.values, now, owner=owner)
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


def _is_same(doubt: DoubtError | None, before: DoubtError) -> bool:
    return doubt is not None and doubt.refs == before.refs and doubt.doubt is before.doubt


def apply_staged(
    session: Session,
    desk: Desk,
    channel: str,
    *,
    now: datetime,
    learning: bool = False,
    asked: frozenset[str] = frozenset(),
) -> tuple[int, DoubtError | None]:
    """Apply up to `ENTRIES_PER_TRANSACTION` staged entries in this transaction.

    Entries of our own are applied where we have lost them, and stay judged like any others'.

    Gives how many, and the doubt that stopped it.

    Args:
        asked: ids of objects that nobody shows us.
        learning: what is staged came from another member than our source; it may tell of a new
            owner even where we own the channel.
    """
    record = lock_channel(session, channel)
    if record.standing is Standing.BEHIND:
        before = Behind.of(record)
        count, doubt = _apply_staged(session, desk, record, asked, learning=True, now=now)
        stay_behind(record, before, doubt, desk.organisation)
        return count, doubt
    ours = source_of(record) == desk.organisation
    if (ours and not learning) or record.standing in _STOPPED:
        return 0, None
    unread = record.state is None
    count, doubt = _apply_staged(session, desk, record, asked, learning=learning, now=now)
    if unread and record.is_ours:
        fall_behind(session, record, LOST_CHANNEL, now=now)
    return count, doubt


def _apply_staged(
    session: Session,
    desk: Desk,
    record: ChannelRecord,
    asked: frozenset[str],
    *,
    learning: bool,
    now: datetime,
) -> tuple[int, DoubtError | None]:
    channel, behind = record.id, record.standing is Standing.BEHIND
    state = load_state(session, record)
    count, ahead, choose = 0, Ahead(), True
    while count < ENTRIES_PER_TRANSACTION:
        entry: SignedBundle | None = None
        try:
            branch = _find_branch(session, desk, channel, state) if choose else None
            choose = branch is not None
            if branch is not None:
                state = _take_branch(session, desk, record, branch, behind=behind, now=now)
                count, ahead = count + len(branch.path), Ahead()
                continue
            entry = next_entry(session, channel, state)
            if entry is None:
                break
            judged = _judge(session, desk, record, state, entry, ahead, asked)
            check_own_keys(desk.node, judged.state)
        except ForbiddenError as error:
            record.standing, record.sentence, record.doubted_at = Standing.ENDED, error.message, now
            return count, None
        except DoubtError as error:
            if consequence(error.doubt) is Consequence.IGNORE and entry is not None:
                keep_evidence(session, record, error, entry.stix.content, now)
                stage.clear(session, channel, [entry.stix.sha256])
                continue
            if behind and entry is not None and _proves_nothing(error, entry, desk, state):
                stage.clear(session, channel, [entry.stix.sha256])
                continue
            return count, stop(session, record, entry, error, now=now)
        kept = _keep(session, desk, record, judged, behind=behind, now=now)
        choose = judged.act is Act.CHANNEL_OPENED
        count += 1
        how = _Mode(behind=behind, learning=learning)
        state = _after_entry(session, desk, record, kept, how, now=now)
        if state is None:
            return count, None
        if record.standing in _STOPPED:
            break
    if count < ENTRIES_PER_TRANSACTION and stage.has_entries(session, channel):
        gap = DoubtError(Doubt.GAP, "entries before the newest have not arrived yet")
        return count, stop(session, record, None, gap, now=now)
    return count, None


def _proves_nothing(
    error: DoubtError, entry: SignedBundle, desk: Desk, state: ChannelState | None
) -> bool:
    """Tell whether what a member shows us of our own ledger is not even ours.

    Only what our own key has signed, and signed twice, stops a channel of ours.
    """
    if error.doubt is not Doubt.UNKNOWN_KEY and (
        consequence(error.doubt) is not Consequence.FREEZE
    ):
        return False
    own = entry.author == desk.organisation and error.doubt is Doubt.FORK
    return state is None or not (own and is_proven(entry, state.chains))


def _find_branch(
    session: Session, desk: Desk, channel: str, state: ChannelState | None
) -> Branch | None:
    if state is None:
        return None
    return find_branch(session, channel, state, desk.organisation)


def _take_branch(
    session: Session,
    desk: Desk,
    record: ChannelRecord,
    branch: Branch,
    *,
    behind: bool,
    now: datetime,
) -> ChannelState:
    """Leave the branch that our ledger is on, and follow the one that holds.

    Source: protocol, 11.
    """
    state = get_state(session, record)
    at = branch.ancestor
    if at != state.head:
        go_back(session, desk, record, at, again=True, now=now)
        sentence = f"Our ledger went back to entry {at.epoch}/{at.seq}; what followed is abandoned."
        tell(session, "channel.branch_left", record.id, sentence, now=now)
    for judged in branch.path:
        check_own_keys(desk.node, judged.state)
        state = _keep(session, desk, record, judged, behind=behind, now=now)
        reinstate(session, judged)
    stage.clear_entries(session, record.id, but_by=state.owner, since=state.head.epoch)
    return state


def _keep(
    session: Session,
    desk: Desk,
    record: ChannelRecord,
    judged: Judged,
    *,
    behind: bool,
    now: datetime,
) -> ChannelState:
    """Keep a judged entry; a new owner is offered what it lacks of ours.

    Args:
        behind: more of our own entries may follow: nothing is offered in between.
    """
    before = record.owner
    keep(session, desk, record, judged, now=now)
    if judged.state.head.epoch > 1:
        reinstate(session, judged)
    _confirm(session, desk, record, judged, now=now)
    _mend_description(session, desk, judged.state, now)
    if record.standing is Standing.ENDED:
        end_outbox(session, record.id)
    _clear_stage(session, record.id, judged)
    if judged.act is Act.CHANNEL_OPENED and judged.entry.epoch != 1:
        how = judged.entry.body.get("opened_by")
        sentence = f"Epoch {judged.entry.epoch} ({how}): {before}, then {record.owner}."
        tell(session, "channel.owner_changed", record.id, sentence, now=now)
        compare_endorsements(session, record, judged, now=now)
        if not (behind and record.is_ours):
            offer_again(session, desk, record, now=now)
    return judged.state


@dataclass(frozen=True, slots=True)
class _Mode:
    """How entries are applied.

    Args:
        behind: to a channel of ours of which we have lost entries.
        learning: from another member than our source.
    """

    behind: bool
    learning: bool


def _after_entry(
    session: Session,
    desk: Desk,
    record: ChannelRecord,
    state: ChannelState,
    mode: _Mode,
    *,
    now: datetime,
) -> ChannelState | None:
    """Give the state to go on from after an entry; `None` where the pull has no more to apply.

    What was handed over to us is taken over here.
    """
    ours = source_of(record) == desk.organisation
    if mode.behind:
        # Where others have gone on under another owner meanwhile, we follow from here on.
        return state if ours else None
    if state.ended and ours:
        if record.restored_at is not None:
            # We may have opened that epoch already, and lost it.
            fall_behind(session, record, RESTORED, now=now)
            return None
        how = OpenedBy.HAND_OVER
        state = open_epoch(session, desk, record, opened_by=how, now=now).state
        offer_again(session, desk, record, now=now)
    if state.owner == desk.organisation and not mode.learning:
        _set_aside(session, record, state, now=now)
        return None
    return state


def _set_aside(
    session: Session, record: ChannelRecord, state: ChannelState, *, now: datetime
) -> None:
    """Keep as evidence what a former owner wrote after handing over to us; it holds up nothing."""
    for late in stage.entries_up_to(session, record.id, state):
        if is_proven(late, state.chains):
            error = DoubtError(Doubt.STALE_EPOCH, f"epoch {late.epoch} was handed over")
            keep_evidence(session, record, error, late.stix.content, now)
        stage.clear(session, record.id, [late.stix.sha256])


def _judge(
    session: Session,
    desk: Desk,
    record: ChannelRecord,
    state: ChannelState | None,
    entry: SignedBundle,
    ahead: Ahead,
    asked: frozenset[str],
) -> Judged:
    if state is None and record.genesis not in (None, entry.sha256):
        raise DoubtError(Doubt.FORK, "the first entry is not the one that the invitation named")
    facts = LedgerFacts(session, record.id, stage.arrived_for(session, record.id, entry))
    arrived = (SignedBundle.read(copies[0]) for copies in facts.arrived.bundles.values())
    facts.prepare([entry, *arrived])
    reader = Reader(organisation=desk.organisation)
    try:
        judged = judge_entry(state, entry, facts, reader)
    except DoubtError as error:
        if error.doubt is not Doubt.MISSING_OBJECT or state is None:
            raise
        seen = ahead.look(session, state, entry)
        reader = Reader(
            organisation=desk.organisation,
            recalled_ahead=seen.recalled,
            gone=asked.issuperset(error.refs) and seen.ends_for(desk.organisation),
        )
        judged = judge_entry(state, entry, facts, reader)
    if state is None:
        _check_welcome(desk, record, judged.state)
    return judged


def _check_welcome(desk: Desk, record: ChannelRecord, state: ChannelState) -> None:
    """Refuse a channel that nobody here agreed to: only direct channels come unasked."""
    member = state.members.get(desk.organisation)
    if record.genesis is not None:
        # An invitation named this very entry; who invited may have taken the channel over since.
        return
    if state.owner == desk.organisation:
        # A channel of our own that we have lost: our key signed this, as is checked next.
        return
    if state.owner != record.owner:
        raise DoubtError(Doubt.NOT_OWNER, "its first entry names another owner")
    if state.kind is not ChannelKind.DIRECT or member is None or not member.is_joined:
        raise ForbiddenError("this channel was opened without asking us")


def _mend_description(session: Session, desk: Desk, state: ChannelState, now: datetime) -> None:
    """Have the ledger told of our keys where it does not say what we say."""
    if state.is_member(desk.organisation) and not describes_us(desk.node, state):
        ask(session, DESCRIBE, state.channel, now=now)


def _confirm(
    session: Session, desk: Desk, record: ChannelRecord, judged: Judged, *, now: datetime
) -> None:
    """Note that a contribution of ours is history: we have verified the entry that covers it."""
    contribution = judged.contribution
    if contribution is None or contribution.author != desk.organisation:
        return
    # Somebody with a key of ours may have counted on: what we write next counts above it.
    record.next_nth = max(record.next_nth, (contribution.nth or 0) + 1)
    values: dict[str, Any] = {"state": Delivery.CONFIRMED, "confirmed_at": now}
    if judged.void is not None:
        values = {
            "state": Delivery.REFUSED,
            "doubt": judged.void.doubt.value,
            "sentence": judged.void.message,
        }
    session.execute(
        update(ContributionRecord)
        .where(ContributionRecord.sha256 == contribution.sha256)
        .values(values)
        .execution_options(synchronize_session="fetch")
    )


def _clear_stage(session: Session, channel: str, judged: Judged) -> None:
    hashes = [one.stix.sha256 for one in judged.covered if one.stix is not None]
    hashes += [due.stix.sha256 for due in judged.due]
    hashes.append(judged.entry.stix.sha256)
    if judged.contribution is not None:
        hashes.append(judged.contribution.stix.sha256)
    stage.clear(session, channel, hashes)
    if judged.void is not None:
        stage.clear_refs(session, channel, [item.ref for item in judged.acting.contents])

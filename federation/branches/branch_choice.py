"""Choosing between branches: which staged opening wins over what our ledger holds.

Nothing but the ledger decides: openings are judged where they stand, on the head that they name,
and the best of the valid ones holds, in whatever order they arrived.

Source: protocol, 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from federation.branches.branches import outranks, round_of
from federation.identity.descriptor import KeyUse
from federation.judging.bundles import Position, SignedBundle
from federation.judging.doubt import Consequence, Doubt, DoubtError, consequence
from federation.judging.facts import Facts, MemoryFacts
from federation.judging.judge import judge_entry
from federation.judging.judged import Judged
from federation.judging.reader import Reader
from federation.judging.state import ChannelState
from federation.ledgers import stage
from federation.ledgers.ledger_facts import FactsAhead, LedgerFacts, find_stored_bundles
from federation.ledgers.ledger_records import EntryRecord
from federation.ledgers.replay import entries_of, replay
from federation.ledgers.staged_chain import Ahead
from sharing import collections, objects
from sharing.objects import SIGNED_BUNDLE, StixObject

LONGEST_PATH: Final = 20_000


@dataclass(frozen=True)
class Branch:
    """A branch that holds, and that our ledger does not follow yet.

    Args:
        ancestor: our last entry that stands in it.
        path: its entries from there up to its opening, judged.
    """

    ancestor: Position
    path: tuple[Judged, ...]


def find_branch(
    session: Session, channel: str, state: ChannelState, organisation: str
) -> Branch | None:
    """Find a staged opening that wins over what our ledger holds.

    One that loses leaves the stage. One that is not valid where it stands is left to whoever
    takes the next entry.

    Raises:
        DoubtError: something is missing to tell.
    """
    for opening in stage.openings(session, channel, up_to=state.head.epoch + 1):
        ours = session.get(EntryRecord, (channel, opening.epoch, 0))
        if ours is not None:
            held = _read(session, ours)
            if held.sha256 == opening.sha256 or not _may_open(state, opening):
                continue
            if not outranks(opening, held):
                stage.clear(session, channel, [opening.stix.sha256])
                continue
        found = _path_to(session, state, opening)
        if found is None:
            continue
        ancestor, entries = found
        if ours is None and ancestor == state.head and not _is_contested(session, state, entries):
            continue
        if ancestor != state.head and _is_revoked(state, opening):
            # It opens before its key was revoked; what our ledger knows of keys it does not undo.
            stage.clear(session, channel, [opening.stix.sha256])
            continue
        if _forks(session, channel, entries) and not round_of(opening):
            # Who signed two histories does not choose between them; the members do.
            continue
        judged = _judge_path(session, state, ancestor, entries, organisation)
        if judged is not None:
            return Branch(ancestor, judged)
    return None


def _may_open(state: ChannelState, opening: SignedBundle) -> bool:
    """Tell whether it is worth judging: its author has been a member of the channel."""
    member = state.members.get(opening.author)
    return member is not None and bool(member.stays)


def _is_revoked(state: ChannelState, opening: SignedBundle) -> bool:
    """Tell whether our ledger knows that the key of an opening was revoked. Source: decision 17."""
    chain = state.chains.get(opening.author, ())
    key = chain[-1].find_key(opening.kid, KeyUse.SIGN) if chain else None
    return key is not None and key.revoked_at is not None


def _path_to(
    session: Session, state: ChannelState, opening: SignedBundle
) -> tuple[Position, list[SignedBundle]] | None:
    """Give the staged entries from our ledger to an opening, and where they leave it."""
    entries, at = [opening], opening.seen
    epoch = opening.place[0] - 1
    while at is not None and at.epoch == epoch and len(entries) < LONGEST_PATH:
        ours = session.get(EntryRecord, (state.channel, at.epoch, at.seq))
        if ours is not None and ours.sha256 == at.sha256:
            return at, entries[::-1]
        before = stage.find_entry(session, state.channel, at)
        if before is None:
            return None
        entries.append(before)
        at = before.seen
    return None


def _is_contested(session: Session, state: ChannelState, entries: list[SignedBundle]) -> bool:
    """Tell whether something else than the opening is staged to follow our head."""
    if len(entries) > 1:
        return False
    return bool(stage.entries_at(session, state.channel, state.next_place, state))


def _forks(session: Session, channel: str, entries: list[SignedBundle]) -> bool:
    """Tell whether the path holds another entry than ours for a place of the epoch before."""
    for entry in entries[:-1]:
        ours = session.get(EntryRecord, (channel, *entry.place))
        if ours is not None and ours.sha256 != entry.sha256:
            return True
    return False


def _judge_path(
    session: Session,
    state: ChannelState,
    ancestor: Position,
    entries: list[SignedBundle],
    organisation: str,
) -> tuple[Judged, ...] | None:
    """Judge a path from where it leaves our ledger; `None` where it does not hold."""
    past: Facts
    if ancestor == state.head:
        at, past = state, LedgerFacts(session, state.channel)
    else:
        at, past = _past_of(session, state.channel, ancestor)
    memory, ahead, path = MemoryFacts(), Ahead(), []
    for entry in entries:
        _add_arrived(session, state.channel, entry, memory)
        facts = FactsAhead(memory, past)
        try:
            judged = _judge(session, at, entry, facts, organisation, ahead)
        except DoubtError as error:
            if consequence(error.doubt) is Consequence.WAIT:
                raise
            return None
        if entry is entries[-1] and judged.void is not None:
            return None
        memory.record(judged)
        path.append(judged)
        at = judged.state
    return tuple(path)


def _add_arrived(session: Session, channel: str, entry: SignedBundle, memory: MemoryFacts) -> None:
    """Add what an entry covers and what is here, staged or in the part that would be left."""
    for stix in stage.arrived_for(session, channel, entry).pool.values():
        memory.add_object(stix)
    bundles = [entry]
    for item in entry.contents:
        if not item.ref.startswith(f"{SIGNED_BUNDLE}--"):
            continue
        for stix in find_stored_bundles(session, channel, item.ref, item.sha256):
            memory.add_object(stix)
        copies = memory.find_bundles(item.ref, item.sha256)
        bundles += [SignedBundle.read(stix) for stix in copies]
    wanted = {item.sha256 for bundle in bundles for item in bundle.contents}
    for content in collections.find_contents(session, channel, wanted).values():
        memory.add_object(StixObject.read(content))


def _judge(
    session: Session,
    state: ChannelState,
    entry: SignedBundle,
    facts: Facts,
    organisation: str,
    ahead: Ahead,
) -> Judged:
    try:
        return judge_entry(state, entry, facts, Reader(organisation=organisation))
    except DoubtError as error:
        if error.doubt is not Doubt.MISSING_OBJECT:
            raise
        recalled = ahead.look(session, state, entry).recalled
        reader = Reader(organisation=organisation, recalled_ahead=recalled)
        return judge_entry(state, entry, facts, reader)


def _past_of(
    session: Session, channel: str, ancestor: Position
) -> tuple[ChannelState, MemoryFacts]:
    """Give our ledger's state and past up to one of its entries."""
    facts, state = MemoryFacts(), None
    place = (ancestor.epoch, ancestor.seq)
    rows = [row for row in entries_of(session, channel) if (row.epoch, row.seq) <= place]
    for _, judged in replay(session, rows, facts):
        state = judged.state
    if state is None:
        raise ValueError("an ancestor is an entry of our ledger")
    return state, facts


def _read(session: Session, row: EntryRecord) -> SignedBundle:
    stix = objects.find(session, row.object_sha256)
    if stix is None:
        raise ValueError("the store holds every entry")
    return SignedBundle.read(stix)

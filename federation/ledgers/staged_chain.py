"""The staged chain: which entry comes next, and what the chain recalls further on.

Source: protocol, 7.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from federation.judging.bundles import SignedBundle
from federation.judging.contents import is_proven
from federation.judging.doubt import DoubtError
from federation.judging.facts import MemoryFacts
from federation.judging.judge import judge_entry
from federation.judging.reader import Reader
from federation.judging.state import ChannelState, signing_keys
from federation.ledgers import stage
from federation.ledgers.ledger_facts import FactsAhead, LedgerFacts
from federation.ledgers.ledger_records import EntryRecord


def next_entry(session: Session, channel: str, state: ChannelState | None) -> SignedBundle | None:
    """Give the staged entry that comes next; one that contradicts our chain comes first."""
    if state is None:
        return _only(stage.entries_at(session, channel, (1, 0), None))
    for late in stage.entries_up_to(session, channel, state):
        if _contradicts(session, state, late):
            return late
        stage.clear(session, channel, [late.stix.sha256])
    return _following(session, channel, state)


def _contradicts(session: Session, state: ChannelState, late: SignedBundle) -> bool:
    """Tell whether an entry for a place that is taken says anything against what stands there.

    The same payload says the same; and a key that the ledger does not know by now could not sign
    what stands before its description.
    """
    ours = session.get(EntryRecord, (state.channel, *late.place))
    if ours is not None and ours.sha256 == late.sha256:
        return False
    chain = state.chains.get(late.author, ())
    try:
        kid = late.kid
    except DoubtError:
        return True
    keys = signing_keys(chain) if chain else ()
    return any(one.key.thumbprint == kid for one in keys)


def _following(session: Session, channel: str, state: ChannelState) -> SignedBundle | None:
    following = stage.entries_at(session, channel, state.next_place, state)
    next_epoch = (state.head.epoch + 1, 0)
    return _only(following or stage.entries_at(session, channel, next_epoch, state), state)


def _only(entries: list[SignedBundle], state: ChannelState | None = None) -> SignedBundle | None:
    """Give one of the entries staged for a position: one that proves, of these the eldest.

    Where there are several, the others are met again as contradictions of the chain.
    """
    if len(entries) < 2 or state is None:  # noqa: PLR2004 - nothing to choose
        return min(entries, key=lambda entry: entry.created_ns) if entries else None
    chains = state.chains
    return min(entries, key=lambda entry: (not is_proven(entry, chains), entry.created_ns))


@dataclass(frozen=True)
class Seen:
    """What the staged chain brings further on.

    Args:
        recalled: hashes of what it recalls.
        state: the ledger at its end, as far as it proves.
    """

    recalled: frozenset[str]
    state: ChannelState

    def ends_for(self, organisation: str) -> bool:
        """Tell whether an organisation that took part does so no more at its end."""
        return self.state.ends_for(organisation)


class Ahead:
    """What comes further on in the staged chain; looked at once, the stage stays as it is."""

    def __init__(self) -> None:
        self._seen: Seen | None = None

    def look(self, session: Session, state: ChannelState, entry: SignedBundle) -> Seen:
        """Give what the chain from this entry on brings."""
        if self._seen is None:
            self._seen = _look_ahead(session, state, entry)
        return self._seen


def _look_ahead(session: Session, state: ChannelState, entry: SignedBundle) -> Seen:
    """Verify the staged chain ahead of its objects.

    Source: protocol, 7: a covered object may be absent if a later entry of the verified chain
    recalls it.
    """
    channel, recalled = state.channel, set[str]()
    memory = MemoryFacts()
    reader = Reader(lenient=True)
    ahead = state
    following: SignedBundle | None = entry
    while following is not None:
        for stix in stage.arrived_for(session, channel, following).pool.values():
            memory.add_object(stix)
        facts = FactsAhead(memory, LedgerFacts(session, channel))
        try:
            judged = judge_entry(ahead, following, facts, reader)
        except DoubtError:
            break
        memory.record(judged)
        for ref in judged.recalled:
            recalled |= facts.covered_contents(ref)
        recalled.update(judged.disowned.hidden)
        ahead = judged.state
        following = _following(session, channel, ahead)
    return Seen(frozenset(recalled), ahead)

"""Applying what is staged: judge the next entry, keep it or stop, follow the branch that holds.

Source: protocol, 7 and 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from federation.branches.branch_choice import Branch, find_branch
from federation.branches.branches import go_back, reinstate
from federation.branches.endorsements import compare_endorsements
from federation.branches.openings import OpenedBy, open_epoch
from federation.branches.returns import offer_again
from federation.judging.bundles import SignedBundle
from federation.judging.contents import is_proven
from federation.judging.doubt import Consequence, Doubt, DoubtError, consequence
from federation.judging.judge import judge_entry
from federation.judging.judged import Judged
from federation.judging.reader import Reader
from federation.judging.state import ChannelState
from federation.ledgers import recalls, stage
from federation.ledgers.channels import end_outbox
from federation.ledgers.describing import DESCRIBE, check_own_keys
from federation.ledgers.descriptions import describes_us
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import (
    get_state,
    keep,
    load_state,
    lock_channel,
)
from federation.ledgers.ledger_facts import LedgerFacts
from federation.ledgers.ledger_records import (
    ChannelRecord,
    ContributionRecord,
    Delivery,
    Standing,
)
from federation.ledgers.sources import source_of
from federation.ledgers.staged_chain import Ahead, next_entry
from federation.ledgers.stops import keep_evidence, stop, tell
from federation.witnesses.rollback import (
    LOST_CHANNEL,
    RESTORED,
    Behind,
    fall_behind,
    stay_behind,
)
from federation.work.errands import ask
from policies.acts import Act, ChannelKind
from policies.errors import ForbiddenError

ENTRIES_PER_TRANSACTION: Final = 100

_STOPPED: Final = frozenset({Standing.FROZEN, Standing.ENDED})


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
    if judged.recalled or judged.act is Act.CHANNEL_OPENED:
        recalls.forget_staged(session, record.id)
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

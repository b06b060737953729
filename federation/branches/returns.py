"""What authors offer again when a new owner, or another branch, does not hold it.

Contributions go unchanged wherever that is possible. What we had written as the owner of a branch
that was left goes to the new owner as contributions. What the tables do not allow us any more is
kept, and people are told why.

Source: protocol, 8 and 11.
"""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy.orm import Session

from federation.branches.branches import abandoned_bundle, objects_of
from federation.branches.holding_back import left_out, own_abandoned
from federation.judging.bundles import SignedBundle
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.judge import OWNERS_ALONE, situation_of
from federation.judging.state import ChannelState
from federation.ledgers.branch_records import AbandonedRecord
from federation.ledgers.channels import check_sharing, contribute
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import append, get_state, metadata_label
from federation.ledgers.ledger_facts import LedgerFacts
from federation.ledgers.ledger_records import (
    ChannelRecord,
    ContributionRecord,
    Delivery,
    Standing,
)
from federation.ledgers.sources import ask_delivery
from federation.work.errands import hasten
from policies.acts import Act, read_body
from policies.errors import CoordinationError
from policies.lifecycles import rule
from sharing import objects
from sharing.canonical import write_time
from sharing.objects import StixObject

logger = logging.getLogger(__name__)

_RENUMBERED = "It was written anew, with the next number, because the ledger has moved on."


def offer_again(session: Session, desk: Desk, record: ChannelRecord, *, now: datetime) -> None:
    """Offer the new epoch what of ours it does not hold."""
    state, anew = get_state(session, record), False
    member = state.members.get(desk.organisation)
    if member is None or not member.is_joined or record.standing is Standing.ENDED:
        # What is read here is older than our being a member.
        return
    left = left_out(session, record.id)
    if record.is_ours:
        for row in left:
            _admit_own(session, desk, record, row, now=now)
        return
    facts = LedgerFacts(session, record.id)
    for row in left:
        bundle = SignedBundle.read(StixObject.read(row.bundle))
        given = _contents(session, row)
        if given is None:
            _refuse(row, Doubt.RECALLED, "what it covers has been recalled", now)
            continue
        # The order of what we wrote is kept: after one that is written anew, all are.
        anew = anew or _is_out_of_place(state, bundle, facts)
        if anew:
            _write_anew(session, desk, record, row, bundle, given, now=now)
        else:
            row.state = Delivery.PENDING
            row.answered_at = row.confirmed_at = row.doubt = row.sentence = None
    for entry in own_abandoned(session, record.id, desk.organisation):
        _offer_entry(session, desk, record, entry, now=now)
    session.flush()
    ask_delivery(session, record, now=now)
    # What waited for the owner before waits no longer.
    hasten(session, record.id, now=now)


def _contents(session: Session, row: ContributionRecord) -> list[StixObject] | None:
    found = objects.find_contents(session, row.objects)
    if any(sha256 not in found for sha256 in row.objects):
        return None
    return [StixObject.read(found[sha256]) for sha256 in row.objects]


def _is_out_of_place(state: ChannelState, bundle: SignedBundle, facts: LedgerFacts) -> bool:
    """Tell whether the new owner would have to refuse a contribution as it is signed."""
    member = state.members.get(bundle.author)
    if member is not None and bundle.nth is not None and bundle.nth <= member.last_nth:
        return True
    seen = bundle.seen
    if seen is None:
        return False
    known = facts.hash_at(seen.epoch, seen.seq)
    return known != seen.sha256 and (known is not None or seen.epoch >= state.head.epoch)


def _write_anew(
    session: Session,
    desk: Desk,
    record: ChannelRecord,
    row: ContributionRecord,
    bundle: SignedBundle,
    given: list[StixObject],
    *,
    now: datetime,
) -> None:
    state = get_state(session, record)
    contribute(
        session,
        desk,
        record,
        Act(bundle.act),
        bundle.body,
        given,
        seen=state.head,
        label=metadata_label(state.ceiling),
        by=row.written_by,
        now=now,
    )
    _refuse(row, Doubt.FORK, _RENUMBERED, now)
    row.seen_at = now


def _refuse(row: ContributionRecord, doubt: Doubt, sentence: str, now: datetime) -> None:
    row.state, row.answered_at = Delivery.REFUSED, now
    row.doubt, row.sentence = doubt.value, sentence


def _offer_entry(
    session: Session, desk: Desk, record: ChannelRecord, row: AbandonedRecord, *, now: datetime
) -> None:
    """Offer an entry of our own as a contribution; where that is not open, say why."""
    entry = abandoned_bundle(row)
    if entry.act in OWNERS_ALONE:
        row.sentence = "Only the owner of the channel writes this."
        return
    try:
        row.again = _contribute_entry(session, desk, record, entry, now=now)
    except CoordinationError as error:
        row.sentence = error.message[:1000]


def _contribute_entry(
    session: Session, desk: Desk, record: ChannelRecord, entry: SignedBundle, *, now: datetime
) -> str | None:
    given = objects_of(session, entry)
    if given is None:
        raise DoubtError(Doubt.RECALLED, "what it covers is not here any more")
    state, act = get_state(session, record), Act(entry.act)
    body = read_body(act, entry.body)
    facts = LedgerFacts(session, record.id)
    situation = situation_of(state, desk.organisation, body, facts, write_time(now))
    ruling = rule(state.tables, act, situation)
    if not ruling.decision:
        raise DoubtError(Doubt.NOT_PERMITTED, ruling.decision.reason)
    check_sharing(session, desk, record, given)
    return contribute(
        session,
        desk,
        record,
        act,
        body,
        given,
        seen=state.head,
        label=metadata_label(state.ceiling),
        by=desk.node.name,
        now=now,
    ).contribution


def _admit_own(
    session: Session,
    desk: Desk,
    record: ChannelRecord,
    row: ContributionRecord,
    *,
    now: datetime,
) -> None:
    """Take into a ledger that is ours now what we had written to the owner before us."""
    bundle, given = SignedBundle.read(StixObject.read(row.bundle)), _contents(session, row)
    if given is None:
        _refuse(row, Doubt.RECALLED, "what it covers has been recalled", now)
        return
    try:
        if _is_out_of_place(get_state(session, record), bundle, LedgerFacts(session, record.id)):
            append(session, desk, record.id, Act(bundle.act), bundle.body, given, now=now)
        else:
            append(
                session,
                desk,
                record.id,
                Act.ADMITTED,
                {},
                (),
                now=now,
                contribution=bundle,
                arrived=given,
            )
    except DoubtError as error:
        _refuse(row, error.doubt, error.message, now)
        return
    row.state, row.confirmed_at = Delivery.CONFIRMED, now
    row.doubt = row.sentence = None

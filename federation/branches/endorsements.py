"""Endorsing a successor of a lost owner, and taking over with enough endorsements.

A member signs one endorsement for each epoch and round, and posts it to the candidate's node; the
opening of the next epoch carries them along, so that every member can count them.

Source: protocol, 11 (*Succession*); lifecycles, 11.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.branches.openings import OpenedBy, open_epoch
from federation.branches.returns import offer_again
from federation.identity.descriptor import KeyUse
from federation.judging.bundles import Position, SignedBundle, make_bundle
from federation.judging.contents import is_proven
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.judge import situation_of
from federation.judging.judged import Judged
from federation.judging.state import ChannelState, Place, key_in_use
from federation.ledgers.branch_records import EndorsementRecord
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_state, ledger_time, metadata_label
from federation.ledgers.ledger_facts import LedgerFacts
from federation.ledgers.ledger_records import ChannelRecord, EntryRecord, EvidenceRecord, Standing
from federation.ledgers.sources import ask_look
from federation.ledgers.stops import keep_evidence, tell
from federation.partners.partner_records import PartnerRecord
from federation.work.errands import ask
from policies.acts import Act, read_body
from policies.errors import ConflictError, InvalidError
from policies.lifecycles import Situation, electors, endorsements_needed, rule
from sharing.canonical import read_instant, write_time
from sharing.objects import SIGNED_BUNDLE, StixObject

logger = logging.getLogger(__name__)

ENDORSE: Final = "endorse"
"""Errand: post an endorsement of ours to the candidate. Subject: channel, epoch, round."""
SILENCE: Final = timedelta(minutes=60)
"""How long nothing was heard from an owner before a member may say that it is silent."""
ENDORSED_TWICE: Final = "endorsed_twice"
"""Under which evidence is kept that a member endorsed two candidates in one round."""
_ROUNDS_AT_MOST: Final = 1000


@dataclass(frozen=True)
class Tally:
    """How far one candidate's succession has come.

    Args:
        round: the one that has most endorsements, the newest of these.
        given: who endorses it, on heads that our ledger holds.
        ahead: who endorses it on a head that our ledger does not hold yet.
        needed: how many it takes.
    """

    candidate: str
    round: int
    given: tuple[str, ...]
    ahead: tuple[str, ...]
    needed: int

    @property
    def enough(self) -> bool:
        """Tell whether the candidate can take over."""
        return len(self.given) >= self.needed


def endorse(
    session: Session,
    desk: Desk,
    record: ChannelRecord,
    *,
    candidate: str,
    round_: int | None = None,
    silence: timedelta = SILENCE,
    now: datetime,
) -> EndorsementRecord:
    """Endorse a member as the channel's next owner, once for this epoch and round.

    Args:
        round_: the first in which we have not endorsed somebody else, where none is given.
        silence: after which time without a word the owner counts as silent, by the charter.

    Raises:
        ConflictError: the owner is neither silent nor did it fork; or another candidate was
            endorsed in that round.
        DoubtError: the tables do not allow it.
    """
    state = get_state(session, record)
    if record.is_ours:
        raise ConflictError("you coordinate this channel: hand it over instead")
    if record.standing is Standing.ENDED:
        raise ConflictError("we are no longer a member of this channel")
    because = reason_to_endorse(session, record, silence=silence, now=now)
    epoch = state.head.epoch + 1
    ours = {row.round: row for row in _rows(session, record.id, epoch, desk.organisation)}
    round_ = _next_round(ours, candidate) if round_ is None else round_
    if not 1 <= round_ <= _ROUNDS_AT_MOST:
        raise InvalidError(f"a round from 1 to {_ROUNDS_AT_MOST}", field="round")
    held = ours.get(round_)
    if held is not None and held.candidate == candidate:
        _send(session, desk, held, now=now)
        return held
    if held is not None:
        raise ConflictError(
            f"in round {round_} we have endorsed another member",
            field="round",
            hint="Two endorsements in one round are proof against who signs them. Take the next.",
        )
    body = read_body(
        Act.SUCCESSION_ENDORSED,
        {
            "epoch": epoch,
            "round": round_,
            "candidate": candidate,
            "head": state.head.document(),
            "because": because,
        },
    )
    _check_open(session, record, state, desk.organisation, body, now)
    bundle = make_bundle(
        key=desk.key,
        author=desk.organisation,
        channel=record.id,
        act=Act.SUCCESSION_ENDORSED.value,
        body=body,
        contents=(),
        label=metadata_label(state.ceiling),
        now=now,
        nth=record.next_nth,
        seen=state.head,
    )
    record.next_nth += 1
    row = _keep(session, bundle, now=now)
    _send(session, desk, row, now=now)
    return row


def reason_to_endorse(
    session: Session, record: ChannelRecord, *, silence: timedelta = SILENCE, now: datetime
) -> str:
    """Give why we may endorse a successor: the owner forked, or is silent.

    Args:
        silence: after which time without a word it counts as silent, by the charter.

    Raises:
        ConflictError: neither; it says since when the owner has been heard of.
    """
    if holds_fork(session, record):
        return "fork"
    heard = heard_of_owner(session, record)
    if heard is None or now - heard >= silence:
        return "silence"
    minutes = int((now - heard).total_seconds() // 60)
    raise ConflictError(
        f"the coordinator’s node was heard of {minutes} minutes ago",
        hint=f"A successor is endorsed after {silence // timedelta(minutes=1)} minutes of silence, "
        "or on proof of a fork. If the coordinator agrees, let it hand over.",
    )


def holds_fork(session: Session, record: ChannelRecord) -> bool:
    """Tell whether we hold proof that the owner of this epoch signed two histories of it."""
    if record.standing is Standing.FROZEN and record.doubt == Doubt.FORK.value:
        return True
    state, shown = get_state(session, record), dict[Place, str]()
    query = select(EvidenceRecord.content).where(
        EvidenceRecord.channel == record.id, EvidenceRecord.doubt == Doubt.FORK.value
    )
    for content in session.scalars(query):
        try:
            entry = SignedBundle.read(StixObject.read(content))
        except (DoubtError, InvalidError):
            continue
        if not entry.is_entry or entry.epoch != state.head.epoch or entry.author != state.owner:
            continue
        if not is_proven(entry, state.chains):
            continue
        ours = session.get(EntryRecord, (record.id, *entry.place))
        other = ours.sha256 if ours is not None else shown.setdefault(entry.place, entry.sha256)
        if other != entry.sha256:
            return True
    return False


def heard_of_owner(session: Session, record: ChannelRecord) -> datetime | None:
    """Give when the owner was last heard of: its node by itself, or by an entry of its own.

    An entry is not younger than its coming here, whatever its author dates it.
    """
    partner = session.get(PartnerRecord, record.owner)
    heard = partner.heard_at if partner is not None else None
    wrote = min((one for one in (record.head_at, record.applied_at) if one), default=None)
    return max((one for one in (heard, wrote) if one is not None), default=None)


def take(
    session: Session, desk: Desk, record: ChannelRecord, bundle: SignedBundle, *, now: datetime
) -> DoubtError | None:
    """Take an endorsement that a member posted to us, and nothing else.

    Gives the refusal of a member that had endorsed another in this round: its proof is kept.

    Raises:
        DoubtError: why it is refused.
    """
    state = get_state(session, record)
    # 1. It is an endorsement, for this channel, of us, for the next epoch.
    if bundle.act != Act.SUCCESSION_ENDORSED:
        raise DoubtError(Doubt.STALE_EPOCH, "another organisation owns this channel now")
    if bundle.channel != record.id:
        raise DoubtError(Doubt.FOREIGN_CHANNEL, "it was made for another channel")
    body = read_body(Act.SUCCESSION_ENDORSED, bundle.body)
    if body["candidate"] != desk.organisation:
        raise DoubtError(Doubt.NOT_PERMITTED, "an endorsement goes to the candidate that it names")
    if body["epoch"] <= state.head.epoch:
        raise DoubtError(Doubt.NOT_PERMITTED, f"epoch {body['epoch']} has been opened already")
    if body["epoch"] > state.head.epoch + 1:
        ask_look(session, record, bundle.author, now=now)
        raise DoubtError(Doubt.GAP, f"epoch {body['epoch'] - 1} is not known here yet")
    if body["round"] > _ROUNDS_AT_MOST:
        raise DoubtError(Doubt.NOT_PERMITTED, f"there are no more than {_ROUNDS_AT_MOST} rounds")
    # 2. A member that has a say signed it, with a key in use by this ledger.
    if not is_proven(bundle, state.chains):
        raise DoubtError(Doubt.UNKNOWN_KEY, f"this ledger knows no such key of {bundle.author}")
    _check_open(session, record, state, bundle.author, body, now)
    # 3. Its head is not another than ours; one that is ahead of ours is fetched from its author.
    head = Position.read(body["head"])
    known = LedgerFacts(session, record.id).hash_at(head.epoch, head.seq)
    if known is None:
        ask_look(session, record, bundle.author, now=now)
    elif known != head.sha256:
        raise DoubtError(
            Doubt.FORK, f"its author was shown another entry {head.epoch}/{head.seq} than ours"
        )
    # 4. It is the only one of its author's in this round.
    held = session.get(EndorsementRecord, (record.id, body["epoch"], body["round"], bundle.author))
    if held is not None and held.sha256 != bundle.sha256:
        return _keep_proof(session, record, held, bundle, now=now)
    if held is None:
        _keep(session, bundle, now=now)
    return None


def compare_endorsements(
    session: Session, record: ChannelRecord, judged: Judged, *, now: datetime
) -> None:
    """Compare what an opening carries along with the endorsements that we hold."""
    for covered in judged.covered:
        if covered.stix is None or covered.stix.stix_type != SIGNED_BUNDLE:
            continue
        bundle = SignedBundle.read(covered.stix)
        if bundle.act != Act.SUCCESSION_ENDORSED:
            continue
        key = (record.id, bundle.body["epoch"], bundle.body["round"], bundle.author)
        held = session.get(EndorsementRecord, key)
        if held is not None and held.sha256 != bundle.sha256:
            _keep_proof(session, record, held, bundle, now=now)


def tally_of(session: Session, record: ChannelRecord, candidate: str, *, now: datetime) -> Tally:
    """Count the endorsements that we know of for a candidate."""
    found = {tally.candidate: tally for tally in tallies(session, record, now=now)}
    if candidate not in found:
        raise ConflictError("this member can’t take over", field="organisation")
    return found[candidate]


def tallies(session: Session, record: ChannelRecord, *, now: datetime) -> Sequence[Tally]:
    """Count the endorsements that we know of, for each member that could take over."""
    state = get_state(session, record)
    situation = _situation(session, state, record.owner, {}, now)
    allowed = electors(situation)
    at = ledger_time(state, now)
    rows = [
        row
        for row in _rows(session, record.id, state.head.epoch + 1, None)
        if _is_signed_still(row, state, at)
    ]
    facts = LedgerFacts(session, record.id)
    here = {
        row.sha256: facts.hash_at(row.head_epoch, row.head_seq) == row.head_sha256 for row in rows
    }
    found = []
    for candidate in sorted(allowed):
        rounds: dict[int, tuple[list[str], list[str]]] = {}
        for row in rows:
            if row.candidate == candidate and row.author in allowed:
                given, ahead = rounds.setdefault(row.round, ([], []))
                (given if here[row.sha256] else ahead).append(row.author)
        counts = [(len(given), round_) for round_, (given, _) in rounds.items()]
        _, best = max(counts, default=(0, 1))
        given, ahead = rounds.get(best, ([], []))
        found.append(
            Tally(
                candidate=candidate,
                round=best,
                given=tuple(given),
                ahead=tuple(ahead),
                needed=endorsements_needed(situation, candidate),
            )
        )
    return found


def _is_signed_still(row: EndorsementRecord, state: ChannelState, at: datetime) -> bool:
    """Tell whether an endorsement could be counted in an opening of now.

    One under a key that was revoked or retired since would void the opening that carries it.
    """
    descriptor = state.descriptor(row.author)
    kid = SignedBundle.read(StixObject.read(row.content)).kid
    key = descriptor.find_key(kid, KeyUse.SIGN) if descriptor is not None else None
    return key is not None and key_in_use(key, read_instant(write_time(at)))


def take_over(session: Session, desk: Desk, record: ChannelRecord, *, now: datetime) -> Judged:
    """Open the next epoch as the successor that enough members endorse.

    Raises:
        ConflictError: not enough do.
        DoubtError: the ledger does not allow it.
    """
    if record.is_ours:
        raise ConflictError("you coordinate this channel already")
    if record.standing is Standing.ENDED:
        raise ConflictError("we are no longer a member of this channel")
    tally = tally_of(session, record, desk.organisation, now=now)
    if not tally.enough:
        raise ConflictError(
            f"{len(tally.given)} of {tally.needed} endorsements are here",
            hint="Ask the other members to endorse you in this round: "
            f"round {tally.round}. Endorse yourself, too.",
        )
    state = get_state(session, record)
    rows = _rows(session, record.id, state.head.epoch + 1, None)
    carried = [
        StixObject.read(row.content)
        for row in rows
        if row.candidate == desk.organisation
        and row.round == tally.round
        and row.author in tally.given
    ]
    judged = open_epoch(
        session,
        desk,
        record,
        opened_by=OpenedBy.SUCCESSION,
        round_=tally.round,
        endorsements=carried,
        now=now,
    )
    offer_again(session, desk, record, now=now)
    return judged


def given_by(session: Session, record: ChannelRecord, author: str) -> list[EndorsementRecord]:
    """Give the endorsements of one member for the next epoch, by round."""
    return _rows(session, record.id, (record.epoch or 0) + 1, author)


def _next_round(ours: Mapping[int, EndorsementRecord], candidate: str) -> int:
    same = [round_ for round_, row in ours.items() if row.candidate == candidate]
    return max(same) if same else max(ours, default=0) + 1


def _rows(
    session: Session, channel: str, epoch: int, author: str | None
) -> list[EndorsementRecord]:
    query = select(EndorsementRecord).where(
        EndorsementRecord.channel == channel, EndorsementRecord.epoch == epoch
    )
    if author is not None:
        query = query.where(EndorsementRecord.author == author)
    order = (EndorsementRecord.round, EndorsementRecord.author)
    return list(session.scalars(query.order_by(*order)))


def _situation(
    session: Session, state: ChannelState, author: str, body: Mapping[str, object], now: datetime
) -> Situation:
    facts = LedgerFacts(session, state.channel)
    return situation_of(state, author, body, facts, write_time(now))


def _check_open(
    session: Session,
    record: ChannelRecord,
    state: ChannelState,
    author: str,
    body: Mapping[str, object],
    now: datetime,
) -> None:
    ruling = rule(
        state.tables, Act.SUCCESSION_ENDORSED, _situation(session, state, author, body, now)
    )
    if not ruling.decision:
        raise DoubtError(Doubt.NOT_PERMITTED, ruling.decision.reason)
    if state.members[author].without_node or author == record.owner:
        raise DoubtError(Doubt.NOT_PERMITTED, "this member has no say in the succession")


def _keep(session: Session, bundle: SignedBundle, *, now: datetime) -> EndorsementRecord:
    body, head = bundle.body, Position.read(bundle.body["head"])
    row = EndorsementRecord(
        channel=bundle.channel,
        epoch=body["epoch"],
        round=body["round"],
        author=bundle.author,
        candidate=body["candidate"],
        head_epoch=head.epoch,
        head_seq=head.seq,
        head_sha256=head.sha256,
        sha256=bundle.sha256,
        content=bundle.stix.content,
        kept_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _send(session: Session, desk: Desk, row: EndorsementRecord, *, now: datetime) -> None:
    """Have an endorsement of ours posted to its candidate; our own we have already."""
    if row.candidate == desk.organisation:
        row.delivered_at = row.delivered_at or now
    if row.delivered_at is None:
        row.refused = None
        subject = f"{row.channel} {row.epoch} {row.round}"
        ask(session, ENDORSE, subject, now=now, lane=f"{ENDORSE} {row.candidate}")


def _keep_proof(
    session: Session,
    record: ChannelRecord,
    held: EndorsementRecord,
    bundle: SignedBundle,
    *,
    now: datetime,
) -> DoubtError:
    """Keep both endorsements of a member that signed two in one round."""
    sentence = (
        f"{bundle.author} endorsed two successors in round {held.round} of epoch {held.epoch}"
    )
    error = DoubtError(Doubt.FORK, sentence)
    for content in (held.content, bundle.stix.content):
        keep_evidence(session, record, error, content, now, name=ENDORSED_TWICE)
    tell(session, "succession.contradicted", record.id, sentence, now=now)
    logger.warning("endorsed twice", extra={"channel": record.id, "author": bundle.author})
    return error

"""What is wrong with a channel, what is kept of it, and what can be chosen.

Source: protocol, 7 (an administrator chooses: retry, endorse a successor, leave) and 11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from federation.branches import endorsements
from federation.identity.node import find_node
from federation.judging.doubt import PLAIN_WORDS, Doubt
from federation.ledgers.branch_records import AbandonedRecord, EndorsementRecord
from federation.ledgers.desk import Desk
from federation.ledgers.ledger_records import (
    ChannelRecord,
    ContributionRecord,
    Delivery,
    EntryRecord,
    EvidenceRecord,
    Standing,
)
from federation.partners.partner_records import PartnerRecord
from hub.accounts.actor import Actor
from hub.channels.names import names_in
from hub.channels.service import get_visible_channel
from hub.community.terms import silence_in
from policies.acts import ChannelKind
from policies.decision import Decision
from policies.errors import ConflictError
from policies.roles import Right

TOLD_AFTER: Final = timedelta(minutes=10)
"""How long something may be missing before people are told. Source: protocol, 7."""
MAX_ABANDONED: Final = 200
STOPPED: Final = (Standing.WAITING, Standing.FROZEN)
_SHARED: Final = (ChannelKind.COMMUNITY, ChannelKind.CASE)


class WayOut(StrEnum):
    """What an administrator can choose."""

    RETRY = "retry"
    ENDORSE = "endorse"
    TAKE_OVER = "take-over"
    REOPEN = "reopen"
    LEAVE = "leave"


@dataclass(frozen=True)
class Evidence:
    """Bytes that are kept as they came, and what they prove."""

    name: str
    sentence: str
    sha256: str
    size_bytes: int
    kept_at: datetime


@dataclass(frozen=True)
class Abandoned:
    """An entry that stood in the history until a new epoch opened on an older head.

    Args:
        fate: what became of it since: whether it stands in the history again, or why not.
    """

    epoch: int
    seq: int
    act: str
    author: str
    author_name: str
    at: datetime
    abandoned_at: datetime
    sha256: str
    fate: str


@dataclass(frozen=True)
class Candidate:
    """A member that could take over, and who endorses it.

    Args:
        by_us: the newest round in which we endorse it.
        undelivered: why its node has not taken our endorsement; empty: it is on its way.
    """

    organisation: str
    name: str
    is_us: bool
    round: int
    given: tuple[str, ...]
    ahead: tuple[str, ...]
    needed: int
    enough: bool
    by_us: int | None
    undelivered: str | None


@dataclass(frozen=True)
class Repair:
    """How a channel stands, for whoever has to mend it.

    Args:
        wrong: what is wrong, in plain words, one sentence each; empty where nothing is.
        call: whom to call: the names of the others, the coordinator first.
        ways: what this person can choose now.
        not_yet: why no successor can be endorsed yet.
    """

    channel: str
    name: str
    standing: Standing
    doubt: str | None
    since: datetime | None
    owner: str
    owner_name: str
    owner_heard_at: datetime | None
    is_ours: bool
    wrong: tuple[str, ...]
    call: tuple[str, ...]
    ways: frozenset[WayOut]
    not_yet: str | None
    evidence: tuple[Evidence, ...]
    abandoned: tuple[Abandoned, ...]
    candidates: tuple[Candidate, ...]


def visible_repair(
    session: Session, desk: Desk, actor: Actor, channel: str, *, now: datetime
) -> Repair:
    """Give what is wrong with a channel, and what this person can do about it.

    Raises:
        NotFoundError: there is none, or this person may not know of it.
    """
    record = get_visible_channel(session, actor, channel)
    names = names_in(session, channel)
    not_yet = _why_not_endorse(session, record, now=now)
    heard = endorsements.heard_of_owner(session, record)
    candidates = _candidates(session, desk, record, names, now=now)
    others = [who for who in joined_in(record) if who not in (desk.organisation, record.owner)]
    owner = [] if record.is_ours else [record.owner]
    return Repair(
        channel=channel,
        name=record.name,
        standing=record.standing,
        doubt=record.doubt,
        since=record.doubted_at,
        owner=record.owner,
        owner_name=names.get(record.owner, record.owner),
        owner_heard_at=heard,
        is_ours=record.is_ours,
        wrong=tuple(_wrongs(session, record, heard, names, now=now)),
        call=tuple(names.get(who, who) for who in [*owner, *others]),
        ways=frozenset(ways_of(actor, record, candidates, not_yet)),
        not_yet=not_yet,
        evidence=tuple(_evidence(session, channel)),
        abandoned=tuple(_abandoned(session, channel, names)),
        candidates=candidates,
    )


def visible_calls(session: Session, actor: Actor) -> Mapping[str, int]:
    """Give the channels that other members want us to take over: channel → how many of them."""
    own = find_node(session)
    if own is None or not actor.may(Right.READ_CHANNELS):
        return {}
    rows = session.execute(
        select(EndorsementRecord.channel, func.count(EndorsementRecord.author.distinct()))
        .join(ChannelRecord, ChannelRecord.id == EndorsementRecord.channel)
        .where(
            EndorsementRecord.candidate == own.organisation,
            EndorsementRecord.author != own.organisation,
            EndorsementRecord.epoch == ChannelRecord.epoch + 1,
            ~ChannelRecord.is_ours,
            ChannelRecord.standing != Standing.ENDED,
        )
        .group_by(EndorsementRecord.channel)
    )
    return {channel: count for channel, count in rows}  # noqa: C416 - rows are no pairs


def may_choose(actor: Actor) -> Decision:
    """Tell whether a person may choose a way out: who settles freezes, or hands over."""
    settles = actor.may(Right.SETTLE_FREEZES)
    return settles or actor.may(Right.HAND_OVER)


def joined_in(record: ChannelRecord) -> list[str]:
    """Give the organisations that are members of a channel now."""
    members = (record.state or {}).get("members", ())
    return [member["organisation"] for member in members if member["state"] == "joined"]


def _is_silent(
    session: Session, record: ChannelRecord, heard: datetime | None, now: datetime
) -> bool:
    if record.is_ours or record.state is None or record.standing is Standing.ENDED:
        return False
    return heard is None or now - heard >= silence_in(session, record.id)


def _wrongs(
    session: Session,
    record: ChannelRecord,
    heard: datetime | None,
    names: Mapping[str, str],
    *,
    now: datetime,
) -> Sequence[str]:
    owner, found = names.get(record.owner, "the coordinator"), []
    means = PLAIN_WORDS[Doubt(record.doubt)] if record.doubt in tuple(Doubt) else ""
    since = record.doubted_at
    if record.standing is Standing.FROZEN:
        found.append(f"It is frozen here: {record.sentence}. {means}")
    elif record.standing is Standing.BEHIND:
        found.append(f"Nobody can write into it now: {record.sentence}.")
    elif record.standing is Standing.WAITING and since and now - since >= TOLD_AFTER:
        found.append(f"Something has not arrived: {record.sentence}. {means}")
    waits = session.scalar(
        select(ContributionRecord.sha256)
        .where(
            ContributionRecord.channel == record.id,
            ContributionRecord.state == Delivery.PENDING,
            ContributionRecord.written_at < now - TOLD_AFTER,
        )
        .limit(1)
    )
    lost = record.kind in _SHARED and _is_silent(session, record, heard, now)
    # An owner that is no partner of ours is heard of when it writes: quiet alone is no trouble.
    asked = session.get(PartnerRecord, record.owner) is not None
    if lost and (asked or waits is not None or record.standing in STOPPED):
        found.append(f"{owner} has not been heard of for more than an hour.")
    return found


def ways_of(
    actor: Actor,
    record: ChannelRecord,
    candidates: Sequence[Candidate],
    not_yet: str | None,
) -> Sequence[WayOut]:
    """Give what a person can choose about a channel now.

    Args:
        not_yet: why no successor can be endorsed yet.
    """
    ways: list[WayOut] = []
    stopped = record.standing in (*STOPPED, Standing.BEHIND)
    if stopped and actor.may(Right.SETTLE_FREEZES):
        ways.append(WayOut.RETRY)
    if not may_choose(actor) or record.state is None or record.standing is Standing.ENDED:
        return ways
    if record.is_ours:
        return [*ways, WayOut.REOPEN]
    if candidates and not_yet is None:
        ways.append(WayOut.ENDORSE)
    if any(one.is_us and one.enough for one in candidates):
        ways.append(WayOut.TAKE_OVER)
    return [*ways, WayOut.LEAVE]


def _why_not_endorse(session: Session, record: ChannelRecord, *, now: datetime) -> str | None:
    if record.is_ours or record.state is None or record.standing is Standing.ENDED:
        return None
    if record.kind not in _SHARED:
        return "a channel of two has no successor: open another"
    try:
        endorsements.reason_to_endorse(
            session, record, silence=silence_in(session, record.id), now=now
        )
    except ConflictError as error:
        return f"{error.message}. {error.hint}"
    return None


def _candidates(
    session: Session,
    desk: Desk,
    record: ChannelRecord,
    names: Mapping[str, str],
    *,
    now: datetime,
) -> tuple[Candidate, ...]:
    shown = record.kind in _SHARED and record.state is not None and not record.is_ours
    if not shown or record.standing is Standing.ENDED:
        return ()
    ours = {row.candidate: row for row in endorsements.given_by(session, record, desk.organisation)}
    found: list[Candidate] = []
    for tally in endorsements.tallies(session, record, now=now):
        organisation = tally.candidate
        row = ours.get(organisation)
        undelivered = None
        if row is not None and row.delivered_at is None:
            undelivered = row.refused or ""
        found.append(
            Candidate(
                organisation=organisation,
                name=names.get(organisation, organisation),
                is_us=organisation == desk.organisation,
                round=tally.round,
                given=tuple(names.get(who, who) for who in tally.given),
                ahead=tuple(names.get(who, who) for who in tally.ahead),
                needed=tally.needed,
                enough=tally.enough,
                by_us=row.round if row is not None else None,
                undelivered=undelivered,
            )
        )
    found.sort(key=lambda one: (-len(one.given), one.name))
    # Where there are two only, nobody can succeed: the other would choose itself.
    return tuple(found) if len(found) > 1 else ()


def _evidence(session: Session, channel: str) -> Sequence[Evidence]:
    rows = session.scalars(
        select(EvidenceRecord)
        .where(EvidenceRecord.channel == channel)
        .order_by(EvidenceRecord.id.desc())
        .limit(MAX_ABANDONED)
    )
    return [
        Evidence(row.doubt, row.sentence, row.sha256, len(row.content), row.kept_at) for row in rows
    ]


def _abandoned(session: Session, channel: str, names: Mapping[str, str]) -> Sequence[Abandoned]:
    rows = session.scalars(
        select(AbandonedRecord)
        .where(AbandonedRecord.channel == channel)
        .order_by(AbandonedRecord.epoch.desc(), AbandonedRecord.seq.desc())
        .limit(MAX_ABANDONED)
    )
    return [
        Abandoned(
            epoch=row.epoch,
            seq=row.seq,
            act=row.act,
            author=row.author,
            author_name=names.get(row.author, row.author),
            at=row.created_at,
            abandoned_at=row.abandoned_at,
            sha256=row.sha256,
            fate=_fate(session, row),
        )
        for row in rows
    ]


def _fate(session: Session, row: AbandonedRecord) -> str:
    """Say what became of an abandoned entry."""
    bundle = row.contribution_sha256 or row.again
    if bundle is not None:
        held = select(EntryRecord.seq).where(
            EntryRecord.channel == row.channel, EntryRecord.contribution_sha256 == bundle
        )
        if session.execute(held).first() is not None:
            return "stands in the history again"
    if row.again is not None:
        return "offered again"
    return row.sentence or "not in the history any more"

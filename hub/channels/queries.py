"""What people see of channels: all reading goes through here, with roles and labels applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, defer

from federation.judging.doubt import PLAIN_WORDS, WHAT_TO_DO, Consequence, Doubt, consequence
from federation.ledgers import outbox
from federation.ledgers.ledger import find_channel
from federation.ledgers.ledger_records import (
    ChannelRecord,
    ContributionRecord,
    CoveredRecord,
    Delivery,
    EntryRecord,
    Standing,
)
from hub.accounts.actor import Actor
from hub.channels.kept_out import WHILE_SUSPENDED, kept_out_of
from hub.channels.records import MemberView
from hub.channels.service import get_visible_channel
from policies.acts import ChannelKind
from policies.lifecycles import CHANNEL
from policies.roles import Right
from policies.tlp import TLP
from sharing import objects
from sharing.records import StoredObject

WHEN_BEHIND: Final = (
    "What is missing is fetched back as soon as a member that holds it can be reached, and writing "
    "goes on by itself. If nobody can give it back, an administrator opens a new epoch."
)


WHEN_OUTDATED: Final = (
    "Nothing more is applied and the evidence is kept. This node is older than the rules of this "
    "channel: have it brought up to date, then try again. Call the other members if that does not "
    "help."
)
WHEN_OURS_IS_FROZEN: Final = (
    "Nothing more is applied and the evidence is kept. Call the other members, then try again, or "
    "open a new epoch on the newest entry that is yours."
)

_CEILING: Final = f"ceiling:{CHANNEL}"
SAID: Final = (
    ChannelRecord.state["parent"].as_string(),
    ChannelRecord.state[("things", _CEILING)].as_string(),
)
"""What a list shows of a channel's state: its parent, its ceiling."""


@dataclass(frozen=True)
class ChannelSummary:
    """A channel in a list.

    Args:
        owner_name: who coordinates it, `None` where nobody told us the name.
        doubt: the failure's name where it waits or is frozen.
    """

    id: str
    kind: ChannelKind
    name: str
    owner: str
    owner_name: str | None
    is_ours: bool
    ceiling: TLP | None
    standing: Standing
    doubt: str | None
    sentence: str | None
    doubted_at: datetime | None
    epoch: int | None
    seq: int | None
    head_sha256: str | None
    head_at: datetime | None
    applied_at: datetime | None
    pending_count: int
    parent: str | None = None
    """The case that it is a breakout of, where we take part in that as well."""
    parent_name: str | None = None


@dataclass(frozen=True)
class PendingRow:
    """A contribution of ours that is not history, or was refused and not seen yet."""

    sha256: str
    channel: str
    nth: int
    act: str
    state: Delivery
    written_by: str
    written_at: datetime
    attempts: int
    doubt: str | None
    sentence: str | None
    what_it_means: str | None
    alarm: bool
    suspended: bool
    """It waits until we are taken back in."""


@dataclass(frozen=True)
class Verification:
    """How far our copy is proven, and what to do where it is not."""

    standing: Standing
    doubt: str | None
    sentence: str | None
    what_it_means: str | None
    way_out: str | None
    since: datetime | None
    entries: int
    voids: int
    withheld: int


def visible_channels(session: Session, actor: Actor) -> list[ChannelSummary]:
    """Give the channels that this person may read, the newest word first; direct ones last."""
    if not actor.may(Right.READ_CHANNELS):
        return []
    return _listed(session)


def visible_stopped(session: Session, actor: Actor) -> list[ChannelSummary]:
    """Give those of them that wait, are behind or are frozen, in the same order."""
    if not actor.may(Right.READ_CHANNELS):
        return []
    stopped = (Standing.WAITING, Standing.BEHIND, Standing.FROZEN)
    return _listed(session, ChannelRecord.standing.in_(stopped))


def _listed(session: Session, *which: ColumnElement[bool]) -> list[ChannelSummary]:
    query = select(ChannelRecord, *SAID).options(defer(ChannelRecord.state))
    rows = [_Shown(*row) for row in session.execute(query.where(*which))]
    if not rows:
        return []
    shown = [one for one in rows if _is_shown(one.record)]
    shown.sort(key=lambda one: one.record.head_at or one.record.opened_at, reverse=True)
    shown.sort(key=lambda one: one.record.kind is ChannelKind.DIRECT)
    owners, pending = _owner_names(session, *which), outbox.count_pending(session)
    names = {one.record.id: one.record.name for one in rows if one.record.head_sha256 is not None}
    return [
        _summary(one, owners.get(one.record.id), pending.get(one.record.id, 0), names)
        for one in shown
    ]


def visible_breakouts(session: Session, actor: Actor, channel: str) -> list[ChannelSummary]:
    """Give the breakouts of a case that we take part in."""
    get_visible_channel(session, actor, channel)
    parent, _ceiling = SAID
    inside = session.scalars(select(ChannelRecord.id).where(parent == channel)).all()
    if not inside:
        return []
    found = _listed(session, ChannelRecord.id.in_([channel, *inside]))
    return [one for one in found if one.parent == channel]


def visible_channels_with(
    session: Session, actor: Actor, organisation: str
) -> list[ChannelSummary]:
    """Give the channels that an organisation owns or takes part in, in the same order."""
    present = set(
        session.scalars(
            select(MemberView.channel).where(
                MemberView.organisation == organisation, MemberView.state == "joined"
            )
        )
    )
    return [
        one
        for one in visible_channels(session, actor)
        if one.owner == organisation or one.id in present
    ]


def get_visible_summary(session: Session, actor: Actor, channel: str) -> ChannelSummary:
    """Give one channel.

    Raises:
        NotFoundError: there is none, or this person may not know of it.
    """
    row = get_visible_channel(session, actor, channel)
    owner = session.get(MemberView, (row.id, row.owner))
    name = owner.name if owner is not None else None
    state = row.state or {}
    shown = _Shown(row, state.get("parent"), state.get("things", {}).get(_CEILING))
    parent = find_channel(session, shown.parent) if shown.parent else None
    known = parent is not None and parent.head_sha256 is not None
    names = {parent.id: parent.name} if parent is not None and known else {}
    return _summary(shown, name, len(outbox.pending(session, row.id)), names)


def visible_pending(
    session: Session, actor: Actor, channel: str | None = None, *, now: datetime
) -> list[PendingRow]:
    """Give what of ours is on its way, and refusals that nobody has seen yet."""
    if not actor.may(Right.READ_CHANNELS):
        return []
    rows = outbox.pending(session, channel)
    kept_out = kept_out_of(session, {row.channel for row in rows})
    return [_pending(row, now, suspended=row.channel in kept_out) for row in rows]


def visible_verification(session: Session, actor: Actor, channel: str) -> Verification:
    """Give how far our copy of a channel is proven."""
    record = get_visible_channel(session, actor, channel)
    doubt = Doubt(record.doubt) if record.doubt is not None else None
    count = select(func.count(), func.count(EntryRecord.void))
    entries, voids = session.execute(count.where(EntryRecord.channel == channel)).one()
    return Verification(
        standing=record.standing,
        doubt=record.doubt,
        sentence=record.sentence,
        what_it_means=PLAIN_WORDS[doubt] if doubt is not None else None,
        way_out=way_out_of(record.standing, doubt, is_ours=record.is_ours),
        since=record.doubted_at,
        entries=entries,
        voids=voids,
        withheld=_count_absent(session, channel),
    )


def way_out_of(standing: Standing, doubt: Doubt | None, *, is_ours: bool) -> str | None:
    """Say what to do about a channel that is stopped; `None` where nothing is to be done.

    Args:
        doubt: what it waits for, or is frozen for.
        is_ours: we coordinate it: nobody succeeds us here, and we do not leave.
    """
    if standing is Standing.BEHIND:
        return WHEN_BEHIND
    if doubt is None:
        return None
    follows = consequence(doubt)
    if follows is not Consequence.FREEZE:
        return WHAT_TO_DO[follows]
    if doubt is Doubt.UNKNOWN_ACT:
        return WHEN_OUTDATED
    return WHEN_OURS_IS_FROZEN if is_ours else WHAT_TO_DO[follows]


def _is_shown(row: ChannelRecord) -> bool:
    """Leave out what came unasked and was not taken."""
    unread = row.head_sha256 is None and row.genesis is None
    return not (row.standing is Standing.ENDED and unread)


def _owner_names(session: Session, *which: ColumnElement[bool]) -> dict[str, str | None]:
    """Give channel → the name of its owner, for all of these channels in one look-up."""
    query = select(ChannelRecord.id, MemberView.name).join(
        MemberView,
        (MemberView.channel == ChannelRecord.id) & (MemberView.organisation == ChannelRecord.owner),
    )
    return {row.id: row.name for row in session.execute(query.where(*which))}


@dataclass(frozen=True)
class _Shown:
    """A channel with the little of its state that a list shows; the whole is long, and stays."""

    record: ChannelRecord
    parent: str | None
    ceiling: str | None


def _summary(
    shown: _Shown, owner_name: str | None, pending_count: int, parents: Mapping[str, str]
) -> ChannelSummary:
    row, ceiling = shown.record, shown.ceiling
    parent = shown.parent if shown.parent in parents else None
    return ChannelSummary(
        id=row.id,
        kind=row.kind,
        name=row.name or "not read yet",
        owner=row.owner,
        owner_name=owner_name,
        is_ours=row.is_ours,
        ceiling=TLP(ceiling) if ceiling is not None else None,
        standing=row.standing,
        doubt=row.doubt,
        sentence=row.sentence,
        doubted_at=row.doubted_at,
        epoch=row.epoch,
        seq=row.seq,
        head_sha256=row.head_sha256,
        head_at=row.head_at,
        applied_at=row.applied_at,
        pending_count=pending_count,
        parent=parent,
        parent_name=parents[parent] if parent is not None else None,
    )


def _pending(row: ContributionRecord, now: datetime, *, suspended: bool) -> PendingRow:
    known, waits = row.doubt in tuple(Doubt), suspended and row.state is Delivery.PENDING
    return PendingRow(
        sha256=row.sha256,
        channel=row.channel,
        nth=row.nth,
        act=row.act,
        state=row.state,
        written_by=row.written_by,
        written_at=row.written_at,
        attempts=row.attempts,
        doubt=row.doubt,
        sentence=WHILE_SUSPENDED if waits else row.sentence,
        what_it_means=PLAIN_WORDS[Doubt(row.doubt)] if known and row.doubt else None,
        alarm=outbox.is_withheld_by_owner(row, now),
        suspended=waits,
    )


def _count_absent(session: Session, channel: str) -> int:
    """Count the contents that were covered and neither recalled nor kept here."""
    kept = exists().where(StoredObject.sha256 == CoveredRecord.sha256)
    count = select(func.count(CoveredRecord.sha256.distinct())).where(
        CoveredRecord.channel == channel,
        ~CoveredRecord.recalled,
        CoveredRecord.ref.not_like(f"{objects.SIGNED_BUNDLE}--%"),
        ~kept,
    )
    return session.scalar(count) or 0

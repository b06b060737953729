"""Cases as a person may see them: where they stand, and who says what.

Source: domain, 2 and 8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, defer

from federation.ledgers.ledger import get_state
from federation.ledgers.ledger_records import ChannelRecord, Standing
from hub.accounts.actor import Actor
from hub.cases.heard import heard_alone, heard_openly, placed, possible_figures
from hub.cases.records import CaseView, CaseWords, OwnWordView
from hub.cases.told import Mark, marks_in
from hub.channels.history import READERS_OF_RED
from hub.channels.records import MemberView
from hub.channels.service import get_visible_channel
from policies.acts import Act, ChannelKind
from policies.assessment import Assessment, ResponseState
from policies.errors import NotFoundError
from policies.figures import Figure
from policies.matrix import Level
from policies.roles import Right, Role, takes_part
from policies.tlp import TLP
from sharing.db import once

KEPT_CLOSE: Final = "for coordinators and handlers"
WAITING: Final = 50
WORDS_SHOWN: Final = 200


@dataclass(frozen=True)
class CaseSummary:
    """A case in a list and at the head of its room."""

    channel: str
    title: str
    text: str | None
    tlp: TLP
    state: str
    crisis: bool
    exercise: bool
    severity: Level | None
    derived: Level | None
    control: str | None
    is_ours: bool
    owner: str
    owner_name: str
    review_at: datetime | None
    joined_at: datetime | None
    opened_at: datetime
    changed_at: datetime
    figures: tuple[Figure, ...]
    """None in a list."""


@dataclass(frozen=True)
class OrganisationRow:
    """One organisation in the assessment matrix.

    Args:
        stated: what it stated openly; `None` where it has not answered.
        alone: it has told us, the coordinator, something alone.
        stated_alone: what that is; `None` for everybody else.
        response_told: where `response` is the coordinator's word on its behalf; `stated_told`
            likewise.
        suspended: it gets and writes nothing for now; its place it keeps.
    """

    organisation: str
    name: str
    roles: tuple[str, ...]
    is_us: bool
    takes_part: bool
    response: ResponseState | None
    since: datetime | None
    since_earliest: datetime | None
    responded_at: datetime | None
    stated: Assessment | None
    assessed_at: datetime | None
    relayed: bool
    response_alone: ResponseState | None = None
    stated_alone: Assessment | None = None
    has_node: bool = True
    response_told: Mark | None = None
    stated_told: Mark | None = None
    suspended: bool = False

    @property
    def coordinates(self) -> bool:
        """Tell whether it is the coordinator."""
        return Role.COORDINATOR.value in self.roles

    @property
    def is_silent(self) -> bool:
        """Tell whether nothing has been heard from it, openly or alone."""
        heard = (self.response, self.stated, self.response_alone, self.stated_alone)
        return self.takes_part and all(one is None for one in heard)


@dataclass(frozen=True)
class Words:
    """What was said with an act."""

    about: str
    author: str
    author_name: str
    act: str
    text: str | None
    tlp: TLP
    at: datetime
    behalf: str | None = None
    """Whom the coordinator wrote it down for."""


def get_case_row(session: Session, actor: Actor, channel: str) -> CaseView:
    """Give a case that this actor may know of.

    Raises:
        NotFoundError: there is none, or the actor may not know of it.
    """
    get_visible_channel(session, actor, channel)
    row = session.get(CaseView, channel)
    if row is None:
        raise NotFoundError("there is no such case")
    return row


def has_room(session: Session, channel: str) -> bool:
    """Tell whether a case was opened in a channel."""
    return session.get(CaseView, channel) is not None


def is_coming(session: Session, actor: Actor, channel: str) -> bool | None:
    """Tell whether a case that has no room here is one that we have just joined.

    Returns:
        `None` where it has its room, or is no case; `False` for a channel in which none was opened.

    Raises:
        NotFoundError: there is no such channel, or the actor may not know of it.
    """
    record = get_visible_channel(session, actor, channel)
    if record.kind is not ChannelKind.CASE or has_room(session, channel):
        return None
    return record.standing is Standing.JOINING


def visible_cases(
    session: Session,
    actor: Actor,
    *,
    after: tuple[datetime, str] | None = None,
    limit: int | None = None,
) -> list[CaseSummary]:
    """Give cases, the newest changed first.

    Args:
        after: when the last one of the page before changed, and its channel.
        limit: how many at most; all where none is given.
    """
    if not actor.may(Right.READ_CHANNELS):
        return []
    query = (
        select(CaseView, ChannelRecord, MemberView.name)
        .join(ChannelRecord, ChannelRecord.id == CaseView.channel)
        .outerjoin(
            MemberView,
            and_(
                MemberView.channel == CaseView.channel,
                MemberView.organisation == ChannelRecord.owner,
            ),
        )
        # The whole state of a channel is long, and a list shows none of it.
        .options(defer(ChannelRecord.state))
        .order_by(CaseView.changed_at.desc(), CaseView.channel)
        .limit(limit)
    )
    if after is not None:
        changed_at, channel = after
        same = and_(CaseView.changed_at == changed_at, CaseView.channel > channel)
        query = query.where(or_(CaseView.changed_at < changed_at, same))
    return [
        _summary(actor, case, record, {(case.channel, record.owner): owner or record.owner})
        for case, record, owner in session.execute(query)
    ]


def get_visible_case(session: Session, actor: Actor, channel: str) -> CaseSummary:
    """Give one case.

    Raises:
        NotFoundError: there is none, or the actor may not know of it.
    """
    row = get_case_row(session, actor, channel)
    record = get_visible_channel(session, actor, channel)
    summary = _summary(actor, row, record, names_of(session, [channel]))
    figures = possible_figures(get_state(session, record), row.figures)
    return replace(summary, figures=figures)


def visible_organisations(
    session: Session, actor: Actor, channel: str, *, us: str
) -> list[OrganisationRow]:
    """Give each member, and what it states; what was told us alone only to whom may answer."""
    record = get_visible_channel(session, actor, channel)
    state = get_state(session, record)
    names = names_of(session, [channel])
    openly = {one.organisation: one for one in heard_openly(session, state)}
    may_read = record.is_ours and bool(actor.roles & READERS_OF_RED)
    alone = {
        one.organisation: one
        for one in heard_alone(session, state)
        if may_read or one.organisation == us
    }
    marks = marks_in(session, channel)
    rows = []
    for who, roles in sorted(
        placed(state).items(), key=lambda one: names.get((channel, one[0]), "")
    ):
        said, told = openly.get(who), alone.get(who)
        responded = marks.get(said.responded_in or "") if said else None
        assessed = marks.get(said.assessed_in or "") if said else None
        rows.append(
            OrganisationRow(
                organisation=who,
                name=names.get((channel, who), who),
                roles=tuple(sorted(role.value for role in roles)),
                is_us=who == us,
                takes_part=takes_part(roles),
                response=said.response if said else None,
                since=said.since if said else None,
                since_earliest=said.since_earliest if said else None,
                responded_at=said.responded_at if said else None,
                stated=said.stated if said else None,
                assessed_at=said.assessed_at if said else None,
                relayed=responded is not None or assessed is not None,
                response_alone=told.response if told else None,
                stated_alone=told.stated if told else None,
                has_node=not state.members[who].without_node,
                response_told=responded,
                stated_told=assessed,
                suspended=who not in state.joined,
            )
        )
    return rows


def visible_case_words(
    session: Session,
    actor: Actor,
    channel: str,
    *,
    act: Act | None = None,
    limit: int = WORDS_SHOWN,
) -> list[Words]:
    """Give what was said with the acts of a case, in order.

    Args:
        act: with this one alone.
        limit: how many at most; the newest are given.
    """
    get_visible_channel(session, actor, channel)
    names = names_of(session, [channel])
    marks = marks_in(session, channel)
    rows = session.scalars(
        select(CaseWords)
        .where(CaseWords.channel == channel, *([CaseWords.act == act] if act else []))
        .order_by(CaseWords.said_at.desc(), CaseWords.bundle.desc())
        .limit(limit)
    ).all()
    return [
        Words(
            about=row.about,
            author=row.author,
            author_name=names.get((channel, row.author), row.author),
            act=row.act,
            text=row.text if may_read(actor, row.tlp) else KEPT_CLOSE,
            tlp=row.tlp,
            at=row.said_at,
            behalf=_called(names, channel, marks.get(row.bundle)),
        )
        for row in reversed(rows)
    ]


def visible_unstated(session: Session, actor: Actor, *, us: str) -> list[CaseSummary]:
    """Give the cases under way in which nothing was heard of us so far."""
    if not actor.may(Right.CONTRIBUTE):
        return []
    ours = select(ChannelRecord.id).where(ChannelRecord.owner == us)
    spoken = exists().where(
        OwnWordView.case == CaseView.channel,
        OwnWordView.organisation == us,
        ~OwnWordView.alone | OwnWordView.channel.in_(ours),
    )
    part = select(MemberView.channel).where(
        MemberView.organisation == us, MemberView.state == "joined"
    )
    rows = session.execute(
        select(CaseView, ChannelRecord)
        .join(ChannelRecord, ChannelRecord.id == CaseView.channel)
        .where(
            CaseView.state.in_(("assessment", "response")),
            CaseView.channel.in_(part),
            ChannelRecord.owner != us,
            ~spoken,
        )
        .order_by(CaseView.opened_at)
        .limit(WAITING)
    ).all()
    names = names_of(session, [case.channel for case, _ in rows])
    return [_summary(actor, case, record, names) for case, record in rows]


def _called(names: Mapping[tuple[str, str], str], channel: str, mark: Mark | None) -> str | None:
    return None if mark is None else names.get((channel, mark.organisation), mark.organisation)


def _summary(
    actor: Actor,
    case: CaseView,
    record: ChannelRecord,
    names: Mapping[tuple[str, str], str],
) -> CaseSummary:
    readable = may_read(actor, case.tlp)
    return CaseSummary(
        channel=case.channel,
        title=(case.title or record.name) if readable else KEPT_CLOSE,
        text=case.text if readable else None,
        tlp=case.tlp,
        state=case.state,
        crisis=case.crisis,
        exercise=case.exercise,
        severity=case.severity,
        derived=Level.of(case.derived) if case.derived else None,
        control=case.control,
        is_ours=record.is_ours,
        owner=record.owner,
        owner_name=names.get((case.channel, record.owner), record.owner),
        review_at=case.review_at,
        joined_at=case.joined_at,
        opened_at=case.opened_at,
        changed_at=case.changed_at,
        figures=(),
    )


def names_of(session: Session, channels: Sequence[str]) -> Mapping[tuple[str, str], str]:
    """Give (channel, organisation) → name, for the members of channels."""
    return (
        once(session, ("called", *channels), lambda: _names_of(session, channels))
        if channels
        else {}
    )


def _names_of(session: Session, channels: Sequence[str]) -> Mapping[tuple[str, str], str]:
    rows = session.execute(
        select(MemberView.channel, MemberView.organisation, MemberView.name).where(
            MemberView.channel.in_(channels)
        )
    )
    return {(channel, who): name or who for channel, who, name in rows}


def may_read(actor: Actor, tlp: TLP) -> bool:
    """Tell whether a person reads what has this label."""
    return tlp is not TLP.RED or bool(actor.roles & READERS_OF_RED)

"""The directory as a person may read it: who is on duty now, and how to reach whom.

Source: domain, 1 (*Three in the morning*) and 8 (*Community*).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from federation.ledgers.ledger_records import ChannelRecord, Standing
from hub.accounts.actor import Actor
from hub.calls.records import CallAnswer, CalledMember, IssuedCall
from hub.channels.history import READERS_OF_RED
from hub.channels.names import UNNAMED
from hub.channels.records import MemberView
from hub.channels.relay import known_names
from hub.channels.service import get_visible_channel
from hub.community.directory_records import ContactPoint, DescribedMember
from hub.community.directory_statement import StatedConstituency, read_constituency
from policies.acts import Act, ChannelKind
from policies.calls import CallKind, minutes_of
from policies.directory import (
    Duty,
    Freshness,
    Hours,
    OnDuty,
    Way,
    WayKind,
    freshness_of,
    in_calling_order,
    link_of,
    next_on_duty,
    on_duty,
    to_call,
)
from policies.errors import NotFoundError
from policies.roles import Right
from policies.tlp import TLP

KEPT_CLOSE: Final = "for coordinators and handlers"
NOT_HERE: Final = "its words are not here"
_SHARED: Final = (ChannelKind.COMMUNITY, ChannelKind.CASE)
_PRESENT: Final = ("joined", "suspended")


@dataclass(frozen=True)
class Reach:
    """One way to reach somebody.

    Args:
        words: a number, an address; `None` where this person may not read it or it is not here.
        link: what a program opens, where the words are such an address.
    """

    kind: WayKind
    words: str | None
    link: str | None
    out_of_band: bool
    ceiling: TLP | None


@dataclass(frozen=True)
class Contact:
    """A contact point, as it stands now.

    Args:
        name: why it is not shown, where this person may not read it or it is not here.
        order: when its turn comes; 1 is called first.
        hours: `None` for always.
        next_at: when it is on duty next, where it is not now.
        ways: those that work where the organisation's own systems are down come first.
    """

    organisation: str
    ref: str
    name: str
    is_readable: bool
    duty: Duty
    order: int
    hours: Hours | None
    on_duty: OnDuty
    next_at: datetime | None
    freshness: Freshness
    verified_at: datetime | None
    ways: tuple[Reach, ...]
    tlp: TLP
    channel: str
    channel_name: str

    @property
    def is_on_duty(self) -> bool:
        """Tell whether it is on duty now."""
        return self.on_duty is OnDuty.YES


@dataclass(frozen=True)
class Reached:
    """When an organisation last answered a check of the communication, by ledger time."""

    at: datetime
    minutes: int
    way: str
    relayed: bool


@dataclass(frozen=True)
class Listed:
    """One organisation in a directory.

    Args:
        own_name: as we alone know it.
        private: our own note of how to reach it; never sent.
        by_name: who said it, where that was not the organisation itself.
        described_at: when it was said; none where nothing was said so far.
        contacts: in the order in which to call them.
        reached: by the newest check of this channel that it answered.
    """

    organisation: str
    name: str
    own_name: str | None
    private: str | None
    is_us: bool
    roles: tuple[str, ...]
    membership: str
    without_node: bool
    described_at: datetime | None
    by_name: str | None
    contacts: tuple[Contact, ...]
    constituency: StatedConstituency | None
    tlp: TLP | None
    reached: Reached | None

    @property
    def has_somebody_on_duty(self) -> bool:
        """Tell whether somebody of it is on duty now."""
        return any(one.is_on_duty for one in self.contacts)

    @property
    def place(self) -> tuple[int, int, str, str]:
        """Where it stands in a list: those with somebody on duty now come first."""
        idle, unsaid = int(not self.has_somebody_on_duty), int(not self.contacts)
        return idle, unsaid, self.name.lower(), self.organisation

    @property
    def is_stale(self) -> bool:
        """Tell whether something that it said should be asked anew."""
        return any(one.freshness is not Freshness.FRESH for one in self.contacts)


@dataclass(frozen=True)
class People:
    """Whom to call at an organisation about an incident, in order."""

    organisation: str
    name: str
    people: tuple[Contact, ...]


def visible_directory(
    session: Session,
    actor: Actor,
    channel: str,
    *,
    us: str,
    now: datetime,
    name: str | None = None,
) -> list[Listed]:
    """Give how to reach each member of a channel, those with somebody on duty now first.

    Args:
        name: part of the name of an organisation or of a contact point.

    Raises:
        NotFoundError: there is no such channel, or it has no directory.
    """
    record = get_visible_channel(session, actor, channel)
    if record.kind not in _SHARED:
        raise NotFoundError("there is no such directory")
    members = session.scalars(
        select(MemberView).where(MemberView.channel == channel, MemberView.state.in_(_PRESENT))
    ).all()
    described = {
        row.organisation: row
        for row in session.scalars(
            select(DescribedMember).where(DescribedMember.channel == channel)
        )
    }
    points: dict[str, list[ContactPoint]] = {}
    for point in session.scalars(
        select(ContactPoint).where(ContactPoint.channel == channel).order_by(ContactPoint.place)
    ):
        points.setdefault(point.organisation, []).append(point)
    names = {row.organisation: _name(row) for row in members}
    absent, reached = known_names(session, actor, channel), _reached(session, channel)
    found = []
    for row in members:
        said, known = described.get(row.organisation), absent.get(row.organisation)
        contacts = [
            _contact(actor, one, record.name, now) for one in points.get(row.organisation, ())
        ]
        called = names[row.organisation]
        by = said.author if said is not None and said.author != row.organisation else None
        found.append(
            Listed(
                organisation=row.organisation,
                name=called,
                own_name=known.name if known is not None and known.name != called else None,
                private=known.contact if known is not None else None,
                is_us=row.organisation == us,
                roles=tuple(row.roles),
                membership=row.state,
                without_node=row.without_node,
                described_at=said.described_at if said is not None else None,
                by_name=names.get(by, by) if by is not None else None,
                contacts=tuple(in_calling_order(contacts, now)),
                constituency=_constituency(actor, said),
                tlp=said.tlp if said is not None else None,
                reached=reached.get(row.organisation),
            )
        )
    if name:
        found = [one for one in found if _is_named(one, name)]
    found.sort(key=lambda one: one.place)
    return found


def visible_contacts(
    session: Session,
    actor: Actor,
    organisations: Collection[str],
    *,
    us: str,
    now: datetime,
) -> Mapping[str, tuple[Contact, ...]]:
    """Give whom to call about an incident at each of these organisations, in order.

    From any community or case that we share with them: the newest statement of which this person
    may read something. Who is named by nobody is left out.
    """
    if not organisations or not actor.may(Right.READ_CHANNELS):
        return {}
    ours = aliased(MemberView)
    rows = session.execute(
        select(ContactPoint, ChannelRecord.name, DescribedMember.described_at)
        .join(ChannelRecord, ChannelRecord.id == ContactPoint.channel)
        .join(
            DescribedMember,
            (DescribedMember.channel == ContactPoint.channel)
            & (DescribedMember.organisation == ContactPoint.organisation),
        )
        .join(
            MemberView,
            (MemberView.channel == ContactPoint.channel)
            & (MemberView.organisation == ContactPoint.organisation),
        )
        .where(
            ContactPoint.organisation.in_(organisations),
            MemberView.state.in_(_PRESENT),
            ChannelRecord.kind.in_(_SHARED),
            ChannelRecord.standing != Standing.ENDED,
            exists().where(
                ours.channel == ContactPoint.channel,
                ours.organisation == us,
                ours.state == "joined",
            ),
        )
        .order_by(DescribedMember.described_at.desc(), ContactPoint.channel, ContactPoint.place)
    )
    said: dict[str, dict[str, list[Contact]]] = {}
    for point, channel_name, _ in rows:
        contact = _contact(actor, point, channel_name, now)
        if contact.is_readable:
            by_channel = said.setdefault(point.organisation, {})
            by_channel.setdefault(point.channel, []).append(contact)
    return {
        organisation: tuple(to_call(next(iter(by_channel.values())), now))
        for organisation, by_channel in said.items()
    }


def visible_people(
    session: Session, actor: Actor, channel: str, *, us: str, now: datetime
) -> list[People]:
    """Give whom to call at each other member of a channel, from all that we share with it.

    Raises:
        NotFoundError: there is no such channel, or it has no directory.
    """
    listed = visible_directory(session, actor, channel, us=us, now=now)
    others = [one for one in listed if not one.is_us]
    called = [one.organisation for one in others]
    found = visible_contacts(session, actor, called, us=us, now=now)
    return [
        People(one.organisation, one.name, found.get(one.organisation, ()))
        for one in sorted(others, key=lambda one: (one.name.lower(), one.organisation))
    ]


def _contact(actor: Actor, row: ContactPoint, channel_name: str, now: datetime) -> Contact:
    may_read, hours = _may_read(actor, row.tlp), Hours.read(row.hours)
    lines: Sequence[str] = row.lines or ()
    shown = may_read and row.name is not None
    ways = [
        _reach(way, line if shown else "")
        for way, line in zip(
            (Way.read(one) for one in row.ways), [*lines, *[""] * len(row.ways)], strict=False
        )
    ]
    state = on_duty(hours, now)
    return Contact(
        organisation=row.organisation,
        ref=row.ref,
        name=(row.name or NOT_HERE) if may_read else KEPT_CLOSE,
        is_readable=shown,
        duty=row.duty,
        order=row.escalation,
        hours=hours,
        on_duty=state,
        next_at=next_on_duty(hours, now) if state is OnDuty.NO else None,
        freshness=freshness_of(row.verified_at, now),
        verified_at=row.verified_at,
        ways=tuple(sorted(ways, key=lambda one: not one.out_of_band)),
        tlp=row.tlp,
        channel=row.channel,
        channel_name=channel_name,
    )


def _reach(way: Way, line: str) -> Reach:
    return Reach(way.kind, line or None, link_of(way.kind, line), way.out_of_band, way.ceiling)


def _constituency(actor: Actor, row: DescribedMember | None) -> StatedConstituency | None:
    if row is None or row.constituency is None:
        return None
    facts = {"ref": row.constituency, "sectors": row.sectors, "as_numbers": row.as_numbers}
    return read_constituency(facts, row.text or "" if _may_read(actor, row.tlp) else "")


def _reached(session: Session, channel: str) -> dict[str, Reached]:
    """Give the newest check that each has answered, and how long its first answer took."""
    rows = session.execute(
        select(CallAnswer, CalledMember.asked_at)
        .join(
            IssuedCall,
            (IssuedCall.channel == CallAnswer.channel) & (IssuedCall.ref == CallAnswer.ref),
        )
        .join(
            CalledMember,
            (CalledMember.channel == CallAnswer.channel)
            & (CalledMember.ref == CallAnswer.ref)
            & (CalledMember.organisation == CallAnswer.organisation),
        )
        .where(
            CallAnswer.channel == channel,
            CallAnswer.act == Act.CHECK_ACKNOWLEDGED.value,
            IssuedCall.kind == CallKind.CHECK,
        )
        .order_by(IssuedCall.issued_at, CallAnswer.epoch.desc(), CallAnswer.seq.desc())
    )
    # The last to be written here is the first answer to the newest check.
    return {
        answer.organisation: Reached(
            at=answer.answered_at,
            minutes=minutes_of(answer.answered_at - asked_at),
            way=answer.way,
            relayed=answer.relayed,
        )
        for answer, asked_at in rows
    }


def _name(row: MemberView) -> str:
    return row.name or (UNNAMED if row.without_node else row.organisation)


def _is_named(one: Listed, name: str) -> bool:
    wanted = name.strip().casefold()
    told = [one.name, one.own_name or "", *(point.name for point in one.contacts)]
    return any(wanted in text.casefold() for text in told)


def _may_read(actor: Actor, tlp: TLP) -> bool:
    return tlp is not TLP.RED or bool(actor.roles & READERS_OF_RED)

"""Saying how to reach an organisation: one's own, or one for which the coordinator speaks.

Each act states the whole anew. What is changed is changed in the newest that this node knows of,
what waits in the outbox included, so that nothing is lost while the coordinator can't be reached.

Source: domain, 2 (*Plan and prepare*); lifecycles, 1 (rule 6) and 13.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.ledgers import outbox
from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_state
from federation.ledgers.ledger_records import ContributionRecord, CoveredRecord, Delivery
from hub.accounts.actor import Actor
from hub.channels import relay as relaying
from hub.channels import service
from hub.channels.names import UNNAMED, names_in
from hub.channels.relay import Told
from hub.community.directory_records import ContactPoint, DescribedMember
from hub.community.directory_statement import (
    StatedConstituency,
    StatedPoint,
    Statement,
    read_constituency,
    read_statement,
)
from hub.community.directory_writing import Writer
from policies.acts import ACTS, Act, ChannelKind
from policies.directory import Hours, Way
from policies.errors import ConflictError, InvalidError, NotFoundError
from policies.tlp import TLP
from sharing import objects
from sharing.objects import StixObject

MAX_POINTS: Final = 50
_SHARED: Final = (ChannelKind.COMMUNITY, ChannelKind.CASE)


@dataclass(frozen=True)
class Whom:
    """Of whom something is stated.

    Args:
        organisation: none for our own.
        told: how it came, where we speak for another.
    """

    organisation: str | None = None
    told: Told | None = None


OURSELVES: Final = Whom()
Where: TypeAlias = tuple[Session, Desk, Actor, str]
"""What every service here begins with; the last is the channel's id."""


def describe(  # noqa: PLR0913 - what is stated, of whom and for whose eyes
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    points: Sequence[StatedPoint],
    constituency: StatedConstituency | None = None,
    whom: Whom = OURSELVES,
    tlp: TLP | None = None,
    now: datetime,
) -> Written:
    """State how to reach an organisation, in place of all that was stated before.

    Args:
        points: those with a `ref` of the newest statement are new versions of it.
        constituency: for whom it answers; nothing is said where it is left out.
        tlp: the label of names and numbers; the channel's ceiling where none is given.

    Raises:
        ForbiddenError: the actor may not, or this label does not go with the channel.
        NotFoundError: there is no such channel, or the organisation has no part in it.
        InvalidError: a name, a number, hours or a fact can't be used.
        ConflictError: this is no community or case, or we speak for whose node can write.
    """
    before, known = _newest(session, desk, actor, channel, whom)
    statement = Statement(tuple(points), constituency, tlp)
    return _say(session, desk, actor, channel, whom, statement, before, known, now)


def set_point(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    point: StatedPoint,
    *,
    whom: Whom = OURSELVES,
    tlp: TLP | None = None,
    now: datetime,
) -> Written:
    """Add a contact point, or put it in the place of the one whose `ref` it has.

    Raises:
        NotFoundError: there is no such channel, or no such contact point any more.
    """

    def change(points: Sequence[StatedPoint]) -> list[StatedPoint]:
        if point.ref is None:
            return [*points, point]
        _require(points, point.ref)
        return [point if one.ref == point.ref else one for one in points]

    return _change(session, desk, actor, channel, whom, change, tlp=tlp, now=now)


def remove_point(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    ref: str,
    *,
    whom: Whom = OURSELVES,
    now: datetime,
) -> Written:
    """Take a contact point back.

    Raises:
        NotFoundError: there is no such channel, or no such contact point any more.
    """

    def change(points: Sequence[StatedPoint]) -> list[StatedPoint]:
        _require(points, ref)
        return [one for one in points if one.ref != ref]

    return _change(session, desk, actor, channel, whom, change, now=now)


def verify(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    refs: Sequence[str] = (),
    whom: Whom = OURSELVES,
    now: datetime,
) -> Written:
    """Say that contact points are still right.

    Args:
        refs: which; all, where none is named.

    Raises:
        NotFoundError: there is no such channel, or no such contact point any more.
    """

    def change(points: Sequence[StatedPoint]) -> list[StatedPoint]:
        for ref in refs:
            _require(points, ref)
        if not points:
            raise ConflictError("no contact point was named so far")
        named = frozenset(refs)
        return [
            replace(one, verified_at=now) if not named or one.ref in named else one
            for one in points
        ]

    return _change(session, desk, actor, channel, whom, change, now=now)


def set_constituency(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    constituency: StatedConstituency,
    *,
    whom: Whom = OURSELVES,
    now: datetime,
) -> Written:
    """Say for whom an organisation answers; its contact points stay as they are."""
    before, known = _newest(session, desk, actor, channel, whom)
    statement = replace(before, points=_whole(before.points), constituency=constituency)
    return _say(session, desk, actor, channel, whom, statement, before, known, now)


def newest_statement(session: Session, channel: str, organisation: str, *, us: str) -> Statement:
    """Give the newest that this node knows was stated, ours that waits included.

    It is for whoever states it anew: what a person may read of it is for the caller to ask.
    """
    waiting = _waiting(session, channel) if organisation == us else None
    if waiting is not None:
        return _read_waiting(session, waiting, us)[0]
    row = session.get(DescribedMember, (channel, organisation))
    if row is None:
        return Statement()
    points = session.scalars(
        select(ContactPoint)
        .where(ContactPoint.channel == channel, ContactPoint.organisation == organisation)
        .order_by(ContactPoint.place)
    ).all()
    facts = {"ref": row.constituency, "sectors": row.sectors, "as_numbers": row.as_numbers}
    return Statement(
        points=tuple(_stated(one) for one in points),
        constituency=read_constituency(facts, row.text or "") if row.constituency else None,
        tlp=next((one.tlp for one in points), row.tlp if row.constituency else None),
    )


def _stated(row: ContactPoint) -> StatedPoint:
    return StatedPoint(
        name=row.name,
        ways=tuple(Way.read(way) for way in row.ways),
        lines=tuple(row.lines or ()),
        duty=row.duty,
        order=row.escalation,
        hours=Hours.read(row.hours),
        verified_at=row.verified_at,
        ref=row.ref,
    )


def _change(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    whom: Whom,
    change: Callable[[Sequence[StatedPoint]], list[StatedPoint]],
    *,
    tlp: TLP | None = None,
    now: datetime,
) -> Written:
    before, known = _newest(session, desk, actor, channel, whom)
    points = tuple(change(_whole(before.points)))
    statement = Statement(points, before.constituency, tlp or before.tlp)
    return _say(session, desk, actor, channel, whom, statement, before, known, now)


def _newest(
    session: Session, desk: Desk, actor: Actor, channel: str, whom: Whom
) -> tuple[Statement, Mapping[str, StixObject]]:
    """Give the newest statement, and those objects of ours that it stands on."""
    actor.may(ACTS[Act.MEMBER_DESCRIBED].right).enforce()
    record = service.get_visible_channel(session, actor, channel)
    if record.kind not in _SHARED:
        raise ConflictError("a community or a case has a directory; a direct channel has none")
    us = desk.organisation
    organisation = whom.organisation or us
    statement = newest_statement(session, channel, organisation, us=us)
    waiting = _waiting(session, channel) if organisation == us else None
    known = _read_waiting(session, waiting, us)[1] if waiting is not None else {}
    refs = [point.ref for point in statement.points]
    refs += [statement.constituency.ref] if statement.constituency is not None else []
    missing = [ref for ref in refs if ref is not None and ref not in known]
    return statement, {**_held(session, channel, missing, us), **known}


def _say(  # noqa: PLR0913, PLR0917 - what is stated, of whom, and what was before
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    whom: Whom,
    statement: Statement,
    before: Statement,
    known: Mapping[str, StixObject],
    now: datetime,
) -> Written:
    if len(statement.points) > MAX_POINTS:
        raise InvalidError(f"more than {MAX_POINTS} contact points", field="points")
    record = service.get_visible_channel(session, actor, channel)
    label = statement.tlp or get_state(session, record).ceiling
    writer = Writer(desk.organisation, known, label, now)
    body: dict[str, Any] = {
        "points": [writer.point(point, place) for place, point in enumerate(statement.points)]
    }
    facts = statement.constituency
    if facts is not None and not facts.is_empty:
        name = names_in(session, channel).get(whom.organisation or desk.organisation, UNNAMED)
        body["constituency"] = writer.constituency(facts, before, name)
    new = writer.written()
    act = Act.MEMBER_DESCRIBED
    organisation = whom.organisation
    if organisation is None or organisation == desk.organisation:
        return service.write(session, desk, actor, channel, act, body, new, now=now)
    if whom.told is None:
        raise InvalidError("say who told you, and how", field="way")
    return relaying.relay(
        session,
        desk,
        actor,
        channel,
        organisation=organisation,
        act=act,
        told=whom.told,
        objects=new,
        body=body,
        tlp=label,
        now=now,
    )


def _whole(points: Sequence[StatedPoint]) -> tuple[StatedPoint, ...]:
    """Leave out those whose words were taken back: there is nothing to state anew."""
    return tuple(one for one in points if one.name is not None and all(one.lines))


def _require(points: Sequence[StatedPoint], ref: str) -> None:
    if ref not in {one.ref for one in points}:
        raise NotFoundError("there is no such contact point any more", field="point")


def _waiting(session: Session, channel: str) -> ContributionRecord | None:
    """Give the newest statement of ours that is not history yet and was not refused."""
    waiting = [
        row
        for row in outbox.pending(session, channel)
        if row.act == Act.MEMBER_DESCRIBED.value and row.state is not Delivery.REFUSED
    ]
    return max(waiting, key=lambda row: row.nth, default=None)


def _read_waiting(
    session: Session, row: ContributionRecord, us: str
) -> tuple[Statement, Mapping[str, StixObject]]:
    body = StixObject.read(row.bundle).value["body"]
    contents = objects.find_contents(session, row.objects)
    found = [StixObject.read(content) for content in contents.values()]
    by_id = {one.stix_id: one for one in found}
    said = read_statement(body, {ref: one.value for ref, one in by_id.items()}, us)
    refs = {one.ref for one in said.points}
    refs |= {said.constituency.ref} if said.constituency is not None else set()
    label = next((_label_of(by_id[ref]) for ref in refs if ref in by_id), None)
    return replace(said, tlp=label), {ref: one for ref, one in by_id.items() if ref in refs}


def _label_of(one: StixObject) -> TLP | None:
    marked = one.value.get("object_marking_refs", ())
    return next((label for label in TLP if label.marking_id in marked), None)


def _held(session: Session, channel: str, refs: Sequence[str], us: str) -> dict[str, StixObject]:
    """Give the newest version of each of these objects that is ours and here."""
    rows = session.execute(
        select(CoveredRecord.ref, CoveredRecord.sha256)
        .where(
            CoveredRecord.channel == channel,
            CoveredRecord.ref.in_(refs),
            CoveredRecord.author == us,
            ~CoveredRecord.recalled,
        )
        .order_by(CoveredRecord.epoch, CoveredRecord.seq, CoveredRecord.place)
    ).all()
    newest = {row.ref: row.sha256 for row in rows}
    contents = objects.find_contents(session, newest.values())
    found = {
        ref: StixObject.read(contents[sha256])
        for ref, sha256 in newest.items()
        if sha256 in contents
    }
    return {ref: one for ref, one in found.items() if one.value.get("created_by_ref") == us}

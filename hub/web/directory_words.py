"""What the pages of a directory show and offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from hub.accounts.actor import Actor
from hub.channels.member_queries import visible_members, visible_open_acts
from hub.channels.queries import ChannelSummary
from hub.community.directory import newest_statement
from hub.community.directory_queries import Contact, Listed, Reached
from hub.community.directory_statement import StatedConstituency, StatedPoint, Statement
from hub.community.directory_words import (
    DAY_WORDS,
    DEFAULT_ZONE,
    DUTY_WORDS,
    SECTOR_WORDS,
    WAY_WORDS,
    clock_words,
    hours_words,
    zone_words,
)
from hub.office import current_office
from hub.web import words
from hub.web.call_words import span_words
from hub.web.models import State, Tone
from hub.web.relay_words import relay_part
from policies.acts import ACTS, Act
from policies.directory import DAYS, Freshness, OnDuty, WayKind

__all__ = ["DAY_WORDS", "DUTY_WORDS", "SECTOR_WORDS", "WAY_WORDS", "hours_words"]


@dataclass(frozen=True)
class Editable:
    """An organisation of which this person may state how to reach it.

    Args:
        is_us: else we speak for it, and say who told us.
        points: the newest that was stated, what waits in the outbox included.
        facts: field → what is stated of its constituency, as it is typed.
    """

    organisation: str
    is_us: bool
    points: Sequence[tuple[str, str, Mapping[str, Any]]]
    facts: Mapping[str, Any]
    is_under_way: bool


def editable(
    session: Session,
    actor: Actor,
    channel: ChannelSummary,
    listed: Sequence[Listed],
    *,
    us: str,
    now: datetime,
) -> Mapping[str, Editable]:
    """Give what this person may change here: our own, and that of whom we may speak for."""
    act, desk = Act.MEMBER_DESCRIBED, current_office().desk(session)
    if not actor.may(ACTS[act].right):
        return {}
    rows = visible_members(session, actor, channel.id, us=us, now=now)
    speaks_for = {one for one, _ in relay_part(session, actor, channel, rows, now=now).speakers}
    ours = act in visible_open_acts(session, desk, actor, channel.id, now=now)
    shown = {}
    for one in listed:
        if not (one.is_us and ours) and one.organisation not in speaks_for:
            continue
        stated = newest_statement(session, channel.id, one.organisation, us=us)
        shown[one.organisation] = _editable(one, stated)
    return shown


def _editable(one: Listed, stated: Statement) -> Editable:
    here = {contact.ref: contact for contact in one.contacts}
    points = [point for point in stated.points if point.name is not None and point.ref]
    return Editable(
        organisation=one.organisation,
        is_us=one.is_us,
        points=[(point.ref or "", point.name or "", point_values(point)) for point in points],
        facts=_facts_values(stated.constituency),
        is_under_way=one.is_us and any(not _is_here(point, here) for point in points),
    )


def _is_here(point: StatedPoint, here: Mapping[str, Contact]) -> bool:
    contact = here.get(point.ref or "")
    return contact is not None and contact.name == point.name


def point_values(point: StatedPoint) -> dict[str, Any]:
    """Give a contact point as its form holds it."""
    values: dict[str, Any] = {
        "name": point.name,
        "duty": point.duty.value,
        "order": str(point.order),
        "days": [],
        "zone": DEFAULT_ZONE,
    }
    if point.hours is not None:
        values["days"] = [DAYS[day] for day in sorted(point.hours.days)]
        values["begins"] = clock_words(point.hours.begins)
        values["ends"] = clock_words(point.hours.ends)
        values["zone"] = zone_words(point.hours.zone)
    for number, (way, line) in enumerate(zip(point.ways, point.lines, strict=False), start=1):
        values[f"kind{number}"], values[f"words{number}"] = way.kind.value, line
        values[f"out{number}"] = "yes" if way.out_of_band else ""
    return values


def _facts_values(facts: StatedConstituency | None) -> dict[str, Any]:
    if facts is None:
        return {"sectors": []}
    return {
        "sectors": [one.value for one in facts.sectors],
        "domains": ", ".join(facts.domains),
        "ranges": ", ".join(facts.ranges),
        "services": ", ".join(facts.services),
        "as_numbers": ", ".join(str(one) for one in facts.as_numbers),
    }


def duty_state(contact: Contact, now: datetime) -> State:
    """Say whether somebody is on duty now, or when next, as a badge."""
    if contact.on_duty is OnDuty.YES:
        return State("on duty now", Tone.GOOD)
    if contact.on_duty is OnDuty.UNKNOWN:
        return State("hours in a time zone unknown here", Tone.WAITING)
    if contact.next_at is None:
        return State("not on duty", Tone.ENDED)
    return State(f"on duty {words.distance(contact.next_at, now)}", Tone.ENDED)


def freshness_state(contact: Contact, now: datetime) -> State | None:
    """Say that what is stated was not verified lately, as a badge; nothing where it was."""
    if contact.freshness is Freshness.FRESH:
        return None
    if contact.verified_at is None:
        return State("never verified", Tone.WAITING)
    return State(f"verified {words.distance(contact.verified_at, now)}: ask", Tone.WAITING)


def reached_words(reached: Reached) -> str:
    """Say how long an answer to a check took, and which way it came."""
    how = "" if reached.way == "node" else f", {_came(reached.way)}"
    told = ", as the coordinator says" if reached.relayed else ""
    return f"after {span_words(reached.minutes)}{how}{told}"


def _came(way: str) -> str:
    return {
        "telephone": "by telephone",
        "e-mail": "by e-mail",
        "in-person": "in person",
        "message": "by message",
    }.get(way, "by another way")


def way_choices() -> list[tuple[str, str]]:
    """Give the kinds of ways, the telephone first."""
    return [(kind.value, WAY_WORDS[kind]) for kind in WayKind]

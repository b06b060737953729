"""What is like a case that somebody is about to open: asked before there are two of one matter.

Source: domain, 2 (*Detect and report*, *Assess and decide*).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.accounts.actor import Actor
from hub.cases.queries import CaseSummary, visible_cases
from hub.cases.room_records import IntelView
from hub.channels.history import READERS_OF_RED
from hub.reports.alike import visible_like
from hub.reports.intel import find_intel
from hub.reports.queries import Travelled
from hub.reports.things import things_of
from policies.intel import IntelKind
from policies.likeness import Likeness, Thing, likeness
from policies.links import OPEN_STATES
from policies.roles import Right
from policies.tlp import TLP
from sharing.bulk import among

COMPARED: Final = 100
"""How many cases under way are compared, the newest changed first."""
SHOWN: Final = 10


@dataclass(frozen=True)
class AlikeCase:
    """A case under way that may be of the same matter.

    Args:
        same_name: it is called the same.
        how: what both name to look for.
    """

    channel: str
    title: str
    owner_name: str
    same_name: bool
    how: Likeness


@dataclass(frozen=True)
class Alike:
    """What there is already, the most alike first; true where there is anything."""

    cases: tuple[AlikeCase, ...] = ()
    reports: tuple[tuple[Travelled, Likeness], ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(self.cases or self.reports)


def visible_alike_to(
    session: Session, actor: Actor, *, title: str, text: str, us: str, now: datetime
) -> Alike:
    """Give the cases under way and the reports that are like what these words tell of.

    Raises:
        ForbiddenError: the actor opens no cases.
    """
    actor.may(Right.RUN_CASES).enforce()
    patterns = [one.pattern for one in find_intel(f"{title}\n{text}").findings]
    things = things_of(patterns)
    cases = [
        one for one in visible_cases(session, actor, limit=COMPARED) if one.state in OPEN_STATES
    ]
    shared = _shared(session, actor, [one.channel for one in cases], patterns, now)
    found = [_compare(one, title, things, shared.get(one.channel, frozenset())) for one in cases]
    alike = [one for one in found if one.same_name or one.how]
    alike.sort(key=lambda one: (one.how, one.same_name), reverse=True)
    return Alike(tuple(alike[:SHOWN]), tuple(visible_like(session, actor, things, us=us)))


def _compare(
    case: CaseSummary, title: str, things: Collection[Thing], shared: Collection[Thing]
) -> AlikeCase:
    theirs = {*things_of(one.pattern for one in find_intel(_words(case)).findings), *shared}
    return AlikeCase(
        channel=case.channel,
        title=case.title,
        owner_name=case.owner_name,
        same_name=case.title.strip().casefold() == title.strip().casefold(),
        how=likeness(things, theirs),
    )


def _words(case: CaseSummary) -> str:
    return f"{case.title}\n{case.text or ''}"


def _shared(
    session: Session, actor: Actor, channels: list[str], patterns: list[str], now: datetime
) -> dict[str, frozenset[Thing]]:
    """Give what is shared in cases to look for, of what we name, and still holds."""
    if not channels or not patterns:
        return {}
    query = select(IntelView.channel, IntelView.pattern).where(
        among(session, IntelView.channel, channels),
        among(session, IntelView.pattern, patterns),
        IntelView.kind == IntelKind.INDICATOR,
        ~IntelView.revoked,
        ~IntelView.recalled,
        or_(IntelView.valid_until.is_(None), IntelView.valid_until > now),
    )
    if not actor.roles & READERS_OF_RED:
        query = query.where(IntelView.tlp != TLP.RED)
    found: dict[str, set[str]] = {}
    for channel, pattern in session.execute(query):
        found.setdefault(channel, set()).add(pattern or "")
    return {channel: things_of(named) for channel, named in found.items()}

"""Reports that name the same things, as a person may see them.

Source: domain, 2 (*Detect and report*).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true
from sqlalchemy.orm import Session

from hub.accounts.actor import Actor
from hub.reports.queries import (
    Travelled,
    is_at,
    named_by,
    readable,
    travelled_where,
)
from hub.reports.records import (
    ReportIndicator,
    SentReport,
)
from hub.reports.things import thing_of
from policies.likeness import Likeness, Thing, likeness
from sharing.bulk import among

ALIKE: Final = 20


THINGS: Final = 500
"""How many things a report is compared by."""


def visible_alike(
    session: Session, actor: Actor, found: Travelled, *, us: str
) -> list[tuple[Travelled, Likeness]]:
    """Give other reports that came to us and name the same to look for, the most alike first.

    Only what this person may read is compared.
    """
    here = (found.channel, found.report)
    named = things_named(session, actor, *here)
    return visible_like(session, actor, named, us=us, but=here)


def things_named(session: Session, actor: Actor, channel: str, report: str) -> frozenset[Thing]:
    """Give what a report names to look for, as far as this person may read it."""
    rows = session.execute(
        select(ReportIndicator.pattern, ReportIndicator.pattern_sha256)
        .where(*named_by(channel, report), readable(actor))
        .distinct()
        .limit(THINGS)
    )
    found = (thing_of(pattern, key) for pattern, key in rows if key is not None)
    return frozenset(one for one in found if one is not None)


def visible_like(
    session: Session,
    actor: Actor,
    things: Collection[Thing],
    *,
    us: str,
    but: tuple[str, str] | None = None,
) -> list[tuple[Travelled, Likeness]]:
    """Give the reports that came to us and name some of these things, the most alike first.

    Args:
        but: channel and id of one that is left out.
    """
    if not things:
        return []
    keys, hosts = {one.key for one in things}, {one.host for one in things if one.host is not None}
    alike = among(session, ReportIndicator.pattern_sha256, keys)
    at_host = among(session, ReportIndicator.host, hosts)
    places = {
        place
        for which in (alike, at_host)
        for place in _places_naming(session, actor, which, us=us, but=but)
    }
    if not places:
        return []
    theirs: dict[tuple[str, str], set[Thing]] = {place: set() for place in places}
    rows = session.execute(
        select(
            ReportIndicator.channel,
            ReportIndicator.report,
            ReportIndicator.pattern,
            ReportIndicator.pattern_sha256,
        )
        .where(
            or_(*(and_(*named_by(*place)) for place in sorted(places))),
            or_(alike, at_host),
            readable(actor),
        )
        .distinct()
    )
    for channel, report, pattern, key in rows:
        thing = thing_of(pattern, key) if key is not None else None
        if thing is not None:
            theirs[channel, report].add(thing)
    ranked = {place: likeness(things, named) for place, named in theirs.items()}
    which = or_(false(), *(is_at(*place) for place in sorted(places)))
    listed = travelled_where(session, actor, which, us=us, limit=len(places))
    both = [(one, ranked[one.channel, one.report]) for one in listed]
    both.sort(key=lambda pair: (pair[1], pair[0].received_at), reverse=True)
    return [pair for pair in both if pair[1]][:ALIKE]


def _places_naming(
    session: Session,
    actor: Actor,
    which: ColumnElement[bool],
    *,
    us: str,
    but: tuple[str, str] | None,
) -> list[tuple[str, str]]:
    """Give the reports that name most of what is meant."""
    count = func.count(ReportIndicator.pattern_sha256.distinct())
    rows = session.execute(
        select(SentReport.channel, SentReport.report)
        .join(
            ReportIndicator,
            and_(
                ReportIndicator.channel == SentReport.channel,
                ReportIndicator.report == SentReport.report,
            ),
        )
        .where(
            SentReport.addressee == us,
            which,
            readable(actor),
            ~is_at(*but) if but is not None else true(),
        )
        .group_by(SentReport.channel, SentReport.report)
        .order_by(count.desc(), SentReport.channel, SentReport.report)
        .limit(ALIKE)
    ).all()
    return [(channel, report) for channel, report in rows]

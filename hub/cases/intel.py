"""What there is to look for in a case: shared, sighted by whom, with notes.

Source: domain, 2 (*Detect and report*) and 8; lifecycles, 13.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import exists, or_, select, tuple_
from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_state
from hub.accounts.actor import Actor
from hub.cases.queries import get_case_row
from hub.cases.room_records import IntelView
from hub.channels import service
from hub.channels.history import READERS_OF_RED
from hub.channels.names import names_in
from hub.reports.intel import check_pasted, find_intel, indicators_of
from policies.acts import Act
from policies.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from policies.intel import (
    FALSE_POSITIVE,
    IntelKind,
    Said,
    Standing,
    Verdict,
    newest_words,
    standing_of,
)
from policies.tlp import TLP
from sharing import stix
from sharing.reissue import hard_to_guess

PAGE: Final = 50
PATTERNS: Final = 500
"""How many of them count when reports that are alike are looked for."""


@dataclass(frozen=True)
class Found:
    """What one organisation says of something to look for."""

    organisation: str
    name: str
    verdict: Verdict


@dataclass(frozen=True)
class IntelItem:
    """Something to look for, a sighting or a note, for one person.

    Args:
        about_title: of a sighting, the name of what was sighted.
        author: who wrote it; the coordinator, where it is the word of another.
        found: the newest word of each organisation.
    """

    ref: str
    kind: IntelKind
    organisation: str
    name: str
    author: str
    author_name: str
    relayed: bool
    title: str | None
    text: str | None
    pattern: str | None
    about: str | None
    about_title: str | None
    verdict: Verdict | None
    standing: Standing
    valid_until: datetime | None
    tlp: TLP
    said_at: datetime
    found: tuple[Found, ...]


def visible_intel(
    session: Session,
    actor: Actor,
    channel: str,
    *,
    before: tuple[datetime, str] | None = None,
    limit: int = PAGE,
    now: datetime,
) -> list[IntelItem]:
    """Give what is shared in a case, newest first, before a key (said at, ref).

    What is TLP:RED is for coordinators and handlers: for others it is not there.

    Raises:
        NotFoundError: there is no such case, or the actor may not know of it.
    """
    get_case_row(session, actor, channel)
    seen = [IntelView.channel == channel]
    if not actor.roles & READERS_OF_RED:
        seen.append(IntelView.tlp != TLP.RED)
    query = select(IntelView).where(*seen)
    if before is not None:
        place = tuple_(IntelView.said_at, IntelView.ref)
        query = query.where(place < tuple_(*before, types=[part.type for part in place.clauses]))
    query = query.order_by(IntelView.said_at.desc(), IntelView.ref.desc()).limit(limit)
    rows = session.scalars(query).all()
    names = names_in(session, channel)
    words: dict[str, list[Said]] = {}
    for row in session.scalars(
        select(IntelView).where(
            *seen, IntelView.about.in_([row.ref for row in rows]), ~IntelView.recalled
        )
    ):
        if row.about is not None and row.verdict is not None:
            said = Said(row.organisation, row.verdict, row.said_at, row.ref)
            words.setdefault(row.about, []).append(said)
    sighted = [row.about for row in rows if row.about]
    named = session.execute(
        select(IntelView.ref, IntelView.title).where(*seen, IntelView.ref.in_(sighted))
    )
    titles = {ref: title for ref, title in named}  # noqa: C416 - rows are no pairs to mypy
    return [
        IntelItem(
            ref=row.ref,
            kind=row.kind,
            organisation=row.organisation,
            name=names.get(row.organisation, row.organisation),
            author=row.author,
            author_name=names.get(row.author, row.author),
            relayed=row.relayed,
            title=row.title,
            text=row.text,
            pattern=row.pattern,
            about=row.about,
            about_title=titles.get(row.about or ""),
            verdict=row.verdict,
            standing=standing_of(
                valid_until=row.valid_until, revoked=row.revoked, recalled=row.recalled, now=now
            ),
            valid_until=row.valid_until,
            tlp=row.tlp,
            said_at=row.said_at,
            found=tuple(
                Found(who, names.get(who, who), verdict)
                for who, verdict in sorted(newest_words(words.get(row.ref, ())).items())
            ),
        )
        for row in rows
    ]


def keeps_some_close(session: Session, actor: Actor, channel: str) -> bool:
    """Tell whether there is intelligence that this person does not read."""
    if actor.roles & READERS_OF_RED:
        return False
    kept = exists().where(IntelView.channel == channel, IntelView.tlp == TLP.RED)
    return bool(session.scalar(select(kept)))


def visible_patterns(session: Session, actor: Actor, channel: str, *, now: datetime) -> list[str]:
    """Give the newest patterns that are shared in a case and still hold, as this person reads."""
    query = select(IntelView.pattern).where(
        IntelView.channel == channel,
        IntelView.kind == IntelKind.INDICATOR,
        ~IntelView.revoked,
        ~IntelView.recalled,
        or_(IntelView.valid_until.is_(None), IntelView.valid_until > now),
    )
    if not actor.roles & READERS_OF_RED:
        query = query.where(IntelView.tlp != TLP.RED)
    newest = query.order_by(IntelView.said_at.desc(), IntelView.ref.desc()).limit(PATTERNS)
    return [pattern for pattern in session.scalars(newest) if pattern]


def key_of(item: IntelItem) -> tuple[str, str]:
    """Give what a page goes on after."""
    return item.said_at.isoformat(), item.ref


def share(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    pasted: str,
    observed_too: bool = False,
    tlp: TLP | None = None,
    now: datetime,
) -> Written:
    """Share what was pasted, as indicators: text, a MISP event or STIX.

    Args:
        observed_too: also what is not meant for detection (of MISP: `to_ids` is off).

    Raises:
        InvalidError: it can't be read, or names nothing to look for.
        ForbiddenError: the actor may not, or its publisher's label does not go with the case.
    """
    record = service.get_visible_channel(session, actor, channel)
    get_case_row(session, actor, channel)
    check_pasted(pasted)
    intel = find_intel("", pasted, observed_too=observed_too)
    if not intel.findings and intel.observed:
        raise InvalidError(
            "nothing in it is meant for detection",
            field="pasted",
            hint="Say that what is not goes out, too, or write a note.",
        )
    if not intel.findings:
        raise InvalidError(
            "nothing to look for was recognised in it",
            field="pasted",
            hint="Addresses, domains, hashes and the like are; else write a note.",
        )
    if intel.more_count:
        raise InvalidError(
            f"{len(intel.findings) + intel.more_count} indicators are too many at once",
            field="pasted",
            hint=f"Share at most {len(intel.findings)}, and then the others.",
        )
    label = tlp or get_state(session, record).ceiling
    objects = indicators_of(intel.findings, author=desk.organisation, tlp=label, now=now)
    return service.write(session, desk, actor, channel, Act.INTEL_SHARED, {}, objects, now=now)


def sight(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    ref: str,
    verdict: Verdict,
    now: datetime,
) -> Written:
    """Say what we found of something to look for, under the label that it has.

    Raises:
        NotFoundError: nothing of that id is shared here, or the actor may not know of it.
    """
    row = _get_looked_for(session, actor, channel, ref)
    sighting = stix.sighting(
        ref,
        created_by=desk.organisation,
        now=now,
        count=0 if verdict is Verdict.NOT_FOUND else None,
        labels=[FALSE_POSITIVE] if verdict is Verdict.FALSE_POSITIVE else [],
        marking=row.tlp,
    )
    return service.write(
        session, desk, actor, channel, Act.SIGHTING_REPORTED, {}, [hard_to_guess(sighting)], now=now
    )


def revoke(
    session: Session, desk: Desk, actor: Actor, channel: str, *, ref: str, now: datetime
) -> Written:
    """Say to all members that something we shared does not hold any more.

    Raises:
        NotFoundError: nothing of that id is shared here, or the actor may not know of it.
        ForbiddenError: another organisation shared it, or the actor may not.
        ConflictError: it is revoked, or taken back.
    """
    row = _get_looked_for(session, actor, channel, ref)
    if row.author != desk.organisation:
        who = names_in(session, channel).get(row.author, row.author)
        raise ForbiddenError(
            f"{who} shared it, and nobody else revokes it",
            hint="Say that it is a false positive where you are.",
        )
    if row.recalled or row.revoked:
        raise ConflictError(f"it is {'taken back' if row.recalled else 'revoked'} already")
    body = {"objects": [ref]}
    return service.write(session, desk, actor, channel, Act.INTEL_REVOKED, body, [], now=now)


def _get_looked_for(session: Session, actor: Actor, channel: str, ref: str) -> IntelView:
    get_case_row(session, actor, channel)
    row = session.get(IntelView, (channel, ref))
    hidden = row is not None and row.tlp is TLP.RED and not actor.roles & READERS_OF_RED
    if row is None or hidden or row.kind not in {IntelKind.INDICATOR, IntelKind.OTHER}:
        raise NotFoundError("nothing of that id is there to look for in this case")
    return row

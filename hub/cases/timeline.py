"""The timeline of a case: what happened when, as far as it is known, and what the ledger tells.

Source: domain, 2 (*Assess and decide*) and 8; lifecycles, 13 (`event.added`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import exists, select, tuple_
from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_state
from hub.accounts.actor import Actor
from hub.cases.queries import get_case_row
from hub.cases.room_records import MomentView
from hub.channels import service
from hub.channels.history import READERS_OF_RED
from hub.channels.names import names_in
from policies.acts import Act, ChannelKind
from policies.errors import ConflictError, InvalidError
from policies.timeline import GREATEST_COUNT, MomentKind, Precision
from policies.tlp import TLP
from sharing.incident import builders
from sharing.incident.when import BETWEEN, read_when
from sharing.reissue import hard_to_guess

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
MAX_NAME_CHARACTERS: Final = 200
MAX_TEXT_CHARACTERS: Final = 20_000


@dataclass(frozen=True)
class Moment:
    """Something on the timeline, for one person.

    Args:
        text: its name or words; `None` where they are not here, or for others.
        author_name: who says it, where that is not the organisation itself.
    """

    key: str
    kind: MomentKind
    act: str
    word: str | None
    organisation: str
    name: str
    author_name: str
    relayed: bool
    earliest: datetime
    latest: datetime
    precision: Precision
    status: str | None
    text: str | None
    more: str | None
    tlp: TLP | None
    said_at: datetime


def visible_moments(
    session: Session,
    actor: Actor,
    channel: str,
    *,
    before: tuple[datetime, str] | None = None,
    limit: int = GREATEST_COUNT,
) -> list[Moment]:
    """Give moments of a case, the latest beginning first, before a key (earliest, key).

    Events under TLP:RED are for coordinators and handlers: for others they are not there.

    Raises:
        NotFoundError: there is no such case, or the actor may not know of it.
    """
    get_case_row(session, actor, channel)
    reads_red = bool(actor.roles & READERS_OF_RED)
    query = select(MomentView).where(MomentView.channel == channel)
    if not reads_red:
        query = query.where((MomentView.kind != MomentKind.EVENT) | (MomentView.tlp != TLP.RED))
    if before is not None:
        place = tuple_(MomentView.earliest, MomentView.key)
        query = query.where(place < tuple_(*before, types=[part.type for part in place.clauses]))
    query = query.order_by(MomentView.earliest.desc(), MomentView.key.desc()).limit(limit)
    names = names_in(session, channel)
    return [_moment(row, names, reads_red=reads_red) for row in session.scalars(query)]


def key_of(moment: Moment) -> tuple[str, str]:
    """Give what a page goes on after."""
    return moment.earliest.isoformat(), moment.key


def read_key(earliest: str, key: str) -> tuple[datetime, str]:
    """Read that back.

    Raises:
        InvalidError: it is none of ours.
    """
    try:
        at = datetime.fromisoformat(earliest)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidError("this is no place that a page goes on after", field="query.cursor")
    return at, key


def keeps_some_close(session: Session, actor: Actor, channel: str) -> bool:
    """Tell whether there are events that this person does not read."""
    if actor.roles & READERS_OF_RED:
        return False
    kept = exists().where(
        MomentView.channel == channel,
        MomentView.kind == MomentKind.EVENT,
        MomentView.tlp == TLP.RED,
    )
    return bool(session.scalar(select(kept)))


def add_event(  # noqa: PLR0913 - what happened, when, and how sure that is
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    text: str,
    when: str,
    until: str | None = None,
    lasting: bool = False,
    status: str = "occurred",
    tlp: TLP | None = None,
    now: datetime,
) -> Written:
    """Add something that happened to the timeline of a case.

    Args:
        text: its first line is its name.
        when: as much of a time as is known; with `until`, the earliest.
        until: the latest.
        lasting: it went on from `when` to `until`, and did not happen at some time between.
        status: of the suite: `occurred`, `ongoing`, `undetermined`, `not-occurred`.
        tlp: its label; the channel's ceiling where none is given.

    Raises:
        InvalidError: no words, no time, a time in the future or the wrong way round.
        ForbiddenError: the actor may not, or the label does not go with the case.
        ConflictError: this is no case, or takes no events now.
    """
    record = service.get_visible_channel(session, actor, channel)
    if record.kind is not ChannelKind.CASE:
        raise ConflictError("this is no case")
    words = text.strip()
    if not words:
        raise InvalidError("say what happened", field="text")
    if len(words) > MAX_TEXT_CHARACTERS:
        raise InvalidError(f"more than {MAX_TEXT_CHARACTERS} characters", field="text")
    start = read_when(when, field="when")
    end = read_when(until, field="until") if until else None
    if start.earliest > now + CLOCK_TOLERANCE:
        raise InvalidError("this is in the future", field="when")
    if end is not None and end.latest < start.earliest:
        raise InvalidError("this lies before the earliest time", field="until")
    if lasting and end is None:
        raise InvalidError("say until when it went on", field="until")
    if end is not None and end.at < start.at:
        # Of two coarse times that are one, such as a day and an hour of it, the later begins it.
        start, end = end, start
    name = " ".join("".join(one if one.isprintable() else " " for one in _first(words)).split())
    event = builders.event(
        status,
        name=name[:MAX_NAME_CHARACTERS],
        description=words if words != name[:MAX_NAME_CHARACTERS] else None,
        start=start,
        end=end,
        labels=[BETWEEN] if end is not None and not lasting else [],
        created_by=desk.organisation,
        now=now,
        marking=tlp or get_state(session, record).ceiling,
    )
    new = [hard_to_guess(event)]
    return service.write(session, desk, actor, channel, Act.EVENT_ADDED, {}, new, now=now)


def _first(words: str) -> str:
    return words.splitlines()[0] if words else ""


def _moment(row: MomentView, names: Mapping[str, str], *, reads_red: bool) -> Moment:
    may_read = row.tlp is not TLP.RED or reads_red
    return Moment(
        key=row.key,
        kind=row.kind,
        act=row.act,
        word=row.word,
        organisation=row.organisation,
        name=names.get(row.organisation, row.organisation),
        author_name=names.get(row.author, row.author),
        relayed=row.relayed,
        earliest=row.earliest,
        latest=row.latest,
        precision=row.precision,
        status=row.status,
        text=row.text if may_read else None,
        more=row.more if may_read else None,
        tlp=row.tlp,
        said_at=row.said_at,
    )

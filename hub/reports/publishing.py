"""A near-miss told to a community by its coordinator, without its source.

What goes out is made anew under our name: words, and what to look for. Nothing of the report's own
objects goes along. Source: domain, 2 (*Detect and report*); lifecycles, 13.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.ledgers.channels import Written
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_state, lock_channel
from federation.ledgers.ledger_records import ChannelRecord
from federation.partners.partner_keys import get_chain
from hub.accounts.actor import Actor
from hub.channels import service
from hub.channels.queries import visible_channels
from hub.channels.service import get_visible_channel, note_of
from hub.reports.queries import Indicator, Travelled, get_travelled, visible_indicators
from hub.reports.recording import check_title, check_words
from hub.reports.records import PublishedNearMiss
from policies.acts import Act, ChannelKind
from policies.errors import ConflictError, InvalidError
from policies.reports import ReportKind, ReportState, Triage
from policies.roles import Right
from policies.tlp import TLP
from sharing import stix
from sharing.reissue import hard_to_guess

UNNAMED: Final = "Something to look for"
CORRECTION: Final = "Correction"
"""How what is published again begins, so that its readers know it for that."""


@dataclass(frozen=True)
class Published:
    """What a community was told of a near-miss before.

    Args:
        epoch, seq: the entry's place in the community.
        by: the login of who did it.
    """

    community: str
    community_name: str
    epoch: int
    seq: int
    title: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Preview:
    """What would go out.

    Args:
        communities: those of ours that take it, as (channel, name).
        tlp: the report's own label: it goes no further than that.
        indicators: what to look for, without what names the source.
    """

    report: Travelled
    title: str
    text: str
    tlp: TLP
    communities: tuple[tuple[str, str], ...]
    indicators: tuple[Indicator, ...]
    published: tuple[Published, ...]
    """What was told of it before, the newest first."""


def is_near_miss(found: Travelled) -> bool:
    """Tell whether a report that came to us is a near-miss, by its sender or by us."""
    near = found.kind is ReportKind.NEAR_MISS or found.triaged_as is Triage.NEAR_MISS
    return near and not found.is_ours and found.state is not ReportState.WITHDRAWN


def get_preview(session: Session, desk: Desk, actor: Actor, channel: str, report: str) -> Preview:
    """Give what would go out of a near-miss that came to us.

    Raises:
        NotFoundError: there is no such report, or the actor may not know of it.
        ForbiddenError: the actor may not publish.
        ConflictError: it is no near-miss that came to us, or it is TLP:RED.
    """
    found = get_travelled(session, actor, channel, report, us=desk.organisation)
    actor.may(Right.RUN_CASES).enforce()
    if not is_near_miss(found):
        raise ConflictError("only a near-miss that came to you is published without its source")
    if found.tlp is TLP.RED:
        raise ConflictError("this report is TLP:RED: it is for you alone")
    names = _names_of(session, found)
    return Preview(
        report=found,
        title=found.title,
        text=found.text or "",
        tlp=found.tlp,
        communities=tuple(
            (one.id, one.name)
            for one in visible_channels(session, actor)
            if one.kind is ChannelKind.COMMUNITY
            and one.is_ours
            and one.ceiling is not None
            and one.ceiling.allows(found.tlp)
        ),
        indicators=tuple(
            Indicator(UNNAMED if _naming(names, one.name) else one.name, one.pattern, found.tlp)
            for one in visible_indicators(session, actor, found)
            if found.tlp.allows(one.tlp) and _naming(names, one.pattern) is None
        ),
        published=tuple(published_of(session, channel, report)),
    )


def visible_published(session: Session, actor: Actor, channel: str, report: str) -> list[Published]:
    """Give what communities were told of a report, the newest first, to who may publish."""
    return published_of(session, channel, report) if actor.may(Right.RUN_CASES) else []


def published_of(session: Session, channel: str, report: str) -> list[Published]:
    """Give what communities were told of a report, the newest first."""
    rows = session.execute(
        select(PublishedNearMiss, ChannelRecord.name)
        .join(ChannelRecord, ChannelRecord.id == PublishedNearMiss.community)
        .where(PublishedNearMiss.channel == channel, PublishedNearMiss.report == report)
        .order_by(PublishedNearMiss.published_at.desc(), PublishedNearMiss.seq.desc())
    )
    return [
        Published(
            community=row.community,
            community_name=name,
            epoch=row.epoch,
            seq=row.seq,
            title=row.title,
            by=row.published_by,
            at=row.published_at,
        )
        for row, name in rows
    ]


def publish(  # noqa: PLR0913 - what is told, of which report and to whom
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    report: str,
    *,
    community: str,
    title: str | None = None,
    text: str | None = None,
    again: bool = False,
    now: datetime,
) -> Written:
    """Tell a community of ours of a near-miss, without naming its source.

    Args:
        again: this community was told of it before: what goes out now begins as a correction.
        title: another than the report's.
        text: other words than the report's.

    Raises:
        NotFoundError: there is no such report or community.
        InvalidError: the words name the source, or there are none.
        ConflictError: it is no near-miss, the community is not ours or does not take its label, or
            it was told of it before and nobody says that this is meant.
    """
    record = get_visible_channel(session, actor, community)
    # Whoever publishes at the same time waits here, and reads what we have told.
    lock_channel(session, community)
    preview = get_preview(session, desk, actor, channel, report)
    if community not in dict(preview.communities):
        raise ConflictError(
            f"it goes to a community that you coordinate and that takes {preview.tlp.label}",
            field="community",
        )
    before = next((one for one in preview.published if one.community == community), None)
    if before is not None and not again:
        raise ConflictError(
            f"{before.community_name} was told of it already, by {before.by}: “{before.title}”",
            field="again",
            hint="Say that it is a correction, and what goes out begins with that word.",
        )
    title = (title if title is not None else preview.title).strip()
    text = (text if text is not None else preview.text).strip()
    check_title(title)
    check_words(text)
    names = _names_of(session, preview.report)
    for field, words in (("title", title), ("text", text)):
        if (named := _naming(names, words)) is not None:
            raise InvalidError(f"this names the source: “{named}”. Leave it out", field=field)
    about = [get_state(session, record).identity]
    begin = f"{CORRECTION}: " if before is not None else ""
    said = note_of(desk, f"{begin}{title}\n\n{text}", about=about, marking=preview.tlp, now=now)
    sought = [
        stix.indicator(
            one.pattern,
            name=one.name[:200],
            created_by=desk.organisation,
            now=now,
            marking=preview.tlp,
        )
        for one in preview.indicators
    ]
    objects = [*said, *map(hard_to_guess, sought)]
    act = Act.INTEL_SHARED
    written = service.write(session, desk, actor, community, act, {}, objects, now=now)
    if written.entry is not None:
        place = written.entry.entry.position
        session.add(
            PublishedNearMiss(
                bundle=place.sha256,
                channel=channel,
                report=report,
                community=community,
                epoch=place.epoch,
                seq=place.seq,
                title=title,
                published_by=actor.name,
                published_at=now,
            )
        )
        session.flush()
    return written


def _names_of(session: Session, found: Travelled) -> Sequence[str]:
    """Give what a source could be known by: its name, its id, its node's address."""
    newest = get_chain(session, found.reporter)[-1]
    host = urlsplit(newest.base_url).hostname or ""
    names = (found.reporter_name, found.reporter, found.reporter.partition("--")[2], host)
    return [one for one in dict.fromkeys(names) if one]


def _naming(names: Sequence[str], words: str) -> str | None:
    folded = words.casefold()
    return next((one for one in names if one.casefold() in folded), None)

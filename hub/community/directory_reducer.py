"""What an applied entry does to the directory.

The newest statement takes the place of all that was said of an organisation before.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from federation.judging.judged import Judged
from hub.community.directory_records import ContactPoint, DescribedMember
from hub.community.directory_statement import TEXT_CHARACTERS, read_statement
from hub.view_rows import clear_rows, forget_bundles, keep_row, snapshot_rows
from policies.acts import Act
from policies.tlp import TLP
from sharing.canonical import read_time

_VIEWS: Final = (DescribedMember, ContactPoint)


def reduce_directory(session: Session, judged: Judged, now: datetime) -> None:
    """Keep how to reach whom, and let go of what was taken back."""
    del now
    if judged.void is not None:
        return
    if judged.recalled:
        _forget(session, judged)
    if judged.disowned.bundles:
        forget_bundles(session, judged.entry.channel, judged.disowned.bundles, _VIEWS)
    if judged.act is Act.MEMBER_DESCRIBED:
        _described(session, judged)


def clear_directory(session: Session, channel: str) -> None:
    """Throw away what entries of one channel have filled, before they are applied anew."""
    clear_rows(session, channel, _VIEWS)


def snapshot_directory(session: Session, channel: str) -> Mapping[str, Any]:
    """Give what the views hold for one channel, to compare before and after `rebuild`."""
    return snapshot_rows(session, channel, _VIEWS)


def _described(session: Session, judged: Judged) -> None:
    body, channel = judged.acting.body, judged.entry.channel
    organisation = body.get("on_behalf_of", {}).get("organisation", judged.acting.author)
    for view in _VIEWS:
        session.execute(
            delete(view)
            .where(view.channel == channel, view.organisation == organisation)
            .execution_options(synchronize_session="fetch")
        )
    objects = {one.item.ref: one.stix.value for one in judged.covered if one.stix is not None}
    labels = {one.item.ref: one.claimed or TLP.GREEN for one in judged.covered}
    said = read_statement(body, objects, judged.acting.author)
    at = read_time(judged.entry.created)
    facts = said.constituency
    words = objects.get(facts.ref, {}) if facts is not None and facts.ref is not None else {}
    ours = words.get("created_by_ref") == judged.acting.author
    keep_row(
        session,
        DescribedMember(
            channel=channel,
            organisation=organisation,
            bundle=judged.acting.sha256,
            author=judged.acting.author,
            described_at=at,
            constituency=facts.ref if facts is not None else None,
            sectors=[one.value for one in facts.sectors] if facts is not None else [],
            as_numbers=list(facts.as_numbers) if facts is not None else [],
            text=str(words.get("description", ""))[:TEXT_CHARACTERS] if ours else None,
            tlp=labels.get(facts.ref or "", TLP.GREEN) if facts is not None else TLP.GREEN,
        ),
    )
    for place, point in enumerate(said.points):
        keep_row(
            session,
            ContactPoint(
                channel=channel,
                organisation=organisation,
                place=place,
                bundle=judged.acting.sha256,
                ref=point.ref or "",
                duty=point.duty,
                escalation=point.order,
                hours=point.hours.document() if point.hours is not None else None,
                ways=[way.document() for way in point.ways],
                # Nobody has verified today what it will say tomorrow.
                verified_at=min(point.verified_at, at) if point.verified_at is not None else None,
                name=point.name,
                lines=list(point.lines) if point.name is not None else None,
                tlp=labels.get(point.ref or "", TLP.GREEN),
            ),
        )


def _forget(session: Session, judged: Judged) -> None:
    """Let go of the words of what was taken back; that there is a contact point stays."""
    channel, gone = judged.entry.channel, judged.recalled
    for statement in (
        update(ContactPoint)
        .where(ContactPoint.channel == channel, ContactPoint.ref.in_(gone))
        .values(name=None, lines=None),
        update(DescribedMember)
        .where(DescribedMember.channel == channel, DescribedMember.constituency.in_(gone))
        .values(text=None),
    ):
        session.execute(statement.execution_options(synchronize_session="fetch"))

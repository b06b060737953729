"""What an applied entry does to the view of what was said through the coordinator.

Source: lifecycles, 1, rule 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from federation.judging.judged import Judged
from federation.judging.state import ChannelState
from hub.channels.relay_records import RelayAnswer, RelayedView
from hub.view_rows import clear_rows, keep_row, snapshot_rows
from policies.acts import Act
from sharing.canonical import read_time

_ANSWERS: Final[Mapping[str, RelayAnswer]] = {
    "strongly-agree": RelayAnswer.CONFIRMED,
    "agree": RelayAnswer.CONFIRMED,
    "disagree": RelayAnswer.DISPUTED,
    "strongly-disagree": RelayAnswer.DISPUTED,
}


def reduce_relay(session: Session, judged: Judged, now: datetime) -> None:
    """Keep a relayed statement, and what the organisation itself says of one."""
    del now
    if judged.void is not None or judged.act is None:
        return
    relay = judged.acting.body.get("on_behalf_of")
    if relay is not None:
        _keep(session, judged, relay)
    elif judged.act is Act.OPINION_GIVEN:
        _answer(session, judged)


def clear_relay(session: Session, channel: str) -> None:
    """Throw away what entries of one channel have filled, before they are applied anew."""
    clear_rows(session, channel, (RelayedView,))


def snapshot_relay(session: Session, channel: str) -> Mapping[str, Any]:
    """Give what the view holds for one channel, to compare before and after `rebuild`."""
    return snapshot_rows(session, channel, (RelayedView,))


def speaks_for(state: ChannelState, author: str, organisation: str) -> bool:
    """Tell whether an author is the organisation, or took its place with a node of its own."""
    return author == organisation or state.state_of("replaced_by", organisation) == author


def _keep(session: Session, judged: Judged, relay: Mapping[str, Any]) -> None:
    keep_row(
        session,
        RelayedView(
            channel=judged.entry.channel,
            bundle=judged.acting.sha256,
            bundle_id=judged.acting.stix.stix_id,
            author=judged.acting.author,
            organisation=relay["organisation"],
            act=judged.acting.act,
            way=relay["way"],
            told_at=read_time(relay["at"]),
            informant=relay.get("informant"),
            written_at=read_time(judged.entry.created),
            answer=RelayAnswer.NONE,
        ),
    )


def _answer(session: Session, judged: Judged) -> None:
    """Take an opinion that is about statements in its author's name; the newest counts."""
    answers, acting = _answers_in(judged), judged.acting
    if not answers and "answers" not in acting.body:
        return
    named = or_(
        RelayedView.bundle_id.in_(answers), RelayedView.bundle == acting.body.get("answers")
    )
    query = select(RelayedView).where(RelayedView.channel == judged.entry.channel, named)
    for row in session.scalars(query):
        if not speaks_for(judged.state, acting.author, row.organisation):
            continue
        answer = answers.get(row.bundle_id, RelayAnswer.WITHHELD)
        row.answer = answer
        row.answered_at, row.answered_by = read_time(judged.entry.created), acting.sha256


def _answers_in(judged: Judged) -> dict[str, RelayAnswer]:
    """Give what the opinions that are here say of bundles, by the ids of these."""
    found: dict[str, RelayAnswer] = {}
    for one in judged.covered:
        if one.stix is None or one.stix.stix_type != "opinion":
            continue
        said = _ANSWERS.get(str(one.stix.value.get("opinion")), RelayAnswer.NONE)
        found |= {str(ref): said for ref in one.stix.value.get("object_refs", ())}
    return found

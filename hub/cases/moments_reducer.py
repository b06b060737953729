"""What an applied entry does to the timeline of a case.

Source: domain, 8 (*timeline*); lifecycles, 4, 5 and 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from federation.judging.judged import Judged
from hub.cases.room_records import MomentView
from hub.covered import covered_of, label_of, text_of, words_in
from hub.view_rows import clear_rows, find_row, forget_bundles, keep_row, snapshot_rows
from policies.acts import Act, ChannelKind
from policies.errors import CoordinationError
from policies.timeline import MomentKind, Precision
from policies.tlp import TLP
from sharing.canonical import read_time
from sharing.incident.readers import read_event
from sharing.incident.when import span_of

NAME_CHARACTERS: Final = 200
_KINDS: Final[Mapping[Act, MomentKind]] = {
    **dict.fromkeys(
        (
            Act.CASE_OPENED,
            Act.CASE_ACTIVATED,
            Act.CASE_DECLINED,
            Act.CASE_RECOVERED,
            Act.CASE_CLOSED,
            Act.CASE_REOPENED,
            Act.CASE_MERGED,
            Act.CONTROL_REVIEWED,
            Act.SITREP_PUBLISHED,
            Act.COORDINATOR_HANDED_OVER,
        ),
        MomentKind.COURSE,
    ),
    Act.CASE_CRISIS_DECLARED: MomentKind.CRISIS,
    Act.CASE_CRISIS_ENDED: MomentKind.CRISIS,
    Act.ASSESSMENT_JOINED: MomentKind.SEVERITY,
    Act.MEMBER_JOINED: MomentKind.MEMBER,
    Act.MEMBER_LEFT: MomentKind.MEMBER,
    Act.MEMBER_REMOVED: MomentKind.MEMBER,
    Act.MEMBER_SUSPENDED: MomentKind.MEMBER,
    Act.MEMBER_RESUMED: MomentKind.MEMBER,
    Act.RESPONSE_REPORTED: MomentKind.RESPONSE,
    Act.WARNING_ISSUED: MomentKind.WARNING,
    Act.WARNING_UPDATED: MomentKind.WARNING,
    Act.WARNING_ENDED: MomentKind.WARNING,
    Act.DECISION_OPENED: MomentKind.DECISION,
    Act.DECISION_TAKEN: MomentKind.DECISION,
}
_WORDS: Final[Mapping[Act, str]] = {
    Act.ASSESSMENT_JOINED: "severity",
    Act.RESPONSE_REPORTED: "state",
    Act.DECISION_TAKEN: "outcome",
    Act.CONTROL_REVIEWED: "under_control",
}


def reduce_moments(session: Session, judged: Judged, now: datetime) -> None:
    """Keep what stands on the timeline, and let go of what was taken back."""
    del now
    if judged.void is not None or judged.state.kind is not ChannelKind.CASE:
        return
    if judged.recalled:
        _forget(session, judged)
    if judged.disowned.bundles:
        forget_bundles(session, judged.entry.channel, judged.disowned.bundles, (MomentView,))
    for due in judged.due:
        row = find_row(session, MomentView, (judged.entry.channel, due.stix.stix_id))
        if row is not None:
            _take_event(row, due.stix.value, due.claimed)
    if judged.act is Act.EVENT_ADDED:
        _event_added(session, judged)
    elif judged.act is not None and judged.act in _KINDS:
        _told(session, judged, judged.act)


def clear_moments(session: Session, channel: str) -> None:
    """Throw away what entries of one channel have filled, before they are applied anew."""
    clear_rows(session, channel, (MomentView,))


def snapshot_moments(session: Session, channel: str) -> Mapping[str, Any]:
    """Give what the view holds for one channel, to compare before and after `rebuild`."""
    return snapshot_rows(session, channel, (MomentView,))


def _told(session: Session, judged: Judged, act: Act) -> None:
    body = judged.acting.body
    # What a decision or a warning says stands in the note that it is known by.
    note = next((one for one in judged.covered if one.item.ref.startswith("note--")), None)
    row = _row(judged, judged.acting.sha256, _KINDS[act])
    row.organisation = body["organisation"] if _is_about_another(act) else row.organisation
    word = body.get(_WORDS.get(act, ""))
    row.word = None if word is None else str(word).lower()
    if act in {Act.DECISION_OPENED, Act.DECISION_TAKEN}:
        row.word = body.get("topic") or row.word
    if note is not None:
        row.ref, row.tlp = note.item.ref, label_of(note)
        row.text = text_of(note, "content")
    keep_row(session, row)


def _is_about_another(act: Act) -> bool:
    return act in {Act.MEMBER_REMOVED, Act.MEMBER_SUSPENDED, Act.MEMBER_RESUMED}


def _event_added(session: Session, judged: Judged) -> None:
    events, notes = [*covered_of(judged, "event")], [*covered_of(judged, "note")]
    for one in events or notes[:1]:
        row = find_row(session, MomentView, (judged.entry.channel, one.item.ref))
        if row is None:
            row = _row(judged, one.item.ref, MomentKind.EVENT)
            row.ref, row.tlp = one.item.ref, label_of(one)
            keep_row(session, row)
        if one.stix is not None and events:
            _take_event(row, one.stix.value, one.claimed)
        elif one.stix is not None:
            row.text, row.more = None, words_in(one.stix.value, "content")


def _take_event(row: MomentView, value: Mapping[str, Any], claimed: TLP | None) -> None:
    """Take what the newest version of an event says; what can't be read keeps its ledger time."""
    version = str(value.get("modified") or "")
    if row.version is not None and version <= row.version:
        return
    row.version, row.tlp = version, claimed or TLP.GREEN
    row.text = words_in(value, "name", limit=NAME_CHARACTERS)
    row.more = words_in(value, "description")
    try:
        event = read_event(value)
        row.earliest, row.latest, row.precision = span_of(event, otherwise=row.said_at)
    except (CoordinationError, ValueError):
        row.earliest, row.latest, row.precision = row.said_at, row.said_at, Precision.UNKNOWN
        return
    row.status = event.status


def _row(judged: Judged, key: str, kind: MomentKind) -> MomentView:
    body, at = judged.acting.body, read_time(judged.entry.created)
    is_event = kind is MomentKind.EVENT
    return MomentView(
        channel=judged.entry.channel,
        key=key,
        kind=kind,
        act=judged.acting.act,
        organisation=body.get("on_behalf_of", {}).get("organisation", judged.acting.author),
        author=judged.acting.author,
        relayed="on_behalf_of" in body,
        earliest=at,
        latest=at,
        precision=Precision.UNKNOWN if is_event else Precision.LEDGER,
        bundle=judged.acting.sha256,
        said_at=at,
    )


def _forget(session: Session, judged: Judged) -> None:
    """Let go of what was said, and of when it was; that it was said stays."""
    of_channel = MomentView.channel == judged.entry.channel
    gone = MomentView.ref.in_(judged.recalled)
    words = {"text": None, "more": None}
    whole = {"earliest": MomentView.said_at, "latest": MomentView.said_at, "status": None}
    is_event = MomentView.kind == MomentKind.EVENT
    for query in (
        update(MomentView).where(of_channel, gone).values(**words),
        update(MomentView)
        .where(of_channel, gone, is_event)
        .values(**whole, precision=Precision.UNKNOWN),
    ):
        session.execute(query.execution_options(synchronize_session="fetch"))

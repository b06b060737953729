"""What an applied entry of a direct channel does to the views of reports.

Each of two direct channels tells its owner's side, and each fills rows of its own: so it does not
matter which of them was read first.

Source: lifecycles, 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from federation.judging.judged import Covered, Judged
from hub.covered import TEXT_CHARACTERS, covered_of, find_note, label_of, text_of, time_of
from hub.reports.records import (
    ReportAnswer,
    ReportIndicator,
    ReportWords,
    SentReport,
)
from hub.reports.things import host_of, sought
from hub.view_rows import clear_rows, find_row, forget_bundles, keep_row, snapshot_rows
from policies.acts import Act, ChannelKind
from policies.reports import (
    Attribution,
    Certainty,
    FalseAlarm,
    ReportKind,
    ReportOutcome,
    Triage,
)
from policies.tlp import TLP
from sharing.bulk import among
from sharing.canonical import read_time

TITLE_CHARACTERS: Final = 200
_VIEWS: Final = (SentReport, ReportWords, ReportAnswer, ReportIndicator)
_ANSWERED: Final[Mapping[Act, str]] = {
    Act.REPORT_ACKNOWLEDGED: "acknowledged",
    Act.REPORT_TRIAGED: "triaged",
    Act.REPORT_LINKED: "linked",
    Act.REPORT_CLOSED: "closed",
}


def reduce_reports(session: Session, judged: Judged, now: datetime) -> None:
    """Keep what a report says, what is answered, and what was taken back."""
    if judged.state.kind is not ChannelKind.DIRECT or judged.void is not None:
        return
    if judged.recalled:
        _forget(session, judged)
    if judged.disowned.bundles:
        _forget_disowned(session, judged)
    if judged.act is Act.REPORT_SUBMITTED:
        _submitted(session, judged, now)
    elif judged.act is not None and judged.act in _REDUCERS:
        _REDUCERS[judged.act](session, judged)


def clear_reports(session: Session, channel: str) -> None:
    """Throw away what entries of one channel have filled, before they are applied anew."""
    clear_rows(session, channel, _VIEWS)


def snapshot_reports(session: Session, channel: str) -> Mapping[str, Any]:
    """Give what the views hold for one channel, to compare before and after `rebuild`."""
    return snapshot_rows(session, channel, _VIEWS)


def _submitted(session: Session, judged: Judged, now: datetime) -> None:
    body, item = judged.acting.body, _item(judged, judged.acting.body["report"])
    row = SentReport(
        channel=judged.entry.channel,
        report=body["report"],
        reporter=judged.acting.author,
        addressee=_other_side(judged),
        bundle=judged.acting.sha256,
        kind=ReportKind(body["kind"]),
        certainty=Certainty(body["state"]),
        attribution=Attribution(body["attribution"]),
        category=body.get("category"),
        spread=body.get("spread"),
        help_wanted=body.get("help_wanted", False),
        redacted=body.get("redacted", False),
        title=_title(item) if item is not None else "",
        text=text_of(item, "description", "content"),
        tlp=label_of(item),
        words_from=judged.acting.sha256,
        state="submitted",
        submitted_at=read_time(judged.entry.created),
        changed_at=read_time(judged.entry.created),
        received_at=now,
    )
    keep_row(session, row)
    _keep_indicators(session, judged, body["report"])


def _updated(session: Session, judged: Judged) -> None:
    row = _own_side(session, judged)
    if row is None:
        return
    row.changed_at = read_time(judged.entry.created)
    item = _item(judged, row.report)
    if item is not None:
        # A newer version of the very object: its words count from now on, here or not.
        row.title, row.text, row.tlp = (
            _title(item),
            text_of(item, "description", "content"),
            label_of(item),
        )
        row.words_from = judged.acting.sha256
    _keep_indicators(session, judged, row.report)
    _keep_words(session, judged)


def _withdrawn(session: Session, judged: Judged) -> None:
    row = _own_side(session, judged)
    if row is not None:
        row.state, row.changed_at = "withdrawn", read_time(judged.entry.created)
    _keep_words(session, judged)


def _answered(session: Session, judged: Judged) -> None:
    body, at = judged.acting.body, read_time(judged.entry.created)
    row = find_row(session, ReportAnswer, (judged.entry.channel, body["report"]))
    if row is None:
        row = ReportAnswer(
            channel=judged.entry.channel,
            report=body["report"],
            author=judged.acting.author,
            reporter=_other_side(judged),
            answered_at=at,
        )
        keep_row(session, row)
    row.state, row.changed_at = _ANSWERED[Act(judged.acting.act)], at
    row.reference = body.get("reference", row.reference)
    row.next_contact = time_of(body.get("next_contact")) or row.next_contact
    if judged.act is Act.REPORT_TRIAGED:
        row.triaged_as = Triage(body["as"])
        row.false_alarm = FalseAlarm(body["reason"]) if "reason" in body else None
    row.case = body.get("case", row.case)
    if judged.act is Act.REPORT_CLOSED:
        row.outcome, row.closing = ReportOutcome(body["outcome"]), judged.acting.sha256
    _keep_words(session, judged)


def _reopened(session: Session, judged: Judged) -> None:
    """Take up again what was closed: by whom it was closed, or asked for by whose it is."""
    at, channel = read_time(judged.entry.created), judged.entry.channel
    answer = find_row(session, ReportAnswer, (channel, judged.acting.body["report"]))
    own = _own_side(session, judged)
    if own is not None:
        own.asked_again, own.changed_at = judged.acting.body.get("answers"), at
    elif answer is not None:
        answer.state, answer.outcome, answer.closing = "acknowledged", None, None
        answer.changed_at = at
    _keep_words(session, judged)


_REDUCERS: Final[Mapping[Act, Callable[[Session, Judged], None]]] = {
    Act.REPORT_UPDATED: _updated,
    Act.REPORT_WITHDRAWN: _withdrawn,
    Act.REPORT_REOPENED: _reopened,
    **dict.fromkeys(_ANSWERED, _answered),
}


def _own_side(session: Session, judged: Judged) -> SentReport | None:
    return find_row(session, SentReport, (judged.entry.channel, judged.acting.body["report"]))


def _other_side(judged: Judged) -> str:
    return next(who for who in judged.state.members if who != judged.acting.author)


def _keep_words(session: Session, judged: Judged) -> None:
    """Keep what was said with an act, so that both sides read one conversation."""
    note = find_note(judged)
    keep_row(
        session,
        ReportWords(
            channel=judged.entry.channel,
            bundle=judged.acting.sha256,
            report=judged.acting.body["report"],
            author=judged.acting.author,
            act=judged.acting.act,
            note=note.item.ref if note is not None else None,
            text=text_of(note, "description", "content"),
            tlp=label_of(note) if note is not None else TLP.CLEAR,
            said_at=read_time(judged.entry.created),
        ),
    )


def _keep_indicators(session: Session, judged: Judged, report: str) -> None:
    """Keep what is to be looked for; the newest that was said of one indicator counts."""
    channel = judged.entry.channel
    versions = sorted(covered_of(judged, "indicator"), key=lambda one: one.item.version_ns)
    newest = {one.item.ref: one for one in versions}
    query = select(ReportIndicator).where(
        ReportIndicator.channel == channel,
        ReportIndicator.report == report,
        among(session, ReportIndicator.ref, newest),
    )
    known = {row.ref: row for row in session.scalars(query)}
    for ref, one in newest.items():
        row = known.get(ref)
        if one.stix is None:
            if row is not None:
                session.delete(row)
            continue
        if row is None:
            row = ReportIndicator(channel=channel, report=report, ref=ref)
            keep_row(session, row)
        pattern = str(one.stix.value.get("pattern") or "")
        row.pattern, row.pattern_sha256 = pattern[:TEXT_CHARACTERS], sought(pattern)
        row.host = host_of(pattern)
        row.name = str(one.stix.value.get("name") or "")[:TITLE_CHARACTERS]
        row.tlp, row.bundle = label_of(one), judged.acting.sha256


def _forget(session: Session, judged: Judged) -> None:
    """Let go of the words of what was taken back; that it was said stays."""
    channel, gone = judged.entry.channel, judged.recalled
    words = {"text": None}
    for view, ref, values in (
        (SentReport, SentReport.report, words | {"title": None}),
        (ReportWords, ReportWords.note, words),
    ):
        query = update(view).where(view.channel == channel, ref.in_(gone)).values(**values)
        session.execute(query.execution_options(synchronize_session="fetch"))
    session.execute(
        delete(ReportIndicator).where(
            ReportIndicator.channel == channel, ReportIndicator.ref.in_(gone)
        )
    )


def _forget_disowned(session: Session, judged: Judged) -> None:
    """Let go of what its author says is not its own."""
    channel, bundles = judged.entry.channel, judged.disowned.bundles
    forget_bundles(session, channel, bundles, (SentReport, ReportWords, ReportIndicator))
    session.execute(
        update(SentReport)
        .where(SentReport.channel == channel, SentReport.words_from.in_(bundles))
        .values(title=None, text=None)
        .execution_options(synchronize_session="fetch")
    )


def _item(judged: Judged, ref: str) -> Covered | None:
    """Give the newest version of an object that an entry covers."""
    versions = (one for one in judged.covered if one.item.ref == ref)
    return max(versions, key=lambda one: one.item.version_ns, default=None)


def _title(item: Covered) -> str | None:
    """Give its name, empty where it has none; `None` where it is not here."""
    if item.stix is None:
        return None
    return str(item.stix.value.get("name") or "")[:TITLE_CHARACTERS]

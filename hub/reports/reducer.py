"""What an applied entry of a direct channel does to the views of reports.

Each of two direct channels tells its owner's side, and each fills rows of its own: so it does not
matter which of them was read first.

Source: lifecycles, 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from federation.judging.judged import Covered, Judged
from hub.reports.records import (
    ReportAnswer,
    ReportIndicator,
    ReportWords,
    SentReport,
)
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
from sharing.canonical import read_time

TITLE_CHARACTERS: Final = 200
TEXT_CHARACTERS: Final = 20_000
_VIEWS: Final = (SentReport, ReportWords, ReportAnswer, ReportIndicator)
_ANSWERED: Final[Mapping[Act, str]] = {
    Act.REPORT_ACKNOWLEDGED: "acknowledged",
    Act.REPORT_TRIAGED: "triaged",
    Act.REPORT_LINKED: "linked",
    Act.REPORT_CLOSED: "closed",
}


def reduce_reports(session: Session, judged: Judged, now: datetime) -> None:
    """Keep what a report says, what is answered, and what was taken back."""
    del now
    if judged.state.kind is not ChannelKind.DIRECT or judged.void is not None:
        return
    if judged.recalled:
        _forget(session, judged)
    if judged.disowned.bundles:
        _forget_disowned(session, judged)
    reduce = _REDUCERS.get(judged.act) if judged.act is not None else None
    if reduce is not None:
        reduce(session, judged)
        session.flush()


def clear_reports(session: Session, channel: str) -> None:
    """Throw away what entries of one channel have filled, before they are applied anew."""
    for view in _VIEWS:
        session.execute(delete(view).where(view.channel == channel))


def snapshot_reports(session: Session, channel: str) -> Mapping[str, Any]:
    """Give what the views hold for one channel, to compare before and after `rebuild`."""
    found: dict[str, Any] = {}
    for view in _VIEWS:
        for row in session.execute(select(view.__table__).where(view.channel == channel)):
            found[f"{view.__tablename__} {row[0]} {row[1]}"] = tuple(row)
    return found


def _submitted(session: Session, judged: Judged) -> None:
    body, value = judged.acting.body, _object(judged, judged.acting.body["report"])
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
        title=_title(value),
        text=_text(value),
        tlp=_label(judged, body["report"]),
        state="submitted",
        submitted_at=read_time(judged.entry.created),
        changed_at=read_time(judged.entry.created),
    )
    session.add(row)
    _keep_indicators(session, judged, body["report"])


def _updated(session: Session, judged: Judged) -> None:
    row = _own_side(session, judged)
    if row is None:
        return
    row.changed_at = read_time(judged.entry.created)
    value = _object(judged, row.report)
    if value is not None:
        # A newer version of the very object: its words count from now on.
        row.title, row.text, row.tlp = _title(value), _text(value), _label(judged, row.report)
    _keep_indicators(session, judged, row.report)
    _keep_words(session, judged)


def _withdrawn(session: Session, judged: Judged) -> None:
    row = _own_side(session, judged)
    if row is not None:
        row.state, row.changed_at = "withdrawn", read_time(judged.entry.created)
    _keep_words(session, judged)


def _answered(session: Session, judged: Judged) -> None:
    body, at = judged.acting.body, read_time(judged.entry.created)
    row = session.get(ReportAnswer, (judged.entry.channel, body["report"]))
    if row is None:
        row = ReportAnswer(
            channel=judged.entry.channel,
            report=body["report"],
            author=judged.acting.author,
            reporter=_other_side(judged),
            answered_at=at,
        )
        session.add(row)
    row.state, row.changed_at = _ANSWERED[Act(judged.acting.act)], at
    row.reference = body.get("reference", row.reference)
    row.next_contact = _time(body.get("next_contact")) or row.next_contact
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
    answer = session.get(ReportAnswer, (channel, judged.acting.body["report"]))
    own = _own_side(session, judged)
    if own is not None:
        own.asked_again, own.changed_at = judged.acting.body.get("answers"), at
    elif answer is not None:
        answer.state, answer.outcome, answer.closing = "acknowledged", None, None
        answer.changed_at = at
    _keep_words(session, judged)


_REDUCERS: Final[Mapping[Act, Callable[[Session, Judged], None]]] = {
    Act.REPORT_SUBMITTED: _submitted,
    Act.REPORT_UPDATED: _updated,
    Act.REPORT_WITHDRAWN: _withdrawn,
    Act.REPORT_REOPENED: _reopened,
    **dict.fromkeys(_ANSWERED, _answered),
}


def _own_side(session: Session, judged: Judged) -> SentReport | None:
    return session.get(SentReport, (judged.entry.channel, judged.acting.body["report"]))


def _other_side(judged: Judged) -> str:
    return next(who for who in judged.state.members if who != judged.acting.author)


def _keep_words(session: Session, judged: Judged) -> None:
    """Keep what was said with an act, so that both sides read one conversation."""
    note = next(_covered(judged, "note"), None)
    session.add(
        ReportWords(
            channel=judged.entry.channel,
            bundle=judged.acting.sha256,
            report=judged.acting.body["report"],
            author=judged.acting.author,
            act=judged.acting.act,
            note=note.item.ref if note is not None else None,
            text=_text(note.stix.value) if note is not None and note.stix is not None else None,
            tlp=_label(judged, note.item.ref) if note is not None else TLP.CLEAR,
            said_at=read_time(judged.entry.created),
        )
    )


def _keep_indicators(session: Session, judged: Judged, report: str) -> None:
    for one in _covered(judged, "indicator"):
        place = (judged.entry.channel, one.item.ref)
        if one.stix is None or session.get(ReportIndicator, place) is not None:
            continue
        session.add(
            ReportIndicator(
                channel=judged.entry.channel,
                ref=one.item.ref,
                report=report,
                pattern=str(one.stix.value.get("pattern", ""))[:TEXT_CHARACTERS],
                name=str(one.stix.value.get("name") or "")[:TITLE_CHARACTERS],
                tlp=_label(judged, one.item.ref),
            )
        )


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
    for view in (SentReport, ReportWords):
        session.execute(
            delete(view)
            .where(view.channel == judged.entry.channel, view.bundle.in_(judged.disowned.bundles))
            .execution_options(synchronize_session="fetch")
        )


def _covered(judged: Judged, stix_type: str) -> Iterator[Covered]:
    return (one for one in judged.covered if one.item.ref.startswith(f"{stix_type}--"))


def _object(judged: Judged, ref: str) -> Mapping[str, Any] | None:
    found = next((one for one in judged.covered if one.item.ref == ref), None)
    return found.stix.value if found is not None and found.stix is not None else None


def _label(judged: Judged, ref: str) -> TLP:
    """Give the label that its bundle states; what states none is not above GREEN."""
    found = next((one for one in judged.covered if one.item.ref == ref), None)
    claimed = found.claimed if found is not None else None
    return claimed or TLP.GREEN


def _title(value: Mapping[str, Any] | None) -> str | None:
    return str(value.get("name") or "")[:TITLE_CHARACTERS] or None if value is not None else None


def _text(value: Mapping[str, Any] | None) -> str | None:
    if value is None:
        return None
    words = value.get("description") or value.get("content")
    return str(words)[:TEXT_CHARACTERS] if words else None


def _time(text: str | None) -> datetime | None:
    return read_time(text) if text else None

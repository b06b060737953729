"""What an applied entry does to the views of cases.

Source: lifecycles, 4 to 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from federation.judging.judged import Judged
from hub.cases.disowning import forget_disowned
from hub.cases.records import CaseLink, CaseView, CaseWords, DecisionView, OwnWordView, VoteView
from hub.covered import covered_of, find_covered, label_of, text_of, time_of
from hub.view_rows import clear_rows, find_row, keep_row, snapshot_rows
from policies.acts import Act, ChannelKind
from policies.assessment import ResponseState, assessment_document, read_assessment
from policies.charter import carried_by_case
from policies.errors import InvalidError
from policies.figures import figures_document, read_figures
from policies.lifecycles import CHANNEL
from policies.links import Relation
from policies.matrix import Level
from sharing.canonical import read_time

TITLE_CHARACTERS: Final = 200
ABOUT_CASE: Final = "case"
_VIEWS: Final = (CaseView, CaseLink, CaseWords, OwnWordView, DecisionView, VoteView)
_COURSE: Final = frozenset(
    {
        Act.CASE_ACTIVATED,
        Act.CASE_DECLINED,
        Act.CASE_RECOVERED,
        Act.CASE_CLOSED,
        Act.CASE_REOPENED,
        Act.CASE_CRISIS_DECLARED,
        Act.CASE_CRISIS_ENDED,
        Act.CONTROL_REVIEWED,
    }
)


def reduce_cases(session: Session, judged: Judged, now: datetime) -> None:
    """Keep where a case stands, what organisations say of themselves, and what is decided."""
    del now
    if judged.void is not None:
        return
    if judged.recalled:
        _forget(session, judged)
    if judged.disowned.bundles:
        forget_disowned(session, judged.entry.channel, judged.disowned.bundles)
    reduce = _REDUCERS.get(judged.act) if judged.act is not None else None
    if reduce is not None:
        reduce(session, judged)


def clear_cases(session: Session, channel: str) -> None:
    """Throw away what entries of one channel have filled, before they are applied anew."""
    clear_rows(session, channel, _VIEWS)


def snapshot_cases(session: Session, channel: str) -> Mapping[str, Any]:
    """Give what the views hold for one channel, to compare before and after `rebuild`."""
    return snapshot_rows(session, channel, _VIEWS)


def _opened(session: Session, judged: Judged) -> None:
    body, at = judged.acting.body, read_time(judged.entry.created)
    row = CaseView(
        channel=judged.entry.channel,
        incident=body["incident"],
        tlp=label_of(find_covered(judged, body["incident"])),
        state=judged.state.state_of("case", CHANNEL),
        crisis=False,
        exercise=body["exercise"],
        charter=body.get("charter"),
        terms=carried_by_case(body) or None,
        review_at=time_of(body.get("review_at")),
        opened_at=at,
        changed_at=at,
    )
    keep_row(session, row)
    _take_incident(row, judged)
    _keep_words(session, judged, ABOUT_CASE)


def _went_on(session: Session, judged: Judged) -> None:
    row = find_row(session, CaseView, (judged.entry.channel,))
    if row is None:
        return
    state = judged.state
    row.state = state.state_of("case", CHANNEL) or row.state
    row.crisis = state.state_of("crisis", CHANNEL) == "yes"
    control = state.state_of("control", CHANNEL)
    row.control = control if control != "none" else None
    row.changed_at = read_time(judged.entry.created)
    _take_incident(row, judged)
    _keep_words(session, judged, ABOUT_CASE)


def _merged(session: Session, judged: Judged) -> None:
    row = find_row(session, CaseView, (judged.entry.channel,))
    if row is not None:
        row.merged_into = judged.acting.body["into"]
    _went_on(session, judged)


def _linked(session: Session, judged: Judged) -> None:
    body, channel = judged.acting.body, judged.entry.channel
    other = body.get("case") or body["reference"]
    row = find_row(session, CaseLink, (channel, other))
    if row is None:
        row = CaseLink(channel=channel, other=other, by_channel="case" in body)
        keep_row(session, row)
    row.relation, row.linked_at = Relation(body["relation"]), read_time(judged.entry.created)
    row.bundle = judged.acting.sha256
    _went_on(session, judged)


def _joined(session: Session, judged: Judged) -> None:
    row = find_row(session, CaseView, (judged.entry.channel,))
    if row is None:
        return
    body = judged.acting.body
    row.severity = Level.of(body["severity"])
    row.derived = body.get("derived")
    row.figures, row.asked = _told(body.get("figures", [])), body.get("asked")
    row.joined_at = row.changed_at = read_time(judged.entry.created)
    row.joined_in = judged.acting.sha256
    _take_incident(row, judged)
    _keep_words(session, judged, ABOUT_CASE)


def _assessed(session: Session, judged: Judged) -> None:
    row = _own_word(session, judged)
    row.assessment = _readable(judged.acting.body["assessment"])
    row.assessed_at, row.assessed_in = read_time(judged.entry.created), judged.acting.sha256
    row.relayed = "on_behalf_of" in judged.acting.body
    _keep_words(session, judged, row.organisation)


def _responded(session: Session, judged: Judged) -> None:
    row, body = _own_word(session, judged), judged.acting.body
    row.response = ResponseState(body["state"])
    row.since, row.since_earliest = time_of(body.get("since")), time_of(body.get("since_earliest"))
    row.responded_at, row.responded_in = read_time(judged.entry.created), judged.acting.sha256
    row.relayed = "on_behalf_of" in body
    _keep_words(session, judged, row.organisation)


def _readable(document: Mapping[str, Any]) -> dict[str, Any]:
    """Give what is stated; what contradicts itself states nothing."""
    try:
        return assessment_document(read_assessment(document))
    except InvalidError:
        return {}


def _told(document: list[Any]) -> list[Any]:
    """Give the figures that are told; what is none is not shown."""
    try:
        return figures_document(read_figures(document))
    except InvalidError:
        return []


def _own_word(session: Session, judged: Judged) -> OwnWordView:
    """Give the row of whoever speaks; in a direct channel, of what the coordinator alone reads."""
    body, channel = judged.acting.body, judged.entry.channel
    alone = judged.state.kind is ChannelKind.DIRECT
    case = body.get("case", channel) if alone else channel
    spoken_for = body.get("on_behalf_of", {}).get("organisation", judged.acting.author)
    row = find_row(session, OwnWordView, (channel, case, spoken_for))
    if row is None:
        row = OwnWordView(channel=channel, case=case, organisation=spoken_for, alone=alone)
        keep_row(session, row)
    return row


def _question(session: Session, judged: Judged) -> None:
    body, at = judged.acting.body, read_time(judged.entry.created)
    row = DecisionView(
        channel=judged.entry.channel,
        decision=body["decision"],
        topic=body["topic"],
        subject=body.get("subject"),
        state="open",
        text=text_of(find_covered(judged, body["decision"])),
        tlp=label_of(find_covered(judged, body["decision"])),
        rule=dict(body["rule"]),
        options=list(body["options"]),
        voters=list(body["voters"]),
        vote_until=read_time(body["vote_until"]),
        facts=dict(body["facts"]),
        opened_at=at,
        asked_in=judged.acting.sha256,
        disowned=False,
    )
    keep_row(session, row)


def _voted(session: Session, judged: Judged) -> None:
    body, channel = judged.acting.body, judged.entry.channel
    spoken_for = body.get("on_behalf_of", {}).get("organisation", judged.acting.author)
    row = find_row(session, VoteView, (channel, body["decision"], spoken_for))
    if row is None:
        row = VoteView(channel=channel, decision=body["decision"], voter=spoken_for)
        keep_row(session, row)
    row.option, row.voted_at = body["option"], read_time(judged.entry.created)
    row.relayed = "on_behalf_of" in body
    row.bundle, row.disowned = judged.acting.sha256, False
    _keep_words(session, judged, body["decision"])


def _taken(session: Session, judged: Judged) -> None:
    body, at = judged.acting.body, read_time(judged.entry.created)
    row = find_row(session, DecisionView, (judged.entry.channel, body["decision"]))
    if row is None:
        row = DecisionView(
            channel=judged.entry.channel,
            decision=body["decision"],
            topic=body["topic"],
            subject=body.get("subject"),
            text=text_of(find_covered(judged, body["decision"])),
            tlp=label_of(find_covered(judged, body["decision"])),
            facts=dict(body["facts"]) if "facts" in body else None,
            opened_at=at,
            asked_in=judged.acting.sha256,
            disowned=False,
        )
        keep_row(session, row)
    row.taken_in = judged.acting.sha256
    row.state, row.outcome, row.authority = "taken", body["outcome"], body["authority"]
    row.review_at, row.taken_at = time_of(body.get("review_at")), at
    replaced = find_row(session, DecisionView, (judged.entry.channel, body.get("replaces", "")))
    if replaced is not None:
        replaced.state = "replaced"
    _keep_words(session, judged, body["decision"])


def _ended(session: Session, judged: Judged) -> None:
    row = find_row(session, DecisionView, (judged.entry.channel, judged.acting.body["decision"]))
    if row is not None:
        row.state = "lapsed" if judged.act is Act.DECISION_LAPSED else "withdrawn"
    _keep_words(session, judged, judged.acting.body["decision"])


_REDUCERS: Final[Mapping[Act, Callable[[Session, Judged], None]]] = {
    Act.CASE_OPENED: _opened,
    **dict.fromkeys(_COURSE, _went_on),
    Act.CASE_MERGED: _merged,
    Act.CASE_LINKED: _linked,
    Act.ASSESSMENT_JOINED: _joined,
    Act.ASSESSMENT_SUBMITTED: _assessed,
    Act.RESPONSE_REPORTED: _responded,
    Act.DECISION_OPENED: _question,
    Act.DECISION_VOTED: _voted,
    Act.DECISION_TAKEN: _taken,
    Act.DECISION_LAPSED: _ended,
    Act.DECISION_WITHDRAWN: _ended,
}


def _take_incident(row: CaseView, judged: Judged) -> None:
    """Take title and words of the incident's newest version, where it comes along."""
    incident = find_covered(judged, row.incident)
    if incident is not None and incident.stix is not None:
        row.title = text_of(incident, "name", limit=TITLE_CHARACTERS)
        row.text, row.tlp = text_of(incident), label_of(incident)
        row.told_in = judged.acting.sha256


def _keep_words(session: Session, judged: Judged, about: str) -> None:
    note = next(
        (
            one
            for one in covered_of(judged, "note")
            if one.item.ref != judged.acting.body.get("decision")
        ),
        None,
    )
    if note is None:
        return
    keep_row(
        session,
        CaseWords(
            channel=judged.entry.channel,
            bundle=judged.acting.sha256,
            about=about,
            author=judged.acting.author,
            act=judged.acting.act,
            note=note.item.ref,
            text=text_of(note),
            tlp=label_of(note),
            said_at=read_time(judged.entry.created),
        ),
    )


def _forget(session: Session, judged: Judged) -> None:
    """Let go of the words of what was taken back; that it was said stays."""
    channel, gone = judged.entry.channel, judged.recalled
    for view, ref, values in (
        (CaseView, CaseView.incident, {"title": None, "text": None}),
        (CaseWords, CaseWords.note, {"text": None}),
        (DecisionView, DecisionView.decision, {"text": None}),
    ):
        query = update(view).where(view.channel == channel, ref.in_(gone)).values(**values)
        session.execute(query.execution_options(synchronize_session="fetch"))

"""What an applied entry does to the views of warnings, checks and requests.

Source: lifecycles, 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from federation.judging.judged import Judged
from hub.calls.records import CallAnswer, CalledMember, CallIndicator, CallUpdate, IssuedCall
from hub.covered import (
    TEXT_CHARACTERS,
    covered_of,
    find_covered,
    find_note,
    label_of,
    text_of,
    time_of,
)
from hub.view_rows import clear_rows, find_row, forget_bundles, keep_row, snapshot_rows
from policies.acts import Act, ChannelKind
from policies.calls import (
    Affected,
    AnswersTo,
    CallKind,
    DeclineReason,
    RequestOutcome,
    RequestResult,
)
from policies.tlp import TLP
from sharing.canonical import read_time

NAME_CHARACTERS: Final = 200
CLOSED: Final = "closed"
_VIEWS: Final = (IssuedCall, CalledMember, CallAnswer, CallUpdate, CallIndicator)
_KINDS: Final[Mapping[Act, CallKind]] = {
    Act.WARNING_ISSUED: CallKind.WARNING,
    Act.CHECK_CALLED: CallKind.CHECK,
    Act.REQUEST_OPENED: CallKind.REQUEST,
}
_ANSWERED: Final[Mapping[Act, str]] = {
    Act.WARNING_ACKNOWLEDGED: "acknowledged",
    Act.CHECK_ACKNOWLEDGED: "acknowledged",
    Act.REQUEST_ANSWERED: "answered",
    Act.REQUEST_DECLINED: "declined",
}
_OF_REQUESTS: Final = frozenset(
    {
        Act.REQUEST_OPENED,
        Act.REQUEST_ANSWERED,
        Act.REQUEST_DECLINED,
        Act.REQUEST_CLOSED,
    }
)
_ENDED: Final = (Act.WARNING_ENDED, Act.CHECK_CLOSED, Act.REQUEST_CLOSED)


def reduce_calls(session: Session, judged: Judged, now: datetime) -> None:
    """Keep what is asked of whom, what each has answered, and what was taken back."""
    del now
    if judged.void is not None:
        return
    if judged.recalled:
        _forget(session, judged)
    if judged.disowned.bundles:
        # Who had not answered is silent again.
        forget_bundles(session, judged.entry.channel, judged.disowned.bundles, _VIEWS)
    reduce = _REDUCERS.get(judged.act) if judged.act is not None else None
    if reduce is not None and not _takes_the_name_of_another(session, judged):
        reduce(session, judged)


def clear_calls(session: Session, channel: str) -> None:
    """Throw away what entries of one channel have filled, before they are applied anew."""
    clear_rows(session, channel, _VIEWS)


def snapshot_calls(session: Session, channel: str) -> Mapping[str, Any]:
    """Give what the views hold for one channel, to compare before and after `rebuild`."""
    return snapshot_rows(session, channel, _VIEWS)


def _called(session: Session, judged: Judged) -> None:
    body, ref, at = judged.acting.body, _ref(judged), read_time(judged.entry.created)
    kind = _KINDS[Act(judged.acting.act)]
    reply_by = read_time(body["needed_by" if kind is CallKind.REQUEST else "reply_by"])
    row = find_row(session, IssuedCall, (judged.entry.channel, ref))
    if row is None:
        row = IssuedCall(
            channel=judged.entry.channel,
            ref=ref,
            kind=kind,
            author=judged.acting.author,
            bundle=judged.acting.sha256,
            text=text_of(find_covered(judged, ref)),
            tlp=label_of(find_covered(judged, ref)),
            next_update=time_of(body.get("next_update")),
            answers_to=AnswersTo(body["answers_to"]) if "answers_to" in body else None,
            about=body.get("about"),
            issued_at=at,
        )
        keep_row(session, row)
    row.changed_at, row.closed_at = at, None
    for organisation in body["addressees"]:
        place = (judged.entry.channel, ref, organisation)
        # In a direct channel no guard has asked whom it is put to.
        known = organisation in judged.state.members and organisation != judged.acting.author
        if not known or find_row(session, CalledMember, place) is not None:
            continue
        keep_row(
            session,
            CalledMember(
                channel=judged.entry.channel,
                ref=ref,
                organisation=organisation,
                bundle=judged.acting.sha256,
                state="open" if kind is CallKind.REQUEST else "called",
                round=1,
                asked_at=at,
                reply_by=reply_by,
            ),
        )
    _keep_indicators(session, judged, ref)


def _updated(session: Session, judged: Judged) -> None:
    body, at = judged.acting.body, read_time(judged.entry.created)
    _keep_update(session, judged)
    row = find_row(session, IssuedCall, (judged.entry.channel, _ref(judged)))
    if row is None:
        return
    row.changed_at, row.next_update = at, time_of(body.get("next_update"))
    for member in _named(session, judged):
        member.reply_by = time_of(body.get("reply_by")) or member.reply_by
        if body.get("asks") == "again":
            member.state, member.asked_at = "called", at
            member.round += 1
    _keep_indicators(session, judged, row.ref)


def _ended(session: Session, judged: Judged) -> None:
    _keep_update(session, judged)
    row = find_row(session, IssuedCall, (judged.entry.channel, _ref(judged)))
    if row is None:
        return
    for member in _named(session, judged):
        member.state = CLOSED
    row.changed_at = read_time(judged.entry.created)
    row.outcome = _outcome(judged.acting.body)
    if not any(member.state != CLOSED for member in _members(session, judged)):
        row.closed_at, row.next_update = row.changed_at, None


def _answered(session: Session, judged: Judged) -> None:
    body, place = judged.acting.body, judged.entry.place
    relay = body.get("on_behalf_of")
    speaker = relay["organisation"] if relay is not None else judged.acting.author
    member = find_row(session, CalledMember, (judged.entry.channel, _ref(judged), speaker))
    if member is not None:
        member.state = _ANSWERED[Act(judged.acting.act)]
    note = find_note(judged)
    declined = judged.act is Act.REQUEST_DECLINED
    direct = judged.state.kind is ChannelKind.DIRECT
    keep_row(
        session,
        CallAnswer(
            channel=judged.entry.channel,
            bundle=judged.acting.sha256,
            ref=_ref(judged),
            organisation=speaker,
            told_to=_other_side(judged) if direct else None,
            act=judged.acting.act,
            epoch=place[0],
            seq=place[1],
            answered_at=read_time(judged.entry.created),
            round=member.round if member is not None else 1,
            way=relay["way"] if relay is not None else body.get("way", "node"),
            relayed=relay is not None,
            affected=Affected(body["affected"]) if "affected" in body else None,
            result=RequestResult(body["result"]) if "result" in body else None,
            reason=DeclineReason(body["reason"]) if declined and "reason" in body else None,
            note=note.item.ref if note is not None else None,
            text=text_of(note),
            tlp=label_of(note) if note is not None else TLP.CLEAR,
        ),
    )


_REDUCERS: Final[Mapping[Act, Callable[[Session, Judged], None]]] = {
    **dict.fromkeys(_KINDS, _called),
    **dict.fromkeys(_ANSWERED, _answered),
    **dict.fromkeys(_ENDED, _ended),
    Act.WARNING_UPDATED: _updated,
}


def _takes_the_name_of_another(session: Session, judged: Judged) -> bool:
    """Tell whether a request goes by what a warning or a check is known by, or the other way.

    The tables keep the two apart; here they share one list, where neither may change the other.
    """
    row = find_row(session, IssuedCall, (judged.entry.channel, _ref(judged)))
    return row is not None and (row.kind is CallKind.REQUEST) != (judged.act in _OF_REQUESTS)


def _ref(judged: Judged) -> str:
    body = judged.acting.body
    return str(body.get("call") or body["request"])


def _members(session: Session, judged: Judged) -> list[CalledMember]:
    query = select(CalledMember).where(
        CalledMember.channel == judged.entry.channel, CalledMember.ref == _ref(judged)
    )
    return list(session.scalars(query))


def _named(session: Session, judged: Judged) -> list[CalledMember]:
    named = frozenset(judged.acting.body["addressees"])
    return [row for row in _members(session, judged) if row.organisation in named]


def _other_side(judged: Judged) -> str | None:
    return next((who for who in judged.state.members if who != judged.acting.author), None)


def _outcome(body: Mapping[str, Any]) -> RequestOutcome | None:
    return RequestOutcome(body["result"]) if "result" in body else None


def _keep_update(session: Session, judged: Judged) -> None:
    note = find_note(judged)
    place = judged.entry.place
    keep_row(
        session,
        CallUpdate(
            channel=judged.entry.channel,
            bundle=judged.acting.sha256,
            ref=_ref(judged),
            author=judged.acting.author,
            act=judged.acting.act,
            epoch=place[0],
            seq=place[1],
            said_at=read_time(judged.entry.created),
            asks_again=judged.acting.body.get("asks") == "again",
            note=note.item.ref if note is not None else None,
            text=text_of(note),
            tlp=label_of(note) if note is not None else TLP.CLEAR,
        ),
    )


def _keep_indicators(session: Session, judged: Judged, call: str) -> None:
    for one in covered_of(judged, "indicator"):
        place = (judged.entry.channel, call, one.item.ref)
        if one.stix is None or find_row(session, CallIndicator, place) is not None:
            continue
        keep_row(
            session,
            CallIndicator(
                channel=judged.entry.channel,
                call=call,
                ref=one.item.ref,
                bundle=judged.acting.sha256,
                pattern=str(one.stix.value.get("pattern", ""))[:TEXT_CHARACTERS],
                name=str(one.stix.value.get("name") or "")[:NAME_CHARACTERS],
                tlp=label_of(one),
            ),
        )


def _forget(session: Session, judged: Judged) -> None:
    """Let go of the words of what was taken back; that it was said stays."""
    channel, gone = judged.entry.channel, judged.recalled
    for view, ref in (
        (IssuedCall, IssuedCall.ref),
        (CallAnswer, CallAnswer.note),
        (CallUpdate, CallUpdate.note),
    ):
        query = update(view).where(view.channel == channel, ref.in_(gone)).values(text=None)
        session.execute(query.execution_options(synchronize_session="fetch"))
    session.execute(
        delete(CallIndicator)
        .where(CallIndicator.channel == channel, CallIndicator.ref.in_(gone))
        .execution_options(synchronize_session="fetch")
    )

"""What an applied entry does to the views of charters.

Source: lifecycles, 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from federation.judging.judged import Judged
from hub.community.records import CharterAnswerView, CharterView
from hub.covered import find_covered, find_note, label_of, text_of
from hub.view_rows import clear_rows, find_row, keep_row, snapshot_rows
from policies.acts import Act, ChannelKind
from policies.charter import read_terms, terms_document
from policies.lifecycles import NONE
from sharing.canonical import read_time

_VIEWS: Final = (CharterView, CharterAnswerView)
_ANSWERS: Final = frozenset({Act.CHARTER_ACCEPTED, Act.CHARTER_DECLINED})
_STEPS: Final = frozenset({Act.CHARTER_IN_FORCE, Act.CHARTER_WITHDRAWN, Act.CHARTER_ENDED})


def reduce_charters(session: Session, judged: Judged, now: datetime) -> None:
    """Keep the versions of a charter, and what each member says to them."""
    del now
    if judged.void is not None or judged.state.kind is not ChannelKind.COMMUNITY:
        return
    if judged.recalled:
        _forget(session, judged)
    if judged.disowned.bundles:
        _forget_disowned(session, judged)
    if judged.act is Act.CHARTER_PROPOSED:
        _proposed(session, judged)
    elif judged.act in _ANSWERS:
        _answered(session, judged, judged.acting.body["charter"])
    elif judged.act is Act.MEMBER_JOINED and "charter" in judged.acting.body:
        _answered(session, judged, judged.acting.body["charter"]["charter"])
    elif judged.act in _STEPS:
        _went_on(session, judged)


def clear_charters(session: Session, channel: str) -> None:
    """Throw away what entries of one channel have filled, before they are applied anew."""
    clear_rows(session, channel, _VIEWS)


def snapshot_charters(session: Session, channel: str) -> Mapping[str, Any]:
    """Give what the views hold for one channel, to compare before and after `rebuild`."""
    return snapshot_rows(session, channel, _VIEWS)


def _proposed(session: Session, judged: Judged) -> None:
    body, at = judged.acting.body, read_time(judged.entry.created)
    words = find_covered(judged, body["charter"])
    row = CharterView(
        channel=judged.entry.channel,
        charter=body["charter"],
        state=judged.state.state_of("charter", body["charter"]),
        text=text_of(words, "content"),
        tlp=label_of(words),
        sha256=body["sha256"],
        words_sha256=words.item.sha256 if words is not None else None,
        terms=terms_document(read_terms(body)),
        replaces=body.get("replaces"),
        accept_by=read_time(body["accept_by"]),
        proposed_by=judged.acting.author,
        proposed_at=at,
        changed_at=at,
        proposed_in=judged.acting.sha256,
        disowned=False,
    )
    keep_row(session, row)
    _answered(session, judged, body["charter"])


def _answered(session: Session, judged: Judged, charter: str) -> None:
    """Keep an answer as the ledger has it: who joins with other words has accepted nothing."""
    body, channel = judged.acting.body, judged.entry.channel
    speaker = body.get("on_behalf_of", {}).get("organisation", judged.acting.author)
    answer = judged.state.state_of("charter_answer", f"{charter} {speaker}")
    if answer in (None, NONE, "asked"):
        return
    row = find_row(session, CharterAnswerView, (channel, charter, speaker))
    if row is None:
        row = CharterAnswerView(channel=channel, charter=charter, organisation=speaker)
        keep_row(session, row)
    note = None if judged.act is Act.CHARTER_PROPOSED else find_note(judged)
    row.answer, row.answered_at = answer, read_time(judged.entry.created)
    row.reason, row.reason_note = (
        text_of(note, "content"),
        note.item.ref if note is not None else None,
    )
    row.reason_tlp = label_of(note) if note is not None else None
    row.relayed = "on_behalf_of" in body
    row.bundle, row.disowned = judged.acting.sha256, False


def _went_on(session: Session, judged: Judged) -> None:
    """Let every version stand as the ledger has it: the one before is superseded."""
    at, named = read_time(judged.entry.created), judged.acting.body["charter"]
    rows = session.scalars(
        select(CharterView).where(CharterView.channel == judged.entry.channel)
    ).all()
    for row in rows:
        state = judged.state.state_of("charter", row.charter) or row.state
        if state != row.state:
            row.state, row.changed_at = state, at
        if row.charter == named:
            note = find_note(judged)
            row.reason = text_of(note, "content")
            row.reason_note = note.item.ref if note is not None else None
            row.step_in = judged.acting.sha256
            if judged.act is Act.CHARTER_IN_FORCE:
                row.in_force_at = at


def _forget(session: Session, judged: Judged) -> None:
    """Let go of the words of what was taken back; that it was said stays."""
    channel, gone = judged.entry.channel, judged.recalled
    for view, ref, values in (
        (CharterView, CharterView.charter, {"text": None}),
        (CharterView, CharterView.reason_note, {"reason": None}),
        (CharterAnswerView, CharterAnswerView.reason_note, {"reason": None}),
    ):
        query = update(view).where(view.channel == channel, ref.in_(gone)).values(**values)
        session.execute(query.execution_options(synchronize_session="fetch"))


def _forget_disowned(session: Session, judged: Judged) -> None:
    """Let go of the words of what its author says is not its own, and mark that.

    A version stands, and an answer counts, as the ledger has it: until a later act mends it.
    """
    channel, bundles = judged.entry.channel, judged.disowned.bundles
    for view, brought_in, values in (
        (CharterView, CharterView.proposed_in, {"text": None, "disowned": True}),
        (CharterView, CharterView.step_in, {"reason": None, "disowned": True}),
        (CharterAnswerView, CharterAnswerView.bundle, {"reason": None, "disowned": True}),
    ):
        query = update(view).where(view.channel == channel, brought_in.in_(bundles))
        session.execute(query.values(**values).execution_options(synchronize_session="fetch"))

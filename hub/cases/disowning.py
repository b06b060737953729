"""What goes from the views of a case when its author says that it was a stolen key.

What was *said* goes: words, titles, figures, links, own words; a vote counts for nothing. Where the
case stands is what the ledger has it at, and stays until a later act mends it: so a question, a
decision or a vote that is disowned is kept, and marked.

Source: decision 10.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import delete, or_, update
from sqlalchemy.orm import Session

from hub.cases.records import CaseLink, CaseView, CaseWords, DecisionView, OwnWordView, VoteView
from hub.view_rows import forget_bundles

_NOTHING_STATED: Final[Mapping[str, None]] = dict.fromkeys(
    ("assessment", "assessed_at", "assessed_in")
)
_NOTHING_REPORTED: Final[Mapping[str, None]] = dict.fromkeys(
    ("response", "since", "since_earliest", "responded_at", "responded_in")
)
_NOTHING_TOLD: Final[Mapping[str, None]] = dict.fromkeys(("title", "text", "told_in"))
_NOTHING_JOINED: Final[Mapping[str, None]] = dict.fromkeys(
    ("severity", "derived", "figures", "asked", "joined_at", "joined_in")
)


def forget_disowned(session: Session, channel: str, bundles: Collection[str]) -> None:
    """Let go of what bundles of one channel have said which their author says are not its own."""
    forget_bundles(session, channel, bundles, (CaseWords, CaseLink))
    for view, brought_in, values in (
        (CaseView, CaseView.told_in, _NOTHING_TOLD),
        (CaseView, CaseView.joined_in, _NOTHING_JOINED),
        (OwnWordView, OwnWordView.assessed_in, _NOTHING_STATED),
        (OwnWordView, OwnWordView.responded_in, _NOTHING_REPORTED),
        (DecisionView, DecisionView.asked_in, {"text": None}),
        (VoteView, VoteView.bundle, {"disowned": True}),
    ):
        query = update(view).where(view.channel == channel, brought_in.in_(bundles))
        session.execute(query.values(**values).execution_options(synchronize_session="fetch"))
    session.execute(
        update(DecisionView)
        .where(
            DecisionView.channel == channel,
            or_(DecisionView.asked_in.in_(bundles), DecisionView.taken_in.in_(bundles)),
        )
        .values(disowned=True)
        .execution_options(synchronize_session="fetch")
    )
    session.execute(
        delete(OwnWordView)
        .where(
            OwnWordView.channel == channel,
            OwnWordView.assessed_in.is_(None),
            OwnWordView.responded_in.is_(None),
        )
        .execution_options(synchronize_session="fetch")
    )

"""What pages say of warnings, checks and requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from federation.ledgers.ledger import find_channel, load_state
from hub.accounts.actor import Actor
from hub.calls import queries
from hub.calls.due import PAGE, Due
from hub.calls.queries import Place
from hub.calls.values import Asked, Call, Update
from hub.channels.member_queries import MemberRow, visible_members
from hub.channels.plain_words import WAY_WORDS
from hub.channels.queries import ChannelSummary
from hub.channels.reach import heard_lately
from hub.web import words
from hub.web.models import State, Tone
from policies.acts import ACTS, Act
from policies.calls import (
    Affected,
    AnswersTo,
    CallKind,
    DeclineReason,
    Measured,
    Reply,
    RequestOutcome,
    RequestResult,
)
from policies.roles import Right

TITLE_CHARACTERS: Final = 90
KINDS: Final[Mapping[CallKind, str]] = {
    CallKind.WARNING: "Warning",
    CallKind.CHECK: "Check of the communication",
    CallKind.REQUEST: "Request",
}
DRAWINGS: Final[Mapping[CallKind, str]] = {
    CallKind.WARNING: "alert-triangle",
    CallKind.CHECK: "phone",
    CallKind.REQUEST: "message-2",
}
AFFECTED: Final[Mapping[Affected, str]] = {
    Affected.YES: "We are affected",
    Affected.LOOKING: "We are looking",
    Affected.NO: "We are not affected",
}
TOLD_AFFECTED: Final[Mapping[Affected, str]] = {
    Affected.YES: "They are affected",
    Affected.LOOKING: "They are looking",
    Affected.NO: "They are not affected",
}
RESULTS: Final[Mapping[RequestResult, str]] = {
    RequestResult.ANSWERED: "An answer",
    RequestResult.FOUND: "Searched, and found",
    RequestResult.NOTHING_FOUND: "Searched, nothing found",
    RequestResult.NOT_SEARCHED: "Not searched",
}
REASONS: Final[Mapping[DeclineReason, str]] = {
    DeclineReason.NOT_AFFECTED: "It does not concern us",
    DeclineReason.NO_CAPACITY: "Nobody is free to do it",
    DeclineReason.LEGAL_LIMIT: "The law does not let us",
    DeclineReason.CONFLICT: "A conflict of interest",
    DeclineReason.OTHER: "Another reason",
}
OUTCOMES: Final[Mapping[RequestOutcome, str]] = {
    RequestOutcome.ANSWERED: "Answered",
    RequestOutcome.NO_LONGER_NEEDED: "No longer needed",
}
READERS: Final[Mapping[AnswersTo, str]] = {
    AnswersTo.ALL: "All members read the answers",
    AnswersTo.ASKER: "Only we read the answers",
}
_SAID: Final[Mapping[Act, str]] = {
    Act.WARNING_UPDATED: "added",
    Act.WARNING_ENDED: "ended it",
    Act.CHECK_CLOSED: "ended it",
    Act.REQUEST_CLOSED: "closed it",
}
_STATES: Final[Mapping[Reply, State]] = {
    Reply.SILENT: State("silent", Tone.TROUBLE),
    Reply.WAITING: State("no answer yet", Tone.WAITING),
    Reply.ANSWERED: State("answered", Tone.GOOD),
    Reply.DECLINED: State("declined", Tone.ENDED),
    Reply.UNANSWERED: State("never answered", Tone.ENDED),
    Reply.KEPT: State("told to the asker alone", Tone.ENDED),
}
_AFFECTED_STATES: Final[Mapping[Affected, State]] = {
    Affected.YES: State("affected", Tone.TROUBLE),
    Affected.LOOKING: State("looking", Tone.WAITING),
    Affected.NO: State("not affected", Tone.GOOD),
}


@dataclass(frozen=True)
class CallsPart:
    """What the page of a channel shows and offers.

    Args:
        others: organisation and name of those who can be asked.
    """

    open: Sequence[Call]
    ended: Sequence[Call]
    older: Place | None
    """After which one of the ended the next page of them begins."""
    is_older_page: bool
    may_warn: bool
    may_check: bool
    may_ask: bool
    others: Sequence[tuple[str, str]]

    @property
    def is_shown(self) -> bool:
        """Tell whether there is anything to show or to offer."""
        offers = self.may_warn or self.may_check or self.may_ask
        return bool(self.open or self.ended or (offers and self.others))


def calls_part(
    session: Session,
    actor: Actor,
    channel: ChannelSummary,
    rows: Sequence[MemberRow],
    open_acts: frozenset[Act],
    *,
    us: str,
    now: datetime,
    ended_after: Place | None = None,
) -> CallsPart:
    """Give what the page of a channel shows of warnings, checks and requests.

    Args:
        ended_after: of those that have ended, only what follows after this one.
    """
    still_open = queries.visible_calls(
        session, actor, channel.id, us=us, now=now, is_open=True, limit=None
    )
    ended = queries.visible_calls(
        session,
        actor,
        channel.id,
        us=us,
        now=now,
        is_open=False,
        after=ended_after,
        limit=PAGE + 1,
    )

    def offers(act: Act) -> bool:
        return act in open_acts and bool(actor.may(ACTS[act].right))

    return CallsPart(
        open=still_open,
        ended=ended[:PAGE],
        older=queries.place_of(ended[PAGE - 1]) if len(ended) > PAGE else None,
        is_older_page=ended_after is not None,
        may_warn=channel.is_ours and offers(Act.WARNING_ISSUED),
        may_check=channel.is_ours and offers(Act.CHECK_CALLED),
        may_ask=offers(Act.REQUEST_OPENED),
        others=[
            (row.organisation, f"{row.name}: {row.own_name}" if row.own_name else row.name)
            for row in rows
            if row.state == "joined" and not row.is_us
        ],
    )


def place_words(place: Place) -> str:
    """Give a place in the order of those that have ended, as an address carries it."""
    return f"{place.issued_at.isoformat()}_{place.ref}"


def read_place(text: str | None) -> Place | None:
    """Read a place of those that have ended; what is none begins with the newest."""
    moment, _, ref = (text or "").partition("_")
    try:
        issued_at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return Place(has_ended=True, issued_at=issued_at, ref=ref) if issued_at.tzinfo else None


def can_be_told(session: Session, actor: Actor, call: Call, *, now: datetime) -> frozenset[str]:
    """Give those of the silent for whom this person may record what somebody told us."""
    if not (call.channel_is_ours and call.is_open and actor.may(Right.CONTRIBUTE)):
        return frozenset()
    record = find_channel(session, call.channel)
    state = load_state(session, record) if record is not None else None
    if record is None or state is None:
        return frozenset()
    heard = heard_lately(session, record, state.members.values(), now=now)
    return frozenset(
        one.organisation
        for one in call.silent
        if one.membership in {"joined", "suspended"} and one.organisation not in heard
    )


def newcomers(
    session: Session, actor: Actor, call: Call, *, us: str, now: datetime
) -> Sequence[str]:
    """Give the names of those who have joined since a warning of ours, and are not asked yet."""
    if call.kind is not CallKind.WARNING or not (call.is_ours and call.is_open):
        return ()
    asked = {one.organisation for one in call.addressees} | {us}
    rows = visible_members(session, actor, call.channel, us=us, now=now)
    return [row.name for row in rows if row.state == "joined" and row.organisation not in asked]


def title_of(call: Call | Due) -> str:
    """Give the first line of its words, or how that begins."""
    line = " ".join(call.text.strip().partition("\n")[0].split())
    if len(line) <= TITLE_CHARACTERS:
        return line
    return line[:TITLE_CHARACTERS].rsplit(" ", 1)[0] + " …"


def state_of(call: Call) -> State:
    """Give how a call stands, as a badge."""
    if not call.is_open:
        return State("ended", Tone.ENDED)
    if call.waits_for_us:
        return State("waits for you", Tone.TROUBLE)
    if call.is_ours and call.overdue:
        return State(f"{len(call.overdue)} silent", Tone.TROUBLE)
    if call.silent:
        return State("open", Tone.WAITING)
    return State("all have answered", Tone.GOOD)


def reply_state(asked: Asked) -> State:
    """Give how one organisation stands to what it was asked, as a badge."""
    if asked.reply is Reply.ANSWERED and asked.affected is not None:
        return _AFFECTED_STATES[asked.affected]
    return _STATES[asked.reply]


def measured_sentence(call: Call) -> str:
    """Say how many have answered, and how quickly."""
    measured: Measured = call.measured
    if call.answers_to is AnswersTo.ASKER and not call.is_ours:
        return f"{words.count(measured.asked, 'organisation')} asked; the asker reads the answers."
    parts = [f"{measured.answered} of {measured.asked} answered"]
    known = 0
    for minutes, answered in measured.within:
        if answered > known:
            parts.append(f"{answered} within {minutes} min")
            known = answered
    if measured.slowest is not None and known < measured.answered:
        parts.append(f"the last after {span_words(measured.slowest)}")
    return ", ".join(parts) + "."


def answered_sentence(asked: Asked) -> str:
    """Say when and by which way an organisation answered."""
    parts = []
    if asked.minutes is not None:
        parts.append(f"after {span_words(asked.minutes)}")
    if asked.late:
        parts.append("late")
    if asked.relayed:
        parts.append(f"{WAY_WORDS.get(asked.way or '', 'by another way')}, as the coordinator says")
    if asked.result is not None and asked.result is not RequestResult.ANSWERED:
        parts.append(RESULTS[asked.result].lower())
    if asked.reason is not None:
        parts.append(REASONS[asked.reason][0].lower() + REASONS[asked.reason][1:])
    return ", ".join(parts)


def span_words(minutes: int) -> str:
    """Write minutes as people do: `12 min`, `3 h 5 min`."""
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def membership_words(asked: Asked) -> str | None:
    """Say why an organisation can't answer from its own node, where that is so."""
    if asked.without_node:
        return "no node"
    return None if asked.membership == "joined" else asked.membership


def said(update: Update) -> str:
    """Say who did what with a call."""
    again = ", and asks all again" if update.asks_again else ""
    return f"{update.author_name} {_SAID.get(update.act, 'wrote')}{again}"

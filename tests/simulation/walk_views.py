"""What the views of a node hold of one channel, and what the tables of that channel say.

Source: architecture (*Views*); lifecycles, 1, rules 1 and 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.judging.state import ChannelState
from federation.ledgers.ledger_records import CoveredRecord
from hub.accounts.records import ApiToken, SignIn, Throttle, User, UserRole
from hub.api.records import KeptAnswer
from hub.audit.records import AuditRecord
from hub.calls.records import CallAnswer, CalledMember, CallIndicator, CallUpdate, IssuedCall
from hub.cases.records import (
    CaseLink,
    CaseMemory,
    CaseView,
    CaseWords,
    DecisionView,
    OwnWordView,
    VoteView,
)
from hub.cases.room_records import IntelView, MomentView
from hub.channels.records import InvitationView, MemberView
from hub.channels.relay_records import AbsentRecord, RelayAnswer, RelayedView
from hub.community.directory_records import ContactPoint, DescribedMember
from hub.community.records import CharterAnswerView, CharterView
from hub.reports.records import (
    LinkedReport,
    LocalReport,
    PublishedNearMiss,
    ReportAnswer,
    ReportIndicator,
    ReportWords,
    SentReport,
)
from policies.acts import ChannelKind
from policies.calls import CallKind
from policies.timeline import Precision
from sharing import objects

Rows = Mapping[tuple[str, ...], Mapping[str, Any]]


def _words(ref: str, *columns: str) -> dict[str, str]:
    return dict.fromkeys(columns, ref)


VIEWS: Final[Mapping[type[Any], Mapping[str, str]]] = {
    MemberView: {},
    RelayedView: {},
    SentReport: _words("report", "title", "text"),
    ReportWords: _words("note", "text"),
    ReportAnswer: {},
    ReportIndicator: {},
    CaseView: _words("incident", "title", "text"),
    CaseLink: {},
    CaseWords: _words("note", "text"),
    OwnWordView: {},
    DecisionView: _words("decision", "text"),
    VoteView: {},
    MomentView: _words(
        "ref", "text", "more", "version", "earliest", "latest", "precision", "status"
    ),
    IntelView: _words(
        "ref", "version", "title", "text", "pattern", "about", "verdict", "valid_until"
    ),
    IssuedCall: _words("ref", "text"),
    CalledMember: {},
    CallAnswer: _words("note", "text"),
    CallUpdate: _words("note", "text"),
    CallIndicator: {},
    CharterView: _words("charter", "text") | _words("reason_note", "reason"),
    CharterAnswerView: _words("reason_note", "reason"),
    DescribedMember: _words("constituency", "text"),
    ContactPoint: _words("ref", "name", "lines"),
}
"""View that entries fill, the same on every node → what it holds in words: column → the column that
names the object which they come from. A node that lacks the object holds none of them."""
NODE_OWN: Final[Mapping[type[Any], str]] = {
    InvitationView: "filled by entries, on the node of whom it invites alone; `rebuild` makes it",
    AbsentRecord: "who an organisation without a node is: never sent",
    LocalReport: "a report before anybody submits it",
    LinkedReport: "which case a report became part of: its coordinator's memory",
    PublishedNearMiss: "which near-miss was published where: its coordinator's memory",
    CaseMemory: "figures told to the coordinator alone: its node's memory",
    AuditRecord: "what persons of this node did",
    KeptAnswer: "answers to programs of this node that ask twice",
    User: "a person of this node",
    UserRole: "what a person of this node may do",
    SignIn: "who is signed in at this node",
    ApiToken: "a program of this node",
    Throttle: "who has guessed too often at this node",
}
"""Record of the hub that no other node has → why."""
_OWN: Final = frozenset({"received_at"})
"""What each node sees for itself: when it took it in."""
_WHOLE: Final[Mapping[str, str]] = {"report_indicator": "ref", "call_indicator": "ref"}
"""View that has a row only where an object is here → which column names that object."""


def look(session: Session, channel: str) -> Rows:
    """Give every row of every view of a channel, by view and key."""
    found = {}
    for view in VIEWS:
        table = view.__table__
        keys = [column.name for column in table.primary_key]
        for row in session.execute(select(table).where(view.channel == channel)).mappings():
            place = (table.name, *(str(row[key]) for key in keys))
            found[place] = {name: value for name, value in row.items() if name not in _OWN}
    return found


def differences(session: Session, channel: str, ours: Rows, theirs: Rows) -> Iterator[str]:
    """Say where a node's views differ from its owner's, but for words that it may not have.

    Args:
        session: of the node.
        theirs: what the owner's node holds.
    """
    words = {view.__table__.name: columns for view, columns in VIEWS.items()}
    for place in sorted(ours.keys() | theirs.keys()):
        if place not in ours or place not in theirs:
            known = theirs.get(place) or ours[place]
            missed = place[0] in _WHOLE and place not in ours
            if missed and not _holds(session, channel, known[_WHOLE[place[0]]]):
                continue
            yield f"{' '.join(place)}: {'only there' if place in theirs else 'only here'}"
            continue
        mine, other = ours[place], theirs[place]
        for column, value in mine.items():
            if value == other[column] or value is RelayAnswer.WITHHELD:
                continue
            ref = words[place[0]].get(column)
            lacks = ref is not None and not _holds(session, channel, mine[ref])
            if lacks and value == _without(mine, column):
                continue
            yield f"{' '.join(place)}: {column} is {value!r} here and {other[column]!r} there"


def _without(row: Mapping[str, Any], column: str) -> Any:
    """Give what a row says where the words are not here; when it was is then when it was said."""
    match column:
        case "earliest" | "latest":
            return row["said_at"]
        case "precision":
            return Precision.UNKNOWN
    return None


def _holds(session: Session, channel: str, ref: Any) -> bool:
    """Tell whether any version of an object of a channel lies on this node."""
    query = select(CoveredRecord.sha256).where(
        CoveredRecord.channel == channel, CoveredRecord.ref == str(ref)
    )
    return bool(objects.find_contents(session, set(session.scalars(query))))


def untold(state: ChannelState, rows: Rows) -> Iterator[str]:
    """Say where the views of a channel tell otherwise than its tables."""
    told = dict(_told(state, rows))
    for (thing, subject), states in told.items():
        kept = state.state_of(thing, subject)
        if kept not in states:
            yield f"{thing} of {subject}: views {'/'.join(map(str, states))}, tables {kept}"
    for thing, subject, kept in _kept(state):
        if (thing, subject) not in told and kept not in _UNSEEN.get(thing, ()):
            yield f"{thing} of {subject}: no view, tables {kept}"


_UNSEEN: Final[Mapping[str, tuple[str, ...]]] = {
    "crisis": ("no",),
    "response": (),
    "membership": (),
}
_SEEN: Final = frozenset(
    {"membership", "case", "response", "assessment", "decision", "vote", "call", "request"}
)


def _kept(state: ChannelState) -> Iterator[tuple[str, str, str]]:
    for name, kept in state.things.items():
        thing, _, subject = name.partition(":")
        if thing in _SEEN | {"report"} and kept != "none":
            yield thing, subject, kept


def _told(
    state: ChannelState, rows: Rows
) -> Iterator[tuple[tuple[str, str], tuple[str | None, ...]]]:
    direct = state.kind is ChannelKind.DIRECT
    calls = {place[2]: row for place, row in rows.items() if place[0] == "issued_call"}
    for (view, *key), row in rows.items():
        match view:
            case "channel_member":
                yield ("membership", key[1]), (row["state"],)
            case "case_view":
                yield ("case", "channel"), (row["state"],)
                yield ("crisis", "channel"), ("yes",) if row["crisis"] else ("no", None)
            case "own_word" if not direct:
                if row["response"] is not None:
                    response = row["response"].value.replace("-", " ")
                    # What was never otherwise than at first is not kept by the tables.
                    yield (
                        ("response", key[2]),
                        (response, None) if response == "unknown" else (response,),
                    )
                if row["assessment"] is not None:
                    yield ("assessment", key[2]), ("current",)
            case "decision":
                yield ("decision", key[1]), (row["state"],)
            case "vote":
                yield ("vote", f"{key[1]} {key[2]}"), (row["option"],)
            case "called_member" if not direct:
                kind = calls[key[1]]["kind"]
                thing = "request" if kind is CallKind.REQUEST else "call"
                yield (thing, f"{key[1]} {key[2]}"), (row["state"],)
            case "sent_report":
                yield ("report", key[1]), (row["state"],)
            case "report_answer":
                yield ("report", key[1]), (row["state"],)

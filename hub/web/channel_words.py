"""Channels as pages show them: words, badges and ways out for what the queries give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never

from sqlalchemy.orm import Session

from federation.archive.report import Report
from federation.ledgers.ledger_records import Delivery, Standing
from federation.ledgers.sources import DELIVER
from federation.work.errands import find_waiting
from hub.channels.invitations import InvitationRow
from hub.channels.kept_words import KeptWords
from hub.channels.queries import ChannelSummary, MemberRow, PendingRow, Verification
from hub.web import words
from hub.web.forms import as_sentence
from hub.web.keys import KeysView, keys_view
from hub.web.models import Alarm, State, Tone
from policies.acts import Act, ChannelKind
from policies.roles import Role
from policies.tlp import TLP

KIND_WORDS: Final[Mapping[ChannelKind, str]] = {
    ChannelKind.CASE: "case",
    ChannelKind.COMMUNITY: "community",
    ChannelKind.DIRECT: "direct channel",
    ChannelKind.FEED: "feed",
}
GROUPS: Final[Sequence[tuple[ChannelKind, str]]] = (
    (ChannelKind.CASE, "Cases"),
    (ChannelKind.COMMUNITY, "Communities"),
    (ChannelKind.FEED, "Feeds"),
    (ChannelKind.DIRECT, "Direct channels"),
)
ROLE_WORDS: Final[Mapping[Role, str]] = {
    Role.AFFECTED: "Affected: it has hit them",
    Role.SUPPLIER: "Supplier of what is hit",
    Role.RESPONDER: "Responder: they help",
    Role.ADVISOR: "Advisor",
    Role.DEPUTY: "Deputy: takes over when you are lost",
    Role.AUTHORITY: "Authority: reads, asks, notes",
    Role.OBSERVER: "Observer: reads",
    Role.MEMBER: "Member",
}
CASE_ROLES: Final = tuple(role for role in ROLE_WORDS if role is not Role.MEMBER)
COMMUNITY_ROLES: Final = (
    Role.MEMBER,
    Role.DEPUTY,
    Role.ADVISOR,
    Role.AUTHORITY,
    Role.OBSERVER,
)
DRAWINGS: Final[Mapping[str, str]] = {
    Act.CHANNEL_OPENED: "message-2",
    Act.CHANNEL_CEILING_CHANGED: "shield-half",
    Act.NODE_DESCRIBED: "key",
    Act.MEMBER_DESCRIBED: "phone",
    Act.MEMBER_INVITED: "mail-forward",
    Act.MEMBER_JOINED: "user-plus",
    Act.MEMBER_DECLINED: "x",
    Act.MEMBER_UNINVITED: "x",
    Act.MEMBER_SUSPENDED: "player-pause",
    Act.MEMBER_RESUMED: "player-play",
    Act.MEMBER_LEFT: "logout",
    Act.MEMBER_REMOVED: "x",
    Act.MEMBER_ROLE_CHANGED: "users-group",
    Act.HANDOVER_OFFERED: "heart-handshake",
    Act.HANDOVER_ACCEPTED: "heart-handshake",
    Act.COORDINATOR_HANDED_OVER: "heart-handshake",
    Act.NOTE_ADDED: "note",
    Act.EVENT_ADDED: "clock",
    Act.OPINION_GIVEN: "message-2",
    Act.SIGHTING_REPORTED: "eye",
    Act.INTEL_SHARED: "topology-star-3",
    Act.INTEL_REVOKED: "eye-off",
    Act.OBJECT_RECALLED: "trash",
    Act.OBJECT_RELEASED: "eye",
    Act.RECALL_ANSWERED: "check",
    Act.WARNING_ISSUED: "alert-triangle",
    Act.WARNING_UPDATED: "alert-triangle",
    Act.WARNING_ACKNOWLEDGED: "check",
    Act.CHECK_CALLED: "phone",
    Act.CHECK_ACKNOWLEDGED: "check",
    Act.REQUEST_OPENED: "message-2",
    Act.REQUEST_ANSWERED: "message-2",
}
ABOUT_MEMBERS: Final = frozenset(
    {Act.MEMBER_UNINVITED, Act.MEMBER_SUSPENDED, Act.MEMBER_RESUMED, Act.MEMBER_REMOVED}
)
PENDING_WORDS: Final[Mapping[str, str]] = {
    Act.MEMBER_JOINED: "We join",
    Act.MEMBER_DECLINED: "We decline",
    Act.MEMBER_LEFT: "We leave",
    Act.NOTE_ADDED: "A note of ours",
    Act.RESPONSE_REPORTED: "How far we are",
    Act.ASSESSMENT_SUBMITTED: "How we are hit",
    Act.DECISION_VOTED: "Our vote",
    Act.EVENT_ADDED: "An event of ours",
    Act.INTEL_SHARED: "Intelligence of ours",
    Act.SIGHTING_REPORTED: "A sighting of ours",
    Act.OPINION_GIVEN: "An opinion of ours",
    Act.NODE_DESCRIBED: "Our new keys",
    Act.MEMBER_DESCRIBED: "How to reach us",
    Act.OBJECT_RECALLED: "A recall of ours",
    Act.WARNING_ACKNOWLEDGED: "Our acknowledgement of a warning",
    Act.CHECK_ACKNOWLEDGED: "Our answer to a check",
    Act.REQUEST_OPENED: "A question of ours",
    Act.REQUEST_ANSWERED: "An answer of ours",
    Act.REQUEST_DECLINED: "That we do not answer a question",
    Act.REQUEST_CLOSED: "The end of a question of ours",
    Act.CHARTER_ACCEPTED: "That we accept a charter",
    Act.CHARTER_DECLINED: "That we decline a charter",
}
OLDER_WORDS: Final = (
    "You read what is up to TLP:GREEN, and what its authors have opened to later members. The rest"
    " is withheld; you can ask its authors to release it."
)


@dataclass(frozen=True)
class Invitation:
    """An invitation, and the labels that we may say we take no more than."""

    row: InvitationRow
    kind: str
    choices: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Contribution:
    """One thing that we wrote into somebody else's channel, until it is history."""

    sha256: str
    channel: str
    place: str
    sentence: str
    state: State
    by: str
    at: datetime
    attempts: int
    next_at: datetime | None
    reason: str | None
    refused: bool
    text: str | None = None
    """What it says, in full; none where this person may not read it."""


@dataclass(frozen=True)
class Member:
    """One organisation in the channel, with what the coordinator may do about it."""

    row: MemberRow
    state: State
    acts: frozenset[str]
    keys: KeysView | None


def invitation_of(row: InvitationRow) -> Invitation:
    """Give an invitation as its page shows it."""
    below = (label for label in labels_under(row.ceiling) if label is not row.ceiling)
    return Invitation(row, KIND_WORDS[row.kind], _choices(below))


@dataclass(frozen=True)
class AudiencePart:
    """What a channel's page says and offers of who reads what.

    Args:
        ceilings: labels that it could take; none where nobody here changes that.
        takes: labels that we could say we take at most; none where we can't.
        ours: what we said that we take at most.
        less: who takes less than the channel allows, in words.
        suspended: we are kept out for now.
        guests: who could be asked into a breakout, as (organisation, name).
    """

    ceilings: tuple[tuple[str, str], ...]
    takes: tuple[tuple[str, str], ...]
    ours: str
    less: tuple[str, ...]
    suspended: MemberRow | None
    guests: tuple[tuple[str, str], ...]
    breakouts: tuple[ChannelSummary, ...]
    breakout_labels: tuple[tuple[str, str], ...]


def audience_of(
    channel: ChannelSummary,
    members: Sequence[MemberRow],
    offered: frozenset[Act],
    breakouts: Sequence[ChannelSummary],
) -> AudiencePart:
    """Give what a channel's page says and offers of who reads what."""
    ceiling = channel.ceiling or TLP.RED
    red = channel.parent is not None or channel.kind is ChannelKind.DIRECT
    changes = Act.CHANNEL_CEILING_CHANGED in offered
    below = [label for label in labels_under(ceiling) if label is not ceiling]
    us = next((row for row in members if row.is_us), None)
    joined = [row for row in members if row.state == "joined" and not row.is_us]
    less = tuple(
        f"{row.name} takes matter up to {row.takes.label} alone"
        for row in members
        if row.state == "joined" and row.takes is not None and not row.takes.allows(ceiling)
    )
    return AudiencePart(
        ceilings=_choices(
            label
            for label in reversed(TLP)
            if changes and label is not ceiling and (red or label is not TLP.RED)
        ),
        takes=_choices(below if Act.MEMBER_LIMITS_CHANGED in offered else ()),
        ours=us.takes.value if us is not None and us.takes is not None else "",
        less=less,
        suspended=us if us is not None and us.state == "suspended" else None,
        guests=tuple((row.organisation, row.name) for row in joined if not row.without_node),
        breakouts=tuple(breakouts),
        breakout_labels=_choices(reversed(TLP)),
    )


def _choices(labels: Iterable[TLP]) -> tuple[tuple[str, str], ...]:
    return tuple((label.value, label.label) for label in labels)


def state_of(channel: ChannelSummary) -> State:
    """Say how our copy of a channel stands."""
    match channel.standing:
        case Standing.CURRENT:
            return State("current", Tone.GOOD)
        case Standing.JOINING:
            return State("joining", Tone.WAITING)
        case Standing.WAITING:
            return State("waiting", Tone.WAITING)
        case Standing.FROZEN:
            return State("frozen", Tone.TROUBLE)
        case Standing.BEHIND:
            return State("behind", Tone.TROUBLE)
        case Standing.ENDED:
            return State("ended", Tone.ENDED)
    assert_never(channel.standing)


def sentence_of(channel: ChannelSummary) -> str:
    """Say in one sentence who keeps a channel, or what it waits for."""
    owner = channel.owner_name or "Another organisation"
    if channel.standing is Standing.JOINING:
        return (
            "We answered the invitation; the history comes once the coordinator has taken it in."
            " If that takes long, call them."
        )
    if channel.standing is Standing.ENDED:
        return (
            "We are not a member any more. What we have read stays here."
            " To return takes an invitation."
        )
    if channel.kind is ChannelKind.DIRECT:
        return "You write here." if channel.is_ours else f"{owner} writes here, to you alone."
    return "You coordinate it." if channel.is_ours else f"{owner} coordinates it."


def alarm_of(verification: Verification, wrong: Sequence[str]) -> Alarm | None:
    """Say why nothing new is applied, and the way out; `None` while nobody need be told."""
    if verification.standing is Standing.FROZEN:
        title, tone = "This channel is frozen here.", Tone.TROUBLE
    elif not wrong:
        return None
    elif verification.standing is Standing.WAITING:
        title, tone = "Something of this channel is missing.", Tone.WAITING
    elif verification.standing is Standing.BEHIND:
        title, tone = "Nobody can write here now.", Tone.TROUBLE
    else:
        return Alarm(
            wrong[0],
            "What we write waits. Call them; if they are lost, the members choose a successor.",
            Tone.WAITING,
        )
    parts = [verification.what_it_means, verification.way_out]
    return Alarm(title, " ".join(as_sentence(part) for part in parts if part), tone)


def contribution_of(
    session: Session, row: PendingRow, *, place: str, kept: KeptWords | None = None
) -> Contribution:
    """Say how far a contribution has come, and why not further.

    Args:
        place: the name of its channel.
        kept: what it says.
    """
    errand = find_waiting(session, DELIVER, row.channel)
    parts: list[str | None] = []
    next_at = None
    match row.state:
        case Delivery.PENDING if row.held:
            state = State("kept here for now", Tone.TROUBLE)
            parts = [row.sentence]
            next_at = errand.due_at if errand is not None and errand.attempts else None
        case Delivery.PENDING:
            state = State("on the way", Tone.WAITING)
            if errand is not None and errand.attempts:
                next_at = errand.due_at
                parts = ["Their node can’t be reached, or has not taken it yet", errand.last_reason]
            parts.append(row.sentence)
        case Delivery.ADMITTED if row.alarm:
            state = State("held back?", Tone.TROUBLE)
            parts = [
                "The coordinator’s node took it and has not shown it to anybody since",
                "Call them",
            ]
        case Delivery.ADMITTED:
            state = State("taken, not shown yet", Tone.WAITING)
        case Delivery.REFUSED:
            state = State("refused", Tone.TROUBLE)
            parts = [row.sentence or row.what_it_means, "Nothing of it was shown. Write it anew"]
        case _:
            state = State("history", Tone.GOOD)
    return Contribution(
        sha256=row.sha256,
        channel=row.channel,
        place=place,
        sentence=PENDING_WORDS.get(row.act, row.act),
        state=state,
        by=row.written_by,
        at=row.written_at,
        attempts=row.attempts,
        next_at=next_at,
        reason=" ".join(dict.fromkeys(as_sentence(part) for part in parts if part)) or None,
        refused=row.state is Delivery.REFUSED,
        text=kept.text if kept is not None else None,
    )


def member_of(row: MemberRow, open_acts: frozenset[Act]) -> Member:
    """Give a member's badge, and those of the acts open about it that this page offers."""
    tones = {"joined": Tone.GOOD, "invited": Tone.WAITING, "suspended": Tone.TROUBLE}
    text = "invited, late" if row.late else row.state
    acts = frozenset(act.value for act in open_acts & ABOUT_MEMBERS)
    return Member(row, State(text, tones.get(row.state, Tone.ENDED)), acts, keys_view(row.keys))


def labels_under(ceiling: TLP) -> list[TLP]:
    """Give the labels that a channel takes, strictest first."""
    return [label for label in reversed(TLP) if ceiling.allows(label)]


def verdict_of(report: Report) -> tuple[str, str]:
    """Say what checking all of a ledger found, and how that looks."""
    if not report.failures:
        entries = words.count(len(report.history), "entry", "entries")
        return f"All {entries} prove: each is signed, linked and complete.", "good"
    first = as_sentence(report.failures[0].sentence)
    more = len(report.failures) - 1
    also = f" And {more} more." if more else ""
    return f"It does not prove: {first}{also} Tell an administrator.", "trouble"


def kept_sentence(verification: Verification) -> str:
    """Say how much of a ledger is here."""
    parts = [words.count(verification.entries, "entry", "entries")]
    if verification.voids:
        parts.append(f"{verification.voids} without effect")
    if verification.withheld:
        parts.append(f"{words.count(verification.withheld, 'object')} withheld or gone")
    return ", ".join(parts)

"""Who will see this: of every organisation whether it would read what is about to be written.

Nothing is decided here. What is asked are the rules that decide when it is written and served:
`may_share`, `opens_to_later_members`, `shown_to_later_members`.

Source: coordination protocol, 5 (*Late joiners*, breakouts), 6 and 14 (over-sharing by mistake);
domain, 1 (*For the coordinator alone*) and 8.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from policies.acts import TOLD_ALONE, Act, ChannelKind
from policies.audience import (
    Audience,
    Purpose,
    is_always_served,
    may_share,
    said_of_later_members,
    shown_to_later_members,
)
from policies.marking import Labels
from policies.roles import WITHOUT_VOTE
from policies.tlp import TLP, strictest


class Reads(StrEnum):
    """How much of something an organisation reads."""

    ALL = "all"
    PART = "part"
    NOTHING = "nothing"


class Inside(StrEnum):
    """Which persons of an organisation read what it gets."""

    ALL_READERS = "all readers"
    HANDLERS = "coordinators and handlers"
    MIXED = "in part coordinators and handlers"


@dataclass(frozen=True, slots=True)
class Party:
    """One organisation's part in a channel, as its ledger tells it.

    Args:
        standing: state of its membership.
        takes: the strictest label that it said it takes.
    """

    organisation: str
    standing: str
    roles: frozenset[str] = frozenset()
    without_node: bool = False
    takes: TLP | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether one organisation reads it, and why.

    Args:
        reads: what it gets as things stand.
        later: what it gets once it takes part (again); none where it reads now, or has no way in.
        reason: a clause about the organisation: “member”.
        is_told: it has no node, and is told by the coordinator.
    """

    organisation: str
    reads: Reads
    reason: str
    later: Reads | None = None
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """Who would read something.

    Args:
        seen: every organisation that has or had a part in the channel.
        later: what an organisation reads that joins afterwards; none where nobody can.
        labels: of each object, in their order.
        refusal: why it may not be written there at all; then nobody reads it.
    """

    seen: tuple[Seen, ...]
    later: Reads | None
    inside: Inside
    labels: tuple[TLP, ...]
    refusal: str | None = None

    def of(self, organisation: str) -> Reads:
        """Tell what an organisation reads as things stand; nothing where it has no part."""
        found = (one.reads for one in self.seen if one.organisation == organisation)
        return next(found, Reads.NOTHING)


def preview(  # noqa: PLR0913 - who reads what, by whose rules
    audience: Audience,
    parties: Iterable[Party],
    act: Act,
    objects: Sequence[Mapping[str, Any]],
    *,
    author: str,
    carrier: TLP | None,
    labels: Labels,
    wanted: bool | None = None,
    agreed: bool | None = None,
) -> Preview:
    """Tell who would read what an act covers, were it written now.

    Args:
        audience: who reads the channel.
        parties: everybody who has or had a part in it.
        objects: what the act would cover, parsed.
        author: the organisation that writes.
        carrier: the label of the bundle.
        labels: by the marking definitions that this ledger knows.
        wanted: whether the author opens it to later members; as agreed, where nobody says.
        agreed: what the charter says of it; as the table of acts has it, where it says nothing.
    """
    ruled = [
        may_share(obj, audience, Purpose.SHARE, carrier=carrier, author=author, labels=labels)
        for obj in objects
    ]
    refusal = next((one.reason for one in ruled if not one), None)
    if refusal is not None:
        nobody = tuple(Seen(one.organisation, Reads.NOTHING, refusal) for one in parties)
        return Preview(nobody, None, Inside.ALL_READERS, (), refusal)
    kept = [obj for obj in objects if not is_always_served(obj, audience.identity)]
    found = tuple(labels.effective(obj, carrier) for obj in kept)
    # Where nothing is covered the entry alone is read, and that goes to everybody.
    released = said_of_later_members(act, audience.kind, found, wanted=wanted, agreed=agreed)
    later, why = _read_later(found, released=released)
    seen = tuple(_seen(one, audience, found, later, why) for one in parties)
    joins = audience.kind is not ChannelKind.DIRECT
    inside = _inside(act, audience.kind, found)
    return Preview(seen, later if joins else None, inside, found)


def _read_later(labels: Sequence[TLP], *, released: bool) -> tuple[Reads, str]:
    """Tell how much of it who joins later reads, and why."""
    ruled = [shown_to_later_members(label, released=released) for label in labels]
    shown = [one for one in ruled if one]
    kept = [one for one in ruled if not one]
    if not kept:
        return Reads.ALL, shown[0].reason if shown else "every entry goes to later members"
    return Reads.PART if shown else Reads.NOTHING, kept[0].reason


def _seen(party: Party, audience: Audience, labels: Sequence[TLP], later: Reads, why: str) -> Seen:
    who, words = party.organisation, _role_words(party)
    if party.without_node and party.standing in ("invited", "joined", "suspended"):
        reason = f"{words}without a node: the coordinator tells it"
        return Seen(who, Reads.NOTHING, reason, is_told=True)
    if who in audience.organisations:
        above = strictest(labels)
        if above is not None and party.takes is not None and not party.takes.allows(above):
            limit = f"; asked for nothing above {party.takes.label}, and gets it all the same"
            return Seen(who, Reads.ALL, f"{words}member{limit}")
        return Seen(who, Reads.ALL, f"{words}member")
    then = {
        Reads.ALL: f"this too: {why}",
        Reads.PART: f"only part of this: {why}",
        Reads.NOTHING: f"but not this: {why}",
    }[later]
    match party.standing:
        case "invited":
            return Seen(who, Reads.NOTHING, f"invited; reads once it has joined, {then}", later)
        case "suspended":
            return Seen(
                who, Reads.NOTHING, f"suspended; reads again once taken back, {then}", later
            )
        case "left" | "removed":
            word = "has left" if party.standing == "left" else "was removed"
            return Seen(who, Reads.NOTHING, f"{word}; reads nothing that comes after that")
        case "requested":
            return Seen(who, Reads.NOTHING, "has asked to join; nobody has decided yet", later)
        case _:
            return Seen(who, Reads.NOTHING, "has no part in it")


def _role_words(party: Party) -> str:
    """Name the roles of those whose part is not to act: they read like everybody."""
    named = sorted(party.roles & {role.value for role in WITHOUT_VOTE})
    return f"{', '.join(named)} and " if named else ""


def _inside(act: Act, kind: ChannelKind, labels: Sequence[TLP]) -> Inside:
    """Tell which persons of an organisation read it."""
    if kind is ChannelKind.DIRECT and act in TOLD_ALONE:
        return Inside.HANDLERS
    red = [label for label in labels if label is TLP.RED]
    if not red:
        return Inside.ALL_READERS
    return Inside.HANDLERS if len(red) == len(labels) else Inside.MIXED

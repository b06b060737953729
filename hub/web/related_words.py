"""What a page says of what a case has to do with others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from hub.accounts.actor import Actor
from hub.cases import neighbours
from hub.cases.neighbours import Neighbour, Tie
from hub.cases.queries import has_room
from hub.channels.queries import ChannelSummary, visible_breakouts
from policies.calls import CallKind
from policies.links import Relation
from policies.roles import Right
from policies.tlp import TLP

RELATIONS: Final[Mapping[Relation, str]] = {
    Relation.RELATED: "has to do with it",
    Relation.SAME_CAUSE: "has the same cause",
    Relation.DUPLICATE: "is the same incident",
    Relation.LED_TO: "this one led to it",
}
RELATION_PAIRS: Final = tuple((one.value, word) for one, word in RELATIONS.items())
_NAMED_BY: Final[Mapping[Relation, str]] = {**RELATIONS, Relation.LED_TO: "it led to this one"}
_TIES: Final[Mapping[Tie, str]] = {
    Tie.GOES_ON_IN: "this case goes on there",
    Tie.TAKES_IN: "goes on in this case",
}
CALLS: Final[Mapping[CallKind, str]] = {
    CallKind.WARNING: "a warning",
    CallKind.CHECK: "a check of the communication",
    CallKind.REQUEST: "a request of yours",
}
BREAKOUT_LABELS: Final = tuple((one.value, one.label) for one in reversed(TLP))


@dataclass(frozen=True)
class RelatedPart:
    """What the room of a case shows and offers of others.

    Args:
        goes_on: where a merged case goes on.
        to_name: what may be named, as (channel, title).
        rooms: which of the breakouts are rooms of their own.
        to_merge: what it may go on in, as (channel, title).
        parent: the case that it is a breakout of, where we take part in that.
    """

    goes_on: Neighbour | None
    others: tuple[Neighbour, ...]
    to_name: tuple[tuple[str, str], ...]
    to_merge: tuple[tuple[str, str], ...]
    breakouts: tuple[ChannelSummary, ...]
    rooms: frozenset[str]
    parent: str | None
    parent_name: str | None
    parent_has_room: bool
    may_name: bool
    may_break_out: bool


def related_part(
    session: Session, actor: Actor, summary: ChannelSummary, *, state: str, is_ours: bool
) -> RelatedPart:
    """Give what the room of one case shows and offers of others."""
    found = neighbours.visible_neighbours(session, actor, summary.id)
    inner = visible_breakouts(session, actor, summary.id)
    runs = bool(actor.may(Right.RUN_CASES))
    names = runs and is_ours and state != "merged"
    is_over = state in {"declined", "closed", "merged"}
    return RelatedPart(
        goes_on=next((one for one in found if one.tie is Tie.GOES_ON_IN), None),
        others=tuple(one for one in found if one.tie is not Tie.GOES_ON_IN),
        to_name=tuple(neighbours.nameable_cases(session, actor, summary.id)) if names else (),
        to_merge=tuple(neighbours.mergeable_cases(session, actor, summary.id)) if names else (),
        breakouts=tuple(inner),
        rooms=frozenset(one.id for one in inner if has_room(session, one.id)),
        parent=summary.parent,
        parent_name=summary.parent_name,
        parent_has_room=summary.parent is not None and has_room(session, summary.parent),
        may_name=names,
        may_break_out=runs and bool(actor.may(Right.OPEN_CHANNELS)) and not is_over,
    )


def tie_words(one: Neighbour) -> str:
    """Say how another case hangs together with this one."""
    if one.relation is not None:
        words = RELATIONS if one.tie is Tie.NAMES else _NAMED_BY
        return words[one.relation]
    return _TIES[one.tie]

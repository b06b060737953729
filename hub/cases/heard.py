"""Whose words count in a case: of those who have their place in it, and each one's own alone.

What is told in the open is judged with the case's ledger. What is told the coordinator alone
stands in a direct channel, whose ledger knows nothing of the case: a partner that has no part in
it can write there too. So that is asked here, each time that it is read.

Source: lifecycles, 5; domain, 1 (*For the coordinator alone*).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.judging.state import ChannelState
from federation.ledgers.ledger_records import ChannelRecord
from hub.cases.records import OwnWordView
from policies.assessment import Assessment, ResponseState, read_assessment
from policies.figures import LEAST, Figure, read_figures
from policies.roles import Role, takes_part
from sharing.db import once

_PLACED: Final = frozenset({"joined", "suspended"})
"""A member that is suspended is still hit; the coordinator speaks for it meanwhile."""


@dataclass(frozen=True)
class Heard:
    """What counts of one organisation's words, open or alone: the newest of each kind.

    Args:
        assessed_in: hash of the bundle that holds the assessment; `responded_in` likewise.
        relayed: the coordinator's word on its behalf.
    """

    organisation: str
    stated: Assessment | None
    assessed_at: datetime | None
    assessed_in: str | None
    response: ResponseState | None
    since: datetime | None
    since_earliest: datetime | None
    responded_at: datetime | None
    responded_in: str | None
    relayed: bool


def heard_openly(session: Session, state: ChannelState) -> Sequence[Heard]:
    """Give what counts of what was said in the case, by organisation."""
    return once(session, ("heard", state.channel), lambda: _heard_openly(session, state))


def _heard_openly(session: Session, state: ChannelState) -> Sequence[Heard]:
    rows = session.scalars(
        select(OwnWordView).where(OwnWordView.channel == state.channel, ~OwnWordView.alone)
    )
    return _heard(rows, state)


def heard_alone(session: Session, state: ChannelState) -> Sequence[Heard]:
    """Give what counts of what was told alone, and is here: each in a direct channel of its own."""
    return once(session, ("heard alone", state.channel), lambda: _heard_alone(session, state))


def _heard_alone(session: Session, state: ChannelState) -> Sequence[Heard]:
    rows = session.scalars(
        select(OwnWordView)
        .join(ChannelRecord, ChannelRecord.id == OwnWordView.channel)
        .where(
            OwnWordView.case == state.channel,
            OwnWordView.alone,
            ~OwnWordView.relayed,
            ChannelRecord.owner == OwnWordView.organisation,
        )
    )
    return [one for one in _heard(rows, state) if one.organisation != state.owner]


def placed(state: ChannelState) -> dict[str, frozenset[Role]]:
    """Give who has its place in a case, with its roles: joined, or suspended for now."""
    return {
        member.organisation: frozenset(Role(role) for role in member.roles)
        for member in state.members.values()
        if member.state in _PLACED
    }


def possible_figures(state: ChannelState, document: Sequence[Any] | None) -> tuple[Figure, ...]:
    """Give the figures that a ledger tells, as far as somebody can have told them.

    Where fewer than five organisations ever had a part beside the coordinator, nobody did.
    """
    ever = sum(
        bool(member.stays) and member.organisation != state.owner
        for member in state.members.values()
    )
    return read_figures(list(document or ())) if ever >= LEAST else ()


def _heard(rows: Iterable[OwnWordView], state: ChannelState) -> list[Heard]:
    found: dict[str, list[OwnWordView]] = {}
    parts = placed(state)
    for row in rows:
        if takes_part(parts.get(row.organisation, ())):
            found.setdefault(row.organisation, []).append(row)
    return [_newest(found[organisation]) for organisation in sorted(found)]


def _newest(rows: Sequence[OwnWordView]) -> Heard:
    """Put together what one organisation said in several channels; most have one."""
    assessed = max(rows, key=lambda row: _order(row.assessed_at, row.assessed_in))
    responded = max(rows, key=lambda row: _order(row.responded_at, row.responded_in))
    return Heard(
        organisation=assessed.organisation,
        stated=None if assessed.assessment is None else read_assessment(assessed.assessment),
        assessed_at=assessed.assessed_at,
        assessed_in=assessed.assessed_in,
        response=responded.response,
        since=responded.since,
        since_earliest=responded.since_earliest,
        responded_at=responded.responded_at,
        responded_in=responded.responded_in,
        relayed=any(row.relayed for row in rows),
    )


def _order(at: datetime | None, sha256: str | None) -> tuple[bool, float, str]:
    return (at is not None, at.timestamp() if at is not None else 0.0, sha256 or "")

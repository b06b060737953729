"""Who takes part in a channel, and what could be done there, as a person may see it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.identity.key_state import KeyState, key_state_of
from federation.ledgers.channels import find_acts_about, find_open_acts
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import load_chains, load_state
from federation.ledgers.ledger_records import (
    ChannelRecord,
)
from federation.partners.partner_keys import confirmed_recovery_keys, stopped_partners
from hub.accounts.actor import Actor
from hub.channels.names import names_in
from hub.channels.records import MemberView
from hub.channels.relay import known_names
from hub.channels.relay_records import AbsentRecord
from hub.channels.service import get_visible_channel
from policies.acts import Act
from policies.lifecycles import NONE
from policies.tlp import TLP


@dataclass(frozen=True)
class MemberRow:
    """A member of a channel."""

    organisation: str
    name: str
    roles: tuple[str, ...]
    state: str
    since: datetime
    reply_by: datetime | None
    late: bool
    is_us: bool
    without_node: bool = False
    replaced_by: str | None = None
    takes: TLP | None = None
    """The strictest label that it takes, where it has said so."""
    own_name: str | None = None
    """The name that we alone know, where the ledger has a number."""
    keys: KeyState | None = None
    """By this channel's ledger; none where it has not described itself yet."""


def visible_members(
    session: Session, actor: Actor, channel: str, *, us: str, now: datetime
) -> list[MemberRow]:
    """Give who takes part in a channel, the joined first."""
    record = get_visible_channel(session, actor, channel)
    rows = list(session.scalars(select(MemberView).where(MemberView.channel == channel)))
    rows.sort(key=lambda row: (row.state != "joined", "coordinator" not in row.roles, row.since))
    names, known = names_in(session, channel), known_names(session, actor, channel)
    keys = _keys_in(session, channel)
    return [
        MemberRow(
            organisation=row.organisation,
            name=names[row.organisation],
            roles=tuple(row.roles),
            state=row.state,
            since=row.since,
            reply_by=row.reply_by,
            late=row.state == "invited" and row.reply_by is not None and row.reply_by < now,
            is_us=row.organisation == us,
            without_node=row.without_node,
            replaced_by=row.replaced_by,
            takes=_limit_of(record, row.organisation),
            own_name=_own_name(row, known.get(row.organisation)),
            keys=keys.get(row.organisation),
        )
        for row in rows
    ]


def _limit_of(record: ChannelRecord, organisation: str) -> TLP | None:
    """Give the strictest label that a member said it takes."""
    limit = (record.state or {}).get("things", {}).get(f"limit:{organisation}", NONE)
    return None if limit == NONE else TLP(limit)


def _own_name(row: MemberView, known: AbsentRecord | None) -> str | None:
    return known.name if known is not None and known.name != row.name else None


def _keys_in(session: Session, channel: str) -> dict[str, KeyState | None]:
    """Give the state of each member's keys, by the ledger and by what we confirmed."""
    confirmed, stopped = confirmed_recovery_keys(session), stopped_partners(session)
    return {
        organisation: key_state_of(
            chain, forked=organisation in stopped, confirmed=confirmed.get(organisation)
        )
        for organisation, chain in load_chains(session, channel).items()
    }


def visible_open_acts(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    *,
    about: str | None = None,
    now: datetime,
) -> frozenset[Act]:
    """Give the acts that are open to our organisation here; a page asks the actor's right too.

    Args:
        about: the organisation that acts about organisations are judged about.

    What a node does by itself (admitting, opening, describing its keys) is offered to nobody.
    """
    record = get_visible_channel(session, actor, channel)
    state = load_state(session, record)
    if state is None:
        return frozenset()
    found = find_open_acts(session, desk, record, state, about=about, now=now)
    return found - {Act.ADMITTED, Act.CHANNEL_OPENED, Act.NODE_DESCRIBED}


def visible_acts_about(
    session: Session,
    desk: Desk,
    actor: Actor,
    channel: str,
    organisations: Iterable[str],
    *,
    among: Collection[Act],
    now: datetime,
) -> Mapping[str, frozenset[Act]]:
    """Give which of some acts are open to our organisation about each of several others."""
    record = get_visible_channel(session, actor, channel)
    state = load_state(session, record)
    if state is None:
        return {}
    return find_acts_about(session, desk, record, state, organisations, among=among, now=now)

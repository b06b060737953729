"""How commands name partners and channels: by id, by the beginning of one, or by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.ledgers.ledger_records import EntryRecord
from federation.partners import partners
from federation.partners.partners import Partner
from hub.accounts.actor import Actor
from hub.calls import queries as calls
from hub.calls.values import Call
from hub.cases import decision_queries
from hub.cases import queries as cases
from hub.channels import queries
from hub.channels.invitations import visible_invitations
from hub.channels.member_queries import visible_members
from hub.channels.relay_records import RelayedView
from hub.community import queries as communities
from policies.errors import InvalidError, NotFoundError

SHOWN: Final = 5
T = TypeVar("T")


def get_partner_named(session: Session, name: str) -> Partner:
    """Give the partner with this organisation id or this name.

    Raises:
        NotFoundError: there is none.
        InvalidError: several have this name.
    """
    rows = partners.partners(session)
    found = _pick(name, [(row.organisation, row.name, row) for row in rows], prefix=False)
    if not found:
        raise NotFoundError(f"there is no partner “{name}”", hint="See: tocsin partner list")
    return _only(name, [(row.organisation, row) for row in found], "partners")


def get_channel_named(session: Session, actor: Actor, name: str) -> str:
    """Give the id of the channel with this id, beginning of an id, or name.

    Raises:
        NotFoundError: there is none.
        InvalidError: several are meant.
    """
    rows = queries.visible_channels(session, actor)
    found = _pick(name, [(row.id, row.name, row.id) for row in rows])
    if not found:
        raise NotFoundError(f"there is no channel “{name}”", hint="See: tocsin channel list")
    return _only(name, [(row, row) for row in found], "channels")


def get_case_named(session: Session, actor: Actor, name: str) -> str:
    """Give the channel of the case with this id, beginning of an id, or title.

    Raises:
        NotFoundError: there is none.
        InvalidError: several are meant.
    """
    rows = cases.visible_cases(session, actor)
    found = _pick(name, [(row.channel, row.title, row.channel) for row in rows])
    if not found:
        raise NotFoundError(f"there is no case “{name}”", hint="See: tocsin case list")
    return _only(name, [(row, row) for row in found], "cases")


def get_community_named(session: Session, actor: Actor, name: str) -> str:
    """Give the channel of the community with this id, beginning of an id, or name.

    Raises:
        NotFoundError: there is none.
        InvalidError: several are meant.
    """
    rows = communities.visible_communities(session, actor)
    found = _pick(name, [(row.channel, row.name, row.channel) for row in rows])
    if not found:
        raise NotFoundError(f"there is no community “{name}”", hint="See: tocsin community list")
    return _only(name, [(row, row) for row in found], "communities")


def get_charter_named(
    session: Session, actor: Actor, channel: str, name: str, *, us: str, now: datetime
) -> str:
    """Give the version of a charter with this id, beginning of an id, or state.

    Raises:
        NotFoundError: there is none.
        InvalidError: several are meant.
    """
    rows = communities.visible_charters(session, actor, channel, us=us, now=now)
    beginning = name.strip().lower().rpartition("--")[2]
    named = [(row.charter.rpartition("--")[2], row.state, row.charter) for row in rows]
    found = _pick(beginning, named)
    if not found:
        raise NotFoundError(
            f"there is no version “{name}” of this charter",
            hint="See: tocsin community charter show",
        )
    return _only(name, [(row, row) for row in found], "versions")


def get_decision_named(session: Session, actor: Actor, case: str, name: str, *, us: str) -> str:
    """Give the id of the decision in a case with this id, beginning of an id, or topic.

    Raises:
        NotFoundError: there is none.
        InvalidError: several are meant.
    """
    rows = decision_queries.visible_decisions(session, actor, case, us=us)
    found = _pick(name, [(row.decision, row.topic, row.decision) for row in rows])
    if not found:
        raise NotFoundError(f"there is no decision “{name}”", hint="See: tocsin case show")
    return _only(name, [(row, row) for row in found], "decisions")


def get_invitation_named(
    session: Session, actor: Actor, name: str, owner: str | None, *, now: datetime
) -> tuple[str, str]:
    """Give the channel that an invitation is to, and who invites; an open one comes first.

    Args:
        owner: id or name of the organisation that invites, where several do.

    Raises:
        NotFoundError: nobody invited us to such a channel.
        InvalidError: several are meant.
    """
    for open_only in (True, False):
        rows = visible_invitations(session, actor, now=now, open_only=open_only)
        rows = [row for row in rows if owner in (None, row.owner, row.owner_name)]
        found = _pick(name, [(row.channel, row.name, row) for row in rows])
        if found:
            by = [(f"{row.channel} from {row.owner_name}", row) for row in found]
            row = _only(name, by, "invitations")
            return row.channel, row.owner
    raise NotFoundError(
        f"nobody has invited us to “{name}”", hint="See: tocsin channel invitations"
    )


def get_member_named(
    session: Session, actor: Actor, channel: str, name: str, *, us: str, now: datetime
) -> str:
    """Give the id of the member of a channel with this organisation id or name.

    Raises:
        NotFoundError: there is none.
        InvalidError: several have this name.
    """
    rows = visible_members(session, actor, channel, us=us, now=now)
    named = [(row.organisation, row.name, row.organisation) for row in rows]
    found = _pick(name, named, prefix=False)
    if not found:
        raise NotFoundError(f"“{name}” has no part in this channel")
    return _only(name, [(row, row) for row in found], "members")


def get_statement_named(session: Session, channel: str, name: str) -> str:
    """Give the hash of a relayed statement by its entry's place, `1/17`, or how its hash begins.

    Raises:
        NotFoundError: nothing was said on anybody's behalf there.
        InvalidError: several are meant.
    """
    query = select(RelayedView.bundle).where(RelayedView.channel == channel)
    epoch, _, seq = name.strip().partition("/")
    if epoch.isdecimal() and seq.isdecimal():
        query = query.join(
            EntryRecord,
            (EntryRecord.channel == RelayedView.channel)
            & (EntryRecord.sha256 == RelayedView.bundle),
        ).where(EntryRecord.epoch == int(epoch[:9]), EntryRecord.seq == int(seq[:15]))
        found = list(session.scalars(query))
    else:
        found = _pick(name, [(row, row, row) for row in session.scalars(query)])
    if not found:
        raise NotFoundError(
            f"nothing was said on anybody’s behalf in entry “{name}”",
            hint="See: tocsin channel log",
        )
    return _only(name, [(row, row) for row in found], "statements")


def get_call_named(
    session: Session, actor: Actor, channel: str, name: str, *, us: str, now: datetime
) -> Call:
    """Give the warning, check or request of a channel with this id, or this beginning of one.

    Raises:
        NotFoundError: there is none.
        InvalidError: several are meant.
    """
    rows = calls.visible_calls(session, actor, channel, us=us, now=now, limit=None)
    beginning = name.strip().lower().rpartition("--")[2]
    named = [(row.ref.rpartition("--")[2], "", row) for row in rows]
    found = _pick(beginning, named)
    if not found:
        raise NotFoundError(
            f"there is no warning, check or request “{name}” here",
            hint="See: tocsin channel calls --all",
        )
    return _only(name, [(row.ref, row) for row in found], "calls")


def _pick(name: str, rows: Iterable[tuple[str, str, T]], *, prefix: bool = True) -> list[T]:
    """Give what is meant: its id, else its name, else its name in other case, else its prefix."""
    listed = list(rows)
    text = name.strip()
    ways = [
        [row for row_id, _, row in listed if row_id == text],
        [row for _, row_name, row in listed if row_name == text],
        [row for _, row_name, row in listed if row_name.casefold() == text.casefold()],
    ]
    if prefix and text:
        ways.append([row for row_id, _, row in listed if row_id.startswith(text.lower())])
    return next((way for way in ways if way), [])


def _only(name: str, found: Sequence[tuple[str, T]], what: str) -> T:
    if len(found) > 1:
        ids = ", ".join(row_id for row_id, _ in found[:SHOWN])
        message = f"“{name}” could be any of {len(found)} {what}: {ids}"
        raise InvalidError(message, hint="Name it by its id.")
    return found[0][1]

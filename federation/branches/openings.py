"""Opening channels: a new one, the direct one to a partner, the next epoch of one handed to us.

Source: protocol, 3 (step 4), 5 and 11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.branches.branches import go_back
from federation.identity.descriptor import Descriptor
from federation.judging.bundles import Position, SignedBundle, items_of, make_bundle
from federation.judging.facts import MemoryFacts
from federation.judging.judge import judge_entry
from federation.judging.judged import Judged
from federation.judging.reader import OWNER
from federation.judging.state import ChannelState
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import (
    get_state,
    keep,
    labels_of,
    ledger_time,
    metadata_label,
)
from federation.ledgers.ledger_facts import LedgerFacts
from federation.ledgers.ledger_records import ChannelRecord, Standing
from policies.acts import Act, ChannelKind
from policies.errors import ConflictError, InvalidError
from policies.roles import Role
from policies.tlp import TLP
from sharing import collections, stix
from sharing.incident.extensions import suite_definitions
from sharing.objects import StixObject

TABLES_VERSION: Final = "1"
MAX_NAME_CHARACTERS: Final = 200
_TELLS_OF_INCIDENTS: Final = frozenset({ChannelKind.CASE, ChannelKind.DIRECT})
"""Where incidents and impacts go: a plain reader of STIX finds there what defines them."""


class OpenedBy(StrEnum):
    """By what right an epoch is opened. Source: protocol, 11."""

    HAND_OVER = "hand-over"
    SUCCESSION = "succession"
    RE_OPENING = "re-opening"


@dataclass(frozen=True)
class Founder:
    """A member that a channel is opened with."""

    chain: tuple[Descriptor, ...]
    roles: frozenset[Role]

    @property
    def organisation(self) -> str:
        """Its STIX id."""
        return self.chain[-1].organisation_id

    def document(self) -> dict[str, Any]:
        """Give it as it stands in `channel.opened`."""
        roles = sorted(role.value for role in self.roles)
        return {
            "organisation": self.organisation,
            "role": roles[0] if len(roles) == 1 else roles,
            "descriptors": [dict(descriptor.jws) for descriptor in self.chain],
        }


def open_channel(
    session: Session,
    desk: Desk,
    *,
    kind: ChannelKind,
    name: str,
    ceiling: TLP,
    others: Sequence[Founder] = (),
    parent: str | None = None,
    now: datetime,
) -> ChannelRecord:
    """Open a channel of ours: entry 0 of epoch 1.

    Args:
        others: who is a member from the first entry on. Only the other side of a direct channel
            is; everybody else is invited and joins.

    Raises:
        InvalidError: the name can't be used.
        DoubtError: the tables do not allow it.
    """
    name = name.strip()
    if not name or len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
        raise InvalidError(
            f"a name of 1 to {MAX_NAME_CHARACTERS} printable characters", field="name"
        )
    channel = str(uuid4())
    owner = Founder(desk.node.descriptors, frozenset({Role.COORDINATOR}))
    members = [owner, *others]
    body: dict[str, Any] = {
        "kind": kind.value,
        "owner": desk.organisation,
        "ceiling": ceiling.value,
        "acts": TABLES_VERSION,
        "members": [member.document() for member in members],
    }
    if parent is not None:
        body["parent"] = parent
    identity = stix.identity(
        name,
        stix_id=stix.channel_identity_id(channel),
        identity_class="group",
        now=now,
        marking=metadata_label(ceiling),
    )
    label = metadata_label(ceiling)
    definition, creator = stix.signed_bundle_definition()
    new = [StixObject.of(member.chain[-1].organisation) for member in members]
    suite = suite_definitions() if kind in _TELLS_OF_INCIDENTS else ()
    defined = (definition, creator, stix.nonce_definition(), *suite)
    new += [identity, *defined, *(stix.tlp_marking(label) for label in TLP)]
    facts = MemoryFacts()
    for item in new:
        facts.add_object(item)
    entry = make_bundle(
        key=desk.key,
        author=desk.organisation,
        channel=channel,
        act=Act.CHANNEL_OPENED.value,
        body=body,
        contents=items_of(new, labels_of(new, label, facts)),
        label=label,
        now=now,
        position=(1, 0),
    )
    judged = judge_entry(None, entry, facts, OWNER)
    collections.create(session, channel, title=name)
    record = ChannelRecord(
        id=channel,
        kind=kind,
        name=name,
        owner=desk.organisation,
        is_ours=True,
        standing=Standing.CURRENT,
        opened_at=now,
    )
    session.add(record)
    session.flush()
    keep(session, desk, record, judged, now=now)
    return record


def open_epoch(
    session: Session,
    desk: Desk,
    record: ChannelRecord,
    *,
    opened_by: OpenedBy,
    head: Position | None = None,
    round_: int = 0,
    endorsements: Sequence[StixObject] = (),
    now: datetime,
) -> Judged:
    """Open the next epoch of a channel, as its owner from now on.

    The members stay, with their roles; a former coordinator becomes a responder of the case, or
    a member of the community. What our ledger holds beyond the head is abandoned, but not what
    it says there of keys: a key that was revoked is revoked in the new epoch too.

    Args:
        head: what the epoch opens on, an entry of our ledger; the newest where none is given.
        round_: of a succession, from 1.
        endorsements: of a succession: the members' signed words, as they came.

    Raises:
        ConflictError: our ledger holds no such entry, or it belongs to an epoch that has ended.
        DoubtError: it is not open to us.

    Source: protocol, 11.
    """
    state = get_state(session, record)
    known = {**state.chains, desk.organisation: desk.node.descriptors}
    if head is not None and head.epoch != state.head.epoch:
        # Its opening would stand beside the one that everybody follows, and lose against it.
        raise ConflictError(f"epoch {head.epoch} has ended: what opened the next one stays")
    if head is not None and head != state.head:
        state = go_back(session, desk, record, head, now=now)
    body: dict[str, Any] = {
        "kind": state.kind.value,
        "owner": desk.organisation,
        "ceiling": state.ceiling.value,
        "acts": TABLES_VERSION,
        "members": _members_after(state, desk.organisation, known),
        "opened_by": opened_by.value,
        "round": round_,
    }
    if state.parent is not None:
        body["parent"] = state.parent
    facts = LedgerFacts(session, record.id)
    for endorsement in endorsements:
        facts.arrived.add_object(endorsement)
    entry = make_bundle(
        key=desk.key,
        author=desk.organisation,
        channel=record.id,
        act=Act.CHANNEL_OPENED.value,
        body=body,
        contents=[SignedBundle.read(one).item for one in endorsements],
        label=metadata_label(state.ceiling),
        now=ledger_time(state, now),
        position=(state.head.epoch + 1, 0),
        seen=state.head,
    )
    judged = judge_entry(state, entry, facts, OWNER)
    keep(session, desk, record, judged, now=now)
    return judged


def continued(
    state: ChannelState, organisation: str, roles: frozenset[Role], chain: tuple[Descriptor, ...]
) -> dict[str, Any]:
    """Give a member as the opening of a next epoch names it, with a node or without."""
    if not state.members[organisation].without_node:
        return Founder(chain, roles).document()
    names = sorted(role.value for role in roles)
    role: Any = names[0] if len(names) == 1 else names
    return {"organisation": organisation, "role": role, "without_node": True}


def _members_after(
    state: ChannelState, owner: str, known: Mapping[str, tuple[Descriptor, ...]]
) -> list[dict[str, Any]]:
    """Give the members of the next epoch, with the roles that they have in it.

    Args:
        known: organisation → its descriptors, as far as our ledger knew them.
    """
    former = Role.RESPONDER if state.kind is ChannelKind.CASE else Role.MEMBER
    roles = dict(state.joined)
    if owner != state.owner:
        kept = roles.get(state.owner, frozenset()) - {Role.COORDINATOR}
        roles[state.owner] = kept or frozenset({former})
        roles[owner] = frozenset({Role.COORDINATOR})
    return [
        continued(state, organisation, roles[organisation], known.get(organisation, ()))
        for organisation in state.joined
    ]


def find_direct(session: Session, owner: str, other: str) -> ChannelRecord | None:
    """Give the direct channel in which one organisation writes to another, or `None`."""
    rows = session.scalars(
        select(ChannelRecord)
        .where(ChannelRecord.kind == ChannelKind.DIRECT, ChannelRecord.owner == owner)
        .order_by(ChannelRecord.opened_at)
    )
    for row in rows:
        if row.state is not None and any(
            member["organisation"] == other for member in row.state["members"]
        ):
            return row
    return None


def ensure_direct(
    session: Session, desk: Desk, chain: tuple[Descriptor, ...], *, now: datetime
) -> ChannelRecord:
    """Give our direct channel to a partner; open it if there is none yet."""
    other = Founder(chain, frozenset({Role.MEMBER}))
    known = find_direct(session, desk.organisation, other.organisation)
    if known is not None:
        return known
    return open_channel(
        session,
        desk,
        kind=ChannelKind.DIRECT,
        name=f"{desk.node.name} to {chain[-1].name}"[:MAX_NAME_CHARACTERS],
        ceiling=TLP.RED,
        others=[other],
        now=now,
    )

"""What a ledger says at one of its positions: owner, members, keys, ceiling, head.

A value: judging an entry gives the next one. Kept as JSON beside the ledger, and made again from
the entries by `rebuild`.

Source: protocol, 2, 5 and 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from federation.identity.descriptor import Descriptor, KeyUse, NodeKey
from federation.judging.bundles import Position
from federation.judging.changing import changed
from policies.acts import ChannelKind
from policies.lifecycles import CHANNEL
from policies.roles import Role
from policies.tlp import TLP
from sharing.canonical import read_instant

JOINED: Final = "joined"
_KEPT_JOINED: Final = "_joined"
MEMBERSHIP: Final = "membership"

Place = tuple[int, int]
"""Epoch and seq of an entry."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A stretch of the ledger during which an organisation read everything, ends included."""

    joined: Place
    ended: Place | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One organisation's part in a channel, as the ledger tells it."""

    organisation: str
    state: str
    roles: tuple[str, ...]
    stays: tuple[Stay, ...] = ()
    recovery: str | None = None
    """Thumbprint that its descriptors must begin with, where an invitation named one."""
    without_node: bool = False
    ceiling: str | None = None
    reply_by: str | None = None
    last_nth: int = 0

    @property
    def is_joined(self) -> bool:
        """Tell whether it is in the audience now."""
        return self.state == JOINED

    def end_stay(self, place: Place) -> tuple[Stay, ...]:
        """Give the stays with the open one ended."""
        if not self.stays or self.stays[-1].ended is not None:
            return self.stays
        return (*self.stays[:-1], Stay(self.stays[-1].joined, place))

    def reads_all_at(self, place: Place) -> bool:
        """Tell whether an object first covered there is due to it whatever its label."""
        return any(
            stay.joined <= place and (stay.ended is None or place <= stay.ended)
            for stay in self.stays
        )

    def document(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "organisation": self.organisation,
            "state": self.state,
            "roles": list(self.roles),
            "stays": [
                {"joined": list(stay.joined), "ended": stay.ended and list(stay.ended)}
                for stay in self.stays
            ],
            "recovery": self.recovery,
            "without_node": self.without_node,
            "ceiling": self.ceiling,
            "reply_by": self.reply_by,
            "last_nth": self.last_nth,
        }

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Member:
        """Read what `document` gave."""
        stays = tuple(
            Stay(_place(stay["joined"]), stay["ended"] and _place(stay["ended"]))
            for stay in value["stays"]
        )
        fields = {name: value[name] for name in value if name not in ("stays", "roles")}
        return cls(stays=stays, roles=tuple(value["roles"]), **fields)


@dataclass(frozen=True)
class ChannelState:
    """A channel at one position of its ledger."""

    channel: str
    kind: ChannelKind
    owner: str
    tables: str
    """Version of the life-cycle tables that judge this epoch."""
    genesis: str
    """Hash of the very first entry: the channel is bound to it for good."""
    head: Position
    head_created: str
    """Ledger time."""
    parent: str | None = None
    members: Mapping[str, Member] = field(default_factory=dict)
    things: Mapping[str, str] = field(default_factory=dict)
    """State of each thing that a life cycle tells of, membership apart."""
    chains: Mapping[str, tuple[Descriptor, ...]] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """The channel's own STIX identity."""
        return f"identity--{self.channel}"

    @property
    def ceiling(self) -> TLP:
        """The strictest label that it takes."""
        return TLP(self.things[f"ceiling:{CHANNEL}"])

    @property
    def ended(self) -> bool:
        """Tell whether this epoch's last entry has been written."""
        return self.things.get(f"coordination:{CHANNEL}") == "handed over"

    @property
    def is_breakout(self) -> bool:
        """Tell whether it is a case channel that points to its parent case."""
        return self.kind is ChannelKind.CASE and self.parent is not None

    @property
    def joined(self) -> Mapping[str, frozenset[Role]]:
        """The organisations in the audience now, with their roles."""
        kept: tuple[object, Mapping[str, frozenset[Role]]] | None = self.__dict__.get(_KEPT_JOINED)
        if kept is not None and kept[0] is self.members:
            return kept[1]
        joined = {
            member.organisation: _roles(member.roles)
            for member in self.members.values()
            if member.state == JOINED
        }
        self.__dict__[_KEPT_JOINED] = (self.members, joined)
        return joined

    def is_member(self, organisation: str) -> bool:
        """Tell whether an organisation is in the audience now."""
        member = self.members.get(organisation)
        return member is not None and member.is_joined

    @property
    def next_place(self) -> Place:
        """Where the next entry of this epoch stands."""
        return (self.head.epoch, self.head.seq + 1)

    def state_of(self, thing: str, subject: str) -> str | None:
        """Give the state of a thing, `None` where it does not exist."""
        if thing == MEMBERSHIP:
            member = self.members.get(subject)
            return member.state if member is not None else None
        return self.things.get(f"{thing}:{subject}")

    def ends_for(self, organisation: str) -> bool:
        """Tell whether an organisation that was in the audience is in it no more."""
        member = self.members.get(organisation)
        return member is not None and bool(member.stays) and not member.is_joined

    def descriptor(self, organisation: str) -> Descriptor | None:
        """Give what an organisation newest said of itself in this ledger."""
        chain = self.chains.get(organisation)
        return chain[-1] if chain else None

    def with_member(self, member: Member) -> ChannelState:
        """Give the state with one member's part changed."""
        members = {**self.members, member.organisation: member}
        before, kept = self.members.get(member.organisation), self.__dict__.get(_KEPT_JOINED)
        after = changed(self, members=members)
        same = before is not None and (before.state, before.roles) == (member.state, member.roles)
        if same and kept is not None and kept[0] is self.members:
            # Its next number alone, as with nearly every entry: the same have joined.
            after.__dict__[_KEPT_JOINED] = (members, kept[1])
        return after

    def with_chain(self, organisation: str, chain: tuple[Descriptor, ...]) -> ChannelState:
        """Give the state with one organisation's descriptors changed."""
        return changed(self, chains={**self.chains, organisation: chain})

    def document(self) -> dict[str, Any]:
        """Give it as JSON; descriptors are kept beside it."""
        return {
            "channel": self.channel,
            "kind": self.kind.value,
            "owner": self.owner,
            "tables": self.tables,
            "genesis": self.genesis,
            "head": self.head.document(),
            "head_created": self.head_created,
            "parent": self.parent,
            "members": [member.document() for member in self.members.values()],
            "things": dict(self.things),
        }

    @classmethod
    def read(
        cls, value: Mapping[str, Any], chains: Mapping[str, tuple[Descriptor, ...]]
    ) -> ChannelState:
        """Read what `document` gave."""
        members = [Member.read(member) for member in value["members"]]
        return cls(
            channel=value["channel"],
            kind=ChannelKind(value["kind"]),
            owner=value["owner"],
            tables=value["tables"],
            genesis=value["genesis"],
            head=Position.read(value["head"]),
            head_created=value["head_created"],
            parent=value["parent"],
            members={member.organisation: member for member in members},
            things=value["things"],
            chains=chains,
        )


def key_in_use(entry: NodeKey, at_ns: int) -> bool:
    """Tell whether a key could be used at a ledger time; a revoked one never can.

    Source: protocol, 2 (*Keys are state of the ledger*).
    """
    if entry.revoked_at is not None:
        return False
    return entry.retired_at is None or at_ns <= read_instant(entry.retired_at)


def signing_keys(chain: tuple[Descriptor, ...]) -> tuple[NodeKey, ...]:
    """Give every signing key that the newest descriptor of a chain names."""
    return tuple(entry for entry in chain[-1].keys if entry.use is KeyUse.SIGN)


def _place(value: Any) -> Place:
    epoch, seq = value
    return int(epoch), int(seq)


@lru_cache(maxsize=256)
def _roles(roles: tuple[str, ...]) -> frozenset[Role]:
    return frozenset(map(Role, roles))

"""What reading an export has proven so far: the chain, its keys, its owners."""

from __future__ import annotations

from dataclasses import dataclass, field

from federation.archive.facts import FileFacts
from federation.identity.descriptor import KeyUse, NodeKey
from federation.judging.bundles import Position
from federation.judging.state import ChannelState, Place


@dataclass
class Chain:
    """The part of a ledger that holds.

    Args:
        state: after its last entry, `None` before the first.
        owners: epoch → its owner.
        revoked: key id → the place of the entry that revoked it.
    """

    channel: str
    facts: FileFacts
    state: ChannelState | None = None
    owners: dict[int, str] = field(default_factory=dict)
    revoked: dict[str, Place] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    """Names of organisations without a node, by the identities that the owner vouches for."""

    @property
    def head(self) -> Position | None:
        """The last entry that holds."""
        return self.state.head if self.state is not None else None

    def name(self, organisation: str) -> str:
        """Give the name in an organisation's newest descriptor, else its id."""
        descriptor = self.state.descriptor(organisation) if self.state is not None else None
        return (
            descriptor.name
            if descriptor is not None
            else self.named.get(organisation, organisation)
        )

    def find_signing_key(self, organisation: str, kid: str) -> NodeKey | None:
        """Find a signing key of an organisation by its id, in use or not."""
        descriptor = self.state.descriptor(organisation) if self.state is not None else None
        return descriptor.find_key(kid, KeyUse.SIGN) if descriptor is not None else None

    def move(self, after: ChannelState) -> None:
        """Go on to the state after an entry."""
        before, self.state = self.state, after
        place = (after.head.epoch, after.head.seq)
        self.owners.setdefault(place[0], after.owner)
        for organisation, chain in after.chains.items():
            if before is not None and before.chains.get(organisation) is chain:
                continue
            for key in chain[-1].keys:
                if key.revoked_at is not None:
                    self.revoked.setdefault(key.key.thumbprint, place)

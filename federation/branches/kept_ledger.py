"""Our copy of a ledger, as far as receipts are judged by it.

Source: protocol, 2 and 10.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.identity.descriptor import KeyUse, NodeKey, read_descriptor
from federation.judging.bundles import Position, SignedBundle
from federation.judging.doubt import Doubt
from federation.judging.state import ChannelState, Member, Place
from federation.ledgers.branch_records import AbandonedRecord
from federation.ledgers.ledger import head_of
from federation.ledgers.ledger_records import ChannelRecord, EntryRecord, EvidenceRecord
from policies.acts import Act
from sharing import objects
from sharing.objects import StixObject

_DESCRIBING: Final = (Act.CHANNEL_OPENED, Act.MEMBER_JOINED, Act.NODE_DESCRIBED)


@dataclass(frozen=True)
class KeptLedger:
    """What our copy of a ledger says to `judge_receipt`."""

    session: Session
    record: ChannelRecord
    state: ChannelState
    _places: dict[tuple[str, str, bool], Place | None] = field(default_factory=dict)

    @property
    def channel(self) -> str:
        """The channel's UUID."""
        return self.record.id

    @property
    def head(self) -> Position | None:
        """The last entry."""
        return head_of(self.record)

    def find_member(self, organisation: str) -> Member | None:
        """Give an organisation's part in the channel."""
        return self.state.members.get(organisation)

    def find_signing_key(self, organisation: str, kid: str) -> NodeKey | None:
        """Find a signing key of an organisation by its id, in use or not."""
        descriptor = self.state.descriptor(organisation)
        return descriptor.find_key(kid, KeyUse.SIGN) if descriptor is not None else None

    def find_revocation(self, organisation: str, kid: str) -> Place | None:
        """Give the place of the entry that revoked a key."""
        return self._find_key(organisation, kid, revoked=True)

    def find_description(self, organisation: str, kid: str) -> Place | None:
        """Give the place of the entry that named a key first."""
        return self._find_key(organisation, kid, revoked=False)

    def _find_key(self, organisation: str, kid: str, *, revoked: bool) -> Place | None:
        asked = (organisation, kid, revoked)
        if asked not in self._places:
            self._places[asked] = self._look_for_key(organisation, kid, revoked=revoked)
        return self._places[asked]

    def _look_for_key(self, organisation: str, kid: str, *, revoked: bool) -> Place | None:
        query = (
            select(EntryRecord)
            .where(
                EntryRecord.channel == self.channel,
                EntryRecord.act.in_([act.value for act in _DESCRIBING]),
                EntryRecord.void.is_(None),
            )
            .order_by(EntryRecord.epoch, EntryRecord.seq)
        )
        for entry in self.session.scalars(query):
            for key in _keys_in(self.session, entry, organisation):
                if key.key.thumbprint == kid and (key.revoked_at is not None or not revoked):
                    return entry.epoch, entry.seq
        return None

    def hash_at(self, epoch: int, seq: int) -> str | None:
        """Give the hash of the entry at a place of the chain."""
        entry = self.session.get(EntryRecord, (self.channel, epoch, seq))
        return entry.sha256 if entry is not None else None

    def is_abandoned(self, place: Position) -> bool:
        """Tell whether an entry stands on a branch that was abandoned."""
        left = self.session.get(AbandonedRecord, (self.channel, place.sha256))
        if left is not None:
            return (left.epoch, left.seq) == (place.epoch, place.seq)
        query = select(EvidenceRecord.content).where(
            EvidenceRecord.channel == self.channel,
            EvidenceRecord.doubt == Doubt.STALE_EPOCH.value,
        )
        late = (SignedBundle.read(StixObject.read(one)) for one in self.session.scalars(query))
        return any(entry.is_entry and entry.position == place for entry in late)

    def name(self, organisation: str) -> str:
        """Give an organisation's name."""
        descriptor = self.state.descriptor(organisation)
        return descriptor.name if descriptor is not None else organisation


def _keys_in(session: Session, entry: EntryRecord, organisation: str) -> list[NodeKey]:
    """Give an organisation's keys as the newest descriptor in an entry names them."""
    if entry.act != Act.CHANNEL_OPENED and entry.author != organisation:
        return []
    sha256 = entry.contribution_object or entry.object_sha256
    contents = objects.find_contents(session, [sha256])
    if sha256 not in contents:
        return []
    body = SignedBundle.read(StixObject.read(contents[sha256])).body
    named = [one for one in body.get("members", ()) if one["organisation"] == organisation]
    chains = [one.get("descriptors", ()) for one in named] or [body.get("descriptors", ())]
    return [key for chain in chains for jws in chain[-1:] for key in read_descriptor(jws).keys]

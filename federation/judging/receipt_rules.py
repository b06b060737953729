"""What a receipt is worth by a ledger: the one rule for nodes and for who checks a file.

Source: protocol, 2 and 10.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from federation.identity.descriptor import NodeKey
from federation.judging.bundles import Position
from federation.judging.doubt import Doubt, DoubtError
from federation.judging.receipts import Receipt
from federation.judging.state import Member, Place, key_in_use


class Held(StrEnum):
    """What a receipt that proves says about a ledger."""

    ON_CHAIN = "on this chain"
    ABANDONED = "on a branch that was abandoned"
    BEYOND = "beyond this chain"
    CONTRADICTS = "another entry than this chain's"
    """Somebody showed its author another entry there, or its author signed what is not so."""


class VouchedLedger(Protocol):
    """What judging a receipt asks of a ledger."""

    @property
    def channel(self) -> str:
        """The channel's UUID."""

    @property
    def head(self) -> Position | None:
        """The last entry."""

    def find_member(self, organisation: str) -> Member | None:
        """Give an organisation's part in the channel."""

    def find_signing_key(self, organisation: str, kid: str) -> NodeKey | None:
        """Find a signing key of an organisation by its id, in use or not."""

    def find_revocation(self, organisation: str, kid: str) -> Place | None:
        """Give the place of the entry that revoked a key."""

    def hash_at(self, epoch: int, seq: int) -> str | None:
        """Give the hash of the entry at a place of the chain."""

    def is_abandoned(self, place: Position) -> bool:
        """Tell whether an entry stands on a branch that was abandoned."""

    def name(self, organisation: str) -> str:
        """Give an organisation's name."""


def judge_receipt(receipt: Receipt, ledger: VouchedLedger) -> Held:
    """Prove a receipt by a ledger alone, and tell what it says about that ledger.

    Raises:
        DoubtError: `foreign_channel`, `not_member`, `unknown_key`, `bad_signature` or
            `revoked_key`.
    """
    # 1. It is about this channel.
    if receipt.channel != ledger.channel:
        raise DoubtError(Doubt.FOREIGN_CHANNEL, "the receipt is for another channel")
    # 2. Its author was a member at that place.
    held = _find_held(receipt.head, ledger)
    _check_member(receipt, held, ledger)
    # 3. A key of its author's signed it, by the descriptors in this ledger.
    _prove(receipt, ledger)
    return held


def _find_held(head: Position, ledger: VouchedLedger) -> Held:
    known, last = ledger.hash_at(head.epoch, head.seq), ledger.head
    if known == head.sha256:
        return Held.ON_CHAIN
    if ledger.is_abandoned(head):
        return Held.ABANDONED
    if last is None or (head.epoch, head.seq) > (last.epoch, last.seq):
        return Held.BEYOND
    # A place of a former epoch that this chain has left unused.
    return Held.ABANDONED if known is None else Held.CONTRADICTS


def _check_member(receipt: Receipt, held: Held, ledger: VouchedLedger) -> None:
    member = ledger.find_member(receipt.author)
    if member is None or not member.stays:
        raise DoubtError(Doubt.NOT_MEMBER, f"{receipt.author} never was a member here")
    place = (receipt.head.epoch, receipt.head.seq)
    # Whose stay has ended can't have read on; what it says of later entries vouches for nothing.
    if held is not Held.ABANDONED and not member.reads_all_at(place):
        name = ledger.name(receipt.author)
        raise DoubtError(Doubt.NOT_MEMBER, f"{name} was no member at {place[0]}/{place[1]}")


def _prove(receipt: Receipt, ledger: VouchedLedger) -> None:
    key = ledger.find_signing_key(receipt.author, receipt.kid)
    if key is None:
        name = ledger.name(receipt.author)
        raise DoubtError(Doubt.UNKNOWN_KEY, f"{name} has no signing key {receipt.kid[:43]}")
    receipt.prove(key.key)
    revoked = None
    if key.revoked_at is not None:
        revoked = ledger.find_revocation(receipt.author, receipt.kid)
    if revoked is not None and (receipt.head.epoch, receipt.head.seq) >= revoked:
        raise DoubtError(Doubt.REVOKED_KEY, f"its key was revoked at {key.revoked_at}")
    if revoked is None and not key_in_use(key, receipt.at_ns):
        raise DoubtError(Doubt.UNKNOWN_KEY, f"its key is retired since {key.retired_at}")

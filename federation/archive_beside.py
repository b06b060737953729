"""What stands in an export after the ledger: receipts, abandoned entries, evidence of forks.

Source: protocol, 10 and 11; wire format, 6 and 7.
"""

from __future__ import annotations

from federation.archive_chain import Chain
from federation.archive_lines import Kind, Line
from federation.archive_report import BranchLine, ReceiptLine
from federation.bundles import Position, SignedBundle
from federation.doubt import Doubt, DoubtError
from federation.receipts import Receipt, read_receipt
from federation.state import key_in_use
from sharing.objects import StixObject


class BesideReader:
    """Takes in the lines after a ledger; each is checked by what the whole ledger says."""

    def __init__(self, chain: Chain) -> None:
        self.receipts: list[ReceiptLine] = []
        self.abandoned: list[BranchLine] = []
        self.evidence: list[BranchLine] = []
        self.has_begun = False
        self._chain = chain
        self._branch: set[tuple[int, int, str]] = set()
        self._proofs: dict[tuple[int, int], str] = {}

    def take(self, line: Line) -> None:
        """Take in one line.

        Raises:
            DoubtError: it does not hold, or is proof that the ledger's owner forked it.
        """
        self.has_begun = True
        if line.kind is Kind.RECEIPT:
            self._take_receipt(read_receipt(line.value))
            return
        entry = SignedBundle.read(StixObject.of(line.value))
        self._check_entry(entry)
        if line.kind is Kind.ABANDONED:
            self._take_abandoned(entry)
        else:
            self._take_evidence(entry)

    def _take_receipt(self, receipt: Receipt) -> None:
        chain, state = self._chain, self._chain.state
        # 1. It is about this channel, by one of its members.
        if receipt.channel != chain.channel:
            raise DoubtError(Doubt.FOREIGN_CHANNEL, "the receipt is for another channel")
        member = state.members.get(receipt.author) if state is not None else None
        if member is None or not member.stays:
            raise DoubtError(Doubt.NOT_MEMBER, f"{receipt.author} never was a member here")
        # 2. A key of its author's signed it, by the descriptors in this ledger.
        self._prove_receipt(receipt)
        # 3. It names an entry of this chain, or of a branch that was abandoned.
        standing = self._place_of(receipt.head)
        self.receipts.append(
            ReceiptLine(
                receipt.author, chain.name(receipt.author), receipt.head, receipt.at, standing
            )
        )

    def _prove_receipt(self, receipt: Receipt) -> None:
        key = self._chain.find_signing_key(receipt.author, receipt.kid)
        if key is None:
            name = self._chain.name(receipt.author)
            raise DoubtError(Doubt.UNKNOWN_KEY, f"{name} has no signing key {receipt.kid[:43]}")
        receipt.prove(key.key)
        place = (receipt.head.epoch, receipt.head.seq)
        revoked = self._chain.revoked.get(receipt.kid)
        if revoked is not None and place >= revoked:
            raise DoubtError(Doubt.REVOKED_KEY, f"its key was revoked at {key.revoked_at}")
        if revoked is None and not key_in_use(key, receipt.at_ns):
            raise DoubtError(Doubt.UNKNOWN_KEY, f"its key is retired since {key.retired_at}")

    def _place_of(self, head: Position) -> str:
        chain = self._chain
        known = chain.facts.hash_at(head.epoch, head.seq)
        if known == head.sha256:
            return "on this chain"
        if (head.epoch, head.seq, head.sha256) in self._branch:
            return "on a branch that was abandoned"
        last = chain.head
        if last is None or (head.epoch, head.seq) > (last.epoch, last.seq):
            raise DoubtError(
                Doubt.GAP, f"its author held {head.epoch}/{head.seq}, which is not in this file"
            )
        if known is None:
            return "on a branch that was abandoned"
        raise DoubtError(
            Doubt.FORK, f"its author was shown another entry {head.epoch}/{head.seq} than this one"
        )

    def _check_entry(self, entry: SignedBundle) -> None:
        """Check that an entry beside the chain is one, and who made it."""
        chain = self._chain
        if not entry.is_entry:
            raise DoubtError(Doubt.MALFORMED, "a contribution is no entry")
        if entry.channel != chain.channel:
            raise DoubtError(Doubt.FOREIGN_CHANNEL, "the entry belongs to another channel")
        key = chain.find_signing_key(entry.author, entry.kid)
        if key is None:
            raise DoubtError(Doubt.UNKNOWN_KEY, f"this ledger knows no such key of {entry.author}")
        entry.prove(key.key)
        epoch, seq = entry.place
        if chain.facts.hash_at(epoch, seq) == entry.sha256:
            raise DoubtError(Doubt.MALFORMED, f"entry {epoch}/{seq} stands in the chain itself")

    def _take_abandoned(self, entry: SignedBundle) -> None:
        chain, place, seen = self._chain, entry.position, entry.seen
        last = chain.head
        if last is None or place.epoch > last.epoch:
            raise DoubtError(Doubt.MALFORMED, f"epoch {place.epoch} was not abandoned")
        follows = seen is not None and (
            chain.facts.hash_at(seen.epoch, seen.seq) == seen.sha256
            or (seen.epoch, seen.seq, seen.sha256) in self._branch
        )
        if not follows:
            raise DoubtError(Doubt.GAP, "it follows neither the chain nor another abandoned entry")
        self._branch.add((place.epoch, place.seq, place.sha256))
        self.abandoned.append(self._line(entry))

    def _take_evidence(self, entry: SignedBundle) -> None:
        chain, (epoch, seq) = self._chain, entry.place
        if chain.owners.get(epoch) != entry.author:
            raise DoubtError(Doubt.NOT_OWNER, f"{chain.name(entry.author)} owned no epoch {epoch}")
        other = chain.facts.hash_at(epoch, seq) or self._proofs.setdefault(
            (epoch, seq), entry.sha256
        )
        self.evidence.append(self._line(entry))
        last = chain.head
        # A fork that a newer epoch has left behind is history and no failure of this one.
        if other != entry.sha256 and last is not None and epoch == last.epoch:
            raise DoubtError(
                Doubt.FORK, f"{chain.name(entry.author)} signed two entries {epoch}/{seq}"
            )

    def _line(self, entry: SignedBundle) -> BranchLine:
        return BranchLine(entry.position, entry.author, self._chain.name(entry.author), entry.act)

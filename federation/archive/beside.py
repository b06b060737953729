"""What stands in an export after the ledger: receipts, abandoned entries, evidence.

Evidence is an entry that proves a fork, or one on which every member freezes where it is shown.

Source: protocol, 10 and 11; wire format, 6 and 7.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from federation.archive.chain import Chain
from federation.archive.lines import Kind, Line
from federation.archive.report import BranchLine, ReceiptLine
from federation.identity.descriptor import NodeKey
from federation.judging.bundles import Position, SignedBundle
from federation.judging.doubt import Consequence, Doubt, DoubtError, consequence
from federation.judging.judge import judge_entry
from federation.judging.reader import Reader
from federation.judging.receipt_rules import Held, judge_receipt
from federation.judging.receipts import Receipt, read_receipt
from federation.judging.state import Member, Place
from policies.acts import Act
from sharing.objects import StixObject

_BY_ANYBODY: Final = frozenset({Doubt.NOT_OWNER, Doubt.REVOKED_KEY})
"""What somebody else than the owner, or who has its old key, may have signed: it is named, and
whoever takes the file in is not stopped by it."""


class BesideReader:
    """Takes in the lines after a ledger; each is checked by what the whole ledger says."""

    def __init__(self, chain: Chain, reader: Reader) -> None:
        self._receipts: list[ReceiptLine] = []
        self.abandoned: list[BranchLine] = []
        self.evidence: list[BranchLine] = []
        self.has_begun = False
        self._chain = chain
        self._reader = replace(reader, lenient=True)
        self._admitted: SignedBundle | None = None
        """A contribution that the next piece of evidence admits."""
        self.channel = chain.channel
        self._branch: dict[tuple[int, int, str], str] = {}
        """Entries that were abandoned, and who owned the epoch on their branch."""
        self._proofs: dict[tuple[int, int], str] = {}

    @property
    def receipts(self) -> list[ReceiptLine]:
        """What was said; of which branch it speaks shows when all lines are read."""
        return [
            replace(one, standing=Held.ABANDONED)
            if one.standing is Held.CONTRADICTS and self.is_abandoned(one.position)
            else one
            for one in self._receipts
        ]

    @property
    def head(self) -> Position | None:
        """The last entry that holds."""
        return self._chain.head

    def find_member(self, organisation: str) -> Member | None:
        """Give an organisation's part in the channel."""
        state = self._chain.state
        return state.members.get(organisation) if state is not None else None

    def find_signing_key(self, organisation: str, kid: str) -> NodeKey | None:
        """Find a signing key of an organisation by its id, in use or not."""
        return self._chain.find_signing_key(organisation, kid)

    def find_revocation(self, organisation: str, kid: str) -> Place | None:
        """Give the place of the entry that revoked a key."""
        del organisation
        return self._chain.revoked.get(kid)

    def hash_at(self, epoch: int, seq: int) -> str | None:
        """Give the hash of the entry at a place of the chain."""
        return self._chain.facts.hash_at(epoch, seq)

    def is_abandoned(self, place: Position) -> bool:
        """Tell whether an entry stands on a branch that was abandoned."""
        return (place.epoch, place.seq, place.sha256) in self._branch

    def name(self, organisation: str) -> str:
        """Give an organisation's name."""
        return self._chain.name(organisation)

    def take(self, line: Line) -> None:
        """Take in one line.

        Raises:
            DoubtError: it does not hold, or is proof that the ledger's owner forked it.
        """
        self.has_begun = True
        if line.kind is Kind.RECEIPT:
            self._take_receipt(read_receipt(line.value))
            return
        stix = StixObject.of(line.value, written=line.written)
        entry = SignedBundle.read(stix)
        if line.kind is Kind.EVIDENCE and not entry.is_entry and self._admitted is None:
            self._admitted = entry
            if not self._chain.facts.has_line(stix.sha256):
                self._chain.facts.add_line(line, stix)
            return
        self._check_entry(entry)
        self._check_admitted(entry)
        if line.kind is Kind.ABANDONED:
            self._take_abandoned(entry)
        else:
            self._take_evidence(entry)

    def finish(self) -> None:
        """Check what can be said only at the end of the file.

        Raises:
            DoubtError: a contribution was brought that no evidence admits.
        """
        if self._admitted is not None:
            raise DoubtError(Doubt.MALFORMED, "no evidence admits the last contribution")

    def _check_admitted(self, entry: SignedBundle) -> None:
        """Check that a contribution among the evidence is the one that the next entry admits."""
        admitted, self._admitted = self._admitted, None
        if admitted is not None and all(one.sha256 != admitted.sha256 for one in entry.contents):
            raise DoubtError(Doubt.MALFORMED, "the next piece of evidence does not admit it")

    def _take_receipt(self, receipt: Receipt) -> None:
        held = judge_receipt(receipt, self)
        if held is Held.BEYOND:
            place = f"{receipt.head.epoch}/{receipt.head.seq}"
            raise DoubtError(Doubt.GAP, f"its author held {place}, which is not in this file")
        self._receipts.append(
            ReceiptLine(
                receipt.author,
                self.name(receipt.author),
                receipt.head,
                receipt.at,
                held,
                receipt.jws,
            )
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
        owner = self._owner_on_branch(entry, seen)
        if entry.author != owner:
            name = chain.name(entry.author)
            raise DoubtError(Doubt.NOT_OWNER, f"{name} owned no epoch {place.epoch} there")
        self._branch[place.epoch, place.seq, place.sha256] = owner
        self.abandoned.append(self._line(entry))

    def _owner_on_branch(self, entry: SignedBundle, seen: Position | None) -> str | None:
        """Give who owned an abandoned entry's epoch on its branch; who opens an epoch owns it."""
        if seen is None or entry.act == Act.CHANNEL_OPENED:
            return entry.author
        left = self._branch.get((seen.epoch, seen.seq, seen.sha256))
        owner = left or self._chain.owners.get(seen.epoch)
        return owner if entry.place[0] == seen.epoch else None

    def _take_evidence(self, entry: SignedBundle) -> None:
        chain, (epoch, seq) = self._chain, entry.place
        if self._follows_head(entry):
            self._name_betrayal(entry)
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

    def _follows_head(self, entry: SignedBundle) -> bool:
        seen, head = entry.seen, self._chain.head
        if seen is None or head is None:
            return False
        return (seen.epoch, seen.seq) == (head.epoch, head.seq)

    def _name_betrayal(self, entry: SignedBundle) -> None:
        """Name what is wrong with an entry that would come next, where nobody could apply it.

        One that is good for itself may yet be one of two for its place.
        """
        chain, (epoch, seq) = self._chain, entry.place
        try:
            judge_entry(chain.state, entry, chain.facts, self._reader)
        except DoubtError as error:
            if consequence(error.doubt) is not Consequence.FREEZE:
                return
            if error.doubt not in _BY_ANYBODY:
                self.evidence.append(self._line(entry))
            sentence = (
                f"{chain.name(entry.author)} signed entry {epoch}/{seq}, which stops everybody"
            )
            raise DoubtError(error.doubt, f"{sentence}: {error.message}") from None

    def _line(self, entry: SignedBundle) -> BranchLine:
        return BranchLine(entry.position, entry.author, self._chain.name(entry.author), entry.act)

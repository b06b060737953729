"""What checking a file found, for people and for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from federation.judging.bundles import Position
from federation.judging.doubt import Doubt
from federation.judging.holding import Holding
from federation.judging.receipt_rules import Held
from policies.acts import ACTS, Act


class What(StrEnum):
    """What a file turned out to be."""

    EXPORT = "export"
    OUTBOX = "contributions on their way"
    BUNDLE = "signed bundle"
    DESCRIPTOR = "node descriptor"
    SIGNATURE = "signature"
    UNKNOWN = "unknown"


class Presence(StrEnum):
    """How an object that the ledger covers stands in the file."""

    PRESENT = "present"
    WITHHELD = "withheld"
    RECALLED = "recalled"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that does not hold.

    Args:
        line: where in the file; `None` where it is about the whole.
        beside: whether it is about what follows the ledger, which holds without it.
    """

    doubt: Doubt
    sentence: str
    line: int | None = None
    beside: bool = False

    @property
    def text(self) -> str:
        """In one line, its name first."""
        where = f"line {self.line}: " if self.line is not None else ""
        return f"{self.doubt.value}: {where}{self.sentence}"

    def document(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {"name": self.doubt.value, "sentence": self.sentence, "line": self.line}


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One entry, in plain words.

    Args:
        time: ledger time.
        act: as the bundle names it.
        standing: `in effect`, or why not.
        about: names of the organisations that the act is about.
        doubtful_admission: why it may not have come when, and in the order, that it stands here,
            although it is its author's; `None` where nothing speaks against that.
        on_behalf_of: name of the organisation whose word the author relays; it did not sign.
    """

    position: Position
    time: str
    author: str
    author_name: str
    act: str
    standing: str
    admitted_by: str | None = None
    doubtful_admission: str | None = None
    about: tuple[str, ...] = ()
    on_behalf_of: str | None = None
    line: int | None = None

    @property
    def words(self) -> str:
        """What the act does, in the words of the table of acts."""
        says = ACTS[Act(self.act)].says if self.act in tuple(Act) else f"does “{self.act}”"
        return f"{says}: {', '.join(self.about)}" if self.about else says

    def document(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            **self.position.document(),
            "time": self.time,
            "author": self.author,
            "author_name": self.author_name,
            "act": self.act,
            "words": self.words,
            "about": list(self.about),
            "standing": self.standing,
            "admitted_by": self.admitted_by,
            "doubtful_admission": self.doubtful_admission,
            "on_behalf_of": self.on_behalf_of,
            "line": self.line,
        }


@dataclass(frozen=True, slots=True)
class MemberLine:
    """One organisation's part in the channel at the end of the file."""

    organisation: str
    name: str
    state: str
    roles: tuple[str, ...]
    recovery_key: str | None
    pinned: bool

    def document(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "organisation": self.organisation,
            "name": self.name,
            "state": self.state,
            "roles": list(self.roles),
            "recovery_key": self.recovery_key,
            "pinned": self.pinned,
        }


@dataclass(frozen=True, slots=True)
class ObjectLine:
    """One object that the ledger covers."""

    ref: str
    version: str | None
    sha256: str
    epoch: int
    seq: int
    presence: Presence

    def document(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "ref": self.ref,
            "version": self.version,
            "sha256": self.sha256,
            "epoch": self.epoch,
            "seq": self.seq,
            "presence": self.presence.value,
        }


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One receipt: who held the ledger up to where, since when."""

    author: str
    name: str
    position: Position
    at: str
    standing: Held
    jws: str = field(default="", repr=False)

    def document(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "author": self.author,
            "name": self.name,
            **self.position.document(),
            "at": self.at,
            "standing": self.standing.value,
            "jws": self.jws,
        }


@dataclass(frozen=True, slots=True)
class BranchLine:
    """One entry beside the chain: abandoned with its branch, or evidence of a fork."""

    position: Position
    author: str
    name: str
    act: str

    def document(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            **self.position.document(),
            "author": self.author,
            "name": self.name,
            "act": self.act,
        }


@dataclass(frozen=True)
class Report:
    """What checking a file found; it holds where there is no failure.

    Args:
        header: as the file gives it, `None` where there is none.
        kind: of the channel.
        head: the last entry that holds.
        objects: all that the ledger covers, in its order.
        holdings: who has held the object that was asked about, by content, in the ledger's order.
        unchecked: how many entries follow a break of the chain.
        failures: in the order in which they were found.
    """

    what: What
    failures: tuple[Failure, ...] = ()
    header: Mapping[str, Any] | None = None
    kind: str | None = None
    owner: str | None = None
    owner_name: str | None = None
    ceiling: str | None = None
    head: Position | None = None
    members: tuple[MemberLine, ...] = ()
    history: tuple[HistoryLine, ...] = ()
    objects: tuple[ObjectLine, ...] = ()
    receipts: tuple[ReceiptLine, ...] = ()
    abandoned: tuple[BranchLine, ...] = ()
    evidence: tuple[BranchLine, ...] = ()
    holdings: tuple[Holding, ...] = ()
    unchecked: int = 0

    @property
    def holds(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.failures

    @property
    def counts(self) -> dict[str, int]:
        """Give how many objects stand how."""
        counts = dict.fromkeys((presence.value for presence in Presence), 0)
        for one in self.objects:
            counts[one.presence.value] += 1
        return counts

    @property
    def contradictions(self) -> tuple[ReceiptLine, ...]:
        """Give the receipts that name another entry than this chain has there.

        Each is one organisation's word, signed by it: the owner showed it another history, or it
        signed what is not so. Only two entries signed by the owner prove a fork.
        """
        return tuple(one for one in self.receipts if one.standing is Held.CONTRADICTS)

    @property
    def newest_receipts(self) -> tuple[ReceiptLine, ...]:
        """Give the newest receipt of each member, by name."""
        newest: dict[str, ReceiptLine] = {}
        for one in self.receipts:
            if one.standing is Held.CONTRADICTS:
                continue
            known = newest.get(one.author)
            place = (one.position.epoch, one.position.seq, one.at)
            if known is None or place > (known.position.epoch, known.position.seq, known.at):
                newest[one.author] = one
        return tuple(sorted(newest.values(), key=lambda one: (one.name, one.author)))

    def document(self) -> dict[str, Any]:
        """Give it as JSON. Objects that are present are counted, the others listed."""
        absent = [one for one in self.objects if one.presence is not Presence.PRESENT]
        return {
            "what": self.what.value,
            "holds": self.holds,
            "failures": [failure.document() for failure in self.failures],
            "header": dict(self.header) if self.header is not None else None,
            "kind": self.kind,
            "owner": self.owner,
            "owner_name": self.owner_name,
            "ceiling": self.ceiling,
            "head": self.head.document() if self.head is not None else None,
            "members": [member.document() for member in self.members],
            "history": [line.document() for line in self.history],
            "counts": self.counts,
            "absent": [one.document() for one in absent],
            "receipts": [receipt.document() for receipt in self.receipts],
            "abandoned": [line.document() for line in self.abandoned],
            "evidence": [line.document() for line in self.evidence],
            "holdings": [holding.document() for holding in self.holdings],
            "unchecked": self.unchecked,
        }

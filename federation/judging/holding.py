"""Who has held what since when, and who vouches for it: the one rule for nodes and auditors.

A receipt is an organisation's signed word that it held everything due to it up to a head, with
recalls carried out. The owner's word is its entries; an author's word for its own object is the
bundle that it signed.

Source: protocol, 5 (*Late joiners*), 10 (*Receipts*) and 12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from federation.judging.bundles import Position
from federation.judging.contents import is_withheld
from federation.judging.state import ChannelState, Member, Place
from policies.tlp import TLP


class Due(StrEnum):
    """Whether an organisation is to have an object."""

    DUE = "due"
    WITHHELD = "withheld"
    """It joined later, and nobody released the object to later members."""
    GONE = "gone before"
    """It was no member any more when the object came."""
    WITHOUT_NODE = "no node"
    """The coordinator tells it; nothing of its own says that it has it."""


class Voucher(StrEnum):
    """Whose signature says that somebody holds an object."""

    RECEIPT = "receipt"
    ENTRY = "entry"
    """An entry of the channel's owner: it covers the object, or follows the one that does."""
    AUTHOR = "author"
    """The bundle that first covered the object, by the organisation itself."""


_VOUCHED: Final = {
    Voucher.RECEIPT: "by its signed receipt",
    Voucher.ENTRY: "by its entry, as the owner of the channel",
    Voucher.AUTHOR: "by the bundle in which it wrote it",
}


@dataclass(frozen=True, slots=True)
class Vouched:
    """Somebody's signed word that it held the ledger up to a place.

    Args:
        at: when, in its own words.
        sha256: of the entry there; where a bundle is the word, of that bundle.
        jws: the receipt, where it is one.
    """

    place: Place
    at: str
    sha256: str
    jws: str | None = None

    def document(self) -> dict[str, Any]:
        """Give it as JSON."""
        head = Position(*self.place, self.sha256).document()
        return {**head, "at": self.at, "jws": self.jws}


@dataclass(frozen=True, slots=True)
class CoveredObject:
    """One content of an object, as the ledger tells of it.

    Args:
        place: of the entry that first covered it.
        at: ledger time of that entry.
        entry: hash of that entry.
        author, authored_at, bundle: of the bundle that first covered it.
        claimed: the label that withholding goes by.
        released: where it was released to later members.
        recalled: where it was recalled.
    """

    ref: str
    version: str | None
    sha256: str
    place: Place
    at: str
    entry: str
    author: str
    authored_at: str
    bundle: str
    claimed: TLP | None = None
    released: Place | None = None
    recalled: Place | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """One organisation and one content of an object.

    Args:
        said: its signed word that it has held it, the earliest; `None` where it gave none.
        recalled: its signed word from behind the recall, the earliest.
    """

    organisation: str
    name: str
    due: Due
    voucher: Voucher | None = None
    said: Vouched | None = None
    recalled: Vouched | None = None

    @property
    def words(self) -> str:
        """In one line."""
        if self.due is Due.WITHHELD:
            return "withheld from it: it joined later"
        if self.due is Due.GONE:
            return "not due to it: it was no member any more"
        if self.due is Due.WITHOUT_NODE:
            return "it has no node: the coordinator tells it"
        held = "due, and not said to be held yet"
        if self.said is not None and self.voucher is not None:
            held = f"since {self.said.at}, {_VOUCHED[self.voucher]}"
        if self.recalled is not None:
            held += f"; the recall carried out by {self.recalled.at}"
        return held

    def document(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "organisation": self.organisation,
            "name": self.name,
            "due": self.due.value,
            "since": self.said.at if self.said is not None else None,
            "vouched_by": self.voucher.value if self.voucher is not None else None,
            "word": self.said.document() if self.said is not None else None,
            "recall_carried_out": self.recalled.document() if self.recalled is not None else None,
        }


@dataclass(frozen=True, slots=True)
class Holding:
    """One content of an object and who has it."""

    covered: CoveredObject
    holders: tuple[Holder, ...]

    def document(self) -> dict[str, Any]:
        """Give it as JSON."""
        one = self.covered
        return {
            "ref": one.ref,
            "version": one.version,
            "sha256": one.sha256,
            "entry": Position(*one.place, one.entry).document(),
            "at": one.at,
            "author": one.author,
            "bundle": one.bundle,
            "released": _place(one.released),
            "recalled": _place(one.recalled),
            "holders": [holder.document() for holder in self.holders],
        }


@dataclass(frozen=True)
class Words:
    """What was said about holding one ledger.

    Args:
        receipts: organisation → its receipts that name entries of the chain.
        entries: organisation → of each epoch that it owned, its entries; all of them, or the first
            at or behind the places that will be asked about.
        name: gives an organisation's name.
    """

    receipts: Mapping[str, Sequence[Vouched]]
    entries: Mapping[str, Sequence[Vouched]]
    name: Callable[[str], str]


def find_holders(state: ChannelState, one: CoveredObject, words: Words) -> Holding:
    """Tell of one content of an object who has held it since when, and who vouches."""
    holders = [
        _holder(state, member, one, words) for member in state.members.values() if member.stays
    ]
    holders.sort(key=lambda holder: (holder.name, holder.organisation))
    return Holding(one, tuple(holders))


def _holder(state: ChannelState, member: Member, one: CoveredObject, words: Words) -> Holder:
    who = member.organisation
    name = words.name(who)
    due, begin = _find_due(state, member, one)
    if due is not Due.DUE:
        return Holder(who, name, due)
    receipts = words.receipts.get(who, ())
    entries = words.entries.get(who, ())
    end = one.recalled
    behind = None
    if end is not None:
        behind = _first((*receipts, *entries), end)
    if who == one.author:
        word = Vouched(one.place, one.authored_at, one.bundle)
        return Holder(who, name, due, Voucher.AUTHOR, word, behind)
    said, voucher = _first(entries, begin, end), Voucher.ENTRY
    receipt = _first(receipts, begin, end)
    if said is None or (receipt is not None and receipt.place < said.place):
        said, voucher = receipt, Voucher.RECEIPT
    return Holder(who, name, due, voucher if said is not None else None, said, behind)


def _find_due(state: ChannelState, member: Member, one: CoveredObject) -> tuple[Due, Place]:
    """Tell whether an object is due to a member, and from which place on."""
    last = member.stays[-1].ended
    if last is not None and last < one.place:
        return Due.GONE, one.place
    if member.without_node:
        return Due.WITHOUT_NODE, one.place
    if member.reads_all_at(one.place):
        return Due.DUE, one.place
    begin = min(
        stay.joined for stay in member.stays if stay.ended is None or stay.ended >= one.place
    )
    begin = max(begin, one.place)
    if not is_withheld(state, member.organisation, one.place, one.claimed):
        return Due.DUE, begin
    if one.released is not None:
        return Due.DUE, max(begin, one.released)
    return Due.WITHHELD, one.place


def _first(words: Iterable[Vouched], begin: Place, end: Place | None = None) -> Vouched | None:
    """Give the word for the earliest place from `begin` on, before `end`."""
    fitting = (one for one in words if begin <= one.place and (end is None or one.place < end))
    return min(fitting, key=lambda one: (one.place, one.at), default=None)


def _place(place: Place | None) -> dict[str, int] | None:
    return {"epoch": place[0], "seq": place[1]} if place is not None else None

"""Forms of who holds what, and who vouches, for the API and for `--json`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from federation.judging.holding import Due, Holder, Holding, Vouched, Voucher
from hub.api.models import Document, Moment
from hub.channels.holders import HolderRow, Holders

Jws = Annotated[str | None, Field(description="The receipt as it was signed: a compact JWS.")]


class PlaceOut(Document):
    """An entry of the ledger, by its place."""

    epoch: int
    seq: int


class HeadOut(PlaceOut):
    """An entry of the ledger, by its place and hash."""

    sha256: str


class MemberHoldingOut(Document):
    """How far one member holds the channel, by its own signed word."""

    organisation: str
    name: str
    is_us: bool
    without_node: bool
    holds_all: bool
    sentence: str
    voucher: Annotated[
        str | None, Field(description="`owner`: its entries are its word; `receipt`; or nothing.")
    ]
    head: HeadOut | None
    at: Annotated[Moment | None, Field(description="When it says that it verified that head.")]
    kept_at: Annotated[Moment | None, Field(description="When its word came here.")]
    behind: Annotated[int, Field(description="How many entries it has not vouched for.")]
    behind_since: Moment | None
    silent: Annotated[bool, Field(description="It has given no receipt for more than a day.")]
    hidden_since: Annotated[
        Moment | None,
        Field(description="Since when the owner has not passed on its receipts, where it has not."),
    ]
    contradicts: Annotated[
        list[PlaceOut], Field(description="Where it signed that it was shown another entry.")
    ]
    asked_at: Moment | None
    answered_at: Moment | None
    jws: Jws


class HoldersOut(Document):
    """Who holds the channel."""

    head: HeadOut | None
    held_by: int
    of: Annotated[int, Field(description="How many members have a node.")]
    sentence: str
    items: list[MemberHoldingOut]


class WordOut(HeadOut):
    """Somebody's signed word: a receipt, or the bundle or entry with this hash."""

    at: str
    jws: Jws


class HolderOut(Document):
    """One organisation and one content of an object."""

    organisation: str
    name: str
    due: Due
    since: str | None
    vouched_by: Voucher | None
    word: WordOut | None
    recall_carried_out: WordOut | None
    sentence: str


class HoldingOut(Document):
    """One content of an object, or an entry, and who has held it."""

    ref: str
    version: str | None
    sha256: str
    entry: HeadOut
    at: Annotated[str, Field(description="Ledger time.")]
    author: str
    bundle: Annotated[str, Field(description="Hash of the bundle that covered it first.")]
    released: Annotated[PlaceOut | None, Field(description="To later members, if it was.")]
    recalled: PlaceOut | None
    holders: list[HolderOut]


class HoldingsOut(Document):
    """Who has held it, content by content, in the ledger's order."""

    items: list[HoldingOut]


def holders_document(found: Holders) -> HoldersOut:
    """Give who holds a channel as the API and `--json` show it."""
    head = found.head
    return HoldersOut(
        head=HeadOut(**head.document()) if head is not None else None,
        held_by=found.held_by,
        of=found.of,
        sentence=found.sentence,
        items=[member_document(row) for row in found.rows],
    )


def holding_document(one: Holding) -> HoldingOut:
    """Give who has held one content as the API and `--json` show it."""
    covered = one.covered
    return HoldingOut(
        ref=covered.ref,
        version=covered.version,
        sha256=covered.sha256,
        entry=HeadOut(epoch=covered.place[0], seq=covered.place[1], sha256=covered.entry),
        at=covered.at,
        author=covered.author,
        bundle=covered.bundle,
        released=_place(covered.released),
        recalled=_place(covered.recalled),
        holders=[_holder(holder) for holder in one.holders],
    )


def member_document(row: HolderRow) -> MemberHoldingOut:
    """Give how far a member holds a channel, as the API shows it."""
    one = row.holding
    return MemberHoldingOut(
        organisation=one.organisation,
        name=row.name,
        is_us=row.is_us,
        without_node=one.without_node,
        holds_all=row.holds_all,
        sentence=row.sentence,
        voucher=one.voucher,
        head=HeadOut(**one.head.document()) if one.head is not None else None,
        at=one.at,
        kept_at=one.kept_at,
        behind=one.behind,
        behind_since=one.behind_since,
        silent=one.silent,
        hidden_since=one.hidden_since,
        contradicts=[PlaceOut(epoch=epoch, seq=seq) for epoch, seq in one.contradicts],
        asked_at=one.asked_at,
        answered_at=one.answered_at,
        jws=one.jws,
    )


def _holder(one: Holder) -> HolderOut:
    return HolderOut(
        organisation=one.organisation,
        name=one.name,
        due=one.due,
        since=one.said.at if one.said is not None else None,
        vouched_by=one.voucher,
        word=_word(one.said),
        recall_carried_out=_word(one.recalled),
        sentence=one.words,
    )


def _word(said: Vouched | None) -> WordOut | None:
    if said is None:
        return None
    return WordOut(
        epoch=said.place[0], seq=said.place[1], sha256=said.sha256, at=said.at, jws=said.jws
    )


def _place(place: tuple[int, int] | None) -> PlaceOut | None:
    return PlaceOut(epoch=place[0], seq=place[1]) if place is not None else None

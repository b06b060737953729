"""One history for everyone: what an owner and its members hold, compared byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import requests
from sqlalchemy import select

from federation.judging.bundles import SignedBundle
from federation.ledgers.ledger_records import (
    ChannelRecord,
    ContributionRecord,
    Delivery,
    EntryRecord,
    StagedRecord,
)
from policies.tlp import TLP
from sharing.canonical import canonical
from sharing.objects import StixObject, find_contents
from sharing.records import CollectionRow
from sharing.taxii.resources import API_ROOT_PATH, TAXII_21
from tests.kit.nodes import LocalNode

_OPEN: Final = (None, TLP.CLEAR, TLP.GREEN)
_PAGE: Final = 50


@dataclass(frozen=True)
class Entry:
    """One entry as a node keeps it; equal on every node."""

    epoch: int
    seq: int
    sha256: str
    object_sha256: str
    act: str
    author: str
    contribution: str | None
    contribution_object: str | None
    void: str | None


@dataclass(frozen=True)
class History:
    """A channel as one node holds it.

    Args:
        dates: of each entry, in this node's own counting.
        rows: (date_added, hash, label) of everything in the collection, oldest first.
        contents: hash → bytes.
    """

    node: str
    entries: list[Entry]
    dates: list[int]
    rows: list[tuple[int, str, TLP | None]]
    contents: Mapping[str, bytes]
    staged: int

    @property
    def hashes(self) -> list[str]:
        return [sha256 for _, sha256, _ in self.rows]

    def bundle(self, object_sha256: str) -> SignedBundle:
        return SignedBundle.read(StixObject.read(self.contents[object_sha256]))

    def id_of(self, sha256: str) -> str:
        """Give the STIX id of something in the collection."""
        return StixObject.read(self.contents[sha256]).stix_id

    def texts(self) -> list[str]:
        """Give the texts of all notes, in ledger order."""
        values = [json.loads(self.contents[sha256]) for sha256 in self.hashes]
        return [value["content"] for value in values if value["type"] == "note"]


def history_of(node: LocalNode, channel: str) -> History:
    """Read what a node holds of a channel, in one state of its database."""
    with node.reading() as session:
        records = session.scalars(
            select(EntryRecord)
            .where(EntryRecord.channel == channel)
            .order_by(EntryRecord.epoch, EntryRecord.seq)
        ).all()
        found = session.execute(
            select(CollectionRow.date_added, CollectionRow.sha256, CollectionRow.claimed)
            .where(CollectionRow.collection_id == channel)
            .order_by(CollectionRow.date_added)
        ).all()
        rows = [(row.date_added, row.sha256, row.claimed) for row in found]
        contents = find_contents(session, [sha256 for _, sha256, _ in rows])
        staged = select(StagedRecord.sha256).where(StagedRecord.channel == channel)
        return History(
            node=node.name,
            entries=[_entry(record) for record in records],
            dates=[record.date_added for record in records],
            rows=rows,
            contents=contents,
            staged=len(session.scalars(staged).all()),
        )


def assert_one_chain(owner: History, *, epochs: int = 1) -> None:
    """No gap, no fork, no double; order of authors and of `date_added` kept."""
    place = [(entry.epoch, entry.seq) for entry in owner.entries]
    lengths = [sum(epoch == one for epoch, _ in place) for one in range(1, epochs + 1)]
    expected = [(one, seq) for one, length in enumerate(lengths, 1) for seq in range(length)]
    assert place == expected, place
    assert all(lengths), place
    assert owner.dates == sorted(set(owner.dates))
    added = [date for date, _, _ in owner.rows]
    assert added == sorted(set(added))
    before: SignedBundle | None = None
    nth: dict[str, int] = {}
    admitted: set[str] = set()
    for entry in owner.entries:
        bundle = owner.bundle(entry.object_sha256)
        assert bundle.sha256 == entry.sha256
        if before is not None:
            assert bundle.seen is not None
            seen = (bundle.seen.epoch, bundle.seen.seq, bundle.seen.sha256)
            assert seen == (*before.place, before.sha256)
            assert bundle.created_ns >= before.created_ns
        before = bundle
        if entry.contribution_object is not None:
            contribution = owner.bundle(entry.contribution_object)
            assert contribution.sha256 not in admitted, "admitted twice"
            admitted.add(contribution.sha256)
            assert contribution.nth is not None
            assert contribution.nth > nth.get(contribution.author, 0), "out of its author's order"
            nth[contribution.author] = contribution.nth


def assert_same(owner: History, member: History, joined: int) -> None:
    """A replica holds what its owner holds, byte for byte, but for what is withheld.

    Args:
        joined: place in the ledger of the entry with which this member joined.
    """
    assert member.entries == owner.entries
    here = set(member.hashes)
    assert member.hashes == [sha256 for sha256 in owner.hashes if sha256 in here]
    for sha256 in here:
        assert member.contents[sha256] == owner.contents[sha256]
    for date, sha256, label in owner.rows:
        withheld = label not in _OPEN and date < owner.dates[joined]
        assert sha256 in here or withheld, f"{member.node} lacks {owner.contents[sha256]!r}"
    assert member.staged == 0


def assert_delivered(node: LocalNode, owner: History, channel: str) -> None:
    """What this member has ever put into its outbox is history, each once, and it knows that."""
    with node.reading() as session:
        rows = session.execute(
            select(
                ContributionRecord.sha256,
                ContributionRecord.state,
                ContributionRecord.nth,
                ContributionRecord.sentence,
            )
            .where(ContributionRecord.channel == channel)
            .order_by(ContributionRecord.nth)
        ).all()
    left = [row for row in rows if row.state is not Delivery.CONFIRMED]
    assert not left, f"{node.name}: {left}"
    own = [
        entry.contribution
        for entry in owner.entries
        if entry.author == node.organisation and entry.contribution is not None
    ]
    assert own == [row.sha256 for row in rows]


def assert_one_history(nodes: Sequence[LocalNode]) -> None:
    """Every channel that several of these nodes hold is one and the same on all of them."""
    for owner in nodes:
        for channel in _channels_of(owner):
            kept = history_of(owner, channel)
            assert_one_chain(kept)
            state = owner.state(channel)
            for node in nodes:
                member = state.members.get(node.organisation)
                if node is owner or member is None or not member.is_joined:
                    continue
                joined = member.stays[0].joined[1]
                assert_same(kept, history_of(node, channel), joined)
                assert_delivered(node, kept, channel)


def assert_pages_tell_it_all(node: LocalNode, address: str, secret: str, channel: str) -> None:
    """A TAXII reader that pages through a channel gets what the node holds, in its order."""
    kept = history_of(node, channel)
    pages = read_pages(address, secret, channel)
    assert [canonical(value) for value in pages] == [kept.contents[one] for one in kept.hashes]


def read_pages(
    address: str, secret: str, channel: str, *, after: str | None = None, limit: int = _PAGE
) -> list[dict[str, Any]]:
    """Read a channel to its end over TAXII, with a person's token."""
    values: list[dict[str, Any]] = []
    while True:
        found, last = read_page(address, secret, channel, after=after, limit=limit)
        if not found or last is None:
            return values
        values += found
        after = last


def read_page(
    address: str, secret: str, channel: str, *, after: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """Read one page; give its objects, and after what the next one begins."""
    query = {"limit": str(limit), "match[version]": "all"}
    answer = requests.get(
        f"{address}{API_ROOT_PATH}collections/{channel}/objects/",
        params=query | ({"added_after": after} if after else {}),
        auth=("reader", secret),
        headers={"Accept": TAXII_21},
        timeout=30,
    )
    answer.raise_for_status()
    return answer.json().get("objects", []), answer.headers.get("X-TAXII-Date-Added-Last")


def at_rest(nodes: Iterable[LocalNode]) -> bool:
    """Tell whether all these nodes have heard everything of each other."""
    nodes = list(nodes)
    for owner in nodes:
        for channel in _channels_of(owner):
            head = owner.channel(channel).head_sha256
            joined = owner.state(channel).joined
            for node in nodes:
                if node.organisation in joined and not _has(node, channel, head):
                    return False
    return not any(_waits(node) for node in nodes)


def _has(node: LocalNode, channel: str, head: str | None) -> bool:
    with node.reading() as session:
        query = select(ChannelRecord.head_sha256).where(ChannelRecord.id == channel)
        return session.scalar(query) == head


def _waits(node: LocalNode) -> bool:
    with node.reading() as session:
        query = select(ContributionRecord.sha256).where(
            ContributionRecord.state.in_((Delivery.PENDING, Delivery.ADMITTED))
        )
        return session.execute(query.limit(1)).first() is not None


def _channels_of(node: LocalNode) -> list[str]:
    with node.reading() as session:
        query = select(ChannelRecord.id).where(
            ChannelRecord.is_ours.is_(True), ChannelRecord.state.is_not(None)
        )
        return list(session.scalars(query.order_by(ChannelRecord.opened_at, ChannelRecord.id)))


def _entry(record: EntryRecord) -> Entry:
    return Entry(
        epoch=record.epoch,
        seq=record.seq,
        sha256=record.sha256,
        object_sha256=record.object_sha256,
        act=record.act,
        author=record.author,
        contribution=record.contribution_sha256,
        contribution_object=record.contribution_object,
        void=record.void,
    )

"""What the entries of a page need besides themselves: each table asked once, for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from federation.identity.node import find_node
from federation.judging.contents import Chains
from federation.ledgers.ledger import load_chains_in
from federation.ledgers.ledger_records import ChannelRecord, CoveredRecord, EntryRecord
from federation.ledgers.places import stands_at
from federation.ledgers.told_alone import can_tell_alone
from hub.channels.names import called
from hub.channels.records import MemberView
from hub.channels.relay_records import RelayedView
from policies.acts import TOLD_ALONE
from sharing import collections
from sharing.bulk import among
from sharing.records import CollectionRow
from sharing.selection import NEVER_WITHHELD

OBJECTS_SHOWN: Final = 20


class EntryPage:
    """What belongs to some entries, of one channel or of several.

    Args:
        rows: the entries.
    """

    def __init__(self, session: Session, rows: Sequence[EntryRecord]) -> None:
        channels = {row.channel for row in rows}
        node = find_node(session)
        self.us = node.organisation if node is not None else None
        self._covered = _covered_by(session, rows)
        wanted = {row.contribution_object or row.object_sha256 for row in rows}
        shown = [one for row in rows for one in self.shown(row)]
        wanted |= {one.sha256 for one in shown}
        self._contents = collections.find_contents_in(session, channels, wanted)
        speakers = {row.author for row in rows} | {
            row.admitted_by for row in rows if row.admitted_by is not None
        }
        self._chains = load_chains_in(session, channels, speakers)
        self.names: dict[str, dict[str, str]] = {}
        self._replaced_by: dict[tuple[str, str], str] = {}
        for member in session.execute(
            select(
                MemberView.channel,
                MemberView.organisation,
                MemberView.name,
                MemberView.without_node,
                MemberView.replaced_by,
            ).where(MemberView.channel.in_(channels))
        ):
            name = called(member.organisation, member.name, without_node=member.without_node)
            self.names.setdefault(member.channel, {})[member.organisation] = name
            if member.replaced_by is not None:
                self._replaced_by[member.channel, member.organisation] = member.replaced_by
        self._tells_alone = _telling_alone(session, rows)
        self._relayed = _relayed_in(session, rows)
        labelled = [one for one in shown if is_labelled(one)]
        self._released = _released(session, channels, labelled)
        self._authors = _first_authors(session, channels, labelled)

    def covered(self, row: EntryRecord) -> Sequence[CoveredRecord]:
        """Give all that an entry covers, in order."""
        return self._covered.get((row.channel, row.epoch, row.seq), ())

    def shown(self, row: EntryRecord) -> Sequence[CoveredRecord]:
        """Give as much of that as is shown."""
        return self.covered(row)[:OBJECTS_SHOWN]

    def content(self, channel: str, sha256: str) -> bytes | None:
        """Give canonical bytes that a channel holds."""
        return self._contents.get((channel, sha256))

    def chains(self, channel: str) -> Chains:
        """Give the descriptors of those who wrote or admitted these entries."""
        return self._chains.get(channel, {})

    def relayed(self, row: EntryRecord) -> RelayedView | None:
        """Give what is known of an entry that was written on behalf of another."""
        return self._relayed.get((row.channel, row.contribution_sha256 or row.sha256))

    def is_ours_to_answer(self, row: RelayedView) -> bool:
        """Tell whether a statement was made in our name, or in that of whose place we took."""
        if self.us is None:
            return False
        replaced_by = self._replaced_by.get((row.channel, row.organisation))
        return self.us in {row.organisation, replaced_by}

    def was_told_alone(self, row: EntryRecord) -> bool:
        """Tell whether an entry was told us alone, in a partner's direct channel."""
        return row.act in TOLD_ALONE and row.channel in self._tells_alone

    def later(self, one: CoveredRecord) -> bool | None:
        """Tell whether later members read an object; none where its label alone says so."""
        return self._released.get((one.channel, one.sha256)) if is_labelled(one) else None

    def is_ours(self, one: CoveredRecord) -> bool:
        """Tell whether an object was ours when it came first."""
        return self._authors.get((one.channel, one.ref)) == self.us


def is_labelled(one: CoveredRecord) -> bool:
    """Tell whether an object has a label by which it can be withheld."""
    return bool(one.claimed) and one.claimed not in NEVER_WITHHELD


def _covered_by(
    session: Session, rows: Sequence[EntryRecord]
) -> Mapping[tuple[str, int, int], Sequence[CoveredRecord]]:
    found: dict[tuple[str, int, int], list[CoveredRecord]] = {}
    for one in session.scalars(
        select(CoveredRecord)
        .where(stands_at(CoveredRecord, [(row.channel, row.epoch, row.seq) for row in rows]))
        .order_by(CoveredRecord.channel, CoveredRecord.epoch, CoveredRecord.seq)
        .order_by(CoveredRecord.place)
    ):
        found.setdefault((one.channel, one.epoch, one.seq), []).append(one)
    return found


def _telling_alone(session: Session, rows: Sequence[EntryRecord]) -> frozenset[str]:
    """Give the channels among these in which words can be for us alone."""
    asked = {row.channel for row in rows if row.act in TOLD_ALONE}
    records = session.scalars(
        select(ChannelRecord).where(ChannelRecord.id.in_(asked)).options(defer(ChannelRecord.state))
    )
    return frozenset(record.id for record in records if can_tell_alone(record))


def _relayed_in(
    session: Session, rows: Sequence[EntryRecord]
) -> Mapping[tuple[str, str], RelayedView]:
    found = session.scalars(
        select(RelayedView).where(
            RelayedView.channel.in_({row.channel for row in rows}),
            among(
                session,
                RelayedView.bundle,
                [row.contribution_sha256 or row.sha256 for row in rows],
            ),
        )
    )
    return {(row.channel, row.bundle): row for row in found}


def _released(
    session: Session, channels: set[str], objects: Sequence[CoveredRecord]
) -> Mapping[tuple[str, str], bool]:
    rows = session.execute(
        select(
            CollectionRow.collection_id, CollectionRow.sha256, CollectionRow.released_from
        ).where(
            # By hash alone: asked for channels too, SQLite walks through all that they hold.
            among(session, CollectionRow.sha256, [one.sha256 for one in objects]),
            ~CollectionRow.hidden,
        )
    )
    return {
        (channel, sha256): since is not None
        for channel, sha256, since in rows
        if channel in channels
    }


def _first_authors(
    session: Session, channels: set[str], objects: Sequence[CoveredRecord]
) -> Mapping[tuple[str, str], str]:
    """Give whose each object was when it came first."""
    authors: dict[tuple[str, str], str] = {}
    for channel, ref, author in session.execute(
        select(CoveredRecord.channel, CoveredRecord.ref, CoveredRecord.author)
        .where(
            CoveredRecord.channel.in_(channels),
            among(session, CoveredRecord.ref, [one.ref for one in objects]),
        )
        .order_by(CoveredRecord.epoch, CoveredRecord.seq, CoveredRecord.place)
    ):
        authors.setdefault((channel, ref), author)
    return authors

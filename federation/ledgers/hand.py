"""What a transaction has just been brought for the stage, before anything of it is laid down.

Most of what a page brings is covered by an entry of the same page: it is applied from the hand and
never touches the stage's table. What is left when the transaction commits is laid down there.

Source: protocol, 7.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from federation.judging.bundles import SignedBundle
from federation.judging.state import Place
from federation.ledgers.ledger_records import StagedRecord
from sharing.bulk import insert_rows
from sharing.db import before_commit
from sharing.objects import StixObject

K = TypeVar("K")

_HANDS: Final = "tocsin_hands"
_COLUMNS: Final = (
    "channel",
    "sha256",
    "stix_id",
    "version_ns",
    "bundle_sha256",
    "epoch",
    "seq",
    "content",
    "staged_at",
)


@dataclass(frozen=True, slots=True)
class Held:
    """One object in the hand.

    Args:
        bundle: what it reads as, where it is a signed bundle.
        place: where it stands, where it may be an entry of this channel.
        since: when it came.
    """

    stix: StixObject
    bundle: SignedBundle | None
    place: Place | None
    since: datetime


@dataclass
class Hand:
    """What one transaction holds for the stage of one channel: hash → object.

    Args:
        is_all: nothing of the channel lies in the stage's table, and nobody else can lay anything
            down there before this transaction ends.
    """

    channel: str
    is_all: bool = False
    objects: dict[str, Held] = field(default_factory=dict)
    _by_ref: dict[str, dict[str, None]] = field(default_factory=dict)
    _by_place: dict[Place, dict[str, None]] = field(default_factory=dict)

    def take(self, held: Held) -> None:
        """Take an object up."""
        sha256 = held.stix.sha256
        self.objects[sha256] = held
        self._by_ref.setdefault(held.stix.stix_id, {})[sha256] = None
        if held.place is not None:
            self._by_place.setdefault(held.place, {})[sha256] = None

    def drop(self, hashes: Iterable[str]) -> list[str]:
        """Let go of objects; give the hashes of those that it did not hold."""
        others = []
        for sha256 in hashes:
            held = self.objects.pop(sha256, None)
            if held is None:
                others.append(sha256)
                continue
            _forget(self._by_ref, held.stix.stix_id, sha256)
            if held.place is not None:
                _forget(self._by_place, held.place, sha256)
        return others

    def drop_refs(self, refs: Iterable[str]) -> None:
        """Let go of every version of these objects."""
        for ref in refs:
            self.drop(list(self._by_ref.get(ref, ())))

    def named(self, ref: str) -> list[StixObject]:
        """Give every version of an object."""
        return [self.objects[sha256].stix for sha256 in self._by_ref.get(ref, ())]

    def at(self, place: Place) -> list[SignedBundle]:
        """Give the entries for one position."""
        held = (self.objects[sha256] for sha256 in self._by_place.get(place, ()))
        return [one.bundle for one in held if one.bundle is not None]

    def entries(self) -> list[SignedBundle]:
        """Give everything that may be an entry of this channel."""
        return [entry for place in sorted(self._by_place) for entry in self.at(place)]

    def lay_down(self, session: Session) -> None:
        """Write into the stage's table what is left."""
        rows = [
            (
                self.channel,
                sha256,
                held.stix.stix_id,
                str(held.stix.version_ns),
                held.bundle and held.bundle.sha256,
                held.place and held.place[0],
                held.place and held.place[1],
                held.stix.content,
                held.since,
            )
            for sha256, held in self.objects.items()
        ]
        insert_rows(session, StagedRecord, _COLUMNS, rows)
        self.is_all = self.is_all and not rows
        self.objects.clear()
        self._by_ref.clear()
        self._by_place.clear()


def hand_of(session: Session, channel: str) -> Hand:
    """Give this transaction's hand for a channel; what it holds at the commit is laid down.

    The caller holds the channel's lock.
    """
    hands: dict[str, Hand] | None = session.info.get(_HANDS)
    if hands is None:
        hands = session.info[_HANDS] = {}
        before_commit(session, lambda: _lay_all_down(session))
    if channel not in hands:
        staged = select(StagedRecord.sha256).where(StagedRecord.channel == channel).limit(1)
        hands[channel] = Hand(channel, is_all=session.execute(staged).first() is None)
    return hands[channel]


def find_hand(session: Session, channel: str) -> Hand:
    """Give this transaction's hand for a channel, to look at: where there is none, an empty one."""
    hands: dict[str, Hand] = session.info.get(_HANDS, {})
    return hands.get(channel) or Hand(channel)


def _lay_all_down(session: Session) -> None:
    hands: dict[str, Hand] = session.info.pop(_HANDS, {})
    for hand in hands.values():
        hand.lay_down(session)


def _forget(index: dict[K, dict[str, None]], key: K, sha256: str) -> None:
    hashes = index[key]
    del hashes[sha256]
    if not hashes:
        del index[key]

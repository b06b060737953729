"""Which branch of a ledger holds: the same on every node, in whatever order it hears of them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from federation.branches import endorsements
from federation.judging.bundles import Position, SignedBundle
from federation.judging.doubt import Doubt, DoubtError
from federation.ledgers.branch_records import AbandonedRecord, RecallInForceRecord
from federation.ledgers.ledger_records import ChannelRecord, Standing
from federation.ledgers.rebuild import rebuild
from federation.ledgers.stage import Brought
from federation.ledgers.stops import keep_evidence
from federation.replicas.looks import Looks
from federation.replicas.pulled import PulledPage
from federation.replicas.replica import Replicas
from hub import clock
from hub.apply import VIEWS
from policies.acts import Act, ChannelKind
from policies.errors import ConflictError
from sharing import collections
from sharing.objects import StixObject
from sharing.records import CollectionRow
from sharing.selection import Filters, Scope
from tests.kit.hostile_peer import honest
from tests.kit.ledger_kit import (
    CHANNEL,
    LedgerKit,
    Organisation,
    cert,
    grid,
    vendor,
    water,
)
from tests.kit.nodes import Clock, LocalNode

ORDERS = 3
"""How many orders of arrival are tried."""


@dataclass
class Teller:
    """What one member's node shows of the channel."""

    objects: list[StixObject]

    def pages(self, channel: str, added_after: str | None) -> Iterator[PulledPage]:
        assert channel == CHANNEL
        if added_after is None:
            yield PulledPage(Brought(self.objects, []), "2026-11-20T10:00:00.000000Z")

    def by_ids(self, channel: str, refs: Iterable[str]) -> list[StixObject]:
        assert channel == CHANNEL
        wanted = set(refs)
        return [one for one in self.objects if one.stix_id in wanted]


def shown(kit: LedgerKit) -> Teller:
    found: list[StixObject] = []
    for step in kit.steps:
        found += step.objects
        if step.judged.contribution is not None:
            found.append(step.judged.contribution.stix)
        found.append(step.judged.entry.stix)
    return Teller(list(found))


class Branches:
    """One channel with members that go different ways; everybody's bytes are the same each time."""

    def __init__(self, node: LocalNode) -> None:
        self.node = node
        self.owner, self.grid, self.vendor, self.water = cert(), grid(), vendor(), water()
        self.others: tuple[Organisation, ...] = (self.grid, self.vendor, self.water)

    def base(self, notes: int, *, fork_at: int | None = None, recall: bool = False) -> LedgerKit:
        """Give the owner's ledger with so many notes.

        Args:
            fork_at: from this note on it is another history.
            recall: the owner then takes its first note back.
        """
        kit = LedgerKit(self.owner, (*self.others, honest(self.node)))
        kit.write(Act.CHANNEL_OPENED, kit.opening(), kit.founding_objects())
        for number in range(1, notes + 1):
            text = "otherwise" if fork_at is not None and number >= fork_at else ""
            kit.write(Act.NOTE_ADDED, {}, [self.owner.note(number, text)])
        if recall:
            kit.write(Act.OBJECT_RECALLED, {"objects": [self.owner.note(1).stix_id]})
        return kit

    def succeeded(self, kit: LedgerKit, by: Organisation, round_: int, notes: int = 1) -> LedgerKit:
        """Have a member take over where a ledger stands, and write on."""
        lost = kit.owner
        body = {
            "epoch": kit.head.epoch + 1,
            "round": round_,
            "candidate": by.id,
            "head": kit.head.document(),
        }
        endorsements = [
            kit.contribution(one, Act.SUCCESSION_ENDORSED, body).stix for one in self.others
        ]
        kit.others = (*kit.others, lost)
        kit.reopen(by, "succession", endorsements, round=round_)
        for number in range(notes):
            kit.write(Act.NOTE_ADDED, {}, [by.note(100 + number)])
        return kit


@pytest.fixture
def node(tmp_path: Path) -> Iterator[LocalNode]:
    with clock.told_by(Clock()):
        made = LocalNode("observer", tmp_path, base_url="http://127.0.0.1:9", now=clock.utcnow)
        yield made
        made.close()


class Following:
    """A node that hears of branches one after another."""

    def __init__(self, node: LocalNode, base: LedgerKit) -> None:
        self.node = node
        self.tellers: dict[str, Teller] = {base.owner.id: shown(base)}
        with node.writing() as session:
            collections.create(session, CHANNEL, title="")
            session.add(
                ChannelRecord(
                    id=CHANNEL,
                    kind=ChannelKind.CASE,
                    name="",
                    owner=base.owner.id,
                    is_ours=False,
                    genesis=base.steps[0].judged.entry.sha256,
                    standing=Standing.JOINING,
                    cursor_server=base.owner.id,
                    opened_at=node.now(),
                )
            )
        self.replicas: Replicas = replace(
            node.office.replicas, connect=lambda organisation, _: self.tellers[organisation]
        )
        with node.app.app_context():
            assert self.replicas.pull(CHANNEL) is None

    def hear(self, who: Organisation, kit: LedgerKit) -> bool:
        self.tellers[who.id] = shown(kit)
        with self.node.app.app_context():
            return Looks(self.replicas).look(CHANNEL, who.id)

    @property
    def record(self) -> ChannelRecord:
        return self.node.channel(CHANNEL)

    @property
    def head(self) -> Position:
        return self.node.state(CHANNEL).head

    def rebuilt(self) -> tuple[str, ...]:
        with self.node.writing() as session:
            return rebuild(session, self.node.office.desk(session), CHANNEL, VIEWS).differences

    def read(self, after: int = 0) -> tuple[list[str], int]:
        """Give the hashes that a plain TAXII reader gets, and its cursor."""
        with self.node.reading() as session:
            filters = Filters(after=after)
            page = collections.page(session, CHANNEL, filters, Scope.everything(), limit=1000)
            return [StixObject.read(one).sha256 for one in page.contents], page.last_added or after

    def forget(self) -> None:
        """Forget the channel, as if this node had never heard of it."""
        with self.node.writing() as session:
            for table in reversed(ChannelRecord.metadata.sorted_tables):
                for name in ("channel", "collection_id", "direct"):
                    if name in table.c and name != "direct":
                        session.execute(table.delete().where(table.c[name] == CHANNEL))
            for table, column in (("channel", "id"), ("collection", "id")):
                rows = ChannelRecord.metadata.tables[table]
                session.execute(rows.delete().where(rows.c[column] == CHANNEL))


def test_the_same_branch_holds_whatever_the_order_of_arrival(node: LocalNode) -> None:
    world = Branches(node)
    told = {
        "round 1 on an older head": (world.vendor, world.succeeded(world.base(3), world.vendor, 1)),
        "round 1 on a later head": (world.water, world.succeeded(world.base(4), world.water, 1)),
        "round 2 on the oldest head": (world.grid, world.succeeded(world.base(2), world.grid, 2)),
        "the old owner, that writes on": (world.owner, world.base(7)),
    }
    reopened = world.base(5)
    # Whatever round it claims: the members have not chosen it.
    reopened.reopen(world.owner, "re-opening", round=9)
    reopened.write(Act.NOTE_ADDED, {}, [world.owner.note(90)])
    best = told["round 2 on the oldest head"][1]
    orders = list(itertools.permutations([*told, "the old owner, that opens anew"]))
    for order in random.Random(11).sample(orders, ORDERS):
        following = Following(node, world.base(4))
        for name in order:
            who, kit = told.get(name, (world.owner, reopened))
            following.hear(who, kit)
        assert following.head == best.head, order
        assert following.record.owner == world.grid.id
        assert following.record.standing is Standing.CURRENT
        assert following.rebuilt() == ()
        following.forget()


def test_of_two_in_one_round_the_later_head_wins_and_what_was_left_comes_back(
    node: LocalNode,
) -> None:
    world = Branches(node)
    older = world.succeeded(world.base(2), world.vendor, 1)
    later = world.succeeded(world.base(4), world.water, 1)
    following = Following(node, world.base(4))
    assert following.hear(world.vendor, older)
    assert following.head == older.head
    assert following.hear(world.water, later)
    assert following.head == later.head
    assert not following.hear(world.vendor, older)
    assert following.head == later.head
    with node.reading() as session:
        left = {row.sha256 for row in session.query(AbandonedRecord)}
    # What was abandoned and stands in the chain again is not abandoned any more.
    assert left == {step.judged.entry.sha256 for step in older.steps[3:]}


def test_a_key_that_was_revoked_leads_nobody_back_to_before_that(node: LocalNode) -> None:
    world = Branches(node)
    stolen = world.base(4)
    stolen.reopen(world.owner, "re-opening", round=0)
    stolen.write(Act.NOTE_ADDED, {}, [world.owner.note(90)])
    kit, unaware = world.base(4), world.base(4)
    descriptor = world.owner.revoke(world.owner.key, kit.now)
    body = {"descriptors": [dict(descriptor.jws)]}
    kit.write(Act.NODE_DESCRIBED, body, key=world.owner.keys[-1])
    following = Following(node, kit)
    # A member that has the old key opens anew before its revocation, and shows that.
    assert not following.hear(world.vendor, stolen)
    assert following.head == kit.head
    assert following.record.standing is Standing.CURRENT
    # Who had not heard of the revocation follows it, and comes back with the true owner's opening.
    following.forget()
    other = Following(node, unaware)
    assert other.hear(world.vendor, stolen)
    kit.reopen(world.owner, "re-opening", round=0)
    assert other.hear(world.owner, kit)
    assert other.head == kit.head


def test_the_members_choose_between_two_histories_that_an_owner_signed(node: LocalNode) -> None:
    world = Branches(node)
    following = Following(node, world.base(4))
    other = world.base(6, fork_at=3)
    assert not following.hear(world.owner, other)
    assert following.record.standing is Standing.CURRENT
    # The owner itself can't settle what it did.
    reopened = world.base(6, fork_at=3)
    reopened.reopen(world.owner, "re-opening", round=0)
    assert not following.hear(world.owner, reopened)
    # With both histories in hand a member may endorse a successor at once, and in this epoch alone.
    forked = other.steps[3].judged.entry
    assert why_endorse(node, forked) == "fork"
    chosen = world.succeeded(other, world.water, 1)
    assert following.hear(world.water, chosen)
    assert following.head == chosen.head
    assert following.rebuilt() == ()
    with pytest.raises(ConflictError, match="heard of"):
        why_endorse(node, forked)


def why_endorse(node: LocalNode, evidence: SignedBundle) -> str:
    with node.writing() as session:
        record = session.get_one(ChannelRecord, CHANNEL)
        error = DoubtError(Doubt.FORK, "two histories")
        keep_evidence(session, record, error, evidence.stix.content, node.now())
        return endorsements.reason_to_endorse(session, record, now=node.now())


def test_who_was_not_endorsed_leads_nobody(node: LocalNode) -> None:
    world = Branches(node)
    following = Following(node, world.base(4))
    world.others = (world.vendor, world.water)
    few = world.base(4)
    body = {"epoch": 2, "round": 1, "candidate": world.vendor.id, "head": few.head.document()}
    endorsements = [few.contribution(world.vendor, Act.SUCCESSION_ENDORSED, body).stix]
    opening = few.draft(
        Act.CHANNEL_OPENED,
        few.reopening(world.vendor, "succession", round=1),
        endorsements,
        by=world.vendor,
        position=(2, 0),
    )
    teller = shown(few)
    teller.objects += [endorsements[0], opening.stix]
    before = following.head
    following.tellers[world.vendor.id] = teller
    with node.app.app_context():
        assert not Looks(following.replicas).look(CHANNEL, world.vendor.id)
    assert following.head == before
    assert following.record.standing is Standing.CURRENT


def test_a_plain_reader_never_misses_and_never_sees_what_was_left(node: LocalNode) -> None:
    world = Branches(node)
    following = Following(node, world.base(4))
    before, cursor = following.read()
    chosen = world.succeeded(world.base(2), world.grid, 1)
    following.hear(world.grid, chosen)
    after, newest = following.read(cursor)
    assert newest > cursor
    expected = {one.judged.entry.stix.sha256 for one in chosen.steps[3:]}
    assert expected <= set(after)
    left = {one.judged.entry.stix.sha256 for one in world.base(4).steps[3:]}
    assert left <= set(before)
    assert not left & set(following.read()[0])
    # Following both readings, a reader holds all of the branch that holds.
    assert {stix.sha256 for stix in shown(chosen).objects} <= set(before) | set(after)
    with node.reading() as session:
        stamps = [row.date_added for row in session.query(CollectionRow)]
    assert len(stamps) == len(set(stamps))


def test_a_recall_stays_in_force_in_every_branch(node: LocalNode) -> None:
    world = Branches(node)
    note = world.owner.note(1)
    following = Following(node, world.base(3, recall=True))
    assert note.sha256 not in following.read()[0]
    chosen = world.succeeded(world.base(3), world.grid, 1)
    assert following.hear(world.grid, chosen)
    assert note.sha256 not in following.read()[0]
    assert following.rebuilt() == ()
    with node.reading() as session:
        assert [row.erased for row in session.query(RecallInForceRecord)] == [True]

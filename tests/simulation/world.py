"""A world of a few nodes: its steps, its network and clock, and what has to hold when it rests.

Every step is kept, so that a schedule that breaks something can be told as a test.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from policies.acts import Act
from policies.errors import CoordinationError, NotFoundError
from policies.tlp import TLP
from sharing.objects import StixObject
from tests.simulation.memory import MemoryNode, note
from tests.simulation.nodes import (
    Connect,
    CrashError,
    Given,
    Invitation,
    LostError,
    Server,
    SimNode,
)
from tests.simulation.oracle import FOREVER, Line, Oracle

START: Final = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
NAMES: Final = ("A", "B", "C", "D", "E")
PARENT: Final = "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c00aa"
ROUNDS: Final = 40
SHRINK_SECONDS: Final = 40
PAGE: Final = 1000

Found = Callable[[str, Callable[[], datetime]], SimNode]
"""Makes the node of a name, with its clock."""


class BrokenError(AssertionError):
    """Something that has to hold does not; with the schedule that shows it."""

    def __init__(self, sentence: str, world: World) -> None:
        super().__init__(f"{sentence}\n\n{world.as_test()}")
        self.world = world


@dataclass
class Fault:
    """What the network does to one exchange.

    Args:
        pages: after how many pages the way is cut.
        limit: how many objects one page holds.
        shuffled: whether what a page holds arrives in another order.
        lost: `request` or `reply`: which half of a submission is lost.
    """

    pages: int = FOREVER
    limit: int = PAGE
    shuffled: bool = False
    lost: str | None = None


@dataclass
class Way:
    """From one node to another, through whatever the network does."""

    world: World
    caller: SimNode
    target: SimNode
    fault: Fault

    def pages(self, after: int) -> Iterator[Given]:
        count = 0
        while True:
            if count >= self.fault.pages:
                raise LostError("the way was cut")
            given = self._ask(after, self.fault.limit)
            if self.fault.shuffled:
                given = Given(given.contents[::-1], given.last)
            yield given
            count += 1
            if given.last is None or len(given.contents) < self.fault.limit:
                return
            after = given.last

    def by_ids(self, refs: Iterable[str]) -> list[bytes]:
        return self._ask(-1, PAGE, refs).contents

    def post(self, contents: Sequence[bytes]) -> str | None:
        self.world.reach(self.caller, self.target)
        if self.fault.lost == "request":
            raise LostError("the request was lost")
        failure = self.target.take(self.caller.organisation, contents)
        if self.fault.lost == "reply":
            raise LostError("the reply was lost")
        return failure

    def _ask(self, after: int, limit: int, refs: Iterable[str] | None = None) -> Given:
        self.world.reach(self.caller, self.target)
        return self.target.serve(self.caller.organisation, after, limit, refs)


@dataclass
class World:
    """Some nodes around one channel.

    Args:
        found: makes a node; in memory where nothing else is said.
        count: how many nodes there are; the first opens the channel.
        ceiling: the strictest label that it takes; RED makes it a breakout.
    """

    found: Found | None = None
    count: int = 3
    ceiling: str = "amber"
    nodes: dict[str, SimNode] = field(default_factory=dict, repr=False)
    made: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    notes: dict[int, StixObject] = field(default_factory=dict, repr=False)
    authors: dict[str, str] = field(default_factory=dict, repr=False)
    steps: list[str] = field(default_factory=list, repr=False)
    now: datetime = START
    skews: dict[str, float] = field(default_factory=dict, repr=False)
    apart: set[str] = field(default_factory=set, repr=False)
    invitations: dict[str, Invitation] = field(default_factory=dict, repr=False)
    _read: dict[bytes, StixObject] = field(default_factory=dict, repr=False)
    acts: int = 0
    """How many acts were tried."""

    def __post_init__(self) -> None:
        make = self.found or (lambda name, clock: MemoryNode(name, NAMES.index(name) + 1, clock))
        self.nodes = {name: make(name, self._clock(name)) for name in NAMES[: self.count]}
        self._by_id = {node.organisation: node for node in self.nodes.values()}
        parent = PARENT if self.ceiling == "red" else None
        first = self.nodes[NAMES[0]]
        self.channel = first.open(ceiling=TLP(self.ceiling), parent=parent)
        for node in self.nodes.values():
            if node is not first:
                node.enter(self.channel)

    # Steps. Whatever is refused or lost just did not happen; the ledger tells.

    def invite(self, by: str, who: str) -> None:
        self._step("invite", by, who)

        def act() -> None:
            self.invitations[who] = self.nodes[by].invite(self.nodes[who])

        self._try(act)

    def join(self, who: str) -> None:
        self._step("join", who)
        self._answer(who, Act.MEMBER_JOINED)

    def decline(self, who: str) -> None:
        self._step("decline", who)
        self._answer(who, Act.MEMBER_DECLINED)

    def note(self, by: str, tlp: str | None, *, later: bool | None = None) -> None:
        """Write a note; with consent for later members or without."""
        self._step("note", by, tlp, later=later)
        self._write_thing(by, Act.NOTE_ADDED, tlp, later)

    def share(self, by: str, tlp: str | None, *, later: bool | None = None) -> None:
        """Share intelligence, which is open to later members unless the author says no."""
        self._step("share", by, tlp, later=later)
        self._write_thing(by, Act.INTEL_SHARED, tlp, later)

    def release(self, by: str, number: int) -> None:
        self._step("release", by, number)
        self._about(by, Act.OBJECT_RELEASED, number)

    def recall(self, by: str, number: int) -> None:
        self._step("recall", by, number)
        self._about(by, Act.OBJECT_RECALLED, number)

    def leave(self, who: str) -> None:
        self._step("leave", who)
        self._write(who, Act.MEMBER_LEFT)

    def remove(self, by: str, who: str) -> None:
        self._step("remove", by, who)
        self._write(by, Act.MEMBER_REMOVED, {"organisation": self.nodes[who].organisation})

    def suspend(self, by: str, who: str) -> None:
        self._step("suspend", by, who)
        self._write(by, Act.MEMBER_SUSPENDED, {"organisation": self.nodes[who].organisation})

    def resume(self, by: str, who: str) -> None:
        self._step("resume", by, who)
        self._write(by, Act.MEMBER_RESUMED, {"organisation": self.nodes[who].organisation})

    def lower(self, by: str, ceiling: str) -> None:
        self._step("lower", by, ceiling)
        self._write(by, Act.CHANNEL_CEILING_CHANGED, {"ceiling": ceiling})

    def hand_over(self, by: str, to: str, *, step: str) -> None:
        """Offer, accept, or complete a hand-over."""
        self._step("hand_over", by, to, step=step)
        successor = {"successor": self.nodes[to].organisation}
        if step == "offer":
            self._write(by, Act.HANDOVER_OFFERED, successor)
        elif step == "accept":
            self._write(to, Act.HANDOVER_ACCEPTED)
        else:
            self._write(by, Act.COORDINATOR_HANDED_OVER, successor)

    def deliver(self, who: str, *, lost: str | None = None) -> None:
        self._step("deliver", who, lost=lost)
        self._try(lambda: self.nodes[who].deliver(self._connect(who, Fault(lost=lost))))

    def pull(
        self, who: str, *, pages: int = FOREVER, limit: int = PAGE, shuffled: bool = False
    ) -> None:
        self._step("pull", who, pages=pages, limit=limit, shuffled=shuffled)
        fault = Fault(pages=pages, limit=limit, shuffled=shuffled)
        self._try(lambda: self.nodes[who].pull(self._connect(who, fault)))

    def rewind(self, who: str) -> None:
        """Let everything come again that came before."""
        self._step("rewind", who)
        self._try(self.nodes[who].rewind)

    def cut(self, who: str) -> None:
        self._step("cut", who)
        self.apart.add(who)

    def heal(self) -> None:
        self._step("heal")
        self.apart.clear()

    def crash(self, who: str, where: str) -> None:
        """Let a node die at its next commit, just before it or just after."""
        self._step("crash", who, where)
        self.nodes[who].dies = where

    def wait(self, who: str, seconds: int) -> None:
        """Let a clock run ahead of the others, or fall behind."""
        self._step("wait", who, seconds)
        self.skews[who] = self.skews.get(who, 0) + seconds

    def settle(self, *, anew: bool = True) -> None:
        """Heal the network, let everybody do what waits until nothing changes, and look.

        Args:
            anew: every ledger is made again from its first entry on; else, where a node can, from
                where it was made again the last time.
        """
        self._step("settle", anew=anew)
        self.apart.clear()
        for node in self.nodes.values():
            node.dies = None
        before: object = None
        for _ in range(ROUNDS):
            for name, node in self.nodes.items():
                self._try(lambda node=node, name=name: node.deliver(self._connect(name)))  # type: ignore[misc]
                self._try(lambda node=node, name=name: node.pull(self._connect(name)))  # type: ignore[misc]
            after = [(node.state(), node.pending()) for node in self.nodes.values()]
            if after == before:
                break
            before = after
        else:
            self._broken("the nodes do not come to rest")
        self._check(anew=anew)

    # What has to hold.

    def owner(self) -> SimNode:
        """Give the node that writes the ledger."""
        owners = [node for node in self.nodes.values() if node.owns()]
        if len(owners) != 1:
            self._broken(f"{len(owners)} nodes write the ledger")
        return owners[0]

    def _check(self, *, anew: bool) -> None:
        owner = self.owner()
        ledger = owner.ledger()
        oracle = Oracle(ledger, self.made)
        self._check_gapless(ledger)
        for node in self.nodes.values():
            self._check_replica(node, ledger, oracle, owner)
            self._check_holdings(node, oracle)
            self._check_serving(node)
            if differences := node.rebuilt(anew=anew):
                self._broken(f"{node.name} rebuilds otherwise: {differences}")

    def _check_gapless(self, ledger: Sequence[Line]) -> None:
        places = [(line.entry["epoch"], line.entry["seq"]) for line in ledger]
        for before, after in itertools.pairwise(places):
            if after not in ((before[0], before[1] + 1), (before[0] + 1, 0)):
                self._broken(f"{after} follows {before}")

    def _check_replica(
        self, node: SimNode, ledger: Sequence[Line], oracle: Oracle, owner: SimNode
    ) -> None:
        until = oracle.reads_until(node.organisation)
        if node.ledger() != list(ledger[: until + 1]):
            self._broken(
                f"{node.name} has {len(node.ledger())} entries and is to have {until + 1};"
                f" it says {node.trouble()}"
            )
        if node.organisation not in oracle.members():
            return
        if (trouble := node.trouble()) is not None:
            self._broken(f"{node.name} stands still: {trouble}")
        if node.state() != owner.state():
            self._broken(f"{node.name} makes another state of the same ledger")

    def _check_holdings(self, node: SimNode, oracle: Oracle) -> None:
        held = node.held() & set(self.made)
        for sha256 in held:
            own = self.authors[sha256] == node.organisation
            if own and not oracle.is_erased(node.organisation, sha256):
                continue
            if not oracle.may_hold(node.organisation, sha256):
                self._broken(f"{node.name} holds {self.made[sha256]['id']}, which is not for it")
        if node.organisation not in oracle.members():
            return
        for sha256, thing in oracle.things.items():
            due = oracle.may_be_served(node.organisation, sha256)
            if due and sha256 not in held:
                self._broken(f"{node.name} lacks {thing.ref}, which is due to it")

    def _check_serving(self, server: SimNode) -> None:
        """Ask a server for everything, by every id there is, as everybody else."""
        ledger = server.ledger()
        oracle = Oracle(ledger, self.made)
        held = server.held()
        refs = {thing["id"] for thing in self.made.values()}
        refs |= {bundle["id"] for line in ledger for bundle in line.bundles}
        for reader in self.nodes.values():
            if reader is server:
                continue
            until = oracle.reads_until(reader.organisation)
            for asked in (None, sorted(refs)):
                given = self._served(server, reader, asked)
                if until < 0:
                    if given:
                        self._broken(f"{server.name} serves {reader.name}, which is no member")
                    continue
                bundles = [bundle["id"] for line in ledger[: until + 1] for bundle in line.bundles]
                got = [one for one in given if one.stix_type == "signed-bundle"]
                if [one.stix_id for one in got] != bundles:
                    self._broken(f"{server.name} serves {reader.name} other entries than it reads")
                things = {one.sha256 for one in given if one.sha256 in self.made}
                due = {
                    sha256
                    for sha256 in oracle.things
                    if oracle.may_be_served(reader.organisation, sha256) and sha256 in held
                }
                # What a replica was never due itself it can't serve, released or not.
                if things - due:
                    names = [self.made[one]["id"] for one in things - due]
                    self._broken(f"{server.name} serves {reader.name} {names}")
                if server.owns() and due - things:
                    names = [self.made[one]["id"] for one in due - things]
                    self._broken(f"{server.name} keeps {names} from {reader.name}")

    def _served(
        self, server: SimNode, reader: SimNode, refs: Iterable[str] | None
    ) -> list[StixObject]:
        try:
            given = server.serve(reader.organisation, -1, PAGE, refs)
        except NotFoundError:
            return []
        for content in given.contents:
            if content not in self._read:
                self._read[content] = StixObject.read(content)
        return [self._read[content] for content in given.contents]

    # How it works.

    def reach(self, one: SimNode, other: SimNode) -> None:
        """Raise `LostError` where one node can't reach another now."""
        if self.apart & {one.name, other.name}:
            raise LostError("they are cut off from each other")

    def as_test(self) -> str:
        """Tell everything that was done as a test."""
        lines = [
            "def test_a_schedule_that_broke_something() -> None:",
            f"    world = World(count={self.count}, ceiling={self.ceiling!r})",
            *(f"    world.{step}" for step in self.steps),
        ]
        return "\n".join(lines)

    def _clock(self, name: str) -> Callable[[], datetime]:
        def tell() -> datetime:
            self.now += timedelta(milliseconds=1)
            return self.now + timedelta(seconds=self.skews.get(name, 0))

        return tell

    def _connect(self, name: str, fault: Fault | None = None) -> Connect:
        def connect(organisation: str) -> Server:
            return Way(self, self.nodes[name], self._by_id[organisation], fault or Fault())

        return connect

    def _step(self, name: str, *positional: object, **named: object) -> None:
        self.acts += 1
        arguments = [repr(one) for one in positional]
        arguments += [f"{key}={value!r}" for key, value in named.items()]
        self.steps.append(f"{name}({', '.join(arguments)})")

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except (CoordinationError, CrashError):
            return
        except AssertionError:
            raise
        except Exception as error:
            raise BrokenError(f"{type(error).__name__}: {error}", self) from error

    def _answer(self, who: str, act: Act) -> None:
        invitation = self.invitations.get(who)
        if invitation is not None:
            self._try(lambda: self.nodes[who].answer(invitation, act))

    def _write(
        self,
        by: str,
        act: Act,
        body: Mapping[str, Any] | None = None,
        new: Sequence[StixObject] = (),
        *,
        later: bool | None = None,
    ) -> None:
        self._try(lambda: self.nodes[by].write(act, body or {}, new, later=later))

    def _write_thing(self, by: str, act: Act, tlp: str | None, later: bool | None) -> None:
        node, number = self.nodes[by], len(self.notes) + 1
        label = TLP(tlp) if tlp is not None else None
        made = note(node.organisation, number, label, self.channel, self._clock(by))
        self.notes[number], self.made[made.sha256] = made, made.value
        self.authors[made.sha256] = node.organisation
        self._write(by, act, {}, [made], later=later)

    def _about(self, by: str, act: Act, number: int) -> None:
        if number in self.notes:
            self._write(by, act, {"objects": [self.notes[number].stix_id]})

    def _broken(self, sentence: str) -> None:
        raise BrokenError(sentence, self)


def smallest(error: BrokenError) -> BrokenError:
    """Leave out every step without which it still breaks; give what is left."""
    seconds = time.monotonic() + SHRINK_SECONDS
    size = max(1, len(error.world.steps) // 2)
    while size:
        place = 0
        while place < len(error.world.steps) and time.monotonic() < seconds:
            steps = error.world.steps
            shorter = _breaks(error.world, steps[:place] + steps[place + size :])
            if shorter is None:
                place += size
            else:
                error = shorter
        size //= 2
    return error


def _breaks(world: World, steps: Sequence[str]) -> BrokenError | None:
    try:
        again = World(world.found, count=world.count, ceiling=world.ceiling)
        for step in steps:
            eval(f"again.{step}", {}, {"again": again})  # noqa: S307 - our own words
    except BrokenError as error:
        return error
    return None

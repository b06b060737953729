"""How a simulated world goes on: its nodes, clock and network, and the steps that are kept.

Every step is kept, so that a schedule that breaks something can be told as a test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from federation.identity.keys import PrivateKey
from policies.acts import Act
from policies.errors import CoordinationError
from policies.tlp import TLP
from sharing.objects import StixObject
from tests.simulation.memory import MemoryNode
from tests.simulation.nodes import (
    Connect,
    CrashError,
    Given,
    Invitation,
    LostError,
    Server,
    SimNode,
)
from tests.simulation.oracle import FOREVER, Line
from tests.simulation.things import thing

START: Final = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
NAMES: Final = ("A", "B", "C", "D", "E")
PARENT: Final = "6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c00aa"
PAGE: Final = 1000

Found = Callable[[str, Callable[[], datetime]], SimNode]
"""Makes the node of a name, with its clock."""


class BrokenError(AssertionError):
    """Something that has to hold does not; with the schedule that shows it."""

    def __init__(self, sentence: str, world: Play) -> None:
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

    world: Play
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
class Play:
    """Some nodes around one channel.

    Args:
        found: makes a node; in memory where nothing else is said.
        count: how many nodes there are; the first opens the channel.
        ceiling: the strictest label that it takes; RED makes it a breakout.
        ways: between whom there is no way at first, as `B-C`, until the network heals.
    """

    found: Found | None = None
    count: int = 3
    ceiling: str = "amber"
    ways: tuple[str, ...] = ()
    nodes: dict[str, SimNode] = field(default_factory=dict, repr=False)
    made: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    notes: dict[int, StixObject] = field(default_factory=dict, repr=False)
    authors: dict[str, str] = field(default_factory=dict, repr=False)
    steps: list[str] = field(default_factory=list, repr=False)
    now: datetime = START
    skews: dict[str, float] = field(default_factory=dict, repr=False)
    apart: set[str] = field(default_factory=set, repr=False)
    closed: set[frozenset[str]] = field(default_factory=set, repr=False)
    past: dict[str, list[list[Line]]] = field(default_factory=dict, repr=False)
    """Name → ledgers that its node followed and left."""
    openings: dict[str, list[Line]] = field(default_factory=dict, repr=False)
    """Hash of an opening → the ledger up to it, as its owner had it."""
    endorsed: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """Hash → endorsement, for everything that anybody has endorsed."""
    carried: set[str] = field(default_factory=set, repr=False)
    """STIX ids of the endorsements, which openings carry along."""
    stolen: dict[str, PrivateKey] = field(default_factory=dict, repr=False)
    invitations: dict[str, Invitation] = field(default_factory=dict, repr=False)
    _read: dict[bytes, StixObject] = field(default_factory=dict, repr=False)
    acts: int = 0
    """How many acts were tried."""

    def __post_init__(self) -> None:
        make = self.found or (lambda name, clock: MemoryNode(name, NAMES.index(name) + 1, clock))
        self.nodes = {name: make(name, self._clock(name)) for name in NAMES[: self.count]}
        self.past = {name: [] for name in self.nodes}
        self._by_id = {node.organisation: node for node in self.nodes.values()}
        parent = PARENT if self.ceiling == "red" else None
        first = self.nodes[NAMES[0]]
        self.channel = first.open(ceiling=TLP(self.ceiling), parent=parent)
        for node in self.nodes.values():
            if node is not first:
                node.enter(self.channel)

        self.closed = {frozenset(way.split("-")) for way in self.ways}

    # How it works.

    def reach(self, one: SimNode, other: SimNode) -> None:
        """Raise `LostError` where one node can't reach another now."""
        both = frozenset((one.name, other.name))
        if self.apart & both or both in self.closed:
            raise LostError("they are cut off from each other")

    def as_test(self) -> str:
        """Tell everything that was done as a test."""
        lines = [
            "def test_a_schedule_that_broke_something() -> None:",
            f"    world = World(count={self.count}, ceiling={self.ceiling!r}, ways={self.ways!r})",
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
            if organisation not in self._by_id:
                raise LostError("it has no node")
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

    def writer(self) -> SimNode:
        """Give a node that takes itself for the owner; the newest where there are several."""
        owners = [node for node in self.nodes.values() if node.owns()]
        return max(owners, key=lambda node: (node.state() or {})["head"]["epoch"])

    def ceiling_of(self, who: str) -> str:
        """Give the ceiling of the channel, as far as a node knows it."""
        state = self.nodes[who].state()
        return str(state["things"]["ceiling:channel"]) if state is not None else self.ceiling

    @staticmethod
    def _take(node: SimNode, author: str, contents: Sequence[bytes]) -> None:
        node.take(author, contents)

    def _make(self, kind: str, author: str, label: TLP | None, by: str, **more: Any) -> StixObject:
        """Have somebody write an object, whoever it is made out to be by."""
        made = thing(kind, author, len(self.made) + 1, label, self._clock(by), **more)
        self.made[made.sha256] = made.value
        self.authors[made.sha256] = self.nodes[by].organisation
        return made

    def _make_note(self, by: str, author: str, label: TLP | None) -> StixObject:
        content = f"Note {len(self.made) + 1} in {self.channel}."
        made = self._make("note", author, label, by, content=content, object_refs=[author])
        self.notes[len(self.notes) + 1] = made
        return made

    def _write_thing(self, by: str, act: Act, tlp: str | None, later: bool | None) -> None:
        made = self._make_note(by, self.nodes[by].organisation, TLP(tlp) if tlp else None)
        self._write(by, act, {}, [made], later=later)

    def _about(self, by: str, act: Act, number: int) -> None:
        if number in self.notes:
            self._write(by, act, {"objects": [self.notes[number].stix_id]})

    def _broken(self, sentence: str) -> None:
        raise BrokenError(sentence, self)

"""Choosing the next step: mostly something that makes sense now, sometimes anything at all."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol, TypeVar

from tests.simulation.oracle import FOREVER, Oracle
from tests.simulation.play import PAGE
from tests.simulation.relay_steps import ABSENT
from tests.simulation.world import World

T = TypeVar("T")

LABELS: Final = (None, "clear", "green", "amber", "amber", "amber+strict", "red")
CEILINGS: Final = ("green", "amber", "amber", "amber+strict", "red")

WAYS: Final = ((), (), ("B-C",), ("B-C", "C-D"), ("B-D", "C-E", "B-E"), ("B-C", "B-D", "C-D"))
"""Who can't reach whom directly at first."""


class Pick(Protocol):
    """Whatever decides: hypothesis, or chance with a seed."""

    def __call__(self, options: Sequence[T]) -> T: ...


def chance(seed: int) -> Pick:
    """Give a pick that makes the same choices again for the same seed."""
    source = random.Random(seed)

    def pick(options: Sequence[T]) -> T:
        return source.choice(options)

    return pick


class Chooser:
    """Chooses steps of one world."""

    def __init__(self, world: World, pick: Pick) -> None:
        self.world, self.pick = world, pick

    @property
    def owner(self) -> str:
        """Give who writes the ledger, as far as anybody knows."""
        owners = [name for name, node in self.world.nodes.items() if node.owns()]
        return owners[-1] if owners else "A"

    def anybody(self) -> str:
        return self.pick(tuple(self.world.nodes))

    def mostly(self, likely: str) -> str:
        return self.anybody() if self.pick(range(8)) == 7 else likely

    def member(self) -> str:
        """Give one that has read something, mostly."""
        joined = [name for name, node in self.world.nodes.items() if node.state() is not None]
        return self.mostly(self.pick(joined)) if joined else self.anybody()

    def suspended(self) -> list[str]:
        state = self.world.nodes[self.owner].state() or {"members": ()}
        ids = {one["organisation"] for one in state["members"] if one["state"] == "suspended"}
        return [name for name, node in self.world.nodes.items() if node.organisation in ids]

    def write(self) -> None:
        """Somebody writes."""
        by, tlp, later = self.member(), self.pick(LABELS), self.pick((None, None, True, False))
        (self.world.note if self.pick((True, False)) else self.world.share)(by, tlp, later=later)

    def change(self) -> None:
        """Somebody releases or recalls what was written."""
        if not self.world.notes:
            return
        number = self.pick(sorted(self.world.notes))
        author = self.world.authors[self.world.notes[number].sha256]
        names = {node.organisation: name for name, node in self.world.nodes.items()}
        act = self.world.release if self.pick((True, False)) else self.world.recall
        act(self.pick((names[author], names[author], self.owner)), number)

    def come(self) -> None:
        """Somebody is invited or answers; or both at once, as it goes where all are at hand."""
        who = self.pick(tuple(self.world.nodes)[1:])
        by = self.mostly(self.owner)
        how = self.pick(("all", "all", "invite", "join", "join", "decline"))
        if how in ("all", "invite"):
            self.world.invite(by, who)
        if how in ("all", "join"):
            self.world.join(who)
        if how == "decline":
            self.world.decline(who)
        if how == "all":
            self.world.deliver(who)
            self.world.pull(who)

    def go(self) -> None:
        """Somebody's part ends, or is suspended, or goes on."""
        who, by = self.member(), self.mostly(self.owner)
        suspended = self.suspended()
        goes_on: bool = self.pick((True, False))
        if suspended and goes_on:
            self.world.resume(by, self.pick(suspended))
            return
        match self.pick(("leave", "remove", "suspend", "resume")):
            case "leave":
                self.world.leave(who)
            case "remove":
                self.world.remove(by, who)
            case "suspend":
                self.world.suspend(by, who)
            case _:
                self.world.resume(by, who)

    def lead(self) -> None:
        """The coordination passes on, in one go or by pieces; or the ceiling changes."""
        by, to = self.mostly(self.owner), self.member()
        how = self.pick(("offer", "accept", "complete", "all", "all", "lower"))
        if how == "lower":
            self.world.lower(by, self.pick(("clear", "green", "amber")))
            return
        for step in ("offer", "accept", "complete") if how == "all" else (how,):
            self.world.hand_over(by, to, step=step)
            if how == "all":
                self.world.pull(to)
                self.world.deliver(to)
                self.world.pull(to)

    def work(self) -> None:
        """A worker does what waits."""
        who = self.member()
        if self.pick((True, False)):
            self.world.deliver(who, lost=self.pick((None, None, None, "request", "reply")))
        else:
            pages, limit = self.pick((FOREVER, FOREVER, 1, 2)), self.pick((PAGE, PAGE, 1, 2, 5))
            self.world.pull(who, pages=pages, limit=limit, shuffled=self.pick((False, True)))

    def relay(self) -> None:
        """The coordinator speaks for who has no node; or that one joins with its own."""
        by, name = self.mostly(self.owner), self.pick(ABSENT)
        match self.pick(("come", "come", "say", "say", "end", "over", "replace", "answer", "lie")):
            case "come":
                self.world.absent(by, name)
                self.world.relay(by, name, self.pick(("join", "join", "join", "decline")))
            case "say":
                what = self.pick(("note", "note", "share"))
                self.world.relay(by, self.mostly_of(name), what, self.pick(LABELS))
            case "end":
                self.world.relay(by, self.mostly_of(name), self.pick(("leave", "join")))
            case "over":
                who = self.pick(tuple(self.world.nodes)[1:])
                self.world.invite(by, who)
                self.world.relay(by, who, self.pick(("join", "decline")))
            case "replace":
                who = self.pick(tuple(self.world.nodes)[1:])
                self.world.replace(by, who, name)
                self.world.join(who)
                self.world.deliver(who)
                self.world.pull(who)
            case "answer":
                self.world.answer_for(
                    self.member(), self.number(), confirms=self.pick((True, False))
                )
            case _:
                self.world.pretend(self.member(), name, self.pick(LABELS))

    def number(self) -> int:
        return self.pick(range(8))

    def mostly_of(self, name: str) -> str:
        """Give who has no node, mostly."""
        return self.anybody() if self.pick(range(8)) == 7 else name

    def keys(self) -> None:
        """Keys rotate, are stolen and used, and are revoked; what was forged is disowned."""
        who = self.member()
        match self.pick(("rotate", "steal", "forge", "forge", "all", "revoke", "disown")):
            case "rotate":
                self.world.rotate(who)
            case "steal":
                self.world.steal(who)
            case "forge":
                self.world.forge(self.pick(tuple(self.world.stolen) or (who,)), self.pick(LABELS))
            case "all":
                self.world.steal(who)
                self.world.forge(who, self.pick(LABELS))
                self.world.revoke(who, self.pick((0, 1, 90)))
                self.world.forge(who, self.pick(LABELS))
                self.world.pull(who)
                self.world.deliver(who)
                self.world.forge(who, self.pick(LABELS))
                self.world.pull(who)
                self.world.disown(who, self.number())
            case "revoke":
                self.world.revoke(self.pick(tuple(self.world.stolen) or (who,)), self.pick((1, 90)))
            case _:
                self.world.disown(self.pick(tuple(self.world.stolen) or (who,)), self.number())

    def succeed(self) -> None:
        """The owner is lost to some; they choose another, and hear of it or do not."""
        candidate, round_ = self.member(), self.pick((1, 1, 1, 2))
        match self.pick(("all", "all", "rivals", "endorse", "succeed", "look")):
            case "rivals":
                self.rival()
            case "all":
                self.world.silence()
                for name in self.world.nodes:
                    if self.pick((True, True, True, False)):
                        self.world.endorse(name, candidate, round_)
                self.world.succeed(candidate)
            case "endorse":
                self.world.silence()
                self.world.endorse(self.member(), candidate, round_)
            case "succeed":
                self.world.succeed(candidate)
            case _:
                self.world.look(self.member(), self.member())

    def rival(self) -> None:
        """Two take the lost owner's place, each with endorsements of another round."""
        self.world.silence()
        rivals = (self.member(), self.member())
        for round_, rival in enumerate(rivals, start=1):
            for name in self.world.nodes:
                self.world.endorse(name, rival, round_)
        for rival in rivals:
            self.world.succeed(rival)

    def fail(self) -> None:
        """Something goes wrong."""
        who = self.anybody()
        match self.pick(("rewind", "cut", "part", "heal", "crash", "crash", "wait")):
            case "part":
                self.world.part(who, self.anybody())
            case "rewind":
                self.world.rewind(who)
            case "cut":
                self.world.cut(who)
            case "heal":
                self.world.heal()
            case "crash":
                self.world.crash(who, self.pick(("before commit", "after commit")))
            case _:
                self.world.wait(who, self.pick((-3600, 60, 90_000)))


Kinds = tuple[Callable[[Chooser], None], ...]

KINDS: Final[Kinds] = (
    *(Chooser.write,) * 5,
    *(Chooser.change,) * 2,
    *(Chooser.come,) * 3,
    Chooser.go,
    Chooser.lead,
    Chooser.relay,
    Chooser.keys,
    Chooser.succeed,
    *(Chooser.work,) * 6,
    *(Chooser.fail,) * 2,
)


RELAYING: Final[Kinds] = (Chooser.write, Chooser.come, *(Chooser.relay,) * 4, Chooser.work)
SUCCEEDING: Final[Kinds] = (
    *(Chooser.write,) * 4,
    *(Chooser.come,) * 6,
    *(Chooser.succeed,) * 3,
    Chooser.change,
    Chooser.lead,
    Chooser.work,
)
RIVALLING: Final[Kinds] = (*(Chooser.come,) * 5, Chooser.rival)
FORGING: Final[Kinds] = (Chooser.write, *(Chooser.come,) * 2, *(Chooser.keys,) * 4, Chooser.work)


def play(seed: int, steps: int, kinds: Kinds = KINDS, **given: object) -> World:
    """Play one world by chance, and let it come to rest."""
    pick = chance(seed)
    count = pick((3, 4, 5))
    ways = pick(WAYS)
    world = World(count=count, ceiling=pick(CEILINGS), ways=ways, **given)  # type: ignore[arg-type]
    chooser = Chooser(world, pick)
    for _ in range(steps):
        pick(kinds)(chooser)
    world.settle()
    return world


def play_many(seeds: Iterable[int], steps: int, kinds: Kinds = KINDS) -> list[World]:
    """Play worlds one after the other; what breaks one of them goes on to the caller."""
    return [play(seed, steps, kinds) for seed in seeds]


def depth(world: World) -> dict[str, int]:
    """Count the acts of a world's ledger."""
    counts: dict[str, int] = {}
    for line in world.owner().ledger():
        act = line.acting["act"]
        counts[act] = counts.get(act, 0) + 1
    return counts


def withheld(world: World) -> int:
    """Count what some member, now or once, is not to have."""
    oracle = Oracle(world.owner().ledger(), world.made)
    return sum(
        not oracle.may_have(organisation, sha256)
        for organisation in oracle.stays
        for sha256 in oracle.things
    )

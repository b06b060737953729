"""A walk by chance: chooses the next step by a seed, and cuts what breaks to the shortest test."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from policies.acts import ACTS, Act
from policies.lifecycles.guards import GUARDS
from tests.simulation.walk_rows import ROWS, Would
from tests.simulation.walk_script import NEVER
from tests.simulation.walk_words import SET
from tests.simulation.walking import LEGAL, NAMES, NOBODY_WRITES, PLACES, Walk, WalkError

SHRINK_SECONDS: Final = 60
EVERY: Final = 45
"""After so many steps everything arrives, and is looked at."""
_LOOKS: Final = 4


class Wanderer:
    """Chooses the next step of a walk, by a seed.

    Args:
        seed: everything follows from it.
    """

    def __init__(self, walk: Walk, seed: int) -> None:
        self.walk, self.random = walk, Random(seed)
        self._hoped: set[str] = set()

    def go(self, steps: int) -> None:
        """Take some steps, and settle at the end."""
        walk = self.walk
        walk.invites("A", "B", "community", "member")
        walk.invites("A", "B", "case", "responder")
        walk.invites("B", "A", "other", "responder")
        walk.carries()
        walk.joins("B", "community")
        walk.joins("B", "case")
        walk.joins("A", "other")
        walk.carries()
        for count in range(steps):
            self.step()
            if count % EVERY == EVERY - 1:
                walk.looks(NAMES[count // EVERY % len(NAMES)])
                self._hoped.clear()
        walk.settles()

    def step(self) -> None:
        """Take one step."""
        random, walk = self.random, self.walk
        who, place = random.choice(NAMES), random.choice((*PLACES, "case", "community"))
        match random.randrange(32):
            case 0:
                walk.waits(random.choice([2, 35, 70]))
            case 1 | 2 as turn:
                self.fall_or_rise(falls=turn == 1)
            case 3 | 4 | 5:
                walk.works(who)
            case 14:
                self.look_after(who)
            case 6:
                self.meet(who, place)
            case 7:
                self.succeed(who, place)
            case 8 | 9:
                act = random.choice(self._acts(place))
                fits = random.randrange(2)
                walk.forces(who, place, act.value, random.randrange(1_000_000) * LEGAL + fits)
            case 10 | 11 | 12 | 13:
                place = random.choice(list(walk.places))
                act = random.choice(self._acts(place))
                walk.act(who, place, act.value, random.randrange(1_000_000))
            case _:
                new = self.find_new()
                if new is not None:
                    who, place, act, number = new
                    walk.act(who, place, act.value, number)

    def _acts(self, place: str) -> list[Act]:
        acts = {act for act in SET.acts if self.walk.kind(place) in ACTS[act].kinds}
        return sorted(acts - NOBODY_WRITES)

    def fall_or_rise(self, *, falls: bool) -> None:
        """Take a node from the net, or bring one back; two are always up."""
        walk = self.walk
        if falls and not walk.down:
            walk.falls(self.random.choice(NAMES))
        elif not falls and walk.down:
            walk.rises(min(walk.down))

    def look_after(self, who: str) -> None:
        """Do what an administrator does."""
        match self.random.randrange(4):
            case 0:
                self.walk.rotates(who)
            case 1:
                self.walk.rebuilds(who)

    def meet(self, who: str, place: str) -> None:
        """Invite somebody, or answer."""
        walk, random = self.walk, self.random
        match random.randrange(4):
            case 0:
                walk.declines(who, place)
            case 1:
                role = random.choice(["responder", "advisor", "observer", "affected"])
                other = random.choice([name for name in NAMES if name != who])
                walk.invites(who, other, place, role)
            case _:
                walk.joins(who, place)

    def succeed(self, who: str, place: str) -> None:
        """Do something about who coordinates."""
        walk, random = self.walk, self.random
        match random.randrange(5):
            case 0:
                walk.opens_anew(who, place)
            case 1:
                walk.takes_over(who, place)
            case _:
                other = random.choice([name for name in NAMES if name != who])
                walk.endorses(who, other, place)

    def find_new(self) -> tuple[str, str, Act, int] | None:
        """Give an act that would walk a row, or be refused by a name, as none was before."""
        random = self.random
        rows = set(self.walk.walked.missing_rows) - self._hoped
        refusals = set(self.walk.walked.missing_refusals) - self._hoped
        legal = bool(rows) and random.randrange(2) > 0
        wanted = {ROWS[name][1].act for name in rows} if legal else _refusable(refusals)
        choices = [(who, place) for who in NAMES for place in self.walk.places]
        for who, place in random.sample(choices, _LOOKS):
            acts = sorted(act for act in wanted if self.walk.kind(place) in ACTS[act].kinds)
            for act in random.sample(acts, min(_LOOKS, len(acts))):
                number = random.randrange(1_000_000) * LEGAL + legal
                if act in NOBODY_WRITES:
                    continue
                with self.walk.speaker(who, place, Random(number)) as found:
                    if found is None:
                        break
                    _, told = self.walk.choose(*found, act, legal=legal)
                    news = _news(told, rows, refusals)
                    if news:
                        self._hoped |= news
                        return who, place, act, number
        return None


def _news(told: Would | None, rows: set[str], refusals: set[str]) -> frozenset[str]:
    """Give what was not walked, or not refused, before."""
    if told is None:
        return frozenset()
    return told.rows & rows if told.refusal is None else frozenset({told.refusal}) & refusals


def _refusable(refusals: set[str]) -> set[Act]:
    """Give the acts that could be refused by these names: by some of its guards, or anyhow."""
    anyhow = refusals - GUARDS.keys() - NEVER.keys()
    return {row.act for _, row in ROWS.values() if anyhow or refusals & set(row.guards)}


def smallest(error: WalkError, again: Callable[[Sequence[str]], WalkError | None]) -> WalkError:
    """Leave out every step without which it still breaks; give what is left.

    Args:
        again: takes these steps on new nodes, and gives what breaks.
    """
    until = time.process_time() + SHRINK_SECONDS
    size = max(1, len(error.steps) // 2)
    while size:
        place = 0
        while place < len(error.steps) and time.process_time() < until:
            shorter = again(error.steps[:place] + error.steps[place + size :])
            if shorter is None:
                place += size
            else:
                error = shorter
        size //= 2
    return error

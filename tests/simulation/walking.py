"""A walk: three nodes, a community, two cases, direct channels, and people who write anything.

Steps are written down as they are taken. What breaks is told as the shortest test that shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, Final

from federation.branches import openings
from federation.identity.descriptor import KeyUse
from federation.identity.key_changes import rotate_keys
from federation.judging.judge import situation_of
from federation.ledgers import describing
from federation.ledgers.ledger import find_channel, get_state
from federation.ledgers.ledger_facts import LedgerFacts
from federation.partners.partner_keys import get_chain
from hub.channels import repair, service
from hub.commands.node import key_store
from policies.acts import ACTS, Act, ChannelKind, read_body
from policies.errors import CoordinationError
from policies.lifecycles.guards import GUARDS
from sharing.canonical import write_time
from tests.kit.nodes import RunningNode, settle
from tests.simulation import walk_doors as doors
from tests.simulation.walk_checks import (
    answers,
    anything_waits,
    is_explained,
    rebuilt_otherwise,
    what_breaks,
)
from tests.simulation.walk_objects import Spoken
from tests.simulation.walk_rows import ROWS, Walked, Would
from tests.simulation.walk_words import Speaker, Words

NAMES: Final = ("A", "B", "C")
PLACES: Final = {
    "community": ChannelKind.COMMUNITY,
    "case": ChannelKind.CASE,
    "other": ChannelKind.CASE,
}
ABSENT: Final = "identity--00000000-0000-4000-8000-00000000000d"
ROUNDS: Final = 12
_TRIES: Final = 12
_SEARCHED: Final = 2000
LEGAL: Final = 4
"""One act of so many is picked to be refused."""
NOBODY_WRITES: Final = frozenset(
    {Act.ADMITTED, Act.CHANNEL_OPENED, Act.SUCCESSION_ENDORSED, Act.NODE_DESCRIBED}
)


Asks = Callable[[Act, Mapping[str, Any]], Would]


Speaking = tuple[Speaker, Asks]


class WalkError(AssertionError):
    """Something that must hold does not."""

    def __init__(self, walk: Walk, what: str) -> None:
        self.steps, self.what = list(walk.steps), what
        lines = "\n".join(f"    walk.{step}" for step in self.steps)
        super().__init__(f"{what}\n\ndef test_a_walk_that_broke(walk: Walk) -> None:\n{lines}")


class Walk:
    """Three nodes and what happened on them.

    Args:
        nodes: paired with each other.
        walked: remembers what was done.
    """

    def __init__(self, nodes: Sequence[RunningNode], walked: Walked) -> None:
        self.nodes = dict(zip(NAMES, nodes, strict=True))
        self.walked = walked
        self.steps: list[str] = []
        self.everybody = (*(node.organisation for node in nodes), ABSENT)
        self.places: dict[str, str] = {}
        self.spoken: dict[str, Spoken] = {}
        self.down: set[str] = set()
        self._set_up()

    def _set_up(self) -> None:
        for name in PLACES:
            owner = self.nodes["B" if name == "other" else "A"]
            self._found(name, owner.open(name, kind=PLACES[name]))
        for name, node in self.nodes.items():
            for other in NAMES:
                if other != name:
                    with node.writing() as session:
                        chain = get_chain(session, self.nodes[other].organisation)
                        desk = node.office.desk(session)
                        record = openings.ensure_direct(session, desk, chain, now=node.now())
                        self._found(f"{name} to {other}", record.id)
        settle(*self.nodes.values())

    def _found(self, name: str, channel: str) -> None:
        self.places[name], self.spoken[name] = channel, Spoken()

    # Steps.

    def act(self, who: str, place: str, act: str, number: int) -> None:
        """Write an act; what it says follows from the number."""
        self._step("act", who, place, act, number)
        self._write(who, place, Act(act), number, doors.write)

    def forces(self, who: str, place: str, act: str, number: int) -> None:
        """Send an act without asking the own tables first, as another's software might."""
        self._step("forces", who, place, act, number)
        self._write(who, place, Act(act), number, doors.contribute)

    def row(self, who: str, place: str, wanted: str) -> None:
        """Write what walks a row of the tables; it is an error if nobody finds words for it.

        Args:
            wanted: act, where it has several rows the end of the name of one, and what the words
                must say: `decision.taken … open → taken; outcome=yes; decision=@-1` (the newest).
        """
        self._step("row", who, place, wanted)
        act, end, _ = _read(wanted)
        names = {name for name in ROWS if f" {act} " in name and name.endswith(end)}
        words = self._search(who, place, wanted, lambda told: bool(told.rows & names))
        if not self._send(who, place, act, words, doors.write):
            raise WalkError(self, f"{who} may not say in {place}: {wanted!r}")

    def refused(self, who: str, place: str, wanted: str) -> None:
        """Write what the tables refuse; it is an error if they do not, or do not say why.

        Args:
            wanted: act, the name of what says no, and what the words must say.
        """
        self._step("refused", who, place, wanted)
        act, name, _ = _read(wanted)
        words = self._search(who, place, wanted, lambda told: told.refusal == name)
        self.walked.here.pop(name, None)
        if self._send(who, place, act, words, doors.write):
            raise WalkError(self, f"nothing refuses in {place} to {who}: {wanted!r}")
        if name not in self.walked.here:
            raise WalkError(self, f"{who} was not told of {name!r} in {place}: {wanted!r}")

    def sent(self, who: str, place: str, wanted: str) -> None:
        """Send what the tables refuse past the own door; the coordinator answers why."""
        self._step("sent", who, place, wanted)
        act, name, _ = _read(wanted)
        words = self._search(who, place, wanted, lambda told: told.refusal == name)
        self._send(who, place, act, words, doors.contribute)

    def opens(self, who: str, place: str, guard: str) -> None:
        """Open an epoch, or a channel, as no software of ours does; a guard says why not."""
        self._step("opens", who, place, guard)
        self.walked.here.pop(guard, None)
        if self._try(lambda: doors.open_crookedly(self.nodes[who], self.places[place], guard)):
            raise WalkError(self, f"{who} has opened {place} against {guard}")
        if guard not in self.walked.here:
            raise WalkError(self, f"{who} was not told of {guard} in {place}")

    def _search(self, who: str, place: str, wanted: str, fits: Callable[[Would], bool]) -> Words:
        act, _, says = _read(wanted)
        with self.speaker(who, place, Random(wanted)) as found:
            for _ in range(_SEARCHED if found else 0):
                speaker, would = found  # type: ignore[misc]
                words = speaker.say(act)
                if all(speaker.is_said(words, one) for one in says) and _fits(act, words):
                    told = would(act, words.body)
                    if fits(told):
                        return words
        raise WalkError(self, f"{who} finds no words in {place} for {wanted!r}")

    def joins(self, who: str, place: str) -> None:
        self._step("joins", who, place)
        self._try(lambda: self.nodes[who].join(self.places[place]))

    def declines(self, who: str, place: str) -> None:
        self._step("declines", who, place)
        node = self.nodes[who]
        self._try(lambda: node.does(service.decline, self.places[place]))

    def invites(self, who: str, other: str, place: str, role: str) -> None:
        self._step("invites", who, other, place, role)
        node, guest = self.nodes[who], self.nodes[other]
        self._try(lambda: node.invite(self.places[place], guest, role))

    def endorses(self, who: str, other: str, place: str) -> None:
        self._step("endorses", who, other, place)
        node, candidate = self.nodes[who], self.nodes[other].organisation
        self._try(lambda: node.does(repair.endorse, self.places[place], candidate=candidate))

    def takes_over(self, who: str, place: str) -> None:
        self._step("takes_over", who, place)
        self._try(lambda: self.nodes[who].does(repair.take_over, self.places[place]))

    def opens_anew(self, who: str, place: str) -> None:
        self._step("opens_anew", who, place)
        self._try(lambda: self.nodes[who].does(repair.reopen, self.places[place]))

    def rotates(self, who: str) -> None:
        """Change the key that a node signs with; its channels are told."""
        self._step("rotates", who)
        node = self.nodes[who]
        with node.writing() as session:
            ring = node.office.desk(session).ring
            rotate_keys(session, key_store(node.settings), [KeyUse.SIGN], ring=ring, now=node.now())
            for place in self.places.values():
                describing.describe(session, node.office.desk(session), place, now=node.now())

    def works(self, who: str) -> None:
        """Let a node do what is due, once."""
        self._step("works", who)
        with self.walked.counting():
            self.nodes[who].work()

    def falls(self, who: str) -> None:
        """Take a node from the net."""
        self._step("falls", who)
        self.nodes[who].stop()
        self.down.add(who)

    def rises(self, who: str) -> None:
        self._step("rises", who)
        self._raise(who)

    def waits(self, minutes: int) -> None:
        self._step("waits", minutes)
        self.nodes["A"].now.advance(minutes=minutes)  # type: ignore[attr-defined]

    def settles(self) -> None:
        """Let everything arrive; then look at what all have, and make all of it again."""
        self._step("settles")
        self._look(NAMES)

    def looks(self, who: str) -> None:
        """Let everything arrive; then look at what all have, and make again what one has."""
        self._step("looks", who)
        self._look(who)

    def _look(self, names: Iterable[str]) -> None:
        for name in sorted(self.down):
            self._raise(name)
        self._carry()
        self._breaks(what_breaks(self.nodes, self.places, self.walked))
        self._breaks(rebuilt_otherwise(self.nodes, names, self.places, self.walked))

    def rebuilds(self, who: str) -> None:
        """Make what a node has again, whatever is still on its way."""
        self._step("rebuilds", who)
        self._breaks(rebuilt_otherwise(self.nodes, [who], self.places, self.walked))

    def _breaks(self, sentences: Iterable[str]) -> None:
        for what in (*self.walked.wrong, *sentences):
            raise WalkError(self, what)

    def carries(self) -> None:
        """Let everything arrive, and look at nothing."""
        self._step("carries")
        self._carry()

    # What they are made of.

    def _carry(self) -> None:
        """Let everything arrive; who has an answer reads it."""
        with self.walked.counting():
            settle(*self.nodes.values())
            for _ in range(ROUNDS):
                if not anything_waits(self.nodes, set(self.nodes) - self.down):
                    break
                self.nodes["A"].now.advance(minutes=10)  # type: ignore[attr-defined]
                settle(*self.nodes.values())
        for sentence in answers(self.nodes):
            self.walked.hears(sentence, self.walked.there)

    def _step(self, name: str, *given: object) -> None:
        self.steps.append(f"{name}({', '.join(map(repr, given))})")

    def _raise(self, who: str) -> None:
        if who in self.down:
            self.nodes[who].start()
            self.down.remove(who)

    def _try(self, act: Callable[[], object]) -> bool:
        """Do it, or hear in plain words why not."""
        try:
            with self.walked.counting():
                act()
        except CoordinationError as error:
            self._explained(error.message)
            self.walked.hears(error.message, self.walked.here)
            return False
        except WalkError:
            raise
        except Exception as error:
            raise WalkError(self, f"{type(error).__name__}: {error}") from error
        return True

    def _explained(self, sentence: str | None) -> None:
        if not is_explained(sentence):
            raise WalkError(self, f"a refusal without a reason: {sentence!r}")

    def _write(self, who: str, place: str, act: Act, number: int, how: Any) -> None:
        words = self.find_words(who, place, act, number)
        if words is not None:
            self._send(who, place, act, words, how)

    def _send(self, who: str, place: str, act: Act, words: Words, how: Any) -> bool:
        sent = self._try(lambda: how(self.nodes[who], self.places[place], act, words))
        if sent:
            words.keep(act, self.spoken[place])
        return sent

    @contextmanager
    def speaker(self, who: str, place: str, random: Random) -> Iterator[Speaking | None]:
        node = self.nodes[who]
        with node.reading() as session:
            record = find_channel(session, self.places[place])
            if record is None or record.state is None:
                yield None
                return
            desk, state, now = node.office.desk(session), get_state(session, record), node.now()
            shared = tuple(self.places[name] for name in PLACES)
            speaker = Speaker(desk, state, self.spoken[place], self.everybody, shared, now, random)
            facts = LedgerFacts(session, record.id)

            def would(act: Act, body: Mapping[str, Any]) -> Would:
                situation = situation_of(state, desk.organisation, body, facts, write_time(now))
                return self.walked.would_walk(state.tables, act, situation)

            yield speaker, would

    def find_words(self, who: str, place: str, act: Act, number: int) -> Words | None:
        """Give words for an act: such as the tables take, if there are any; at times others."""
        with self.speaker(who, place, Random(number)) as found:
            if found is None or act in NOBODY_WRITES or self.kind(place) not in ACTS[act].kinds:
                return None
            return self.choose(*found, act, legal=number % LEGAL != 0)[0]

    def choose(
        self, speaker: Speaker, would: Asks, act: Act, *, legal: bool
    ) -> tuple[Words, Would | None]:
        """Give words that the tables take, or that one of their guards refuses."""
        found: tuple[Words, Would | None] | None = None
        for _ in range(_TRIES):
            words = speaker.say(act)
            told = would(act, words.body) if _fits(act, words) else None
            if told is None or (told.refusal is None) is not legal:
                continue
            if legal or told.refusal in GUARDS:
                return words, told
            found = found or (words, told)
        return found or (speaker.say(act), None)

    def kind(self, place: str) -> ChannelKind:
        return PLACES.get(place, ChannelKind.DIRECT)


def _read(wanted: str) -> tuple[Act, str, list[str]]:
    """Read what a script wants: the act, what stands behind it, and what is said."""
    told, *says = wanted.split("; ")
    act, _, rest = told.partition(" … ")
    return Act(act), rest, says


def _fits(act: Act, words: Words) -> bool:
    try:
        read_body(act, words.body)
    except CoordinationError:
        return False
    return True

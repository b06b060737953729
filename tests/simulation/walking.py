"""A walk: three nodes, a community, two cases, direct channels, and people who write anything.

Steps are written down as they are taken. What breaks is told as the shortest test that shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, Final

from sqlalchemy import select

from federation.branches import openings
from federation.identity.descriptor import KeyUse
from federation.identity.key_changes import rotate_keys
from federation.judging.judge import situation_of
from federation.ledgers import channels, describing
from federation.ledgers.ledger import find_channel, get_state, head_of, lock_channel, metadata_label
from federation.ledgers.ledger_facts import LedgerFacts
from federation.ledgers.ledger_records import (
    ChannelRecord,
    ContributionRecord,
    Delivery,
    Standing,
)
from federation.partners.partner_keys import get_chain
from hub.channels import repair, service
from hub.commands.node import key_store
from policies.acts import ACTS, Act, ChannelKind, read_body
from policies.errors import CoordinationError
from sharing.canonical import write_time
from tests.kit.nodes import RunningNode, settle
from tests.simulation.walk_checks import is_explained, recorded, what_breaks
from tests.simulation.walk_rows import ROWS, Walked, Would
from tests.simulation.walk_words import Speaker, Spoken, Words

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
_GOING_ON: Final = frozenset({Standing.CURRENT, Standing.WAITING, Standing.JOINING})
_FOLLOWED: Final = select(ChannelRecord).where(ChannelRecord.standing.in_(_GOING_ON))
LEGAL: Final = 4
"""One act of so many is picked to be refused."""
_EXPLAINED: Final = re.compile(r".{5,}; \w+( of .+)? is [a-z ]+; open now: .+")
_OWN_DOORS: Final = frozenset({Act.MEMBER_JOINED, Act.MEMBER_DECLINED})
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
        self.refused = 0
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
        self._write(who, place, Act(act), number, self._through_the_door)

    def forces(self, who: str, place: str, act: str, number: int) -> None:
        """Send an act without asking the own tables first, as another's software might."""
        self._step("forces", who, place, act, number)
        self._write(who, place, Act(act), number, self._past_the_door)

    def row(self, who: str, place: str, wanted: str) -> None:
        """Write what walks a row of the tables; it is an error if nobody finds words for it.

        Args:
            wanted: act, where it has several rows the end of the name of one, and what the words
                must say: `decision.taken … open → taken; outcome=yes; decision=@-1` (the newest).
        """
        self._step("row", who, place, wanted)
        told, *says = wanted.split("; ")
        act, _, end = told.partition(" … ")
        names = {name for name in ROWS if f" {act} " in name and name.endswith(end)}
        with self.speaker(who, place, Random(wanted)) as found:
            words = self._search(*found, Act(act), names, says) if found else None
        if words is None:
            raise WalkError(self, f"{who} finds no words in {place} for {wanted!r}")
        if not self._send(who, place, Act(act), words, self._through_the_door):
            raise WalkError(self, f"{who} may not say in {place}: {wanted!r}")

    def _search(
        self, speaker: Speaker, would: Asks, act: Act, names: set[str], says: Sequence[str]
    ) -> Words | None:
        for _ in range(_SEARCHED):
            words = speaker.say(act)
            if all(speaker.is_said(words, one) for one in says) and _fits(act, words):
                told = would(act, words.body)
                if told.rows & names and told.ruling.decision:
                    return words
        return None

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
        """Let everything arrive; then look at what all have."""
        self._step("settles")
        for name in sorted(self.down):
            self._raise(name)
        self._carry()
        for what in what_breaks(self.nodes, self.places):
            raise WalkError(self, what)

    def carries(self) -> None:
        """Let everything arrive, and look at nothing."""
        self._step("carries")
        self._carry()

    # What they are made of.

    def _carry(self) -> None:
        with self.walked.counting():
            settle(*self.nodes.values())
            for _ in range(ROUNDS):
                if not any(map(self._waits, NAMES)):
                    break
                self.nodes["A"].now.advance(minutes=10)  # type: ignore[attr-defined]
                settle(*self.nodes.values())

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
            self.refused += 1
            self._explained(error.message)
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
        sent = self._try(lambda: how(who, place, act, words))
        if sent:
            words.keep(act, self.spoken[place])
        return sent

    def _through_the_door(self, who: str, place: str, act: Act, words: Words) -> None:
        node = self.nodes[who]
        with node.writing() as session:
            desk = node.office.desk(session)
            channels.write(
                session,
                desk,
                self.places[place],
                act,
                words.body,
                words.new,
                by="walk",
                now=node.now(),
            )

    def _past_the_door(self, who: str, place: str, act: Act, words: Words) -> None:
        node = self.nodes[who]
        with node.writing() as session:
            record = lock_channel(session, self.places[place])
            head = head_of(record)
            if record.is_ours or head is None or record.standing is not Standing.CURRENT:
                return
            label = metadata_label(get_state(session, record).ceiling)
            channels.contribute(
                session,
                node.office.desk(session),
                record,
                act,
                words.body,
                words.new,
                seen=head,
                label=label,
                by="walk",
                now=node.now(),
            )

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
        words = speaker.say(act)
        for _ in range(_TRIES):
            told = would(act, words.body) if _fits(act, words) else None
            if told and bool(told.ruling.decision) is legal and (legal or told.guards):
                return words, told
            words = speaker.say(act)
        return words, None

    def kind(self, place: str) -> ChannelKind:
        return PLACES.get(place, ChannelKind.DIRECT)

    def _waits(self, name: str) -> bool:
        """Tell whether something of a node's is still on its way, or has not been read yet."""
        waiting = select(ContributionRecord.channel).where(
            ContributionRecord.state.in_([Delivery.PENDING, Delivery.ADMITTED])
        )
        with self.nodes[name].reading() as session:
            records = [find_channel(session, one) for one in session.scalars(waiting)]
            if any(one is None or one.standing in _GOING_ON for one in records):
                return True
            heads = {row.id: row.head_sha256 for row in session.scalars(_FOLLOWED)}
        return any(heads[one] != self._owner_head(one) for one in heads)

    def _owner_head(self, channel: str) -> str | None:
        heads = [
            recorded(self.nodes[name], channel, "head_sha256")
            for name in NAMES
            if recorded(self.nodes[name], channel, "is_ours")
        ]
        return heads[0] if heads else None


def _fits(act: Act, words: Words) -> bool:
    try:
        read_body(act, words.body)
    except CoordinationError:
        return False
    return True

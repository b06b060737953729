"""Which rows of the tables were walked, and by which name somebody was told no."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from federation.branches import endorsements
from federation.judging import judge as judging
from federation.judging.facts import Facts
from federation.judging.judged import Judged
from federation.judging.state import ChannelState
from federation.ledgers import channels
from policies.acts import Act
from policies.lifecycles import Ruling, Situation, rule
from policies.lifecycles import judge as tables
from policies.lifecycles.guards import GUARDS, Guard
from policies.lifecycles.mechanism import Row, Table
from tests.simulation.walk_words import SET

ROWS: Final[Mapping[str, tuple[Table, Row]]] = {
    f"{table.thing} {row.act} {'/'.join(state for state in table.states if state in row.states)} → "
    f"{row.next}{f' where {row.when.field} is {row.when.value}' if row.when else ''}": (table, row)
    for table in SET.tables.values()
    for row in table.rows
}
JUDGE: Final[Mapping[str, str]] = {
    "no such act": r"version \S+ of the tables does not know \S+",
    "elsewhere": r"\S+ does not belong into a \w+ channel",
    "owner's side": r"in a direct channel only its owner writes; .*",
    "no relay by others": r"only a coordinator relays what another organisation says",
    "no relay of this": r"\S+ can't be relayed",
    "not opened": r"the channel has not been opened",
    "handed over": r"the coordination is handed over; .*",
    "case has ended": r"a case that is \w+ takes no \S+",
    "copy of an invitation": r"the copy of an invitation names .*",
    "not open now": r"\S+ is not open now",
    "for others": r"\S+ is for .+",
}
"""Name of a refusal that is no guard's → the sentence that it begins with."""
REFUSALS: Final = (*GUARDS, *JUDGE)
"""Names of all that the tables refuse by."""
_NAMES: Final = {id(row): name for name, (_, row) in ROWS.items()}
_THROUGH_DIRECT: Final = {
    row.act: name for name, (_, row) in ROWS.items() if "through_direct" in row.guards
}
_OFFER: Final = re.compile(r"; \w+( of .+)? is [a-z ]+; open now: .+")


class Would(NamedTuple):
    """What would come of an act."""

    ruling: Ruling
    rows: frozenset[str]
    """Those that it would walk."""
    refusal: str | None
    """The name of what says no."""


def name_of(sentence: str) -> str:
    """Give the name of a refusal that is no guard's.

    Raises:
        AssertionError: it has none yet; give it one.
    """
    told = _OFFER.sub("", sentence)
    for name, pattern in JUDGE.items():
        if re.fullmatch(pattern, told):
            return name
    raise AssertionError(f"a refusal without a name: {sentence}")


class Walked:
    """Remembers the rows that entries have taken, and the refusals that somebody was told of.

    Args:
        here: name of a refusal → what a node told its own people.
        there: name of a refusal → what an owner answered to a contribution.
        wrong: what the tables should have said otherwise.
        views: those whose rows were compared between nodes.
        rebuilt: how many ledgers were made again after each step that looks.
    """

    def __init__(self) -> None:
        self.rows: set[str] = set()
        self.here: dict[str, str] = {}
        self.there: dict[str, str] = {}
        self.wrong: list[str] = []
        self.views: set[str] = set()
        self.rebuilt: list[int] = []
        self._found: list[str] = []
        self._said_no: list[tuple[str, str]] = []
        self._guard: str | None = None
        self._sentences: dict[str, str] = {}
        self._counts = False

    @property
    def missing_rows(self) -> tuple[str, ...]:
        """Rows that nothing has walked yet."""
        return tuple(name for name in ROWS if name not in self.rows)

    @property
    def missing_refusals(self) -> tuple[str, ...]:
        """Refusals that nobody was told of yet."""
        return tuple(name for name in REFUSALS if name not in self.here | self.there)

    def would_walk(self, version: str, act: Act, situation: Situation) -> Would:
        """Give what the tables would say, the rows that it would walk, or what refuses it."""
        self._begin()
        ruling = rule(version, act, situation)
        if not ruling.decision:
            return Would(ruling, frozenset(), self._guard or name_of(ruling.decision.reason))
        rows = set(self._found)
        if not rows and act in _THROUGH_DIRECT:
            rows = {_THROUGH_DIRECT[act]}
        return Would(ruling, frozenset(rows), None)

    def _begin(self) -> None:
        self._found.clear()
        self._guard = None

    def hears(self, sentence: str, told: dict[str, str]) -> None:
        """Take note of what a person reads; what the tables said of it has a name."""
        if sentence in self._sentences:
            told[self._sentences[sentence]] = sentence

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Let what happens from here on count: somebody acts in earnest."""
        before, self._counts = self._counts, True
        try:
            yield
        finally:
            self._counts = before

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look on while nodes judge."""
        watched = {
            name: Guard(one.says, self._watch(name, one.check), one.of_body)
            for name, one in GUARDS.items()
        }
        with (
            patch.object(tables, "_find_row", self._finding(tables._find_row)),
            patch.object(judging, "_rule", self._framing(judging._rule)),
            patch.object(judging, "rule", self._judging),
            patch.object(endorsements, "rule", self._judging),
            patch.object(channels, "rule", self._asking),
            patch.dict(GUARDS, watched),
        ):
            yield

    def _judging(self, version: str, act: Act, situation: Situation) -> Ruling:
        would = self.would_walk(version, act, situation)
        if self._counts:
            self.rows |= would.rows
        return self._noted(would)

    def _asking(self, version: str, act: Act, situation: Situation) -> Ruling:
        """Rule before anything is signed: nothing is walked by that, but it may be refused."""
        return self._noted(self.would_walk(version, act, situation))

    def _noted(self, would: Would) -> Ruling:
        if would.refusal is not None:
            self._sentences[would.ruling.decision.reason] = would.refusal
        return would.ruling

    def _finding(self, find_row: Callable[..., Any]) -> Callable[..., Any]:
        def found(*given: Any) -> Any:
            self._said_no.clear()
            row, reason = find_row(*given)
            if row is not None:
                self._found.append(_NAMES[id(row)])
            elif self._said_no and self._said_no[-1][1] == reason:
                self._guard = self._said_no[-1][0]
            return row, reason

        return found

    def _framing(self, rule_entry: Callable[..., Ruling]) -> Callable[..., Ruling]:
        """Ask the tables about the frame of what is admitted, too: judges look at its place."""

        def ruled(state: ChannelState, judged: Judged, facts: Facts) -> Ruling:
            if judged.contribution is not None:
                entry = judged.entry
                frame = judging.situation_of(state, entry.author, entry.body, facts, entry.created)
                would = self.would_walk(state.tables, Act.ADMITTED, frame)
                if not would.ruling.decision:
                    self.wrong.append(f"the frame of an entry: {would.ruling.decision.reason}")
                if self._counts:
                    self.rows |= would.rows
            return rule_entry(state, judged, facts)

        return ruled

    def _watch(self, name: str, check: Callable[[Situation, str], str | None]) -> Any:
        def asked(situation: Situation, subject: str) -> str | None:
            reason = check(situation, subject)
            if reason is not None:
                self._said_no.append((name, reason))
            return reason

        return asked

"""Which rows of the tables were walked, and which guards have said no."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from federation.branches import endorsements
from federation.judging import judge as judging
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
_NAMES: Final = {id(row): name for name, (_, row) in ROWS.items()}
_THROUGH_DIRECT: Final = {
    row.act: name for name, (_, row) in ROWS.items() if "through_direct" in row.guards
}


class Would(NamedTuple):
    """What would come of an act."""

    ruling: Ruling
    rows: frozenset[str]
    """Those that it would walk."""
    guards: frozenset[str]
    """Those that say no."""


class Walked:
    """Remembers the rows that entries have taken, and the guards that refused something."""

    def __init__(self) -> None:
        self.rows: set[str] = set()
        self.guards: set[str] = set()
        self._found: list[str] = []
        self._said_no: set[str] = set()
        self._counts = False

    @property
    def missing_rows(self) -> tuple[str, ...]:
        """Rows that nothing has walked yet."""
        return tuple(name for name in ROWS if name not in self.rows)

    @property
    def missing_guards(self) -> tuple[str, ...]:
        """Guards that have refused nothing yet."""
        return tuple(name for name in GUARDS if name not in self.guards)

    @property
    def missing_acts(self) -> tuple[Act, ...]:
        """Acts that have a row which nothing has walked yet."""
        return tuple(dict.fromkeys(ROWS[name][1].act for name in self.missing_rows))

    def would_walk(self, version: str, act: Act, situation: Situation) -> Would:
        """Give what the tables would say, the rows that it would walk, and who would refuse."""
        self._found.clear()
        self._said_no.clear()
        ruling = rule(version, act, situation)
        rows = set(self._found) if ruling.decision else set()
        if ruling.decision and not rows and act in _THROUGH_DIRECT:
            rows = {_THROUGH_DIRECT[act]}
        return Would(ruling, frozenset(rows), frozenset(self._said_no))

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
        find_row = tables._find_row

        def found(*given: Any) -> Any:
            row, reason = find_row(*given)
            if row is not None:
                self._found.append(_NAMES[id(row)])
            return row, reason

        def judged(version: str, act: Act, situation: Situation) -> Ruling:
            would = self.would_walk(version, act, situation)
            if self._counts:
                self.rows |= would.rows
            return would.ruling

        watched = {
            name: Guard(one.says, self._watch(name, one.check), one.of_body)
            for name, one in GUARDS.items()
        }
        with (
            patch.object(tables, "_find_row", found),
            patch.object(judging, "rule", judged),
            patch.object(endorsements, "rule", judged),
            patch.dict(GUARDS, watched),
        ):
            yield

    def _watch(self, name: str, check: Callable[[Situation, str], str | None]) -> Any:
        def asked(situation: Situation, subject: str) -> str | None:
            reason = check(situation, subject)
            if reason is not None:
                self._said_no.add(name)
                if self._counts:
                    self.guards.add(name)
            return reason

        return asked

"""What a life-cycle table is made of, and the values that go in and come out.

Source: lifecycles, 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from policies.acts import Act, ChannelKind
from policies.decision import Decision
from policies.roles import Role

SAME: Final = "same"
"""As `Row.next`: the state stays what it is."""

NONE: Final = "none"
"""The state of what does not exist, or holds no longer."""

WITHOUT: Final = "without"
"""The state of the thing `node` of an organisation that was invited as having none."""

CHANNEL: Final = "channel"
"""The subject of what a channel has once: its coordination, its ceiling."""


class Who(StrEnum):
    """Whose act a row takes.

    Source: lifecycles, *Who*.
    """

    COORDINATOR = "the owner of the epoch"
    MEMBER = "a joined member that is neither observer nor authority"
    JOINED = "a joined organisation"
    SELF = "the organisation itself"
    SOURCE = "the organisation that shared it"
    SUCCESSOR = "the successor"
    ADDRESSEE = "the joined organisation that it is asked of"


@dataclass(frozen=True, slots=True)
class When:
    """A row that holds only where the body says so.

    Args:
        field: of the body.
        value: what it holds; `None` where it is left out.
    """

    field: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row: in these states, this act by one of these leads to the next state.

    Args:
        states: the present state is one of them.
        act: what is done.
        who: the author is at least one of them.
        next: the state that follows, or `SAME`.
        guards: names in `guards.GUARDS`; all must hold.
        effects: names in `effects.EFFECTS`: what else happens with the same entry.
        when: what the body must say for this row.
    """

    states: frozenset[str]
    act: Act
    who: frozenset[Who]
    next: str
    guards: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    when: When | None = None

    def takes(self, body: Mapping[str, Any]) -> bool:
        """Tell whether the body chooses this row."""
        return self.when is None or body.get(self.when.field) == self.when.value


@dataclass(frozen=True, slots=True)
class Besides:
    """What an act about another thing does to this one: an effect does it, a row draws it.

    Args:
        states: what it was.
        act: what is done to the other thing.
        next: what follows.
    """

    states: frozenset[str]
    act: Act
    next: str


class Subject(StrEnum):
    """What the state of a table belongs to."""

    CHANNEL = "the channel"
    ORGANISATION = "an organisation"
    OBJECT = "an object"
    """Or what an object stands for: a decision, the version of a charter."""
    OBJECT_AT = "an object at an organisation"
    """Or what it asks of that organisation."""


@dataclass(frozen=True)
class Table:
    """The life cycle of one thing.

    Args:
        thing: its name, as in `Change.thing`.
        of: what its state belongs to.
        initial: the state of what no act has touched yet.
        states: all of them, in the order of a life.
        rows: the first that fits decides.
        kinds: the channels whose ledger holds this state; elsewhere its acts are words.
        says: what it tells, for the docs.
        source: where the design tells of it.
        named: where the subject is an object: the property of a body that names it, or a list.
        besides: what acts about other things do to it.
    """

    thing: str
    of: Subject
    initial: str
    states: tuple[str, ...]
    rows: tuple[Row, ...]
    kinds: frozenset[ChannelKind]
    says: str
    source: str
    named: str = "objects"
    besides: tuple[Besides, ...] = ()

    @cached_property
    def acts(self) -> frozenset[Act]:
        """All acts that it knows."""
        return frozenset(row.act for row in self.rows)

    def open_acts(self, state: str, who: frozenset[Who]) -> frozenset[Act]:
        """Give the acts that these may write in this state, guards aside."""
        return frozenset(row.act for row in self.rows if state in row.states and row.who & who)

    def find_rows(self, state: str, act: Act, who: frozenset[Who]) -> tuple[Row, ...]:
        """Give the rows for this act by these in this state, in order; none: not permitted."""
        rows = self._by_act.get(act, ())
        return tuple([row for row in rows if state in row.states and not row.who.isdisjoint(who)])

    def find_row(
        self, state: str, act: Act, who: frozenset[Who], body: Mapping[str, Any]
    ) -> Row | None:
        """Give the row that decides, or `None`: no row, no change."""
        return next((row for row in self.find_rows(state, act, who) if row.takes(body)), None)

    @cached_property
    def _by_act(self) -> Mapping[Act, tuple[Row, ...]]:
        return {act: tuple(row for row in self.rows if row.act is act) for act in self.acts}

    @cached_property
    def _own_words(self) -> frozenset[Act]:
        return frozenset(row.act for row in self.rows if Who.SELF in row.who)

    @cached_property
    def _answers(self) -> frozenset[Act]:
        return frozenset(row.act for row in self.rows if Who.ADDRESSEE in row.who)

    def is_about_self(self, act: Act) -> bool:
        """Tell whether the act is one's own word about oneself."""
        return act in self._own_words

    def is_answer(self, act: Act) -> bool:
        """Tell whether the act is the answer of whom an object asks something of."""
        return act in self._answers


@dataclass(frozen=True)
class TableSet:
    """All tables of one version, by the name of their thing; each act stands in one of them.

    Args:
        still_taken: state of the thing `case` → the acts that it takes; a state that is not there
            takes every act.
    """

    version: str
    tables: Mapping[str, Table]
    still_taken: Mapping[str, frozenset[Act]] = field(default_factory=dict)

    @cached_property
    def acts(self) -> frozenset[Act]:
        """All acts that this version knows."""
        return frozenset(self._by_act)

    @cached_property
    def _by_act(self) -> Mapping[Act, Table]:
        return {act: table for table in self.tables.values() for act in table.acts}

    @cached_property
    def _by_name(self) -> Mapping[str, Act]:
        return {act.value: act for act in self.acts}

    def find_act(self, name: str) -> Act | None:
        """Give the act of that name, or `None` if this version does not know it."""
        return self._by_name.get(name)

    def find_table(self, act: Act) -> Table | None:
        """Give the table that the act stands in, or `None` if this version does not know it."""
        return self._by_act.get(act)


@dataclass(frozen=True, slots=True)
class Situation:
    """What the ledger says just before an act, and the act's own words.

    Args:
        kind: of the channel.
        owner: of the current epoch. For the very first entry, its author; for the opening of a
            later epoch, the owner of the epoch before.
        author: who signed the bundle.
        body: of the act, as `read_body` gave it.
        ledger_time: the `created` of the entry that admits it.
        members: the joined organisations and their roles; not the suspended.
        state_of: gives the state of (thing, subject), `None` where no act has touched it. It
            answers with what `Change`s said so far, and for the thing `source` (subject: STIX
            id) with the organisation whose bundle first covered that object in this ledger.
        endorsed_by: for the opening of an epoch by succession: the organisations whose valid
            endorsements of this candidate, epoch and round it covers.
    """

    kind: ChannelKind
    owner: str
    author: str
    body: Mapping[str, Any]
    ledger_time: datetime
    members: Mapping[str, frozenset[Role]]
    state_of: Callable[[str, str], str | None]
    endorsed_by: frozenset[str] = frozenset()

    @property
    def relayed(self) -> bool:
        """Tell whether the author speaks for another organisation.

        Source: lifecycles, 1, rule 6.
        """
        return "on_behalf_of" in self.body

    @property
    def speaker(self) -> str:
        """The organisation whose word it is: the author, or whom it speaks for."""
        return str(self.body["on_behalf_of"]["organisation"]) if self.relayed else self.author

    @property
    def addressees(self) -> tuple[str, ...]:
        """The organisations that something is asked of, as the act names them."""
        return tuple(self.body.get("addressees", ()))

    def known(self, thing: str, subject: str = CHANNEL) -> str | None:
        """Give a state, `None` where there is none or it holds no longer."""
        state = self.state_of(thing, subject)
        return None if state == NONE else state


@dataclass(frozen=True, slots=True)
class Change:
    """What an act did to one thing; `before` is `None` where no act had touched it."""

    thing: str
    subject: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the tables say of an act: whether it holds, and what it changes."""

    decision: Decision
    changes: tuple[Change, ...] = ()

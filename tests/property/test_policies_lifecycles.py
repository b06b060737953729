"""Laws of the life-cycle tables, in any situation that a ledger could tell of.

Source: lifecycles, 1, 3, 11, 13.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.acts import ACTS, Act, ChannelKind
from policies.lifecycles import (
    SAME,
    Row,
    Situation,
    Table,
    Who,
    open_acts,
    rule,
)
from policies.lifecycles.effects import EFFECTS, KEPT
from policies.lifecycles.guards import GUARDS
from policies.lifecycles.mechanism import Subject
from policies.roles import Role
from tests.property.coordination_worlds import COORDINATING, PAST, TIMED
from tests.property.lifecycle_worlds import (
    RECALLED,
    SENTENCE,
    SET,
    TABLE_OF,
    VERSION,
    States,
    fitting_bodies,
    situations,
)
from tests.unit.policies.worlds import CERT, DIGEST, GRID, NOW, VENDOR, object_of

questions = st.tuples(situations(), st.sampled_from(Act))


@given(questions, st.integers(0, 20))
def test_what_is_accepted_was_open(question: tuple[Situation, Act], pick: int) -> None:
    situation, act = question
    bodies = list(fitting_bodies(act, situation))
    asked = replace(situation, body=bodies[pick % len(bodies)])
    if rule(VERSION, act, asked).decision:
        assert act in open_acts(VERSION, asked)


@settings(deadline=None)
@given(situations())
def test_what_is_open_is_accepted_and_nothing_else(situation: Situation) -> None:
    offered = open_acts(VERSION, situation)
    accepted = {
        act
        for act in SET.acts
        if any(
            rule(VERSION, act, replace(situation, body=body)).decision
            for body in fitting_bodies(act, situation)
        )
    }
    assert {act.value for act in offered} == {act.value for act in accepted}


@given(questions, st.integers(0, 20))
def test_a_refusal_names_the_state_and_the_acts_now_open(
    question: tuple[Situation, Act], pick: int
) -> None:
    """Source: lifecycles, 1, rule 3."""
    situation, act = question
    bodies = list(fitting_bodies(act, situation))
    asked = replace(situation, body=bodies[pick % len(bodies)])
    ruling = rule(VERSION, act, asked)
    if ruling.decision:
        return
    assert ruling.changes == ()
    said = SENTENCE.fullmatch(ruling.decision.reason)
    assert said is not None, ruling.decision.reason
    table = TABLE_OF[act]
    subject = said["subject"] or "channel"
    assert said["thing"] == table.thing
    assert said["state"] == (asked.state_of(table.thing, subject) or table.initial)
    relay = {key: asked.body[key] for key in ("on_behalf_of",) if key in asked.body}
    stix_id, _, where = subject.partition(" ")
    named = {Subject.ORGANISATION: {"organisation": subject}, Subject.CHANNEL: {}}
    name = [stix_id] if table.named == "objects" else stix_id
    asking = {table.named: name, "addressees": [where]}
    about = replace(asked, body=named.get(table.of, asking) | relay)

    def is_theirs(one: Act) -> bool:
        if asked.kind not in table.kinds:
            return True
        if table.is_answer(one):
            return where == asked.speaker
        return not table.is_about_self(one) or subject == asked.speaker

    now_open = {one for one in open_acts(VERSION, about) & table.acts if is_theirs(one)}
    assert said["acts"] == (", ".join(sorted(now_open)) or "nothing")


@given(questions, st.integers(0, 20), st.datetimes(timezones=st.just(UTC)))
def test_no_clock_decides_anything(
    question: tuple[Situation, Act], pick: int, when: datetime
) -> None:
    """Source: lifecycles, 1, rules 1 and 2."""
    situation, act = question
    bodies = list(fitting_bodies(act, situation))
    asked = replace(situation, body=bodies[pick % len(bodies)])
    if act in TIMED:
        return
    assert rule(VERSION, act, asked) == rule(VERSION, act, replace(asked, ledger_time=when))


@given(questions, st.integers(0, 20))
def test_changes_start_from_what_is_and_end_in_what_the_tables_know(
    question: tuple[Situation, Act], pick: int
) -> None:
    situation, act = question
    bodies = list(fitting_bodies(act, situation))
    asked = replace(situation, body=bodies[pick % len(bodies)])
    changes = rule(VERSION, act, asked).changes
    assert len({(change.thing, change.subject) for change in changes}) == len(changes)
    for change in changes:
        assert change.before == asked.state_of(change.thing, change.subject)
        assert change.before != change.after
        assert change.thing in SET.tables or change.thing in KEPT
        if change.thing in SET.tables:
            assert change.after in SET.tables[change.thing].states


@given(questions, st.integers(0, 20))
def test_the_coordinator_stays_joined(question: tuple[Situation, Act], pick: int) -> None:
    """Source: lifecycles, 3 and 11."""
    situation, act = question
    bodies = list(fitting_bodies(act, situation))
    asked = replace(situation, body=bodies[pick % len(bodies)])
    for change in rule(VERSION, act, asked).changes:
        if (change.thing, change.subject) == ("membership", asked.owner):
            assert change.after == "joined"


ROWS = [
    pytest.param(table, row, state, id=f"{table.thing}-{row.act}-{state}-{row.next}")
    for table in SET.tables.values()
    for row in table.rows
    for state in table.states
    if state in row.states
]


@pytest.mark.parametrize("table", SET.tables.values(), ids=lambda table: table.thing)
def test_every_state_of_a_table_is_reached_from_its_first(table: Table) -> None:
    reached = {table.initial}
    while True:
        further = {row.next for row in table.rows if row.states & reached} - {SAME}
        further |= {one.next for one in table.besides if one.states & reached}
        if further <= reached:
            break
        reached |= further
    assert reached == set(table.states)


def reaching(table: Table, row: Row, state: str) -> Iterator[Situation]:
    """Give situations with the thing in this state, by authors that the row could mean."""
    if row.act in COORDINATING:
        yield from reaching_together(table, row, state)
        return
    known = {
        ("coordination", "channel"): "held",
        ("membership", CERT): "joined",
        ("successor", "channel"): GRID,
        ("invited_role", GRID): "responder",
        ("object", object_of(GRID, 2)): "recalled",
    }
    objects = [object_of(GRID)]
    subject = {Subject.CHANNEL: "channel", Subject.OBJECT: objects[0], Subject.ORGANISATION: GRID}
    known[table.thing, subject.get(table.of, "")] = state
    members = {CERT: frozenset({Role.COORDINATOR}), VENDOR: frozenset({Role.RESPONDER})}
    if known.get(("membership", GRID), "joined") == "joined":
        members[GRID] = frozenset({Role.RESPONDER})
    body: dict[str, Any] = {"organisation": GRID, "objects": objects}
    if row.when is not None and row.when.field == "answer":
        body = {"objects": [RECALLED], "answer": row.when.value}
    relay = {"on_behalf_of": {"organisation": GRID}}
    kind = ChannelKind.DIRECT if "through_direct" in row.guards else ChannelKind.CASE
    for author, more in ((CERT, {}), (GRID, {}), (CERT, relay)):
        yield Situation(
            kind=kind,
            owner=CERT,
            author=author,
            body=body | more,
            ledger_time=NOW,
            members=members,
            state_of=States(known),
            endorsed_by=frozenset({GRID, VENDOR}),
        )


def reaching_together(table: Table, row: Row, state: str) -> Iterator[Situation]:
    """Give such situations for acts by which organisations coordinate."""
    named = object_of(GRID)
    everybody = {
        CERT: frozenset({Role.COORDINATOR}),
        GRID: frozenset({Role.RESPONDER}),
        VENDOR: frozenset({Role.RESPONDER}),
    }
    known = {
        ("coordination", "channel"): "held",
        ("case", "channel"): "assessment",
        ("control", "channel"): "yes",
        ("asker", named): CERT,
        ("charter", named): "proposed",
        ("charter_sha256", named): DIGEST,
        ("decision_rule", named): "majority/9" if "without_quorum" in row.guards else "majority",
        ("decision_options", named): "yes no",
        ("decision_until", named): PAST,
        ("decision_voters", named): " ".join(everybody),
    }
    known |= {("membership", who): "joined" for who in everybody}
    if table.thing == "charter":
        known |= {("charter_answer", f"{named} {who}"): "accepted" for who in everybody}
    subjects = {
        Subject.CHANNEL: "channel",
        Subject.ORGANISATION: GRID,
        Subject.OBJECT: named,
        Subject.OBJECT_AT: f"{named} {GRID}",
    }
    known[table.thing, subjects[table.of]] = state
    body: dict[str, Any] = {"addressees": [GRID]} if table.of is Subject.OBJECT_AT else {}
    body |= {table.named: named} if table.of in {Subject.OBJECT, Subject.OBJECT_AT} else {}
    for author in (CERT, GRID):
        yield Situation(
            kind=min(ACTS[row.act].kinds & table.kinds),
            owner=CERT,
            author=author,
            body=body,
            ledger_time=NOW,
            members=everybody,
            state_of=States(known),
        )


@pytest.mark.parametrize(("table", "row", "state"), ROWS)
def test_every_row_is_taken_by_somebody(table: Table, row: Row, state: str) -> None:
    after = state if row.next == SAME else row.next
    for situation in reaching(table, row, state):
        for body in fitting_bodies(row.act, situation):
            if not row.takes(body):
                continue
            ruling = rule(VERSION, row.act, replace(situation, body=body))
            changed = {change.after for change in ruling.changes if change.thing == table.thing}
            word = situation.kind not in table.kinds
            if ruling.decision and (word or changed == {after} - {state}):
                return
    raise AssertionError((row.act, state))


def test_each_row_names_known_states_guards_and_effects() -> None:
    for table in SET.tables.values():
        assert table.initial == table.states[0]
        for row in table.rows:
            assert row.states <= set(table.states)
            assert row.next in {*table.states, SAME}
            assert set(row.guards) <= set(GUARDS)
            assert set(row.effects) <= set(EFFECTS)
            assert row.who


def test_each_guard_effect_and_who_is_used() -> None:
    rows = [row for table in SET.tables.values() for row in table.rows]
    assert {name for row in rows for name in row.guards} == set(GUARDS)
    assert {name for row in rows for name in row.effects} == set(EFFECTS)
    assert {who for row in rows for who in row.who} == set(Who)


def test_each_act_stands_in_one_table() -> None:
    acts = [act for table in SET.tables.values() for act in table.acts]
    assert len(acts) == len(set(acts)) == len(SET.acts)
    for act, table in TABLE_OF.items():
        assert SET.find_table(act) is table


def test_tables_answer_by_state_and_who() -> None:
    table = SET.tables["membership"]
    coordinator = frozenset({Who.COORDINATOR})
    assert table.open_acts("invited", coordinator) == {Act.MEMBER_UNINVITED}
    assert table.find_row("joined", Act.MEMBER_INVITED, coordinator, {}) is None

"""Laws of the life-cycle tables, in any situation that a ledger could tell of.

Source: lifecycles, 1, 3, 11, 13.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.acts import Act, ChannelKind
from policies.lifecycles import (
    NONE,
    SAME,
    TABLES,
    Row,
    Situation,
    Table,
    Who,
    open_acts,
    rule,
)
from policies.lifecycles.effects import EFFECTS, KEPT
from policies.lifecycles.guards import GUARDS, role_text
from policies.lifecycles.mechanism import WITHOUT, Subject
from policies.roles import Role
from tests.unit.policies.worlds import (
    CERT,
    CHANNEL_ID,
    DIGEST,
    EVERYBODY,
    GRID,
    NOW,
    STRANGER,
    VENDOR,
    invitation,
    joining,
    object_of,
    opening,
)

VERSION = "1"
SET = TABLES[VERSION]
TABLE_OF = {act: table for table in SET.tables.values() for act in table.acts}
OUTSIDE = [state for state in SET.tables["membership"].states if state != "joined"]
RECALLED = object_of(STRANGER, 1)
SENTENCE = re.compile(
    r".{5,}; (?P<thing>\w+)( of (?P<subject>.+))? is (?P<state>[a-z ]+); "
    r"open now: (?P<acts>.+)"
)
HEAD = {"epoch": 1, "seq": 3, "sha256": DIGEST}

other_roles = st.sampled_from(
    [
        frozenset({Role.RESPONDER}),
        frozenset({Role.AFFECTED, Role.DEPUTY}),
        frozenset({Role.OBSERVER}),
        frozenset({Role.AUTHORITY}),
    ]
)
object_ids = [object_of(who, number) for who in EVERYBODY for number in range(2)]


@dataclass(frozen=True)
class States:
    """What a ledger says of each thing."""

    known: Mapping[tuple[str, str], str]

    def __call__(self, thing: str, subject: str) -> str | None:
        if thing == "source":
            authors = {object_of(who, n): who for who in (*EVERYBODY, STRANGER) for n in range(3)}
            return authors.get(subject)
        if (thing, subject) == ("object", RECALLED):
            return "recalled"
        return self.known.get((thing, subject))


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Give any situation: members, states, an author, and what the question is about."""
    known: dict[tuple[str, str], str] = {}
    members: dict[str, frozenset[Role]] = {}
    coordination = draw(st.sampled_from(SET.tables["coordination"].states))
    if coordination != NONE:
        known["coordination", "channel"] = coordination
        known["ceiling", "channel"] = draw(st.sampled_from(["green", "amber", "red"]))
        known["membership", CERT] = "joined"
        members[CERT] = frozenset({Role.COORDINATOR})
        for who in EVERYBODY[1:]:
            if draw(st.booleans()):
                members[who] = draw(other_roles)
                known["membership", who] = "joined"
            elif (state := draw(st.sampled_from(OUTSIDE))) != NONE:
                known["membership", who] = state
            known["invited_role", who] = role_text(draw(other_roles))
            known["node", who] = draw(st.sampled_from([NONE, NONE, NONE, WITHOUT]))
            if draw(st.booleans()):
                known["limit", who] = draw(st.sampled_from(["clear", "amber", "red"]))
        if coordination != "held":
            known["successor", "channel"] = draw(st.sampled_from(EVERYBODY[1:]))
        for stix_id in object_ids:
            for thing in ("object", "intel"):
                table = SET.tables[thing]
                known[thing, stix_id] = draw(st.sampled_from(table.states))
    body: dict[str, Any] = {}
    if draw(st.booleans()):
        body["organisation"] = draw(st.sampled_from([*EVERYBODY, STRANGER]))
    if draw(st.booleans()):
        body["objects"] = draw(st.lists(st.sampled_from([*object_ids, RECALLED]), min_size=1))
    if draw(st.integers(0, 3)) == 0:
        whom = draw(st.sampled_from([*EVERYBODY, STRANGER]))
        body["on_behalf_of"] = {"organisation": whom}
    return Situation(
        kind=draw(st.sampled_from(ChannelKind)),
        owner=CERT,
        author=draw(st.sampled_from([*EVERYBODY, STRANGER])),
        body=body,
        ledger_time=NOW,
        members=members,
        state_of=States(known),
        endorsed_by=draw(st.frozensets(st.sampled_from(EVERYBODY))),
    )


def openings(situation: Situation) -> Iterator[dict[str, Any]]:
    kind, author = situation.kind, situation.author
    if kind is ChannelKind.DIRECT:
        yield opening(kind, {author: "member", STRANGER: "member"})
    yield opening(kind, {author: "coordinator"})
    roles = {who: sorted(held) for who, held in situation.members.items()}
    roles |= {situation.owner: [Role.RESPONDER]} if situation.owner in roles else {}
    roles[author] = [Role.COORDINATOR]
    ceiling = situation.state_of("ceiling", "channel") or "amber"
    for how in ("hand-over", "succession", "re-opening"):
        again = {who: [role.value for role in held] for who, held in roles.items()}
        body = opening(kind, again, opened_by=how, ceiling=ceiling)
        for member in body["members"]:
            if situation.known("node", member["organisation"]) == WITHOUT:
                del member["descriptors"]
                member["without_node"] = True
        yield body


def fitting_bodies(act: Act, situation: Situation) -> Iterator[dict[str, Any]]:
    """Give bodies that could fit, about what the situation asks about."""
    about = dict(situation.body)
    offered = situation.state_of("invited_role", situation.speaker) or "responder"
    own = object_of(situation.speaker, 2)
    copied = {"channel": CHANNEL_ID, "genesis": DIGEST, "head": HEAD, "kind": "case"}
    unnamed = [*situation.members, STRANGER]  # as `open_acts` says: joined, or never touched
    for who in [about["organisation"]] if "organisation" in about else unnamed:
        match act:
            case Act.CHANNEL_OPENED:
                yield from (body | about for body in openings(situation))
                return
            case Act.MEMBER_INVITED:
                yield invitation(who) | about
                yield invitation(who) | copied | about
            case Act.MEMBER_JOINED:
                yield joining() | {"role": offered.split("+")} | about
            case Act.CHANNEL_CEILING_CHANGED:
                yield {"ceiling": "clear"} | about
            case Act.HANDOVER_OFFERED | Act.COORDINATOR_HANDED_OVER:
                yield {"successor": who} | about
                yield from ({"successor": one} | about for one in EVERYBODY)
            case Act.SUCCESSION_ENDORSED:
                for candidate in EVERYBODY:
                    yield {"epoch": 2, "round": 1, "candidate": candidate, "head": HEAD} | about
            case Act.RECALL_ANSWERED:
                yield {"objects": [RECALLED], "answer": "kept"} | about
            case Act.OBJECT_RECALLED | Act.OBJECT_RELEASED | Act.INTEL_REVOKED:
                yield {"objects": [own]} | about
            case _:
                yield {"organisation": who, "role": "observer", "limits": {}} | about


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
    stix_id = subject.split(" ", maxsplit=1)[0]
    named = {Subject.ORGANISATION: {"organisation": subject}, Subject.CHANNEL: {}}
    about = replace(asked, body=named.get(table.of, {"objects": [stix_id]}) | relay)
    now_open = {
        one
        for one in open_acts(VERSION, about) & table.acts
        if not table.is_about_self(one) or subject == asked.speaker or asked.kind not in table.kinds
    }
    assert said["acts"] == (", ".join(sorted(now_open)) or "nothing")


@given(questions, st.integers(0, 20), st.datetimes(timezones=st.just(UTC)))
def test_no_clock_decides_anything(
    question: tuple[Situation, Act], pick: int, when: datetime
) -> None:
    """Source: lifecycles, 1, rules 1 and 2."""
    situation, act = question
    bodies = list(fitting_bodies(act, situation))
    asked = replace(situation, body=bodies[pick % len(bodies)])
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
        if further <= reached:
            break
        reached |= further
    assert reached == set(table.states)


def reaching(table: Table, row: Row, state: str) -> Iterator[Situation]:
    """Give situations with the thing in this state, by authors that the row could mean."""
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

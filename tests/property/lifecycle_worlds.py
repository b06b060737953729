"""Any situation that a ledger could tell of, and bodies that could fit.

Source: lifecycles, 1, 3, 11, 13.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from policies.acts import Act, ChannelKind
from policies.decisions import Topic
from policies.lifecycles import NONE, TABLES, Situation
from policies.lifecycles.guards import role_text
from policies.lifecycles.mechanism import WITHOUT
from policies.roles import Role
from tests.property.coordination_worlds import (
    COORDINATING,
    NAMED,
    NO_TO,
    TAKEN,
    YES_TO_REMOVING,
    coordinating,
    coordination,
    object_ids,
)
from tests.unit.policies.worlds import (
    CERT,
    CHANNEL_ID,
    DIGEST,
    EVERYBODY,
    NOW,
    STRANGER,
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
        if subject in TAKEN:
            return TAKEN[subject].get(thing)
        return self.known.get((thing, subject))


@st.composite
def questions_asked(draw: st.DrawFn) -> dict[str, Any]:
    """Give what a question is about."""
    body: dict[str, Any] = {}
    if draw(st.booleans()):
        body["organisation"] = draw(st.sampled_from([*EVERYBODY, STRANGER]))
    if draw(st.booleans()):
        body["objects"] = draw(st.lists(st.sampled_from([*object_ids, RECALLED]), min_size=1))
    for name in NAMED:
        if draw(st.booleans()):
            body[name] = draw(st.sampled_from(object_ids))
    if draw(st.integers(0, 3)) == 0:
        whom = draw(st.sampled_from([*EVERYBODY, STRANGER]))
        body["on_behalf_of"] = {"organisation": whom}
    return body


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
        draw(coordinating(known, members))
    return Situation(
        kind=draw(st.sampled_from(ChannelKind)),
        owner=CERT,
        author=draw(st.sampled_from([*EVERYBODY, STRANGER])),
        body=draw(questions_asked()),
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
    named = TABLE_OF[act].named
    about = {
        name: value for name, value in situation.body.items() if name not in NAMED or name == named
    }
    if act in COORDINATING:
        yield from (body | about for body in coordination(act, situation))
        return
    if act is Act.CHANNEL_OPENED:
        yield from (body | about for body in openings(situation))
        return
    unnamed = [*situation.members, STRANGER]  # as `open_acts` says: joined, or never touched
    for who in [about["organisation"]] if "organisation" in about else unnamed:
        yield from (body | about for body in _about(act, who, situation))


def _about(act: Act, who: str, situation: Situation) -> Iterator[dict[str, Any]]:
    match act:
        case Act.MEMBER_INVITED:
            copied = {"channel": CHANNEL_ID, "genesis": DIGEST, "head": HEAD, "kind": "case"}
            yield invitation(who)
            yield invitation(who) | copied
        case Act.MEMBER_JOINED:
            offered = situation.state_of("invited_role", situation.speaker) or "responder"
            yield joining() | {"role": offered.split("+")}
        case Act.CHANNEL_CEILING_CHANGED:
            yield {"ceiling": "clear"}
        case Act.HANDOVER_OFFERED | Act.COORDINATOR_HANDED_OVER:
            yield from ({"successor": one} for one in (who, *EVERYBODY))
        case Act.SUCCESSION_ENDORSED:
            for candidate in EVERYBODY:
                yield {"epoch": 2, "round": 1, "candidate": candidate, "head": HEAD}
        case Act.RECALL_ANSWERED:
            yield {"objects": [RECALLED], "answer": "kept"}
        case Act.OBJECT_RECALLED | Act.OBJECT_RELEASED | Act.INTEL_REVOKED:
            yield {"objects": [object_of(situation.speaker, 2)]}
        case Act.MEMBER_REMOVED:
            yield {"organisation": who, "decision": YES_TO_REMOVING[who]}
            yield {"organisation": who, "decision": NO_TO[Topic.REMOVAL]}
        case _:
            yield {"organisation": who, "role": "observer", "limits": {}}

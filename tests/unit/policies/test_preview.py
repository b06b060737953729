"""Source: coordination protocol, 5 and 14; domain, 1 (*For the coordinator alone*)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from policies.acts import Act, ChannelKind
from policies.audience import Audience
from policies.marking import Labels
from policies.preview import Inside, Party, Preview, Reads, preview
from policies.tlp import TLP

CERT = "identity--00000000-0000-4000-8000-000000000001"
GRID = "identity--00000000-0000-4000-8000-000000000002"
VENDOR = "identity--00000000-0000-4000-8000-000000000003"
CHANNEL = "identity--6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"

CASE = Audience(ChannelKind.CASE, CERT, frozenset({CERT, GRID}), TLP.AMBER_STRICT, identity=CHANNEL)
BREAKOUT = replace(CASE, ceiling=TLP.RED, breakout=True)
DIRECT = replace(CASE, kind=ChannelKind.DIRECT, ceiling=TLP.RED)
MEMBERS = (Party(CERT, "joined"), Party(GRID, "joined"))


def ask(
    *marked: TLP,
    audience: Audience = CASE,
    parties: Sequence[Party] = MEMBERS,
    act: Act = Act.NOTE_ADDED,
    wanted: bool | None = None,
    objects: Sequence[dict[str, Any]] | None = None,
) -> Preview:
    notes = [{"type": "note", "object_marking_refs": [one.marking_id]} for one in marked]
    return preview(
        audience,
        parties,
        act,
        notes if objects is None else objects,
        author=CERT,
        carrier=TLP.AMBER,
        labels=Labels(lambda _ref: None),
        wanted=wanted,
    )


@pytest.mark.parametrize(
    ("party", "reads", "words"),
    [
        (Party(VENDOR, "suspended"), Reads.NOTHING, "suspended; reads again once taken back"),
        (Party(VENDOR, "invited"), Reads.NOTHING, "invited; reads once it has joined, but not"),
        (Party(VENDOR, "left"), Reads.NOTHING, "has left"),
        (Party(VENDOR, "removed"), Reads.NOTHING, "was removed"),
        (Party(VENDOR, "declined"), Reads.NOTHING, "has no part in it"),
        (Party(VENDOR, "requested"), Reads.NOTHING, "nobody has decided"),
        (Party(VENDOR, "invited", without_node=True), Reads.NOTHING, "the coordinator tells it"),
    ],
)
def test_who_does_not_read_is_told_apart(party: Party, reads: Reads, words: str) -> None:
    told = ask(TLP.AMBER, parties=(*MEMBERS, party))
    (seen,) = [one for one in told.seen if one.organisation == VENDOR]
    assert seen.reads is reads
    assert words in seen.reason


@pytest.mark.parametrize("role", ["observer", "authority"])
def test_an_observer_reads_like_everybody(role: str) -> None:
    told = ask(TLP.AMBER, parties=(Party(CERT, "joined"), Party(GRID, "joined", frozenset({role}))))
    assert told.seen[1].reads is Reads.ALL
    assert role in told.seen[1].reason


def test_a_limit_that_nobody_keeps_for_a_member_is_said() -> None:
    told = ask(TLP.AMBER, parties=(Party(CERT, "joined"), Party(GRID, "joined", takes=TLP.GREEN)))
    assert told.seen[1].reads is Reads.ALL
    assert "nothing above TLP:GREEN, and gets it all the same" in told.seen[1].reason
    open_to_it = ask(TLP.GREEN, parties=(Party(GRID, "joined", takes=TLP.GREEN),))
    assert open_to_it.seen[0].reason == "member"


@pytest.mark.parametrize(
    ("marked", "wanted", "later"),
    [
        ([TLP.CLEAR, TLP.GREEN], False, Reads.ALL),
        ([TLP.AMBER], False, Reads.NOTHING),
        ([TLP.AMBER], True, Reads.ALL),
        ([TLP.GREEN, TLP.AMBER], False, Reads.PART),
        ([], False, Reads.ALL),
    ],
)
def test_later_members_read_what_label_or_author_opens(
    marked: list[TLP], wanted: bool, later: Reads
) -> None:
    told = ask(*marked, parties=(*MEMBERS, Party(VENDOR, "invited")), wanted=wanted)
    assert told.later is later
    assert told.seen[2].later is later


def test_where_the_author_says_nothing_the_table_of_acts_does() -> None:
    assert ask(TLP.AMBER, act=Act.INTEL_SHARED).later is Reads.ALL
    assert ask(TLP.AMBER, act=Act.NOTE_ADDED).later is Reads.NOTHING


def test_red_is_for_coordinators_and_handlers_of_each_node() -> None:
    assert ask(TLP.RED, audience=BREAKOUT).inside is Inside.HANDLERS
    assert ask(TLP.RED, TLP.GREEN, audience=BREAKOUT).inside is Inside.MIXED
    assert ask(TLP.AMBER, audience=BREAKOUT).inside is Inside.ALL_READERS


def test_what_is_told_the_coordinator_alone_is_for_its_coordinators_and_handlers() -> None:
    told = ask(TLP.AMBER, audience=DIRECT, act=Act.RESPONSE_REPORTED)
    assert told.inside is Inside.HANDLERS
    assert told.later is None
    assert ask(TLP.AMBER, act=Act.RESPONSE_REPORTED).inside is Inside.ALL_READERS


def test_what_may_not_be_shared_is_read_by_nobody_and_the_reason_is_the_rules_own() -> None:
    told = ask(TLP.RED)
    assert told.refusal == "it is TLP:RED; this channel goes up to TLP:AMBER+STRICT"
    assert {one.reads for one in told.seen} == {Reads.NOTHING}
    assert told.later is None


def test_definitions_and_the_channels_own_name_are_withheld_from_nobody() -> None:
    definition = {"type": "extension-definition", "id": "extension-definition--1"}
    own = {"type": "identity", "id": CHANNEL, "created_by_ref": CHANNEL}
    told = ask(objects=[definition, own])
    assert told.refusal is None
    assert told.labels == ()
    assert told.later is Reads.ALL


def test_who_has_no_part_reads_nothing() -> None:
    assert ask(TLP.CLEAR).of(VENDOR) is Reads.NOTHING

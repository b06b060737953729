"""Source: coordination protocol, 5 and 6; FIRST TLP 2.0."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from policies.acts import ChannelKind
from policies.audience import Audience, Purpose, may_share, shown_to_later_members
from policies.decision import Decision
from policies.marking import Labels
from policies.tlp import MARKINGS, TLP

CERT = "identity--00000000-0000-4000-8000-000000000001"
GRID = "identity--00000000-0000-4000-8000-000000000002"
VENDOR = "identity--00000000-0000-4000-8000-000000000003"
ELSEWHERE = "identity--00000000-0000-4000-8000-000000000009"
CHANNEL = "identity--6f0f0c5e-8f6d-4d0f-9b1e-2a5f6d7c0003"

CASE = Audience(ChannelKind.CASE, CERT, frozenset({CERT, GRID, VENDOR}), TLP.RED, identity=CHANNEL)
BREAKOUT = replace(CASE, breakout=True)
COMMUNITY = replace(CASE, kind=ChannelKind.COMMUNITY)
DIRECT = replace(CASE, kind=ChannelKind.DIRECT, organisations=frozenset({CERT, GRID}))
FEED = replace(CASE, kind=ChannelKind.FEED)


def note(label: TLP | None = None, source: Any = None) -> dict[str, Any]:
    obj: dict[str, Any] = {"type": "note", "id": "note--1"}
    if label is not None:
        obj["object_marking_refs"] = [label.marking_id]
    if source is not None:
        obj["created_by_ref"] = source
    return obj


def ask(
    obj: dict[str, Any],
    audience: Audience = CASE,
    purpose: Purpose = Purpose.SHARE,
    carrier: TLP | None = None,
) -> Decision:
    return may_share(
        obj, audience, purpose, carrier=carrier, author=GRID, labels=Labels(lambda _id: None)
    )


def test_an_empty_audience_receives_nothing() -> None:
    nobody = replace(CASE, organisations=frozenset())
    assert "the audience is empty" in ask(note(TLP.CLEAR), nobody).reason


def test_what_has_no_label_is_not_shared() -> None:
    assert "no TLP label" in ask(note()).reason


def test_what_contradicts_itself_is_not_shared() -> None:
    obj = note() | {"object_marking_refs": [TLP.GREEN.marking_id, TLP.RED.marking_id]}
    assert "contradict" in ask(obj).reason


def test_what_has_an_unknown_marking_is_not_shared() -> None:
    unknown = "marking-definition--17d82bb2-eeeb-4898-bda5-3ddbcd2b799d"
    obj = note() | {"object_marking_refs": [TLP.CLEAR.marking_id, unknown]}
    assert "is unknown here" in ask(obj).reason


@pytest.mark.parametrize("ceiling", list(TLP))
@pytest.mark.parametrize("label", [TLP.CLEAR, TLP.GREEN, TLP.AMBER, TLP.AMBER_STRICT])
def test_nothing_stricter_than_the_ceiling_is_written(label: TLP, ceiling: TLP) -> None:
    decision = ask(note(label), replace(CASE, ceiling=ceiling))
    assert bool(decision) is (label.rank <= ceiling.rank)
    if not decision:
        assert label.label in decision.reason
        assert ceiling.label in decision.reason


def test_red_goes_into_direct_channels_and_breakouts_only() -> None:
    """Source: coordination protocol, 5 (*breakout*)."""
    for audience in (CASE, COMMUNITY, FEED, replace(COMMUNITY, breakout=True)):
        assert "breakout only" in ask(note(TLP.RED), audience).reason
    for audience in (DIRECT, BREAKOUT):
        assert ask(note(TLP.RED), audience)


def test_a_direct_channel_with_a_third_reader_gets_nothing() -> None:
    crowd = replace(DIRECT, organisations=CASE.organisations)
    assert "two sides" in ask(note(TLP.CLEAR), crowd).reason


@pytest.mark.parametrize("label", list(TLP))
def test_third_party_matter_is_forwarded_only_as_its_label_allows(label: TLP) -> None:
    """Source: coordination protocol, 6 (*No speaking for others*); FIRST TLP 2.0."""
    obj = note(label, ELSEWHERE)
    decision = ask(obj, BREAKOUT)
    assert bool(decision) is (label in {TLP.CLEAR, TLP.GREEN})
    if not decision:
        assert "has not addressed this audience" in decision.reason
    assert ask(obj, BREAKOUT, Purpose.ADDRESSED)


def test_unlabelled_third_party_matter_takes_the_carriers_label() -> None:
    assert ask(note(None, ELSEWHERE), carrier=TLP.GREEN)
    assert not ask(note(None, ELSEWHERE), carrier=TLP.AMBER)


@pytest.mark.parametrize("source", [None, GRID, CHANNEL])
def test_what_is_the_authors_the_channels_or_nobodys_is_no_third_party_matter(source: Any) -> None:
    assert ask(note(TLP.AMBER, source))


def test_a_source_that_is_no_id_is_taken_for_a_third_party() -> None:
    assert not ask(note(TLP.AMBER, ["?"]))


def test_the_members_identities_go_to_all_of_them() -> None:
    """Source: coordination protocol, 5 (entry 0 covers the members' identities)."""
    identity = note(TLP.AMBER, VENDOR) | {"type": "identity", "id": VENDOR}
    assert ask(identity)
    stranger = note(TLP.AMBER, ELSEWHERE) | {"type": "identity", "id": ELSEWHERE}
    assert not ask(stranger)


def test_who_is_invited_may_be_named_by_the_identity_it_wrote_of_itself() -> None:
    invited = note(None, ELSEWHERE) | {"type": "identity", "id": ELSEWHERE}
    assert ask(invited, carrier=TLP.AMBER)


@pytest.mark.parametrize("kind", ["marking-definition", "extension-definition"])
def test_definitions_that_readers_need_are_no_third_party_matter(kind: str) -> None:
    obj: dict[str, Any] = note(None, ELSEWHERE) | {"type": kind, "definition_type": "statement"}
    assert ask(obj, carrier=TLP.AMBER)
    assert ask(dict(MARKINGS[TLP.RED]), carrier=TLP.AMBER)


@pytest.mark.parametrize("label", list(TLP))
def test_later_members_get_clear_and_green_and_what_was_released(label: TLP) -> None:
    """Source: coordination protocol, 5 (*Late joiners*)."""
    open_to_all = label in {TLP.CLEAR, TLP.GREEN}
    assert bool(shown_to_later_members(label, released=False)) is open_to_all
    assert shown_to_later_members(label, released=True)

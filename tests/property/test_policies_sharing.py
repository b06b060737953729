"""Laws of labels and of `may_share`: it fails closed, whatever it is given.

Source: coordination protocol, 5 and 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from policies.acts import ChannelKind
from policies.audience import Audience, Purpose, may_share
from policies.marking import Labels, MarkingError, effective_label, own_label
from policies.pap import own_pap
from policies.tlp import TLP, TLP_BY_MARKING_ID, strictest

ORGANISATIONS = [f"identity--00000000-0000-4000-8000-{n:012d}" for n in range(4)]
STATEMENT = "marking-definition--17d82bb2-eeeb-4898-bda5-3ddbcd2b799d"
UNKNOWN = "marking-definition--27d82bb2-eeeb-4898-bda5-3ddbcd2b799d"

labels = st.sampled_from(TLP)
carriers = st.none() | labels
tlp_ids = st.sampled_from(sorted(TLP_BY_MARKING_ID))
known_ids = tlp_ids | st.just(STATEMENT)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | known_ids,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["marking_ref", "lang", "selectors", "id", "tlp_2_0"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
granular_markings = st.builds(
    lambda ref: {"selectors": ["content"], "marking_ref": ref}, known_ids | st.just(UNKNOWN)
)
objects = st.fixed_dictionaries(
    {"type": st.sampled_from(["note", "identity", "indicator", "extension-definition"])},
    optional={
        "id": st.sampled_from(ORGANISATIONS),
        "created_by_ref": st.sampled_from(ORGANISATIONS) | json_values,
        "object_marking_refs": st.lists(known_ids, min_size=1, max_size=2)
        | st.lists(st.just(UNKNOWN), min_size=1, max_size=1),
        "granular_markings": st.lists(granular_markings, min_size=1, max_size=2),
    },
)
garbage = st.dictionaries(
    st.sampled_from(
        ["type", "id", "created_by_ref", "object_marking_refs", "granular_markings", "extensions"]
    ),
    json_values | st.just("marking-definition"),
)
audiences = st.builds(
    Audience,
    kind=st.sampled_from(ChannelKind),
    owner=st.sampled_from(ORGANISATIONS),
    organisations=st.frozensets(st.sampled_from(ORGANISATIONS)),
    ceiling=labels,
    breakout=st.booleans(),
    identity=st.none() | st.sampled_from(ORGANISATIONS),
)


def find_definition(marking_id: str) -> Mapping[str, Any] | None:
    if marking_id != STATEMENT:
        return None
    return {
        "type": "marking-definition",
        "id": STATEMENT,
        "definition_type": "statement",
        "definition": {"statement": "Copyright"},
    }


def label_of(obj: Mapping[str, Any], carrier: TLP | None) -> TLP | None:
    try:
        return effective_label(obj, carrier, find_definition)
    except MarkingError:
        return None


def marked(obj: Mapping[str, Any]) -> list[str]:
    refs = list(obj.get("object_marking_refs", []))
    return refs + [item["marking_ref"] for item in obj.get("granular_markings", [])]


@given(objects, carriers)
def test_the_effective_label_is_never_weaker_than_any_marking(
    obj: dict[str, Any], carrier: TLP | None
) -> None:
    label = label_of(obj, carrier)
    if label is None:
        return
    for marking_id in marked(obj):
        assert marking_id != UNKNOWN
        if marking_id in TLP_BY_MARKING_ID:
            assert label.allows(TLP_BY_MARKING_ID[marking_id])


@given(objects, labels, labels)
def test_a_stricter_carrier_never_makes_a_weaker_label(
    obj: dict[str, Any], one: TLP, other: TLP
) -> None:
    weaker, stricter = sorted((one, other), key=lambda label: label.rank)
    before, after = label_of(obj, weaker), label_of(obj, stricter)
    assert (before is None) is (after is None)
    if before is not None and after is not None:
        assert after.allows(before)


@given(objects, carriers, granular_markings)
def test_marking_one_more_part_never_makes_a_weaker_label(
    obj: dict[str, Any], carrier: TLP | None, part: dict[str, Any]
) -> None:
    more = obj | {"granular_markings": [*obj.get("granular_markings", []), part]}
    before, after = label_of(obj, carrier), label_of(more, carrier)
    if before is not None and after is not None:
        assert after.allows(before)
    if before is None:
        assert after is None


@given(st.lists(labels), labels)
def test_strictest_is_monotone_and_one_of_them(some: list[TLP], more: TLP) -> None:
    before, after = strictest(some), strictest([*some, more])
    assert after in [*some, more]
    assert after is not None
    assert after.allows(more)
    assert before is None or after.allows(before)


@given(labels, labels, labels)
def test_the_labels_are_in_one_order(one: TLP, two: TLP, three: TLP) -> None:
    assert one.allows(two) or two.allows(one)
    assert not (one.allows(two) and two.allows(one)) or one is two
    assert not (one.allows(two) and two.allows(three)) or one.allows(three)


@given(objects, audiences, st.sampled_from(Purpose), carriers, st.sampled_from(ORGANISATIONS))
def test_what_may_be_shared_breaks_no_rule(
    obj: dict[str, Any], audience: Audience, purpose: Purpose, carrier: TLP | None, author: str
) -> None:
    decision = may_share(
        obj, audience, purpose, carrier=carrier, author=author, labels=Labels(find_definition)
    )
    assert decision.reason
    if not decision:
        return
    label = label_of(obj, carrier)
    assert label is not None
    assert audience.organisations
    assert audience.ceiling.allows(label)
    assert UNKNOWN not in marked(obj)
    if label is TLP.RED:
        breakout = audience.kind is ChannelKind.CASE and audience.breakout
        assert breakout or audience.kind is ChannelKind.DIRECT
    labelled = own_label(obj, find_definition) is not None
    source = obj.get("created_by_ref")
    if labelled and obj["type"] != "identity" and not TLP.GREEN.allows(label):
        assert purpose is Purpose.ADDRESSED or source in (None, author, audience.identity)


@given(objects, audiences, st.sampled_from(Purpose), carriers, labels)
def test_a_wider_ceiling_refuses_nothing_that_a_narrower_takes(
    obj: dict[str, Any], audience: Audience, purpose: Purpose, carrier: TLP | None, ceiling: TLP
) -> None:
    wider = strictest([audience.ceiling, ceiling]) or ceiling
    narrow, wide = (
        may_share(
            obj,
            readers,
            purpose,
            carrier=carrier,
            author=ORGANISATIONS[0],
            labels=Labels(find_definition),
        )
        for readers in (audience, replace(audience, ceiling=wider))
    )
    assert bool(wide) or not narrow


@given(garbage, audiences, st.sampled_from(Purpose), carriers)
def test_garbage_is_answered_never_raised(
    obj: dict[str, Any], audience: Audience, purpose: Purpose, carrier: TLP | None
) -> None:
    decision = may_share(
        obj,
        audience,
        purpose,
        carrier=carrier,
        author=ORGANISATIONS[0],
        labels=Labels(find_definition),
    )
    assert decision.reason
    if obj.get("object_marking_refs", ["?"]) in (None, [], {}, "", 0):
        assert not decision
    own_pap(obj, find_definition)


@given(objects, audiences, st.sampled_from(Purpose), carriers)
def test_nobody_is_an_audience_for_anything(
    obj: dict[str, Any], audience: Audience, purpose: Purpose, carrier: TLP | None
) -> None:
    assert not may_share(
        obj,
        replace(audience, organisations=frozenset()),
        purpose,
        carrier=carrier,
        author=ORGANISATIONS[0],
        labels=Labels(find_definition),
    )

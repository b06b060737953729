"""What “Who will see this?” says is what happens: to those who read now, and to those who join.

Nodes in memory that judge by the real rules and serve by the real scope; before somebody writes,
the preview is asked. Afterwards each organisation has exactly what it said.

Source: coordination protocol, 5 (*Late joiners*), 6 and 14 (over-sharing by mistake).
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from federation.ledgers.channels import audience_of, parties_of
from federation.ledgers.ledger import metadata_label
from policies.acts import LATER_MEMBERS, Act, ChannelKind
from policies.audience import Audience, Purpose, may_share, shown_to_later_members
from policies.marking import Labels
from policies.preview import Inside, Party, Preview, Reads, preview
from policies.tlp import TLP
from sharing.objects import StixObject
from tests.kit.ledger_kit import Organisation
from tests.property.test_who_reads_what import RANDOM, World

PLAIN = Labels(lambda _ref: None)
ORGANISATIONS = [f"identity--00000000-0000-4000-8000-{n:012d}" for n in range(5)]
STANDINGS = ("joined", "invited", "suspended", "left", "removed", "declined", "requested")

notes = st.lists(st.none() | st.sampled_from(TLP), max_size=3)


class Foretold(World):
    """A world in which somebody looks before they write."""

    def foresee(self, by: Organisation, objects: list[StixObject], *, later: bool) -> Preview:
        state = self.owner.state
        assert state is not None
        return preview(
            audience_of(state),
            parties_of(state),
            Act.NOTE_ADDED,
            [one.value for one in objects],
            author=by.id,
            carrier=metadata_label(state.ceiling),
            labels=PLAIN,
            wanted=later,
        )

    def shown(self, who: Organisation, objects: list[StixObject]) -> Reads:
        """Tell how much of it the owner's server shows to somebody."""
        there = {one.sha256 for one in self.owner.shown_to(who.id)}
        found = [one.sha256 in there for one in objects]
        if all(found):
            return Reads.ALL
        return Reads.PART if any(found) else Reads.NOTHING


@RANDOM
@given(st.data(), notes.filter(bool))
def test_whoever_is_said_to_read_it_gets_the_bytes_and_nobody_else_does(
    data: st.DataObject, marked: list[TLP | None]
) -> None:
    world = Foretold(data)
    for _ in range(data.draw(st.integers(0, 15), label="happenings")):
        world.something()
    by = world.one_of(world.joined, "by")
    world.pull(by)
    objects = [by.note(500 + n, tlp=label) for n, label in enumerate(marked)]
    later = data.draw(st.booleans(), label="consent")
    told = world.foresee(by, objects, later=later)
    body: dict[str, Any] = {LATER_MEMBERS: True} if later else {}
    written = world.write(by, Act.NOTE_ADDED, body, objects)
    assert written is (told.refusal is None), told.refusal
    for who in world.people:
        assert told.of(who.id) is world.shown(who, objects), who.name
        if told.of(who.id) is Reads.ALL:
            world.pull(who)
            assert all(world.nodes[who.id].holds(one.sha256) for one in objects), who.name
    if not written:
        return
    away = [one for one in world.people if one not in world.joined]
    foretold = {one.organisation: one.later for one in told.seen}
    for _ in away:
        world.join_or_return()
    for who in away:
        if who in world.joined:
            said = foretold.get(who.id) or told.later
            assert world.shown(who, objects) is said, who.name


@given(
    st.sampled_from(ChannelKind),
    st.booleans(),
    st.sampled_from(TLP),
    st.lists(
        st.builds(
            Party,
            organisation=st.sampled_from(ORGANISATIONS),
            standing=st.sampled_from(STANDINGS),
            without_node=st.booleans(),
            takes=st.none() | st.sampled_from(TLP),
        ),
        unique_by=lambda one: one.organisation,
        max_size=5,
    ),
    st.sampled_from([Act.NOTE_ADDED, Act.INTEL_SHARED, Act.WARNING_ISSUED, Act.RESPONSE_REPORTED]),
    notes,
    st.none() | st.booleans(),
)
def test_it_says_no_more_and_no_less_than_the_rules_that_decide(
    kind: ChannelKind,
    breakout: bool,
    ceiling: TLP,
    parties: list[Party],
    act: Act,
    marked: list[TLP | None],
    wanted: bool | None,
) -> None:
    joined = frozenset(one.organisation for one in parties if one.standing == "joined")
    audience = Audience(kind, ORGANISATIONS[0], joined, ceiling, breakout)
    objects = [
        {"type": "note", "object_marking_refs": [label.marking_id]} if label else {"type": "note"}
        for label in marked
    ]
    told = preview(
        audience,
        parties,
        act,
        objects,
        author=ORGANISATIONS[0],
        carrier=metadata_label(ceiling),
        labels=PLAIN,
        wanted=wanted,
    )
    ruled = [
        may_share(
            obj,
            audience,
            Purpose.SHARE,
            carrier=metadata_label(ceiling),
            author=ORGANISATIONS[0],
            labels=PLAIN,
        )
        for obj in objects
    ]
    assert (told.refusal is None) is all(ruled)
    assert {one.organisation for one in told.seen} == {one.organisation for one in parties}
    for one in parties:
        reads = all(ruled) and one.organisation in joined and not one.without_node
        assert told.of(one.organisation) is (Reads.ALL if reads else Reads.NOTHING)
    for seen in told.seen:
        assert seen.reason
        assert seen.later is None or seen.reads is Reads.NOTHING
    if told.refusal is not None or kind is ChannelKind.DIRECT:
        assert told.later is None
    elif wanted is not None:
        open_ones = [bool(shown_to_later_members(one, released=wanted)) for one in told.labels]
        expected = {True: Reads.ALL, False: Reads.PART if any(open_ones) else Reads.NOTHING}
        assert told.later is expected[all(open_ones)]
    if TLP.RED in told.labels:
        assert told.inside is not Inside.ALL_READERS

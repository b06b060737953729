"""Laws of ledgers: owner and replicas agree, nothing hostile crashes, no byte can be changed."""

from __future__ import annotations

import io
import json
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from federation.archive.verifying import verify_file
from federation.judging.bundles import SignedBundle
from federation.judging.doubt import DoubtError
from federation.judging.facts import MemoryFacts
from federation.judging.judge import judge_entry
from federation.judging.reader import OWNER, Reader
from federation.judging.state import ChannelState
from policies.acts import Act
from policies.errors import InvalidError
from policies.tlp import TLP
from sharing.objects import StixObject
from tests.kit.ledger_kit import VECTORS, LedgerKit, Organisation, grid, resigned, vendor, water

EXPORT: Final = VECTORS["export"]["jsonl"].encode()
SLOW: Final = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # Explaining traces every line, which costs more than all the signatures.
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
QUICK: Final = settings(SLOW, max_examples=100)

WITH_NOTES: Final = (
    Act.NOTE_ADDED,
    Act.EVENT_ADDED,
    Act.INTEL_SHARED,
    Act.OPINION_GIVEN,
    Act.SIGHTING_REPORTED,
)
ABOUT_ONE: Final = (
    Act.MEMBER_SUSPENDED,
    Act.MEMBER_RESUMED,
    Act.MEMBER_REMOVED,
    Act.MEMBER_UNINVITED,
)
ABOUT_OBJECTS: Final = (Act.OBJECT_RECALLED, Act.OBJECT_RELEASED, Act.INTEL_REVOKED)
BARE: Final = (
    Act.MEMBER_LEFT,
    Act.MEMBER_DECLINED,
    Act.HANDOVER_ACCEPTED,
    Act.HANDOVER_DECLINED,
    Act.HANDOVER_WITHDRAWN,
)


class Play:
    """A channel in which anybody tries anything, and its owner takes what the rules take."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.people = [grid(), vendor(), water()]
        self.kit = LedgerKit.opened(*self.people[:2])
        self.everybody = [self.kit.owner, *self.people]
        self.kit.others = self.everybody
        self.notes = 0

    def try_something(self) -> None:
        kit = self.kit
        by = self.data.draw(st.sampled_from(self.everybody), label="by")
        act, body, objects = self._act(by)
        kit.tick()
        heads = len(kit.steps), kit.head
        try:
            if act is Act.CHANNEL_OPENED:
                self._open(by)
            elif by.id == kit.owner.id:
                entry = kit.draft(act, body, objects)
                kit.append(entry, objects, reader=OWNER)
            else:
                bundle = kit.contribution(by, act, body, objects)
                kit.arrive(bundle.stix)
                entry = kit.draft(Act.ADMITTED, admits=bundle)
                kit.append(entry, objects, admits=bundle, reader=OWNER)
        except DoubtError:
            assert heads == (len(kit.steps), kit.head)

    def _open(self, by: Organisation) -> None:
        how = self.data.draw(st.sampled_from(["hand-over", "re-opening"]), label="opened by")
        kit = self.kit
        body = kit.reopening(by, how)
        place = (kit.head.epoch + 1, 0)
        entry = kit.draft(Act.CHANNEL_OPENED, body, by=by, position=place)
        kit.append(entry, reader=OWNER)

    def _act(self, by: Organisation) -> tuple[Act, dict[str, Any], list[StixObject]]:
        draw = self.data.draw
        kinds = st.sampled_from(["note", "one", "objects", "bare", "invite", "join", "other"])
        kind = draw(kinds, label="kind")
        one = draw(st.sampled_from(self.everybody), label="about")
        match kind:
            case "note":
                self.notes += 1
                label = draw(st.sampled_from(TLP), label="label")
                return draw(st.sampled_from(WITH_NOTES)), {}, [by.note(self.notes, tlp=label)]
            case "one":
                return draw(st.sampled_from(ABOUT_ONE)), {"organisation": one.id}, []
            case "objects":
                number = draw(st.integers(1, self.notes + 1), label="note")
                objects = {"objects": [one.note(number).stix_id]}
                return draw(st.sampled_from(ABOUT_OBJECTS)), objects, []
            case "bare":
                return draw(st.sampled_from(BARE)), {}, []
            case "invite":
                return Act.MEMBER_INVITED, self.kit.invitation(one), []
            case "join":
                body = {"role": "responder", "descriptors": by.documents}
                return Act.MEMBER_JOINED, body, []
            case _:
                return self._other(by, one)

    def _other(
        self, by: Organisation, one: Organisation
    ) -> tuple[Act, dict[str, Any], list[StixObject]]:
        acts = [
            (Act.CHANNEL_OPENED, {}),
            (Act.HANDOVER_OFFERED, {"successor": one.id}),
            (Act.COORDINATOR_HANDED_OVER, {"successor": one.id}),
            (Act.CHANNEL_CEILING_CHANGED, {"ceiling": "green"}),
            (Act.CHANNEL_CEILING_CHANGED, {"ceiling": "amber"}),
            (Act.MEMBER_ROLE_CHANGED, {"organisation": one.id, "role": "observer"}),
            (Act.NODE_DESCRIBED, {"descriptors": by.documents}),
        ]
        act, body = self.data.draw(st.sampled_from(acts), label="act")
        return act, dict(body), []


@SLOW
@given(st.data())
def test_owner_and_replica_come_to_the_same_state(data: st.DataObject) -> None:
    play = Play(data)
    for _ in range(data.draw(st.integers(1, 12), label="attempts")):
        play.try_something()
    facts, state = MemoryFacts(), None
    for step in play.kit.steps:
        contribution = step.judged.contribution
        for stix in (*step.objects, *([contribution.stix] if contribution else [])):
            facts.add_object(stix)
        judged = judge_entry(state, step.judged.entry, facts, Reader())
        facts.record(judged)
        state = judged.state
        assert judged.void is None
        assert state == step.judged.state
        assert judged.changes == step.judged.changes
        assert ChannelState.read(json.loads(json.dumps(state.document())), state.chains) == state
    assert facts.recalled == play.kit.facts.recalled
    assert verify_file(io.BytesIO(play.kit.export())).holds


@SLOW
@given(st.data())
def test_each_member_verifies_an_export_without_what_is_withheld_from_it(
    data: st.DataObject,
) -> None:
    play = Play(data)
    for _ in range(data.draw(st.integers(1, 8), label="attempts")):
        play.try_something()
    reader = data.draw(st.sampled_from(play.everybody), label="reader")
    whole = verify_file(io.BytesIO(play.kit.export(for_=reader)))
    gone = data.draw(st.sampled_from(whole.objects), label="left out")
    report = verify_file(io.BytesIO(play.kit.export(for_=reader, leave_out=[gone.ref])))
    assert whole.holds
    assert report.holds == (report.counts["missing"] == 0)
    told = [(one.position, one.standing) for one in report.history]
    assert told == [(one.position, one.standing) for one in whole.history]


JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(max_size=8).filter(lambda text: "\x00" not in text)
    | st.sampled_from(["amber", "responder", "1", "case", VECTORS["contribution"]["sha256"]])
    | st.sampled_from([one["object"]["id"] for one in VECTORS["objects"]]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


@QUICK
@given(st.data())
def test_whatever_an_owner_signs_is_judged_and_nothing_crashes(data: st.DataObject) -> None:
    kit = LedgerKit.opened(grid(), vendor())
    fresh = data.draw(st.booleans(), label="first entry")
    if fresh:
        kit = LedgerKit(kit.owner, kit.others)
        entry = kit.draft(Act.CHANNEL_OPENED, kit.opening(), kit.founding_objects())
        kit.arrive(*kit.founding_objects())
    else:
        act = data.draw(st.sampled_from(Act), label="act")
        entry = kit.draft(act)
    body = dict(entry.body)
    names = st.sampled_from(
        [*body, "organisation", "role", "objects", "descriptors", "successor", "opened_by", "acts"]
    )
    body |= data.draw(st.dictionaries(names, JSON, max_size=3), label="body")
    changed: dict[str, Any] = {"body": body} if body else {}
    place = st.sampled_from(["epoch", "seq", "seen", "contents", "created_by_ref", "channel"])
    changed |= data.draw(st.dictionaries(place, JSON, max_size=1), label="changed")
    try:
        value = resigned(entry, kit.owner.key, **changed)
        stix = StixObject.of(value)
    except InvalidError:
        return
    try:
        judged = kit.judge(SignedBundle.read(stix))
    except DoubtError:
        return
    assert judged.state.head == judged.entry.position


def _free_of_proof() -> set[int]:
    """Give where the header says what nothing can prove: who wrote the file, when, for whom."""
    header = json.loads(EXPORT.splitlines()[0])["header"]
    places: set[int] = set()
    for name in ("at", "by", "for"):
        start = EXPORT.index(f'"{name}":"{header[name]}"'.encode()) + len(name) + 4
        places |= set(range(start, start + len(header[name])))
    return places


FREE: Final = _free_of_proof()


@QUICK
@given(st.integers(0, len(EXPORT) - 1).filter(lambda place: place not in FREE), st.integers(1, 255))
def test_a_changed_byte_is_caught(place: int, change: int) -> None:
    altered = bytearray(EXPORT)
    altered[place] ^= change
    assert not verify_file(io.BytesIO(bytes(altered))).holds


@QUICK
@given(st.integers(0, len(EXPORT) - 1), st.integers(0, len(EXPORT) - 1))
def test_a_stretch_that_was_cut_out_is_caught(one: int, other: int) -> None:
    start, end = sorted((one, other))
    # Whole lines after the ledger can't be missed: nobody promises receipts.
    last = EXPORT.index(b'{"receipt":')
    if start == end or (start == last and end == len(EXPORT)):
        return
    report = verify_file(io.BytesIO(EXPORT[:start] + EXPORT[end:]))
    assert not report.holds or start in FREE


@QUICK
@given(st.binary(max_size=300))
def test_any_bytes_at_all_get_an_answer(data: bytes) -> None:
    assert not verify_file(io.BytesIO(data)).holds
    assert not verify_file(io.BytesIO(b'{"header":' + data)).holds

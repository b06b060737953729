"""An owner that betrays its members shows a crafted ledger over HTTP: wait, void, freeze, ignore.

Each test has a channel of its own, honest up to the member's joining; the nodes are shared.

Source: protocol, 7; wire format, 3; issue 2, acceptance 3.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.wrappers import Response

from federation.identity.keys import PrivateKey
from federation.judging.bundles import SignedBundle
from federation.judging.doubt import PLAIN_WORDS, WHAT_TO_DO, Consequence, Doubt
from federation.ledgers.ledger_records import EvidenceRecord, StagedRecord, Standing
from federation.ledgers.outbox import pending
from hub.channels import history, queries
from hub.channels.member_queries import visible_members
from policies.acts import Act
from policies.errors import ConflictError
from policies.tlp import TLP
from sharing import collections, objects, stix
from sharing.canonical import canonical, sha256_hex
from sharing.collections import CollectionItem
from sharing.objects import StixObject
from tests.kit.hostile_peer import (
    HostileChannel,
    HostilePeer,
    honest,
    item_of,
    kept,
    note_by,
    peers,
    read_all,
    resign,
    signed_in,
)
from tests.kit.ledger_kit import LedgerKit, Organisation, water
from tests.kit.nodes import CONSOLE, Clock, RunningNode, running, settle
from tests.kit.proofs import failures, said_of, verified


@dataclass
class World:
    """An honest member, and an owner and a fellow member that are not."""

    grid: RunningNode
    owner: HostilePeer
    fellow: HostilePeer
    direct: HostileChannel
    browser: FlaskClient

    def joined(self, *others: Organisation) -> HostileChannel:
        """Open a case that the honest node has joined; others are in it from the start."""
        case = HostileChannel.opened(self.owner, *others)
        case.invite(self.grid, self.direct)
        self.owner.ring(self.grid, self.direct.id)
        settle(self.grid)
        self.grid.join(case.id)
        settle(self.grid)
        case.admit_posted()
        self.hears(case)
        assert self.standing(case) is Standing.CURRENT
        assert self.grid.channel(case.id).head_sha256 == case.kit.head.sha256
        return case

    def hears(self, case: HostileChannel) -> None:
        """Have the member pull, as after a bell."""
        self.owner.ring(self.grid, case.id)
        settle(self.grid)

    def standing(self, case: HostileChannel) -> Standing:
        return self.grid.channel(case.id).standing

    def page(self, path: str) -> str:
        answer = self.browser.get(path)
        assert answer.status_code == HTTPStatus.OK, answer.text
        return " ".join(answer.text.replace("&#39;", "'").split())

    def evidence(self, case: HostileChannel) -> list[EvidenceRecord]:
        with self.grid.reading() as session:
            query = select(EvidenceRecord).where(EvidenceRecord.channel == case.id)
            rows = list(session.scalars(query.order_by(EvidenceRecord.id)))
            session.expunge_all()
            return rows


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("owner")
    with running(folder, "Grid") as (grid,), peers(grid.now, "Mallory", "Trudy") as (one, other):
        one.pair(grid)
        direct = HostileChannel.opened(one, honest(grid), kind="direct")
        settle(grid)
        yield World(grid, one, other, direct, signed_in(grid))


Betrayal = Callable[[World, HostileChannel], list[object]]
"""What the owner shows next, entry last."""


# Freeze.


def with_a_body_of_no_act(_: World, case: HostileChannel) -> list[object]:
    return [case.kit.draft(Act.NOTE_ADDED, {"text": "free"})]


def dated_before_its_predecessor(_: World, case: HostileChannel) -> list[object]:
    return [case.kit.draft(Act.NOTE_ADDED, now=case.kit.now - timedelta(hours=1))]


def admitting_nothing(_: World, case: HostileChannel) -> list[object]:
    return [case.kit.draft(Act.ADMITTED)]


def without_the_form_of_a_bundle(_: World, case: HostileChannel) -> list[object]:
    return [{**case.kit.draft(Act.NOTE_ADDED).stix.value, "protocol": "0"}]


def without_the_form_of_stix(_: World, case: HostileChannel) -> list[object]:
    value = dict(case.kit.draft(Act.NOTE_ADDED).stix.value)
    return [{**value, "created": "now", "modified": "now"}]


def longer_than_a_bundle_may_be(_: World, case: HostileChannel) -> list[object]:
    value = dict(case.kit.draft(Act.NOTE_ADDED).stix.value)
    return [{**value, "x_padding": "x" * (4 * 1024 * 1024)}]


def with_an_altered_word(_: World, case: HostileChannel) -> list[object]:
    value = dict(case.kit.draft(Act.NOTE_ADDED).stix.value)
    return [{**value, "act": "opinion.given"}]


def signed_by_a_revoked_key(_: World, case: HostileChannel) -> list[object]:
    owner = Organisation("revoking", 90, "Revoking")
    owner.chain, owner.keys = list(case.peer.chain), list(case.peer.keys)
    owner.recovery, owner.transport = case.peer.recovery, case.peer.transport
    descriptor = owner.revoke(owner.key, case.kit.now)
    case.kit.write(Act.NODE_DESCRIBED, {"descriptors": [dict(descriptor.jws)]}, key=owner.keys[-1])
    case.key = owner.keys[-1]
    case.publish()
    return [case.kit.draft(Act.NOTE_ADDED)]


def written_by_a_member(world: World, case: HostileChannel) -> list[object]:
    return [case.kit.draft(Act.NOTE_ADDED, by=world.fellow)]


def opened_by_nobody_s_leave(world: World, case: HostileChannel) -> list[object]:
    body = case.kit.reopening(world.fellow, "hand-over", round=0)
    place = (case.kit.head.epoch + 1, 0)
    return [case.kit.draft(Act.CHANNEL_OPENED, body, by=world.fellow, position=place)]


def of_another_channel(_: World, case: HostileChannel) -> list[object]:
    return [case.kit.draft(Act.NOTE_ADDED, channel="00000000-0000-4000-8000-00000000ffff")]


def admitting_what_was_made_elsewhere(world: World, case: HostileChannel) -> list[object]:
    elsewhere = "00000000-0000-4000-8000-00000000ffff"
    made = case.kit.contribution(world.fellow, Act.NOTE_ADDED, channel=elsewhere)
    return [made, case.kit.draft(Act.ADMITTED, admits=made)]


def beside_the_head(_: World, case: HostileChannel) -> list[object]:
    note = case.note("the other history")
    before = case.kit.steps[-1].judged.entry
    entry = case.kit.draft(Act.NOTE_ADDED, {}, [note], position=before.place, seen=before.seen)
    return [note, entry]


def after_another_head(_: World, case: HostileChannel) -> list[object]:
    seen = replace(case.kit.head, sha256="1" * 64)
    return [case.kit.draft(Act.NOTE_ADDED, seen=seen)]


def admitting_who_has_left(world: World, case: HostileChannel) -> list[object]:
    case.kit.contribute(world.fellow, Act.MEMBER_LEFT)
    case.publish()
    made = case.kit.contribution(world.fellow, Act.NOTE_ADDED)
    return [made, case.kit.draft(Act.ADMITTED, admits=made)]


def admitting_what_is_history(world: World, case: HostileChannel) -> list[object]:
    judged = case.kit.contribute(world.fellow, Act.NOTE_ADDED)
    case.publish()
    assert judged.contribution is not None
    return [case.kit.draft(Act.ADMITTED, admits=judged.contribution)]


def admitting_what_was_replaced(world: World, case: HostileChannel) -> list[object]:
    older = case.kit.contribution(world.fellow, Act.NOTE_ADDED)
    case.kit.contribute(world.fellow, Act.NOTE_ADDED)
    case.publish()
    return [older, case.kit.draft(Act.ADMITTED, admits=older)]


def under_tables_that_nobody_knows(_: World, case: HostileChannel) -> list[object]:
    body = case.kit.reopening(case.peer, "re-opening", round=0, acts="99")
    place = (case.kit.head.epoch + 1, 0)
    return [case.kit.draft(Act.CHANNEL_OPENED, body, position=place)]


FREEZES: list[tuple[Doubt, Betrayal]] = [
    (Doubt.MALFORMED, with_a_body_of_no_act),
    (Doubt.MALFORMED, dated_before_its_predecessor),
    (Doubt.MALFORMED, admitting_nothing),
    (Doubt.MALFORMED, without_the_form_of_a_bundle),
    (Doubt.MALFORMED, without_the_form_of_stix),
    (Doubt.TOO_LARGE, longer_than_a_bundle_may_be),
    (Doubt.BAD_SIGNATURE, with_an_altered_word),
    (Doubt.REVOKED_KEY, signed_by_a_revoked_key),
    (Doubt.NOT_OWNER, written_by_a_member),
    (Doubt.NOT_OWNER, opened_by_nobody_s_leave),
    (Doubt.FOREIGN_CHANNEL, of_another_channel),
    (Doubt.FOREIGN_CHANNEL, admitting_what_was_made_elsewhere),
    (Doubt.FORK, beside_the_head),
    (Doubt.FORK, after_another_head),
    (Doubt.NOT_MEMBER, admitting_who_has_left),
    (Doubt.SUPERSEDED, admitting_what_is_history),
    (Doubt.SUPERSEDED, admitting_what_was_replaced),
    (Doubt.UNKNOWN_ACT, under_tables_that_nobody_knows),
]


UNSIGNED = {
    without_the_form_of_a_bundle,
    without_the_form_of_stix,
    longer_than_a_bundle_may_be,
    with_an_altered_word,
    of_another_channel,
}
"""What no key of this ledger signed for this channel: it proves nothing to anybody else."""


@pytest.mark.parametrize(
    ("doubt", "betrayal"), FREEZES, ids=[f"{d.value}-{b.__name__}" for d, b in FREEZES]
)
def test_what_proves_a_betrayal_freezes_the_channel(
    world: World, doubt: Doubt, betrayal: Betrayal
) -> None:
    case = world.joined(world.fellow)
    *beside, entry = betrayal(world, case)
    world.hears(case)
    before = world.grid.channel(case.id)
    shown = case.note("what stood beside it")
    world.owner.show(case.id, *beside, shown, entry)
    world.hears(case)
    record = world.grid.channel(case.id)
    assert (record.standing, record.doubt) == (Standing.FROZEN, doubt), record.sentence
    assert record.head_sha256 == before.head_sha256
    # The evidence is kept as it came.
    (evidence,) = world.evidence(case)
    assert evidence.doubt == doubt
    assert evidence.content == canonical(json.loads(text_of(entry)))
    assert evidence.sha256 == sha256_hex(evidence.content)
    # Nothing more is applied, whatever comes.
    case.kit.write(Act.NOTE_ADDED, {}, [case.note("as if nothing had been")], key=case.key)
    case.publish()
    world.hears(case)
    assert world.grid.channel(case.id).head_sha256 == before.head_sha256
    assert_shown_frozen(world, case, doubt)
    with pytest.raises(ConflictError, match="frozen"):
        world.grid.note(case.id, "into the dark")
    with world.grid.reading() as session:
        assert pending(session, case.id) == []
    # An auditor with nothing but the file finds the same name, where somebody signed what froze it.
    report = verified(world.grid, case.id)
    assert failures(report) == ([] if betrayal in UNSIGNED else [doubt.value])
    assert report["head"]["sha256"] == before.head_sha256


def assert_shown_frozen(world: World, case: HostileChannel, doubt: Doubt) -> None:
    """A person sees that it is frozen, why in plain words, and what to do."""
    with world.grid.reading() as session:
        verification = queries.visible_verification(session, CONSOLE, case.id)
    assert verification.standing is Standing.FROZEN
    assert verification.what_it_means == PLAIN_WORDS[doubt]
    outdated = doubt is Doubt.UNKNOWN_ACT
    assert verification.way_out == (
        queries.WHEN_OUTDATED if outdated else WHAT_TO_DO[Consequence.FREEZE]
    )
    page = world.page(f"/channels/{case.id}")
    assert "This channel is frozen here." in page
    assert PLAIN_WORDS[doubt] in page
    assert "Call the other members" in page
    assert "Try again" in page
    assert "Write a note" not in page
    today = world.page("/")
    assert f'/channels/{case.id}"' in today
    assert "is frozen here" in today


def text_of(one: object) -> bytes:
    if isinstance(one, SignedBundle):
        return one.stix.content
    return one.content if isinstance(one, StixObject) else json.dumps(one).encode()


# Wait.


def test_a_skipped_entry_is_waited_for_and_people_are_told_after_ten_minutes(world: World) -> None:
    case = world.joined()
    case.kit.write(Act.NOTE_ADDED, {}, [case.note("held back")])
    case.kit.write(Act.NOTE_ADDED, {}, [case.note("shown")])
    held, shown = case.kit.steps[-2:]
    world.owner.show(case.id, *shown.objects, shown.judged.entry)
    world.hears(case)
    assert f'/channels/{case.id}"' not in world.page("/").partition("News")[0]
    assert_waits(world, case, Doubt.GAP)
    world.grid.now.advance(minutes=1)  # type: ignore[attr-defined]
    today = world.page("/").partition("News")[0]
    assert f'/channels/{case.id}"' in today
    assert "is incomplete here" in today
    # The file that such an owner would write says so by name, whoever reads it.
    both = case.kit.steps[:]
    case.kit.steps.remove(held)
    assert failures(said_of(case.kit.export())) == ["gap"]
    case.kit.steps[:] = both
    world.owner.show(case.id, *held.objects, held.judged.entry)
    world.hears(case)
    assert_healed(world, case)


def test_an_object_that_is_held_back_is_asked_for_and_heals(world: World) -> None:
    case = world.joined()
    note = case.note("held back")
    case.kit.write(Act.NOTE_ADDED, {}, [note])
    world.owner.asked.clear()
    world.owner.show(case.id, case.kit.steps[-1].judged.entry)
    world.hears(case)
    assert_waits(world, case, Doubt.MISSING_OBJECT)
    assert any("match%5Bid%5D" in one or "match[id]" in one for one in world.owner.asked)
    withheld = case.kit.export(for_=honest(world.grid), leave_out=[note.stix_id])
    assert failures(said_of(withheld)) == ["missing_object"]
    world.owner.show(case.id, note)
    world.hears(case)
    assert_healed(world, case)


def test_a_contribution_that_is_held_back_is_asked_for_and_heals(world: World) -> None:
    case = world.joined(world.fellow)
    judged = case.kit.contribute(world.fellow, Act.NOTE_ADDED)
    world.owner.show(case.id, judged.entry)
    world.hears(case)
    assert_waits(world, case, Doubt.MISSING_OBJECT)
    world.owner.show(case.id, judged.contribution)
    world.hears(case)
    assert_healed(world, case)


def test_an_object_that_is_not_what_was_signed_is_asked_for_again_and_heals(world: World) -> None:
    case = world.joined()
    note = case.note("as it was signed")
    case.kit.write(Act.NOTE_ADDED, {}, [note])
    world.owner.show(case.id, {**note.value, "content": "as it is shown"})
    wrong = case.shelf.objects[-1]
    world.owner.show(case.id, case.kit.steps[-1].judged.entry)
    world.hears(case)
    assert_waits(world, case, Doubt.HASH_MISMATCH)
    case.shelf.objects.remove(wrong)
    world.owner.show(case.id, note)
    world.hears(case)
    assert_healed(world, case)
    with world.grid.reading() as session:
        assert objects.find(session, sha256_hex(wrong[1])) is None


def test_an_entry_under_a_key_that_nobody_described_waits_and_heals(world: World) -> None:
    case = world.joined()
    right = case.kit.draft(Act.NOTE_ADDED)
    world.owner.show(case.id, resign(right, PrivateKey.generate()))
    wrong = case.shelf.objects[-1]
    world.hears(case)
    assert_waits(world, case, Doubt.UNKNOWN_KEY)
    case.shelf.objects.remove(wrong)
    case.kit.append(right)
    world.owner.show(case.id, right)
    world.hears(case)
    assert_healed(world, case)
    case.shown = len(case.kit.steps)
    case.kit.write(Act.NOTE_ADDED, {}, [case.note("and on")])
    case.publish()
    world.hears(case)
    assert_healed(world, case)


def test_admitting_somebody_whom_nobody_knows_waits_for_its_keys(world: World) -> None:
    case = world.joined()
    stranger = water()
    made = case.kit.contribution(stranger, Act.NOTE_ADDED)
    entry = case.kit.draft(Act.ADMITTED, admits=made)
    world.owner.show(case.id, made, entry)
    world.hears(case)
    assert_waits(world, case, Doubt.UNKNOWN_KEY)


def assert_waits(world: World, case: HostileChannel, doubt: Doubt) -> None:
    record = world.grid.channel(case.id)
    assert (record.standing, record.doubt) == (Standing.WAITING, doubt), record.sentence
    assert record.sentence
    assert record.doubted_at is not None
    with world.grid.reading() as session:
        verification = queries.visible_verification(session, CONSOLE, case.id)
    assert verification.what_it_means == PLAIN_WORDS[doubt]
    assert verification.way_out == WHAT_TO_DO[Consequence.WAIT]
    # It mostly comes by itself: the page says so once it has not.
    assert isinstance(world.grid.now, Clock)
    world.grid.now.advance(minutes=10)
    page = world.page(f"/channels/{case.id}")
    assert "Something of this channel is missing." in page
    assert "The node pulls again by itself." in page
    assert world.evidence(case) == []
    # What the member has is whole, and says how far it goes.
    report = verified(world.grid, case.id)
    assert failures(report) == []
    assert report["head"]["sha256"] == record.head_sha256


def assert_healed(world: World, case: HostileChannel) -> None:
    record = world.grid.channel(case.id)
    assert (record.standing, record.doubt) == (Standing.CURRENT, None), record.sentence
    assert world.grid.state(case.id) == case.kit.state
    with world.grid.reading() as session:
        query = select(StagedRecord.sha256).where(StagedRecord.channel == case.id)
        assert session.scalars(query).all() == []


# Void.


def above_the_ceiling(_: World, case: HostileChannel) -> list[StixObject]:
    source = stix.new_id("identity")
    return [note_by(source, case.id, "red", case.kit.now, TLP.RED)]


def in_the_name_of_a_member(world: World, case: HostileChannel) -> list[StixObject]:
    author = world.grid.organisation
    return [note_by(author, case.id, "we never said that", case.kit.now)]


def in_other_words_than_before(_: World, case: HostileChannel) -> list[StixObject]:
    note = case.note("said")
    case.kit.write(Act.NOTE_ADDED, {}, [note])
    return [StixObject.of({**note.value, "content": "never said"})]


def after_its_recall(_: World, case: HostileChannel) -> list[StixObject]:
    note = case.note("recalled")
    case.kit.write(Act.NOTE_ADDED, {}, [note])
    case.kit.write(Act.OBJECT_RECALLED, {"objects": [note.stix_id]})
    return [note]


VOIDS = [
    (Doubt.TLP_VIOLATION, above_the_ceiling),
    (Doubt.IMPERSONATION, in_the_name_of_a_member),
    (Doubt.CONFLICTING_OBJECT, in_other_words_than_before),
    (Doubt.RECALLED, after_its_recall),
]


@pytest.mark.parametrize(("doubt", "written"), VOIDS, ids=[doubt.value for doubt, _ in VOIDS])
@pytest.mark.parametrize("by_fellow", [False, True], ids=["entry", "admitted"])
def test_what_may_not_stand_keeps_its_place_and_has_no_effect(
    world: World,
    doubt: Doubt,
    written: Callable[[World, HostileChannel], list[StixObject]],
    by_fellow: bool,
) -> None:
    case = world.joined(world.fellow)
    listed = written(world, case)
    if by_fellow and doubt is Doubt.IMPERSONATION:
        listed = [note_by(world.owner.id, case.id, "the owner never said that", case.kit.now)]
    if by_fellow:
        judged = case.kit.contribute(world.fellow, Act.NOTE_ADDED, {}, listed)
    else:
        judged = case.kit.write(Act.NOTE_ADDED, {}, listed)
    assert judged.void is not None, "the kit has made it so"
    case.kit.write(Act.NOTE_ADDED, {}, [case.note("the next one counts")])
    case.publish()
    world.hears(case)
    assert_healed(world, case)
    assert_void(world, case, judged.entry, doubt)
    for one in listed:
        with world.grid.reading() as session:
            assert objects.find(session, one.sha256) is None
    served = read_all(world.grid, world.fellow, case.id)
    assert judged.entry.stix.value in served
    assert not [one for one in served if StixObject.of(one).sha256 in {x.sha256 for x in listed}]
    assert "the next one counts" in json.dumps(served)


def test_an_act_that_is_not_open_changes_no_view(world: World) -> None:
    case = world.joined(world.fellow)
    with world.grid.reading() as session:
        us, now = world.grid.organisation, world.grid.now()
        before = visible_members(session, CONSOLE, case.id, us=us, now=now)
    own = {"organisation": world.owner.id}
    judged = case.kit.write(Act.MEMBER_REMOVED, own)
    assert judged.void is not None
    case.publish()
    world.hears(case)
    assert_healed(world, case)
    assert_void(world, case, judged.entry, Doubt.NOT_PERMITTED)
    with world.grid.reading() as session:
        after = visible_members(session, CONSOLE, case.id, us=us, now=now)
    assert after == before


def assert_void(world: World, case: HostileChannel, entry: SignedBundle, doubt: Doubt) -> None:
    """It is shown in its place, with the reason: on the page, in the queries, by the API."""
    with world.grid.reading() as session:
        rows = history.visible_entries(session, CONSOLE, case.id)
        voids = queries.visible_verification(session, CONSOLE, case.id).voids
    (row,) = (row for row in rows if (row.epoch, row.seq) == entry.place)
    assert row.void == doubt
    assert row.void_sentence
    assert row.items == ()
    assert voids == 1
    page = world.page(f"/channels/{case.id}")
    assert "Without effect:" in page
    answer = world.browser.get(f"/api/v1/channels/{case.id}/entries")
    assert answer.status_code == HTTPStatus.OK, answer.text
    assert f'"{doubt}"' in answer.text
    assert world.evidence(case) == []
    report = verified(world.grid, case.id)
    (line,) = (one for one in report["history"] if (one["epoch"], one["seq"]) == entry.place)
    if doubt is Doubt.IMPERSONATION:
        # Whose name an object takes stands in the object, which nobody keeps (decision 2).
        assert failures(report) == ["missing_object"]
        return
    assert failures(report) == []
    assert line["standing"].startswith(f"void: {doubt}: ")


def test_an_act_that_this_node_does_not_know_is_kept_and_shown(world: World) -> None:
    case = world.joined()
    case.kit.write("moon.landed")
    case.publish()
    world.hears(case)
    assert_healed(world, case)
    page = world.page(f"/channels/{case.id}")
    assert "This node is older than the act." in page
    assert "moon.landed" in page


# Ignore.


def handed_over(case: HostileChannel, successor: Organisation) -> None:
    case.kit.write(Act.HANDOVER_OFFERED, {"successor": successor.id})
    case.kit.contribute(successor, Act.HANDOVER_ACCEPTED)
    case.kit.write(Act.COORDINATOR_HANDED_OVER, {"successor": successor.id})


def test_what_an_owner_writes_after_handing_over_is_kept_as_evidence_alone(world: World) -> None:
    case = world.joined(world.fellow)
    handed_over(case, world.fellow)
    case.publish()
    late = case.kit.draft(Act.NOTE_ADDED)
    world.owner.show(case.id, late)
    case.kit.reopen(world.fellow, "hand-over", round=0)
    opening = case.kit.steps[-1].judged.entry
    world.fellow.show(case.id, *(text for _, text in case.shelf.objects[:-1]), opening)
    world.fellow.shelves[case.id].head = case.kit.head
    world.hears(case)
    settle(world.grid)
    assert_healed(world, case)
    assert world.grid.channel(case.id).owner == world.fellow.id
    (evidence,) = world.evidence(case)
    assert (evidence.doubt, evidence.content) == (Doubt.STALE_EPOCH, late.stix.content)
    assert "frozen" not in world.page(f"/channels/{case.id}")


def test_an_old_owner_does_not_hold_up_its_successor(world: World) -> None:
    case = world.joined()
    case.kit.write(Act.HANDOVER_OFFERED, {"successor": world.grid.organisation})
    case.publish()
    world.hears(case)
    world.grid.write(case.id, Act.HANDOVER_ACCEPTED)
    settle(world.grid)
    case.admit_posted()
    case.kit.write(Act.COORDINATOR_HANDED_OVER, {"successor": world.grid.organisation})
    case.publish()
    world.owner.show(case.id, case.kit.draft(Act.NOTE_ADDED))
    world.hears(case)
    record = world.grid.channel(case.id)
    assert (record.is_ours, record.standing, record.doubt) == (True, Standing.CURRENT, None)
    world.grid.note(case.id, "we go on")
    assert world.grid.channel(case.id).seq == 1
    (evidence,) = world.evidence(case)
    assert evidence.doubt == Doubt.STALE_EPOCH


# What is no ledger at all.


@pytest.mark.parametrize(
    "page",
    [
        b"{",
        b'{"objects":{}}',
        b'{"objects":[],"objects":[]}',
        b'{"objects":[' + b"[" * 100 + b"]" * 100 + b"]}",
        b'{"objects":["\xff"]}',
        b'{"objects":[{"type":"note"}],"more":true}',
        b'{"objects":[null,1,"x",[]]}',
    ],
    ids=["cut", "no list", "twice", "deep", "not utf-8", "no way on", "no objects"],
)
def test_a_page_that_is_none_changes_nothing_and_is_asked_for_again(
    world: World, page: bytes
) -> None:
    case = world.direct
    before = kept(world.grid)["ledger_entry"]
    case.shelf.page = Response(page, content_type="application/taxii+json;version=2.1")
    try:
        world.hears(case)
        assert world.standing(case) is Standing.CURRENT
        assert kept(world.grid)["ledger_entry"] == before
    finally:
        case.shelf.page = None
    case.kit.write(Act.NOTE_ADDED, {}, [case.note("and well again")])
    case.publish()
    world.hears(case)
    assert_healed(world, case)


def test_an_unasked_channel_and_another_first_entry_are_not_taken(world: World) -> None:
    unasked = HostileChannel.opened(world.owner, honest(world.grid))
    world.grid.now.advance(minutes=6)  # type: ignore[attr-defined]
    settle(world.grid)
    assert world.standing(unasked) is Standing.ENDED
    assert unasked.id not in world.page("/channels")
    case = HostileChannel.opened(world.owner)
    case.invite(world.grid, world.direct)
    other = HostileChannel(world.owner, LedgerKit(world.owner, channel=case.id, now=case.kit.now))
    other.kit.write(Act.CHANNEL_OPENED, other.kit.opening(), other.kit.founding_objects())
    case.shelf.objects.clear()
    other.publish()
    world.hears(world.direct)
    world.grid.join(case.id)
    settle(world.grid)
    record = world.grid.channel(case.id)
    assert (record.standing, record.doubt) == (Standing.FROZEN, Doubt.FORK)
    assert record.head_sha256 is None


def test_nobody_gets_our_objects_of_another_channel_by_naming_their_hash(world: World) -> None:
    own = world.grid.open("Ours alone")
    identity = world.grid.state(own).identity
    secret = stix.note(
        "what the owner must not read",
        about=[identity],
        created_by=stix.new_id("identity"),
        now=world.grid.now(),
        marking=TLP.AMBER,
    )
    with world.grid.writing() as session:
        now = world.grid.now()
        collections.append(session, own, [CollectionItem(secret, TLP.AMBER)], now)
    case = world.joined(world.fellow)
    entry = case.kit.draft(Act.NOTE_ADDED, contents=[item_of(secret)])
    world.owner.show(case.id, entry)
    world.hears(case)
    assert_waits(world, case, Doubt.MISSING_OBJECT)
    for peer in (world.owner, world.fellow):
        assert secret.stix_id not in json.dumps(read_all(world.grid, peer, case.id))


@dataclass
class Invented(Organisation):
    """Keys that an owner has made up for somebody else."""

    other: Organisation = field(kw_only=True)

    @property
    def id(self) -> str:
        return self.other.id

    @property
    def identity(self) -> StixObject:
        return self.other.identity


def test_an_owner_that_invents_our_keys_is_frozen_with_the_evidence(world: World) -> None:
    us = Invented("made up for us", 0, "Grid", other=honest(world.grid))
    false = HostileChannel.opened(world.owner, us, kind="direct")
    world.hears(false)
    assert world.standing(false) is Standing.FROZEN
    (kept_entry,) = world.evidence(false)
    assert kept_entry.doubt == Doubt.FORK.value
    assert "by a recovery key that is not ours" in kept_entry.sentence
    assert StixObject.read(kept_entry.content).sha256 == false.kit.steps[0].judged.entry.stix.sha256
    assert "by a recovery key that is not ours" in world.page(f"/channels/{false.id}")
    # Who vouches for the true recovery key finds that this file has it not.
    true = honest(world.grid).chain[0].recovery.thumbprint
    assert failures(said_of(false.kit.export(), pins=(true,))) == ["unknown_key"]


def test_keys_that_an_owner_invents_for_a_partner_of_ours_are_shown_as_such(world: World) -> None:
    world.fellow.pair(world.grid)
    settle(world.grid)
    made_up = Invented("made up for another", 0, "Trudy", other=world.fellow)
    case = world.joined(made_up)
    shown = world.page(f"/channels/{case.id}")
    assert "other recovery key" in shown
    assert "another recovery key than the one that you confirmed" in shown
    # The ledger itself holds: whether we believe it is for people to say.
    assert world.standing(case) is Standing.CURRENT
    assert failures(verified(world.grid, case.id)) == []
    pins = (world.fellow.chain[0].recovery.thumbprint,)
    assert failures(verified(world.grid, case.id, pins=pins)) == ["unknown_key"]

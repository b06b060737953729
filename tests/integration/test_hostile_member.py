"""A member that is properly paired posts what it must not: every failure, by name, over HTTP.

Whatever it posts, the owner answers with the failure's name and a sentence, and keeps nothing.

Source: protocol, 7 and 8; wire format, 3; issue 2, acceptance 3.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest

from federation.identity.descriptor import KeyUse, NodeKey
from federation.identity.descriptor_making import next_descriptor
from federation.identity.keys import PrivateKey, Typ
from federation.judging.bundles import Item, Position, SignedBundle
from federation.judging.doubt import Doubt
from federation.ledgers.ledger import head_of
from federation.ledgers.ledger_records import Standing
from hub.channels import queries
from policies.acts import Act
from policies.tlp import TLP
from sharing import collections, stix
from sharing.canonical import OBJECT_LIMIT_BYTES, write_time
from sharing.collections import CollectionItem
from sharing.objects import StixObject, find
from tests.kit.hostile_peer import (
    HostilePeer,
    honest,
    item_of,
    kept,
    note_by,
    peers,
    read_all,
    resign,
)
from tests.kit.nodes import CONSOLE, RunningNode, running, settle
from tests.kit.proofs import failures, told, verified


@dataclass
class World:
    """A case of an honest CERT, an honest member, and one that is not."""

    cert: RunningNode
    grid: RunningNode
    mallory: HostilePeer
    case: str
    numbers: dict[str, int] = field(default_factory=dict)
    told: StixObject | None = None
    """A note of the hostile member's that is history."""
    recalled: StixObject | None = None

    def seen(self, channel: str | None = None) -> Position:
        head = head_of(self.cert.channel(channel or self.case))
        assert head is not None
        return head

    def note(self, text: str = "n", **more: Any) -> StixObject:
        author = more.pop("author", self.mallory.id)
        return note_by(author, more.pop("channel", self.case), text, self.cert.now(), **more)

    def bundle(
        self,
        *objects: StixObject,
        act: str = Act.NOTE_ADDED,
        body: dict[str, Any] | None = None,
        into: str | None = None,
        **changed: Any,
    ) -> SignedBundle:
        """Sign the member's next contribution, otherwise than an honest one where said."""
        into = into or self.case
        given = {"nth": self.numbers.get(into, 0) + 1, "seen": self.seen(into), **changed}
        channel = given.pop("channel", into)
        return self.mallory.contribution(channel, act, body or {}, objects, **given)

    def admitted(self, *objects: StixObject, **given: Any) -> SignedBundle:
        """Contribute something honest."""
        into = given.get("into") or self.case
        bundle = self.bundle(*objects, **given)
        assert self.refusal(into, *objects, bundle) == ""
        self.numbers[into] = bundle.nth or 0
        return bundle

    def refusal(self, channel: str, *objects: object) -> str:
        """Post an envelope; give the one failure that its status names for all of it."""
        answer = self.mallory.post(self.cert, channel, objects)
        assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
        status = answer.json()
        assert status["status"] == "complete"
        assert status["total_count"] == len(objects)
        assert len({failure["message"] for failure in status.get("failures", [])}) <= 1
        assert status["failure_count"] in (0, len(objects)), "all or nothing"
        failures = status.get("failures", [])
        return str(failures[0]["message"]) if failures else ""

    def open(self, *members: RunningNode) -> str:
        """Open a case that the hostile member joins as it should."""
        case = self.cert.open("Case")
        self.cert.invite(case, self.mallory)  # type: ignore[arg-type]
        for member in members:
            self.cert.invite(case, member)
        settle(self.cert, *members)
        for member in members:
            member.join(case)
        settle(self.cert, *members)
        identity = self.mallory.identity
        joining = {"role": "affected", "descriptors": self.mallory.documents}
        self.admitted(identity, act=Act.MEMBER_JOINED, body=joining, into=case)
        return case


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("member")
    with running(folder, "CERT", "Grid") as (cert, grid), peers(cert.now, "Mallory") as (mallory,):
        mallory.pair(cert)
        made = World(cert, grid, mallory, "")
        made.case = made.open(grid)
        made.told = made.note("An honest word.")
        made.admitted(made.told)
        made.recalled = made.note("Names a person.")
        made.admitted(made.recalled)
        ids = {"objects": [made.recalled.stix_id]}
        made.admitted(act=Act.OBJECT_RECALLED, body=ids)
        settle(cert, grid)
        yield made


Crafted = Callable[[World], list[object]]


def with_unknown_key(world: World) -> list[object]:
    return [world.bundle(key=PrivateKey.generate())]


def with_transport_key(world: World) -> list[object]:
    return [world.bundle(key=world.mallory.transport)]


def altered(world: World) -> list[object]:
    return [{**world.bundle().stix.value, "nth": 99}]


def with_the_signature_of_a_bell(world: World) -> list[object]:
    value = dict(world.bundle().stix.value)
    del value["signature"]
    payload = SignedBundle.read(StixObject.of({**value, "signature": "e30..e30"})).payload
    value["signature"] = world.mallory.key.sign_detached(payload, Typ.RECEIPT)
    return [value]


def with_the_signature_of_another(world: World) -> list[object]:
    other = world.bundle(nth=77).signature
    return [{**world.bundle().stix.value, "signature": other}]


def with_a_body_of_no_act(world: World) -> list[object]:
    return [world.bundle(body={"text": "free text has no place here"})]


def with_a_wrong_extension(world: World) -> list[object]:
    return [{**world.bundle().stix.value, "extensions": {}}]


def with_one_version_twice(world: World) -> list[object]:
    note = world.note()
    value = dict(world.bundle(note).stix.value)
    value["contents"] = [*value["contents"], *value["contents"]]
    return [note, value]


def without_a_bundle(world: World) -> list[object]:
    return [world.note()]


def with_the_bundle_first(world: World) -> list[object]:
    note = world.note()
    return [world.bundle(note), note]


def in_the_name_of_a_member(world: World) -> list[object]:
    return [world.bundle(author=world.grid.organisation)]


def with_what_stix_reserves(world: World) -> list[object]:
    note = world.note(severity="high")
    return [note, world.bundle(note)]


def from_the_future(world: World) -> list[object]:
    note = note_by(world.mallory.id, world.case, "x", world.cert.now() + timedelta(hours=1))
    return [note, world.bundle(note)]


def as_an_owner(world: World) -> list[object]:
    head = world.seen()
    entry = resign(world.bundle(), world.mallory.key, nth=None, epoch=head.epoch, seq=head.seq + 1)
    return [entry]


def as_an_owner_of_the_next_epoch(world: World) -> list[object]:
    entry = resign(world.bundle(), world.mallory.key, nth=None, epoch=2, seq=0)
    return [entry]


def carrying_an_entry_along(world: World) -> list[object]:
    """Members would meet it in the owner's pages and take it for somebody's entry."""
    (entry,) = as_an_owner(world)
    assert isinstance(entry, SignedBundle)
    return [entry, world.bundle(contents=[entry.item])]


def carrying_an_entry_without_form(world: World) -> list[object]:
    (entry,) = as_an_owner(world)
    assert isinstance(entry, SignedBundle)
    broken = StixObject.of({**entry.stix.value, "seq": -1})
    return [broken, world.bundle(contents=[item_of(broken, None)])]


def from_another_history(world: World) -> list[object]:
    return [world.bundle(seen=replace(world.seen(), sha256="0" * 64))]


def without_what_it_covers(world: World) -> list[object]:
    return [world.bundle(world.note())]


def with_other_content_than_signed(world: World) -> list[object]:
    note = world.note("signed")
    return [{**note.value, "content": "sent"}, world.bundle(note)]


def made_for_another_channel(world: World) -> list[object]:
    return [world.bundle(channel="00000000-0000-4000-8000-00000000ffff")]


def numbered_as_before(world: World) -> list[object]:
    return [world.bundle(nth=world.numbers[world.case])]


def numbered_lower(world: World) -> list[object]:
    return [world.bundle(nth=1)]


def with_other_content_of_a_version(world: World) -> list[object]:
    assert world.told is not None
    other = StixObject.of({**world.told.value, "content": "I never said that."})
    return [other, world.bundle(other)]


def in_the_words_of_a_member(world: World) -> list[object]:
    note = world.note(author=world.grid.organisation)
    return [note, world.bundle(note)]


def in_the_words_of_the_owner(world: World) -> list[object]:
    note = world.note(author=world.cert.organisation)
    return [note, world.bundle(note)]


def in_the_words_of_the_channel(world: World) -> list[object]:
    note = world.note(author=f"identity--{world.case}")
    return [note, world.bundle(note)]


def above_the_ceiling(world: World) -> list[object]:
    note = world.note(tlp=TLP.RED)
    return [note, world.bundle(note, contents=[item_of(note, TLP.RED)])]


def stating_a_softer_label(world: World) -> list[object]:
    note = world.note(tlp=TLP.AMBER)
    return [note, world.bundle(note, contents=[item_of(note, TLP.CLEAR)])]


def in_a_bundle_above_the_ceiling(world: World) -> list[object]:
    return [world.bundle(label=TLP.RED)]


def with_contradicting_labels(world: World) -> list[object]:
    both = [TLP.GREEN.marking_id, TLP.AMBER.marking_id]
    note = world.note(object_marking_refs=both)
    return [note, world.bundle(note)]


def recalled_before(world: World) -> list[object]:
    assert world.recalled is not None
    return [world.recalled, world.bundle(world.recalled)]


def recalled_before_by_hash_alone(world: World) -> list[object]:
    assert world.recalled is not None
    return [world.bundle(world.recalled)]


def that_only_the_owner_may(world: World) -> list[object]:
    body = {"organisation": world.grid.organisation}
    return [world.bundle(act=Act.MEMBER_REMOVED, body=body)]


def joining_twice(world: World) -> list[object]:
    body = {"role": "affected", "descriptors": world.mallory.documents}
    return [world.bundle(act=Act.MEMBER_JOINED, body=body)]


def recalling_what_is_another_s(world: World) -> list[object]:
    ref = honest(world.grid).identity.stix_id
    return [world.bundle(act=Act.OBJECT_RECALLED, body={"objects": [ref]})]


def of_an_act_that_nobody_knows(world: World) -> list[object]:
    return [world.bundle(act="moon.landed")]


def with_a_text_beyond_the_limit(world: World) -> list[object]:
    note = world.note("x" * (300 * 1024))
    return [note, world.bundle(note)]


def with_a_list_beyond_the_limit(world: World) -> list[object]:
    note = world.note(labels=["l"] * 10_001)
    return [note, world.bundle(note)]


REFUSED: list[tuple[Doubt, Crafted]] = [
    (Doubt.UNKNOWN_KEY, with_unknown_key),
    (Doubt.UNKNOWN_KEY, with_transport_key),
    (Doubt.BAD_SIGNATURE, altered),
    (Doubt.BAD_SIGNATURE, with_the_signature_of_a_bell),
    (Doubt.BAD_SIGNATURE, with_the_signature_of_another),
    (Doubt.MALFORMED, with_a_body_of_no_act),
    (Doubt.MALFORMED, with_a_wrong_extension),
    (Doubt.MALFORMED, with_one_version_twice),
    (Doubt.MALFORMED, without_a_bundle),
    (Doubt.MALFORMED, with_the_bundle_first),
    (Doubt.MALFORMED, in_the_name_of_a_member),
    (Doubt.MALFORMED, with_what_stix_reserves),
    (Doubt.MALFORMED, from_the_future),
    (Doubt.NOT_OWNER, as_an_owner),
    (Doubt.NOT_OWNER, as_an_owner_of_the_next_epoch),
    (Doubt.MALFORMED, carrying_an_entry_along),
    (Doubt.MALFORMED, carrying_an_entry_without_form),
    (Doubt.FORK, from_another_history),
    (Doubt.MISSING_OBJECT, without_what_it_covers),
    (Doubt.HASH_MISMATCH, with_other_content_than_signed),
    (Doubt.FOREIGN_CHANNEL, made_for_another_channel),
    (Doubt.SUPERSEDED, numbered_as_before),
    (Doubt.SUPERSEDED, numbered_lower),
    (Doubt.CONFLICTING_OBJECT, with_other_content_of_a_version),
    (Doubt.IMPERSONATION, in_the_words_of_a_member),
    (Doubt.IMPERSONATION, in_the_words_of_the_owner),
    (Doubt.IMPERSONATION, in_the_words_of_the_channel),
    (Doubt.TLP_VIOLATION, above_the_ceiling),
    (Doubt.TLP_VIOLATION, stating_a_softer_label),
    (Doubt.TLP_VIOLATION, in_a_bundle_above_the_ceiling),
    (Doubt.TLP_VIOLATION, with_contradicting_labels),
    (Doubt.RECALLED, recalled_before),
    (Doubt.RECALLED, recalled_before_by_hash_alone),
    (Doubt.NOT_PERMITTED, that_only_the_owner_may),
    (Doubt.NOT_PERMITTED, joining_twice),
    (Doubt.NOT_PERMITTED, recalling_what_is_another_s),
    (Doubt.UNKNOWN_ACT, of_an_act_that_nobody_knows),
    (Doubt.TOO_LARGE, with_a_text_beyond_the_limit),
    (Doubt.TOO_LARGE, with_a_list_beyond_the_limit),
]


@pytest.mark.parametrize(
    ("doubt", "crafted"),
    REFUSED,
    ids=[f"{doubt.value}-{crafted.__name__}" for doubt, crafted in REFUSED],
)
def test_a_crafted_contribution_is_refused_by_name_and_leaves_nothing(
    world: World, doubt: Doubt, crafted: Crafted, caplog: pytest.LogCaptureFixture
) -> None:
    objects = crafted(world)
    before = kept(world.cert)
    with caplog.at_level(logging.INFO, logger="federation.serving.access"):
        answer = world.refusal(world.case, *objects)
    name, _, sentence = answer.partition(": ")
    assert name == doubt, answer
    assert len(sentence) > 8, "a name without a sentence helps nobody"
    assert kept(world.cert) == before
    assert world.cert.channel(world.case).standing is Standing.CURRENT
    refused = [one for one in caplog.records if one.message == "contribution refused"]
    assert [(one.channel, one.doubt) for one in refused] == [(world.case, doubt)]  # type: ignore[attr-defined]
    assert all(one.levelno < logging.ERROR for one in caplog.records)


@pytest.mark.parametrize(
    ("bad", "doubt", "says"),
    [
        ({"type": "note", "id": "note--1"}, Doubt.MALFORMED, "id"),
        ({"type": "Note", "id": f"note--{'0' * 8}"}, Doubt.MALFORMED, "type"),
        ({"type": "bundle", "id": "bundle--1", "objects": []}, Doubt.MALFORMED, "container"),
        ({"content": "x" * OBJECT_LIMIT_BYTES}, Doubt.TOO_LARGE, "bytes are more than"),
        ({"content": {"a": "\0"}}, Doubt.MALFORMED, "U+0000"),
        ({"modified": "yesterday"}, Doubt.MALFORMED, "UTC time"),
        ({"x_number": 1.7976931348623157e308, "id": 7}, None, "objects[0]"),
    ],
    ids=["id", "type", "bundle", "long", "nul", "time", "no id"],
)
def test_an_object_that_is_none_takes_the_whole_envelope_with_it(
    world: World, bad: dict[str, Any], doubt: Doubt | None, says: str
) -> None:
    before = kept(world.cert)
    broken = bad if "type" in bad else {**world.note().value, **bad}
    answer = world.mallory.post(world.cert, world.case, [broken, world.bundle()])
    if doubt is None:
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert says in answer.json()["description"]
    else:
        status = answer.json()
        first, second = (failure["message"] for failure in status["failures"])
        assert first.startswith(f"{doubt}: ")
        assert says in first
        assert second.startswith("malformed: ")
        assert status["success_count"] == 0
    assert kept(world.cert) == before


def test_what_was_refused_is_shown_to_nobody_and_the_channel_goes_on(world: World) -> None:
    world.mallory.post(world.cert, world.case, above_the_ceiling(world))
    with world.cert.reading() as session:
        summary = queries.get_visible_summary(session, CONSOLE, world.case)
        assert (summary.doubt, summary.sentence, summary.pending_count) == (None, None, 0)
        assert queries.visible_verification(session, CONSOLE, world.case).voids == 0
    world.cert.note(world.case, "we go on")
    world.grid.note(world.case, "so do we")
    settle(world.cert, world.grid)
    assert world.grid.state(world.case) == world.cert.state(world.case)
    world.admitted()
    settle(world.cert, world.grid)
    # The files of both say the same, and nothing of what was refused.
    said = [verified(node, world.case) for node in (world.cert, world.grid)]
    assert [failures(report) for report in said] == [[], []]
    assert told(said[0]) == told(said[1])
    assert {line["standing"] for line in said[0]["history"]} == {"in effect"}


def test_a_bundle_that_is_history_is_posted_again_without_harm(world: World) -> None:
    note = world.note("once")
    bundle = world.admitted(note)
    before = kept(world.cert)
    assert world.refusal(world.case, note, bundle) == ""
    assert world.refusal(world.case, bundle) == ""
    assert kept(world.cert) == before


def test_a_key_that_its_owner_revoked_signs_nothing_more(world: World) -> None:
    case, mallory = world.open(), world.mallory
    new = PrivateKey.generate()
    moment = write_time(world.cert.now())
    keys = [
        replace(one, revoked_at=moment) if one.key == mallory.key.public else one
        for one in mallory.chain[-1].keys
    ]
    keys.append(NodeKey(new.public, KeyUse.SIGN, moment))
    descriptor = next_descriptor(
        mallory.chain[-1], signers=(mallory.recovery,), keys=keys, now=world.cert.now()
    )
    body = {"descriptors": [dict(descriptor.jws)]}
    world.admitted(act=Act.NODE_DESCRIBED, body=body, into=case, key=new)
    before = kept(world.cert)
    answer = world.refusal(case, world.bundle(into=case))
    assert answer.startswith("revoked_key: ")
    assert kept(world.cert) == before
    world.admitted(into=case, key=new)


def test_who_is_invited_may_answer_and_nothing_else(world: World) -> None:
    case = world.open()
    world.admitted(act=Act.MEMBER_LEFT, into=case)
    world.cert.invite(case, world.mallory)  # type: ignore[arg-type]
    before = kept(world.cert)
    assert world.refusal(case, world.bundle(into=case)).startswith("not_member: ")
    stranger = {"role": "affected", "descriptors": honest(world.grid).documents}
    joining = world.bundle(act=Act.MEMBER_JOINED, body=stranger, into=case)
    assert world.refusal(case, joining).startswith("fork: ")
    role = {"role": "authority", "descriptors": world.mallory.documents}
    joining = world.bundle(act=Act.MEMBER_JOINED, body=role, into=case)
    assert world.refusal(case, joining).startswith("not_permitted: ")
    assert kept(world.cert) == before
    world.admitted(act=Act.MEMBER_DECLINED, into=case)


def test_an_owner_that_has_handed_over_takes_nothing_more(world: World) -> None:
    cert, grid = world.cert, world.grid
    case = world.open(grid)
    cert.write(case, Act.HANDOVER_OFFERED, {"successor": grid.organisation})
    settle(cert, grid)
    grid.write(case, Act.HANDOVER_ACCEPTED)
    settle(cert, grid)
    cert.write(case, Act.COORDINATOR_HANDED_OVER, {"successor": grid.organisation})
    before = kept(cert)
    assert world.refusal(case, world.bundle(into=case)).startswith("stale_epoch: ")
    assert kept(cert) == before
    settle(cert, grid)
    assert grid.channel(case).is_ours
    before = kept(cert)
    assert world.refusal(case, world.bundle(into=case)).startswith("stale_epoch: ")
    assert kept(cert) == before


def test_nobody_gets_an_object_of_another_channel_by_naming_its_hash(world: World) -> None:
    """Who knows an object's id and hash, and not its words, does not get them."""
    secret = world.cert.open("Without Mallory")
    source = stix.identity("A source", identity_class="organization", now=world.cert.now())
    note = stix.note(
        "what Mallory must not read",
        about=[source.stix_id],
        created_by=source.stix_id,
        now=world.cert.now(),
        marking=TLP.AMBER,
    )
    address = StixObject.of(
        {
            "type": "ipv4-addr",
            "spec_version": "2.1",
            "id": stix.new_id("ipv4-addr"),
            "value": "192.0.2.77",
            "object_marking_refs": [TLP.AMBER.marking_id],
        }
    )
    both = (note, address)
    with world.cert.writing() as session:
        # Told by somebody who is allowed to quote them there.
        now = world.cert.now()
        collections.append(session, secret, [CollectionItem(one, TLP.AMBER) for one in both], now)
    for stolen in both:
        item = Item(stolen.stix_id, stolen.sha256, stolen.version, TLP.AMBER)
        before = kept(world.cert)
        answer = world.refusal(world.case, world.bundle(contents=[item]))
        assert answer.startswith("missing_object: "), answer
        assert kept(world.cert) == before
        shown = read_all(world.cert, world.mallory, world.case)
        assert stolen.stix_id not in {one["id"] for one in shown}
        with world.cert.reading() as session:
            assert find(session, stolen.sha256) is not None, "it is here, in another channel"

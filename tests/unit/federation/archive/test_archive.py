"""Checking a file with nothing but the file."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from federation.archive import lines as archive_lines
from federation.archive.report import Presence, Report, What
from federation.archive.verifying import verify_file
from federation.identity.keys import Typ
from federation.judging.bundles import Position
from federation.judging.doubt import Doubt
from policies.acts import Act
from policies.tlp import TLP
from sharing.canonical import canonical
from tests.kit.ledger_kit import (
    OTHER_CHANNEL,
    VECTORS,
    LedgerKit,
    Organisation,
    grid,
    key_of,
    resigned,
    vendor,
)

EXPORT = VECTORS["export"]["jsonl"].encode()


def check(data: bytes, *pins: str) -> Report:
    return verify_file(io.BytesIO(data), pins=frozenset(pins))


def names(report: Report) -> list[str]:
    return [failure.doubt.value for failure in report.failures]


def lines_of(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def written(lines: Iterable[Any]) -> bytes:
    return b"".join(canonical(line) + b"\n" for line in lines)


def joined_ledger() -> tuple[LedgerKit, Organisation, Organisation]:
    """Give a ledger with a note of each, and a member that joined between them."""
    member, joiner = grid(), vendor()
    kit = LedgerKit.opened(member)
    kit.contribute(member, Act.NOTE_ADDED, {}, [member.note(1)])
    kit.join(joiner)
    kit.contribute(joiner, Act.NOTE_ADDED, {}, [joiner.note(1)])
    return kit, member, joiner


def test_the_example_holds_and_tells_its_history() -> None:
    report = check(EXPORT)
    assert report.holds
    assert report.what is What.EXPORT
    told = [(one.author_name, one.words, one.admitted_by) for one in report.history]
    assert told[1] == ("Example Grid", "adds a note", "Example CERT")
    assert report.counts == {"present": 4, "withheld": 0, "recalled": 0, "missing": 0}
    (receipt,) = report.newest_receipts
    assert (receipt.name, receipt.standing) == ("Example Grid", "on this chain")
    assert report.owner_name == "Example CERT"


@pytest.mark.parametrize("case", VECTORS["must_fail"], ids=lambda case: case["result"])
def test_what_must_fail_fails_by_its_name(case: dict[str, Any]) -> None:
    if "bundle" in case:
        texts = [json.dumps(case["bundle"]), json.dumps(case["bundle"], indent=2)]
    elif "jws" in case:
        texts = [case["jws"], case["jws"] + "\n", json.dumps(case["jws"])]
    else:
        texts = [case["jsonl"]]
    for text in texts:
        assert names(check(text.encode()))[0] == case["result"]


def test_a_file_is_read_by_its_name_plain_and_compressed(tmp_path: Path) -> None:
    plain, packed = tmp_path / "case.coordination.jsonl", tmp_path / "case.coordination.jsonl.gz"
    plain.write_bytes(EXPORT)
    packed.write_bytes(gzip.compress(EXPORT, mtime=0))
    assert verify_file(plain).document() == verify_file(packed).document()
    assert verify_file(packed).holds


def test_a_stream_that_can_not_go_back_is_read_too() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

    assert verify_file(Pipe(EXPORT)).holds


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"not json",
        b"{}",
        b"[]",
        b"null",
        b'{"header":{}}\n',
        b'{"header":{"format":"coordination-export/2"}}\n',
        b"\xff\xfe",
        b"\x1f\x8b",
        b"\x1f\x8bnothing that gzip wrote",
        gzip.compress(EXPORT, mtime=0)[:-4],
        gzip.compress(EXPORT, mtime=0)[:100],
        gzip.compress(EXPORT, mtime=0) + b"more",
        gzip.compress(EXPORT, mtime=0) * 2,
        b"a.b.c",
        b"...",
        b'{"type":"signed-bundle","type":"signed-bundle"}',
        b'{"payload":"e30","signatures":[]}',
    ],
)
def test_what_is_nothing_of_ours_is_malformed(data: bytes) -> None:
    assert names(check(data))[0] == "malformed"


def test_a_line_longer_than_the_limit_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_lines, "LINE_LIMIT_BYTES", 2000)
    for data in (EXPORT, gzip.compress(EXPORT, mtime=0)):
        report = check(data)
        assert names(report)[0] == "malformed"
        assert "longer than 2000 bytes" in report.failures[0].sentence


def test_a_compressed_file_is_expanded_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b"\n" * 300_000, mtime=0)
    monkeypatch.setattr(archive_lines, "EXPANDED_LIMIT_BYTES", 200_000)
    report = check(bomb)
    assert names(report) == ["malformed"]
    assert "more than 200000 bytes" in report.failures[0].sentence


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'{"object":', b'{ "object":'),
        (b'"Relay 7 isolated."', b'"Relay \\u0037 isolated."'),
        (b'"name":"Example CERT"', b'"name":"Example CERT","name":"Example CERT"'),
        (b'{"contribution":', b'{"contributions":'),
        (b'"seq":1,"sha256":"efcf', b'"seq":1.0,"sha256":"efcf'),
    ],
)
def test_another_spelling_of_the_same_is_malformed(old: bytes, new: bytes) -> None:
    assert old in EXPORT
    assert names(check(EXPORT.replace(old, new, 1)))[0] == "malformed"


def test_a_file_that_is_cut_off_says_so() -> None:
    assert names(check(EXPORT[:-1])) == ["malformed"]
    whole = EXPORT.splitlines(keepends=True)
    report = check(b"".join(whole[:5]))
    assert names(report) == ["gap"]
    assert report.failures[0].sentence.endswith("the file ends at 1/0")
    assert names(check(whole[0])) == ["gap"]


def test_a_file_that_goes_beyond_its_header_says_so() -> None:
    kit, *_ = joined_ledger()
    data = kit.export(**kit.steps[1].judged.entry.position.document())
    report = check(data)
    assert names(report) == ["malformed"]
    assert "goes beyond it" in report.failures[0].sentence


def test_a_header_that_names_another_head_is_a_fork() -> None:
    kit, *_ = joined_ledger()
    assert names(check(kit.export(sha256="0" * 64))) == ["fork"]


@pytest.mark.parametrize(
    "header",
    [
        {"format": "coordination-export/2"},
        {"seq": -1},
        {"epoch": 0},
        {"sha256": "x"},
        {"at": "yesterday"},
        {"by": "somebody"},
        {"for": None},
        {"channel": 7},
        {"mood": "calm"},
    ],
)
def test_a_header_of_another_form_is_malformed(header: dict[str, Any]) -> None:
    kit, *_ = joined_ledger()
    report = check(kit.export(**header))
    assert names(report) == ["malformed"]
    assert report.failures[0].line == 1


def test_a_ledger_of_another_channel_is_foreign() -> None:
    kit, *_ = joined_ledger()
    assert names(check(kit.export(channel=OTHER_CHANNEL))) == ["foreign_channel"]


def test_an_object_that_is_left_out_is_missing_and_listed() -> None:
    kit, member, _ = joined_ledger()
    gone = member.note(1)
    report = check(kit.export(leave_out=[gone.stix_id]))
    assert names(report) == ["missing_object"]
    assert gone.stix_id in report.failures[0].sentence
    (line,) = (one for one in report.objects if one.presence is Presence.MISSING)
    assert (line.ref, line.epoch, line.seq) == (gone.stix_id, 1, 1)
    assert len(report.history) == 5


def test_every_missing_object_is_named() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    notes = [member.note(number) for number in range(3)]
    kit.contribute(member, Act.NOTE_ADDED, {}, notes)
    report = check(kit.export(leave_out=[note.stix_id for note in notes]))
    assert names(report) == ["missing_object"] * 3
    assert report.counts["missing"] == 3


def test_what_is_withheld_from_a_later_member_is_not_missing_for_it() -> None:
    kit, member, joiner = joined_ledger()
    left_out = [member.note(1).stix_id]
    report = check(kit.export(for_=joiner, leave_out=left_out))
    assert report.holds
    assert report.counts["withheld"] == 1
    assert names(check(kit.export(for_=member, leave_out=left_out))) == ["missing_object"]
    named = [kit.channel_identity.stix_id]
    assert names(check(kit.export(for_=joiner, leave_out=named))) == ["missing_object"]


def test_what_is_due_is_never_called_withheld() -> None:
    kit, _, joiner = joined_ledger()
    data = kit.export(for_=joiner, leave_out=[joiner.note(1).stix_id])
    assert names(check(data)) == ["missing_object"]


def test_a_later_recall_excuses_an_absence() -> None:
    kit, member, _ = joined_ledger()
    gone = member.note(1).stix_id
    kit.contribute(member, Act.OBJECT_RECALLED, {"objects": [gone]})
    report = check(kit.export(leave_out=[gone]))
    assert report.holds
    assert report.counts["recalled"] == 1


def test_a_recall_that_is_void_excuses_nothing() -> None:
    kit, member, joiner = joined_ledger()
    gone = member.note(1).stix_id
    bundle = kit.contribution(joiner, Act.OBJECT_RECALLED, {"objects": [gone]})
    kit.admit(bundle)
    report = check(kit.export(leave_out=[gone]))
    assert names(report) == ["missing_object"]
    assert report.history[-1].standing.startswith("void: not_permitted: ")


def test_released_objects_are_due_to_later_members() -> None:
    kit, member, joiner = joined_ledger()
    note = member.note(1).stix_id
    kit.contribute(member, Act.OBJECT_RELEASED, {"objects": [note]})
    assert check(kit.export(for_=joiner)).holds
    report = check(kit.export(for_=joiner, leave_out=[note]))
    assert names(report) == ["missing_object"]
    assert report.failures[0].line is not None


def test_a_void_entry_whose_objects_nobody_kept_is_void_all_the_same() -> None:
    kit, member, _ = joined_ledger()
    red = kit.owner.note(5, tlp=TLP.RED)
    judged = kit.write(Act.NOTE_ADDED, {}, [red])
    assert judged.void is not None
    kit.contribute(member, Act.NOTE_ADDED, {}, [member.note(6)])
    report = check(kit.export(leave_out=[red.stix_id]))
    assert report.holds
    assert report.history[-2].standing.startswith("void: tlp_violation: ")


def test_an_altered_entry_breaks_the_chain_and_the_rest_is_not_checked() -> None:
    kit, *_ = joined_ledger()
    lines = lines_of(kit.export())
    place = next(n for n, line in enumerate(lines) if line.get("entry", {}).get("seq") == 1)
    lines[place]["entry"]["created"] = lines[place]["entry"]["modified"] = (
        "2026-11-20T10:00:02.001Z"
    )
    report = check(written(lines))
    assert names(report) == ["bad_signature"]
    assert report.failures[0].line == place + 1
    assert (len(report.history), report.unchecked) == (1, 3)


def test_an_entry_that_was_taken_out_leaves_a_gap() -> None:
    kit, *_ = joined_ledger()
    lines = lines_of(kit.export())
    place = next(n for n, line in enumerate(lines) if line.get("entry", {}).get("seq") == 2)
    del lines[place]
    assert names(check(written(lines)))[0] in {"gap", "malformed"}
    assert "gap" in names(check(written(lines)))


def test_entries_in_another_order_are_refused() -> None:
    kit = LedgerKit.opened(grid())
    kit.write(Act.NOTE_ADDED)
    kit.write(Act.EVENT_ADDED)
    lines = lines_of(kit.export())
    lines[-1], lines[-2] = lines[-2], lines[-1]
    assert names(check(written(lines)))[0] == "gap"


@pytest.mark.parametrize("kind", ["object", "contribution"])
def test_what_no_entry_covers_has_no_place_in_the_file(kind: str) -> None:
    kit, member, _ = joined_ledger()
    lines = lines_of(kit.export())
    stray: Any = kit.contribution(member, Act.NOTE_ADDED).stix.value
    if kind == "object":
        stray = member.note(77).value
    at_the_end = check(written([*lines, {kind: stray}]))
    assert names(at_the_end) == ["malformed"]
    assert at_the_end.failures[0].line == len(lines) + 1
    second = next(n for n, line in enumerate(lines) if line.get("entry", {}).get("seq") == 2)
    inside = check(written([*lines[:second], {kind: stray}, *lines[second:]]))
    assert names(inside) == ["malformed"]


def test_an_object_stands_in_the_file_once() -> None:
    lines = lines_of(EXPORT)
    assert names(check(written([*lines[:2], *lines[1:]]))) == ["malformed"]
    assert names(check(written([*lines[:7], *lines[6:]]))) == ["malformed"]


def test_a_second_header_and_a_ledger_after_its_end_are_refused() -> None:
    lines = lines_of(EXPORT)
    assert names(check(written([lines[0], *lines]))) == ["malformed"]
    moved = [*lines[:7], lines[8], lines[7]]
    assert "malformed" in names(check(written(moved)))


def test_receipts_are_checked_by_the_keys_in_the_ledger() -> None:
    kit, member, joiner = joined_ledger()
    report = check(kit.export(receipts=[kit.receipt(member), kit.receipt(joiner)]))
    assert report.holds
    assert {one.name for one in report.receipts} == {"Example Grid", "Example Vendor"}
    cases = {
        "unknown_key": kit.receipt(member, key=key_of("somebody")),
        "not_member": kit.receipt(Organisation("water", 4, "Example Water")),
        "gap": kit.receipt(member, Position(1, 99, "0" * 64)),
        "malformed": "a.b",
    }
    for name, receipt in cases.items():
        assert names(check(kit.export(receipts=[receipt]))) == [name]


def test_a_receipt_for_another_entry_is_shown_and_proves_nothing_alone() -> None:
    kit, member, _ = joined_ledger()
    report = check(kit.export(receipts=[kit.receipt(member, Position(1, 2, "0" * 64))]))
    assert report.holds
    (contradiction,) = report.contradictions
    assert (contradiction.name, contradiction.position.seq) == ("Example Grid", 2)
    assert not report.newest_receipts


def test_a_receipt_from_before_its_author_joined_is_refused() -> None:
    kit, _, joiner = joined_ledger()
    first = kit.steps[0].judged.entry.position
    assert names(check(kit.export(receipts=[kit.receipt(joiner, first)]))) == ["not_member"]


def test_a_receipt_of_another_purpose_or_channel_is_refused() -> None:
    kit, member, _ = joined_ledger()
    payload = canonical(
        {
            "at": "2026-11-20T10:05:02.000Z",
            "author": member.id,
            "channel": OTHER_CHANNEL,
            "protocol": "1",
            **kit.head.document(),
        }
    )
    elsewhere = member.key.sign(payload, Typ.RECEIPT)
    assert names(check(kit.export(receipts=[elsewhere]))) == ["foreign_channel"]
    bell = member.key.sign(payload.replace(OTHER_CHANNEL.encode(), kit.channel.encode()), Typ.BELL)
    assert names(check(kit.export(receipts=[bell]))) == ["bad_signature"]


def test_a_receipt_counts_by_the_key_that_was_good_then() -> None:
    kit, member, _ = joined_ledger()
    old_head, old_key = kit.head, member.key
    early = kit.receipt(member)
    kit.tick(60)
    member.revoke(old_key, kit.now)
    kit.contribute(member, Act.NODE_DESCRIBED, {"descriptors": member.documents[1:]})
    assert check(kit.export(receipts=[early, kit.receipt(member)])).holds
    late = kit.receipt(member, key=old_key)
    assert names(check(kit.export(receipts=[late]))) == ["revoked_key"]
    assert kit.head != old_head


def test_what_a_stolen_key_signed_is_shown_as_doubtful_and_may_be_disowned() -> None:
    kit, member, _ = joined_ledger()
    stolen = member.key
    since = kit.tick(60)
    doubtful = kit.contribute(member, Act.NOTE_ADDED, {}, [member.note(2)])
    disowned = kit.contribute(member, Act.NOTE_ADDED, {}, [member.note(3)])
    member.revoke(stolen, kit.now, since=since - timedelta(seconds=1))
    assert disowned.contribution is not None
    body = {
        "descriptors": member.documents[1:],
        "disowned": [disowned.contribution.sha256],
    }
    kit.contribute(member, Act.NODE_DESCRIBED, body)
    report = check(kit.export())
    assert report.holds
    standings = {one.position.seq: one.standing for one in report.history}
    assert standings[doubtful.entry.place[1]].startswith("doubtful: ")
    assert standings[disowned.entry.place[1]] == "disowned by its author"
    assert standings[1] == "in effect"


def test_an_act_of_a_newer_release_is_shown() -> None:
    kit, *_ = joined_ledger()
    kit.write("horn.blown", {"loud": True})
    report = check(kit.export())
    assert report.holds
    assert report.history[-1].words == "does “horn.blown”"
    assert "not known" in report.history[-1].standing


def test_pinned_keys_must_be_those_of_the_ledger() -> None:
    cert, operator = (
        VECTORS["test_keys"][f"{who} recovery"]["thumbprint"] for who in ("cert", "operator")
    )
    assert check(EXPORT, cert, operator).holds
    assert [one.pinned for one in check(EXPORT, cert).members] == [True, False]
    report = check(EXPORT, cert, "A" * 43)
    assert names(report) == ["unknown_key"]
    assert "A" * 43 in report.failures[0].sentence


def test_a_fork_beside_the_chain_is_proof_against_its_owner() -> None:
    kit, *_ = joined_ledger()
    kit.write(Act.NOTE_ADDED)
    last = kit.steps[-1].judged.entry
    other = resigned(last, kit.owner.key, act="event.added")
    report = check(kit.export(more=[{"evidence": other}]))
    assert names(report) == ["fork"]
    assert [one.position.seq for one in report.evidence] == [last.place[1]]
    forged = resigned(last, key_of("somebody"), act="event.added")
    assert names(check(kit.export(more=[{"evidence": forged}]))) == ["unknown_key"]
    itself = last.stix.value
    assert names(check(kit.export(more=[{"evidence": itself}]))) == ["malformed"]


def test_two_payloads_for_a_place_beyond_the_head_are_proof_too() -> None:
    kit, *_ = joined_ledger()
    one, two = kit.draft(Act.NOTE_ADDED), kit.draft(Act.EVENT_ADDED)
    report = check(kit.export(more=[{"evidence": one.stix.value}, {"evidence": two.stix.value}]))
    assert names(report) == ["fork"]
    assert len(report.evidence) == 2


def test_an_entry_that_stops_every_member_is_named_with_what_it_admits() -> None:
    kit, member, _ = joined_ledger()
    older = kit.contribution(member, Act.NOTE_ADDED)
    kit.contribute(member, Act.NOTE_ADDED)
    entry = kit.draft(Act.ADMITTED, admits=older)
    brought = [{"evidence": older.stix.value}, {"evidence": entry.stix.value}]
    report = check(kit.export(more=brought))
    assert names(report) == ["superseded"]
    assert "which stops everybody" in report.failures[0].sentence
    assert [one.position for one in report.evidence] == [entry.position]
    # What it admits comes right before it, or nothing is proven.
    assert names(check(kit.export(more=brought[:1]))) == ["malformed"]
    assert names(check(kit.export(more=brought[1:]))) == []
    good = kit.draft(Act.NOTE_ADDED)
    assert names(check(kit.export(more=[brought[0], {"evidence": good.stix.value}]))) == [
        "malformed"
    ]


def test_what_somebody_else_signed_is_named_and_proves_nothing_against_the_owner() -> None:
    kit, member, _ = joined_ledger()
    entry = kit.draft(Act.NOTE_ADDED, by=member)
    report = check(kit.export(more=[{"evidence": entry.stix.value}]))
    assert names(report) == ["not_owner"]
    assert report.evidence == ()


def test_only_its_owner_can_fork_an_epoch() -> None:
    kit, member, _ = joined_ledger()
    entry = kit.draft(Act.NOTE_ADDED, by=member, position=(1, 1), seen=kit.head)
    assert names(check(kit.export(more=[{"evidence": entry.stix.value}]))) == ["not_owner"]


def test_a_fork_that_a_newer_epoch_left_behind_is_shown_and_fails_nothing() -> None:
    kit, *_ = joined_ledger()
    kit.write(Act.NOTE_ADDED)
    other = resigned(kit.steps[-1].judged.entry, kit.owner.key, act="event.added")
    kit.reopen(kit.owner, "re-opening")
    report = check(kit.export(more=[{"evidence": other}]))
    assert report.holds
    assert len(report.evidence) == 1


def test_an_abandoned_branch_is_shown() -> None:
    kit, member, _ = joined_ledger()
    lost = kit.draft(Act.NOTE_ADDED)
    next_lost = kit.draft(Act.NOTE_ADDED, position=(1, lost.place[1] + 1), seen=lost.position)
    held = kit.receipt(member, next_lost.position)
    kit.reopen(kit.owner, "re-opening")
    abandoned = [{"abandoned": one.stix.value} for one in (lost, next_lost)]
    report = check(kit.export(more=[*abandoned, {"receipt": held}]))
    assert report.holds
    assert len(report.abandoned) == 2
    assert report.receipts[0].standing == "on a branch that was abandoned"
    assert names(check(kit.export(more=abandoned[1:]))) == ["gap"]


def test_what_a_member_made_up_was_never_abandoned() -> None:
    kit, member, _ = joined_ledger()
    author: dict[str, Any] = {"author": member.id, "key": member.key}
    made_up = kit.draft(Act.NOTE_ADDED, **author)
    after_it = kit.draft(Act.NOTE_ADDED, position=(1, 99), seen=made_up.position, **author)
    next_epoch = kit.draft(Act.NOTE_ADDED, position=(2, 3), seen=kit.head, **author)
    kit.reopen(kit.owner, "re-opening")
    for entries in ((made_up,), (made_up, after_it), (next_epoch,)):
        report = check(kit.export(more=[{"abandoned": one.stix.value} for one in entries]))
        assert names(report)[0] == "not_owner"
        assert not report.abandoned


def test_verification_is_a_function_of_the_file_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = check(EXPORT).document()
    for name in ("TOCSIN_DATA", "TOCSIN_DATABASE_URL", "LANG", "LC_ALL", "TZ"):
        monkeypatch.setenv(name, "nowhere")
    assert check(EXPORT).document() == expected


def test_the_document_is_json_and_says_whether_it_holds() -> None:
    kit, member, _ = joined_ledger()
    data = kit.export(leave_out=[member.note(1).stix_id], receipts=[kit.receipt(member)])
    document = json.loads(json.dumps(check(data).document()))
    assert document["holds"] is False
    (failure,) = document["failures"]
    assert failure["name"] == "missing_object"
    assert document["absent"][0]["presence"] == "missing"
    assert document["receipts"][0]["name"] == "Example Grid"
    assert document["head"] == kit.head.document()


def test_a_bundle_alone_proves_nothing() -> None:
    for name in ("contribution", "entry_1"):
        report = check(json.dumps(VECTORS[name]["bundle"]).encode())
        assert report.what is What.BUNDLE
        assert names(report) == ["unknown_key"]
    opening = check(json.dumps(VECTORS["entry_0"]["bundle"]).encode())
    assert names(opening) == ["missing_object"]
    for name in ("receipt", "bell"):
        assert names(check(VECTORS[name]["jws"].encode())) == ["unknown_key"]


def test_a_first_descriptor_proves_itself() -> None:
    first, second, _ = (json.dumps(one["jws"]).encode() for one in VECTORS["descriptors"])
    pin = VECTORS["test_keys"]["cert recovery"]["thumbprint"]
    assert check(first, pin).holds
    assert names(check(first, "A" * 43)) == ["unknown_key"]
    assert names(check(second)) == ["unknown_key"]


def test_failures_name_themselves_first() -> None:
    kit, member, _ = joined_ledger()
    (failure,) = check(kit.export(leave_out=[member.note(1).stix_id])).failures
    assert failure.text.startswith(f"{Doubt.MISSING_OBJECT.value}: line ")

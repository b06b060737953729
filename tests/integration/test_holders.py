"""A node answers who has held an object just as anybody finds it in the node's export."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from federation.archive.verifying import verify_file
from federation.ledgers.ledger import get_channel, get_state
from federation.witnesses.delivery import SILENT_AFTER, find_members
from federation.witnesses.holdings import find_holdings
from federation.witnesses.witnesses import keep_receipt
from policies.acts import Act
from policies.errors import NotFoundError
from policies.tlp import TLP
from sharing.canonical import read_time
from sharing.db import reading, transaction
from tests.integration.test_export import NOW, load, written
from tests.kit.ledger_kit import LedgerKit, grid, vendor, water

pytestmark = pytest.mark.usefixtures("app_context")


def test_the_node_and_the_file_give_the_same_answer() -> None:
    member, other, joiner = grid(), water(), vendor()
    kit = LedgerKit.opened(member, other)
    notes = [member.note(1), other.note(2, tlp=TLP.GREEN), member.note(3), other.note(4)]
    receipts = []
    for note, author in zip(notes, (member, other, member, other), strict=True):
        kit.contribute(author, Act.NOTE_ADDED, {}, [note])
        receipts.append(kit.receipt(other))
    kit.join(joiner)
    receipts += [kit.receipt(joiner), kit.receipt(member)]
    kit.contribute(member, Act.OBJECT_RELEASED, {"objects": [notes[2].stix_id]})
    receipts.append(kit.receipt(joiner))
    kit.contribute(member, Act.OBJECT_RECALLED, {"objects": [notes[0].stix_id]})
    receipts += [kit.receipt(joiner), kit.receipt(other)]
    kit.hand_over(member)
    kit.reopen(member, "hand-over")
    receipts.append(kit.receipt(joiner))
    load(kit, other)
    with transaction() as session:
        record = get_channel(session, kit.channel)
        for number, jws in enumerate(receipts):
            keep_receipt(session, record, jws, NOW + timedelta(seconds=number))
    data = written(kit, other)
    names = {one.id: one.name for one in (kit.owner, member, other, joiner)}
    names |= {one.id: one.name for one in kit.others}
    for note in notes:
        with reading() as session:
            here = find_holdings(
                session,
                get_channel(session, kit.channel),
                note.stix_id,
                lambda one: "Example CERT" if one.endswith("0001") else names[one],
            )
        report = verify_file(io.BytesIO(data), holders_of=note.stix_id)
        assert report.holds, report.failures
        assert len(report.receipts) == len(receipts)
        told = [one.document() for one in here]
        assert told == [one.document() for one in report.holdings]
        assert {holder["due"] for one in told for holder in one["holders"]} <= {"due", "withheld"}


def test_what_the_ledger_does_not_cover_is_not_found() -> None:
    kit = LedgerKit.opened(grid())
    load(kit, kit.owner)
    with reading() as session, pytest.raises(NotFoundError):
        find_holdings(session, get_channel(session, kit.channel), "note--1", str)


def test_each_member_holds_what_it_last_vouched_for_across_epochs() -> None:
    member, other, joiner = grid(), water(), vendor()
    kit = LedgerKit.opened(member, other)
    first = kit.owner
    kit.contribute(member, Act.NOTE_ADDED, {}, [member.note(1)])
    early, then = kit.receipt(other), kit.head
    kit.contribute(other, Act.NOTE_ADDED, {}, [other.note(2)])
    kit.join(joiner)
    kit.hand_over(member)
    kit.reopen(member, "hand-over")
    kit.contribute(other, Act.NOTE_ADDED, {}, [other.note(3)])
    late = kit.receipt(first)
    load(kit, other)
    with transaction() as session:
        record = get_channel(session, kit.channel)
        for number, jws in enumerate((early, late)):
            keep_receipt(session, record, jws, NOW + timedelta(seconds=number))
    entries = [step.judged.entry for step in kit.steps]
    places = [(one.position.epoch, one.position.seq) for one in entries]
    with reading() as session:
        record = get_channel(session, kit.channel)
        later = NOW + SILENT_AFTER + timedelta(seconds=0.5)
        found = {one.organisation: one for one in find_members(session, record, now=later)}
        joined = get_state(session, record).members[joiner.id].stays[-1].joined
    assert list(found) == [first.id, member.id, other.id, joiner.id]
    assert found[member.id].voucher == "owner"
    assert found[first.id].holds_all
    assert found[first.id].head == kit.head
    held = places.index((then.epoch, then.seq))
    assert found[other.id].head == then
    assert found[other.id].behind == len(places) - held - 1
    assert found[other.id].behind_since == read_time(entries[held + 1].created)
    at = places.index(joined)
    assert found[joiner.id].head is None
    assert found[joiner.id].behind == len(places) - at
    assert found[joiner.id].behind_since == read_time(entries[at].created)
    assert then.epoch < kit.head.epoch
    silent = {who for who, one in found.items() if one.silent}
    assert silent == {other.id}


def test_a_part_of_a_ledger_carries_the_receipts_that_it_proves() -> None:
    member, other = grid(), water()
    kit = LedgerKit.opened(member, other)
    kit.contribute(member, Act.NOTE_ADDED, {}, [member.note(1)])
    early = kit.receipt(member)
    kit.contribute(other, Act.MEMBER_LEFT, {})
    member.rotate(kit.tick(), retire=False)
    kit.contribute(member, Act.NODE_DESCRIBED, {"descriptors": member.documents[1:]})
    late = kit.receipt(member)
    again = kit.receipt(member, kit.steps[1].judged.entry.position)
    load(kit, member)
    with transaction() as session:
        record = get_channel(session, kit.channel)
        for number, jws in enumerate((early, late, again)):
            keep_receipt(session, record, jws, NOW + timedelta(seconds=number))
    whole, part = (
        verify_file(io.BytesIO(written(kit, member, reader))) for reader in (None, other)
    )
    assert whole.holds, whole.failures
    assert part.holds, part.failures
    assert {one.jws for one in whole.receipts} == {early, late, again}
    assert {one.jws for one in part.receipts} == {early}

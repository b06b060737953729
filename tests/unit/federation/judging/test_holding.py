"""Who has held an object since when, by a file alone."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import pytest

from federation.archive.verifying import verify_file
from federation.judging.holding import Due, Holder, Holding, Voucher
from policies.acts import Act
from policies.tlp import TLP
from tests.kit.ledger_kit import LedgerKit, Organisation, grid, vendor, water


@dataclass
class Told:
    """A ledger, and the receipts that its members gave as it grew."""

    kit: LedgerKit
    receipts: list[str] = field(default_factory=list)

    def says(self, *members: Organisation) -> None:
        self.kit.tick(10)
        self.receipts += [self.kit.receipt(one) for one in members]

    def asks(self, ref: str) -> tuple[Holding, ...]:
        data = self.kit.export(receipts=self.receipts)
        report = verify_file(io.BytesIO(data), holders_of=ref)
        assert report.holds, report.failures
        return report.holdings

    def holders(self, ref: str) -> dict[str, Holder]:
        (holding,) = self.asks(ref)
        return {holder.name: holder for holder in holding.holders}


@pytest.fixture
def told() -> Told:
    return Told(LedgerKit.opened(grid(), water()))


def test_each_voucher_is_named_with_the_word_that_proves_it(told: Told) -> None:
    kit = told.kit
    member, other = kit.others
    note = member.note(1)
    kit.contribute(member, Act.NOTE_ADDED, {}, [note])
    entry = kit.steps[-1].judged.entry
    told.says(other)
    found = told.holders(note.stix_id)
    assert found["Example CERT"].voucher is Voucher.ENTRY
    assert found["Example CERT"].said is not None
    assert found["Example CERT"].said.sha256 == entry.sha256
    assert found["Example Grid"].voucher is Voucher.AUTHOR
    assert found["Example Water"].voucher is Voucher.RECEIPT
    assert found["Example Water"].said is not None
    assert found["Example Water"].said.jws == told.receipts[0]


def test_the_first_receipt_from_the_entry_on_says_since_when(told: Told) -> None:
    kit = told.kit
    member, other = kit.others
    told.says(other)
    note = member.note(1)
    kit.contribute(member, Act.NOTE_ADDED, {}, [note])
    assert told.holders(note.stix_id)["Example Water"].said is None
    assert told.holders(note.stix_id)["Example Water"].due is Due.DUE
    kit.contribute(member, Act.NOTE_ADDED, {}, [member.note(2)])
    told.says(other)
    told.says(other)
    said = told.holders(note.stix_id)["Example Water"].said
    assert said is not None
    assert said.jws == told.receipts[1]


def test_a_late_joiner_has_what_is_open_to_it_since_it_joined(told: Told) -> None:
    kit, joiner = told.kit, vendor()
    member = kit.others[0]
    secret, open_, released = member.note(1), member.note(2, tlp=TLP.GREEN), member.note(3)
    for note in (secret, open_, released):
        kit.contribute(member, Act.NOTE_ADDED, {}, [note])
    kit.join(joiner)
    told.says(joiner)
    assert told.holders(secret.stix_id)["Example Vendor"].due is Due.WITHHELD
    assert told.holders(secret.stix_id)["Example Vendor"].said is None
    assert told.holders(released.stix_id)["Example Vendor"].due is Due.WITHHELD
    said = told.holders(open_.stix_id)["Example Vendor"].said
    assert said is not None
    assert said.jws == told.receipts[0]
    kit.contribute(member, Act.OBJECT_RELEASED, {"objects": [released.stix_id]})
    assert told.holders(released.stix_id)["Example Vendor"].said is None
    told.says(joiner)
    after = told.holders(released.stix_id)["Example Vendor"].said
    assert after is not None
    assert after.jws == told.receipts[1]


def test_what_came_after_somebody_left_was_never_due_to_it(told: Told) -> None:
    kit = told.kit
    member, other = kit.others
    kit.contribute(other, Act.MEMBER_LEFT, {})
    told.says(other)
    note = member.note(1, tlp=TLP.GREEN)
    kit.contribute(member, Act.NOTE_ADDED, {}, [note])
    assert told.holders(note.stix_id)["Example Water"].due is Due.GONE


def test_a_recall_ends_the_holding_and_is_vouched_for_too(told: Told) -> None:
    kit = told.kit
    member, other = kit.others
    note = member.note(1)
    kit.contribute(member, Act.NOTE_ADDED, {}, [note])
    told.says(other)
    kit.contribute(member, Act.OBJECT_RECALLED, {"objects": [note.stix_id]})
    before = told.holders(note.stix_id)["Example Water"]
    assert before.said is not None
    assert before.recalled is None
    told.says(other)
    after = told.holders(note.stix_id)["Example Water"]
    assert after.said is not None
    assert (after.said.jws, after.recalled and after.recalled.jws) == tuple(told.receipts)
    assert "the recall carried out by" in after.words


def test_who_vouched_only_behind_the_recall_never_said_that_it_held_it(told: Told) -> None:
    kit = told.kit
    member, other = kit.others
    note = member.note(1)
    kit.contribute(member, Act.NOTE_ADDED, {}, [note])
    kit.contribute(member, Act.OBJECT_RECALLED, {"objects": [note.stix_id]})
    told.says(other)
    found = told.holders(note.stix_id)["Example Water"]
    assert found.said is None
    assert found.recalled is not None


def test_each_version_is_answered_for_itself(told: Told) -> None:
    kit = told.kit
    member, other = kit.others
    first = member.note(1)
    later = member.note(1, "Corrected.", modified="2026-11-20T10:30:00.000Z")
    kit.contribute(member, Act.NOTE_ADDED, {}, [first])
    told.says(other)
    kit.contribute(member, Act.NOTE_ADDED, {}, [later])
    told.says(other)
    asked = told.asks(first.stix_id)
    assert [one.covered.sha256 for one in asked] == [first.sha256, later.sha256]
    words = [one.document()["holders"] for one in asked]
    jws = [next(w["word"]["jws"] for w in each if w["name"] == "Example Water") for each in words]
    assert jws == told.receipts


def test_a_new_owner_vouches_by_its_entries(told: Told) -> None:
    kit = told.kit
    member = kit.others[0]
    note = kit.others[1].note(1)
    kit.contribute(kit.others[1], Act.NOTE_ADDED, {}, [note])
    kit.hand_over(member)
    kit.reopen(member, "hand-over")
    found = told.holders(note.stix_id)["Example Grid"]
    assert (found.voucher, found.said and found.said.place) == (Voucher.ENTRY, (2, 0))


def test_an_object_that_the_ledger_does_not_cover_has_no_holders(told: Told) -> None:
    assert told.asks("note--00000000-0000-4000-8000-000000009999") == ()

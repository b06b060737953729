"""A ledger that lies in the database is written as a file that holds with nothing but the file."""

from __future__ import annotations

import io
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest

from federation.archive.report import Report
from federation.archive.verifying import verify_file
from federation.archive.writer import prepare_export
from federation.identity.node import Node
from federation.judging.bundles import SignedBundle
from federation.ledgers.desk import Desk
from federation.ledgers.ledger import get_channel, keep
from federation.ledgers.ledger_records import ChannelRecord, Standing
from federation.witnesses.witnesses import keep_receipt
from policies.acts import Act, ChannelKind
from policies.errors import NotFoundError
from policies.tlp import TLP
from sharing import collections
from sharing.db import reading, transaction
from sharing.objects import StixObject
from tests.kit.ledger_kit import VECTORS, LedgerKit, Organisation, cert, grid, vendor, water

pytestmark = pytest.mark.usefixtures("app_context")

NOW = datetime(2026, 11, 20, 10, 6, tzinfo=UTC)


def load(kit: LedgerKit, holder: Organisation) -> None:
    """Keep a ledger as the replica of one of its members."""
    desk = Desk(Node(tuple(holder.chain)), {}, lambda *_: None, lambda *_: nullcontext())
    with transaction() as session:
        collections.create(session, kit.channel, title="Case 2026-17")
        record = ChannelRecord(
            id=kit.channel,
            kind=ChannelKind.CASE,
            name="Case 2026-17",
            owner=kit.steps[0].judged.state.owner,
            is_ours=False,
            standing=Standing.CURRENT,
            opened_at=NOW,
        )
        session.add(record)
        session.flush()
        for number, step in enumerate(kit.steps):
            keep(session, desk, record, step.judged, now=NOW + timedelta(seconds=number))


def written(kit: LedgerKit, holder: Organisation, for_: Organisation | None = None) -> bytes:
    with reading() as session:
        reader = for_.id if for_ is not None else None
        export = prepare_export(session, kit.channel, by=holder.id, for_=reader, now=NOW)
        return b"".join(export.lines(session))


def checked(data: bytes) -> Report:
    report = verify_file(io.BytesIO(data))
    assert report.holds, [failure.text for failure in report.failures]
    return report


def test_the_example_comes_out_of_the_database_byte_for_byte() -> None:
    kit = LedgerKit(cert(), (grid(),))
    first, second = (
        SignedBundle.read(StixObject.of(VECTORS[f"entry_{number}"]["bundle"])) for number in (0, 1)
    )
    founding = {stix.stix_id: stix for stix in kit.founding_objects()}
    kit.append(first, [founding[item.ref] for item in first.contents])
    note = StixObject.of(VECTORS["objects"][3]["object"])
    contribution = SignedBundle.read(StixObject.of(VECTORS["contribution"]["bundle"]))
    kit.append(second, [note], admits=contribution)
    holder = kit.others[0]
    load(kit, holder)
    with transaction() as session:
        keep_receipt(session, get_channel(session, kit.channel), VECTORS["receipt"]["jws"], NOW)
    assert written(kit, holder) == VECTORS["export"]["jsonl"].encode()


def test_each_member_gets_what_is_due_to_it_and_the_file_holds() -> None:
    member, joiner = grid(), vendor()
    kit = LedgerKit.opened(member)
    secret, open_ = member.note(1), member.note(2, tlp=TLP.GREEN)
    released, recalled = member.note(3), member.note(4)
    for note in (secret, open_, released, recalled):
        kit.contribute(member, Act.NOTE_ADDED, {}, [note])
    kit.join(joiner)
    kit.contribute(joiner, Act.NOTE_ADDED, {}, [joiner.note(1)])
    kit.contribute(member, Act.OBJECT_RELEASED, {"objects": [released.stix_id]})
    kit.contribute(member, Act.OBJECT_RECALLED, {"objects": [recalled.stix_id]})
    load(kit, member)
    whole = checked(written(kit, member))
    assert whole.counts == {"present": 8, "withheld": 0, "recalled": 1, "missing": 0}
    data = written(kit, member, joiner)
    due = checked(data)
    # Organisations without a label are as strict as the bundle that covers them.
    assert due.counts == {"present": 5, "withheld": 3, "recalled": 1, "missing": 0}
    assert secret.content not in data
    assert recalled.content not in data
    assert open_.content in data
    assert released.content in data
    assert joiner.note(1).content in data


def test_who_left_gets_the_ledger_up_to_its_leaving() -> None:
    member, other = grid(), vendor()
    kit = LedgerKit.opened(member, other)
    kit.contribute(other, Act.MEMBER_LEFT)
    later = member.note(1)
    kit.contribute(member, Act.NOTE_ADDED, {}, [later])
    load(kit, member)
    data = written(kit, member, other)
    report = checked(data)
    assert len(report.history) == 2
    assert later.content not in data


def test_a_void_entry_is_in_the_file_and_stays_void() -> None:
    member = grid()
    kit = LedgerKit.opened(member)
    red = kit.owner.note(1, tlp=TLP.RED)
    assert kit.write(Act.NOTE_ADDED, {}, [red]).void is not None
    kit.contribute(member, Act.NOTE_ADDED, {}, [member.note(1)])
    load(kit, member)
    data = written(kit, member)
    assert red.content not in data
    report = checked(data)
    assert [one.standing.split(":")[0] for one in report.history] == [
        "in effect",
        "void",
        "in effect",
    ]


def test_a_hand_over_and_carried_bundles_come_along() -> None:
    member, other = grid(), vendor()
    kit = LedgerKit.opened(member, other)
    said = member.note(1)
    proof = kit.contribution(member, Act.NOTE_ADDED, {}, [said])
    kit.write(Act.NOTE_ADDED, {}, [said, proof.stix])
    before = kit.owner
    kit.hand_over(member)
    kit.others = (before, *kit.others)
    kit.reopen(member, "hand-over")
    load(kit, other)
    report = checked(written(kit, other))
    assert report.owner == member.id
    assert report.head == kit.head


def test_who_never_was_a_member_gets_no_export() -> None:
    kit = LedgerKit.opened(grid())
    load(kit, kit.others[0])
    with reading() as session:
        assert get_channel(session, kit.channel).seq == 0
        with pytest.raises(NotFoundError):
            prepare_export(session, kit.channel, by=kit.owner.id, for_=water().id, now=NOW)

"""What a member puts into a ledger parts no replicas, and fetches nothing that is not for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from sqlalchemy import select

from federation.judging.bundles import Item, SignedBundle, make_bundle
from federation.judging.doubt import Doubt, DoubtError
from federation.ledgers import stage
from federation.ledgers.ledger import append, head_of, lock_channel
from federation.ledgers.ledger_records import ChannelRecord, EntryRecord, Standing
from federation.ledgers.rebuild import rebuild
from federation.ledgers.stage import Brought
from federation.partners.heads import Head, Heads
from federation.replicas.pulled import PulledPage
from federation.replicas.replica import ChannelServer
from federation.rounds.rounds import UNREAD_AT_MOST
from hub.apply import VIEWS
from hub.channels import queries
from policies.acts import Act, ChannelKind
from policies.tlp import TLP
from sharing import objects, stix
from sharing.objects import StixObject
from tests.kit.nodes import CONSOLE, RunningNode, running, settle

Three = tuple[RunningNode, RunningNode, RunningNode]


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Three]:
    with running(tmp_path, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield cert, grid, vendor


def opened(cert: RunningNode, *members: RunningNode, **more: Any) -> str:
    case = cert.open("3CX", **more)
    for member in members:
        cert.invite(case, member, "member" if more else "affected")
    settle(cert, *members)
    for member in members:
        member.join(case)
    settle(cert, *members)
    return case


def note_of(author: RunningNode, channel: str, text: str = "seen on relay 7") -> StixObject:
    about = f"identity--{channel}"
    return stix.note(
        text, about=[about], created_by=author.organisation, now=author.now(), marking=TLP.AMBER
    )


def direct_channel(reader: RunningNode, writer: RunningNode) -> str:
    """Give the channel in which one node writes to another, as the reader knows it."""
    with reader.reading() as session:
        rows = queries.visible_channels(session, CONSOLE)
    return next(
        row.id
        for row in rows
        if row.kind is ChannelKind.DIRECT and row.owner == writer.organisation
    )


def newest_entry(node: RunningNode, channel: str) -> SignedBundle:
    with node.reading() as session:
        row = session.scalars(
            select(EntryRecord)
            .where(EntryRecord.channel == channel)
            .order_by(EntryRecord.epoch.desc(), EntryRecord.seq.desc())
            .limit(1)
        ).one()
        found = objects.find(session, row.object_sha256)
    assert found is not None
    return SignedBundle.read(found)


def contribute(
    member: RunningNode,
    owner: RunningNode,
    channel: str,
    items: Sequence[Item],
    arrived: Sequence[StixObject],
) -> SignedBundle:
    """Sign a contribution by hand and put it before the owner, as its TAXII server does."""
    with member.writing() as session:
        record = lock_channel(session, channel)
        head = head_of(record)
        assert head is not None
        desk = member.office.desk(session)
        bundle = make_bundle(
            key=desk.key,
            author=desk.organisation,
            channel=channel,
            act=Act.INTEL_SHARED.value,
            body={},
            contents=items,
            label=TLP.AMBER,
            now=member.now(),
            nth=record.next_nth,
            seen=head,
        )
        record.next_nth += 1
    with owner.writing() as session:
        append(
            session,
            owner.office.desk(session),
            channel,
            Act.ADMITTED,
            {},
            (),
            now=owner.now(),
            contribution=bundle,
            arrived=arrived,
        )
    return bundle


def item_of(one: StixObject, tlp: TLP | None = TLP.AMBER) -> Item:
    return Item(one.stix_id, one.sha256, one.version, tlp)


def with_other_signature(bundle: SignedBundle) -> SignedBundle:
    """Give the same bundle, by its hash, with a signature that proves nothing."""
    header, _, signature = bundle.signature.split(".")
    other = ("B" if signature.startswith("A") else "A") + signature[1:]
    value = {**bundle.stix.value, "signature": f"{header}..{other}"}
    changed = SignedBundle.read(StixObject.of(value))
    assert changed.sha256 == bundle.sha256
    assert changed.stix.sha256 != bundle.stix.sha256
    return changed


def assert_equal(channel: str, *nodes: RunningNode) -> None:
    """See that all replicas stand where the owner does, and that each can be made again."""
    first = nodes[0]
    for node in nodes:
        record = node.channel(channel)
        assert record.standing is Standing.CURRENT, (node.name, record.doubt, record.sentence)
        assert node.state(channel) == first.state(channel)
        assert voids(node, channel) == voids(first, channel)
        with node.writing() as session:
            rebuilt = rebuild(session, node.office.desk(session), channel, VIEWS)
        assert rebuilt.equal, (node.name, rebuilt.differences)


def voids(node: RunningNode, channel: str) -> list[tuple[int, str | None]]:
    with node.reading() as session:
        rows = session.execute(
            select(EntryRecord.seq, EntryRecord.void)
            .where(EntryRecord.channel == channel)
            .order_by(EntryRecord.epoch, EntryRecord.seq)
        )
        return [(seq, void) for seq, void in rows]


def test_an_entry_of_another_channel_may_be_carried_along_as_proof(nodes: Three) -> None:
    cert, grid, vendor = nodes
    case = opened(cert, grid, vendor)
    direct = direct_channel(grid, vendor)
    told = note_of(vendor, direct)
    vendor.write(direct, Act.NOTE_ADDED, {}, [told])
    settle(*nodes)
    proof = newest_entry(grid, direct)
    assert proof.is_entry
    items = [item_of(told), proof.item]
    contribute(grid, cert, case, items, [told, proof.stix])
    settle(*nodes)
    assert_equal(case, *nodes)
    # And once more, with what is here already.
    contribute(grid, cert, case, items, [told, proof.stix])
    settle(*nodes)
    assert_equal(case, *nodes)
    assert not any(void for _, void in voids(vendor, case))


def test_an_entry_of_its_own_channel_is_never_carried_along(nodes: Three) -> None:
    cert, grid, _ = nodes
    case = opened(cert, grid)
    next_one = newest_entry(cert, case)
    seen = next_one.position.document()
    value = {**next_one.stix.value, "seq": seen["seq"] + 1, "seen": seen}
    forged = SignedBundle.read(StixObject.of(value))
    with pytest.raises(DoubtError) as caught:
        contribute(grid, cert, case, [forged.item], [forged.stix])
    assert caught.value.doubt is Doubt.MALFORMED


def test_who_names_a_hash_is_not_given_what_the_owner_holds_elsewhere(nodes: Three) -> None:
    cert, grid, vendor = nodes
    elsewhere = opened(cert, vendor, kind=ChannelKind.COMMUNITY)
    case = opened(cert, grid)
    secret = note_of(vendor, elsewhere, "for the community alone")
    vendor.write(elsewhere, Act.NOTE_ADDED, {}, [secret])
    settle(*nodes)
    with pytest.raises(DoubtError) as caught:
        contribute(grid, cert, case, [item_of(secret)], [])
    assert caught.value.doubt is Doubt.MISSING_OBJECT


def test_a_late_joiner_gets_past_what_was_released_and_then_recalled(nodes: Three) -> None:
    cert, grid, vendor = nodes
    case = opened(cert, grid)
    note = note_of(grid, case)
    grid.write(case, Act.NOTE_ADDED, {}, [note])
    settle(*nodes)
    grid.write(case, Act.OBJECT_RELEASED, {"objects": [note.stix_id]})
    settle(*nodes)
    grid.write(case, Act.OBJECT_RECALLED, {"objects": [note.stix_id]})
    settle(*nodes)
    cert.invite(case, vendor)
    settle(*nodes)
    vendor.join(case)
    settle(*nodes)
    assert_equal(case, *nodes)


def test_a_copy_with_another_signature_stops_nobody(nodes: Three) -> None:
    cert, grid, vendor = nodes
    case = opened(cert, grid)
    note = note_of(grid, case)
    bundle = contribute(grid, cert, case, [item_of(note)], [note])
    for _ in range(3):
        # Which of two copies is looked at first is left to chance.
        copy = with_other_signature(bundle)
        contribute(grid, cert, case, [copy.item], [copy.stix])
        note = note_of(grid, case)
        bundle = contribute(grid, cert, case, [item_of(note)], [note])
    settle(cert, grid)
    cert.invite(case, vendor)
    settle(*nodes)
    vendor.join(case)
    settle(*nodes)
    assert_equal(case, *nodes)


def test_who_names_a_channel_first_keeps_nobody_from_joining_it(nodes: Three) -> None:
    cert, grid, vendor = nodes
    case = cert.open("3CX")
    name_channels(grid, vendor, [case])
    settle(*nodes)
    cert.invite(case, grid)
    settle(*nodes)
    grid.join(case)
    settle(*nodes)
    assert_equal(case, cert, grid)
    assert grid.channel(case).name == "3CX"


def test_a_partner_does_not_fill_the_list_of_channels(nodes: Three) -> None:
    _, grid, vendor = nodes
    name_channels(grid, vendor, [str(uuid4()) for _ in range(40)])
    with grid.reading() as session:
        rows = session.scalars(
            select(ChannelRecord).where(
                ChannelRecord.owner == vendor.organisation, ChannelRecord.state.is_(None)
            )
        )
        assert len(list(rows)) == UNREAD_AT_MOST


def name_channels(node: RunningNode, partner: RunningNode, channels: Sequence[str]) -> None:
    """Have a partner's heads name channels that it does not have."""
    rounds = node.office.rounds
    heads = [Head(channel, 1, 0, "0" * 64) for channel in channels]
    newest = Heads(1, "0" * 64, tuple(heads))
    told = replace(rounds, exchanges=cast("Any", Telling(newest)))
    with node.app.app_context():
        told.poll(node.app, partner.organisation, node.now())


@dataclass
class Telling:
    """A way to partners on which somebody tells these heads."""

    heads: Any

    def ask_heads(self, _organisation: str, *, etag: str | None) -> Any:
        del etag
        return self.heads


def test_what_is_dropped_from_a_full_stage_is_pulled_again(
    nodes: Three, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, grid, _ = nodes
    case = opened(cert, grid)
    for number in range(4):
        cert.note(case, f"note {number}")
    monkeypatch.setattr(stage, "STAGE_LIMIT_BYTES", 10)
    replicas = grid.office.replicas
    with grid.app.app_context():
        replace(replicas, connect=lambda *names: Backwards(replicas.connect(*names))).pull(case)
        assert grid.state(case) != cert.state(case)
        replicas.pull(case)
    assert grid.state(case) == cert.state(case)


@dataclass
class Backwards:
    """A server that shows what is newest first."""

    server: ChannelServer

    def pages(self, channel: str, added_after: str | None) -> Iterator[PulledPage]:
        for page in self.server.pages(channel, added_after):
            yield PulledPage(Brought(page.brought.objects[5:], []), page.last_added)
            yield page

    def by_ids(self, channel: str, refs: Iterable[str]) -> list[StixObject]:
        return self.server.by_ids(channel, refs)

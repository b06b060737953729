"""What others say of a channel's head, in bad faith: it thaws nothing, costs little, delays nobody.

Source: protocol, 9 to 11 and 14.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from federation.branches.endorsements import endorse, reason_to_endorse, tally_of
from federation.identity.descriptor import KeyUse
from federation.judging.doubt import Doubt, DoubtError
from federation.ledgers.branch_records import HeadClaimRecord
from federation.ledgers.ledger import get_channel, lock_channel
from federation.ledgers.ledger_records import Standing
from federation.ledgers.sources import LOOK
from federation.ledgers.stops import freeze
from federation.partners.heads import Head
from federation.replicas.looks import LONGEST_PATIENCE, Looks, weigh_claim
from federation.work.errands import find_waiting
from hub import own_keys
from hub.channels import service
from tests.kit.nodes import CONSOLE, Clock, RunningNode, running, settle

Three = tuple[RunningNode, RunningNode, RunningNode]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    folder = Path(tmp_path_factory.mktemp("looks"))
    with running(folder, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        yield cert, grid, vendor


def gather(owner: RunningNode, *members: RunningNode) -> str:
    channel = owner.open()
    for member in members:
        owner.invite(channel, member)
    settle(owner, *members)
    for member in members:
        member.join(channel)
    settle(owner, *members)
    return channel


def wait(node: RunningNode, **span: float) -> None:
    assert isinstance(node.now, Clock)
    node.now.advance(**span)


def test_a_frozen_replica_is_not_thawed_by_more_of_the_same_owner(nodes: Three) -> None:
    cert, grid, vendor = nodes
    channel = gather(cert, grid, vendor)
    with grid.writing() as session:
        record = lock_channel(session, channel)
        error = DoubtError(Doubt.FORK, "its owner signed two histories")
        freeze(session, record, error, b"{}", now=grid.now())
    cert.note(channel, "And so it goes on.")
    settle(cert, vendor)
    assert vendor.channel(channel).seq == cert.channel(channel).seq
    with grid.app.app_context():
        assert not Looks(grid.office.rounds.replicas).look(channel, vendor.organisation)
    record = grid.channel(channel)
    assert (record.standing, record.doubt) == (Standing.FROZEN, "fork")


def test_who_was_looked_at_in_vain_waits_longer_each_time(nodes: Three) -> None:
    cert, grid, vendor = nodes
    channel = gather(cert, grid, vendor)
    waits = []
    for number in range(4):
        asked_at = grid.now()
        for attempt in range(200):
            # A new invention each time, by bells and by heads.
            head = Head(channel, 2, 0, f"{number:032d}{attempt:032d}")
            with grid.writing() as session:
                record = lock_channel(session, channel)
                weigh_claim(session, record, vendor.organisation, head, now=grid.now())
            with grid.reading() as session:
                if find_waiting(session, LOOK, f"{channel} {vendor.organisation}"):
                    break
            wait(grid, seconds=30)
        waits.append(round((grid.now() - asked_at).total_seconds()))
        settle(grid)
    assert waits[0] == 0
    assert waits[1:] == sorted(waits[1:])
    assert waits[-1] > 2 * waits[1] > 0
    with grid.reading() as session:
        claim = session.get_one(HeadClaimRecord, (channel, vendor.organisation))
        assert claim.in_vain == len(waits)
    assert timedelta(seconds=waits[-1]) <= LONGEST_PATIENCE


def test_an_owner_that_dates_its_entries_ahead_is_silent_all_the_same(nodes: Three) -> None:
    cert, grid, vendor = nodes
    channel = gather(cert, grid, vendor)
    with cert.writing() as session:
        desk, later = cert.office.desk(session), cert.now() + timedelta(days=365)
        service.add_note(session, desk, CONSOLE, channel, text="From next year.", now=later)
    with grid.app.app_context():
        assert grid.office.rounds.replicas.pull(channel) is None
    assert grid.channel(channel).seq == cert.channel(channel).seq
    wait(grid, minutes=61)
    with grid.reading() as session:
        assert (
            reason_to_endorse(session, get_channel(session, channel), now=grid.now()) == "silence"
        )


def test_an_endorsement_under_a_key_that_is_retired_by_now_spoils_no_take_over(
    nodes: Three,
) -> None:
    cert, grid, vendor = nodes
    channel = gather(cert, grid, vendor)
    wait(grid, minutes=61)
    for node in (grid, vendor):
        with node.writing() as session:
            desk, record = node.office.desk(session), get_channel(session, channel)
            endorse(session, desk, record, candidate=grid.organisation, now=node.now())
    settle(grid, vendor)

    def given() -> set[str]:
        with grid.reading() as session:
            record = get_channel(session, channel)
            return set(tally_of(session, record, grid.organisation, now=grid.now()).given)

    assert given() == {grid.organisation, vendor.organisation}
    with vendor.writing() as session:
        own_keys.rotate(session, vendor.office, CONSOLE, (KeyUse.SIGN,), now=vendor.now())
    settle(cert, grid, vendor)
    assert given() == {grid.organisation}

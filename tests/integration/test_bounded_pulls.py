"""A ledger without end, and a stage that is full: one partner's matter stays one partner's.

Source: protocol, 7 (the stage) and 14 (flooding by a partner); issue 3, 8.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from federation.ledgers import stage
from federation.ledgers.sources import PULL
from federation.ledgers.stage import Brought
from federation.replicas.pulled import PulledPage
from federation.replicas.replica import Budget, ChannelServer
from federation.work.errands import find_waiting, hasten
from sharing import collections
from sharing.objects import StixObject
from tests.kit.nodes import RunningNode, running, settle


@dataclass
class Gappy:
    """A server that keeps one entry back, so that all that follows it has to wait."""

    server: ChannelServer
    hidden: set[int]

    def pages(self, channel: str, added_after: str | None) -> Iterator[PulledPage]:
        for page in self.server.pages(channel, added_after):
            brought = page.brought
            shown = [one for one in brought.objects if one.value.get("seq") not in self.hidden]
            yield PulledPage(Brought(shown, brought.unreadable), page.last_added)

    def by_ids(self, channel: str, refs: Iterable[str]) -> list[StixObject]:
        return self.server.by_ids(channel, refs)


def hide_entries(node: RunningNode) -> set[int]:
    """Have others' servers keep entries from a node; give which, to be said and unsaid."""
    hidden: set[int] = set()
    office = node.office
    connect = office.replicas.connect
    replicas = replace(office.replicas, connect=lambda *names: Gappy(connect(*names), hidden))
    rounds = replace(office.rounds, replicas=replicas)
    work = node.app.extensions["tocsin_work"]
    handlers = {**work.handlers, PULL: rounds.pull}
    node.app.extensions["tocsin_work"] = replace(work, handlers=handlers)
    return hidden


def level(one: RunningNode, other: RunningNode, channel: str) -> bool:
    return one.channel(channel).head_sha256 == other.channel(channel).head_sha256


def test_a_long_ledger_is_read_bit_by_bit_and_another_owners_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("federation.rounds.rounds.PAGES_PER_ERRAND", 3)
    monkeypatch.setattr(collections, "PAGE_LIMIT", 4)
    with running(tmp_path, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        flood, calm = vendor.open("Endless"), cert.open("Calm")
        for owner, case in ((vendor, flood), (cert, calm)):
            owner.invite(case, grid)
            settle(owner, grid)
            grid.join(case)
            settle(owner, grid)
        for number in range(40):
            vendor.note(flood, f"word {number}")
        cert.note(calm, "one word")
        vendor.work()
        cert.work()
        rounds = 0
        while not level(grid, cert, calm):
            rounds += 1
            assert rounds < 4, "the calm one waits for the flood"
            grid.work()
        assert not level(grid, vendor, flood), "it is not through yet"
        settle(cert, grid, vendor)
        assert level(grid, vendor, flood)


def test_a_pull_tells_when_it_has_done_all_that_it_may() -> None:
    budget, endless = Budget(2), Budget()
    told = []
    for one in (budget, budget, endless):
        one.count_page()
        told.append(one.is_spent)
    assert told == [False, True, False]


def test_a_full_stage_is_read_again_later_and_no_bell_makes_it_sooner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, "CERT", "Grid") as (cert, grid):
        case = cert.open()
        cert.invite(case, grid)
        settle(cert, grid)
        grid.join(case)
        settle(cert, grid)
        hidden = hide_entries(grid)
        hidden.add((cert.channel(case).seq or 0) + 1)
        for number in range(6):
            cert.note(case, f"word {number}")
        monkeypatch.setattr(stage, "STAGE_LIMIT_BYTES", 500)
        cert.work()
        grid.work()
        with grid.writing() as session:
            waiting = find_waiting(session, PULL, case)
            assert waiting is not None
            assert waiting.last_name == "stage_full"
            assert hasten(session, case, now=grid.now()) == 0
        cert.note(case, "and one more")
        cert.work()
        with grid.reading() as session:
            again = find_waiting(session, PULL, case)
        assert again is not None
        assert again.due_at == waiting.due_at
        monkeypatch.setattr(stage, "STAGE_LIMIT_BYTES", 1 << 20)
        hidden.clear()
        grid.now.advance(minutes=10)  # type: ignore[attr-defined]
        settle(cert, grid)
        assert level(grid, cert, case)

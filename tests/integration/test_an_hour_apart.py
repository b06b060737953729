"""The coordinator can't be reached for an hour: what is shown on the way, and what comes after."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

from federation.ledgers.ledger_records import Delivery
from federation.ledgers.sources import DELIVER
from federation.work.backoff import LONGEST_WAIT
from federation.work.errands import find_waiting
from hub.channels.queries import PendingRow, visible_pending
from tests.integration.test_by_file import opened
from tests.kit.histories import assert_one_history, history_of
from tests.kit.hostile_peer import signed_in
from tests.kit.nodes import CONSOLE, Clock, RunningNode, running, settle

STEP: Final = timedelta(minutes=4)
STEPS: Final = 16
WRITES: Final = 4
"""How often everybody says something meanwhile."""
SILENT: Final = "Not heard from: CERT."
NOT_SHOWN: Final = "does not show in"


def pass_time(node: RunningNode) -> None:
    """Move the one clock of all nodes."""
    assert isinstance(node.now, Clock)
    node.now.advance(seconds=STEP.total_seconds())


def pending(node: RunningNode, channel: str) -> list[PendingRow]:
    with node.reading() as session:
        return visible_pending(session, CONSOLE, channel, now=node.now())


def test_what_an_hour_without_the_coordinator_shows_is_taken_back_when_it_is_over(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "CERT", "Grid", "Vendor") as (cert, grid, vendor):
        channel = opened(cert, grid, vendor)
        browser = signed_in(grid)
        grid.note(channel, "Admitted, and not seen since.")
        grid.work()
        cert.stop()
        assert [row.state for row in pending(grid, channel)] == [Delivery.ADMITTED]
        for number in range(STEPS):
            if number % WRITES == 0:
                for node in (cert, grid, vendor):
                    node.note(channel, f"{node.name} in step {number}.")
            pass_time(grid)
            settle(grid, vendor)
            page = browser.get("/").text
            passed = (number + 1) * STEP
            # Each is told once, after ten minutes; who answers is not named.
            if passed < timedelta(minutes=10):
                assert SILENT not in page
                assert NOT_SHOWN not in page
            else:
                assert page.count(SILENT) == page.count(NOT_SHOWN) == 1
        first, *others = pending(grid, channel)
        assert (first.state, first.alarm) == (Delivery.ADMITTED, True)
        assert [row.state for row in others] == [Delivery.PENDING] * (STEPS // WRITES)
        with grid.reading() as session:
            delivery = find_waiting(session, DELIVER, channel)
        assert delivery is not None
        assert delivery.attempts >= 10
        assert delivery.due_at - grid.now() <= LONGEST_WAIT
        cert.start()
        for _ in range(5):
            pass_time(cert)
            settle(cert, grid, vendor)
        assert pending(grid, channel) == pending(vendor, channel) == []
        page = browser.get("/").text
        assert SILENT not in page
        assert NOT_SHOWN not in page
        assert_one_history([cert, grid, vendor])
        said = history_of(vendor, channel).texts()
        assert len(said) == len(set(said)) == 1 + 3 * (STEPS // WRITES)

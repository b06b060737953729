"""A PostgreSQL standby that lacks the newest commits takes over: nothing lost, nothing twice."""

from __future__ import annotations

import random
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import func, select

from federation.ledgers.ledger_records import EntryRecord
from tests.faults.chaos import NAMES
from tests.faults.going_back import compare, note, say, started
from tests.kit.processes import NodeProcesses, Postgresql, utcnow

pytestmark = [pytest.mark.faults, pytest.mark.soak]

TIMES: Final = 5


def count_applied(node: NodeProcesses, channel: str, *, since: datetime) -> int:
    with node.reading() as session:
        query = select(func.count()).where(
            EntryRecord.channel == channel, EntryRecord.applied_at >= since
        )
        return session.scalar(query) or 0


@pytest.mark.timeout(900)
@pytest.mark.parametrize("place", [0, 1], ids=NAMES[:2])
def test_a_promoted_standby_goes_on_where_the_others_are(
    tmp_path: Path, chance: random.Random, cluster: Postgresql, place: int
) -> None:
    """Each of the two coordinates one of the channels, and is a member of the other one."""
    with ExitStack() as stack:
        name = NAMES[place]
        chaos = started(stack, tmp_path, chance, {name: cluster.database(name.lower())})
        node = chaos.nodes[place]
        cluster.start_standby()
        say(chaos, "heard by the standby")
        cluster.lose_sight_of_standby()
        # Of this the standby knows nothing, though all of it is history and everybody holds it.
        for number in range(TIMES):
            say(chaos, f"never heard by the standby, {number}")
        promoted_at = utcnow()
        cluster.promote_standby()
        node.wait_ready()
        note(chaos, node, chaos.channels[place], f"{name}: at once")
        chaos.settle()
        for channel in chaos.channels:
            assert count_applied(node, channel, since=promoted_at) >= TIMES * len(NAMES)
        say(chaos, "after the promotion")
        compare(chaos)

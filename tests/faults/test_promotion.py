"""A PostgreSQL standby that lacks the newest commits takes over: nothing lost, nothing twice."""

from __future__ import annotations

import random
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.going_back import compare, note, say, started
from tests.kit.processes import Postgresql

pytestmark = [pytest.mark.faults, pytest.mark.soak]


@pytest.mark.timeout(300)
def test_a_promoted_standby_goes_on_where_the_others_are(
    tmp_path: Path, chance: random.Random, cluster: Postgresql
) -> None:
    with ExitStack() as stack:
        chaos = started(stack, tmp_path, chance, cluster.database("cert"))
        say(chaos, "heard by the standby")
        cluster.take_copy()
        say(chaos, "never heard by the standby")
        cluster.promote_copy()
        chaos.nodes[0].wait_ready()
        note(chaos, chaos.nodes[0], chaos.channels[0], "CERT: at once")
        chaos.settle()
        say(chaos, "after the promotion")
        compare(chaos)

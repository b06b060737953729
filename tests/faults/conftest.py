"""What tests of faults share: a seed that is told and can be given back."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from typing import Final

import pytest

from tests.kit.processes import Postgresql, postgresql

SEED: Final = "TOCSIN_FAULTS_SEED"


@pytest.fixture
def chance() -> random.Random:
    """Give what decides. Its seed is told; set in the environment, it makes the same choices."""
    given = os.environ.get(SEED)
    seed = int(given) if given else random.SystemRandom().randrange(1 << 32)
    sys.stdout.write(f"\n{SEED}={seed}\n")
    return random.Random(seed)


@pytest.fixture
def cluster() -> Iterator[Postgresql]:
    """Give a PostgreSQL of the test's own that can be killed."""
    with postgresql() as running:
        yield running

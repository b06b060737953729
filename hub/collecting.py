"""How our processes collect cyclic garbage: seldom.

Reading, judging and storing makes a great many small objects, hardly any of them in cycles. Looked
through after every 700 of them, as Python does by itself, a pull of much at once takes 15 to 25 %
longer (docs/performance.md).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

THRESHOLDS: Final = (50_000, 20, 20)
"""After how many new objects the youngest are looked at; after how many looks the next elder."""


def seldom() -> None:
    """Look seldom from now on."""
    gc.set_threshold(*THRESHOLDS)


@contextmanager
def paused() -> Iterator[None]:
    """Look not at all meanwhile: for what makes a great deal that stays until it ends."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def settle() -> None:
    """Leave out of every later look what the start has made, and look seldom: for what goes on."""
    gc.collect()
    gc.freeze()
    seldom()

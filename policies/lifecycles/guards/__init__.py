"""The guards of the tables: named pure functions of the ledger and the act.

A deadline is no guard: late answers count. It may entitle: a vote is counted once its time is up.

Source: lifecycles, 1 (rules 1 and 2).
"""

from __future__ import annotations

from typing import Final

from policies.lifecycles.guards.asking import ASKING
from policies.lifecycles.guards.cases import CASES
from policies.lifecycles.guards.channels import (
    CHANNELS,
    electors,
    endorsements_needed,
    has_no_node,
    role_text,
    through_direct,
)
from policies.lifecycles.guards.charters import CHARTERS
from policies.lifecycles.guards.deciding import DECIDING
from policies.lifecycles.guards.guard import Check, Guard

GUARDS: Final[dict[str, Guard]] = CHANNELS | ASKING | CASES | DECIDING | CHARTERS

__all__ = [
    "GUARDS",
    "Check",
    "Guard",
    "electors",
    "endorsements_needed",
    "has_no_node",
    "role_text",
    "through_direct",
]

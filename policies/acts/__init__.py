"""The table of acts, and the schema of each body.

A new act is a line in a table, a schema in `schemas/`, a row in a life-cycle table, a reducer and a
test of each.

Source: domain, 4; coordination protocol, 6; lifecycles, 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from policies.acts.act import Act, ActRule, ChannelKind
from policies.acts.bodies import LATER_MEMBERS, read_body, read_schema
from policies.acts.cases import CASES
from policies.acts.channels import CHANNELS

ACTS: Final[Mapping[Act, ActRule]] = CHANNELS | CASES
TOLD_ALONE: Final = frozenset({Act.ASSESSMENT_SUBMITTED, Act.RESPONSE_REPORTED})
"""Acts that stand in a direct channel where they are for the coordinator alone."""

__all__ = [
    "ACTS",
    "LATER_MEMBERS",
    "TOLD_ALONE",
    "Act",
    "ActRule",
    "ChannelKind",
    "read_body",
    "read_schema",
]

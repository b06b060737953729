"""Version 1 of the life-cycle tables.

A version never changes once it was released: ledgers are judged by it. What is to be judged
otherwise goes into a new version, and comes with a new epoch.

Source: lifecycles, 1 (rule 8).
"""

from __future__ import annotations

from typing import Final

from policies.acts import Act
from policies.lifecycles.mechanism import TableSet
from policies.lifecycles.version_1 import cases, channels, charters, talks

_FACTS: Final = frozenset(
    {
        Act.NODE_DESCRIBED,
        Act.MEMBER_DESCRIBED,
        Act.OBJECT_RELEASED,
        Act.CHANNEL_CEILING_CHANGED,
        Act.NOTE_ADDED,
        Act.EVENT_ADDED,
        Act.OPINION_GIVEN,
        Act.SIGHTING_REPORTED,
        Act.INTEL_SHARED,
        Act.INTEL_REVOKED,
        Act.SITREP_PUBLISHED,
        Act.CONTROL_REVIEWED,
        Act.CHANNEL_OPENED,
        Act.ADMITTED,
    }
)
_COORDINATION: Final = channels.COORDINATION.acts
_RECALL: Final = frozenset({Act.OBJECT_RECALLED, Act.RECALL_ANSWERED})
_MERGED: Final = _RECALL | _COORDINATION | {Act.ADMITTED, Act.NODE_DESCRIBED}
_ENDED: Final = (
    _FACTS
    | _COORDINATION
    | _RECALL
    | {
        Act.REQUEST_ANSWERED,
        Act.MEMBER_LEFT,
        Act.MEMBER_SUSPENDED,
        Act.MEMBER_RESUMED,
        Act.MEMBER_REMOVED,
        Act.CASE_REOPENED,
        Act.CASE_LINKED,
    }
)

VERSION_1: Final = TableSet(
    version="1",
    tables={
        table.thing: table
        for table in (*channels.TABLES, *talks.TABLES, *cases.TABLES, *charters.TABLES)
    },
    still_taken={"declined": _ENDED, "closed": _ENDED, "merged": _MERGED},
)

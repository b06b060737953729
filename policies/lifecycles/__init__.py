"""The life cycles: one table per thing, and one function that judges by them."""

from policies.lifecycles.guards import electors, endorsements_needed
from policies.lifecycles.judge import TABLES, knows, open_acts, rule
from policies.lifecycles.mechanism import (
    CHANNEL,
    NONE,
    SAME,
    Change,
    Row,
    Ruling,
    Situation,
    Table,
    TableSet,
    Who,
)

__all__ = [
    "CHANNEL",
    "NONE",
    "SAME",
    "TABLES",
    "Change",
    "Row",
    "Ruling",
    "Situation",
    "Table",
    "TableSet",
    "Who",
    "electors",
    "endorsements_needed",
    "knows",
    "open_acts",
    "rule",
]

"""The durable queue of what waits: asked for in the transaction of its cause, done by a worker.

Every function runs in its caller's transaction. Asking stands in `errand_asking`, what a worker
does in `errand_claims`, how things stand in `errand_looks`.
"""

from federation.work.asking import ask, hasten, hasten_lane, wake, wake_on_ask
from federation.work.claiming import (
    claim,
    expire_dead,
    find_next_due,
    is_ready,
    renew,
    settle,
)
from federation.work.looks import count_errands, find_waiting, visible_waiting
from federation.work.values import LEASE, Claimed, Done, Failed, Figures, Outcome, Waiting

__all__ = [
    "LEASE",
    "Claimed",
    "Done",
    "Failed",
    "Figures",
    "Outcome",
    "Waiting",
    "ask",
    "claim",
    "count_errands",
    "expire_dead",
    "find_next_due",
    "find_waiting",
    "hasten",
    "hasten_lane",
    "is_ready",
    "renew",
    "settle",
    "visible_waiting",
    "wake",
    "wake_on_ask",
]

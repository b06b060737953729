"""What is said of errands: how one was claimed, how it went, how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

LEASE: Final = timedelta(seconds=15)
"""How long a claim is believed without a sign of life from its holder."""

NOT_BEFORE_AT_MOST: Final = timedelta(hours=1)
"""How long the other side may put us off at once, whatever it says."""

KIND_LENGTH: Final = 40
SUBJECT_LENGTH: Final = 300
LANE_LENGTH: Final = 400
NAME_LENGTH: Final = 60
REASON_LENGTH: Final = 500

STAGE_FULL: Final = "stage_full"
"""A failure: more was sent than is kept, and all of it has to be pulled again."""
TAKES_ITS_TIME: Final = frozenset({STAGE_FULL})
"""Failures whose wait nobody ends: what a partner says would bring them about again."""

CUT_OFF_REASON: Final = "The worker ended while it was at this."


@dataclass(frozen=True, slots=True)
class Claimed:
    """An errand that is ours to do until its lease ends."""

    id: int
    kind: str
    subject: str
    lane: str
    attempts: int
    asked: int
    holder: str


@dataclass(frozen=True, slots=True)
class Done:
    """It is done.

    Args:
        again_at: when to do it again; never, unless somebody asks.
    """

    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be done now.

    Args:
        reason: one sentence that a person can read.
        name: the failure's name, as the protocol or we name it.
        not_before: when the other side said that it makes sense to try again; of that,
            `NOT_BEFORE_AT_MOST` is believed.
    """

    reason: str
    name: str
    not_before: datetime | None = None


Outcome = Done | Failed


@dataclass(frozen=True, slots=True)
class Waiting:
    """How an errand stands, for pages and commands."""

    kind: str
    subject: str
    lane: str
    asked_at: datetime
    due_at: datetime
    attempts: int
    running: bool
    last_name: str | None
    last_reason: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """How many errands wait, for metrics and readiness."""

    waiting: int
    running: int
    failing: int
    oldest_due_at: datetime | None
    """Of those that wait and have not failed: how far behind the workers are."""

"""Warnings, checks of the communication and requests: who has answered, and how quickly.

Source: lifecycles, 2 and 14 (*no reply*); domain, 1 (*Three in the morning*) and 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

STEPS: Final = (5, 15, 30, 60)
"""Minutes within which answers are counted."""
_MINUTE: Final = timedelta(minutes=1)


class CallKind(StrEnum):
    """What is called out to others, or asked of them."""

    WARNING = "warning"
    CHECK = "check"
    REQUEST = "request"


class Affected(StrEnum):
    """What an organisation says to a warning."""

    YES = "yes"
    NO = "no"
    LOOKING = "looking"


class AnswersTo(StrEnum):
    """Who gets the answers to a request."""

    ALL = "all"
    ASKER = "asker"


class RequestResult(StrEnum):
    """What an answer comes to: having searched in vain is not the same as not having searched."""

    ANSWERED = "answered"
    FOUND = "found"
    NOTHING_FOUND = "searched-nothing-found"
    NOT_SEARCHED = "not-searched"


class DeclineReason(StrEnum):
    """Why a request is not answered."""

    NOT_AFFECTED = "not-affected"
    NO_CAPACITY = "no-capacity"
    LEGAL_LIMIT = "legal-limit"
    CONFLICT = "conflict"
    OTHER = "other"


class RequestOutcome(StrEnum):
    """Why a request is closed."""

    ANSWERED = "answered"
    NO_LONGER_NEEDED = "no-longer-needed"


class Reply(StrEnum):
    """How one organisation stands to what it was asked; silence is nobody's *no*."""

    WAITING = "waiting"
    SILENT = "silent"
    ANSWERED = "answered"
    DECLINED = "declined"
    UNANSWERED = "unanswered"
    """It was closed before an answer came."""
    KEPT = "kept"
    """What it answered, and whether it has, the asker alone is told."""


def reply_of(
    *, answered: bool, declined: bool, closed: bool, reply_by: datetime, now: datetime
) -> Reply:
    """Tell how an organisation stands to what it was asked.

    A deadline never refuses: what has passed makes it *silent*, and a late answer ends that.
    """
    if declined:
        return Reply.DECLINED
    if answered:
        return Reply.ANSWERED
    if closed:
        return Reply.UNANSWERED
    return Reply.SILENT if reply_by < now else Reply.WAITING


@dataclass(frozen=True)
class Measured:
    """How quickly those who were called have answered, by ledger time alone.

    Args:
        within: (minutes, how many answered in no more than these), for each of `STEPS`.
        middle: minutes after which half of those that answered had done so.
        slowest: minutes that the last of them took.
    """

    asked: int
    answered: int
    within: tuple[tuple[int, int], ...]
    middle: int | None
    slowest: int | None


def measure(spans: Sequence[timedelta], *, asked: int) -> Measured:
    """Measure answers.

    Args:
        spans: from the call to the first answer, one for each that answered.
    """
    ordered = sorted(spans)
    minutes = [minutes_of(one) for one in ordered]
    return Measured(
        asked=asked,
        answered=len(ordered),
        within=tuple((step, sum(1 for one in ordered if one <= step * _MINUTE)) for step in STEPS),
        middle=minutes[(len(minutes) - 1) // 2] if minutes else None,
        slowest=minutes[-1] if minutes else None,
    )


def minutes_of(span: timedelta) -> int:
    """Give a span in minutes, begun ones counted."""
    return -(-max(span, timedelta(0)) // _MINUTE)

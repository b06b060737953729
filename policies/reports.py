"""Reports: the steps on the own node, and how one stands between two organisations.

Source: lifecycles, 2; domain, 2 (*Detect and report*).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from policies.errors import ConflictError


class ReportKind(StrEnum):
    """What is reported. Source: ISO/IEC 27035-1, 3 (event, incident, vulnerability)."""

    EVENT = "event"
    INCIDENT = "incident"
    VULNERABILITY = "vulnerability"
    NEAR_MISS = "near-miss"


class Certainty(StrEnum):
    """Whether it has happened. Source: ISO/IEC 27035, form item 8."""

    SUSPECTED = "suspected"
    ACTUAL = "actual"


class Attribution(StrEnum):
    """How others may be told of whom a report comes from."""

    NAMED = "named"
    SECTOR = "sector"
    UNNAMED = "unnamed"


class Triage(StrEnum):
    """What a coordinator takes a report for."""

    INCIDENT = "incident"
    NOT_YET = "not-yet"
    VULNERABILITY = "vulnerability"
    NEAR_MISS = "near-miss"
    FALSE_ALARM = "false-alarm"
    DUPLICATE = "duplicate"


class FalseAlarm(StrEnum):
    """Why something is a false alarm. Source: MISP taxonomy `incident-disposition`."""

    INSUFFICIENT_DATA = "insufficient-data"
    FAULTY_INDICATOR = "faulty-indicator"
    MISCONFIGURATION = "misconfiguration"
    SCAN = "scan"
    FAILED_ATTEMPT = "failed-attempt"
    REFUTED = "refuted"


class ReportOutcome(StrEnum):
    """What became of a report in the end."""

    RESOLVED = "resolved"
    HANDLED_IN_CASE = "handled-in-case"
    HANDED_ON = "handed-on"
    FALSE_ALARM = "false-alarm"
    NO_ACTION = "no-action"


class LocalState(StrEnum):
    """Where a report stands on the node that recorded it."""

    RECORDED = "recorded"
    ASSESSED = "assessed"
    SUBMITTED = "submitted"
    FALSE_ALARM = "false alarm"
    HANDLED_LOCALLY = "handled locally"


class LocalStep(StrEnum):
    """A step that never travels; submitting writes `report.submitted` besides."""

    ASSESS = "assess"
    SUBMIT = "submit"
    DISCARD = "discard"
    HANDLE = "handle"
    REOPEN = "reopen"


NEXT_LOCAL_STATE: Final[Mapping[tuple[LocalState, LocalStep], LocalState]] = {
    (LocalState.RECORDED, LocalStep.ASSESS): LocalState.ASSESSED,
    (LocalState.ASSESSED, LocalStep.ASSESS): LocalState.ASSESSED,
    (LocalState.RECORDED, LocalStep.SUBMIT): LocalState.SUBMITTED,
    (LocalState.ASSESSED, LocalStep.SUBMIT): LocalState.SUBMITTED,
    (LocalState.RECORDED, LocalStep.DISCARD): LocalState.FALSE_ALARM,
    (LocalState.ASSESSED, LocalStep.DISCARD): LocalState.FALSE_ALARM,
    (LocalState.ASSESSED, LocalStep.HANDLE): LocalState.HANDLED_LOCALLY,
    (LocalState.FALSE_ALARM, LocalStep.REOPEN): LocalState.RECORDED,
    (LocalState.HANDLED_LOCALLY, LocalStep.REOPEN): LocalState.RECORDED,
}


def open_steps(state: LocalState) -> frozenset[LocalStep]:
    """Give the steps that `step` takes in this state."""
    return frozenset(one for source, one in NEXT_LOCAL_STATE if source is state)


def step(state: LocalState, taken: LocalStep) -> LocalState:
    """Give the state that follows.

    Raises:
        ConflictError: the step is not open; the message names those that are.
    """
    try:
        return NEXT_LOCAL_STATE[state, taken]
    except KeyError:
        choices = ", ".join(sorted(open_steps(state))) or "none: it is with the coordinator"
        raise ConflictError(
            f"a report that is {state} does not take the step {taken}; open: {choices}",
            field="step",
        ) from None


class ReportState(StrEnum):
    """How a report stands between who sent it and who got it."""

    SUBMITTED = "submitted"
    ACKNOWLEDGED = "acknowledged"
    TRIAGED = "triaged"
    LINKED = "linked"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


def stands(own: str, answer: str | None, *, asked_again: bool = False) -> ReportState:
    """Put together what the two direct channels say.

    Each of the two ledgers tells one side, and neither orders the other: so this must not ask
    which of them was read first.

    Args:
        own: the reporter's side: `submitted` or `withdrawn`.
        answer: the addressee's side; `None` where it has not answered.
        asked_again: the reporter has opened it again, naming the very closing that stands.
    """
    if own == ReportState.WITHDRAWN:
        return ReportState.WITHDRAWN
    if answer is None:
        return ReportState.SUBMITTED
    state = ReportState(answer)
    return ReportState.ACKNOWLEDGED if state is ReportState.CLOSED and asked_again else state

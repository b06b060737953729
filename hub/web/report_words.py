"""What a page says of reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hub.reports.queries import Travelled, Words
from hub.reports.recorded import Local
from hub.web.models import State, Tone
from policies.acts import Act
from policies.likeness import Likeness
from policies.reports import (
    Attribution,
    Certainty,
    FalseAlarm,
    LocalState,
    ReportKind,
    ReportOutcome,
    ReportState,
    Triage,
)
from policies.taxonomies.categories import RSIT_CATEGORIES, find_type

KINDS: Final[Mapping[ReportKind, str]] = {
    ReportKind.INCIDENT: "Incident",
    ReportKind.EVENT: "Event: may be an incident",
    ReportKind.VULNERABILITY: "Vulnerability",
    ReportKind.NEAR_MISS: "Near-miss",
}
CERTAINTIES: Final[Mapping[Certainty, str]] = {
    Certainty.SUSPECTED: "Suspected",
    Certainty.ACTUAL: "It has happened",
}
ATTRIBUTIONS: Final[Mapping[Attribution, str]] = {
    Attribution.NAMED: "With our name",
    Attribution.SECTOR: "With our sector alone",
    Attribution.UNNAMED: "Without saying whom it comes from",
}
TOLD_AS: Final[Mapping[Attribution, str]] = {
    Attribution.NAMED: "by name",
    Attribution.SECTOR: "by its sector alone",
    Attribution.UNNAMED: "without saying whom it comes from",
}
TRIAGES: Final[Mapping[Triage, str]] = {
    Triage.INCIDENT: "An incident",
    Triage.NOT_YET: "Not an incident yet: watched",
    Triage.VULNERABILITY: "A vulnerability",
    Triage.NEAR_MISS: "A near-miss",
    Triage.FALSE_ALARM: "A false alarm",
    Triage.DUPLICATE: "Known already",
}
FALSE_ALARMS: Final[Mapping[FalseAlarm, str]] = {
    FalseAlarm.INSUFFICIENT_DATA: "too little to go on",
    FalseAlarm.FAULTY_INDICATOR: "a faulty indicator",
    FalseAlarm.MISCONFIGURATION: "a misconfiguration",
    FalseAlarm.SCAN: "a scan, and no more",
    FalseAlarm.FAILED_ATTEMPT: "an attempt that failed",
    FalseAlarm.REFUTED: "shown not to be so",
}
OUTCOMES: Final[Mapping[ReportOutcome, str]] = {
    ReportOutcome.RESOLVED: "Resolved",
    ReportOutcome.HANDLED_IN_CASE: "Handled in a case",
    ReportOutcome.HANDED_ON: "Handed on to somebody else",
    ReportOutcome.FALSE_ALARM: "A false alarm",
    ReportOutcome.NO_ACTION: "Nothing had to be done",
}
LOCAL_STATES: Final[Mapping[LocalState, State]] = {
    LocalState.RECORDED: State("recorded", Tone.WAITING),
    LocalState.ASSESSED: State("assessed", Tone.WAITING),
    LocalState.SUBMITTED: State("submitted", Tone.GOOD),
    LocalState.FALSE_ALARM: State("false alarm", Tone.ENDED),
    LocalState.HANDLED_LOCALLY: State("handled here", Tone.ENDED),
}
_STATES: Final[Mapping[ReportState, State]] = {
    ReportState.SUBMITTED: State("not answered yet", Tone.WAITING),
    ReportState.ACKNOWLEDGED: State("acknowledged", Tone.CALM),
    ReportState.TRIAGED: State("looked at", Tone.CALM),
    ReportState.LINKED: State("in a case", Tone.GOOD),
    ReportState.CLOSED: State("closed", Tone.ENDED),
    ReportState.WITHDRAWN: State("withdrawn", Tone.ENDED),
}
_ASKED_AGAIN: Final = State("asked again", Tone.WAITING)
_SAID: Final[Mapping[Act, str]] = {
    Act.REPORT_UPDATED: "added",
    Act.REPORT_WITHDRAWN: "withdrew it",
    Act.REPORT_ACKNOWLEDGED: "has it, and looks into it",
    Act.REPORT_TRIAGED: "looked at it",
    Act.REPORT_LINKED: "made it part of a case",
    Act.REPORT_CLOSED: "closed it",
    Act.REPORT_REOPENED: "opened it again",
}


def state_of(report: Travelled) -> State:
    """Give how a report stands, as a badge."""
    return _ASKED_AGAIN if report.asked_again else _STATES[report.state]


def local_state_of(report: Local) -> State:
    """Give how a recorded report stands, as a badge."""
    return LOCAL_STATES[report.state]


def sentence_of(report: Travelled) -> str:
    """Say whose report it is, and what the addressee makes of it."""
    who = f"To {report.addressee_name}" if report.is_ours else f"From {report.reporter_name}"
    parts = [who]
    if report.reference:
        parts.append(report.reference)
    if report.outcome is not None:
        parts.append(OUTCOMES[report.outcome].lower())
    elif report.triaged_as is not None:
        taken = TRIAGES[report.triaged_as].lower()
        why = f": {FALSE_ALARMS[report.false_alarm]}" if report.false_alarm else ""
        parts.append(f"taken for {taken}{why}")
    return ", ".join(parts) + "."


def said(words: Words) -> str:
    """Say who did what with a report."""
    return f"{words.author_name} {_SAID.get(words.act, 'wrote')}"


def category_words(key: str | None) -> str | None:
    """Give the name of a category."""
    found = find_type(key) if key is not None else None
    return found.name if found is not None else key


def category_choices() -> list[tuple[str, str]]:
    """Give the categories to choose from, each with the group that it belongs to."""
    return [
        (one.key, f"{group.name}: {one.name}") for group in RSIT_CATEGORIES for one in group.types
    ]


def likeness_words(how: Likeness) -> str:
    """Say what two have in common; a host that both name is weaker, and said to be."""
    hosts = f"is on the same host{'' if how.hosts == 1 else 's'}, which may be chance"
    if not how.same:
        return hosts
    things = "one thing" if how.same == 1 else f"{how.same} things"
    named = f"names {things} that this one names too"
    return f"{named}, and {hosts}" if how.hosts else named

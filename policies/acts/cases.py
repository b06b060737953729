"""Acts by which organisations coordinate: reports, warnings, cases, decisions, charters."""

from __future__ import annotations

from typing import Final

from policies.acts.act import ALL, CASE, COMMUNITY, DIRECT, SHARED, Act, ActRule
from policies.roles import Right

CASES: Final[dict[Act, ActRule]] = {
    Act.REPORT_SUBMITTED: ActRule(
        "reports something to the coordinator at the other end",
        DIRECT,
        Right.CONTRIBUTE,
        ("incident", "observed-data", "indicator", "note", "vulnerability"),
    ),
    Act.REPORT_ACKNOWLEDGED: ActRule(
        "says that a report has arrived, with its reference and when to hear more",
        DIRECT,
        Right.RUN_CASES,
        ("note",),
    ),
    Act.REPORT_UPDATED: ActRule(
        "adds to a report",
        DIRECT,
        Right.CONTRIBUTE,
        ("incident", "observed-data", "indicator", "note", "vulnerability"),
    ),
    Act.REPORT_TRIAGED: ActRule(
        "says what a report is taken for", DIRECT, Right.RUN_CASES, ("note",)
    ),
    Act.REPORT_LINKED: ActRule(
        "says that a report has become part of a case", DIRECT, Right.RUN_CASES, ("note",)
    ),
    Act.REPORT_CLOSED: ActRule(
        "closes a report, with what became of it", DIRECT, Right.RUN_CASES, ("note",)
    ),
    Act.REPORT_REOPENED: ActRule(
        "opens a report again, with the reason", DIRECT, Right.CONTRIBUTE, ("note",)
    ),
    Act.REPORT_WITHDRAWN: ActRule("withdraws a report", DIRECT, Right.CONTRIBUTE, ("note",)),
    Act.REQUEST_OPENED: ActRule(
        "asks members for information or aid", ALL, Right.CONTRIBUTE, ("note", "indicator")
    ),
    Act.REQUEST_ANSWERED: ActRule(
        "answers what was asked", ALL, Right.CONTRIBUTE, ("note", "sighting"), relayed=True
    ),
    Act.REQUEST_DECLINED: ActRule(
        "declines to answer what was asked", ALL, Right.CONTRIBUTE, ("note",), relayed=True
    ),
    Act.REQUEST_CLOSED: ActRule("closes what was asked", ALL, Right.CONTRIBUTE, ("note",)),
    Act.CHECK_CALLED: ActRule(
        "asks points of contact to answer: a check of the communication",
        SHARED,
        Right.RUN_CASES,
        ("note",),
    ),
    Act.CHECK_ACKNOWLEDGED: ActRule(
        "answers a check of the communication", SHARED, Right.CONTRIBUTE, relayed=True
    ),
    Act.CHECK_CLOSED: ActRule(
        "ends a check of the communication", SHARED, Right.RUN_CASES, ("note",)
    ),
    Act.WARNING_ISSUED: ActRule(
        "warns, with what to look for and what to do",
        SHARED,
        Right.RUN_CASES,
        ("note", "indicator"),
        later_members=True,
    ),
    Act.WARNING_ACKNOWLEDGED: ActRule(
        "says that a warning was read, and whether one is affected",
        SHARED,
        Right.CONTRIBUTE,
        ("note",),
        relayed=True,
    ),
    Act.WARNING_UPDATED: ActRule(
        "adds to a warning", SHARED, Right.RUN_CASES, ("note", "indicator"), later_members=True
    ),
    Act.WARNING_ENDED: ActRule(
        "ends a warning", SHARED, Right.RUN_CASES, ("note",), later_members=True
    ),
    Act.CASE_OPENED: ActRule(
        "opens the case: the incident, and the charter that it goes by",
        CASE,
        Right.RUN_CASES,
        ("incident", "note"),
        later_members=True,
    ),
    Act.CASE_ACTIVATED: ActRule(
        "starts coordination, as was decided", CASE, Right.RUN_CASES, ("incident", "note")
    ),
    Act.CASE_DECLINED: ActRule(
        "declines to coordinate, as was decided", CASE, Right.RUN_CASES, ("incident", "note")
    ),
    Act.CASE_RECOVERED: ActRule(
        "says that those affected have recovered", CASE, Right.RUN_CASES, ("incident", "note")
    ),
    Act.CASE_CLOSED: ActRule(
        "closes the case, as was decided", CASE, Right.RUN_CASES, ("incident", "note")
    ),
    Act.CASE_REOPENED: ActRule(
        "opens the case again: new facts", CASE, Right.RUN_CASES, ("incident", "note")
    ),
    Act.CASE_MERGED: ActRule(
        "goes on in another case", CASE, Right.RUN_CASES, ("incident", "note")
    ),
    Act.CASE_LINKED: ActRule(
        "names another case that has to do with this one",
        CASE,
        Right.RUN_CASES,
        ("relationship", "note"),
    ),
    Act.CASE_CRISIS_DECLARED: ActRule(
        "declares a crisis: who is called, and what the coordinator decides alone",
        CASE,
        Right.RUN_CASES,
        ("incident", "note"),
    ),
    Act.CASE_CRISIS_ENDED: ActRule("ends the crisis", CASE, Right.RUN_CASES, ("incident", "note")),
    Act.ASSESSMENT_SUBMITTED: ActRule(
        "says how it is hit itself",
        CASE | DIRECT,
        Right.CONTRIBUTE,
        ("impact", "note"),
        relayed=True,
    ),
    Act.ASSESSMENT_JOINED: ActRule(
        "says what all assessments come to", CASE, Right.RUN_CASES, ("incident", "note")
    ),
    Act.RESPONSE_REPORTED: ActRule(
        "says how far it is itself", CASE | DIRECT, Right.CONTRIBUTE, ("note",), relayed=True
    ),
    Act.DECISION_OPENED: ActRule("puts a question to the vote", SHARED, Right.RUN_CASES, ("note",)),
    Act.DECISION_VOTED: ActRule("votes", SHARED, Right.VOTE, ("note",), relayed=True),
    Act.DECISION_TAKEN: ActRule(
        "says what is decided, on whose authority", SHARED, Right.RUN_CASES, ("note",)
    ),
    Act.DECISION_LAPSED: ActRule(
        "says that too few have voted", SHARED, Right.RUN_CASES, ("note",)
    ),
    Act.DECISION_WITHDRAWN: ActRule("takes a question back", SHARED, Right.RUN_CASES, ("note",)),
    Act.CHARTER_PROPOSED: ActRule(
        "proposes a version of the charter",
        COMMUNITY,
        Right.MANAGE_MEMBERS,
        ("note",),
        later_members=True,
    ),
    Act.CHARTER_ACCEPTED: ActRule(
        "accepts a version of the charter",
        COMMUNITY,
        Right.ANSWER_INVITATIONS,
        ("note",),
        relayed=True,
    ),
    Act.CHARTER_DECLINED: ActRule(
        "declines a version of the charter",
        COMMUNITY,
        Right.ANSWER_INVITATIONS,
        ("note",),
        relayed=True,
    ),
    Act.CHARTER_IN_FORCE: ActRule(
        "says that a version of the charter binds from now on",
        COMMUNITY,
        Right.MANAGE_MEMBERS,
        ("note",),
    ),
    Act.CHARTER_WITHDRAWN: ActRule(
        "takes a proposed version of the charter back", COMMUNITY, Right.MANAGE_MEMBERS, ("note",)
    ),
    Act.CHARTER_ENDED: ActRule(
        "ends the charter, as was decided", COMMUNITY, Right.MANAGE_MEMBERS, ("note",)
    ),
    Act.CONTROL_REVIEWED: ActRule(
        "says whether it is under control", CASE, Right.RUN_CASES, ("note",)
    ),
    Act.SITREP_PUBLISHED: ActRule(
        "tells how things stand", SHARED, Right.RUN_CASES, ("report", "note"), later_members=True
    ),
}

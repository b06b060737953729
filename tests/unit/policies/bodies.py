"""A fitting body of every act."""

from __future__ import annotations

from typing import Any

from policies.acts import Act, ChannelKind
from tests.unit.policies.worlds import (
    CERT,
    CHANNEL_ID,
    DIGEST,
    GRID,
    invitation,
    joining,
    object_of,
    opening,
)

HEAD = {"epoch": 1, "seq": 0, "sha256": DIGEST}
ONE = {"organisation": GRID}
NOTE = object_of(CERT)
INCIDENT = f"incident--{CHANNEL_ID}"
IMPACT = f"impact--{CHANNEL_ID}"
LATER = "2026-11-21T10:00:00.000Z"
REPORT = {"report": INCIDENT}
REQUEST = {"request": NOTE}
CALL = {"call": NOTE}
DECISION = {"decision": NOTE}
CHARTER = {"charter": NOTE, "sha256": DIGEST}

GOOD: dict[Act, dict[str, Any]] = {
    Act.CHANNEL_OPENED: opening(ChannelKind.CASE, {CERT: ["coordinator", "affected"]}),
    Act.ADMITTED: {},
    Act.CHANNEL_CEILING_CHANGED: {"ceiling": "amber+strict"},
    Act.NODE_DESCRIBED: {"descriptors": joining()["descriptors"], "disowned": [DIGEST]},
    Act.MEMBER_REQUESTED: {"channel": CHANNEL_ID, "role": "advisor"},
    Act.MEMBER_REFUSED: ONE | {"answers": DIGEST},
    Act.MEMBER_INVITED: invitation(GRID),
    Act.MEMBER_JOINED: joining(limits={"markings": ["green"], "topics": ["ransomware"]}),
    Act.MEMBER_DECLINED: {"answers": DIGEST},
    Act.MEMBER_UNINVITED: ONE,
    Act.MEMBER_ROLE_CHANGED: ONE | {"role": ["advisor", "supplier"]},
    Act.MEMBER_LIMITS_CHANGED: {"limits": {}},
    Act.MEMBER_DESCRIBED: {
        "points": [
            {
                "ref": GRID,
                "duty": "primary",
                "order": 1,
                "hours": {
                    "days": ["mon", "fri"],
                    "from": 480,
                    "until": 60,
                    "zone": "Europe/Vienna",
                },
                "ways": [{"kind": "telephone", "out_of_band": True, "ceiling": "amber"}],
                "verified_at": LATER,
            },
            {
                "ref": CERT,
                "duty": "deputy",
                "order": 2,
                "hours": "always",
                "ways": [{"kind": "e-mail", "out_of_band": False}],
            },
        ],
        "constituency": {"ref": GRID, "sectors": ["energy"], "as_numbers": [64496]},
    },
    Act.MEMBER_SUSPENDED: ONE,
    Act.MEMBER_RESUMED: ONE,
    Act.MEMBER_LEFT: {},
    Act.MEMBER_REMOVED: ONE | {"decision": NOTE},
    Act.HANDOVER_OFFERED: {"successor": GRID},
    Act.HANDOVER_ACCEPTED: {},
    Act.HANDOVER_DECLINED: {},
    Act.HANDOVER_WITHDRAWN: {},
    Act.COORDINATOR_HANDED_OVER: {"successor": GRID},
    Act.SUCCESSION_ENDORSED: {"epoch": 2, "round": 1, "candidate": GRID, "head": HEAD},
    Act.OBJECT_RECALLED: {"objects": [object_of(GRID)]},
    Act.OBJECT_RELEASED: {"objects": [object_of(GRID)]},
    Act.RECALL_ANSWERED: {"objects": [object_of(GRID)], "answer": "kept"},
    Act.NOTE_ADDED: {},
    Act.EVENT_ADDED: {},
    Act.OPINION_GIVEN: {"answers": DIGEST},
    Act.SIGHTING_REPORTED: {},
    Act.INTEL_SHARED: {},
    Act.INTEL_REVOKED: {"objects": [object_of(GRID)]},
    Act.REPORT_SUBMITTED: REPORT
    | {"kind": "incident", "state": "suspected", "attribution": "sector", "redacted": True}
    | {"category": "ransomware", "spread": "unknown", "help_wanted": True},
    Act.REPORT_ACKNOWLEDGED: REPORT | {"reference": "CERT-2026-0042", "next_contact": LATER},
    Act.REPORT_UPDATED: REPORT,
    Act.REPORT_TRIAGED: REPORT | {"as": "false-alarm", "reason": "scan"},
    Act.REPORT_LINKED: REPORT | {"case": CHANNEL_ID},
    Act.REPORT_CLOSED: REPORT | {"outcome": "resolved"},
    Act.REPORT_REOPENED: REPORT | {"answers": DIGEST},
    Act.REPORT_WITHDRAWN: REPORT,
    Act.REQUEST_OPENED: REQUEST
    | {"addressees": [GRID], "needed_by": LATER, "answers_to": "asker", "about": INCIDENT},
    Act.REQUEST_ANSWERED: REQUEST | {"result": "searched-nothing-found"},
    Act.REQUEST_DECLINED: REQUEST | {"reason": "legal-limit"},
    Act.REQUEST_CLOSED: REQUEST | {"addressees": [GRID], "result": "no-longer-needed"},
    Act.CHECK_CALLED: CALL | {"addressees": [GRID], "reply_by": LATER},
    Act.CHECK_ACKNOWLEDGED: CALL | {"way": "telephone", "by": GRID},
    Act.CHECK_CLOSED: CALL | {"addressees": [GRID]},
    Act.WARNING_ISSUED: CALL | {"addressees": [GRID], "reply_by": LATER, "next_update": LATER},
    Act.WARNING_ACKNOWLEDGED: CALL | {"way": "node", "affected": "looking"},
    Act.WARNING_UPDATED: CALL | {"addressees": [GRID], "asks": "again"},
    Act.WARNING_ENDED: CALL | {"addressees": [GRID]},
    Act.CASE_OPENED: {
        "incident": INCIDENT,
        "exercise": False,
        "charter": {"channel": CHANNEL_ID, "charter": NOTE, "sha256": DIGEST},
        "rules": {"close": {"by": "majority", "quorum": 2}},
        "delegations": [{"topic": "embargo", "up_to": "high"}],
        "deputies": [{"organisation": GRID, "endorsements": 2}],
        "criteria": ["two-organisations"],
        "silence_minutes": 60,
        "review_at": LATER,
    },
    Act.CASE_ACTIVATED: {"decision": NOTE, "met": ["severity"], "not_met": ["common-cause"]},
    Act.CASE_DECLINED: {"decision": NOTE, "taken_on_by": GRID},
    Act.CASE_RECOVERED: {"except": [GRID]},
    Act.CASE_CLOSED: {"decision": NOTE, "early": "false-alarm"},
    Act.CASE_REOPENED: {},
    Act.CASE_MERGED: {"into": CHANNEL_ID},
    Act.CASE_LINKED: {"relation": "same-cause", "case": CHANNEL_ID},
    Act.CASE_CRISIS_DECLARED: {
        "authority": "coordinator",
        "topics": ["embargo", "publication"],
        "until": LATER,
        "addressees": [GRID],
    },
    Act.CASE_CRISIS_ENDED: {"by": "reason"},
    Act.ASSESSMENT_SUBMITTED: {
        "assessment": {
            "functional_impact": "denial",
            "essential_service": True,
            "danger": "possible",
            "confidence": 80,
            "counts": {"computers-server": {"low": 3, "high": 12}},
        },
        "case": CHANNEL_ID,
        "impacts": [IMPACT],
    },
    Act.ASSESSMENT_JOINED: {
        "severity": "high",
        "derived": "medium",
        "inputs": [{"organisation": GRID, "sha256": DIGEST}],
        "asked": 3,
        "figures": [
            {"field": "danger", "as_of": 4, "at_least": "possible"},
            {"field": "counts", "as_of": 9, "kind": "computers-server", "low": 10, "high": 99},
        ],
    },
    Act.RESPONSE_REPORTED: {"state": "affected", "since": LATER, "since_earliest": LATER},
    Act.DECISION_OPENED: DECISION
    | {"topic": "close", "options": ["yes", "no"], "rule": {"by": "unanimity"}}
    | {"voters": [CERT, GRID], "vote_until": LATER, "facts": HEAD},
    Act.DECISION_VOTED: DECISION | {"option": "abstained"},
    Act.DECISION_TAKEN: DECISION
    | {"outcome": "yes", "authority": "coordinator", "topic": "removal", "subject": GRID}
    | {"facts": HEAD, "review_at": LATER, "replaces": INCIDENT},
    Act.DECISION_LAPSED: DECISION,
    Act.DECISION_WITHDRAWN: DECISION,
    Act.CHARTER_PROPOSED: CHARTER
    | {"accept_by": LATER, "rules": {"charter": {"by": "majority"}}}
    | {"delegations": [{"topic": "close", "up_to": "low"}], "criteria": ["severity"]}
    | {"deputies": [{"organisation": GRID, "endorsements": 3}], "silence_minutes": 60}
    | {"reply_minutes": {"join": 60, "assess": 240}, "default_marking": "amber"}
    | {"widening": ["warnings"], "attribution": "sector", "replaces": NOTE},
    Act.CHARTER_ACCEPTED: CHARTER,
    Act.CHARTER_DECLINED: {"charter": NOTE},
    Act.CHARTER_IN_FORCE: {"charter": NOTE},
    Act.CHARTER_WITHDRAWN: {"charter": NOTE},
    Act.CHARTER_ENDED: {"charter": NOTE, "decision": NOTE},
    Act.CONTROL_REVIEWED: {"under_control": "no", "next_review": LATER},
    Act.SITREP_PUBLISHED: {"number": 1, "since": LATER, "until": LATER, "next_at": LATER},
}

"""Reports, requests and calls: what is told to a coordinator, asked of members, called out to all.

Source: lifecycles, 2.
"""

from __future__ import annotations

from typing import Final

from policies.acts import Act
from policies.lifecycles.mechanism import NONE, SAME, Row, Subject, Table, When
from policies.lifecycles.version_1.letters import (
    ADDRESSEE,
    DIRECT,
    JOINED,
    OWNER,
    SHARED,
    states,
)

REPORT: Final = Table(
    thing="report",
    of=Subject.OBJECT,
    initial=NONE,
    states=(NONE, "submitted", "withdrawn", "acknowledged", "triaged", "linked", "closed"),
    rows=(
        Row(states(NONE), Act.REPORT_SUBMITTED, OWNER, "submitted"),
        Row(states("submitted"), Act.REPORT_UPDATED, OWNER, SAME),
        Row(states("submitted"), Act.REPORT_WITHDRAWN, OWNER, "withdrawn"),
        Row(states(NONE, "acknowledged"), Act.REPORT_ACKNOWLEDGED, OWNER, "acknowledged"),
        Row(states(NONE, "acknowledged", "triaged"), Act.REPORT_TRIAGED, OWNER, "triaged"),
        Row(states("triaged"), Act.REPORT_LINKED, OWNER, "linked"),
        Row(states("triaged", "linked"), Act.REPORT_CLOSED, OWNER, "closed"),
        Row(states("closed"), Act.REPORT_REOPENED, OWNER, "acknowledged"),
        Row(states("submitted"), Act.REPORT_REOPENED, OWNER, SAME),
    ),
    kinds=DIRECT,
    says=(
        "A report to a coordinator. Each ledger of the two direct channels tells one side of it: "
        "the reporter's that it is submitted, added to or withdrawn, the addressee's how far the "
        "answer is. `policies.reports` puts the two together."
    ),
    source="lifecycles, 2",
    named="report",
)
REQUEST: Final = Table(
    thing="request",
    of=Subject.OBJECT_AT,
    initial=NONE,
    states=(NONE, "open", "answered", "declined", "closed"),
    rows=(
        Row(
            states(NONE),
            Act.REQUEST_OPENED,
            JOINED,
            "open",
            ("names_whom_it_asks", "asks_members", "asked_by_nobody_else"),
            ("keep_asker",),
        ),
        Row(states("open"), Act.REQUEST_ANSWERED, ADDRESSEE, "answered"),
        Row(states("open"), Act.REQUEST_DECLINED, ADDRESSEE, "declined"),
        Row(
            states("open", "answered", "declined"),
            Act.REQUEST_CLOSED,
            JOINED,
            "closed",
            ("names_whom_it_asks", "asked_by_speaker"),
        ),
    ),
    kinds=SHARED,
    says=(
        "What is asked of a member, each addressee for itself. In a direct channel it is its "
        "owner's word; an answer for the asker alone goes there."
    ),
    source="lifecycles, 2",
    named="request",
)


def _ends(act: Act) -> Row:
    return Row(
        states("called", "acknowledged"),
        act,
        OWNER,
        "closed",
        ("names_whom_it_asks",),
    )


def _calls(act: Act) -> Row:
    return Row(states(NONE), act, OWNER, "called", ("names_whom_it_asks", "asks_members"))


CALL: Final = Table(
    thing="call",
    of=Subject.OBJECT_AT,
    initial=NONE,
    states=(NONE, "called", "acknowledged", "closed"),
    rows=(
        _calls(Act.CHECK_CALLED),
        _calls(Act.WARNING_ISSUED),
        Row(states("called", "acknowledged"), Act.CHECK_ACKNOWLEDGED, ADDRESSEE, "acknowledged"),
        Row(states("called", "acknowledged"), Act.WARNING_ACKNOWLEDGED, ADDRESSEE, "acknowledged"),
        Row(
            states("called", "acknowledged"),
            Act.WARNING_UPDATED,
            OWNER,
            SAME,
            ("names_whom_it_asks",),
            (),
            When("asks", None),
        ),
        Row(
            states("called", "acknowledged"),
            Act.WARNING_UPDATED,
            OWNER,
            "called",
            ("names_whom_it_asks",),
            (),
            When("asks", "again"),
        ),
        _ends(Act.CHECK_CLOSED),
        _ends(Act.WARNING_ENDED),
    ),
    kinds=SHARED,
    says=(
        "A communication check or a warning, for each that is called. The newest acknowledgement "
        "counts: who was still looking may say later what it found."
    ),
    source="lifecycles, 2",
    named="call",
)

TABLES: Final = (REPORT, REQUEST, CALL)

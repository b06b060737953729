"""Cases: their course, a crisis, what each organisation says of itself, and what is decided.

Source: lifecycles, 4, 5 and 6.
"""

from __future__ import annotations

from typing import Final

from policies.acts import Act
from policies.lifecycles.mechanism import NONE, SAME, Besides, Row, Subject, Table, When
from policies.lifecycles.version_1.letters import CASE, MEMBER, OWNER, SELF, SHARED, states

COURSE: Final = Table(
    thing="case",
    of=Subject.CHANNEL,
    initial=NONE,
    states=(NONE, "assessment", "response", "recovered", "declined", "closed", "merged"),
    rows=(
        Row(states(NONE), Act.CASE_OPENED, OWNER, "assessment", (), ("keep_charter_rules",)),
        Row(states("assessment"), Act.CASE_ACTIVATED, OWNER, "response", ("decided_start",)),
        Row(states("assessment"), Act.CASE_DECLINED, OWNER, "declined", ("decided_decline",)),
        Row(states("response"), Act.CASE_RECOVERED, OWNER, "recovered", ("all_recovered",)),
        Row(
            states("recovered"),
            Act.CASE_CLOSED,
            OWNER,
            "closed",
            ("decided_close", "nothing_open"),
        ),
        Row(
            states("assessment", "response"),
            Act.CASE_CLOSED,
            OWNER,
            "closed",
            ("decided_close", "nothing_open", "says_why_early"),
        ),
        Row(states("declined"), Act.CASE_REOPENED, OWNER, "assessment"),
        Row(states("recovered", "closed"), Act.CASE_REOPENED, OWNER, "response"),
        Row(states("assessment", "response", "recovered"), Act.CASE_MERGED, OWNER, "merged"),
        Row(
            states("assessment", "response", "recovered", "declined", "closed"),
            Act.CASE_LINKED,
            OWNER,
            SAME,
        ),
    ),
    kinds=CASE,
    says=(
        "The course of a case. Until it is opened as one, and from then until it is closed, a "
        "case channel takes every act whose own guard holds: tasks and measures wait for no "
        "decision. To *watch* is to stay in assessment with a review time."
    ),
    source="lifecycles, 4",
)
CRISIS: Final = Table(
    thing="crisis",
    of=Subject.CHANNEL,
    initial="no",
    states=("no", "yes"),
    rows=(
        Row(
            states("no"),
            Act.CASE_CRISIS_DECLARED,
            OWNER,
            "yes",
            ("case_under_way",),
            ("keep_crisis_delegations",),
        ),
        Row(states("yes"), Act.CASE_CRISIS_ENDED, OWNER, "no", ("crisis_is_over",)),
    ),
    kinds=CASE,
    says="Whether the case is a crisis: no vote is needed to say so.",
    source="lifecycles, 4",
)
_RESPONSES: Final = (
    "unknown",
    "investigating",
    "not affected",
    "affected",
    "contained",
    "eradicated",
    "recovered",
)


def _reports(state: str) -> Row:
    return Row(
        states(*_RESPONSES),
        Act.RESPONSE_REPORTED,
        SELF,
        state,
        ("has_a_part",),
        (),
        When("state", state.replace(" ", "-")),
    )


RESPONSE: Final = Table(
    thing="response",
    of=Subject.ORGANISATION,
    initial="unknown",
    states=_RESPONSES,
    rows=tuple(_reports(state) for state in _RESPONSES),
    kinds=CASE,
    says=(
        "How far each organisation is, by its own word; the newest counts. For the coordinator "
        "alone it goes into the organisation's direct channel, and changes nothing here."
    ),
    source="lifecycles, 5",
)
ASSESSMENT: Final = Table(
    thing="assessment",
    of=Subject.ORGANISATION,
    initial=NONE,
    states=(NONE, "current"),
    rows=(
        Row(states(NONE, "current"), Act.ASSESSMENT_SUBMITTED, SELF, "current", ("has_a_part",)),
    ),
    kinds=CASE,
    says=(
        "Each organisation's own assessment; the newest counts. For the coordinator alone it goes "
        "into the organisation's direct channel."
    ),
    source="lifecycles, 5",
)
JOINT: Final = Table(
    thing="joint",
    of=Subject.CHANNEL,
    initial=NONE,
    states=(NONE, "current"),
    rows=(
        Row(
            states(NONE, "current"),
            Act.ASSESSMENT_JOINED,
            OWNER,
            "current",
            (),
            ("keep_severity",),
        ),
    ),
    kinds=CASE,
    says="The joint assessment; the newest counts.",
    source="lifecycles, 5",
)
DECISION: Final = Table(
    thing="decision",
    of=Subject.OBJECT,
    initial=NONE,
    states=(NONE, "open", "taken", "lapsed", "withdrawn", "replaced"),
    rows=(
        Row(
            states(NONE),
            Act.DECISION_OPENED,
            OWNER,
            "open",
            ("rule_as_agreed", "voters_are_members", "options_differ"),
            ("keep_topic", "keep_question"),
        ),
        Row(
            states(NONE),
            Act.DECISION_TAKEN,
            OWNER,
            "taken",
            ("decides_alone", "replaces_its_like"),
            ("keep_topic", "keep_outcome"),
        ),
        Row(
            states("open"),
            Act.DECISION_VOTED,
            MEMBER,
            SAME,
            ("is_a_voter", "is_an_option"),
            ("keep_vote",),
        ),
        Row(
            states("open"),
            Act.DECISION_TAKEN,
            OWNER,
            "taken",
            ("votes_are_in", "follows_from_votes", "replaces_its_like"),
            ("keep_outcome", "end_question"),
        ),
        Row(
            states("open"),
            Act.DECISION_LAPSED,
            OWNER,
            "lapsed",
            ("without_quorum",),
            ("end_question",),
        ),
        Row(states("open"), Act.DECISION_WITHDRAWN, OWNER, "withdrawn", (), ("end_question",)),
    ),
    kinds=SHARED,
    says=(
        "What is decided, by the charter's rule for its topic. Until it is taken the newest vote "
        "of each voter counts; silence is nobody's no. A decision is *replaced* by another one "
        "that names it; what was done under the first stays done."
    ),
    source="lifecycles, 1 (rule 5) and 6",
    named="decision",
    besides=(Besides(states("taken"), Act.DECISION_TAKEN, "replaced"),),
)

TABLES: Final = (COURSE, CRISIS, RESPONSE, ASSESSMENT, JOINT, DECISION)

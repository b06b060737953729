"""What an act is, and the names of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policies.roles import Right


class ChannelKind(StrEnum):
    """The four kinds of channel.

    Source: coordination protocol, 5.
    """

    DIRECT = "direct"
    COMMUNITY = "community"
    CASE = "case"
    FEED = "feed"


class Act(StrEnum):
    """What a signed bundle does: a noun and a participle."""

    CHANNEL_OPENED = "channel.opened"
    ADMITTED = "admitted"
    CHANNEL_CEILING_CHANGED = "channel.ceiling_changed"
    NODE_DESCRIBED = "node.described"
    MEMBER_REQUESTED = "member.requested"
    MEMBER_REFUSED = "member.refused"
    MEMBER_INVITED = "member.invited"
    MEMBER_JOINED = "member.joined"
    MEMBER_DECLINED = "member.declined"
    MEMBER_UNINVITED = "member.uninvited"
    MEMBER_ROLE_CHANGED = "member.role_changed"
    MEMBER_LIMITS_CHANGED = "member.limits_changed"
    MEMBER_DESCRIBED = "member.described"
    MEMBER_SUSPENDED = "member.suspended"
    MEMBER_RESUMED = "member.resumed"
    MEMBER_LEFT = "member.left"
    MEMBER_REMOVED = "member.removed"
    HANDOVER_OFFERED = "handover.offered"
    HANDOVER_ACCEPTED = "handover.accepted"
    HANDOVER_DECLINED = "handover.declined"
    HANDOVER_WITHDRAWN = "handover.withdrawn"
    COORDINATOR_HANDED_OVER = "coordinator.handed_over"
    SUCCESSION_ENDORSED = "succession.endorsed"
    OBJECT_RECALLED = "object.recalled"
    OBJECT_RELEASED = "object.released"
    RECALL_ANSWERED = "recall.answered"
    NOTE_ADDED = "note.added"
    EVENT_ADDED = "event.added"
    OPINION_GIVEN = "opinion.given"
    SIGHTING_REPORTED = "sighting.reported"
    INTEL_SHARED = "intel.shared"
    INTEL_REVOKED = "intel.revoked"
    REPORT_SUBMITTED = "report.submitted"
    REPORT_ACKNOWLEDGED = "report.acknowledged"
    REPORT_UPDATED = "report.updated"
    REPORT_TRIAGED = "report.triaged"
    REPORT_LINKED = "report.linked"
    REPORT_CLOSED = "report.closed"
    REPORT_REOPENED = "report.reopened"
    REPORT_WITHDRAWN = "report.withdrawn"
    REQUEST_OPENED = "request.opened"
    REQUEST_ANSWERED = "request.answered"
    REQUEST_DECLINED = "request.declined"
    REQUEST_CLOSED = "request.closed"
    CHECK_CALLED = "check.called"
    CHECK_ACKNOWLEDGED = "check.acknowledged"
    CHECK_CLOSED = "check.closed"
    WARNING_ISSUED = "warning.issued"
    WARNING_ACKNOWLEDGED = "warning.acknowledged"
    WARNING_UPDATED = "warning.updated"
    WARNING_ENDED = "warning.ended"
    CASE_OPENED = "case.opened"
    CASE_ACTIVATED = "case.activated"
    CASE_DECLINED = "case.declined"
    CASE_RECOVERED = "case.recovered"
    CASE_CLOSED = "case.closed"
    CASE_REOPENED = "case.reopened"
    CASE_MERGED = "case.merged"
    CASE_LINKED = "case.linked"
    CASE_CRISIS_DECLARED = "case.crisis_declared"
    CASE_CRISIS_ENDED = "case.crisis_ended"
    ASSESSMENT_SUBMITTED = "assessment.submitted"
    ASSESSMENT_JOINED = "assessment.joined"
    RESPONSE_REPORTED = "response.reported"
    DECISION_OPENED = "decision.opened"
    DECISION_VOTED = "decision.voted"
    DECISION_TAKEN = "decision.taken"
    DECISION_LAPSED = "decision.lapsed"
    DECISION_WITHDRAWN = "decision.withdrawn"
    CHARTER_PROPOSED = "charter.proposed"
    CHARTER_ACCEPTED = "charter.accepted"
    CHARTER_DECLINED = "charter.declined"
    CHARTER_IN_FORCE = "charter.in_force"
    CHARTER_WITHDRAWN = "charter.withdrawn"
    CHARTER_ENDED = "charter.ended"
    CONTROL_REVIEWED = "control.reviewed"
    SITREP_PUBLISHED = "sitrep.published"


@dataclass(frozen=True, slots=True)
class ActRule:
    """One line of the table of acts.

    Args:
        says: what the act tells its readers, in plain words.
        kinds: the channels that it may stand in. In a direct channel it is its owner's word, and
            what it answers is named.
        right: what a person needs on the own node to write it.
        objects: STIX types that its bundle carries, for people; nobody checks them.
        relayed: a coordinator may write it on behalf of an organisation that can't.
        later_members: what it covers goes to later members too, where its author says nothing.
    """

    says: str
    kinds: frozenset[ChannelKind]
    right: Right
    objects: tuple[str, ...] = ()
    relayed: bool = False
    later_members: bool = False


SHARED: Final = frozenset({ChannelKind.COMMUNITY, ChannelKind.CASE})
DIRECT: Final = frozenset({ChannelKind.DIRECT})
ALL: Final = SHARED | DIRECT
CASE: Final = frozenset({ChannelKind.CASE})
COMMUNITY: Final = frozenset({ChannelKind.COMMUNITY})

"""Acts of every channel: its members, its coordinator, what people say and share in it."""

from __future__ import annotations

from typing import Final

from policies.acts.act import ALL, DIRECT, SHARED, Act, ActRule
from policies.roles import Right

CHANNELS: Final[dict[Act, ActRule]] = {
    Act.CHANNEL_OPENED: ActRule(
        "opens a channel, or a new epoch of it: kind, owner, members, ceiling",
        ALL,
        Right.OPEN_CHANNELS,
        ("identity", "incident", "grouping"),
    ),
    Act.ADMITTED: ActRule(
        "takes a member's contribution into the history",
        ALL,
        Right.CONTRIBUTE,
        ("signed-bundle",),
    ),
    Act.CHANNEL_CEILING_CHANGED: ActRule(
        "changes the strictest label that the channel takes", ALL, Right.MANAGE_MEMBERS
    ),
    Act.NODE_DESCRIBED: ActRule(
        "says that a node's keys or address have changed", ALL, Right.MANAGE_KEYS
    ),
    Act.MEMBER_REQUESTED: ActRule(
        "asks to be invited to a channel", DIRECT, Right.ANSWER_INVITATIONS, ("note",)
    ),
    Act.MEMBER_REFUSED: ActRule(
        "refuses a request to be invited", DIRECT, Right.MANAGE_MEMBERS, ("note",)
    ),
    Act.MEMBER_INVITED: ActRule(
        "invites an organisation, with its role and by when to answer",
        ALL,
        Right.MANAGE_MEMBERS,
        ("identity", "note"),
    ),
    Act.MEMBER_JOINED: ActRule(
        "accepts an invitation",
        SHARED,
        Right.ANSWER_INVITATIONS,
        ("identity", "note"),
        relayed=True,
    ),
    Act.MEMBER_DECLINED: ActRule(
        "declines an invitation", ALL, Right.ANSWER_INVITATIONS, ("note",), relayed=True
    ),
    Act.MEMBER_UNINVITED: ActRule("takes an invitation back", ALL, Right.MANAGE_MEMBERS, ("note",)),
    Act.MEMBER_ROLE_CHANGED: ActRule(
        "gives a member another role", SHARED, Right.MANAGE_MEMBERS, ("note",)
    ),
    Act.MEMBER_LIMITS_CHANGED: ActRule(
        "says what a member takes from now on",
        SHARED,
        Right.ANSWER_INVITATIONS,
        ("note",),
        relayed=True,
    ),
    Act.MEMBER_DESCRIBED: ActRule(
        "says how to reach an organisation, who is on duty when, and for whom it answers",
        SHARED,
        Right.CONTRIBUTE,
        ("identity",),
        relayed=True,
        later_members=True,
    ),
    Act.MEMBER_SUSPENDED: ActRule(
        "keeps a member out for now: its node or key is in doubt",
        ALL,
        Right.MANAGE_MEMBERS,
        ("note",),
    ),
    Act.MEMBER_RESUMED: ActRule(
        "lets a suspended member back in, its keys checked anew",
        ALL,
        Right.MANAGE_MEMBERS,
        ("note",),
    ),
    Act.MEMBER_LEFT: ActRule(
        "leaves the channel", ALL, Right.ANSWER_INVITATIONS, ("note",), relayed=True
    ),
    Act.MEMBER_REMOVED: ActRule(
        "removes a member, with the reason in a note", ALL, Right.MANAGE_MEMBERS, ("note",)
    ),
    Act.HANDOVER_OFFERED: ActRule(
        "offers the coordination to a member", SHARED, Right.HAND_OVER, ("note",)
    ),
    Act.HANDOVER_ACCEPTED: ActRule("accepts the coordination", SHARED, Right.HAND_OVER, ("note",)),
    Act.HANDOVER_DECLINED: ActRule("declines the coordination", SHARED, Right.HAND_OVER, ("note",)),
    Act.HANDOVER_WITHDRAWN: ActRule(
        "takes the offer of the coordination back", SHARED, Right.HAND_OVER, ("note",)
    ),
    Act.COORDINATOR_HANDED_OVER: ActRule(
        "hands the coordination over: the last entry of its epoch",
        SHARED,
        Right.HAND_OVER,
        ("note",),
    ),
    Act.SUCCESSION_ENDORSED: ActRule(
        "wants a member to take over from a coordinator that is lost", SHARED, Right.HAND_OVER
    ),
    Act.OBJECT_RECALLED: ActRule(
        "takes objects back: their author's word deletes them, the coordinator's hides them",
        ALL,
        Right.RECALL,
        ("note",),
    ),
    Act.OBJECT_RELEASED: ActRule(
        "opens older objects to later members", SHARED, Right.RECALL, ("note",)
    ),
    Act.RECALL_ANSWERED: ActRule(
        "says what became of recalled objects: deleted, quarantined or kept",
        ALL,
        Right.RECALL,
        ("note",),
        relayed=True,
    ),
    Act.NOTE_ADDED: ActRule("adds a note", ALL, Right.CONTRIBUTE, ("note",), relayed=True),
    Act.EVENT_ADDED: ActRule(
        "adds what somebody saw happen",
        ALL,
        Right.CONTRIBUTE,
        ("event", "observed-data", "note"),
        relayed=True,
    ),
    Act.OPINION_GIVEN: ActRule(
        "agrees with something, or objects to it",
        ALL,
        Right.CONTRIBUTE,
        ("opinion",),
        relayed=True,
    ),
    Act.SIGHTING_REPORTED: ActRule(
        "says that something was seen, or searched for and not found",
        ALL,
        Right.CONTRIBUTE,
        ("sighting", "observed-data"),
        relayed=True,
    ),
    Act.INTEL_SHARED: ActRule(
        "shares indicators and other intelligence",
        ALL,
        Right.CONTRIBUTE,
        ("indicator", "malware", "relationship", "note"),
        relayed=True,
        later_members=True,
    ),
    Act.INTEL_REVOKED: ActRule(
        "says that shared intelligence no longer holds",
        ALL,
        Right.CONTRIBUTE,
        ("note",),
        later_members=True,
    ),
}

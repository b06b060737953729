"""What every channel has: members, a coordinator, objects that are recalled, facts.

Source: lifecycles, 3, 11, 12 (recall, intel), 13; coordination protocol, 11.
"""

from __future__ import annotations

from typing import Final

from policies.acts import Act
from policies.lifecycles.mechanism import NONE, SAME, Row, Subject, Table, When
from policies.lifecycles.version_1.letters import (
    ADDRESSEE,
    ALL,
    JOINED,
    MEMBER,
    OWNER,
    SELF,
    SHARED,
    SOURCE,
    SUCCESSOR,
    states,
)

MEMBERSHIP: Final = Table(
    thing="membership",
    of=Subject.ORGANISATION,
    initial=NONE,
    states=(
        NONE,
        "requested",
        "refused",
        "invited",
        "declined",
        "uninvited",
        "joined",
        "suspended",
        "left",
        "removed",
    ),
    rows=(
        Row(
            states(NONE, "declined", "refused", "left", "removed", "uninvited"),
            Act.MEMBER_REQUESTED,
            SELF,
            "requested",
            ("through_direct",),
        ),
        Row(states("requested"), Act.MEMBER_REFUSED, OWNER, "refused", ("through_direct",)),
        Row(
            states(NONE, "requested", "refused", "declined", "uninvited", "left", "removed"),
            Act.MEMBER_INVITED,
            OWNER,
            "invited",
            ("role_not_coordinator", "replaces_who_has_no_node"),
            ("keep_invited_role", "keep_node", "keep_replaced"),
        ),
        Row(
            states("invited"),
            Act.MEMBER_JOINED,
            SELF,
            "joined",
            ("joins_as_it_can", "role_as_invited"),
            ("keep_limits", "take_place", "accept_charter"),
        ),
        Row(states("invited"), Act.MEMBER_DECLINED, SELF, "declined"),
        Row(states("invited"), Act.MEMBER_UNINVITED, OWNER, "uninvited"),
        Row(
            states("joined"),
            Act.MEMBER_ROLE_CHANGED,
            OWNER,
            SAME,
            ("not_the_owner", "role_not_coordinator"),
        ),
        Row(states("joined"), Act.MEMBER_LIMITS_CHANGED, SELF, SAME, (), ("keep_limits",)),
        Row(states("joined"), Act.MEMBER_SUSPENDED, OWNER, "suspended", ("not_the_owner",)),
        Row(states("suspended"), Act.MEMBER_RESUMED, OWNER, "joined"),
        Row(
            states("joined", "suspended"),
            Act.MEMBER_LEFT,
            SELF,
            "left",
            ("not_the_owner", "leaves_for_itself"),
        ),
        Row(
            states("joined", "suspended"),
            Act.MEMBER_REMOVED,
            OWNER,
            "removed",
            ("not_the_owner", "decided_removal"),
        ),
    ),
    kinds=SHARED,
    says=(
        "Who takes part in a community or a case. Where no charter says otherwise the coordinator "
        "alone decides a removal, with the reason in an object that the bundle covers. "
        "*Requested* and *refused* stand in the direct channels of the two sides, never in the "
        "ledger of the channel itself. Who is invited as *without node* joins by what the "
        "coordinator relays, and by nothing else; when it has a node, it is invited under its own "
        "id in place of the old one, which leaves with the entry in which it joins."
    ),
    source="lifecycles, 3",
)
"""*requested* and *refused* stand in the direct channels of the two sides; a view that reads both
shows them, the channel's own ledger never holds them.
"""

_ANY_EPOCH: Final = ("held", "offered", "accepted", "handed over")

COORDINATION: Final = Table(
    thing="coordination",
    of=Subject.CHANNEL,
    initial=NONE,
    states=(NONE, *_ANY_EPOCH),
    rows=(
        Row(
            states(NONE),
            Act.CHANNEL_OPENED,
            OWNER,
            "held",
            ("owner_opens", "members_fit"),
            ("open_members", "keep_ceiling"),
            When("opened_by", None),
        ),
        Row(
            states("held"),
            Act.HANDOVER_OFFERED,
            OWNER,
            "offered",
            ("has_a_successor", "successor_fits"),
            ("keep_successor",),
        ),
        Row(
            states("offered"),
            Act.HANDOVER_ACCEPTED,
            SUCCESSOR,
            "accepted",
            ("successor_stands",),
        ),
        Row(
            states("offered"),
            Act.HANDOVER_DECLINED,
            SUCCESSOR,
            "held",
            (),
            ("clear_successor",),
        ),
        Row(
            states("offered", "accepted"),
            Act.HANDOVER_WITHDRAWN,
            OWNER,
            "held",
            (),
            ("clear_successor",),
        ),
        Row(
            states("accepted"),
            Act.COORDINATOR_HANDED_OVER,
            OWNER,
            "handed over",
            ("successor_stands", "successor_named"),
        ),
        Row(
            states("handed over"),
            Act.CHANNEL_OPENED,
            SUCCESSOR,
            "held",
            ("owner_opens", "members_continue"),
            ("clear_successor",),
            When("opened_by", "hand-over"),
        ),
        Row(
            states("held", "offered", "accepted"),
            Act.CHANNEL_OPENED,
            OWNER,
            "held",
            ("owner_opens", "members_continue"),
            ("clear_successor",),
            When("opened_by", "re-opening"),
        ),
        Row(
            states(*_ANY_EPOCH),
            Act.SUCCESSION_ENDORSED,
            MEMBER,
            SAME,
            ("not_from_the_owner", "has_a_successor", "candidate_fits"),
        ),
        Row(
            states(*_ANY_EPOCH),
            Act.CHANNEL_OPENED,
            MEMBER,
            "held",
            ("not_from_the_owner", "owner_opens", "members_continue", "endorsed"),
            ("clear_successor",),
            When("opened_by", "succession"),
        ),
    ),
    kinds=ALL,
    says=(
        "Who owns the epoch. A succession is open while a hand-over is on offer, too: an owner "
        "that made the offer and was lost then must not leave the channel without an owner."
    ),
    source="lifecycles, 11; coordination protocol, 11",
)
OBJECT: Final = Table(
    thing="object",
    of=Subject.OBJECT,
    initial="present",
    states=("present", "hidden", "recalled"),
    rows=(
        Row(
            states("present", "hidden"),
            Act.OBJECT_RECALLED,
            SOURCE,
            "recalled",
            ("may_be_missed",),
        ),
        Row(states("present"), Act.OBJECT_RECALLED, OWNER, "hidden", ("is_here", "may_be_missed")),
        Row(states("present"), Act.OBJECT_RELEASED, SOURCE, SAME),
    ),
    kinds=ALL,
    says=(
        "What became of an object. The word of the organisation that shared it deletes the "
        "bytes; the coordinator's hides them until that organisation agrees."
    ),
    source="lifecycles, 12 (recall) and 13; coordination protocol, 12",
)


def _answer(answer: str) -> Row:
    return Row(
        states("asked"),
        Act.RECALL_ANSWERED,
        ADDRESSEE,
        answer,
        ("was_recalled",),
        (),
        When("answer", answer),
    )


RECALL: Final = Table(
    thing="recall",
    of=Subject.OBJECT_AT,
    initial="asked",
    states=("asked", "deleted", "quarantined", "kept"),
    rows=(_answer("deleted"), _answer("quarantined"), _answer("kept")),
    kinds=SHARED,
    says=("What each organisation did with a recalled object."),
    source="lifecycles, 12 (recall)",
)
"""Subject: STIX id, space, organisation."""

INTEL: Final = Table(
    thing="intel",
    of=Subject.OBJECT,
    initial="current",
    states=("current", "revoked"),
    rows=(Row(states("current"), Act.INTEL_REVOKED, SOURCE, "revoked"),),
    kinds=ALL,
    says=("Whether shared intelligence still holds."),
    source="lifecycles, 12 (intel)",
)
FACTS: Final = Table(
    thing="channel",
    of=Subject.CHANNEL,
    initial="open",
    states=("open",),
    rows=(
        Row(states("open"), Act.ADMITTED, OWNER, SAME),
        Row(
            states("open"),
            Act.CHANNEL_CEILING_CHANGED,
            OWNER,
            SAME,
            ("within_limits",),
            ("keep_ceiling",),
        ),
        Row(states("open"), Act.NODE_DESCRIBED, JOINED, SAME),
        Row(states("open"), Act.MEMBER_DESCRIBED, JOINED, SAME),
        Row(states("open"), Act.NOTE_ADDED, JOINED, SAME, ("not_an_observer",)),
        Row(states("open"), Act.EVENT_ADDED, JOINED, SAME, ("not_an_observer",)),
        Row(states("open"), Act.OPINION_GIVEN, JOINED, SAME),
        Row(states("open"), Act.SIGHTING_REPORTED, JOINED, SAME),
        Row(states("open"), Act.INTEL_SHARED, MEMBER, SAME),
        Row(states("open"), Act.SITREP_PUBLISHED, OWNER, SAME),
        Row(states("open"), Act.CONTROL_REVIEWED, OWNER, SAME, (), ("keep_control",)),
    ),
    kinds=ALL,
    says=(
        "Acts that have no state of their own: what somebody saw, thinks or says of itself and of "
        "its node."
    ),
    source="lifecycles, 13",
)


TABLES: Final = (MEMBERSHIP, COORDINATION, OBJECT, RECALL, INTEL, FACTS)

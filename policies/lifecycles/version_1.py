"""Version 1 of the life-cycle tables: membership, coordination, recall, intelligence, facts.

A version never changes once a channel was opened by it: what is to be judged otherwise goes into
a new version, and comes with a new epoch.

Source: lifecycles, 1 (rule 8), 3, 11, 12 (recall, intel), 13; coordination protocol, 11.
"""

from __future__ import annotations

from typing import Final

from policies.acts import Act, ChannelKind
from policies.lifecycles.mechanism import NONE, SAME, Row, Subject, Table, TableSet, When, Who

_SHARED: Final = frozenset({ChannelKind.COMMUNITY, ChannelKind.CASE})
_ALL: Final = _SHARED | {ChannelKind.DIRECT}

_C: Final = frozenset({Who.COORDINATOR})
_M: Final = frozenset({Who.MEMBER})
_X: Final = frozenset({Who.JOINED})
_SELF: Final = frozenset({Who.SELF})
_SOURCE: Final = frozenset({Who.SOURCE})
_SUCCESSOR: Final = frozenset({Who.SUCCESSOR})


def _states(*names: str) -> frozenset[str]:
    return frozenset(names)


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
            _states(NONE, "declined", "refused", "left", "removed", "uninvited"),
            Act.MEMBER_REQUESTED,
            _SELF,
            "requested",
            ("through_direct",),
        ),
        Row(_states("requested"), Act.MEMBER_REFUSED, _C, "refused", ("through_direct",)),
        Row(
            _states(NONE, "requested", "refused", "declined", "uninvited", "left", "removed"),
            Act.MEMBER_INVITED,
            _C,
            "invited",
            ("role_not_coordinator", "replaces_who_has_no_node"),
            ("keep_invited_role", "keep_node", "keep_replaced"),
        ),
        Row(
            _states("invited"),
            Act.MEMBER_JOINED,
            _SELF,
            "joined",
            ("joins_as_it_can", "role_as_invited"),
            ("keep_limits", "take_place"),
        ),
        Row(_states("invited"), Act.MEMBER_DECLINED, _SELF, "declined"),
        Row(_states("invited"), Act.MEMBER_UNINVITED, _C, "uninvited"),
        Row(
            _states("joined"),
            Act.MEMBER_ROLE_CHANGED,
            _C,
            SAME,
            ("not_the_owner", "role_not_coordinator"),
        ),
        Row(_states("joined"), Act.MEMBER_LIMITS_CHANGED, _SELF, SAME, (), ("keep_limits",)),
        Row(_states("joined"), Act.MEMBER_SUSPENDED, _C, "suspended", ("not_the_owner",)),
        Row(_states("suspended"), Act.MEMBER_RESUMED, _C, "joined"),
        Row(
            _states("joined", "suspended"),
            Act.MEMBER_LEFT,
            _SELF,
            "left",
            ("not_the_owner", "leaves_for_itself"),
        ),
        Row(
            _states("joined", "suspended"),
            Act.MEMBER_REMOVED,
            _C,
            "removed",
            ("not_the_owner",),
        ),
    ),
    kinds=_SHARED,
    says=(
        "Who takes part in a community or a case. The coordinator alone decides a removal, with "
        "the reason in an object that the bundle covers. *Requested* and *refused* stand in the "
        "direct channels of the two sides, never in the ledger of the channel itself. Who is "
        "invited as *without node* joins by what the coordinator relays, and by nothing else; "
        "when it has a node, it is invited under its own id in place of the old one, which leaves "
        "with the entry in which it joins."
    ),
    source="lifecycles, 3",
)
"""Decisions come with version 2. In this version the coordinator alone decides a removal, and gives
the reason in an object that the bundle covers.

*requested* and *refused* stand in the direct channels of the two sides; a view that reads both
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
            _states(NONE),
            Act.CHANNEL_OPENED,
            _C,
            "held",
            ("owner_opens", "members_fit"),
            ("open_members", "keep_ceiling"),
            When("opened_by", None),
        ),
        Row(
            _states("held"),
            Act.HANDOVER_OFFERED,
            _C,
            "offered",
            ("has_a_successor", "successor_fits"),
            ("keep_successor",),
        ),
        Row(
            _states("offered"),
            Act.HANDOVER_ACCEPTED,
            _SUCCESSOR,
            "accepted",
            ("successor_stands",),
        ),
        Row(
            _states("offered"),
            Act.HANDOVER_DECLINED,
            _SUCCESSOR,
            "held",
            (),
            ("clear_successor",),
        ),
        Row(
            _states("offered", "accepted"),
            Act.HANDOVER_WITHDRAWN,
            _C,
            "held",
            (),
            ("clear_successor",),
        ),
        Row(
            _states("accepted"),
            Act.COORDINATOR_HANDED_OVER,
            _C,
            "handed over",
            ("successor_stands", "successor_named"),
        ),
        Row(
            _states("handed over"),
            Act.CHANNEL_OPENED,
            _SUCCESSOR,
            "held",
            ("owner_opens", "members_continue"),
            ("clear_successor",),
            When("opened_by", "hand-over"),
        ),
        Row(
            _states("held", "offered", "accepted"),
            Act.CHANNEL_OPENED,
            _C,
            "held",
            ("owner_opens", "members_continue"),
            ("clear_successor",),
            When("opened_by", "re-opening"),
        ),
        Row(
            _states(*_ANY_EPOCH),
            Act.SUCCESSION_ENDORSED,
            _M,
            SAME,
            ("not_from_the_owner", "has_a_successor", "candidate_fits"),
        ),
        Row(
            _states(*_ANY_EPOCH),
            Act.CHANNEL_OPENED,
            _M,
            "held",
            ("not_from_the_owner", "owner_opens", "members_continue", "endorsed"),
            ("clear_successor",),
            When("opened_by", "succession"),
        ),
    ),
    kinds=_ALL,
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
            _states("present", "hidden"),
            Act.OBJECT_RECALLED,
            _SOURCE,
            "recalled",
            ("may_be_missed",),
        ),
        Row(_states("present"), Act.OBJECT_RECALLED, _C, "hidden", ("is_here", "may_be_missed")),
        Row(_states("present"), Act.OBJECT_RELEASED, _SOURCE, SAME),
    ),
    kinds=_ALL,
    says=(
        "What became of an object. The word of the organisation that shared it deletes the "
        "bytes; the coordinator's hides them until that organisation agrees."
    ),
    source="lifecycles, 12 (recall) and 13; coordination protocol, 12",
)


def _answer(answer: str) -> Row:
    return Row(
        _states("asked"),
        Act.RECALL_ANSWERED,
        _X,
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
    kinds=_SHARED,
    says=("What each organisation did with a recalled object."),
    source="lifecycles, 12 (recall)",
)
"""Subject: STIX id, space, organisation."""

INTEL: Final = Table(
    thing="intel",
    of=Subject.OBJECT,
    initial="current",
    states=("current", "revoked"),
    rows=(Row(_states("current"), Act.INTEL_REVOKED, _SOURCE, "revoked"),),
    kinds=_ALL,
    says=("Whether shared intelligence still holds."),
    source="lifecycles, 12 (intel)",
)
FACTS: Final = Table(
    thing="channel",
    of=Subject.CHANNEL,
    initial="open",
    states=("open",),
    rows=(
        Row(_states("open"), Act.ADMITTED, _C, SAME),
        Row(
            _states("open"),
            Act.CHANNEL_CEILING_CHANGED,
            _C,
            SAME,
            ("within_limits",),
            ("keep_ceiling",),
        ),
        Row(_states("open"), Act.NODE_DESCRIBED, _X, SAME),
        Row(_states("open"), Act.NOTE_ADDED, _X, SAME, ("not_an_observer",)),
        Row(_states("open"), Act.EVENT_ADDED, _X, SAME, ("not_an_observer",)),
        Row(_states("open"), Act.OPINION_GIVEN, _X, SAME),
        Row(_states("open"), Act.SIGHTING_REPORTED, _X, SAME),
        Row(_states("open"), Act.INTEL_SHARED, _M, SAME),
    ),
    kinds=_ALL,
    says=("Acts that have no state of their own: what somebody saw, thinks or says of its node."),
    source="lifecycles, 13",
)
VERSION_1: Final = TableSet(
    version="1",
    tables={
        table.thing: table for table in (MEMBERSHIP, COORDINATION, OBJECT, RECALL, INTEL, FACTS)
    },
)

"""Charters: what a community has agreed on, version by version.

Source: lifecycles, 7.
"""

from __future__ import annotations

from typing import Final

from policies.acts import Act
from policies.lifecycles.mechanism import NONE, Besides, Row, Subject, Table
from policies.lifecycles.version_1.letters import ADDRESSEE, COMMUNITY, OWNER, states

CHARTER: Final = Table(
    thing="charter",
    of=Subject.OBJECT,
    initial=NONE,
    states=(NONE, "proposed", "in force", "superseded", "withdrawn", "ended"),
    rows=(
        Row(states(NONE), Act.CHARTER_PROPOSED, OWNER, "proposed", (), ("keep_charter",)),
        Row(
            states("proposed"),
            Act.CHARTER_IN_FORCE,
            OWNER,
            "in force",
            ("adopted",),
            ("take_force",),
        ),
        Row(states("proposed"), Act.CHARTER_WITHDRAWN, OWNER, "withdrawn"),
        Row(
            states("in force"),
            Act.CHARTER_ENDED,
            OWNER,
            "ended",
            ("decided_charter",),
            ("lose_force",),
        ),
    ),
    kinds=COMMUNITY,
    says=(
        "A version of the charter. The one in force is *superseded* by the next. A case keeps "
        "the rules that it was opened under."
    ),
    source="lifecycles, 7",
    named="charter",
    besides=(Besides(states("in force"), Act.CHARTER_IN_FORCE, "superseded"),),
)
ANSWER: Final = Table(
    thing="charter_answer",
    of=Subject.OBJECT_AT,
    initial="asked",
    states=("asked", "accepted", "declined"),
    rows=(
        Row(
            states("asked", "declined"),
            Act.CHARTER_ACCEPTED,
            ADDRESSEE,
            "accepted",
            ("charter_stands", "same_words"),
        ),
        Row(
            states("asked", "accepted"),
            Act.CHARTER_DECLINED,
            ADDRESSEE,
            "declined",
            ("charter_stands",),
        ),
    ),
    kinds=COMMUNITY,
    says=(
        "What each member says to a version of the charter. It is bound by the newest that it "
        "accepted; who joins may accept with the same act."
    ),
    source="lifecycles, 7",
    named="charter",
    besides=(
        Besides(states("asked", "declined"), Act.CHARTER_PROPOSED, "accepted"),
        Besides(states("asked", "declined"), Act.MEMBER_JOINED, "accepted"),
    ),
)

TABLES: Final = (CHARTER, ANSWER)

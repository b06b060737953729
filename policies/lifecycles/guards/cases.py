"""Guards of cases: how they go on, are closed, and when there is a crisis.

Source: lifecycles, 4 and 5.
"""

from __future__ import annotations

from typing import Final

from policies.lifecycles.guards.guard import Guard
from policies.lifecycles.mechanism import Situation
from policies.roles import Role, takes_part

HIT: Final = frozenset({"affected", "contained", "eradicated"})
"""Response states of who has not recovered yet."""
OVER: Final = frozenset({"recovered", "not affected"})
UNDER_WAY: Final = frozenset({"assessment", "response", "recovered"})


def not_recovered(situation: Situation) -> frozenset[str]:
    """Give the members that are affected, by their word or by their role, and not recovered."""
    hit = set()
    for organisation, roles in situation.members.items():
        state = situation.known("response", organisation)
        if state in HIT or (Role.AFFECTED in roles and state not in OVER):
            hit.add(organisation)
    return frozenset(hit)


def all_recovered(situation: Situation, _subject: str) -> str | None:
    """Hold where each affected member is recovered, or is named as one that is not."""
    missing = sorted(not_recovered(situation) - set(situation.body.get("except", ())))
    if missing:
        return f"not recovered, and not named as such with the reason why: {', '.join(missing)}"
    return None


def nothing_open(situation: Situation, _subject: str) -> str | None:
    """Hold where no decision waits for votes."""
    count = int(situation.known("open_decisions") or 0)
    if count:
        return f"{count} decision(s) wait for votes: take them, or withdraw them"
    return None


def says_why_early(situation: Situation, _subject: str) -> str | None:
    """Hold where a case that is closed before recovery says why."""
    if "early" not in situation.body:
        return "say why the case is closed before it has recovered"
    return None


def case_under_way(situation: Situation, _subject: str) -> str | None:
    """Hold from the opening of the case until it is closed."""
    if situation.known("case") not in UNDER_WAY:
        return "there is no case under way here"
    return None


def crisis_is_over(situation: Situation, _subject: str) -> str | None:
    """Hold where a control review said yes, or a reason is given in its place."""
    by = situation.body.get("by")
    if by == "control-review" and situation.known("control") != "yes":
        return "no control review has said yes; hold one, or give a reason"
    return None


def has_a_part(situation: Situation, subject: str) -> str | None:
    """Hold where the organisation is neither observer nor authority.

    Whom a coordinator relays has its place, suspended or not.
    """
    roles = situation.members.get(subject)
    if roles is None:
        return None if situation.relayed else "it has not joined this channel"
    if not takes_part(roles):
        return "an observer or an authority states no damage of its own"
    return None


CASES: Final[dict[str, Guard]] = {
    "all_recovered": Guard(
        "each affected member is recovered, or is named with the reason why not",
        all_recovered,
        of_body=True,
    ),
    "nothing_open": Guard("no decision is open", nothing_open, of_body=False),
    "says_why_early": Guard("it says why early", says_why_early, of_body=True),
    "case_under_way": Guard("the case is under way", case_under_way, of_body=False),
    "crisis_is_over": Guard(
        "a control review said yes, or a reason is given", crisis_is_over, of_body=True
    ),
    "has_a_part": Guard("neither observer nor authority", has_a_part, of_body=False),
}

"""Guards of charters: what binds whom, and how a version comes into force.

Source: lifecycles, 7.
"""

from __future__ import annotations

from typing import Final

from policies.decisions import By, DecisionRule, Topic, read_rules
from policies.lifecycles.guards.guard import Guard
from policies.lifecycles.mechanism import Situation
from policies.roles import takes_part

STANDS: Final = frozenset({"proposed", "in force"})


def charter_stands(situation: Situation, subject: str) -> str | None:
    """Hold where the version is proposed or in force."""
    charter = subject.partition(" ")[0]
    if situation.known("charter", charter) not in STANDS:
        return "this version of the charter is neither proposed nor in force"
    return None


def same_words(situation: Situation, subject: str) -> str | None:
    """Hold where the words accepted are the words proposed.

    Source: lifecycles, 7 (signed over the version's hash).
    """
    proposed = situation.known("charter_sha256", subject.partition(" ")[0])
    if situation.body.get("sha256") != proposed:
        return "what it accepts is not what was proposed: the hashes differ"
    return None


def adopted(situation: Situation, subject: str) -> str | None:
    """Hold where as many have accepted as the charter in force asks for.

    The first one takes each founding member; whoever proposes it accepts it.
    """
    rules = read_rules(situation.known("rules"))
    first = situation.known("charter_in_force") is None
    rule = DecisionRule(By.UNANIMITY) if first else rules.get(Topic.CHARTER, DecisionRule())
    bound = {who for who, roles in situation.members.items() if takes_part(roles)}
    accepted = {
        who for who in bound if situation.known("charter_answer", f"{subject} {who}") == "accepted"
    }
    if rule.by is By.COORDINATOR:
        return None
    needed = len(bound) if rule.by is By.UNANIMITY else len(bound) // 2 + 1
    if len(accepted) < max(needed, rule.quorum):
        return f"{len(accepted)} of {len(bound)} have accepted; {max(needed, rule.quorum)} must"
    return None


CHARTERS: Final[dict[str, Guard]] = {
    "charter_stands": Guard("the version is proposed or in force", charter_stands, of_body=False),
    "same_words": Guard("signed over the version's hash", same_words, of_body=True),
    "adopted": Guard(
        "as many have accepted as the charter in force asks for; the first one: each member",
        adopted,
        of_body=False,
    ),
}

"""What decisions bring about besides.

Things that they keep:

- of a decision: `decision_topic`, `decision_subject` (what it is about, *none* where the channel),
  `decision_rule`, `decision_options`, `decision_voters`, `decision_until`, `decision_outcome`;
- `vote` (of a decision at a voter): an option, or *abstained*;
- `open_decisions` (of the channel): how many wait for votes.

Source: lifecycles, 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from policies.decisions import DecisionRule
from policies.lifecycles.effects.effect import Effect, change, kept
from policies.lifecycles.mechanism import CHANNEL, NONE, Change, Situation


def keep_question(situation: Situation, subject: str) -> tuple[Change, ...]:
    """Keep what is decided, by whom, how and until when."""
    body = situation.body
    return (
        *kept(situation, "decision_rule", subject, str(DecisionRule.read(body["rule"]))),
        *kept(situation, "decision_options", subject, " ".join(body["options"])),
        *kept(situation, "decision_voters", subject, " ".join(sorted(body["voters"]))),
        *kept(situation, "decision_until", subject, str(body["vote_until"])),
        *_count(situation, 1),
    )


def keep_topic(situation: Situation, subject: str) -> tuple[Change, ...]:
    """Keep what a decision is about."""
    body = situation.body
    return (
        *kept(situation, "decision_topic", subject, str(body["topic"])),
        *kept(situation, "decision_subject", subject, str(body.get("subject", NONE))),
    )


def keep_vote(situation: Situation, subject: str) -> tuple[Change, ...]:
    """Keep the newest vote of a voter."""
    voter = f"{subject} {situation.speaker}"
    return kept(situation, "vote", voter, str(situation.body["option"]))


def keep_outcome(situation: Situation, subject: str) -> tuple[Change, ...]:
    """Keep what was decided; what it replaces holds no longer."""
    changes = kept(situation, "decision_outcome", subject, str(situation.body["outcome"]))
    replaced = situation.body.get("replaces")
    if replaced is None:
        return changes
    return (*changes, change(situation, "decision", replaced, "replaced"))


def end_question(situation: Situation, _subject: str) -> tuple[Change, ...]:
    """Count one open decision fewer."""
    return _count(situation, -1)


def _count(situation: Situation, step: int) -> tuple[Change, ...]:
    number = int(situation.known("open_decisions") or 0) + step
    return kept(situation, "open_decisions", CHANNEL, str(number) if number else NONE)


EFFECTS: Final[Mapping[str, Effect]] = {
    "keep_question": keep_question,
    "keep_topic": keep_topic,
    "keep_vote": keep_vote,
    "keep_outcome": keep_outcome,
    "end_question": end_question,
}
KEPT: Final = (
    "decision_topic",
    "decision_subject",
    "decision_rule",
    "decision_options",
    "decision_voters",
    "decision_until",
    "decision_outcome",
    "vote",
    "open_decisions",
)

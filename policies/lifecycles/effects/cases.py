"""What acts of a case bring about besides.

Things that they keep, all of the channel:

- `rules`: topic → how it is decided, as `decisions.write_rules` writes it;
- `delegations`: topic → the severity up to which the coordinator decides it alone;
- `deputies`: organisation → how many endorsements it needs to succeed;
- `crisis_delegations`: until when, and the topics that the coordinator decides alone till then;
- `severity`: the joint severity that was said last;
- `control`: whether the last control review said *yes* or *no*.

Source: lifecycles, 4, 5, 13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from policies.decisions import DecisionRule, write_rules
from policies.lifecycles.effects.effect import Effect, kept
from policies.lifecycles.mechanism import CHANNEL, NONE, Change, Situation


def rules_text(rules: Mapping[str, Mapping[str, Any]]) -> str:
    """Write the rules of a body as they are kept."""
    return write_rules({topic: DecisionRule.read(rule) for topic, rule in rules.items()}) or NONE


def delegations_text(delegations: Sequence[Mapping[str, Any]]) -> str:
    """Write the delegations of a body as they are kept."""
    return " ".join(sorted(f"{one['topic']}={one['up_to']}" for one in delegations)) or NONE


def deputies_text(deputies: Sequence[Mapping[str, Any]]) -> str:
    """Write the deputies of a body as they are kept, in their order."""
    return " ".join(f"{one['organisation']}={one['endorsements']}" for one in deputies) or NONE


def keep_charter_rules(situation: Situation, _subject: str) -> tuple[Change, ...]:
    """Keep what the case takes over from the charter: it keeps what it was opened under."""
    body = situation.body
    return (
        *kept(situation, "rules", CHANNEL, rules_text(body.get("rules", {}))),
        *kept(situation, "delegations", CHANNEL, delegations_text(body.get("delegations", ()))),
        *kept(situation, "deputies", CHANNEL, deputies_text(body.get("deputies", ()))),
    )


def keep_crisis_delegations(situation: Situation, _subject: str) -> tuple[Change, ...]:
    """Keep what the coordinator decides alone while the crisis lasts, and until when."""
    topics, until = situation.body.get("topics", ()), situation.body.get("until")
    text = " ".join([str(until), *sorted(topics)]) if topics and until else NONE
    return kept(situation, "crisis_delegations", CHANNEL, text)


def keep_severity(situation: Situation, _subject: str) -> tuple[Change, ...]:
    """Keep the joint severity."""
    return kept(situation, "severity", CHANNEL, str(situation.body["severity"]))


def keep_control(situation: Situation, _subject: str) -> tuple[Change, ...]:
    """Keep whether it is under control."""
    return kept(situation, "control", CHANNEL, str(situation.body["under_control"]))


EFFECTS: Final[Mapping[str, Effect]] = {
    "keep_charter_rules": keep_charter_rules,
    "keep_crisis_delegations": keep_crisis_delegations,
    "keep_severity": keep_severity,
    "keep_control": keep_control,
}
KEPT: Final = (
    "rules",
    "delegations",
    "deputies",
    "crisis_delegations",
    "severity",
    "control",
)

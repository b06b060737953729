"""What charters bring about besides.

Things that they keep:

- of a version: `charter_sha256` (the hash of its words), `charter_rules`, `charter_delegations`,
  `charter_deputies`, as they would be kept of the channel;
- `charter_in_force` (of the channel): the version that binds.

Source: lifecycles, 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from policies.lifecycles.effects.cases import delegations_text, deputies_text, rules_text
from policies.lifecycles.effects.effect import Effect, change, kept
from policies.lifecycles.mechanism import CHANNEL, NONE, Change, Situation

_TAKEN_OVER: Final = ("rules", "delegations", "deputies")


def keep_charter(situation: Situation, subject: str) -> tuple[Change, ...]:
    """Keep what is proposed; whoever proposes it accepts it."""
    body = situation.body
    answer = f"{subject} {situation.speaker}"
    return (
        *kept(situation, "charter_sha256", subject, str(body["sha256"])),
        *kept(situation, "charter_rules", subject, rules_text(body.get("rules", {}))),
        *kept(
            situation,
            "charter_delegations",
            subject,
            delegations_text(body.get("delegations", ())),
        ),
        *kept(situation, "charter_deputies", subject, deputies_text(body.get("deputies", ()))),
        *kept(situation, "charter_answer", answer, "accepted"),
    )


def take_force(situation: Situation, subject: str) -> tuple[Change, ...]:
    """Let a version bind in place of the one before."""
    before = situation.known("charter_in_force")
    changes = [
        one
        for thing in _TAKEN_OVER
        for one in kept(
            situation, thing, CHANNEL, situation.known(f"charter_{thing}", subject) or NONE
        )
    ]
    changes += kept(situation, "charter_in_force", CHANNEL, subject)
    if before is not None and before != subject:
        changes.append(change(situation, "charter", before, "superseded"))
    return tuple(changes)


def lose_force(situation: Situation, _subject: str) -> tuple[Change, ...]:
    """Let no version bind any more."""
    things = ("charter_in_force", *_TAKEN_OVER)
    return tuple(one for thing in things for one in kept(situation, thing, CHANNEL, NONE))


def accept_charter(situation: Situation, subject: str) -> tuple[Change, ...]:
    """Keep that who joins accepts the charter that it names."""
    named = situation.body.get("charter")
    if named is None or situation.known("charter_sha256", named["charter"]) != named["sha256"]:
        return ()
    return kept(situation, "charter_answer", f"{named['charter']} {subject}", "accepted")


EFFECTS: Final[Mapping[str, Effect]] = {
    "keep_charter": keep_charter,
    "take_force": take_force,
    "lose_force": lose_force,
    "accept_charter": accept_charter,
}
KEPT: Final = (
    "charter_sha256",
    "charter_rules",
    "charter_delegations",
    "charter_deputies",
    "charter_in_force",
)

"""Guards of what is asked of organisations: requests, checks, warnings.

Source: lifecycles, 2.
"""

from __future__ import annotations

from typing import Final

from policies.lifecycles.guards.guard import Guard
from policies.lifecycles.mechanism import Situation


def asks_members(situation: Situation, subject: str) -> str | None:
    """Hold where it asks a joined organisation other than who asks."""
    _, _, organisation = subject.rpartition(" ")
    if organisation == situation.speaker:
        return "nobody asks itself: leave yourself out of those that are asked"
    if organisation not in situation.members:
        return f"{organisation} has not joined this channel"
    return None


def names_whom_it_asks(situation: Situation, _subject: str) -> str | None:
    """Hold where somebody is named."""
    return None if situation.addressees else "name at least one organisation that is asked"


def asked_by_speaker(situation: Situation, subject: str) -> str | None:
    """Hold where the one that asked says so."""
    stix_id = subject.partition(" ")[0]
    asker = situation.known("asker", stix_id)
    if asker != situation.speaker:
        return f"it was asked by {asker or 'nobody'}, who alone closes it"
    return None


def asked_by_nobody_else(situation: Situation, subject: str) -> str | None:
    """Hold where nobody else has asked this before: else they could no longer close it."""
    asker = situation.known("asker", subject.partition(" ")[0])
    if asker is not None and asker != situation.speaker:
        return f"it was asked by {asker}, who alone asks it of others"
    return None


ASKING: Final[dict[str, Guard]] = {
    "asks_members": Guard("each addressee is another joined member", asks_members, of_body=False),
    "names_whom_it_asks": Guard("it names whom it asks", names_whom_it_asks, of_body=True),
    "asked_by_nobody_else": Guard(
        "not what another has asked", asked_by_nobody_else, of_body=False
    ),
    "asked_by_speaker": Guard("by the one that asked", asked_by_speaker, of_body=False),
}

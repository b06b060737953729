"""The failures of the protocol by name, and what each one brings about.

Source: protocol, 7; wire format, 3.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from policies.errors import ConflictError


class Doubt(StrEnum):
    """Why a bundle is not history."""

    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    REVOKED_KEY = "revoked_key"
    BAD_SIGNATURE = "bad_signature"
    NOT_OWNER = "not_owner"
    STALE_EPOCH = "stale_epoch"
    GAP = "gap"
    FORK = "fork"
    MISSING_OBJECT = "missing_object"
    HASH_MISMATCH = "hash_mismatch"
    NOT_MEMBER = "not_member"
    FOREIGN_CHANNEL = "foreign_channel"
    SUPERSEDED = "superseded"
    CONFLICTING_OBJECT = "conflicting_object"
    IMPERSONATION = "impersonation"
    TLP_VIOLATION = "tlp_violation"
    RECALLED = "recalled"
    NOT_PERMITTED = "not_permitted"
    UNKNOWN_ACT = "unknown_act"
    TOO_LARGE = "too_large"


class Consequence(StrEnum):
    """What a doubt about an owner's entry brings about on every node."""

    WAIT = "wait"
    VOID = "void"
    FREEZE = "freeze"
    IGNORE = "ignore"


WAITING: Final = frozenset(
    {Doubt.GAP, Doubt.MISSING_OBJECT, Doubt.HASH_MISMATCH, Doubt.UNKNOWN_KEY}
)
VOIDING: Final = frozenset(
    {
        Doubt.NOT_PERMITTED,
        Doubt.TLP_VIOLATION,
        Doubt.IMPERSONATION,
        Doubt.CONFLICTING_OBJECT,
        Doubt.RECALLED,
    }
)
RETRIED: Final = frozenset({Doubt.GAP, Doubt.MISSING_OBJECT, Doubt.UNKNOWN_KEY})
"""Answers to a contribution after which its author sends it again."""

PLAIN_WORDS: Final = {
    Doubt.MALFORMED: "It does not have the form that the protocol asks for.",
    Doubt.UNKNOWN_KEY: "It is signed with a key that this ledger does not know.",
    Doubt.REVOKED_KEY: "It is signed with a key that its owner has revoked.",
    Doubt.BAD_SIGNATURE: "Its signature does not fit: it was altered, or somebody else made it.",
    Doubt.NOT_OWNER: "Somebody who does not own this channel wrote into its ledger.",
    Doubt.STALE_EPOCH: "It was written under an owner who has handed the channel over.",
    Doubt.GAP: "Entries before it have not arrived yet.",
    Doubt.FORK: "The owner signed two different histories of this channel.",
    Doubt.MISSING_OBJECT: "Something that it covers has not arrived yet.",
    Doubt.HASH_MISMATCH: "What arrived is not what was signed.",
    Doubt.NOT_MEMBER: "Its author is not a member of this channel.",
    Doubt.FOREIGN_CHANNEL: "It was made for another channel.",
    Doubt.SUPERSEDED: "Its author has already replaced it by something newer.",
    Doubt.CONFLICTING_OBJECT: "This version of the object is already here with other content.",
    Doubt.IMPERSONATION: "It holds an object in the name of another organisation, without proof.",
    Doubt.TLP_VIOLATION: "The marking of its content does not allow this audience.",
    Doubt.RECALLED: "Its content has been recalled.",
    Doubt.NOT_PERMITTED: "This is not open to its author at this point.",
    Doubt.UNKNOWN_ACT: "This node does not know this kind of act.",
    Doubt.TOO_LARGE: "It is larger than the owner accepts.",
}

WHAT_TO_DO: Final = {
    Consequence.WAIT: "The node pulls again by itself. If it lasts, call the channel's owner.",
    Consequence.VOID: "It keeps its place in the history and has no effect.",
    Consequence.FREEZE: (
        "Nothing more is applied and the evidence is kept. Call the other members, then retry, "
        "endorse a successor, or leave."
    ),
    Consequence.IGNORE: "It is kept as evidence and changes nothing.",
}


def consequence(doubt: Doubt) -> Consequence:
    """Tell what a doubt about an owner's entry brings about."""
    if doubt in WAITING:
        return Consequence.WAIT
    if doubt in VOIDING:
        return Consequence.VOID
    if doubt is Doubt.STALE_EPOCH:
        return Consequence.IGNORE
    return Consequence.FREEZE


class DoubtError(ConflictError):
    """A bundle that is refused by name.

    Args:
        doubt: the failure's name.
        sentence: what exactly is wrong, in plain words.
        refs: STIX ids of what is missing, to be asked for.
    """

    def __init__(self, doubt: Doubt, sentence: str, *, refs: tuple[str, ...] = ()) -> None:
        super().__init__(sentence, field=doubt.value)
        self.doubt = doubt
        self.refs = refs

    @property
    def answer(self) -> str:
        """As a TAXII status carries it. Source: wire format, 3."""
        return f"{self.doubt.value}: {self.message}"

"""Who may receive what, and why not: one pure function, asked before anything is signed.

It fails closed: what has no label, a contradicting or unknown one, or nobody to go to, is not
shared.

Source: coordination protocol, 5 and 6; FIRST TLP 2.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from policies.acts import ACTS, Act, ChannelKind
from policies.decision import Decision
from policies.marking import FindDefinition, Labels, MarkingError, own_label
from policies.tlp import TLP

_DIRECT_SIDES: Final = 2
_DEFINITIONS: Final = frozenset({"marking-definition", "extension-definition"})
ALWAYS_SERVED: Final = frozenset({"signed-bundle", *_DEFINITIONS})
"""Types that a late joiner gets whatever their label: without them nothing can be judged."""


class Purpose(StrEnum):
    """Why something is put before an audience."""

    SHARE = "share"
    """The author puts it there of its own accord."""
    ADDRESSED = "addressed"
    """Its source has put it before this very audience, or asked that it be."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Those who read a channel, now and with their history.

    Args:
        kind: of the channel.
        owner: the organisation that owns the current epoch.
        organisations: all that read it, the owner among them.
        ceiling: nothing stricter is written there.
        breakout: a case channel with a narrower audience that points to its parent.
        identity: the channel's own identity, which creates what belongs to the channel.
    """

    kind: ChannelKind
    owner: str
    organisations: frozenset[str]
    ceiling: TLP
    breakout: bool = False
    identity: str | None = None


def may_share(
    obj: Mapping[str, Any],
    audience: Audience,
    purpose: Purpose,
    *,
    carrier: TLP | None,
    author: str,
    labels: Labels,
) -> Decision:
    """Decide whether `author` may put the object before this audience.

    Args:
        obj: the STIX object, parsed.
        audience: who would read it.
        purpose: of the author's own accord, or because the source addressed this audience.
        carrier: the label of the bundle that covers it.
        author: the organisation that signs the bundle.
        labels: by the marking definitions that this ledger knows.

    Source: coordination protocol, 5 (breakouts), 6 (*Effective label*, *No speaking for others*);
        FIRST TLP 2.0.
    """
    # 1. There is an audience, and it is one of its kind.
    if not audience.organisations:
        return Decision.no("nobody would receive it: the audience is empty")
    if audience.kind is ChannelKind.DIRECT and len(audience.organisations) > _DIRECT_SIDES:
        return Decision.no("a direct channel has two sides, this audience has more")
    # 2. The object says how it may be handled.
    try:
        label = labels.effective(obj, carrier)
    except MarkingError as error:
        return Decision.no(f"it can't be shared: {error.message}")
    # 3. The channel takes matter of this label.
    if not audience.ceiling.allows(label):
        return Decision.no(f"it is {label.label}; this channel goes up to {audience.ceiling.label}")
    if label is TLP.RED and not _takes_red(audience):
        return Decision.no("TLP:RED goes into a direct channel or a breakout only")
    # 4. Its source allows that it is passed on.
    source = _third_party(obj, audience, author, labels.find_definition)
    if source is not None and label.rank >= TLP.AMBER.rank and purpose is not Purpose.ADDRESSED:
        return Decision.no(
            f"it is {label.label} and comes from {source[:60]}, who has not addressed this audience"
        )
    return Decision.yes(f"{label.label} may go to this audience")


def shown_to_later_members(label: TLP, *, released: bool) -> Decision:
    """Decide whether who joins later gets an object that was written before.

    Source: coordination protocol, 5 (*Late joiners*).
    """
    if released:
        return Decision.yes("its author released it to later members")
    if TLP.GREEN.allows(label):
        return Decision.yes(f"{label.label} is open to later members")
    return Decision.no(f"it is {label.label} and was written before this organisation joined")


def opens_to_later_members(
    act: Act, kind: ChannelKind, labels: Iterable[TLP], *, agreed: bool | None = None
) -> bool:
    """Tell whether what an act covers goes to later members where its author says nothing.

    Only what would be withheld from them is worth a word; RED never goes without one.

    Args:
        labels: the effective label of each object.
        agreed: what the charter says of it; as the table of acts has it, where it says nothing.

    Source: coordination protocol, 5 (*Late joiners*: the charter's default).
    """
    listed = set(labels)
    if kind is ChannelKind.DIRECT or TLP.RED in listed:
        return False
    usual = ACTS[act].later_members if agreed is None else agreed
    return usual and not all(TLP.GREEN.allows(label) for label in listed)


def said_of_later_members(
    act: Act,
    kind: ChannelKind,
    labels: Iterable[TLP],
    *,
    wanted: bool | None,
    agreed: bool | None = None,
) -> bool:
    """Tell whether what an act covers goes to later members: by its author's word, if any.

    Args:
        agreed: what the charter says of it; as the table of acts has it, where it says nothing.

    Source: coordination protocol, 5 (*Late joiners*: the author consents when writing).
    """
    if wanted is not None:
        return wanted
    return opens_to_later_members(act, kind, labels, agreed=agreed)


def is_always_served(obj: Mapping[str, Any], identity: str | None) -> bool:
    """Tell whether every member gets an object, whatever its label and whenever it joined.

    Args:
        identity: the channel's own, which notes refer to and the invited have read.
    """
    return str(obj.get("type")) in ALWAYS_SERVED or obj.get("id") == identity


def _takes_red(audience: Audience) -> bool:
    return audience.kind is ChannelKind.DIRECT or (
        audience.kind is ChannelKind.CASE and audience.breakout
    )


def _third_party(
    obj: Mapping[str, Any], audience: Audience, author: str, find_definition: FindDefinition
) -> str | None:
    """Name the source if the object is another's matter that its source may want kept close."""
    source = obj.get("created_by_ref")
    if source is None or source in (author, audience.identity):
        return None
    kind = obj.get("type")
    itself = isinstance(source, str) and kind == "identity" and obj.get("id") == source
    if itself and source in audience.organisations:
        return None
    defines = isinstance(kind, str) and kind in _DEFINITIONS
    if (itself or defines) and own_label(obj, find_definition) is None:
        return None
    return str(source)

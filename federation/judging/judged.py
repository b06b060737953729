"""What judging an entry gives: its place, what it covers, what it brings about.

Source: protocol, 7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from federation.judging.bundles import Item, SignedBundle
from federation.judging.doubt import DoubtError
from federation.judging.state import ChannelState
from policies.acts import Act
from policies.lifecycles import Change
from policies.tlp import TLP
from sharing.objects import SIGNED_BUNDLE, StixObject

_STRUCTURE: Final = frozenset(
    {SIGNED_BUNDLE, "identity", "marking-definition", "extension-definition"}
)
"""Types by which everything else is judged and named: they stay, whoever brought them."""


@dataclass(frozen=True)
class Covered:
    """One object that an entry covers.

    Args:
        author: of the bundle that names it.
        claimed: its label as its bundle states it, for what was covered before as the first one
            did; `None` for what is withheld from no member.
        stix: the object, `None` where it is absent for a reason.
        is_first: this content was not covered before.
        later: its author opened it to later members when writing.
    """

    item: Item
    author: str
    claimed: TLP | None
    stix: StixObject | None = field(repr=False)
    is_first: bool
    later: bool = False

    @property
    def withheld_by(self) -> TLP | None:
        """The label that withholding goes by; `None`: served to every member."""
        return None if self.later else self.claimed


@dataclass(frozen=True)
class Due:
    """An object that an entry made due without covering it, and the label that it is kept by."""

    stix: StixObject = field(repr=False)
    claimed: TLP | None


@dataclass(frozen=True, slots=True)
class Past:
    """One bundle that is history, as far as disowning asks for it.

    Args:
        sha256: of the bundle whose act it is.
        created_ns: ledger time.
        contents: hashes of what it covers and what can be hidden.
    """

    sha256: str
    author: str
    act: str
    kid: str
    created_ns: int
    contents: tuple[str, ...]
    disowned: bool = False


@dataclass(frozen=True, slots=True)
class Disowned:
    """What an entry disowns.

    Args:
        bundles: hashes of the bundles.
        hidden: hashes of the contents that nobody but them has covered.
        dropped: hashes of all that they covered, once for each bundle.
    """

    bundles: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


NOTHING: Final = Disowned()


@dataclass(frozen=True)
class Judged:
    """An entry that has its place in the chain.

    Args:
        act: what it does, `None` where this version of the tables does not know it.
        state: the ledger after it.
        void: why it has no effect, `None` where it has.
        covered: what it covers, its own objects and those of the contribution that it admits.
        recalled: ids of objects whose every version so far is no longer served.
        erased: those of them whose bytes go, by their author's word.
        released: ids of objects that later members get from now on.
        disowned: bundles that their author did not sign, and what goes with them.
        due: what is released, as far as a node has to hold it from here on.
    """

    entry: SignedBundle
    contribution: SignedBundle | None
    act: Act | None
    state: ChannelState
    void: DoubtError | None = None
    covered: tuple[Covered, ...] = ()
    changes: tuple[Change, ...] = ()
    recalled: tuple[str, ...] = ()
    erased: tuple[str, ...] = ()
    released: tuple[str, ...] = ()
    disowned: Disowned = NOTHING
    due: tuple[Due, ...] = ()

    @property
    def acting(self) -> SignedBundle:
        """The bundle whose act it is: the contribution, or the entry itself."""
        return self.contribution or self.entry


def can_be_hidden(ref: str) -> bool:
    """Tell whether an object goes with the bundle that brought it."""
    return ref.partition("--")[0] not in _STRUCTURE
